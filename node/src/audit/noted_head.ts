/**
 * The note of an audit log's head, `audit_<node>.head.log` beside it: the number and the hash of a line that is on the disk, and a moment
 * old. No line has the hash of the last one, so nothing but this note shows at the next start that the end was changed or cut. Whoever
 * changes the note too is found only by a head that was noted elsewhere.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Refused } from 'sealing/errors';
import { parseJson } from 'sealing/json';
import { z } from 'zod';
import { readIfThere } from '../storage/files.js';

const NoteSchema = z.strictObject({ sequence: z.int().min(0), head: z.string().regex(/^[0-9a-f]{64}$/) });
export type NotedHead = z.infer<typeof NoteSchema>;

/** Its name begins and ends like those of the log's files: who moves all of them away moves it too. */
function noteOf(path: string): string {
  return join(dirname(path), `${basename(path, '.log')}.head.log`);
}

/**
 * Notes a line that is on the disk. A process that ends meanwhile leaves the note before. Synchronous: to hand so little to another thread
 * would cost more. @param path of the log
 */
export function noteHead(path: string, { sequence, head }: NotedHead): void {
  const note = noteOf(path);
  writeFileSync(`${note}.tmp`, `${JSON.stringify({ sequence, head })}\n`, { mode: 0o600 });
  renameSync(`${note}.tmp`, note);
}

/** @returns null when there is no note, as in folders of earlier versions, or a power cut has left none that can be read */
export async function readNotedHead(path: string): Promise<NotedHead | null> {
  try {
    const text = await readIfThere(noteOf(path));
    return text === null ? null : parseJson(NoteSchema, text, 'note');
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}
