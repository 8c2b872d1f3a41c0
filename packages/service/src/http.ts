import express, { type Express, type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import type { Logger } from 'pino';
import { z } from 'zod';
import { checkBody } from './body.js';
import { admit, type Callers } from './callers.js';
import { noteBody, noteMember } from './connections.js';
import { ServiceError, type ErrorBody } from './errors.js';

/** Answers that say: not now. */
const RETRY_LATER: ReadonlySet<number> = new Set([429, 503]);
/** Smaller: a busy service is asked more often. Larger: clients wait though it is free again. */
const RETRY_AFTER_SECONDS = 1;

/** An Express app with its shutdown: `close` ends all waits, and later calls are answered 503. */
export interface Service {
  readonly app: Express;
  readonly close: () => void;
}

/** Aborts when the client is gone or the service closes. A route that waits for something then answers what it has. */
export type Ended = (response: Response) => AbortSignal;

/** A larger body is answered 413. */
type BodyLimit = number | ((request: Request) => number);

/**
 * An Express app that takes and answers JSON. `routes` adds the routes. Everything that they throw becomes an answer of one shape.
 * @param callers tells members from strangers; without it everybody is a stranger, and none has to wait
 */
export function jsonService(
  logger: Logger,
  maxBodyBytes: BodyLimit,
  routes: (app: Express, ended: Ended) => void,
  callers?: Callers,
): Service {
  const app = express();
  const waiting = new Set<AbortController>();
  let closing = false;
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  app.use((request, response, next) => {
    logWhenDone(logger, request, response);
    if (closing) response.set('connection', 'close');
    next(closing ? new ServiceError(503, 'closing', 'the service is shutting down') : undefined);
  });
  const ended: Ended = (response) => {
    const end = new AbortController();
    waiting.add(end);
    response.once('close', () => {
      waiting.delete(end);
      end.abort();
    });
    if (closing) end.abort();
    return end.signal;
  };
  if (callers !== undefined) app.use(tellCallers(callers, ended));
  app.use(requireJson, readBody(maxBodyBytes));
  routes(app, ended);
  refuseOtherMethods(app);
  app.use((request, _response, next) => {
    next(new ServiceError(404, 'unknown_route', `no route ${request.method} ${request.path.slice(0, 200)}`));
  });
  app.use((error: unknown, _request: Request, response: Response, next: NextFunction) => {
    answerError(logger, error, response, next);
  });
  const close = (): void => {
    closing = true;
    for (const end of waiting) end.abort();
  };
  return { app, close };
}

/** Answers 405 where a path has routes, and none of them with this method. */
function refuseOtherMethods(app: Express): void {
  const methods = new Map<string, Set<string>>();
  for (const { route } of app.router.stack) {
    if (route === undefined) continue;
    const known = methods.get(route.path) ?? new Set<string>();
    methods.set(route.path, known);
    for (const { method } of route.stack) known.add(method.toUpperCase());
    if (known.has('GET')) known.add('HEAD');
  }
  for (const [path, known] of methods) {
    const allowed = [...known].sort().join(', ');
    app.all(path, (request, response, next) => {
      response.set('allow', allowed);
      next(new ServiceError(405, 'method_not_allowed', `${request.method} is not for this path, which takes ${allowed}`));
    });
  }
}

/** For a route that has no query: an unknown field is refused here as everywhere. */
export const NoQuerySchema = z.strictObject({});

/** Parses what came from outside. @throws ServiceError 400 naming each wrong field */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value, { error: plainly });
  if (parsed.success) return parsed.data;
  const complaints = parsed.error.issues.slice(0, 5).map((issue) => {
    const where = issue.path.map((key) => String(key).slice(0, 64)).join('.');
    if (issue.code === 'unrecognized_keys') return issue.keys.slice(0, 5).map((key) => `${key.slice(0, 64)}: is not a known field`);
    return `${where === '' ? 'body' : where}: ${issue.message}`;
  });
  throw new ServiceError(400, 'invalid_request', [...new Set(complaints.flat())].join('; '));
}

const KINDS: Readonly<Record<string, string>> = {
  object: 'an object', array: 'a list', string: 'text', number: 'a number', int: 'a whole number', boolean: 'true or false',
};

/** What a schema says that has no words of its own; undefined for what zod says well. */
function plainly(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'invalid_type' && issue.code !== 'invalid_value') return undefined;
  if (issue.input === undefined) return 'is required';
  return `must be ${issue.code === 'invalid_type' ? (KINDS[issue.expected] ?? issue.expected) : issue.values.map(String).join(' or ')}`;
}

/** No route reads the body of another method. */
function takesBody({ method }: Request): boolean {
  return method === 'POST' || method === 'PUT';
}

function requireJson(request: Request, _response: Response, next: NextFunction): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(request.get('content-type') ?? '')?.[1] ?? 'utf-8';
  const json = request.is('application/json') !== false && charset.toLowerCase() === 'utf-8';
  const complaint = 'content-type: must be application/json in utf-8: call again with that header, and a body of JSON';
  next(takesBody(request) && !json ? new ServiceError(415, 'unsupported_media_type', complaint) : undefined);
}

function tellCallers(callers: Callers, ended: Ended): RequestHandler {
  return async (request, response, next) => {
    response.set(callers.headers());
    const caller = await admit(callers, request, response, () => ended(response));
    if (caller !== null) noteMember(request.socket, caller);
    next();
  };
}

function readBody(maxBytes: BodyLimit): RequestHandler {
  const readers = new Map<number, RequestHandler>();
  return (request, response, next) => {
    if (!takesBody(request)) {
      next();
      return;
    }
    const limit = typeof maxBytes === 'number' ? maxBytes : maxBytes(request);
    const verify = (_request: unknown, _response: unknown, body: Buffer): void => {
      checkBody(body);
    };
    const reader = readers.get(limit) ?? (express.json({ limit, inflate: false, verify }) as RequestHandler);
    readers.set(limit, reader);
    const stop = countBody(request, limit);
    reader(request, response, (error?: unknown) => {
      stop();
      next(error);
    });
  };
}

/** Counts what has come of a body while it is read. What is larger than `limit` is not kept. @returns ends it */
function countBody(request: Request, limit: number): () => void {
  let bytes = 0;
  const stop = (): void => {
    request.off('data', count);
    noteBody(request.socket, 0);
  };
  const count = (chunk: Buffer): void => {
    bytes += chunk.length;
    if (bytes > limit) stop();
    else noteBody(request.socket, bytes);
  };
  request.on('data', count);
  return stop;
}

const BODY_ERRORS: Readonly<Record<string, readonly [status: number, code: string, message: string]>> = {
  'entity.parse.failed': [400, 'malformed_json', 'body: is not JSON, or no object'],
  'entity.too.large': [413, 'body_too_large', 'body: is larger than this path takes'],
  'encoding.unsupported': [415, 'unsupported_media_type', 'content-encoding: is not supported'],
  'request.aborted': [400, 'aborted', 'body: was cut off'],
  'request.size.invalid': [400, 'malformed_request', 'content-length: does not match the body'],
};

function asServiceError(error: unknown): ServiceError | undefined {
  if (error instanceof ServiceError) return error;
  if (error instanceof URIError) return new ServiceError(400, 'malformed_request', 'path: is not well-formed');
  const type = error instanceof Error && 'type' in error ? String(error.type) : '';
  const known = BODY_ERRORS[type];
  if (known === undefined) return undefined;
  const [status, code, message] = known;
  const limit = error instanceof Error && 'limit' in error ? `, which is ${String(error.limit)} bytes` : '';
  return new ServiceError(status, code, `${message}${limit}`);
}

function answerError(logger: Logger, error: unknown, response: Response, next: NextFunction): void {
  const known = asServiceError(error);
  if (known === undefined) logger.error({ event: 'unexpected_error', err: error }, 'A call failed for a reason that it should not have');
  if (response.headersSent) {
    next(error);
    return;
  }
  const { status, code, message } = known ?? { status: 500, code: 'internal_error', message: 'something went wrong here' };
  if (RETRY_LATER.has(status)) response.set('retry-after', String(RETRY_AFTER_SECONDS));
  response.status(status).json({ error: { code, message } } satisfies ErrorBody);
}

function logWhenDone(logger: Logger, request: Request, response: Response): void {
  if (!logger.isLevelEnabled('debug')) return;
  const start = performance.now();
  response.once('close', () => {
    const route = request.route as { path?: unknown } | undefined;
    const ms = Math.round(performance.now() - start);
    const fields = { method: request.method, route: route?.path ?? null, status: response.statusCode, ms };
    logger.debug({ event: 'http_request', ...fields }, 'HTTP request answered');
  });
}
