import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Service } from './http.js';
import { onStopSignal } from './stop_signal.js';

/** Connections that are still open this long after `close` are cut. Smaller: answers are lost. Larger: a stop takes longer. */
const CLOSE_GRACE_MS = 5_000;

export interface Running {
  readonly port: number;
  /** Stops listening, releases waiting readers and lets answers under way finish. */
  readonly close: () => Promise<void>;
}

/** Listens. @param port 0 for a free one */
export async function serve(service: Service, host: string, port: number, logger: Logger): Promise<Running> {
  // Longer than a client keeps an idle connection. The other way round, a client could send on a connection that is just closed.
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 60_000 }, service.app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    logger.info({ event: 'closing' }, 'Closing');
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
      logger.warn({ event: 'connections_cut', after_ms: CLOSE_GRACE_MS }, 'Connections that are still open are cut');
      server.closeAllConnections();
    }, CLOSE_GRACE_MS);
    await finished;
    clearInterval(idle);
    clearTimeout(cut);
    logger.info({ event: 'closed' }, 'Closed');
  };
  return { port: address.port, close };
}

/**
 * Runs a service as a program. It listens; on the first SIGTERM or SIGINT it closes and then calls `stop`. The process ends when
 * nothing is left to do, with code 1 when it could not listen.
 * @param stop ends what the service does besides answering calls
 */
export async function runService(
  service: Service,
  at: { HOST: string; PORT: number },
  logger: Logger,
  stop: () => Promise<void>,
): Promise<void> {
  try {
    const running = await serve(service, at.HOST, at.PORT, logger);
    onStopSignal(() => {
      running
        .close()
        .then(stop)
        .catch((error: unknown) => {
          logger.error({ event: 'close_failed', err: error }, 'The service did not close as it should');
          process.exitCode = 1;
        });
    });
    // A program that reads this line may send signals from now on.
    logger.info({ event: 'listening', host: at.HOST, port: running.port }, 'Listening');
  } catch (error) {
    logger.fatal({ event: 'cannot_listen', err: error, host: at.HOST, port: at.PORT }, 'The address cannot be listened at');
    process.exitCode = 1;
    await stop();
  }
}
