/** Whole runs of every protocol, as a judge gets to know them. Party 0 accuses; its second face draws otherwise. */
import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { Case, Setting, SignedMessage } from '../../src/evidence/case.js';
import { SECURITY_128, type SecurityParams } from '../../src/params.js';
import type { Session } from '../../src/runtime/session.js';
import { auxInfo, keygen, keygenNonThreshold, sign } from '../../src/sessions.js';
import { fixturePrimes } from '../../src/testing/parties.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { simulate } from '../../src/testing/simulate.js';
import { editing, recordRun, type RecordedMessage, type Tamper } from './messages.js';
import { replaceAt, toJson, type Json } from './proofs.js';
import { FEW_REPETITIONS, smallShares } from './small_shares.js';
import { ScalarJson } from '../../src/wire/json.js';
import { toScalar } from '../../src/math/curve.js';

export const PARTIES = [0, 1, 2];
const executionId = utf8ToBytes('evidence');
const primes = [0, 1, 2, 3].map((index) => fixturePrimes(index, FEW_REPETITIONS));
const shares = smallShares(3, 4);
const signers = [2, 0, 3];
const message = utf8ToBytes('pay nobody');

export interface Run {
  readonly name: string;
  readonly params: SecurityParams;
  readonly setting: Setting;
  /** An honest run, or one that fails as told. */
  readonly messages: readonly SignedMessage[];
  /** What the parties would send in a run with party 0's second face; the third has one too. */
  readonly otherFaces: readonly SignedMessage[];
}

function asSigned(messages: readonly RecordedMessage[]): SignedMessage[] {
  return messages.map(({ sender, recipient, msg }) => ({ sender, recipient: recipient ?? 'all', payload: JSON.stringify(msg) }));
}

function record<T>(session: (index: number, draws: string) => Session<T>, evil: readonly number[]): Pick<Run, 'messages' | 'otherFaces'> {
  const run = (draws: string): SignedMessage[] =>
    asSigned(recordRun(PARTIES.map((index) => session(index, evil.includes(index) ? draws : ''))).messages);
  return { messages: run(''), otherFaces: run('second face') };
}

const common = { executionId, parties: PARTIES.length, reliableBroadcast: true };
const keygenSetting = { ...common, kind: 'keygen', chainCode: 'shared' } as const;

function signer(index: number, draws: string): Session<unknown> {
  const party = signers[index] ?? 0;
  const share = shares[party];
  if (share === undefined) throw new Error('no such share');
  return sign({ executionId, share, signers, message, rng: seededRng(`evidence ${draws} ${party}`) });
}

function key() {
  const [share] = shares;
  if (share === undefined) throw new Error('no shares');
  return share;
}

export const signingSetting: Setting = {
  kind: 'signing',
  executionId,
  signers,
  key: key(),
  path: [],
  message,
  reliableBroadcast: true,
  identification: true,
};

/** One run of each kind. @param evil who has a second face */
export function runs(evil: readonly number[]): Run[] {
  return [
    {
      name: 'threshold key generation',
      params: SECURITY_128,
      setting: { ...keygenSetting, threshold: 2 },
      ...record((index, draws) => keygen({ executionId, index, parties: 3, threshold: 2, rng: seededRng(`t ${draws} ${index}`) }), evil),
    },
    {
      name: 'non-threshold key generation',
      params: SECURITY_128,
      setting: { ...keygenSetting, threshold: null },
      ...record((index, draws) => keygenNonThreshold({ executionId, index, parties: 3, rng: seededRng(`n ${draws} ${index}`) }), evil),
    },
    {
      name: 'aux info generation',
      params: FEW_REPETITIONS,
      setting: { ...common, kind: 'aux_info', prmFirstWordOnly: false },
      ...record((index, draws) => {
        const own = primes[draws !== '' && index === 0 ? 3 : index];
        if (own === undefined) throw new Error('no primes left');
        return auxInfo({ executionId, index, parties: 3, primes: own, rng: seededRng(`a ${draws} ${index}`) });
      }, evil),
    },
    { name: 'signing', params: FEW_REPETITIONS, setting: signingSetting, ...record(signer, evil) },
  ];
}

const addOne =
  (path: string) =>
  (body: Json): Json =>
    replaceAt(body, path, toJson(ScalarJson, toScalar(ScalarJson.parse(valueOf(body, path)) + 1n)));

function valueOf(body: Json, path: string): Json {
  return (body as Record<string, Json>)[path.slice(1)] ?? null;
}

/** A signing in which `cheat` has sent a wrong delta, and everybody has gone through the identification phase. */
export function failedNonce(cheat: number, draws = ''): SignedMessage[] {
  const messages: SignedMessage[] = [];
  const other = cheat === 0 ? 1 : 0;
  // The cheat itself hears somebody else's delta altered, so that its sum fails too and it goes on as it should.
  const lies = editing(cheat, 'Round3', addOne('/delta'));
  const hears = editing(other, 'Round3', addOne('/delta'), [cheat]);
  const tamper: Tamper = (delivery) => {
    const signed = lies(delivery);
    messages.push(
      ...signed.map(({ from, to, broadcast, payload }): SignedMessage => ({ sender: from, recipient: broadcast ? 'all' : to, payload })),
    );
    return signed.flatMap(hears);
  };
  simulate(PARTIES.map((index) => signer(index, index === cheat ? draws : '')), { tamper });
  return messages;
}

export function caseWith({ params, setting }: Pick<Run, 'params' | 'setting'>, messages: readonly SignedMessage[]): Case {
  return { params, setting, messages };
}
