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
      logger.warn('connections_cut');
      server.closeAllConnections();
    }, CLOSE_GRACE_MS);
    await finished;
    clearInterval(idle);
    clearTimeout(cut);
    logger.info('closed');
  };
  return { port: address.port, close };
}

/**
 * Runs a service as a program: listens, and on the first SIGTERM or SIGINT closes and then calls `stop`. The process ends when
 * nothing is left to do; with code 1 when it could not listen.
 * @param stop ends what the service does besides answering
 */
export async function runService(service: Service, at: { HOST: string; PORT: number }, logger: Logger, stop: () => Promise<void>): Promise<void> {
  try {
    const running = await serve(service, at.HOST, at.PORT, logger);
    onceSignalled(async () => {
      await running.close();
      await stop();
    }, logger);
    // Whoever reads this may send signals.
    logger.info({ host: at.HOST, port: running.port }, 'listening');
  } catch (error) {
    logger.fatal({ err: error, host: at.HOST, port: at.PORT }, 'cannot_listen');
    process.exitCode = 1;
    await stop();
  }
}

function onceSignalled(act: () => Promise<void>, logger: Logger): void {
  let signalled = false;
  const stop = (): void => {
    if (signalled) return;
    signalled = true;
    act().catch((error: unknown) => {
      logger.error({ err: error }, 'close_failed');
      process.exitCode = 1;
    });
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
