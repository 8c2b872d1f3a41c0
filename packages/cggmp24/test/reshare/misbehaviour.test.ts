/** Every check of a resharing, tripped by a cheat that is named, by all honest parties and by a judge. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { at } from '../../src/base/at.js';
import { Secret } from '../../src/base/secret.js';
import type { SignedMessage } from '../../src/evidence/case.js';
import { judge } from '../../src/evidence/judge.js';
import { G, multiply, toScalar, type Scalar } from '../../src/math/curve.js';
import { randomScalar } from '../../src/math/random.js';
import { SECURITY_128 } from '../../src/params.js';
import { ownShares, reshareContext, type ReshareContext } from '../../src/reshare/context.js';
import { allRounds } from '../../src/reshare/messages.js';
import { deal as dealProtocol } from '../../src/reshare/protocol.js';
import { Session } from '../../src/runtime/session.js';
import { fieldsOf, plausible } from '../../src/testing/fields.js';
import { seededRng } from '../../src/testing/seeded_rng.js';
import type { Outcome } from '../../src/testing/simulate.js';
import { CompactPointJson, CompactScalarJson } from '../../src/wire/json.js';
import { expectBlame, reasonsOf } from '../util/blame.js';
import { simulateJudged } from '../util/evidence.js';
import { bodyOf, both, editing, recordRun, variantOf, type RecordedMessage, type Tamper } from '../util/messages.js';
import { replaceAt, type Json } from '../util/proofs.js';
import { deal, next, optionsOf, sessionsOf, type Change, type Reshared } from '../util/resharing.js';

const base = deal(2, 3, 4);
const CHANGE: Change = { dealers: [0, 2, 3], parties: 4, threshold: 3 };
const PARTIES = [0, 1, 2, 3, 4, 5, 6];
/** Party 1 of the run: the dealer in the second place. */
const DEALER = 1;
/** Party 4 of the run: the second receiver. */
const RECEIVER = 4;
const publicKeys = at(base, 0).map(({ keyId, core: { sharedPublicKey, publicShares, vssSetup, chainCode } }) => ({
  keyId,
  core: { sharedPublicKey, publicShares, vssSetup, chainCode },
}));
const setting = { kind: 'reshare', keys: publicKeys, ...optionsOf(CHANGE) } as const;
const context = reshareContext(setting);
const { messages } = recordRun(sessionsOf(base, CHANGE));
const { messages: other } = recordRun(sessionsOf(base, { ...CHANGE, name: 'another' }));

interface Attack {
  readonly cheats: readonly number[];
  readonly tamper?: Tamper;
  /** Takes the place of the first cheat. */
  readonly session?: Session<Reshared>;
}

function attacked({ cheats, tamper = (d) => [d], session }: Attack): Outcome<Reshared>[] {
  const sessions = sessionsOf(base, CHANGE).map((honest, party) => (party === cheats[0] && session !== undefined ? session : honest));
  return simulateJudged(SECURITY_128, setting, PARTIES.filter((party) => !cheats.includes(party)), sessions, { tamper });
}

/** Expects that all honest parties abort with that code, and name these and no others. @returns the reasons */
function expectNamed(attack: Attack, code: Parameters<typeof expectBlame>[2], culprits: readonly number[] = attack.cheats): string[] {
  const outcomes = attacked(attack);
  const honest = PARTIES.filter((party) => !attack.cheats.includes(party));
  expectBlame(outcomes, honest, code, culprits);
  return reasonsOf(outcomes[at(honest, 0)]);
}

/** A dealer that follows the protocol with other shares, or for another threshold. */
function dealerWith(alter: {
  readonly shares?: (own: readonly Scalar[]) => Scalar[];
  readonly ctx?: Partial<ReshareContext>;
}): Session<Reshared> {
  const { dealer, shares } = ownShares(at(base, 2), CHANGE.dealers);
  const own = shares.map((share) => share.reveal());
  const altered = (alter.shares?.(own) ?? own).map((share) => new Secret(share));
  const protocol = dealProtocol({ ...context, ...alter.ctx }, { dealer, shares: altered }, seededRng('a cheat'));
  return new Session<Reshared>({ protocol, rounds: allRounds(context), index: dealer, parties: PARTIES.length });
}

const plusOne = (hex: Json): Json => CompactScalarJson.encode(toScalar(CompactScalarJson.parse(hex) + 1n));
const valueAt = (body: Json, path: string): Json =>
  path.slice(1).split('/').reduce<Json>((node, key) => (node as Record<string, Json>)[key] ?? null, body);
const adding = (path: string) => (body: Json): Json => replaceAt(body, path, plusOne(valueAt(body, path)));
const extending = (path: string, more: Json) => (body: Json): Json => replaceAt(body, path, [...(valueAt(body, path) as Json[]), more]);
const shortening = (path: string) => (body: Json): Json => replaceAt(body, path, (valueAt(body, path) as Json[]).slice(1));
const aPoint = CompactPointJson.encode(multiply(G, 7n));
const aScalar = CompactScalarJson.encode(7n);

/** y_ji of receiver j for dealer i: the first that a receiver draws. */
function secretKey(j: number, i: number): Scalar {
  const rng = seededRng(`a change receiver ${j}`);
  return at(CHANGE.dealers.map(() => randomScalar(rng)), i);
}

const complaining = (party: number, ...complaints: { dealer: number; y: Scalar }[]): Tamper =>
  editing(party, 'Round5', (body) => ({
    ...(body as Record<string, Json>),
    complaints: complaints.map(({ dealer, y }) => ({ dealer, y: CompactScalarJson.encode(y) })),
    proofs: null,
  }));

it('without an attack, all is well', () => {
  expect(attacked({ cheats: [] }).map(({ kind }) => kind)).toEqual(PARTIES.map(() => 'done'));
});

describe('a dealer', () => {
  it.each<[string, (own: readonly Scalar[]) => Scalar[]]>([
    ['another constant term', (own) => own.map((x) => toScalar(x + 1n))],
    ['another one for the last key alone', ([first, last]) => [first ?? 0n, toScalar((last ?? 0n) + 1n)]],
    ['zero', (own) => own.map(() => 0n)],
    ['its share of the next epoch', () => at(next(base, { ...CHANGE, name: 'next' }), 2).map(({ core }) => core.secretShare.reveal())],
  ])('with %s is named', (_, shares) => {
    expect(expectNamed({ cheats: [DEALER], session: dealerWith({ shares }) }, 'invalid_share')).toEqual(['s_ij G = C_i(j)']);
  });

  it.each([
    ['of one key to one receiver', ['/c/0/2']],
    ['of the other key to another one', ['/c/1/0']],
    ['of all keys to two', ['/c/0/1', '/c/1/1', '/c/0/3', '/c/1/3']],
  ])('with a wrong sub-share %s is named, and nobody has a share', (_, paths) => {
    const tamper = editing(DEALER, 'Round4', (body) => paths.reduce((edited, path) => adding(path)(edited), body));
    expect(expectNamed({ cheats: [DEALER], tamper }, 'invalid_share')).toEqual(['s_ij G = C_i(j)']);
  });

  it.each([
    ['raises the threshold', 4],
    ['lowers it', 2],
  ])('that %s is named', (_, threshold) => {
    const attack = { cheats: [DEALER], session: dealerWith({ ctx: { threshold } }) };
    expect(expectNamed(attack, 'invalid_share')).toEqual(["F_i has t' - 1 points for each key"]);
  });

  it.each([
    ['a key too few in F', shortening('/F'), "F_i has t' - 1 points for each key"],
    ['a key too many in F', extending('/F', [aPoint, aPoint]), "F_i has t' - 1 points for each key"],
    ['B longer', extending('/B', aPoint), 'B_i has one point for each receiver'],
    ['B shorter', shortening('/B'), 'B_i has one point for each receiver'],
    ['a key too few in c', shortening('/c'), 'c_i has one scalar for each key and receiver'],
    ['a receiver too many in c', extending('/c/1', aScalar), 'c_i has one scalar for each key and receiver'],
    ['a receiver too few in c', shortening('/c/0'), 'c_i has one scalar for each key and receiver'],
  ])('with %s is named', (_, edit, reason) => {
    expect(expectNamed({ cheats: [DEALER], tamper: editing(DEALER, 'Round4', edit) }, 'invalid_share')).toEqual([reason]);
  });

  it.each(['/rid', '/decommit', '/F/1/0'])('that opens otherwise than it has committed is named: %s', (path) => {
    const edit = (body: Json): Json => replaceAt(body, path, path.startsWith('/F') ? aPoint : 'ab'.repeat(32));
    expect(expectNamed({ cheats: [DEALER], tamper: editing(DEALER, 'Round4', edit) }, 'invalid_decommitment')).toEqual([
      'V_i = H(run, i, opening)',
    ]);
  });

  it('that sends another B is named, since no pad comes off', () => {
    const tamper = editing(DEALER, 'Round4', (body) => replaceAt(body, '/B/0', aPoint));
    expectNamed({ cheats: [DEALER], tamper }, 'invalid_share');
  });
});

describe('a receiver', () => {
  it.each([
    ['too many keys', extending('/Y', aPoint)],
    ['too few keys', shortening('/Y')],
  ])('with %s is named', (_, edit) => {
    const reasons = expectNamed({ cheats: [RECEIVER], tamper: editing(RECEIVER, 'Round2', edit) }, 'invalid_share');
    expect(reasons).toEqual(['Y_j has one point for each dealer']);
  });

  it('that complains without a reason is named, and shows nothing that it did not have', () => {
    const tamper = complaining(RECEIVER, { dealer: 0, y: secretKey(1, 0) });
    expect(expectNamed({ cheats: [RECEIVER], tamper }, 'false_complaint')).toEqual(['one of the s_ij is not on C_i']);
    const all = complaining(RECEIVER, ...[0, 1, 2].map((dealer) => ({ dealer, y: secretKey(1, dealer) })));
    expectNamed({ cheats: [RECEIVER], tamper: all }, 'false_complaint');
  });

  it('that shows another key is named', () => {
    const tamper = complaining(RECEIVER, { dealer: 0, y: 7n });
    expect(expectNamed({ cheats: [RECEIVER], tamper }, 'false_complaint')).toEqual(['y G = Y_ji']);
    const ofOther = complaining(RECEIVER, { dealer: 0, y: secretKey(1, 1) });
    expect(expectNamed({ cheats: [RECEIVER], tamper: ofOther }, 'false_complaint')).toEqual(['y G = Y_ji']);
  });

  it.each(['/proofs/0/z', '/proofs/1/z'])('that does not know its share is named: %s', (path) => {
    const reasons = expectNamed({ cheats: [RECEIVER], tamper: editing(RECEIVER, 'Round5', adding(path)) }, 'invalid_schnorr_proof');
    expect(reasons).toEqual(['z G = A + e y']);
  });

  it.each<[string, (honest: Json) => Json]>([
    ['of another run', () => valueAt(bodyOf(other, 'Round5', RECEIVER), '/proofs')],
    ['of another receiver', () => valueAt(bodyOf(messages, 'Round5', 5), '/proofs')],
    ['of the other key', (honest) => (honest as Json[]).toReversed()],
  ])('with a proof %s is named', (_, proofs) => {
    const tamper = editing(RECEIVER, 'Round5', (body) => replaceAt(body, '/proofs', proofs(valueAt(body, '/proofs'))));
    expectNamed({ cheats: [RECEIVER], tamper }, 'invalid_schnorr_proof');
  });
});

describe('several cheats', () => {
  it('are all named', () => {
    const tamper = both(
      editing(DEALER, 'Round4', adding('/c/0/3')),
      editing(2, 'Round4', adding('/c/1/3')),
      editing(5, 'Round5', adding('/proofs/0/z')),
      complaining(RECEIVER, { dealer: 0, y: secretKey(1, 0) }),
    );
    const reasons = expectNamed({ cheats: [1, 2, 4, 5], tamper }, 'invalid_share');
    expect(reasons).toEqual(['s_ij G = C_i(j)', 's_ij G = C_i(j)', 'one of the s_ij is not on C_i', 'z G = A + e y']);
  });

  it('a receiver cannot hide a wrong sub-share, nor have its dealer named for a right one', () => {
    const wrong = editing(DEALER, 'Round4', adding('/c/0/0'));
    expectNamed({ cheats: [DEALER, RECEIVER], tamper: both(wrong, complaining(RECEIVER, { dealer: DEALER, y: secretKey(1, DEALER) })) },
      'invalid_share');
  });
});

describe('what differs between parties', () => {
  const bodies = (tamper: Tamper): SignedMessage[] => {
    const seen = new Map<string, SignedMessage>();
    recordRun(sessionsOf(base, CHANGE), {
      tamper: (delivery) => {
        const sent = tamper(delivery);
        for (const { from, payload } of sent) seen.set(`${from} ${payload}`, { sender: from, recipient: 'all', payload });
        return sent;
      },
    });
    return [...seen.values()];
  };

  it.each([
    ['a commitment', DEALER, 'Round1', (body: Json) => replaceAt(body, '/commitment', 'ab'.repeat(32)), 5],
    ['a key', RECEIVER, 'Round2', (body: Json) => replaceAt(body, '/Y/0', aPoint), 2],
    ['a deal', DEALER, 'Round4', adding('/c/0/2'), 5],
  ])('%s that one party has otherwise names nobody by itself, and its maker once both are seen', (_, cheat, variant, edit, to) => {
    const tamper = editing(cheat, variant, edit, [to]);
    expectNamed({ cheats: [cheat], tamper }, 'inconsistent_broadcast', []);
    const verdicts = judge({ params: SECURITY_128, setting, messages: bodies(tamper) });
    expect(verdicts.map(({ party, code }) => `${code} ${party}`)).toEqual([`contradicting_messages ${cheat}`]);
  });

  it.each(PARTIES)('an echo that is not true names nobody: of the message of party %d', (about) => {
    const tamper = editing(RECEIVER, 'Round3', (body) => replaceAt(body, `/echo/${about}`, 'ab'.repeat(32)));
    expectNamed({ cheats: [RECEIVER], tamper }, 'inconsistent_broadcast', []);
  });

  it.each([0, 1, 2])('a view that is not true names nobody: of the deal of party %d', (about) => {
    const tamper = editing(RECEIVER, 'Round5', (body) => replaceAt(body, `/view/${about}`, 'ab'.repeat(32)));
    expectNamed({ cheats: [RECEIVER], tamper }, 'inconsistent_broadcast', []);
  });

  it('the setting names nobody', () => {
    const otherChainCode = at(base, 2).map(({ keyId, core }) => ({ keyId, core: { ...core, chainCode: new Uint8Array(32).fill(1) } }));
    const otherBase = base.map((keys, party) => (party === 2 ? otherChainCode : keys));
    const session = at(sessionsOf(base, CHANGE).map((_, k) => (k === DEALER ? dealerOf(otherBase) : _)), DEALER);
    expectNamed({ cheats: [DEALER], session }, 'inconsistent_broadcast', []);
  });
});

function dealerOf(epoch: typeof base): Session<Reshared> {
  const { dealer, shares } = ownShares(at(epoch, 2), CHANGE.dealers);
  const protocol = dealProtocol(reshareContext({ ...setting, keys: at(epoch, 2) }), { dealer, shares }, seededRng('other'));
  return new Session<Reshared>({ protocol, rounds: allRounds(context), index: dealer, parties: PARTIES.length });
}

describe('a message of another form names its maker', () => {
  it.each<[string, number, string, (body: Json) => Json]>([
    ['no proofs and no complaint', RECEIVER, 'Round5', (body) => replaceAt(body, '/proofs', null)],
    ['proofs and a complaint', RECEIVER, 'Round5', extending('/complaints', { dealer: 0, y: aScalar })],
    ['complaints in another order', RECEIVER, 'Round5', (body) => ({
      ...(body as Record<string, Json>), proofs: null, complaints: [1, 0].map((dealer) => ({ dealer, y: aScalar })),
    })],
    ['a complaint twice', RECEIVER, 'Round5', (body) => ({
      ...(body as Record<string, Json>), proofs: null, complaints: [1, 1].map((dealer) => ({ dealer, y: aScalar })),
    })],
    ['a complaint about no dealer', RECEIVER, 'Round5', (body) => ({
      ...(body as Record<string, Json>), proofs: null, complaints: [{ dealer: 3, y: aScalar }],
    })],
    ['a proof too few', RECEIVER, 'Round5', shortening('/proofs')],
    ['a view too few', RECEIVER, 'Round5', shortening('/view')],
    ['an echo too few', RECEIVER, 'Round3', shortening('/echo')],
    ['a point at infinity for Y', RECEIVER, 'Round2', (body) => replaceAt(body, '/Y/0', '00'.repeat(33))],
    ['a point at infinity for F', DEALER, 'Round4', (body) => replaceAt(body, '/F/0/0', '00'.repeat(33))],
    ['a point at infinity for B', DEALER, 'Round4', (body) => replaceAt(body, '/B/0', '00'.repeat(33))],
    ['a scalar of q', DEALER, 'Round4', (body) => replaceAt(body, '/c/0/0', 'f'.repeat(64))],
    ['no commitment', DEALER, 'Round1', () => ({})],
  ])('%s', (_, cheat, variant, edit) => {
    expectNamed({ cheats: [cheat], tamper: editing(cheat, variant, edit) }, 'malformed_message');
  });

  it.each<[string, number, string, number]>([
    ['a receiver that deals', RECEIVER, 'Round4', DEALER],
    ['a receiver that commits', RECEIVER, 'Round1', DEALER],
    ['a dealer that answers', DEALER, 'Round5', RECEIVER],
    ['a dealer that announces keys', DEALER, 'Round2', RECEIVER],
  ])('%s', (_, cheat, variant, of) => {
    const said = JSON.stringify({ [variant]: bodyOf(messages, variant, of) });
    const tamper: Tamper = (delivery) =>
      delivery.from === cheat && variantOf(delivery.payload) === 'Round3' ? [{ ...delivery, payload: said }] : [delivery];
    expectNamed({ cheats: [cheat], tamper }, 'unknown_round');
  });
});

describe('whoever accuses', () => {
  const asSigned = ({ sender, msg }: RecordedMessage): SignedMessage => ({ sender, recipient: 'all', payload: JSON.stringify(msg) });

  it('convicts no honest party by what it shows, leaves out, or says itself', () => {
    const party = fc.constantFrom(...PARTIES);
    fc.assert(
      fc.property(party, fc.nat(), fc.nat(), fc.array(fc.nat({ max: messages.length - 1 }), { maxLength: 4 }), (accuser, m, f, dropped) => {
        const own = messages.filter(({ sender }) => sender === accuser);
        const picked = at(own, m % own.length);
        const fields = fieldsOf(picked.msg);
        const field = at(fields, f % fields.length);
        const altered = { ...picked, msg: replaceAt(picked.msg, field.path, plausible(field)) as Record<string, Json> };
        const shown = messages.map((message) => (message === picked ? altered : message)).filter((_, k) => !dropped.includes(k));
        const convicted = judge({ params: SECURITY_128, setting, messages: shown.map(asSigned) }).map((verdict) => verdict.party);
        expect(convicted.filter((one) => one !== accuser)).toEqual([]);
        // Its messages of another run, among the honest ones of this run.
        const replayed = messages.map((message, k) => (message === picked ? at(other, k) : message));
        const named = judge({ params: SECURITY_128, setting, messages: replayed.map(asSigned) }).map((verdict) => verdict.party);
        expect(named.filter((one) => one !== accuser)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('proves that a complaint shows another key by what its maker has said', () => {
    const y = CompactScalarJson.encode(7n);
    const honestAnswer = bodyOf(messages, 'Round5', RECEIVER) as Record<string, Json>;
    const shown = messages
      .filter(({ sender, msg }) => sender === RECEIVER && !('Round3' in msg))
      .map((message) => ('Round5' in message.msg
        ? { ...message, msg: { Round5: { ...honestAnswer, complaints: [{ dealer: 0, y }], proofs: null } } }
        : message));
    const verdicts = judge({ params: SECURITY_128, setting, messages: shown.map(asSigned) });
    expect(verdicts.map(({ party, code, reason }) => `${code} ${party}: ${reason}`)).toEqual([`false_complaint ${RECEIVER}: y G = Y_ji`]);
  });

  it.each(['Round1', 'Round2', 'Round3', 'Round4'])('proves nothing of a complaint without %s of all', (variant) => {
    const tamper = editing(DEALER, 'Round4', adding('/c/0/2'));
    const sent: SignedMessage[] = [];
    recordRun(sessionsOf(base, CHANGE), {
      tamper: (delivery) => {
        const edited = tamper(delivery);
        sent.push(...edited.map(({ from, payload }): SignedMessage => ({ sender: from, recipient: 'all', payload })));
        return edited;
      },
    });
    const verdicts = (shown: readonly SignedMessage[]): string[] =>
      judge({ params: SECURITY_128, setting, messages: shown }).map(({ party, code }) => `${code} ${party}`);
    expect(verdicts(sent)).toEqual([`invalid_share ${DEALER}`]);
    expect(verdicts(sent.filter(({ sender, payload }) => !(sender === DEALER && variantOf(payload) === variant)))).toEqual(
      variant === 'Round2' ? [`invalid_share ${DEALER}`] : [],
    );
    expect(verdicts(sent.filter(({ sender, payload }) => !(sender === RECEIVER && variantOf(payload) === variant)))).toEqual(
      variant === 'Round2' ? [] : [`invalid_share ${DEALER}`],
    );
  });
});
