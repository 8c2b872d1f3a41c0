/** What callers without types may pass: every public function, each of its arguments, each kind of value that is not meant. */
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import * as api from '../src/index.js';
import { at } from '../src/base/at.js';
import { G, INFINITY, multiply } from '../src/math/curve.js';
import { fixturePrimes } from '../src/testing/parties.js';
import { FEW_REPETITIONS, smallShares } from './util/small_shares.js';

const shares = smallShares(2, 3);
const share = at(shares, 0);
const params = FEW_REPETITIONS;
const executionId = utf8ToBytes('misuse');
const message = utf8ToBytes('a message');
const primes = fixturePrimes(0, params);
const publicData = { Gamma: G, commitments: [{ tildeDelta: G, tildeS: G }, { tildeDelta: G, tildeS: G }] };
const presignature = new api.Presignature(publicData, { tildeK: 1n, tildeChi: 1n });
const partials = [{ sigma: 1n }, { sigma: 2n }];
const publicKey = share.core.sharedPublicKey;
const { sharedPublicKey, publicShares, vssSetup, chainCode } = share.core;
const publicCore = { sharedPublicKey, publicShares, vssSetup, chainCode };
const { encryptionKeys, ringPedersen } = share.aux;
const keyMaterial = { core: publicCore, aux: { params, encryptionKeys, ringPedersen } };
const messages = [{ sender: 0, recipient: 'all', payload: '{}' }];
const keygenSetting = { kind: 'keygen', executionId, parties: 3, threshold: 2, chainCode: 'shared', reliableBroadcast: true };
const aCase = { params, setting: keygenSetting, messages };
const signingCase = {
  params,
  setting: {
    kind: 'signing', executionId, signers: [0, 2], key: keyMaterial, path: [0], message,
    reliableBroadcast: true, identification: true,
  },
  messages,
};

const reshareCase = {
  params,
  setting: { kind: 'reshare', executionId, keys: [{ keyId: 'a', core: publicCore }], dealers: [0, 1], parties: 3, threshold: 2 },
  messages,
};

let drawn = 0;
const rng = (length: number): Uint8Array => {
  drawn += length;
  return api.systemRng(length);
};
const session = api.keygen({ executionId, index: 0, parties: 3, threshold: 2, rng });
const another = api.keygen({ executionId, index: 0, parties: 3, threshold: 2, rng });
const stop = (): never => {
  throw new Error('stopped');
};
const run = { executionId, reliableBroadcast: true, rng };
const signing = { ...run, share, signers: [0, 2], identification: true };

interface Entry {
  readonly call: (...args: never[]) => unknown;
  readonly args: readonly unknown[];
  /** Where something may be left out. */
  readonly optional?: readonly string[];
  /** Where null says that there is none. */
  readonly nullable?: readonly string[];
  /** Where any number may be passed. */
  readonly anyNumber?: readonly string[];
  /** Of valid arguments: what comes of them besides a result. */
  readonly abort?: string;
}

const OF_A_KEY = ['vssSetup', 'chainCode'];

const newPresignature = (...args: never[]): unknown => new api.Presignature(...(args as unknown as [never, never]));
const newRandomizedSigning = (...args: never[]): unknown => new api.RandomizedSigning(...(args as unknown as [never, never, never]));
const newPrimes = (...args: never[]): unknown => new api.PregeneratedPrimes(...(args as unknown as [never, never]));

const ENTRIES: Readonly<Record<string, Entry>> = {
  keygen: {
    call: api.keygen,
    args: [{ ...run, index: 0, parties: 3, threshold: 2, chainCode: 'shared' }],
    optional: ['reliableBroadcast', 'rng', 'chainCode'],
  },
  keygenNonThreshold: {
    call: api.keygenNonThreshold,
    args: [{ ...run, index: 0, parties: 3, chainCode: 'none' }],
    optional: ['reliableBroadcast', 'rng', 'chainCode'],
  },
  auxInfo: {
    call: api.auxInfo,
    args: [{ ...run, index: 0, parties: 3, primes, insecurePrmFirstWordOnly: false }],
    optional: ['reliableBroadcast', 'rng', 'insecurePrmFirstWordOnly'],
  },
  presign: { call: api.presign, args: [signing], optional: ['reliableBroadcast', 'rng', 'identification'], nullable: OF_A_KEY },
  sign: {
    call: api.sign,
    args: [{ ...signing, message, path: [0] }],
    optional: ['reliableBroadcast', 'rng', 'identification', 'path'],
    nullable: OF_A_KEY,
  },
  reshareAsDealer: {
    call: api.reshareAsDealer,
    args: [{ executionId, dealers: [0, 1], parties: 3, threshold: 2, rng, keys: [{ keyId: 'a', core: share.core }] }],
    optional: ['rng'],
    nullable: OF_A_KEY,
  },
  reshareAsReceiver: {
    call: api.reshareAsReceiver,
    args: [{ executionId, dealers: [0, 1], parties: 3, threshold: 2, rng, keys: [{ keyId: 'a', core: publicCore }], receiver: 2 }],
    optional: ['rng'],
    nullable: OF_A_KEY,
  },
  publicInconsistency: { call: api.publicInconsistency, args: [publicCore], nullable: OF_A_KEY },
  settleTogether: { call: api.settleTogether, args: [[session]] },
  'Session.receive': {
    call: (incoming: never) => { session.receive(incoming); },
    args: [{ sender: 0.5, broadcast: true, payload: '{}' }],
    anyNumber: ['sender'],
    abort: 'unknown_sender',
  },
  verify: { call: api.verify, args: [{ r: 1n, s: 1n }, publicKey, message] },
  verifyDigest: { call: api.verifyDigest, args: [{ r: 1n, s: 1n }, publicKey, new Uint8Array(32).fill(1)] },
  hashMessage: { call: api.hashMessage, args: [message] },
  signatureEncodings: { call: api.signatureEncodings, args: [{ r: 1n, s: 1n }] },
  signatureForms: {
    call: api.signatureForms,
    args: [{ r: 1n, s: 1n }, publicKey, new Uint8Array(32).fill(1)],
    abort: 'signature: does not sign',
  },
  derive: { call: api.derive, args: [{ publicKey, chainCode: new Uint8Array(32) }, [0, 1]] },
  parsePath: { call: api.parsePath, args: ['m/0/1'] },
  formatPath: { call: api.formatPath, args: [[0, 1]] },
  xpub: { call: api.xpub, args: [{ publicKey, chainCode: new Uint8Array(32) }, [0, 1]] },
  combine: {
    call: api.combine,
    args: [partials, publicData, publicKey, message, true],
    optional: ['4'],
    abort: 'is not of a presignature',
  },
  isPartialSignature: { call: api.isPartialSignature, args: [1n, 0, publicData, 1n] },
  messageToScalar: { call: api.messageToScalar, args: [message] },
  RandomizedSigning: {
    call: newRandomizedSigning,
    args: [publicData, { publicKey, chainCode: new Uint8Array(32) }, {
      presignatureId: 'p', keyId: 'k', epoch: 0, signers: [0, 2], requestId: 'r', path: [0],
      digest: new Uint8Array(32).fill(1), nonce: new Uint8Array(32),
    }],
    nullable: OF_A_KEY,
    abort: 'is not of a presignature',
  },
  publicPoint: { call: api.publicPoint, args: [publicKey] },
  Presignature: { call: newPresignature, args: [publicData, { tildeK: 1n, tildeChi: 1n }] },
  'Presignature.issuePartialSignature': { call: (text: never) => presignature.issuePartialSignature(text), args: [message] },
  'Presignature.takeOver': {
    call: (text: never) => api.Presignature.takeOver(text),
    args: [new api.Presignature(publicData, { tildeK: 1n, tildeChi: 1n }).handOver()],
  },
  generatePrimes: {
    call: api.generatePrimes,
    args: [{ onProgress: () => undefined, params: { ...params, primeBits: 64 }, rng }],
    optional: ['0', 'onProgress', 'params', 'rng'],
  },
  run: {
    call: api.run,
    args: [another, { send: stop, next: stop }, { signal: new AbortController().signal, onProgress: () => undefined }],
    optional: ['2', 'signal', 'onProgress'],
    abort: 'stopped',
  },
  generateSafePrime: {
    call: api.generateSafePrime,
    args: [64, { rng: api.systemRng, onProgress: () => undefined }],
    optional: ['onProgress'],
  },
  PregeneratedPrimes: { call: newPrimes, args: [primes.reveal(), params] },
  parsePrimes: { call: api.parsePrimes, args: [api.serializePrimes(primes), params] },
  serializePrimes: { call: api.serializePrimes, args: [primes] },
  completeKeyShare: { call: api.completeKeyShare, args: [share.core, share.aux], nullable: OF_A_KEY },
  parseKeyShare: { call: api.parseKeyShare, args: [api.serializeKeyShare(share), params] },
  serializeKeyShare: { call: api.serializeKeyShare, args: [share], nullable: OF_A_KEY },
  minSigners: { call: api.minSigners, args: [publicCore], nullable: OF_A_KEY },
  parseCoreKeyShare: { call: api.parseCoreKeyShare, args: [api.serializeCoreKeyShare(share.core)] },
  serializeCoreKeyShare: { call: api.serializeCoreKeyShare, args: [share.core], nullable: OF_A_KEY },
  parseAuxInfo: { call: api.parseAuxInfo, args: [api.serializeAuxInfo(share.aux), params] },
  serializeAuxInfo: { call: api.serializeAuxInfo, args: [share.aux] },
  keyMaterialDigest: { call: api.keyMaterialDigest, args: [keyMaterial], nullable: OF_A_KEY },
  publicKeyMaterialJson: { call: api.publicKeyMaterialJson, args: [params] },
  messagesOfRecord: {
    call: api.messagesOfRecord,
    args: [{
      index: 0,
      received: [{ sender: 1, broadcast: true, payload: '{}' }],
      sent: [{ to: 'all', round: 1, payload: '{}' }],
      culprits: [1],
    }],
    anyNumber: ['sender'],
  },
  parseCase: { call: api.parseCase, args: [api.serializeCase(aCase as api.Case), params], optional: ['1'] },
  serializeCase: { call: api.serializeCase, args: [signingCase], nullable: [...OF_A_KEY, 'message'] },
  partialSignatureMessage: { call: api.partialSignatureMessage, args: [0, { sigma: 1n }] },
  judge: { call: api.judge, args: [aCase], nullable: ['threshold'] },
  'judge of a signing': { call: api.judge, args: [signingCase], nullable: [...OF_A_KEY, 'message'] },
  'judge of a resharing': { call: api.judge, args: [reshareCase], nullable: OF_A_KEY },
  encodePoint: { call: api.encodePoint, args: [publicKey, true] },
  systemRng: { call: api.systemRng, args: [32] },
};

/** Neither takes arguments of a caller's, or these are errors. */
const WITHOUT = ['InvalidArgument', 'ProtocolAborted', 'ProtocolBug', 'arithmeticBackend'];

const JUNK: readonly unknown[] = [
  undefined, null, true, Number.NaN, 7.5, -1, 'text', 10n, [], {}, [null], new Uint8Array(), new Map(), () => 1,
];

function kindOf(value: unknown): string {
  if (value === null || typeof value !== 'object') return typeof value;
  return Array.isArray(value) ? 'array' : value instanceof Uint8Array ? 'bytes' : 'object';
}

/** Is it certainly not what is meant where `valid` is? */
function isMisuse(field: string, valid: unknown, junk: unknown, { optional = [], nullable = [], anyNumber = [] }: Entry): boolean {
  if (junk === undefined) return !optional.includes(field);
  if (junk === null && nullable.includes(field)) return false;
  if (typeof junk === 'number' && anyNumber.includes(field)) return false;
  const [kind, other] = [kindOf(valid), kindOf(junk)];
  // Options of which none is given.
  if (kind === 'object' && optional.includes(field) && typeof junk === 'object' && !Array.isArray(junk)) return junk === null;
  if (kind === 'array') return other !== 'array';
  if (kind === 'bytes') return other !== 'bytes';
  return kind === 'number' || kind === 'object' || kind !== other;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype);
}

interface Misuse {
  readonly path: string;
  readonly junk: unknown;
  readonly args: readonly unknown[];
}

/** Each argument, and each field and item of it, replaced by each value that cannot be meant. */
function* misuses(value: unknown, entry: Entry, path = ''): Generator<{ path: string; junk: unknown; value: unknown }> {
  const field = path.split('.').at(-1) ?? '';
  const junkHere = path === '' ? [] : JUNK.filter((junk) => isMisuse(field, value, junk, entry));
  yield* junkHere.map((junk) => ({ path, junk, value: junk }));
  if (!isPlain(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    // Of a message that was sent, the informational number of its round is not looked at.
    if (key === 'round') continue;
    for (const found of misuses(inner, entry, path === '' ? key : `${path}.${key}`)) {
      const copy: unknown = Array.isArray(value) ? value.slice() : { ...value };
      (copy as Record<string, unknown>)[key] = found.value;
      yield { ...found, value: copy };
    }
  }
}

async function outcomeOf({ call }: Entry, args: readonly unknown[]): Promise<string> {
  try {
    await call(...(args as never[]));
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : 'no error';
  }
  return 'accepted';
}

it('every public function is here', () => {
  const functions = Object.entries(api).flatMap(([name, value]) => (typeof value === 'function' && !WITHOUT.includes(name) ? [name] : []));
  expect(functions.filter((name) => !(name in ENTRIES))).toEqual([]);
});

describe.each(Object.entries(ENTRIES))('%s', (_, entry) => {
  it('says InvalidArgument to whatever is not meant, and draws nothing', async () => {
    const found: Misuse[] = [...misuses(entry.args, entry)].map(({ value, ...where }) => ({ ...where, args: value as unknown[] }));
    expect(found.length).toBeGreaterThan(5);
    const before = drawn;
    const others: string[] = [];
    for (const { path, junk, args } of found) {
      const outcome = await outcomeOf(entry, args);
      if (!outcome.startsWith('InvalidArgument: ')) others.push(`${path} = ${inspect(junk)}: ${outcome}`);
    }
    expect(others).toEqual([]);
    expect(drawn).toBe(before);
  });

  it('takes what is meant, also after all that', async () => {
    const outcome = await outcomeOf(entry, entry.args);
    if (entry.abort === undefined) expect(outcome).toBe('accepted');
    else expect(outcome).toContain(entry.abort);
  });
});

describe('what depends on another argument', () => {
  const options = { executionId, index: 0, parties: 3, threshold: 2 };
  const nobodys = { Gamma: G, commitments: [] };
  const drawing = (rng: () => unknown) => () => api.keygen({ ...options, rng: rng as never }).proceed();
  const signingWith = (...signers: number[]) => () => api.presign({ executionId, share, signers });

  it.each<[string, () => unknown, string]>([
    ['an empty execution id', () => api.keygen({ ...options, executionId: new Uint8Array() }), 'executionId: must not be empty'],
    ['a threshold above the number of parties', () => api.keygen({ ...options, threshold: 4 }), 'threshold: must be an integer from 2'],
    ['an index that is the number of parties', () => api.keygen({ ...options, index: 3 }), 'index: must be an integer from 0 to 2'],
    ['a signer twice', signingWith(0, 0), 'signers: must be distinct'],
    ['a signer that does not exist', signingWith(0, 3), 'signers: each must be an integer from 0 to 2'],
    ['too few signers', signingWith(0), 'signers: must be exactly 2'],
    ['signers without oneself', signingWith(1, 2), 'signers: we are not among them'],
    ['a share of another party', () => api.completeKeyShare(share.core, at(shares, 1).aux), 'aux info is of another party'],
    ['no partial signatures', () => api.combine([], publicData, publicKey, message), 'partials: must be one of each of the 2 signers'],
    ['none, and a presignature of nobody', () => api.combine([], nobodys, publicKey, message), 'publicData.commitments: must not be empty'],
    [
      'a key that is the point at infinity',
      () => api.verify({ r: 1n, s: 1n }, INFINITY, message),
      'publicKey: must not be the point at infinity',
    ],
    ['a generator that gives less', drawing(() => new Uint8Array(1)), 'rng: must give a Uint8Array of the 32 bytes'],
    ['a generator that gives text', drawing(() => 'x'), 'rng: must give a Uint8Array of the 32 bytes'],
  ])('%s', (_, call, expected) => {
    expect(call).toThrow(api.InvalidArgument);
    expect(call).toThrow(expected);
  });

  it('a key that the presignature is not of is not blamed on the signers', () => {
    // k = x = 1 of one signer with half each.
    const half = (api.GROUP_ORDER + 1n) / 2n;
    const commitment = { tildeDelta: multiply(G, half), tildeS: multiply(G, half) };
    const ours = { Gamma: G, commitments: [commitment, commitment] };
    const halves = [0, 1].map(() => new api.Presignature(ours, { tildeK: half, tildeChi: half }).issuePartialSignature(message));
    expect(api.verify(api.combine(halves, ours, G, message), api.encodePoint(G, false), message)).toBe(true);
    expect(() => api.combine(halves, ours, publicKey, message)).toThrow('publicKey: is not the key that the presignature was made with');
    expect(() => api.combine(halves, ours, api.encodePoint(publicKey, true), message)).toThrow('publicKey: is not the key');
  });

  it('a session goes on after its driver has passed nonsense', () => {
    const one = api.keygen({ ...options, parties: 2 });
    expect(one.proceed().kind).toBe('send');
    expect(() => { one.receive({ sender: 1, broadcast: true, payload: Buffer.from('{}') as never }); }).toThrow(api.InvalidArgument);
    expect(one.proceed().kind).toBe('waiting');
  });
});

describe('a public key', () => {
  it('is a point or its bytes, for verify and for combine', () => {
    const half = (api.GROUP_ORDER + 1n) / 2n;
    const commitment = { tildeDelta: multiply(G, half), tildeS: multiply(G, half) };
    const ours = { Gamma: G, commitments: [commitment, commitment] };
    for (const key of [G, api.encodePoint(G, true), api.encodePoint(G, false)]) {
      const halves = [0, 1].map(() => new api.Presignature(ours, { tildeK: half, tildeChi: half }).issuePartialSignature(message));
      const signature = api.combine(halves, ours, key, message);
      expect(api.verify(signature, key, message)).toBe(true);
      expect(api.verify(signature, key, utf8ToBytes('another'))).toBe(false);
    }
  });
});
