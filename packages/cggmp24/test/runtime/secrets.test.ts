import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { serializeAuxInfo, parseAuxInfo } from '../../src/key_share/aux_info.js';
import { parseKeyShare, serializeKeyShare } from '../../src/key_share/key_share.js';
import { OwnRingPedersen } from '../../src/paillier/ring_pedersen.js';
import { systemRng, type Rng } from '../../src/math/random.js';
import { at } from '../../src/base/at.js';
import { Secret } from '../../src/base/secret.js';
import type { Session } from '../../src/runtime/session.js';
import { auxInfo, keygen, presign, reshareAsDealer, reshareAsReceiver, sign } from '../../src/sessions.js';
import { signingContext } from '../../src/signing/context.js';
import { fixturePrimes } from '../../src/testing/parties.js';
import { simulate, type Outcome } from '../../src/testing/simulate.js';
import { editing, type Tamper } from '../util/messages.js';
import type { Reshared } from '../util/resharing.js';
import { FEW_REPETITIONS, smallShares } from '../util/small_shares.js';

const executionId = utf8ToBytes('secrets');
/** As a node has them: from storage. */
const shares = smallShares(2, 2).map((made) => parseKeyShare(serializeKeyShare(made), FEW_REPETITIONS));
const share = at(shares, 0);

/** Everything that party 0 must keep to itself: its key material, and whatever it draws. */
const keys: bigint[] = (() => {
  const { p, q } = share.aux.decryptionKey.primes;
  const own = at(share.aux.ringPedersen, 0);
  if (!(own instanceof OwnRingPedersen)) throw new Error('not our own');
  const { pHat, qHat, lambda } = own.trapdoor();
  return [share.core.secretShare.reveal(), p.prime, q.prime, pHat, qHat, lambda ?? 0n];
})();

/** Randomness that remembers what it gave out. */
function remembering(): { rng: Rng; drawn: bigint[] } {
  const drawn: bigint[] = [];
  return {
    drawn,
    rng: (length) => {
      const bytes = systemRng(length);
      drawn.push(BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
      return bytes;
    },
  };
}

/** Every way in which something ends up in a log. */
function printed(value: unknown): string {
  const options = [{}, { depth: null, showHidden: true, getters: true }, { depth: null, customInspect: false, showHidden: true }];
  const json = ((): string => {
    try {
      return JSON.stringify([value]);
    } catch (error) {
      return String(error);
    }
  })();
  const errorText = value instanceof Error ? [value.message, value.stack, JSON.stringify(value, Object.getOwnPropertyNames(value))] : [];
  return [
    ...options.map((option) => inspect(value, { maxArrayLength: null, maxStringLength: null, ...option })),
    json,
    String(value),
    ...errorText,
  ].join('\n');
}

function expectHidden(text: string, secrets: readonly bigint[]): void {
  expect(secrets.length).toBeGreaterThan(0);
  for (const secret of secrets) {
    for (const form of [secret.toString(), secret.toString(16)]) if (form.length > 20) expect(text.includes(form)).toBe(false);
  }
}

/** All that a session shows while it runs to wherever it gets. */
function watch<T>(session: Session<T>, others: readonly Session<T>[], tamper?: Tamper): { text: string; outcome: Outcome<T> | undefined } {
  const seen: string[] = [printed(session)];
  const outcomes = simulate([session, ...others], {
    tamper: (delivery) => {
      seen.push(printed(session));
      return tamper?.(delivery) ?? [delivery];
    },
  });
  const [outcome] = outcomes;
  return { text: [...seen, printed(session), printed(outcome)].join('\n'), outcome };
}

describe('nothing secret is printed by', () => {
  it('a session of key generation, or what comes out', () => {
    const { rng, drawn } = remembering();
    const [own, other] = [0, 1].map((index) =>
      keygen({ executionId, index, parties: 2, threshold: 2, chainCode: 'none', ...(index === 0 ? { rng } : {}) }),
    );
    if (own === undefined || other === undefined) throw new Error('two parties');
    const { text, outcome } = watch(own, [other]);
    if (outcome?.kind !== 'done') throw new Error('no key');
    expectHidden(text, [outcome.output.secretShare.reveal(), ...drawn.slice(0, 3)]);
  });

  it('a session of aux info, or what comes out', () => {
    const [own, other] = [0, 1].map((index) => auxInfo({ executionId, index, parties: 2, primes: fixturePrimes(index, FEW_REPETITIONS) }));
    if (own === undefined || other === undefined) throw new Error('two parties');
    const { text, outcome } = watch(own, [other]);
    if (outcome?.kind !== 'done') throw new Error('no aux info');
    const { p, q, pHat, qHat } = fixturePrimes(0, FEW_REPETITIONS).reveal();
    expectHidden(text, [p, q, pHat, qHat]);
    expectHidden(printed(parseAuxInfo(serializeAuxInfo(outcome.output), FEW_REPETITIONS)), [p, q, pHat, qHat]);
  });

  it('a session of resharing, on either side, or what comes out', () => {
    const options = { executionId, dealers: [0, 1], parties: 2, threshold: 2 };
    const [dealing, receiving] = [remembering(), remembering()];
    const [first, second] = [0, 1].map((k) => [{ keyId: 'a', core: at(shares, k).core }]);
    if (first === undefined || second === undefined) throw new Error('two shares');
    const dealer: Session<Reshared> = reshareAsDealer({ ...options, keys: first, rng: dealing.rng });
    const others: Session<Reshared>[] = [
      reshareAsDealer({ ...options, keys: second }),
      reshareAsReceiver({ ...options, keys: first, receiver: 0, rng: receiving.rng }),
      reshareAsReceiver({ ...options, keys: first, receiver: 1 }),
    ];
    const { text, outcome } = watch(dealer, others);
    expect(outcome?.kind).toBe('done');
    const received = at(others, 1).proceed();
    if (received.kind !== 'done') throw new Error('no share');
    const newShares = received.output.map(({ core }) => ('secretShare' in core ? core.secretShare.reveal() : 0n));
    // A dealer draws its coefficient first, a receiver its keys. What is drawn for a scalar is one less than the scalar.
    const secrets = [...dealing.drawn.slice(0, 1), ...receiving.drawn.slice(0, 2)].flatMap((drawn) => [drawn, drawn + 1n]);
    expectHidden([text, ...others.map(printed), printed(received)].join('\n'), [...keys, ...newShares, ...secrets]);
  });

  const others = (): ReturnType<typeof presign>[] => [presign({ executionId, share: at(shares, 1), signers: [0, 1] })];

  it('a session of presigning, or the presignature', () => {
    const { rng, drawn } = remembering();
    const { text, outcome } = watch(presign({ executionId, share, signers: [0, 1], rng }), others());
    if (outcome?.kind !== 'done') throw new Error('no presignature');
    expectHidden(text, [...keys, ...drawn]);
    const { tilde_k, tilde_chi } = JSON.parse(outcome.output.handOver()) as Record<'tilde_k' | 'tilde_chi', { scalar: string }>;
    expectHidden(text, [tilde_k, tilde_chi].map(({ scalar }) => BigInt(`0x${scalar}`)));
  });

  it('a session of signing', () => {
    const { rng, drawn } = remembering();
    const options = { executionId, signers: [0, 1], message: utf8ToBytes('x') };
    const { text, outcome } = watch(sign({ ...options, share, rng }), [sign({ ...options, share: at(shares, 1) })]);
    expect(outcome?.kind).toBe('done');
    expectHidden(text, [...keys, ...drawn]);
  });

  it.each(['Round1a', 'Round1b', 'ReliabilityCheck', 'Round2', 'Round3'])('an abort in %s', (variant) => {
    for (const body of [{}, null, 'nothing']) {
      const { rng, drawn } = remembering();
      const { text, outcome } = watch(presign({ executionId, share, signers: [0, 1], rng }), others(), editing(1, variant, () => body));
      expect(outcome?.kind).toBe('aborted');
      expectHidden(text, [...keys, ...drawn]);
    }
  });

  it('a key share, its parts, and the context of a signer', () => {
    const context = signingContext({
      executionId,
      signers: [0, 1],
      share,
      reliableBroadcast: true,
      identification: true,
      path: [],
      rng: systemRng,
    });
    for (const value of [
      share,
      share.core,
      share.aux,
      share.aux.decryptionKey,
      share.aux.ringPedersen,
      share.aux.encryptionKeys,
      context,
      fixturePrimes(0, FEW_REPETITIONS),
    ]) {
      expectHidden(printed(value), [...keys, context.x_i.reveal()]);
    }
  });

  it('a holder of a secret', () => {
    const secret = new Secret(12_345_678_901_234_567_890_123n);
    expect(inspect(secret)).toBe('[secret]');
    expect(JSON.stringify({ secret })).toBe('{"secret":"[secret]"}');
    expectHidden(printed({ secret }), [secret.reveal()]);
  });

  it('the test itself notices a secret that is printed', () => {
    expect(() => { expectHidden(printed({ x: keys[0] }), keys); }).toThrow();
  });
});
