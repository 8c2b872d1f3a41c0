/**
 * What bounds the connections of a server. Strangers have one share of them, and each member has one of its own. Whoever wants more than
 * its share loses connections of its own.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { every, type Clock, type Timer } from './clock.js';

/** The unsent answers are measured this often, ms. Smaller: more work. Larger: more is stored before it is noticed. */
const LOOK_MS = 250;
/** A caller whose request was answered before its end may go on sending it for this long, ms. Smaller: it is cut before it reads that. */
const LINGER_MS = 1_000;

export interface ConnectionLimits {
  /** Connections of all strangers together. With a smaller value, honest ones are cut sooner. With a larger one, they cost more memory. */
  readonly strangers: number;
  /** Connections of one member. With a smaller value, a busy member is cut off. With a larger one, a corrupt one has more of the board. */
  readonly member: number;
  /**
   * Bytes of answers that one member, or all strangers together, have not read yet. With a smaller value, slow readers are cut sooner. With
   * a larger one, they cost more memory.
   */
  readonly unsentBytes: number;
  /**
   * Bytes of bodies that one member, or all strangers together, have begun to send. With a smaller value, slow senders are cut sooner. With
   * a larger one, they cost more memory.
   */
  readonly bodyBytes: number;
  /** Time for an answer to be sent, ms. With a smaller value, callers on slow lines are cut. With a larger one, they hold memory longer. */
  readonly sendMs: number;
}

interface Connection {
  readonly socket: Socket;
  group: Group;
  /** What it waits for; null while it is idle. */
  answer: ServerResponse | null;
  /** Since when its answer has been ready, but not sent. */
  unsentSince: number | undefined;
  /** How much has come of a body that has not come as a whole. */
  bodyBytes: number;
}

/** The connections of one member, or of all strangers. Each set has the one first that has been in it for longest. */
class Group {
  readonly idle = new Set<Connection>();
  readonly busy = new Set<Connection>();
  /** Of all its connections. */
  bodyBytes = 0;

  constructor(readonly max: number) {}

  get size(): number {
    return this.idle.size + this.busy.size;
  }

  /** Whom it hurts least. */
  get first(): Connection | undefined {
    const [idle] = this.idle;
    const [busy] = this.busy;
    return idle ?? busy;
  }

  move(connection: Connection, to: 'idle' | 'busy' | null): void {
    this.idle.delete(connection);
    this.busy.delete(connection);
    if (to !== null) this[to].add(connection);
  }
}

const connections = new WeakMap<Socket, { readonly of: Connections; readonly connection: Connection }>();

/** Tells the server of this connection, if it keeps count, that a member has it. */
export function noteMember(socket: Socket, member: string): void {
  const found = connections.get(socket);
  found?.of.belongsTo(found.connection, member);
}

/** Tells the server of this connection, if it keeps count, how much has come of a body. @param bytes 0 when it is there, or refused */
export function noteBody(socket: Socket, bytes: number): void {
  const found = connections.get(socket);
  found?.of.hasBody(found.connection, bytes);
}

/** All connections of one server. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #clock: Clock;
  readonly #strangers: Group;
  readonly #members = new Map<string, Group>();
  #looking: Timer | null = null;

  constructor(limits: ConnectionLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#strangers = new Group(limits.strangers);
  }

  /** How many are open. */
  get size(): number {
    return [this.#strangers, ...this.#members.values()].reduce((sum, group) => sum + group.size, 0);
  }

  /** Counts a new one. Nobody knows yet whose it is, so it is a stranger's. */
  open(socket: Socket): void {
    const connection: Connection = { socket, group: this.#strangers, answer: null, unsentSince: undefined, bodyBytes: 0 };
    connections.set(socket, { of: this, connection });
    socket.once('close', () => {
      forget(connection);
      connection.answer = null;
    });
    this.#put(connection, 'idle');
  }

  /**
   * A request has come. One connection has one request at a time: otherwise a caller that reads nothing could have any number answered.
   * @returns false when the connection was cut instead
   */
  begin(socket: Socket, isComplete: () => boolean, answer: ServerResponse): boolean {
    const connection = connections.get(socket)?.connection;
    if (connection === undefined) return !socket.destroyed;
    if (connection.answer !== null || socket.destroyed) {
      socket.destroy();
      return false;
    }
    connection.answer = answer;
    connection.group.move(connection, 'busy');
    const end = (): void => {
      if (connection.answer !== answer) return;
      connection.answer = null;
      connection.unsentSince = undefined;
      setBody(connection, 0);
      if (socket.destroyed) return;
      connection.group.move(connection, 'idle');
      if (isComplete()) return;
      this.#clock.after(LINGER_MS, () => {
        if (!isComplete()) socket.destroy();
      });
    };
    answer.once('finish', end).once('close', end);
    return true;
  }

  /** @see noteMember */
  belongsTo(connection: Connection, member: string): void {
    const group = this.#members.get(member) ?? new Group(this.#limits.member);
    this.#members.set(member, group);
    if (connection.group === group) return;
    forget(connection);
    connection.group = group;
    this.#put(connection, connection.answer === null ? 'idle' : 'busy');
  }

  /** Cuts slow senders while there is too much of their bodies: those that have taken the longest. @see noteBody */
  hasBody(connection: Connection, bytes: number): void {
    if (connection.answer === null || connection.socket.destroyed) return;
    setBody(connection, bytes);
    const { group } = connection;
    for (const sender of group.busy) {
      if (group.bodyBytes <= this.#limits.bodyBytes) return;
      if (sender.bodyBytes > 0) cut(sender);
    }
  }

  /** Watches for slow readers, until {@link close}. */
  watch(): void {
    this.#looking = every(this.#clock, LOOK_MS, () => {
      for (const group of [this.#strangers, ...this.#members.values()]) this.#look(group);
    });
  }

  close(): void {
    this.#looking?.stop();
  }

  #put(connection: Connection, to: 'idle' | 'busy'): void {
    const { group } = connection;
    if (connection.socket.destroyed) return;
    if (group.size >= group.max) cut(group.first);
    group.move(connection, to);
  }

  /** Cuts slow readers: those that take too long, and while there is too much unsent, those that have taken the longest. */
  #look(group: Group): void {
    const now = this.#clock.monotonic();
    let unsent = 0;
    for (const connection of group.busy) {
      if (connection.answer?.writableEnded !== true) continue;
      connection.unsentSince ??= now;
      if (now - connection.unsentSince > this.#limits.sendMs) cut(connection);
      else unsent += connection.socket.writableLength;
    }
    for (const connection of group.busy) {
      if (unsent <= this.#limits.unsentBytes) return;
      if (connection.unsentSince === undefined) continue;
      unsent -= connection.socket.writableLength;
      cut(connection);
    }
  }
}

function cut(connection: Connection | undefined): void {
  if (connection === undefined) return;
  forget(connection);
  connection.socket.destroy();
}

/** Its group does not count it any more. */
function forget(connection: Connection): void {
  setBody(connection, 0);
  connection.group.move(connection, null);
}

function setBody(connection: Connection, bytes: number): void {
  connection.group.bodyBytes += bytes - connection.bodyBytes;
  connection.bodyBytes = bytes;
}
