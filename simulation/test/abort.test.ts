import { describe, expect, test } from '@jest/globals';
import * as standIn from '../src/stand_ins/abort.js';

/** What happens when signals of three controllers are combined, looked at and ended, as one text. */
function story({ AbortController, AbortSignal }: Pick<typeof globalThis, 'AbortController' | 'AbortSignal'>): string[] {
  const told: string[] = [];
  const [a, b, unused] = [new AbortController(), new AbortController(), new AbortController()];
  const both = AbortSignal.any([a.signal, b.signal]);
  const nested = AbortSignal.any([unused.signal, both]);
  const listen = (name: string, signal: AbortSignal): (() => void) => {
    const listener = (): void => {
      told.push(`${name} told: a ${a.signal.aborted}, both ${both.aborted}, nested ${nested.aborted}, ${String(signal.reason)}`);
    };
    signal.addEventListener('abort', listener, { once: true });
    return () => { signal.removeEventListener('abort', listener); };
  };
  listen('nested', nested);
  listen('both', both);
  const forget = listen('forgotten', a.signal);
  listen('a', a.signal);
  const early = (): void => { told.push('never'); };
  a.signal.addEventListener('abort', () => { a.signal.removeEventListener('abort', early); });
  a.signal.addEventListener('abort', early);
  forget();
  told.push(`before: ${[a, b].map(({ signal }) => signal.aborted).join()}, ${nested.aborted}, ${String(nested.reason)}`);
  a.abort(new Error('the first'));
  b.abort(new Error('the second'));
  a.abort(new Error('again'));
  listen('late', nested);
  told.push(`after: ${String(both.reason)}, ${String(nested.reason)}, ${String(b.signal.reason)}, ${unused.signal.aborted}`);
  unused.abort();
  told.push(`without a reason: ${String(unused.signal.reason)}, nested ${String(nested.reason)}`);
  const born = AbortSignal.any([b.signal, a.signal]);
  told.push(`born: ${born.aborted}, ${String(born.reason)}`);
  try {
    born.throwIfAborted();
  } catch (error) {
    told.push(`thrown: ${String(error)}`);
  }
  return told;
}

describe('The stand-in for abort signals', () => {
  test('does what those of the runtime do', () => {
    const real = story(globalThis);
    expect(real).toHaveLength(8);
    const { AbortController, AbortSignal } = standIn as unknown as typeof globalThis;
    expect(story({ AbortController, AbortSignal })).toEqual(real);
  });
});
