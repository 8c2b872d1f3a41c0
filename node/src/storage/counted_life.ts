import { Refused } from 'sealing/errors';
import { parseJson } from 'sealing/json';
import type { Clock } from 'service/clock';
import type { RandomBytes } from 'service/random';
import { z } from 'zod';
import { DamagedFile } from '../base/errors.js';
import { readIfThere, writeAtomically } from './files.js';

const FileSchema = z.strictObject({ started: z.int().min(0) });

/**
 * A life of a node, with its number in a file: each life has a larger one than the life before, whatever the clock shows.
 *
 * A number is no smaller than the time in ms since 1970. So a node whose file is lost, or comes from an old copy, still has a larger one
 * than before. That fails only when an earlier life began with the clock ahead; `outlive` mends it.
 */
export class CountedLife {
  private constructor(
    private readonly path: string,
    private number: number,
    /** Names this life. */
    readonly incarnation: string,
  ) {}

  /** Begins a life. Its number is on disk when this resolves. @throws DamagedFile when the file holds no number: it stays as it is */
  static async begin(path: string, { clock, random }: { clock: Pick<Clock, 'now'>; random: RandomBytes }): Promise<CountedLife> {
    const last = await lastIn(path);
    const number = Math.max(last === null ? 0 : last + 1, clock.now());
    await write(path, number);
    return new CountedLife(path, number, `${number}-${random(8).toString('hex')}`);
  }

  /** Its number. */
  get started(): number {
    return this.number;
  }

  /** Gives this life a larger number than another life of the node has, on disk first. */
  async outlive({ started }: { readonly started: number }): Promise<void> {
    const number = Math.max(this.number, started + 1);
    await write(this.path, number);
    this.number = number;
  }
}

function write(path: string, started: number): Promise<void> {
  return writeAtomically(path, `${JSON.stringify({ started })}\n`);
}

async function lastIn(path: string): Promise<number | null> {
  try {
    const text = await readIfThere(path);
    return text === null ? null : parseJson(FileSchema, text, 'life').started;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const advice = 'It is left as it is. Find out who changed it, then move it away: the node begins a new one';
    throw new DamagedFile(`${path}: it does not number the lives of this node. ${advice}`, { cause: error });
  }
}
