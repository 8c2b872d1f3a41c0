import type { PostMessage } from 'message-board/contract';
import type { Clock } from 'service/clock';
import { Wakeup } from '../base/wakeup.js';

/** An empty outbox is looked at this often. News wakes it earlier. */
const LOOK_MS = 25_000;

/** The messages of one session on their way to the board, in the order of the protocol. */
export class Outbox {
  /** Sealing takes a moment, and a later message may be sealed before an earlier one. */
  readonly #messages: Promise<PostMessage>[] = [];
  #posted = 0;
  readonly #news: Wakeup;
  readonly #flushed: Wakeup;

  /** @param post posts one message */
  constructor(
    private readonly clock: Clock,
    private readonly post: (message: PostMessage, signal: AbortSignal) => Promise<unknown>,
  ) {
    this.#news = new Wakeup(clock);
    this.#flushed = new Wakeup(clock);
  }

  /** @param message it may still have to be sealed */
  add(message: Promise<PostMessage>): void {
    // Whoever posts it hears of a failure.
    message.catch(() => undefined);
    this.#messages.push(message);
    this.#news.notify();
  }

  /** Posts the next message, or waits until there is one. @throws what `post` throws: that message is then still the next */
  async postNext(signal: AbortSignal): Promise<void> {
    const position = this.#posted;
    const message = this.#messages[position];
    if (message === undefined) {
      this.#flushed.notify();
      await this.#news.sleep(LOOK_MS, signal);
      return;
    }
    await this.post(await message, signal);
    // Unless everything has to be posted again.
    if (this.#posted === position) this.#posted = position + 1;
  }

  /** Everything has to be posted again: the board has forgotten it. */
  startOver(): void {
    this.#posted = 0;
    this.#news.notify();
  }

  /** Waits until everything is posted, for at most `ms`. @throws the signal's reason when it aborts */
  async flush(ms: number, signal: AbortSignal): Promise<void> {
    const end = this.clock.monotonic() + ms;
    while (this.#posted < this.#messages.length && this.clock.monotonic() < end) {
      signal.throwIfAborted();
      await this.#flushed.sleep(end - this.clock.monotonic(), signal);
    }
  }
}
