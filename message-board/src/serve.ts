import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Service } from './http.js';

/** Connections that are still open this long after closing began are cut. */
const CLOSE_GRACE_MS = 5_000;

export interface Running {
  readonly port: number;
  /** Stops listening, releases waiting readers and lets answers under way finish. The second call is the first. */
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
  logger.info({ host: address.address, port: address.port }, 'listening');
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    logger.info('closing');
    const cut = setTimeout(() => {
      server.closeAllConnections();
    }, CLOSE_GRACE_MS);
    const finished = new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
    service.close();
    server.closeIdleConnections();
    await finished;
    clearTimeout(cut);
    logger.info('closed');
  };
  return { port: address.port, close: () => (closed ??= close()) };
}

/** Calls `close` on the first SIGTERM or SIGINT; the process ends when nothing is left to do. */
export function closeOnSignal(close: () => Promise<void>, logger: Logger): void {
  const stop = (): void => {
    close().catch((error: unknown) => {
      logger.error({ err: error }, 'close_failed');
      process.exitCode = 1;
    });
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}
