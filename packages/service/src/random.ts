import { randomBytes } from 'node:crypto';

/** A source of random bytes. It is passed in, so that a simulation can repeat a run from its seed. */
export type RandomBytes = (length: number) => Buffer;

/** The cryptographic source of this machine. */
export const systemRandom: RandomBytes = randomBytes;
