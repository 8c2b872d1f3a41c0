/**
 * In place of the runtime's `AbortController` and `AbortSignal`, of which every call to the board makes several: the same rules, without
 * events, weak references and traces of the stack, which took a sixth of all time.
 */
type Listener = () => void;

class Signal {
  #isAborted = false;
  #reason: unknown;
  readonly #sources: readonly Signal[];
  /** Of those that look at it: whether it is told once does not matter, a signal aborts once. */
  readonly #listeners = new Set<Listener>();
  /** Signals that abort with it, and that somebody listens to. */
  readonly #followers = new Set<Signal>();

  constructor(sources: readonly Signal[] = []) {
    this.#sources = sources;
  }

  static any(sources: readonly Signal[]): Signal {
    return new Signal(sources);
  }

  get aborted(): boolean {
    if (!this.#isAborted) {
      const source = this.#sources.find(({ aborted }) => aborted);
      if (source !== undefined) this.#abort(source);
    }
    return this.#isAborted;
  }

  get reason(): unknown {
    if (!this.aborted) return undefined;
    this.#reason ??= new DOMException('This operation was aborted', 'AbortError');
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(_type: 'abort', listener: Listener): void {
    if (this.aborted) return;
    if (this.#isIdle()) this.#follow();
    this.#listeners.add(listener);
  }

  removeEventListener(_type: 'abort', listener: Listener): void {
    if (this.#listeners.delete(listener) && this.#isIdle()) this.#unfollow();
  }

  /** Called by its controller alone. */
  end(reason: unknown): void {
    if (this.aborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    this.#tell();
  }

  #abort(source: Signal): void {
    this.#isAborted = true;
    this.#reason = source.reason;
  }

  /** Those who listen to this one first, as the runtime has it. */
  #tell(): void {
    for (const listener of [...this.#listeners]) if (this.#listeners.delete(listener)) listener();
    for (const follower of [...this.#followers]) if (this.#followers.delete(follower)) follower.#sourceEnded(this);
  }

  #sourceEnded(source: Signal): void {
    this.#abort(source);
    this.#unfollow();
    this.#tell();
  }

  #isIdle(): boolean {
    return this.#listeners.size === 0 && this.#followers.size === 0;
  }

  #follow(): void {
    for (const source of this.#sources) {
      if (source.#isIdle()) source.#follow();
      source.#followers.add(this);
    }
  }

  #unfollow(): void {
    for (const source of this.#sources) if (source.#followers.delete(this) && source.#isIdle()) source.#unfollow();
  }
}

class Controller {
  readonly signal = new Signal();

  abort(reason?: unknown): void {
    this.signal.end(reason);
  }
}

export { Controller as AbortController, Signal as AbortSignal };

/** For all that runs in this process from now on. */
export function replaceAbort(): void {
  Object.assign(globalThis, { AbortController: Controller, AbortSignal: Signal });
}
