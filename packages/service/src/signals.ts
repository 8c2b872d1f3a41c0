/** Calls `stop` on the first SIGTERM or SIGINT, and ignores later ones. */
export function onStopSignal(stop: (signal: NodeJS.Signals) => void): void {
  let stopping = false;
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (stopping) return;
      stopping = true;
      stop(name);
    });
  }
}

/**
 * Calls back on every SIGHUP, which otherwise ends the process. A terminal sends it when it closes, and an operator to have files read
 * again.
 */
export function onHangup(callback: () => void): void {
  process.on('SIGHUP', callback);
}
