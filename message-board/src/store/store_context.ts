import type { Caller } from 'service/callers';
import type { Clock } from 'service/clock';
import type { Limits } from './limits.js';
import type { Sequence } from './sequence.js';

/** How much the board holds. */
export interface Usage {
  /** Messages and partial signatures. */
  entries: number;
  /** Upper bound of the memory for all texts, at two bytes a character. */
  bytes: number;
  /** How much of that are messages and partial signatures of each member. */
  readonly entryBytesOf: Map<Caller, number>;
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
  /** How many members share the limits; 1 when nobody can be told apart. */
  readonly shares: number;
  /**
   * Makes room for texts: forgets the messages of finished work, the oldest first. Nothing else that is finished gives way.
   * @param owner whose share they are in, when they are messages
   * @throws ServiceError 429 when that is not enough
   */
  readonly reserve: (bytes: number, owner?: Caller) => void;
  readonly changed: ChangeListener;
}
