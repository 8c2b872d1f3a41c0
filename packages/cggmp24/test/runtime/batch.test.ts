import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ProtocolBug } from '../../src/base/errors.js';
import { ProtocolAborted } from '../../src/runtime/abort.js';
import { settleBatches, type Claim, type Settle } from '../../src/runtime/batch.js';
import { verifyPeers, type AnyRound, type Protocol, type Round, type VerifyOptions } from '../../src/runtime/protocol.js';
import { Session } from '../../src/runtime/session.js';

interface NumberClaim extends Claim {
  readonly value: number;
}

const round: Round<number> = { variant: 'Numbers', number: 1, delivery: 'broadcast', body: z.number() };
const rounds: readonly AnyRound[] = [round];

/** Claims of a kind: which do not hold, and how many were settled at a time. */
function kindOf(holds: (value: number) => boolean): { readonly failed: Settle<NumberClaim>; readonly settled: number[] } {
  const settled: number[] = [];
  return {
    settled,
    failed: (all) => {
      settled.push(all.length);
      return new Set(all.filter(({ value }) => !holds(value)));
    },
  };
}

/** Peers 1 and 2 have made one claim each. */
function* claiming(values: readonly [number, number], options: VerifyOptions<NumberClaim>): Protocol<string> {
  const verify = (peer: number, onClaim: (claim: NumberClaim) => void): void => {
    onClaim({ label: `claim of ${peer}`, value: values[peer - 1] ?? 0 });
  };
  yield* verifyPeers<'wrong_number', NumberClaim>([1, 2], [{ code: 'wrong_number', round, verify }], options);
  return 'all hold';
}

const settling = (values: readonly [number, number], options: VerifyOptions<NumberClaim>): Session<string> => {
  const session = new Session({ protocol: claiming(values, options), rounds, index: 0, parties: 3 });
  for (;;) if (session.proceed().kind === 'settling') return session;
};

const endOf = (session: Session<string>): string => {
  try {
    const step = session.proceed();
    return step.kind === 'done' ? step.output : step.kind;
  } catch (error) {
    return (error as Error).message;
  }
};

describe('claims of several sessions', () => {
  it('are settled in one call for each kind, and each session learns of its own alone', () => {
    const [even, small] = [kindOf((value) => value % 2 === 0), kindOf((value) => value < 10)];
    const sessions = [settling([2, 4], even), settling([1, 11], small), settling([2, 3], even), settling([1, 2], small)];
    Session.settleTogether(sessions);
    expect([even.settled, small.settled]).toEqual([[4], [4]]);
    expect(sessions.map(endOf)).toEqual([
      'all hold',
      'wrong_number in Numbers: party 2 (claim of 2)',
      'wrong_number in Numbers: party 2 (claim of 2)',
      'all hold',
    ]);
  });

  it('are settled by each session for itself when nobody does it for them', () => {
    const even = kindOf((value) => value % 2 === 0);
    expect([settling([2, 4], even), settling([1, 2], even)].map(endOf)).toEqual([
      'all hold',
      'wrong_number in Numbers: party 1 (claim of 1)',
    ]);
    expect(even.settled).toEqual([2, 2]);
  });

  it('are none: nothing is called', () => {
    expect(settleBatches([])).toEqual([]);
  });
});

describe('a claim that nobody would settle', () => {
  it('is our defect, and does not pass', () => {
    const session = new Session({ protocol: claiming([1, 2], {}), rounds, index: 0, parties: 3 });
    for (let k = 0; k < 2; k++) session.proceed();
    expect(() => session.proceed()).toThrow(ProtocolBug);
  });
});

describe('a protocol', () => {
  it('names the union of its codes, or none fits', () => {
    // @ts-expect-error: no union is named.
    expect(new ProtocolAborted('wrong_number', 'Numbers', []).message).toMatch(/^wrong_number/);
    // @ts-expect-error: the code is not in the union.
    expect(new ProtocolAborted<'wrong_number'>('wrong_nmber', 'Numbers', []).message).toMatch(/^wrong_nmber/);
    const verify = (): void => undefined;
    // @ts-expect-error: no union is named.
    expect([...verifyPeers([], [{ code: 'wrong_number', round, verify }])]).toEqual([]);
  });
});
