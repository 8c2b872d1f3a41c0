import { createHash } from 'node:crypto';
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js';
import { encodePoint, type Point, type Scalar } from '../math/curve.js';
import { toBytes, toBytesPadded } from '../math/integer.js';

declare const encoded: unique symbol;
/**
 * An unambiguous encoding of a value, after the Rust crate `udigest`: content first, then its length, then its
 * kind. No two different values have the same encoding: the alpha-shuffle attack needs two that do. Only this
 * module makes encodings.
 */
export type Encoding = Uint8Array & { readonly [encoded]: true };

const LEAF = 3;
const LEAF_TAGGED = 4;
const LIST = 1;
const LIST_TAGGED = 2;
const LENGTH = 5;

function length(n: number): Uint8Array {
  const bytes = new Uint8Array(5);
  new DataView(bytes.buffer).setUint32(0, n);
  bytes[4] = LENGTH;
  return bytes;
}

function close(content: Uint8Array, size: number, tag: string | undefined, plain: number, tagged: number): Encoding {
  if (tag === undefined) return concatBytes(content, length(size), Uint8Array.of(plain)) as Encoding;
  const t = utf8ToBytes(tag);
  return concatBytes(content, length(size), t, length(t.length), Uint8Array.of(tagged)) as Encoding;
}

/** A byte string. */
export function leaf(content: Uint8Array, tag?: string): Encoding {
  return close(content, content.length, tag, LEAF, LEAF_TAGGED);
}

/** A sequence; its length counts items, not bytes. */
export function list(items: readonly Encoding[], tag?: string): Encoding {
  return close(concatBytes(...items), items.length, tag, LIST, LIST_TAGGED);
}

export function text(value: string): Encoding {
  return leaf(utf8ToBytes(value));
}

/** Named fields in the order given; `fields` must have no key that looks like an array index (objects reorder those). */
export function struct(fields: Readonly<Record<string, Encoding>>, tag?: string): Encoding {
  return list(Object.entries(fields).flatMap(([name, value]) => [text(name), value]), tag);
}

/** A wrapper type of one unnamed field: `NonZero<T>`, `Commit(Point)`. */
export function wrapped(value: Encoding): Encoding {
  return list([text('0'), value]);
}

export function option(value: Encoding | null): Encoding {
  return value === null
    ? list([text('variant'), text('None')])
    : list([text('variant'), text('Some'), text('0'), value]);
}

/** Big-endian magnitude without leading zeros, 0 is empty; the sign is dropped (nothing signed is ever hashed). */
export function integer(value: bigint | number): Encoding {
  return leaf(toBytes(BigInt(value)));
}

export function bool(value: boolean): Encoding {
  return integer(value ? 1 : 0);
}

export function integers(values: readonly bigint[]): Encoding {
  return list(values.map(integer));
}

export function point(P: Point): Encoding {
  return struct({ curve: text('secp256k1'), point: leaf(encodePoint(P, true)) });
}

export function scalar(x: Scalar): Encoding {
  return struct({ curve: text('secp256k1'), scalar: leaf(toBytesPadded(x, 32)) });
}

/** The session id as every transcript carries it. */
export function executionId(sid: Uint8Array): Encoding {
  return struct({ id: leaf(sid) });
}

/** SHA-256 of an encoding. */
export function digest(value: Encoding): Uint8Array {
  return new Uint8Array(createHash('sha256').update(value).digest());
}

/** SHA-256 of a sequence of any number of items (`hash_iter` of udigest). */
export function digestAll(items: readonly Encoding[]): Uint8Array {
  return digest(list(items, 'udigest.list'));
}
