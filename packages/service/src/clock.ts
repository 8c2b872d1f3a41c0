/** Time as a process sees it. It is passed in, so that tests and simulations run on virtual time. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. It can jump forward and back: only for times that others read. */
  now(): number;
  /** Milliseconds since some moment in the past. It never goes back: for durations and deadlines. */
  monotonic(): number;
  /** Calls `callback` once, `ms` from now, unless the timer is stopped before. A negative `ms` counts as 0. */
  after(ms: number, callback: () => void): Timer;
}

export interface Timer {
  /** Does nothing when the timer has fired or is stopped already. */
  stop(): void;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, Math.max(0, ms));
    return {
      stop: () => {
        clearTimeout(timer);
      },
    };
  },
};

/** Resolves after `ms`, or as soon as the signal aborts. It never rejects: the caller looks at the signal. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const end = (): void => {
      timer.stop();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.after(ms, end);
    signal?.addEventListener('abort', end, { once: true });
  });
}

/** Calls `callback` every `ms`, first `ms` from now, until the timer is stopped. */
export function every(clock: Clock, ms: number, callback: () => void): Timer {
  let stopped = false;
  const tick = (): void => {
    callback();
    if (!stopped) timer = clock.after(ms, tick);
  };
  let timer = clock.after(ms, tick);
  return {
    stop: () => {
      stopped = true;
      timer.stop();
    },
  };
}
