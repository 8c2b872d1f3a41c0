import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecurityParams } from 'cggmp24';
import { Refused } from 'sealing/errors';
import { parseJson } from 'sealing/json';
import type { SealKey } from 'sealing/seal_key';
import { openText, sealText, type Label } from 'sealing/sealed_file';
import type { Clock } from 'service/clock';
import type { RandomBytes } from 'service/random';
import { z } from 'zod';
import { DamagedFile } from '../base/errors.js';
import { readIfThere, removeDurably, writeAtomically } from '../storage/files.js';

export interface PrimeFolderOptions {
  readonly folder: string;
  /** Whose primes they are. */
  readonly nodeId: string;
  readonly sealKey: SealKey;
  readonly params: SecurityParams;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** The name of any node's prime. */
const ANY_NAME = /^prime_(.+)\.\d{13}-[0-9a-f]{16}\.json$/;

/** The file's own name is sealed with the prime: a copy under another name would hand the prime out a second time. */
const FileSchema = z.strictObject({ file: z.string(), prime: z.string().regex(/^[0-9a-f]{1,1024}$/) });

/**
 * Safe primes that a node has ready, each in a sealed file `prime_<node>.<time>-<random>.json`. Each is handed out once: whoever removes
 * the file has the prime. So any number of processes may add and take primes at the same time. A crash can lose a prime, and never hands
 * one out twice.
 */
export class PrimeFolder {
  readonly #label: Label;

  constructor(private readonly options: PrimeFolderOptions) {
    this.#label = { purpose: 'primes', owner: options.nodeId };
  }

  /** Number of primes. */
  async size(): Promise<number> {
    return (await this.#names()).length;
  }

  /** Opens every file. @throws DamagedFile for the first that cannot be used, or is another node's, saying what to do */
  async check(): Promise<void> {
    const { folder, nodeId } = this.options;
    for (const file of await readdir(folder)) {
      const owner = ANY_NAME.exec(file)?.[1] ?? nodeId;
      if (owner === nodeId) continue;
      const problem = `it is a prime of ${owner}, and this is the folder of ${nodeId}`;
      const advice = `Move it to the data folder of ${owner}, unless ${owner} has had it before: then remove it.`;
      throw new DamagedFile(`${join(folder, file)} cannot be used: ${problem}. ${advice}`);
    }
    for (const name of await this.#names()) await this.#read(name);
  }

  /** Adds a prime. It is on disk when this resolves. @param prime hexadecimal */
  async add(prime: string): Promise<void> {
    const { folder, sealKey, nodeId, clock, random } = this.options;
    const file = `prime_${nodeId}.${clock.now()}-${random(8).toString('hex')}.json`;
    const content: z.infer<typeof FileSchema> = { file, prime };
    await writeAtomically(join(folder, file), await sealText(sealKey, this.#label, JSON.stringify(content)));
  }

  /**
   * Hands out the oldest prime. Its file is durably removed when this resolves.
   * @returns the prime, hexadecimal; null when there is none
   * @throws DamagedFile; the file is left as it is
   */
  async take(): Promise<string | null> {
    for (const name of await this.#names()) {
      const prime = await this.#read(name);
      if (prime !== null && (await removeDurably(join(this.options.folder, name)))) return prime;
    }
    return null;
  }

  /** The oldest first. */
  async #names(): Promise<string[]> {
    return (await readdir(this.options.folder)).filter((file) => ANY_NAME.exec(file)?.[1] === this.options.nodeId).sort();
  }

  /** The prime in a file; null when another process has taken it meanwhile. */
  async #read(name: string): Promise<string | null> {
    const { folder, sealKey, params } = this.options;
    const path = join(folder, name);
    const sealed = await readIfThere(path).catch((error: unknown) => {
      if (error instanceof Refused) {
        throw new DamagedFile(`${path} cannot be used: it is damaged. Remove it; another will be searched for.`);
      }
      throw error;
    });
    if (sealed === null) return null;
    const text = await openText(sealKey, this.#label, sealed).catch((error: unknown) => {
      if (error instanceof Refused) throw new DamagedFile(`${path} cannot be used: ${error.message}.`);
      throw error;
    });
    const content = parseFile(text);
    const wrong = content === null ? 'it does not hold a prime as this node writes it' : complaint(content, name, params);
    if (content === null || wrong !== null) {
      throw new DamagedFile(`${path} cannot be used: ${wrong}. Remove it: the node searches for another prime.`);
    }
    return content.prime;
  }
}

function complaint({ file, prime }: z.infer<typeof FileSchema>, name: string, { primeBits }: SecurityParams): string | null {
  if (file !== name) return `it is a copy of ${file}, whose prime is for one use`;
  const bits = BigInt(`0x${prime}`).toString(2).length;
  return bits === primeBits ? null : `its prime has ${bits} bits, and ${primeBits} are needed`;
}

function parseFile(text: string): z.infer<typeof FileSchema> | null {
  try {
    return parseJson(FileSchema, text, 'prime');
  } catch {
    return null;
  }
}
