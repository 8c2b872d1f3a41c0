/** The board's routes, as the contract describes them. */
import type { Express, Request, Response } from 'express';
import type { Logger } from 'pino';
import type { Clock } from 'service/clock';
import { callerOf } from 'service/callers';
import { ServiceError } from 'service/errors';
import { NoQuerySchema, parse, type Ended } from 'service/http';
import type { Turns } from 'service/turns';
import { z } from 'zod';
import {
  CreatePresignatureRequestSchema, CreateRequestSchema, GetRequestSchema, HeartbeatSchema, ListMessagesSchema, ListNodesSchema,
  ListPartialSignaturesSchema, ListPresignatureRequestsSchema, ListRequestsSchema, ListUnsignedRequestsSchema, NodeIdSchema,
  PostMessageSchema, PostPartialSignatureQuerySchema, PostPartialSignatureSchema, PublicKeySchema, RefuseUnsignedRequestsSchema,
  RequestIdSchema, UpdatePresignatureRequestSchema, UpdateRequestSchema, WaitQuerySchema,
} from '../contract/contract.js';
import { entryBytes } from '../store/entry_log.js';
import { nodeRecordBytes } from '../store/node_store.js';
import { presignatureRequestBytes } from '../store/presignature_request_store.js';
import { requestBytes } from '../store/request_store.js';
import type { Board } from './board.js';
import { firstPage, pageBytes } from './pages.js';
import type { Waiters } from './waiters.js';

/**
 * Reads, and reads again at each change of `topic`, until `isReady` or until `waitMs` milliseconds are over. It reads only once without
 * `waitMs`, and when the client is gone.
 * @returns what it has read last
 */
export type HeldReading = <T>(
  response: Response,
  topic: string,
  waitMs: number | undefined,
  read: () => T,
  isReady: (answer: T) => boolean,
) => Promise<T>;

/** How routes hold back an answer. @param turns those in which each caller reads again; without them, all do at once */
export function holder(waiters: Waiters, ended: Ended, clock: Clock, turns?: Turns): HeldReading {
  return async (response, topic, waitMs, read, isReady) => {
    let answer = read();
    if (waitMs === undefined || isReady(answer)) return answer;
    const signal = ended(response);
    const end = clock.monotonic() + waitMs;
    const caller = callerOf(response);
    while (!isReady(answer) && (await waiters.wait(topic, end - clock.monotonic(), signal, caller))) {
      await turns?.turn(caller, () => signal);
      answer = read();
    }
    return answer;
  };
}

/** What of a list fits an answer to this reader. */
function pager(board: Board, response: Response) {
  const maxBytes = pageBytes(board.isSealed, callerOf(response));
  return <T>(items: Iterable<T>, bytesOf: (item: T) => number): T[] => firstPage(items, bytesOf, maxBytes);
}

function notEmpty(list: readonly unknown[]): boolean {
  return list.length > 0;
}

/** What the routes need. */
export interface RouteDeps {
  readonly app: Express;
  readonly board: Board;
  readonly held: HeldReading;
  readonly logger: Logger;
}

/** Adds every route but `/health`. */
export function addRoutes(deps: RouteDeps): void {
  requestRoutes(deps);
  unsignedRequestRoutes(deps);
  entryRoutes(deps);
  presignatureRequestRoutes(deps);
  publicKeyRoutes(deps);
  nodeRoutes(deps);
}

const PathSchema = z.object({ id: RequestIdSchema });
function idOf(request: Request): string {
  return parse(PathSchema, request.params).id;
}

/** The topic of whoever is shown requests that the gateway has not signed, too. */
export const REQUESTS_OF_ALL = 'requests of all';

function requestRoutes({ app, board, held, logger }: RouteDeps): void {
  app.post('/requests', async (request, response) => {
    parse(NoQuerySchema, request.query);
    const record = await board.createRequest(parse(CreateRequestSchema, request.body), callerOf(response));
    logger.info({ event: 'request_posted', request_id: record.id }, 'Signing request posted');
    response.json(record);
  });
  app.get('/requests', async (request, response) => {
    const query = parse(ListRequestsSchema, request.query);
    const page = pager(board, response);
    const read = () => page(board.listRequests(query, callerOf(response)), requestBytes);
    const topic = board.isSealed && callerOf(response) === null ? REQUESTS_OF_ALL : 'requests';
    response.json(await held(response, topic, query.wait, read, notEmpty));
  });
  app.get('/requests/:id', async (request, response) => {
    const id = idOf(request);
    const { status, wait } = parse(GetRequestSchema, request.query);
    await held(response, `request ${id}`, wait, () => board.getRequest(id).status, (now) => now !== status);
    // Read anew: its age is that of this answer.
    response.json(board.getRequest(id));
  });
  app.put('/requests/:id', async (request, response) => {
    const id = idOf(request);
    const record = await board.updateRequest(id, parse(UpdateRequestSchema, request.body));
    const { status, reason } = record;
    logger.info({ event: 'request_updated', request_id: id, status, reason }, 'Signing request updated');
    response.json(record);
  });
}

function unsignedRequestRoutes({ app, board, held }: RouteDeps): void {
  app.get('/unsigned-requests', async (request, response) => {
    const { wait } = parse(ListUnsignedRequestsSchema, request.query);
    const read = () => board.unsigned.pending(callerOf(response));
    response.json(await held(response, 'unsigned-requests', wait, read, notEmpty));
  });
  app.put('/unsigned-requests', async (request, response) => {
    const { refusal } = parse(RefuseUnsignedRequestsSchema, request.body);
    response.json({ refused: await board.refuseUnsigned(refusal) });
  });
}

function entryRoutes({ app, board, held }: RouteDeps): void {
  app.post('/messages', async (request, response) => {
    response.json(await board.entries.postMessage(parse(PostMessageSchema, request.body), callerOf(response)));
  });
  app.get('/messages', async (request, response) => {
    const { request_id, to_node, after, wait } = parse(ListMessagesSchema, request.query);
    const page = pager(board, response);
    const read = () => page(board.entries.messages(request_id, to_node, after, callerOf(response)), entryBytes);
    response.json(await held(response, `messages ${request_id}`, wait, read, notEmpty));
  });
  app.post('/presignature-messages', async (request, response) => {
    response.json(await board.entries.postPresignatureMessage(parse(PostMessageSchema, request.body), callerOf(response)));
  });
  app.get('/presignature-messages', async (request, response) => {
    const { request_id, to_node, after, wait } = parse(ListMessagesSchema, request.query);
    const page = pager(board, response);
    const read = () => page(board.entries.presignatureMessages(request_id, to_node, after), entryBytes);
    response.json(await held(response, `presignature-messages ${request_id}`, wait, read, notEmpty));
  });
  app.post('/partial-signatures', async (request, response) => {
    const { list } = parse(PostPartialSignatureQuerySchema, request.query);
    const entry = await board.entries.postPartialSignature(parse(PostPartialSignatureSchema, request.body), callerOf(response));
    const page = pager(board, response);
    response.json(list === undefined ? entry : page(board.entries.partialSignatures(entry.request_id, undefined), entryBytes));
  });
  app.get('/partial-signatures', async (request, response) => {
    const { request_id, after, wait } = parse(ListPartialSignaturesSchema, request.query);
    const page = pager(board, response);
    const read = () => page(board.entries.partialSignatures(request_id, after), entryBytes);
    response.json(await held(response, `partial-signatures ${request_id}`, wait, read, notEmpty));
  });
}

function presignatureRequestRoutes({ app, board, held }: RouteDeps): void {
  const { presignatureRequests } = board;
  app.post('/presignature-requests', async (request, response) => {
    response.json(await board.createPresignatureRequest(parse(CreatePresignatureRequestSchema, request.body), callerOf(response)));
  });
  app.get('/presignature-requests', async (request, response) => {
    const { status, after, wait } = parse(ListPresignatureRequestsSchema, request.query);
    const page = pager(board, response);
    const read = () => page(presignatureRequests.works.records(status, after), presignatureRequestBytes);
    response.json(await held(response, 'presignature-requests', wait, read, notEmpty));
  });
  app.put('/presignature-requests/:id', (request, response) => {
    const { status } = parse(UpdatePresignatureRequestSchema, request.body);
    response.json(board.updatePresignatureRequest(idOf(request), status, callerOf(response)));
  });
}

function publicKeyRoutes({ app, board, held, logger }: RouteDeps): void {
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

function nodeRoutes({ app, board, held }: RouteDeps): void {
  const { nodes } = board;
  app.put('/nodes/:node_id', async (request, response) => {
    const { node_id } = parse(NodePathSchema, request.params);
    response.json(await board.hear(node_id, parse(HeartbeatSchema, request.body)));
  });
  app.get('/nodes', async (request, response) => {
    const { changed_after, wait } = parse(ListNodesSchema, request.query);
    await held(response, 'nodes', wait, () => nodes.hasChangedAfter(changed_after), (changed) => changed);
    // Members need all nodes. Each node makes only its own record longer, up to the bounds of its statements.
    const isMember = board.isSealed && callerOf(response) !== null;
    response.json(isMember ? [...nodes.list()] : pager(board, response)(nodes.list(), nodeRecordBytes));
  });
}
