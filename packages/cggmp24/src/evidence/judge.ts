/**
 * Re-checks an abort from public data alone, with the very checks that the protocols make.
 *
 * What a verdict rests on. The accuser chooses which of the authenticated messages it shows, and what its own say, even now;
 * so do all who are with it. Each verdict is by the accused's own messages, and by such messages of others as the accused has
 * signed to have received (its echo of the first round) or as are determined by these. A case in which one of those is missing,
 * or another than the accused has seen, convicts nobody. Without the echo round only that is judged which the accused has sent
 * all by itself. That two parties have echoed different things proves nothing: one of them lies, or a third has sent both.
 *
 * What it does not check, and whoever judges has to know: that the messages are authentic, of this run and of one life of each
 * sender; and the setting.
 */
import { auxInfoRounds } from '../aux_info/messages.js';
import { nonThresholdKeygenRounds } from '../keygen/non_threshold_messages.js';
import { thresholdKeygenRounds } from '../keygen/threshold_messages.js';
import type { AnyRound } from '../runtime/protocol.js';
import { publicSigningContext } from '../signing/context.js';
import { allIdentificationRounds } from '../signing/identification_messages.js';
import { presigningRounds, signingRounds } from '../signing/messages.js';
import { judgeAuxInfo } from './aux_info.js';
import { checkCase, partiesOf, type Case } from './case.js';
import { judgeNonThresholdKeygen, judgeThresholdKeygen } from './keygen.js';
import { judgeSigning } from './signing.js';
import { Transcript, type Verdict } from './transcript.js';

/**
 * Who is proven to have deviated: one verdict over each, by protocol index; none when the messages prove nothing. At full size an
 * aux info generation takes seconds, and each pair of signers tenths of a second.
 *
 * @throws InvalidArgument when the case is not one of any run
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
    case 'signing': {
      const context = publicSigningContext(setting, setting.key);
      const rounds = setting.message === null ? presigningRounds : signingRounds;
      const transcript = read(context.identification ? [...rounds, ...allIdentificationRounds(params, context.signers)] : rounds);
      judgeSigning(context, setting.message, transcript);
      return transcript.verdicts;
    }
  }
}
