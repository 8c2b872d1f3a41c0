/** What bounds a real server: its connections, requests, answers that nobody reads, and the names that it answers to. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { until } from 'testkit/eventually';
import { noteMember, type ConnectionLimits } from '../src/connections.js';
import { jsonService } from '../src/http.js';
import { serve, type Running, type ServeOptions } from '../src/serve.js';

const LIMITS: ConnectionLimits = { strangers: 3, member: 2, unsentBytes: 8 << 20, bodyBytes: 1 << 20, sendMs: 600_000 };
const BIG = 'x'.repeat(24 << 20);

let running: Running;
const sockets: Caller[] = [];
afterEach(async () => {
  for (const { socket } of sockets.splice(0)) socket.destroy();
  await running.close();
});

/** JSON of so many bytes. */
function bodyOf(bytes: number): string {
  return `["${'x'.repeat(bytes - 4)}"]`;
}

/** A connection that is written to by hand. */
class Caller {
  text = '';
  isClosed = false;

  constructor(readonly socket: Socket) {
    socket.on('data', (bytes: Buffer) => {
      this.text += bytes.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  /** @param times how often it is sent, all in one write */
  get(path: string, headers = 'host: 127.0.0.1\r\n', times = 1): void {
    this.socket.write(`GET ${path} HTTP/1.1\r\n${headers}\r\n`.repeat(times));
  }

  /** Sends a body of so many bytes, or the beginning of one. */
  post(path: string, bytes: number, sent = bytes): void {
    const headers = `host: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${bytes}\r\n`;
    this.socket.write(`POST ${path} HTTP/1.1\r\n${headers}\r\n${bodyOf(bytes).slice(0, sent)}`);
  }

  async answer(): Promise<string> {
    await until(() => this.text.includes('\r\n\r\n') || this.isClosed);
    return this.text.split('\r\n', 1)[0] ?? '';
  }
}

async function call(): Promise<Caller> {
  const socket = connect(running.port, '127.0.0.1');
  const caller = new Caller(socket);
  sockets.push(caller);
  await once(socket, 'connect');
  return caller;
}

/** A service with a route that never answers, one that answers a lot, and one whose callers are members. */
async function start(limits: Partial<ConnectionLimits> = {}, options: ServeOptions = {}) {
  const logger = pino({ level: 'silent' });
  let isHeld = 0;
  const service = jsonService(logger, 200_000, (app) => {
    app.post('/body', (_request, response) => {
      response.json({ status: 'ok' });
    });
    app.get('/held', () => {
      isHeld += 1;
    });
    app.get('/big', (_request, response) => {
      response.json(BIG);
    });
    app.get('/quick', (_request, response) => {
      response.json({ status: 'ok' });
    });
    app.get('/member/:name', (request, response) => {
      noteMember(request.socket, request.params.name);
      response.json({ status: 'ok' });
    });
  });
  running = await serve(service, '127.0.0.1', 0, logger, { limits: { ...LIMITS, ...limits }, ...options });
  return { held: () => isHeld };
}

describe('one request at a time', () => {
  it('a connection that asks again before it is answered is cut, and nothing of that is answered', async () => {
    const { held } = await start();
    const caller = await call();
    caller.get('/held', undefined, 150);
    await until(() => caller.isClosed);
    expect([held(), caller.text]).toEqual([1, '']);
  });

  it.each<[what: string, request: string]>([
    ['ask again', 'GET /held HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'],
    ['expect what is not known', 'GET /quick HTTP/1.1\r\nhost: 127.0.0.1\r\nexpect: x\r\n\r\n'],
    ['expect to be told to go on', 'POST /held HTTP/1.1\r\nhost: 127.0.0.1\r\nexpect: 100-continue\r\ncontent-length: 0\r\n\r\n'],
    ['name no host', 'GET /quick HTTP/1.1\r\n\r\n'],
    ['name another host', 'GET /quick HTTP/1.1\r\nhost: evil.example\r\n\r\n'],
    ['ask for a tunnel', 'CONNECT 127.0.0.1:1 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n'],
    ['are no requests', 'x\r\n\r\n'],
  ])('a thousand in one write that %s cost two', async (_what, one) => {
    let parsed = 0;
    const count = (): void => {
      parsed += 1;
    };
    await start();
    const caller = await call();
    subscribe('http.server.request.start', count);
    caller.socket.write(one.repeat(1_000));
    await until(() => caller.isClosed);
    unsubscribe('http.server.request.start', count);
    // The first is answered, and may be told to go on before.
    expect([parsed <= 2, caller.text.split('HTTP/1.1 ').length <= 3]).toEqual([true, true]);
  });

  it.each([
    ['an unknown expectation', 'host: 127.0.0.1\r\nexpect: x\r\n', '417 Expectation Failed'],
    ['no host', '', '400 Bad Request'],
    ['another host', 'host: evil.example\r\n', '421 Misdirected Request'],
  ])('one with %s is refused, and its connection closed', async (_what, headers, status) => {
    await start();
    const caller = await call();
    caller.get('/quick', headers);
    expect(await caller.answer()).toBe(`HTTP/1.1 ${status}`);
    await until(() => caller.isClosed);
  });

  it('one that asks after the answer is served', async () => {
    await start();
    const caller = await call();
    for (let k = 0; k < 3; k += 1) {
      caller.text = '';
      caller.get('/quick');
      expect(await caller.answer()).toBe('HTTP/1.1 200 OK');
    }
  });
});

describe('more connections of strangers than their share', () => {
  it('cut the one that has been idle for longest, and none that waits for an answer', async () => {
    const { held } = await start();
    const [first, second, third] = [await call(), await call(), await call()];
    first.get('/held');
    await until(() => held() === 1);
    const fourth = await call();
    await until(() => second.isClosed);
    third.get('/held');
    await until(() => held() === 2);
    await call();
    await until(() => fourth.isClosed);
    expect([first.isClosed, third.isClosed]).toEqual([false, false]);
  });

  it('cut the oldest, when all wait', async () => {
    const { held } = await start();
    const callers = [await call(), await call(), await call()];
    for (const [k, caller] of callers.entries()) {
      caller.get('/held');
      await until(() => held() === k + 1);
    }
    const newest = await call();
    await until(() => callers[0]?.isClosed === true);
    newest.get('/quick');
    expect(await newest.answer()).toBe('HTTP/1.1 200 OK');
    expect(callers.map(({ isClosed }) => isClosed)).toEqual([true, false, false]);
  });

  it('cut no member, and one member has no more than its own share', async () => {
    await start();
    const [one, two] = [await call(), await call()];
    one.get('/member/node-1');
    await one.answer();
    two.get('/member/node-2');
    await two.answer();
    for (let k = 0; k < 10; k += 1) await call();
    for (let k = 0; k < 2; k += 1) {
      const more = await call();
      more.get('/member/node-2');
      await more.answer();
    }
    await until(() => two.isClosed);
    expect(one.isClosed).toBe(false);
  });
});

describe('answers that nobody reads', () => {
  it('are cut when all of them are too much', async () => {
    await start({ unsentBytes: 40 << 20 });
    const [first, second] = [await call(), await call()];
    for (const caller of [first, second]) {
      caller.socket.pause();
      caller.get('/big');
    }
    // Only a socket that reads learns that it was cut.
    await until(() => running.connections() <= 1);
    const third = await call();
    third.get('/quick');
    expect(await third.answer()).toBe('HTTP/1.1 200 OK');
  });

  it('are cut when they take too long', async () => {
    await start({ sendMs: 100, unsentBytes: 1 << 30 });
    const slow = await call();
    slow.socket.pause();
    slow.get('/big');
    await until(() => running.connections() === 0);
  });

  it('are sent to whoever reads', async () => {
    await start({ unsentBytes: 1 << 30 });
    const caller = await call();
    caller.get('/big');
    await until(() => caller.text.length > BIG.length);
    expect(caller.isClosed).toBe(false);
  });
});

describe('unfinished bodies', () => {
  const limits = { strangers: 10, bodyBytes: 250_000 };
  /** A caller that has sent 100,000 bytes of a body, when this resolves, and owes the rest. */
  const slow = async (caller?: Caller): Promise<Caller> => {
    const sender = caller ?? (await call());
    sender.post('/body', 150_000, 100_000);
    const other = await call();
    other.get('/quick');
    await other.answer();
    return sender;
  };
  const finish = (sender: Caller): Promise<string> => {
    sender.text = '';
    sender.socket.write(bodyOf(150_000).slice(100_000));
    return sender.answer();
  };

  it('cut the one that has taken the longest, when all of them are too much', async () => {
    await start(limits);
    const [first, second, third] = [await slow(), await slow(), await slow()];
    await until(() => first.isClosed);
    expect([await finish(second), await finish(third)]).toEqual(['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK']);
  });

  it('of strangers cut no member', async () => {
    await start(limits);
    const member = await call();
    member.get('/member/node-1');
    await member.answer();
    await slow(member);
    const [first] = [await slow(), await slow(), await slow()];
    await until(() => first.isClosed);
    expect(await finish(member)).toBe('HTTP/1.1 200 OK');
  });

  it('are not those that have come, and not what is too large to be kept', async () => {
    await start(limits);
    const sender = await slow();
    for (let k = 0; k < 3; k += 1) {
      const other = await call();
      other.post('/body', 150_000);
      expect(await other.answer()).toBe('HTTP/1.1 200 OK');
    }
    expect(await finish(sender)).toBe('HTTP/1.1 200 OK');
    sender.text = '';
    sender.post('/body', 2_000_000);
    expect(await sender.answer()).toBe('HTTP/1.1 413 Payload Too Large');
  });

  it.each(['GET', 'HEAD', 'DELETE'])('are not waited for with %s: no route reads one', async (method) => {
    await start(limits);
    const caller = await call();
    caller.socket.write(`${method} /quick HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"x"`);
    expect(await caller.answer()).toBe(method === 'DELETE' ? 'HTTP/1.1 405 Method Not Allowed' : 'HTTP/1.1 200 OK');
    await until(() => caller.isClosed);
  });
});

describe('the name that is called', () => {
  const OWN = ['127.0.0.1:8080', '[::1]:8080', '10.0.0.7', 'localhost:8080', 'LocalHost', 'board.example:1', 'board.example.'];
  it.each(OWN)('%s is answered', async (host) => {
    await start({}, { names: ['board.example'] });
    const caller = await call();
    caller.get('/quick', `host: ${host}\r\n`);
    expect(await caller.answer()).toBe('HTTP/1.1 200 OK');
  });

  it.each(['evil.example', 'board.example.evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'x@localhost', 'localhost:x'])(
    '%s is answered 421 with what to do',
    async (host) => {
      await start({}, { names: ['board.example'] });
      const caller = await call();
      caller.get('/quick', `host: ${host}\r\n`);
      expect(await caller.answer()).toBe('HTTP/1.1 421 Misdirected Request');
      await until(() => caller.text.includes('ALLOWED_HOSTS'));
    },
  );
});

it('headers that are too long are refused before anything is read from them', async () => {
  await start();
  const caller = await call();
  caller.get('/quick', `host: 127.0.0.1\r\nx-member: ${'x'.repeat(10_000)}\r\n`);
  expect(await caller.answer()).toBe('HTTP/1.1 431 Request Header Fields Too Large');
});
