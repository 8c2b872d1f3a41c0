/** Reading what comes from outside: bytes as text, JSON by its schema, bytes in base64url. Each has one meaning, or is refused. */
import type { z } from 'zod';
import { Refused } from './errors.js';

/** Of a key that is shown in a complaint. */
const MAX_KEY_LENGTH = 64;
const QUOTE = '"'.charCodeAt(0);
const COLON = ':'.charCodeAt(0);
const OPENING_BRACE = '{'.charCodeAt(0);
const CLOSING_BRACE = '}'.charCodeAt(0);
const OPENING_BRACKET = '['.charCodeAt(0);
const CLOSING_BRACKET = ']'.charCodeAt(0);
const COMMA = ','.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);
/** A byte order mark stays: it is part of a passphrase that begins with it. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Is this the canonical base64url of some bytes? Every other spelling of the same bytes is not. */
export function isCanonical(text: string): boolean {
  return Buffer.from(text, 'base64url').toString('base64url') === text;
}

/** The text of these bytes. Others than UTF-8 would become replacement characters: different files would be one text. @throws Refused */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Refused(`${what}: is not UTF-8`);
  }
}

/** @throws Refused naming the field, also when an object has a key twice: two programs could each take another of the two values */
export function parseJson<T>(schema: z.ZodType<T>, text: string, what: string): T {
  const parsed = schema.safeParse(parseJsonValue(text, what));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Refused(`${what}: ${[issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')}`);
}

/** @throws Refused when it is not JSON, or an object in it has a key twice */
export function parseJsonValue(text: string, what: string): unknown {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Refused(`${what}: is not JSON`);
  }
  const key = repeatedKey(text);
  if (key !== null) throw new Refused(`${what}: ${key}: is there twice`);
  return json;
}

/** JSON that is nested more deeply than this is none that a program reads. With a larger value, parsing it may use up the stack. */
const MAX_DEPTH = 32;

/**
 * Has this JSON more than `max` parts, or is it nested too deeply? Its strings, objects, arrays and commas count as parts. Parsing and
 * validating takes microseconds for each part, so ask this first about JSON of a stranger: it only looks at each byte once.
 */
export function hasMoreParts(json: Uint8Array, max: number): boolean {
  let parts = 0;
  let depth = 0;
  for (let at = 0; at < json.length && parts <= max && depth <= MAX_DEPTH; at++) {
    const byte = json[at];
    if (byte === QUOTE) {
      at = endOfBytes(json, at);
      parts++;
    } else if (byte === OPENING_BRACE || byte === OPENING_BRACKET) {
      depth++;
      parts++;
    } else if (byte === CLOSING_BRACE || byte === CLOSING_BRACKET) {
      depth--;
    } else if (byte === COMMA) {
      parts++;
    }
  }
  return parts > max || depth > MAX_DEPTH;
}

/** As {@link endOfString}. */
function endOfBytes(json: Uint8Array, start: number): number {
  for (let end = json.indexOf(QUOTE, start + 1); end >= 0; end = json.indexOf(QUOTE, end + 1)) {
    let before = end - 1;
    while (json[before] === BACKSLASH) before--;
    if ((end - before) % 2 === 1) return end;
  }
  return json.length;
}

/** A key that an object in this JSON has twice, cut to a length that can be shown; null when there is none. It never throws. */
export function repeatedKey(text: string): string | null {
  /** Of each object around the present place. A key belongs to the innermost: an array has none. */
  const objects: Set<string>[] = [];
  let key = '';
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (character === QUOTE) {
      const end = endOfString(text, at);
      key = text.slice(at, end + 1);
      at = end;
    } else if (character === OPENING_BRACE) {
      objects.push(new Set());
    } else if (character === CLOSING_BRACE) {
      objects.pop();
    } else if (character === COLON) {
      const name = unquoted(key);
      // A key has one colon. Without one of its own, this is not JSON, and the key before is not looked at for each of many colons.
      key = '';
      if (name === null) return null;
      const known = objects.at(-1);
      if (known?.has(name) === true) return name.slice(0, MAX_KEY_LENGTH);
      known?.add(name);
    }
  }
  return null;
}

/** Where the string ends that begins here. A quote after an odd number of backslashes belongs to it. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text[before] === '\\') before--;
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

/** `"a"` and `"\u0061"` are one key. @returns null when it is no string of JSON */
function unquoted(key: string): string | null {
  try {
    return String(JSON.parse(key));
  } catch {
    return null;
  }
}
