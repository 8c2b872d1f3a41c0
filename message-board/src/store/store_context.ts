import type { Clock } from 'service/clock';
import type { Limits } from './limits.js';
import type { Sequence } from './sequence.js';

/** How much the board holds. */
export interface Usage {
  /** Messages and partial signatures. */
  entries: number;
  /** Upper bound of the memory for all texts, at two bytes a character. */
  bytes: number;
}

/**
 * Is called at every change.
 * @param topic what has news: a list, or a list and the id of a request
 * @param isUrgent false for news that can wait a moment; otherwise readers hear of it at once
 */
export type ChangeListener = (topic: string, isUrgent?: boolean) => void;

/** What the stores of a board share. */
export interface StoreContext {
  readonly limits: Limits;
  readonly clock: Clock;
  /** At least 64 random bits, hexadecimal. With fewer, two ids may be equal. */
  readonly random: () => string;
  readonly sequence: Sequence;
  readonly usage: Usage;
  /** Makes room for texts: forgets finished work, the oldest first. @throws ServiceError 429 when that is not enough */
  readonly reserve: (bytes: number) => void;
  readonly changed: ChangeListener;
}
