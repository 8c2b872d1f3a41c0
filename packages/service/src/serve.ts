import { createServer, IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { systemClock } from './clock.js';
import { Connections, type ConnectionLimits } from './connections.js';
import { objectionToHost } from './hosts.js';
import type { Service } from './http.js';
import { ServiceError, type ErrorBody } from './errors.js';
import { onHangup, onStopSignal } from './signals.js';

const MIB = 1024 * 1024;
/** Connections that are still open this long after `close` are cut. Smaller: answers are lost. Larger: a stop takes longer. */
const CLOSE_GRACE_MS = 5_000;
/** For connections, requests and headers that come slowly. Smaller: callers on slow lines are cut. Larger: it costs less to hold one. */
const TIMEOUTS = {
  // Longer than a client keeps an idle connection. The other way round, a client could send on a connection that is just closed.
  keepAliveTimeout: 65_000,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2_000,
};
/** Room for a session, a path and the headers of a browser. Larger: a caller has more read before it is known who it is. */
const MAX_HEADER_BYTES = 8_192;
/** For a service whose callers are all strangers: clients of a gateway, operators at a node. */
export const OPEN_TO_ALL: ConnectionLimits = {
  strangers: 4_096,
  member: 4_096,
  unsentBytes: 128 * MIB,
  bodyBytes: 64 * MIB,
  sendMs: 30_000,
};

export interface ServeOptions {
  /** Names of the service, besides addresses and `localhost`. */
  readonly names?: readonly string[];
  readonly limits?: ConnectionLimits;
}

export interface Running {
  readonly port: number;
  /** How many are open. */
  readonly connections: () => number;
  /** Stops listening, releases waiting readers and lets answers under way finish. */
  readonly close: () => Promise<void>;
}

/**
 * A request that makes Node give up the rest of what it has read, once its connection is cut: Node does so for a request that changes the
 * protocol. Otherwise it would go on parsing, and one chunk of 64 KiB has thousands of small requests.
 */
class Incoming extends IncomingMessage {
  get upgrade(): boolean {
    return this.method === 'CONNECT' || this.socket.destroyed;
  }

  /** What else asks for another protocol is answered like any other request. */
  set upgrade(_asked: unknown) {
    // The getter says it.
  }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Hands all calls to the handler, also those that Node would answer by itself, as often as a caller likes. */
function serverFor(handler: Handler): Server {
  const shouldUpgradeCallback = ({ socket }: IncomingMessage): boolean => socket.destroyed;
  const own = { IncomingMessage: Incoming, shouldUpgradeCallback, requireHostHeader: false };
  const server = createServer({ ...TIMEOUTS, ...own, maxHeaderSize: MAX_HEADER_BYTES }, handler);
  return server.on('checkExpectation', handler);
}

/** Is this call for this service, and can it be answered? */
function objectionTo({ httpVersion, headers: { host, expect } }: IncomingMessage, names: readonly string[]): ServiceError | null {
  if (httpVersion === '1.1' && host === undefined) return new ServiceError(400, 'malformed_request', 'host: is missing');
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    return new ServiceError(417, 'unknown_expectation', 'expect: must be 100-continue, or be left out');
  }
  return objectionToHost(host, names);
}

/** Listens. @param port 0 for a free one */
export async function serve(service: Service, host: string, port: number, logger: Logger, options: ServeOptions = {}): Promise<Running> {
  const { names = [], limits = OPEN_TO_ALL } = options;
  const connections = new Connections(limits, systemClock);
  const server = serverFor((request, response) => {
    if (!connections.begin(request.socket, () => request.complete, response)) return;
    const objection = objectionTo(request, [host, ...names]);
    if (objection === null) service.app(request, response);
    else refuse(response, objection);
  });
  server.on('connection', (socket) => {
    connections.open(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  connections.watch();
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
    connections.close();
    clearInterval(idle);
    clearTimeout(cut);
    logger.info({ event: 'closed' }, 'Closed');
  };
  return { port: address.port, connections: () => connections.size, close };
}

/** Closes the connection, too: this caller has waited for no turn, and must not have the next answer at once. */
function refuse(response: ServerResponse, { status, code, message }: ServiceError): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', connection: 'close' });
  response.end(JSON.stringify({ error: { code, message } } satisfies ErrorBody));
}

/**
 * Runs a service as a program. It listens; on the first SIGTERM or SIGINT it closes and then calls `stop`. The process ends when
 * nothing is left to do, with code 1 when it could not listen.
 * @param stop ends what the service does besides answering calls
 */
export async function runService(
  service: Service,
  at: { HOST: string; PORT: number; ALLOWED_HOSTS: readonly string[] },
  logger: Logger,
  stop: () => Promise<void>,
  limits = OPEN_TO_ALL,
): Promise<void> {
  try {
    const running = await serve(service, at.HOST, at.PORT, logger, { names: at.ALLOWED_HOSTS, limits });
    onStopSignal(() => {
      running
        .close()
        .then(stop)
        .catch((error: unknown) => {
          logger.error({ event: 'close_failed', err: error }, 'The service did not close as it should');
          process.exitCode = 1;
        });
    });
    onHangup(() => {
      logger.warn({ event: 'hangup_ignored' }, 'SIGHUP: settings are read at the start only. The service goes on as it is');
    });
    // A program that reads this line may send signals from now on.
    logger.info({ event: 'listening', host: at.HOST, port: running.port }, 'Listening');
  } catch (error) {
    logger.fatal({ event: 'cannot_listen', err: error, host: at.HOST, port: at.PORT }, 'The address cannot be listened at');
    process.exitCode = 1;
    await stop();
  }
}
