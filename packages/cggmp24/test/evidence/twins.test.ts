/** Two signers with one Paillier key and one set of ring-Pedersen parameters, who also send the same K. */
import { describe, expect, it } from '@jest/globals';
import { at } from '../../src/base/at.js';
import { InvalidArgument } from '../../src/base/errors.js';
import { parseCase, serializeCase, type Case, type Setting, type SignedMessage } from '../../src/evidence/case.js';
import { judge } from '../../src/evidence/judge.js';
import type { AuxInfo } from '../../src/key_share/aux_info.js';
import type { KeyShare } from '../../src/key_share/key_share.js';
import type { FailedSum } from '../../src/signing/identification_messages.js';
import { round2, type Round2 } from '../../src/signing/messages.js';
import { presign } from '../../src/signing/presign.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import { simulate } from '../../src/testing/simulate.js';
import { hears, type Lie } from '../util/cheating.js';
import { contextOf, SID, signer, type Group } from '../util/identification.js';
import { variantOf } from '../util/messages.js';
import { FEW_REPETITIONS, smallShares } from '../util/small_shares.js';

const [HONEST, ONE, TWO] = [0, 1, 2];

/** As if aux info generation and the reading of key shares refused nothing. */
function twinned({ core, aux }: KeyShare, ofOne: AuxInfo): KeyShare {
  const own = core.index === HONEST ? aux : ofOne;
  const twice = <T>(list: readonly T[]): T[] => [at(list, HONEST), at(list, ONE), at(list, ONE)];
  return { core, aux: { ...own, encryptionKeys: twice(own.encryptionKeys), ringPedersen: twice(own.ringPedersen) } };
}

const made = smallShares(3, 3);
const group: Group = { shares: made.map((share) => twinned(share, at(made, ONE).aux)), signers: [HONEST, ONE, TWO] };

/** A run in which the second twin draws what the first one does. */
function attempt(lies: ReadonlyMap<number, readonly Lie[]>): SignedMessage[] {
  const sessions = group.signers.map((position) => {
    const ctx = contextOf(group, position);
    const drawn = position === TWO ? { ...ctx, rng: seededRng(`identification ${ONE}`) } : ctx;
    return signer(drawn, presign(drawn), lies.get(position));
  });
  const messages: SignedMessage[] = [];
  simulate(sessions, {
    tamper: (delivery) => {
      const { from: sender, to, broadcast, payload } = delivery;
      messages.push({ sender, recipient: broadcast ? 'all' : to, payload });
      return [delivery];
    },
  });
  return messages;
}

/** What the first twin takes of the message for the second: its delta is wrong then, or its S alone. */
const SWAPS: Readonly<Record<FailedSum, (own: Round2, others: Round2) => Round2>> = {
  nonce: (_, others) => others,
  key: (own, { hat_D, hat_F, hat_psi_j }) => ({ ...own, hat_D, hat_F, hat_psi_j }),
};

/** The messages of a run in which the first twin goes by what the honest party has made for the second. */
function framing(sum: FailedSum): SignedMessage[] {
  let forTwo: Round2 | undefined;
  const remember = hears(round2, (body, from) => {
    if (from === HONEST) forTwo = body;
    return body;
  });
  attempt(new Map([[TWO, [remember]]]));
  const swap = hears(round2, (body, from) => (from === HONEST && forTwo !== undefined ? SWAPS[sum](body, forTwo) : body));
  return attempt(new Map([[ONE, [swap]]]));
}

const setting: Setting = {
  kind: 'signing',
  executionId: SID,
  signers: group.signers,
  key: at(group.shares, HONEST),
  path: [],
  message: null,
  reliableBroadcast: true,
  identification: true,
};
const caseOf = (messages: readonly SignedMessage[]): Case => ({ params: FEW_REPETITIONS, setting, messages });
const convicted = (messages: readonly SignedMessage[]): number[] => judge(caseOf(messages)).map(({ party }) => party);

describe.each([
  ['nonce', 'FailedNonceExchange1'],
  ['key', 'FailedKeyExchange1'],
] as const)('twins who accuse an honest signer of a failed %s', (sum, variant) => {
  const messages = framing(sum);
  const isFor = ({ sender, recipient, payload }: SignedMessage, to: number): boolean =>
    sender === HONEST && recipient === to && variantOf(payload) === 'Round2';

  it('show what everybody takes for its proof', () => {
    const shown = messages.map(({ sender, payload }) => `${sender} ${variantOf(payload)}`);
    for (const sender of group.signers) expect(shown).toContain(`${sender} ${variant}`);
  });

  it('do not convict it once it shows what it has signed for them', () => {
    expect(convicted(messages)).toEqual([]);
  });

  it('convict it when it has signed for them what they show', () => {
    const forTwo = messages.find((message) => isFor(message, TWO));
    expect(convicted(messages.map((message) => (isFor(message, ONE) ? { ...message, payload: forTwo?.payload ?? '' } : message)))).toEqual([
      HONEST,
    ]);
  });

  it('would convict it if that were withheld: no key material with equal moduli is read', () => {
    expect(convicted(messages.filter((message) => !isFor(message, ONE)))).toEqual([HONEST]);
    const read = (): Case => parseCase(serializeCase(caseOf(messages)), FEW_REPETITIONS);
    expect(read).toThrow(InvalidArgument);
    expect(read).toThrow('N.2: has a factor in common with N.1');
  });
});
