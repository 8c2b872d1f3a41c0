import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'undici';

/** What the gateway has asked the board. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Turns the true answer to a call into what the gateway is told. */
export type Lie = (asked: Call, truth: Answer) => Answer;

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** Passes calls on to a true board, and answers what the test makes of the board's answers. It is honest until it is told a lie. */
export async function lyingBoard(boardUrl: string) {
  let lie: Lie = (_asked, truth) => truth;
  const asked: Call[] = [];
  let hanging: Promise<void> = Promise.resolve();
  let hangs: (asked: Call) => boolean = () => false;
  const server = createServer((incoming, outgoing) => {
    const { method = 'GET', url: path = '/' } = incoming;
    const answer = async (): Promise<void> => {
      const text = await textOf(incoming);
      const json = text === '' ? undefined : (JSON.parse(text) as unknown);
      asked.push({ method, path, body: json });
      if (hangs({ method, path, body: json })) await hanging;
      const session = incoming.headers['x-member'];
      const passed = typeof session === 'string' ? { 'x-member': session } : {};
      const { statusCode, headers, body } = await request(boardUrl + path, {
        method: method as 'GET',
        headers: { ...passed, ...(text === '' ? {} : { 'content-type': 'application/json' }) },
        ...(text === '' ? {} : { body: text }),
      });
      const told = lie({ method, path, body: json }, { status: statusCode, body: await body.json() });
      const instance = headers['x-board-instance'] ?? '';
      const names = { 'x-board-instance': instance, 'x-board-time': headers['x-board-time'] ?? '' };
      outgoing.writeHead(told.status, { 'content-type': 'application/json', ...names }).end(JSON.stringify(told.body));
    };
    answer().catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** What the gateway has asked. */
    asked,
    tell: (next: Lie): void => {
      lie = next;
    },
    /** From now on none of these calls reaches the board, until the function is called that this returns: then all of them do. */
    hang: (these: (asked: Call) => boolean = () => true): (() => void) => {
      let release = (): void => undefined;
      hangs = these;
      hanging = new Promise((resolve) => {
        release = resolve;
      });
      return () => {
        release();
      };
    },
    close: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
export type LyingBoard = Awaited<ReturnType<typeof lyingBoard>>;
