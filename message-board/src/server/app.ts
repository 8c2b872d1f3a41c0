import type { Express, Request, Response } from 'express';
import type { Logger } from 'pino';
import type { Roster } from 'sealing/roster';
import { z } from 'zod';
import { Board } from './board.js';
import {
  CreatePresignatureRequestSchema,
  CreateRequestSchema,
  GetRequestSchema,
  HeartbeatSchema,
  INSTANCE_HEADER,
  ListMessagesSchema,
  ListNodesSchema,
  ListPartialSignaturesSchema,
  ListPresignatureRequestsSchema,
  ListRequestsSchema,
  NodeIdSchema,
  PostMessageSchema,
  PostPartialSignatureQuerySchema,
  PostPartialSignatureSchema,
  PublicKeySchema,
  RequestIdSchema,
  UpdatePresignatureRequestSchema,
  UpdateRequestSchema,
  WaitQuerySchema,
} from '../contract/contract.js';
import { entryBytes } from '../store/entry_log.js';
import { ServiceError } from 'service/errors';
import { jsonService, parse, type Ended, type Service } from 'service/http';
import { firstPage, type Limits } from './limits.js';
import { presignatureRequestBytes } from '../store/presignature_request_store.js';
import { requestBytes } from '../store/request_store.js';
import { Waiters } from './waiters.js';

export interface AppDeps {
  readonly limits: Limits;
  /** Against which envelopes and statements are checked; null: nothing is checked. */
  readonly roster: Roster | null;
  readonly maxBodyBytes: number;
  /** Readers held back at one time. */
  readonly maxWaiting: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** At least 64 random bits, in hexadecimal. */
  readonly random: () => string;
  readonly logger: Logger;
}

export interface BoardService extends Service {
  /** Forgets what is old; to be called every few seconds. */
  readonly expire: () => void;
}

export function createApp(deps: AppDeps): BoardService {
  const waiters = new Waiters(deps.maxWaiting);
  const changed = (topic: string, isUrgent = true): void => {
    if (isUrgent) waiters.wake(topic);
    else waiters.wakeSoon(topic);
  };
  const board = new Board({ ...deps, changed });
  const service = jsonService(deps.logger, deps.maxBodyBytes, (app, ended) => {
    const held = holder(waiters, ended);
    app.use((_request, response, next) => {
      response.set(INSTANCE_HEADER, board.instance);
      next();
    });
    app.get('/health', (_request, response) => {
      response.json(board.health(waiters.size));
    });
    requestRoutes(app, board, held, deps.logger);
    entryRoutes(app, board, held);
    presignatureRequestRoutes(app, board, held);
    publicKeyRoutes(app, board, held, deps.logger);
    nodeRoutes(app, board, held);
  });
  const expire = (): void => {
    board.expire();
  };
  return { ...service, expire };
}

/** Reads; and again at each change of `topic` until `ready`, at most `wait` ms. */
type Held = <T>(response: Response, topic: string, wait: number | undefined, read: () => T, ready: (answer: T) => boolean) => Promise<T>;

function holder(waiters: Waiters, ended: Ended): Held {
  return async (response, topic, wait, read, ready) => {
    let answer = read();
    if (wait === undefined || ready(answer)) return answer;
    const signal = ended(response);
    const end = performance.now() + wait;
    while (!ready(answer) && (await waiters.wait(topic, end - performance.now(), signal))) answer = read();
    return answer;
  };
}

function notEmpty(list: readonly unknown[]): boolean {
  return list.length > 0;
}

const PathSchema = z.object({ id: RequestIdSchema });
function idOf(request: Request): string {
  return parse(PathSchema, request.params).id;
}

function requestRoutes(app: Express, board: Board, held: Held, logger: Logger): void {
  const { requests } = board;
  app.post('/requests', async (request, response) => {
    const record = await board.createRequest(parse(CreateRequestSchema, request.body));
    logger.info({ event: 'request_posted', request_id: record.id }, 'Signing request posted');
    response.json(record);
  });
  app.get('/requests', async (request, response) => {
    const query = parse(ListRequestsSchema, request.query);
    const read = () => firstPage(requests.list(query), requestBytes);
    response.json(await held(response, 'requests', query.wait, read, notEmpty));
  });
  app.get('/requests/:id', async (request, response) => {
    const id = idOf(request);
    const { status, wait } = parse(GetRequestSchema, request.query);
    const read = () => requests.get(id);
    response.json(await held(response, `request ${id}`, wait, read, (record) => record.status !== status));
  });
  app.put('/requests/:id', async (request, response) => {
    const id = idOf(request);
    const record = await board.updateRequest(id, parse(UpdateRequestSchema, request.body));
    logger.info({ event: 'request_updated', request_id: id, status: record.status, reason: record.reason }, 'Signing request updated');
    response.json(record);
  });
}

function entryRoutes(app: Express, board: Board, held: Held): void {
  app.post('/messages', async (request, response) => {
    response.json(await board.postMessage(parse(PostMessageSchema, request.body)));
  });
  app.get('/messages', async (request, response) => {
    const { request_id, to_node, after, wait } = parse(ListMessagesSchema, request.query);
    const read = () => firstPage(board.messages(request_id, to_node, after), entryBytes);
    response.json(await held(response, `messages ${request_id}`, wait, read, notEmpty));
  });
  app.post('/presignature-messages', async (request, response) => {
    response.json(await board.postPresignatureMessage(parse(PostMessageSchema, request.body)));
  });
  app.get('/presignature-messages', async (request, response) => {
    const { request_id, to_node, after, wait } = parse(ListMessagesSchema, request.query);
    const read = () => firstPage(board.presignatureMessages(request_id, to_node, after), entryBytes);
    response.json(await held(response, `presignature-messages ${request_id}`, wait, read, notEmpty));
  });
  app.post('/partial-signatures', async (request, response) => {
    const { list } = parse(PostPartialSignatureQuerySchema, request.query);
    const entry = await board.postPartialSignature(parse(PostPartialSignatureSchema, request.body));
    response.json(list === undefined ? entry : firstPage(board.partialSignatures(entry.request_id, undefined), entryBytes));
  });
  app.get('/partial-signatures', async (request, response) => {
    const { request_id, after, wait } = parse(ListPartialSignaturesSchema, request.query);
    const read = () => firstPage(board.partialSignatures(request_id, after), entryBytes);
    response.json(await held(response, `partial-signatures ${request_id}`, wait, read, notEmpty));
  });
}

function presignatureRequestRoutes(app: Express, board: Board, held: Held): void {
  const { presignatureRequests } = board;
  app.post('/presignature-requests', async (request, response) => {
    response.json(await board.createPresignatureRequest(parse(CreatePresignatureRequestSchema, request.body)));
  });
  app.get('/presignature-requests', async (request, response) => {
    const { status, after, wait } = parse(ListPresignatureRequestsSchema, request.query);
    const read = () => firstPage(presignatureRequests.works.records(status, after), presignatureRequestBytes);
    response.json(await held(response, 'presignature-requests', wait, read, notEmpty));
  });
  app.put('/presignature-requests/:id', (request, response) => {
    const { status } = parse(UpdatePresignatureRequestSchema, request.body);
    response.json(presignatureRequests.update(idOf(request), status));
  });
}

function publicKeyRoutes(app: Express, board: Board, held: Held, logger: Logger): void {
  app.post('/publickey', (request, response) => {
    const { public_key } = parse(PublicKeySchema, request.body);
    board.postPublicKey(public_key);
    logger.info({ event: 'public_key_posted' }, 'Public key posted');
    response.json({ public_key });
  });
  app.get('/publickey', async (request, response) => {
    const { wait } = parse(WaitQuerySchema, request.query);
    const public_key = await held(response, 'publickey', wait, () => board.getPublicKey(), (key) => key !== undefined);
    if (public_key === undefined) throw new ServiceError(404, 'no_public_key', 'no public key has been posted');
    response.json({ public_key });
  });
}

const NodePathSchema = z.object({ node_id: NodeIdSchema });

function nodeRoutes(app: Express, board: Board, held: Held): void {
  const { presence } = board;
  app.put('/nodes/:node_id', async (request, response) => {
    const { node_id } = parse(NodePathSchema, request.params);
    response.json(await board.hear(node_id, parse(HeartbeatSchema, request.body)));
  });
  app.get('/nodes', async (request, response) => {
    const { changed_after, wait } = parse(ListNodesSchema, request.query);
    await held(response, 'nodes', wait, () => presence.hasChangedAfter(changed_after), (changed) => changed);
    response.json(firstPage(presence.list(), ({ status, statement = '' }) => 2 * (JSON.stringify(status).length + statement.length) + 512));
  });
}
