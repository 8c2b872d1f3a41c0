import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Service } from './http.js';

/** Connections that are still open this long after closing began are cut. */
const CLOSE_GRACE_MS = 5_000;

export interface Running {
  readonly port: number;
  /** Stops listening, releases waiting readers and lets answers under way finish. */
  readonly close: () => Promise<void>;
}

/** Listens. @param port 0 for a free one */
export async function serve(service: Service, host: string, port: number, logger: Logger): Promise<Running> {
  // Longer than a client keeps an idle connection, so that it is the client who drops it.
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 60_000 }, service.app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    logger.info('closing');
    const finished = new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
    service.close();
    // A kept connection becomes idle only when its last answer is out.
    const idle = setInterval(() => {
      server.closeIdleConnections();
    }, 20);
    const cut = setTimeout(() => {
      server.closeAllConnections();
    }, CLOSE_GRACE_MS);
    await finished;
    clearInterval(idle);
    clearTimeout(cut);
    logger.info('closed');
  };
  return { port: address.port, close };
}

/** Calls `close` on the first SIGTERM or SIGINT, and not again; the process ends when nothing is left to do. */
export function closeOnSignal(close: () => Promise<void>, logger: Logger): void {
  let called = false;
  const stop = (): void => {
    if (called) return;
    called = true;
    close().catch((error: unknown) => {
      logger.error({ err: error }, 'close_failed');
      process.exitCode = 1;
    });
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
