import type { Clock } from 'service/clock';
import type { Limits } from './limits.js';
import type { Sequence } from './sequence.js';

/** How much is held: entries, and bytes at two a character. */
export interface Usage {
  entries: number;
  bytes: number;
}

/** Told of every change: the list, or the list and the request id, that has news. With `false`: news that nobody is in a hurry for. */
export type Changed = (topic: string, isUrgent?: boolean) => void;

/** What the stores of a board share. */
export interface StoreContext {
  readonly limits: Limits;
  readonly clock: Clock;
  /** At least 64 random bits, hexadecimal. */
  readonly random: () => string;
  readonly sequence: Sequence;
  readonly usage: Usage;
  /** Makes room for texts by forgetting finished work. @throws ServiceError 429 when that is not enough */
  readonly reserve: (bytes: number) => void;
  readonly changed: Changed;
}
