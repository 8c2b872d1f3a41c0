/** Whoever accuses chooses what to show, and what its own messages say: no honest party is convicted by that. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SignedMessage } from '../../src/evidence/case.js';
import { judge } from '../../src/evidence/judge.js';
import { FEW_REPETITIONS } from '../util/small_shares.js';
import { fieldsOf, malformedForms, plausible } from '../util/alterations.js';
import { parseMessage, variantOf } from '../util/messages.js';
import { replaceAt, type Json } from '../util/proofs.js';
import { caseWith, failedNonce, PARTIES, runs, signingSetting, type Run } from '../util/runs.js';

const sameSlot = (a: SignedMessage, b: SignedMessage): boolean =>
  a.sender === b.sender && a.recipient === b.recipient && variantOf(a.payload) === variantOf(b.payload);

/** Another value in one field of a message. */
function altered(message: SignedMessage, pick: number, malformed: boolean): SignedMessage {
  const variant = variantOf(message.payload);
  const body = parseMessage(message.payload)[variant] ?? null;
  const fields = fieldsOf(body);
  const field = fields[pick % fields.length];
  if (field === undefined) throw new Error('no field');
  const forms = malformedForms(field);
  const value = malformed ? (forms[pick % forms.length]?.[1] ?? null) : plausible(field);
  return { ...message, payload: JSON.stringify({ [variant]: replaceAt(body, field.path, value) }) };
}

const TRICKS = [
  'kept',
  'kept',
  'second face',
  'second face',
  'both faces',
  'altered',
  'malformed',
  "another party's",
  'to another',
  'withheld',
] as const;
interface Trick {
  readonly trick: (typeof TRICKS)[number];
  readonly pick: number;
}

function played({ messages, otherFaces }: Run, message: SignedMessage, { trick, pick }: Trick): SignedMessage[] {
  const face = otherFaces.filter((other) => sameSlot(other, message));
  const alike = messages.filter(({ payload }) => variantOf(payload) === variantOf(message.payload));
  switch (trick) {
    case 'kept':
      return [message];
    case 'second face':
      return face;
    case 'both faces':
      return [message, ...face];
    case 'altered':
      return [altered(message, pick, false)];
    case 'malformed':
      return [altered(message, pick, true)];
    case "another party's":
      return [{ ...message, payload: alike[pick % alike.length]?.payload ?? '' }];
    case 'to another':
      return [{ ...message, recipient: PARTIES.filter((j) => j !== message.sender)[pick % 2] ?? 'all' }];
    case 'withheld':
      return [];
  }
}

/** What those who are evil may put before a judge. */
function submissions(run: Run, evil: readonly number[]): fc.Arbitrary<SignedMessage[]> {
  const own = run.messages.filter(({ sender }) => evil.includes(sender));
  const others = run.messages.filter(({ sender }) => !evil.includes(sender));
  const trick = fc.record({ trick: fc.constantFrom(...TRICKS), pick: fc.nat() });
  // Most attacks need one trick and all the rest in order.
  const few = fc
    .array(fc.record({ at: fc.nat(own.length - 1), what: trick }), { maxLength: 3 })
    .map((chosen): Trick[] => own.map((_, k) => chosen.find(({ at }) => at === k)?.what ?? { trick: 'kept', pick: 0 }));
  const wholeFace = fc.constantFrom(...new Set(own.map(({ payload }) => variantOf(payload)))).map((from) => {
    const variants = [...new Set(own.map(({ payload }) => variantOf(payload)))];
    const later = variants.slice(variants.indexOf(from));
    return own.map(({ payload }): Trick => ({ trick: later.includes(variantOf(payload)) ? 'second face' : 'kept', pick: 0 }));
  });
  const any = fc.array(trick, { minLength: own.length, maxLength: own.length });
  const shown = fc.oneof({ weight: 2, arbitrary: fc.constant(others) }, { weight: 1, arbitrary: fc.shuffledSubarray(others) });
  return fc
    .tuple(shown, fc.oneof(few, wholeFace, any))
    .chain(([honest, tricks]) => {
      const all = [...honest, ...own.flatMap((message, k) => played(run, message, tricks[k] ?? { trick: 'kept', pick: 0 }))];
      return fc.shuffledSubarray([...all, ...all.slice(0, 3)], { minLength: all.length });
    });
}

describe.each([[[0]], [[0, 2]]])('accusers %j', (evil) => {
  const all = runs(evil);

  it.each(all)('of an honest $name prove nothing by what they hold', (run) => {
    expect(judge(caseWith(run, run.messages))).toEqual([]);
  });

  it.each(all)('of a $name convict nobody but themselves', (run) => {
    const numRuns = run.params === FEW_REPETITIONS ? 12 : 40;
    fc.assert(
      fc.property(submissions(run, evil), (messages) => {
        const convicted = judge(caseWith(run, messages)).map(({ party }) => party);
        expect(convicted.filter((party) => !evil.includes(party))).toEqual([]);
      }),
      { numRuns },
    );
  });

  // Each of these would convict an honest party by its own, good proofs if a judge took the accuser's word for what it saw.
  it.each(all)('of a $name who show their second face, whole or from any round on', (run) => {
    const variants = [...new Set(run.messages.map(({ payload }) => variantOf(payload)))];
    for (const [k] of variants.entries()) {
      for (const range of [variants.slice(k), variants.slice(k, k + 1), variants.slice(0, k + 1)]) {
        const messages = run.messages.flatMap((message) =>
          evil.includes(message.sender) && range.includes(variantOf(message.payload))
            ? run.otherFaces.filter((other) => sameSlot(other, message))
            : [message],
        );
        const convicted = judge(caseWith(run, messages)).map(({ party }) => party);
        expect(convicted.filter((party) => !evil.includes(party))).toEqual([]);
      }
    }
  });
});

describe('an accuser after the identification phase', () => {
  const messages = failedNonce(0);
  const run: Run = {
    name: 'identification',
    params: FEW_REPETITIONS,
    setting: signingSetting,
    messages,
    otherFaces: failedNonce(0, 'second face'),
  };

  it('is named itself when it was the cheat', () => {
    expect(judge(caseWith(run, messages)).map(({ party, code }) => `${code}:${party}`)).toEqual(['inconsistent_presignature:0']);
  });

  // What the others have proven to it is about the K that they saw, so that their proofs fail with another one.
  it('convicts nobody who has echoed another first message than it shows', () => {
    const shown = messages.flatMap((message) => {
      if (message.sender !== 0) return [message];
      const { Round1a: first, Round1b: proofs } = parseMessage(message.payload) as Record<string, { [field: string]: Json }>;
      // Its own proofs of round 1 would convict itself before anything else is looked at.
      if (proofs !== undefined) return [];
      return [first === undefined ? message : { ...message, payload: JSON.stringify({ Round1a: { ...first, K: first['G'] } }) }];
    });
    const convicted = judge(caseWith(run, shown)).map(({ party }) => party);
    expect(convicted.filter((party) => party !== 0)).toEqual([]);
  });

  it('convicts nobody but itself', () => {
    fc.assert(
      fc.property(submissions(run, [0]), (submitted) => {
        const convicted = judge(caseWith(run, submitted)).map(({ party }) => party);
        expect(convicted.filter((party) => party !== 0)).toEqual([]);
      }),
      { numRuns: 8 },
    );
  });
});
