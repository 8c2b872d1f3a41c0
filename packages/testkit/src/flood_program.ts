/**
 * A stranger who floods services: `node flood_program.js <calls a second> <kept connections> <silent connections> <url> …`. Kept
 * connections ask one call after the other; silent ones ask once and read nothing. A connection that is cut is opened again. It ends on
 * SIGTERM, and prints what it has counted.
 */
import { connect, type Socket } from 'node:net';

/** What a stranger asks a board and a gateway: much to read, much to check, and nothing that is signed. */
const CALLS: readonly (readonly [method: string, path: string, body?: string])[] = [
  ['GET', '/requests'],
  ['GET', '/nodes'],
  ['POST', '/requests', JSON.stringify({ message: 'nobody has asked for this' })],
  ['GET', '/status/req_1_unknown'],
  ['PUT', '/nodes/node-1', '{}'],
  ['GET', '/publickey'],
  ['POST', '/sign', '{"message":1}'],
  ['GET', '/messages?request_id=unknown&to_node=node-1'],
  ['GET', '/health'],
];
const STEP_MS = 20;
const AGAIN_MS = 500;
/** Calls that a connection makes up for at most, when it was not answered in time. */
const MAX_OWED = 20;

const [perSecond = 0, kept = 0, silent = 0] = process.argv.slice(2, 5).map(Number);
const urls = process.argv.slice(5).map((url) => new URL(url));
const counts = { asked: 0, answered: 0, cut: 0, statuses: {} as Record<string, number> };

function open(place: number): Socket {
  const url = urls[place % urls.length];
  const socket = connect(Number(url?.port), url?.hostname);
  socket.setNoDelay(true);
  // It is cut at any time, which is what this is for.
  socket.on('error', () => undefined);
  return socket;
}

function ask(socket: Socket, number: number): void {
  const [method, path, body] = CALLS[number % CALLS.length] ?? ['GET', '/'];
  const type = body === undefined ? '' : `content-type: application/json\r\ncontent-length: ${body.length}\r\n`;
  socket.write(`${method} ${path} HTTP/1.1\r\nhost: localhost\r\n${type}\r\n${body ?? ''}`);
  counts.asked += 1;
}

function keep(place: number): void {
  const socket = open(place);
  let number = place;
  let owed = 0;
  let isWaiting = false;
  const go = (): void => {
    if (isWaiting || owed < 1) return;
    isWaiting = true;
    owed -= 1;
    ask(socket, number++);
  };
  const timer = setInterval(() => {
    owed = Math.min(MAX_OWED, owed + (perSecond / kept) * (STEP_MS / 1000));
    go();
  }, STEP_MS);
  socket.on('data', (bytes: Buffer) => {
    const [, status = ''] = /^HTTP\/1\.1 (\d{3}) /.exec(bytes.toString('latin1', 0, 16)) ?? [];
    if (status === '') return;
    counts.statuses[status] = (counts.statuses[status] ?? 0) + 1;
    counts.answered += 1;
    isWaiting = false;
    go();
  });
  socket.on('close', () => {
    clearInterval(timer);
    counts.cut += 1;
    setTimeout(keep, AGAIN_MS, place);
  });
}

function holdSilently(place: number): void {
  const socket = open(place).pause();
  socket.on('connect', () => {
    ask(socket, 0);
  });
  // A paused socket does not learn that it was cut: a new one takes its place now and then.
  setTimeout(() => {
    socket.destroy();
    holdSilently(place);
  }, 20 * AGAIN_MS);
}

for (let place = 0; place < kept; place += 1) keep(place);
for (let place = 0; place < silent; place += 1) setTimeout(holdSilently, 2 * place, place);
process.on('SIGTERM', () => {
  process.stdout.write(`${JSON.stringify(counts)}\n`);
  process.exit(0);
});
