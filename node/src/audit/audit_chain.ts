/**
 * The lines of an audit log. Each has a number and the SHA-256 of the line before it. So nothing in the middle can be changed, removed,
 * inserted or moved without breaking the chain. Only somebody who has noted the head can tell that the end was cut off or replaced.
 */
import { Refused } from 'sealing/errors';
import { parseJson } from 'sealing/json';
import { z } from 'zod';
import { sha256 } from '../base/sha256.js';

const DigestSchema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');

/** One line, as JSON. */
const EntrySchema = z.strictObject({
  /** From 1, without a gap. */
  sequence: z.int().min(1),
  time: z.iso.datetime(),
  event: z.string().regex(/^[a-z_]{1,64}$/),
  fields: z.record(z.string(), z.unknown()),
  /** SHA-256 of the bytes of the line before, without its line feed; zeros in the first line. */
  previous: DigestSchema,
});
export type AuditEntry = z.infer<typeof EntrySchema>;

export const LINE_FEED = 0x0a;
const BEFORE_THE_FIRST = '0'.repeat(64);
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The part of a chain that has been followed. It is a value: following it further gives a new one. */
export class AuditChain {
  static readonly empty = new AuditChain(0, BEFORE_THE_FIRST);

  private constructor(
    /** Number of the last line. */
    readonly sequence: number,
    /** SHA-256 of the last line, hexadecimal. */
    readonly head: string,
  ) {}

  /** The chain up to this line, for when the lines before it are not at hand. @throws Refused */
  static from(line: Uint8Array): AuditChain {
    return new AuditChain(parse(line).sequence, sha256(line));
  }

  /** Takes the next line, without its line feed. @throws Refused that says why the line does not follow */
  follow(line: Uint8Array): AuditChain {
    const { sequence, previous } = parse(line);
    if (sequence !== this.sequence + 1) throw new Refused(`sequence: it is ${sequence} and should be ${this.sequence + 1}`);
    if (previous !== this.head) throw new Refused('previous: it is not the SHA-256 of the line before');
    return new AuditChain(sequence, sha256(line));
  }

  /** Makes the next line. @returns its text, without a line feed, and the chain that includes it */
  append({ time, event, fields }: Pick<AuditEntry, 'time' | 'event' | 'fields'>): { line: string; chain: AuditChain } {
    const entry: AuditEntry = { sequence: this.sequence + 1, time, event, fields, previous: this.head };
    const line = JSON.stringify(entry);
    return { line, chain: new AuditChain(entry.sequence, sha256(line)) };
  }
}

/** @throws Refused */
function parse(line: Uint8Array): AuditEntry {
  let text: string;
  try {
    text = decoder.decode(line);
  } catch (error) {
    throw new Refused('it is not UTF-8', { cause: error });
  }
  return parseJson(EntrySchema, text, 'line');
}
