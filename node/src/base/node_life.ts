/** Why a node goes on without taking part in anything. */
const CLONED = new DOMException('another process runs with the identity of this node', 'AbortError');

/** How long a node lives, how long it takes part in what the cluster does, and what it does meanwhile. */
export class NodeLife {
  readonly #over = new AbortController();
  readonly #cloned = new AbortController();
  readonly #background: Promise<void>[] = [];
  /** Aborts when the node stops. */
  readonly ended: AbortSignal;
  /** Aborts when the node takes part in nothing any more: no later than `ended`. */
  readonly withdrawn: AbortSignal;

  /** @param stopping aborts when the node has to stop */
  constructor(stopping: AbortSignal) {
    this.ended = AbortSignal.any([stopping, this.#over.signal]);
    this.withdrawn = AbortSignal.any([this.ended, this.#cloned.signal]);
  }

  /** A later process runs with the identity of this node. */
  cloned(): void {
    this.#cloned.abort(CLONED);
  }

  get isCloned(): boolean {
    return this.withdrawn.reason === CLONED;
  }

  /** Ends the node early: whatever it waits for rejects with this error. */
  fail(error: unknown): void {
    this.#over.abort(error);
  }

  /** Something that goes on until one of the signals aborts, and then ends by itself. It must not reject. */
  inBackground(work: Promise<void>): void {
    this.#background.push(work);
  }

  /** Ends the node, and resolves when nothing goes on in the background any more. */
  async end(): Promise<void> {
    this.#over.abort(new DOMException('the node is stopping', 'AbortError'));
    await Promise.all(this.#background);
  }
}
