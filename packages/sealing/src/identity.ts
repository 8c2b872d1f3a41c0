/** Who somebody is: one key pair for signing (Ed25519) and one for receiving (X25519), for as long as the cluster lives. */
import { createPrivateKey, createPublicKey, randomBytes, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { Refused } from './errors.js';
import { inspectSymbol } from './inspect.js';
import { isCanonical, parseJson } from './json.js';

/** 32 bytes in base64url: a raw key as in RFC 8032 (Ed25519) or RFC 7748 (X25519). */
const KeySchema = z.string().refine((text) => text.length === 43 && isCanonical(text), 'must be 32 bytes in base64url');

/** A node, `node-1` to `node-256`, or the gateway. */
const MEMBER_NAME = /^(node-([1-9]\d?|1\d\d|2[0-4]\d|25[0-6])|gateway)$/;
export const MemberNameSchema = z.string().regex(MEMBER_NAME, 'must be node-1 to node-256, or gateway');

/** What is public about a member: its line in the roster. */
export const PublicIdentitySchema = z.strictObject({
  name: MemberNameSchema,
  /** Ed25519. */
  signing_key: KeySchema,
  /** X25519. */
  encryption_key: KeySchema,
});
export type PublicIdentity = z.infer<typeof PublicIdentitySchema>;

const IdentitySchema = z.strictObject({ ...PublicIdentitySchema.shape, signing_secret: KeySchema, encryption_secret: KeySchema });

/** A key of `node:crypto`, for `jose` too. Described here so that the types of this package need none of Node.js's. */
export interface Key {
  readonly type: string;
  export(options: { readonly format: 'jwk' }): { readonly x?: string };
}

type Curve = 'Ed25519' | 'X25519';

/** @throws Refused when the bytes are no key */
export function publicKeyObject(crv: Curve, x: string): Key {
  try {
    return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv, x } });
  } catch (error) {
    throw new Refused(`not a key of ${crv}`, { cause: error });
  }
}

/** The bytes before the 32 bytes of a private key in PKCS #8 (RFC 8410). */
const PKCS8: Readonly<Record<Curve, string>> = {
  Ed25519: '302e020100300506032b657004220420',
  X25519: '302e020100300506032b656e04220420',
};

/** Any 32 bytes are a private key. */
function fromSecret(crv: Curve, secret: Buffer): KeyObject {
  return createPrivateKey({ format: 'der', type: 'pkcs8', key: Buffer.concat([Buffer.from(PKCS8[crv], 'hex'), secret]) });
}

/** @throws Refused unless `d`, the secret key, belongs to `x`: nobody would accept what this member signs with another one */
function privateKeyObject(crv: Curve, x: string, d: string): KeyObject {
  const key = fromSecret(crv, Buffer.from(d, 'base64url'));
  const { x: own } = createPublicKey(key).export({ format: 'jwk' });
  if (own !== x) throw new Refused('identity: a secret key and its public key do not belong together');
  return key;
}

function generate(crv: Curve): { x: string; d: string } {
  return z.object({ x: KeySchema, d: KeySchema }).parse(fromSecret(crv, randomBytes(32)).export({ format: 'jwk' }));
}

/** An identity with its secrets. Printing one, or putting it into a log, shows `[secret]`. */
export class Identity {
  readonly #text: string;
  /** Ed25519. */
  readonly #signing: KeyObject;
  /** X25519. */
  readonly #decryption: KeyObject;

  private constructor(
    readonly publicIdentity: PublicIdentity,
    secrets: { readonly signing_secret: string; readonly encryption_secret: string },
  ) {
    const { signing_key, encryption_key } = publicIdentity;
    this.#text = JSON.stringify({ ...publicIdentity, ...secrets });
    this.#signing = privateKeyObject('Ed25519', signing_key, secrets.signing_secret);
    this.#decryption = privateKeyObject('X25519', encryption_key, secrets.encryption_secret);
  }

  /** A new one. @param name `node-1` …, or `gateway` */
  static generate(name: string): Identity {
    const [signing, encryption] = [generate('Ed25519'), generate('X25519')];
    const publicIdentity = PublicIdentitySchema.parse({ name, signing_key: signing.x, encryption_key: encryption.x });
    return new Identity(publicIdentity, { signing_secret: signing.d, encryption_secret: encryption.d });
  }

  /** Reads what `serialize` wrote. @throws Refused; the text goes nowhere */
  static parse(text: string): Identity {
    const { signing_secret, encryption_secret, ...publicIdentity } = parseJson(IdentitySchema, text, 'identity');
    return new Identity(publicIdentity, { signing_secret, encryption_secret });
  }

  get name(): string {
    return this.publicIdentity.name;
  }

  /** Ed25519, for `jose`. */
  get signingKey(): Key {
    return this.#signing;
  }

  /** X25519, for `jose`. */
  get decryptionKey(): Key {
    return this.#decryption;
  }

  /** Secret: to be kept in a sealed file. */
  serialize(): string {
    return this.#text;
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspectSymbol](): string {
    return `Identity(${this.name}, [secret])`;
  }
}
