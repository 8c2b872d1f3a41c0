import { inspectSymbol } from './inspect.js';

/** Holds a secret, and prints as `[secret]` in JSON, logs and the inspector. */
export class Secret<T> {
  readonly #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  reveal(): T {
    return this.#value;
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspectSymbol](): string {
    return '[secret]';
  }
}
