/**
 * Judges an abort again from public data, with the same checks that the protocols make.
 *
 * The accuser chooses which of the authenticated messages it shows. It and its accomplices can even now choose what their own
 * messages say. A verdict therefore rests on three kinds of messages: the accused's own, those that it has signed to have received
 * (its echo of the first round), and those that follow from these. When one of them is missing, or is not the one that the accused
 * has seen, the case convicts nobody. Without the echo round, a check is judged only when it needs no message of others. Two
 * parties that have echoed different things prove nothing: one of them lies, or a third party has sent both.
 *
 * The caller has to know two things that are not checked here: that the messages are authentic, from this run and from one life of
 * each sender; and that the setting is right.
 */
import { auxInfoRounds } from '../aux_info/messages.js';
import { nonThresholdKeygenRounds } from '../keygen/non_threshold_messages.js';
import { thresholdKeygenRounds } from '../keygen/threshold_messages.js';
import { reshareContext } from '../reshare/context.js';
import { allRounds } from '../reshare/messages.js';
import type { AnyRound } from '../runtime/protocol.js';
import { publicSigningContext } from '../signing/context.js';
import { allIdentificationRounds } from '../signing/identification_messages.js';
import { presigningRounds, signingRounds } from '../signing/messages.js';
import { judgeAuxInfo } from './aux_info.js';
import { checkCase, partiesOf, signedDigest, type Case } from './case.js';
import { judgeNonThresholdKeygen, judgeThresholdKeygen } from './keygen.js';
import { judgeReshare } from './reshare.js';
import { judgeSigning } from './signing.js';
import { Transcript, type Verdict } from './transcript.js';

/**
 * Finds the parties that have provably deviated. At full size this takes seconds for an aux info generation, and tenths of a
 * second for each pair of signers.
 *
 * @returns one verdict for each guilty party, ordered by protocol index; none when the messages prove nothing
 * @throws InvalidArgument when no run can have given this case
 */
export function judge(submitted: Case): Verdict[] {
  checkCase(submitted);
  const { params, setting, messages } = submitted;
  const read = (rounds: readonly AnyRound[]): Transcript => new Transcript(rounds, partiesOf(setting), messages);
  const { executionId: sid } = setting;
  switch (setting.kind) {
    case 'keygen': {
      const { threshold } = setting;
      const transcript = read(threshold === null ? nonThresholdKeygenRounds : thresholdKeygenRounds);
      if (threshold === null) judgeNonThresholdKeygen({ ...setting, sid }, transcript);
      else judgeThresholdKeygen({ ...setting, sid, threshold }, transcript);
      return transcript.verdicts;
    }
    case 'aux_info': {
      const transcript = read(auxInfoRounds(params));
      judgeAuxInfo({ ...setting, sid, params }, transcript);
      return transcript.verdicts;
    }
    case 'reshare': {
      const context = reshareContext(setting);
      const transcript = read(allRounds(context));
      judgeReshare(context, transcript);
      return transcript.verdicts;
    }
    case 'signing': {
      const context = publicSigningContext(setting, setting.key);
      const digest = signedDigest(setting);
      const rounds = digest === null ? presigningRounds : signingRounds;
      const transcript = read(context.identification ? [...rounds, ...allIdentificationRounds(params, context.signers)] : rounds);
      judgeSigning(context, digest, transcript);
      return transcript.verdicts;
    }
  }
}
