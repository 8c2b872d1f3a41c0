/** What another Node process still holds after a garbage collection, asked of its inspector. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'undici';
import { z } from 'zod';

const MIB = 1 << 20;
const PATIENCE_MS = 30_000;
const LOOK_MS = 50;
/** What a thread's heap holds and what hangs on it. */
const HELD = '(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())';

const Reply = z.object({ id: z.number(), result: z.unknown().optional(), error: z.object({ message: z.string() }).optional() });
const Evaluated = z.object({ result: z.object({ value: z.number() }) });
const OfWorker = z.object({ sessionId: z.string() });
const FromWorker = z.object({ sessionId: z.string(), message: z.string() });
const Notice = z.discriminatedUnion('method', [
  z.object({ method: z.literal('NodeWorker.attachedToWorker'), params: OfWorker }),
  z.object({ method: z.literal('NodeWorker.detachedFromWorker'), params: OfWorker }),
  z.object({ method: z.literal('NodeWorker.receivedMessageFromWorker'), params: FromWorker }),
]);

/** One thread's end of the Chrome DevTools protocol. */
class Thread {
  #calls = 0;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();

  constructor(private readonly send: (text: string) => void) {}

  async call(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#calls;
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.send(JSON.stringify({ id, method, params }));
    const late = sleep(PATIENCE_MS, undefined, { ref: false }).then(() => {
      throw new Error(`no answer to ${method} within ${PATIENCE_MS} ms`);
    });
    return Promise.race([answer, late]);
  }

  /** @returns false when it is no answer */
  hear(message: unknown): boolean {
    const reply = Reply.safeParse(message);
    if (!reply.success) return false;
    const { id, result, error } = reply.data;
    const call = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(error.message));
    return true;
  }

  /** Bytes. */
  async held(): Promise<number> {
    await this.call('HeapProfiler.collectGarbage');
    return Evaluated.parse(await this.call('Runtime.evaluate', { expression: HELD, returnByValue: true })).result.value;
  }
}

export class LiveMemory {
  readonly #workers = new Map<string, Thread>();
  readonly #main: Thread;

  private constructor(private readonly socket: WebSocket) {
    this.#main = new Thread((text) => { socket.send(text); });
    socket.addEventListener('message', ({ data }) => { this.#hear(JSON.parse(String(data))); });
  }

  /**
   * @param pid of a process that was started with `--inspect-port=127.0.0.1:0`
   * @param log where it writes what it says, the address of its inspector included
   */
  static async of(pid: number, log: string): Promise<LiveMemory> {
    process.kill(pid, 'SIGUSR1');
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const address = /Debugger listening on (ws:\S+)/.exec(await readFile(log, 'utf8'))?.[1];
      if (address !== undefined) return LiveMemory.#attached(address);
      if (performance.now() > end) throw new Error(`process ${pid} does not open its inspector`);
      await sleep(LOOK_MS);
    }
  }

  static async #attached(address: string): Promise<LiveMemory> {
    const socket = new WebSocket(address);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => { resolve(); });
      socket.addEventListener('error', ({ message }) => { reject(new Error(`${address}: ${message}`)); });
    });
    const memory = new LiveMemory(socket);
    await memory.#main.call('NodeWorker.enable', { waitForDebuggerOnStart: false });
    return memory;
  }

  /** MiB, all its threads. */
  async mib(): Promise<number> {
    const threads = await Promise.all([this.#main, ...this.#workers.values()].map((thread) => thread.held()));
    return threads.reduce((sum, bytes) => sum + bytes, 0) / MIB;
  }

  close(): void {
    this.socket.close();
  }

  #hear(message: unknown): void {
    if (this.#main.hear(message)) return;
    const notice = Notice.safeParse(message);
    if (!notice.success) return;
    const { method, params } = notice.data;
    const { sessionId } = params;
    if (method === 'NodeWorker.attachedToWorker') {
      const send = (message: string): void => {
        // A worker that has ended meanwhile does not answer.
        this.#main.call('NodeWorker.sendMessageToWorker', { sessionId, message }).catch(() => undefined);
      };
      this.#workers.set(sessionId, new Thread(send));
    } else if (method === 'NodeWorker.detachedFromWorker') {
      this.#workers.delete(sessionId);
    } else {
      this.#workers.get(sessionId)?.hear(JSON.parse(params.message));
    }
  }
}
