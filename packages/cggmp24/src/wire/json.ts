/**
 * The JSON forms of the Rust crate. Each codec reads (`z.decode`, liberal in form, strict in value) and writes
 * (`z.encode`, exactly the crate's form). Unknown keys of an object are ignored, as serde does.
 */
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js';
import { z } from 'zod';
import { decodePoint, encodePoint, GROUP_ORDER, type Point, type Scalar } from '../math/curve.js';
import { abs } from '../math/integer.js';

/** The longest honest integer is v of Pi^fac: 6,912 bits, 1,728 hex digits and a sign. */
const MAX_DIGITS = 2048;

function digitValue(digit: string): number {
  const value = Number.parseInt(digit, 36);
  return Number.isNaN(value) ? Infinity : value;
}

function parseInteger(text: string, radix: number): bigint | null {
  const match = /^(-?)([0-9a-zA-Z]+)$/.exec(text);
  const digits = match?.[2];
  if (digits === undefined) return null;
  let magnitude = 0n;
  if (radix === 16) {
    if (!/^[0-9a-fA-F]+$/.test(digits)) return null;
    magnitude = BigInt(`0x${digits}`);
  } else {
    for (const digit of digits) {
      const value = digitValue(digit);
      if (value >= radix) return null;
      magnitude = magnitude * BigInt(radix) + BigInt(value);
    }
  }
  return match?.[1] === '-' ? -magnitude : magnitude;
}

function toHex(x: bigint): string {
  return x < 0n ? `-${abs(x).toString(16)}` : x.toString(16);
}

const isBytes = z.custom<Uint8Array>((x) => x instanceof Uint8Array);

/** `{"radix":16,"value":"-ff"}`; any radix from 2 to 36 is read, 16 is written. */
export const IntegerJson = z.codec(
  z.object({ radix: z.int().min(2).max(36), value: z.string().max(MAX_DIGITS) }),
  z.bigint(),
  {
    decode: ({ radix, value }, ctx) => {
      const parsed = parseInteger(value, radix);
      // In a higher radix, a number of the same length can have more hexadecimal digits than may be written.
      if (parsed !== null && toHex(parsed).length <= MAX_DIGITS) return parsed;
      const message = parsed === null ? `not an integer in radix ${radix}` : 'integer is too long';
      ctx.issues.push({ code: 'custom', message, input: value });
      return z.NEVER;
    },
    encode: (x) => ({ radix: 16, value: toHex(x) }),
  },
);

/** Hex of exactly `bytes` bytes; either case is read, lower is written. */
export function bytesHexJson(bytes: number) {
  return z.codec(z.string().regex(new RegExp(`^[0-9a-fA-F]{${2 * bytes}}$`), `must be ${bytes} bytes in hex`), isBytes, {
    decode: (hex) => hexToBytes(hex.toLowerCase()),
    encode: (value) => bytesToHex(value),
  });
}

/** A SHA-256 output: 32 numbers. */
export const DigestJson = z.codec(z.array(z.int().min(0).max(255)).length(32), isBytes, {
  decode: (numbers) => Uint8Array.from(numbers),
  encode: (value) => [...value],
});

function scalarFromHex(hex: string, ctx: z.core.ParsePayload): Scalar {
  const x = BigInt(`0x${hex}`);
  if (x < GROUP_ORDER) return x;
  ctx.issues.push({ code: 'custom', message: 'scalar is not below the group order', input: hex });
  return z.NEVER;
}

function pointFromHex(hex: string, ctx: z.core.ParsePayload): Point {
  try {
    return decodePoint(hexToBytes(hex.toLowerCase()));
  } catch {
    ctx.issues.push({ code: 'custom', message: 'not a point of secp256k1', input: hex });
    return z.NEVER;
  }
}

export function scalarToHex(x: Scalar): string {
  return x.toString(16).padStart(64, '0');
}

const isScalar = z.custom<Scalar>((x) => typeof x === 'bigint' && x >= 0n && x < GROUP_ORDER);
const isPoint = z.custom<Point>((P) => typeof P === 'object' && P !== null);
const scalarHex = z.string().regex(/^[0-9a-fA-F]{64}$/, 'must be 32 bytes in hex');

/** `{"curve":"secp256k1","scalar":"<64 hex>"}`, below q. */
export const ScalarJson = z.codec(z.object({ curve: z.literal('secp256k1'), scalar: scalarHex }), isScalar, {
  decode: ({ scalar }, ctx) => scalarFromHex(scalar, ctx),
  encode: (x) => ({ curve: 'secp256k1' as const, scalar: scalarToHex(x) }),
});

/** `{"curve":"secp256k1","point":"04<128 hex>"}`, uncompressed; 65 zero bytes are infinity. */
export const PointJson = z.codec(
  z.object({ curve: z.literal('secp256k1'), point: z.string().regex(/^0[04][0-9a-fA-F]{128}$/, 'must be 65 uncompressed bytes in hex') }),
  isPoint,
  {
    decode: ({ point }, ctx) => pointFromHex(point, ctx),
    encode: (P) => ({ curve: 'secp256k1' as const, point: bytesToHex(encodePoint(P, false)) }),
  },
);

/** `PointJson` that refuses infinity. */
export const NonZeroPointJson = PointJson.refine((P) => !P.is0(), 'must not be the point at infinity');

/** `"<64 hex>"`, the form inside key shares. */
export const CompactScalarJson = z.codec(scalarHex, isScalar, {
  decode: (hex, ctx) => scalarFromHex(hex, ctx),
  encode: (x) => scalarToHex(x),
});

/** `"02…"` or `"03…"`, the form inside key shares; never infinity. */
export const CompactPointJson = z.codec(z.string().regex(/^0[23][0-9a-fA-F]{64}$/, 'must be a compressed point in hex'), isPoint, {
  decode: (hex, ctx) => pointFromHex(hex, ctx),
  encode: (P) => bytesToHex(encodePoint(P, true)),
});

/** Constant fields that the crate does not allow to be negative. */
export const NonNegativeIntegerJson = IntegerJson.refine((x) => x >= 0n, 'must not be negative');
