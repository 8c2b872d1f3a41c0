/** Protocol runs between sessions of ours and parties of the Rust crate, each of which is a process on a pipe. */
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { IncomingMessage, Session } from 'cggmp24';
import { z } from 'zod';

type Send = (to: number | 'all', payload: string) => void;

export interface Party<T> {
  /** Runs to the end. @throws why it failed */
  run(send: Send): Promise<T>;
  receive(message: IncomingMessage): void;
  /** Gives up. */
  stop(): void;
}

/** A party of ours. */
export function ours<T>(session: Session<T>): Party<T> {
  let proceed: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const guarded = (action: () => void): void => {
    try {
      action();
    } catch (error) {
      fail(error as Error);
    }
  };
  return {
    run: (send) =>
      new Promise((resolve, reject) => {
        fail = reject;
        proceed = () => {
          for (;;) {
            const step = session.proceed();
            if (step.kind === 'send') send(step.message.to, step.message.payload);
            if (step.kind === 'done') resolve(step.output);
            if (step.kind === 'done' || step.kind === 'waiting') return;
          }
        };
        guarded(proceed);
      }),
    receive: (message) => {
      guarded(() => {
        session.receive(message);
        proceed();
      });
    },
    stop: () => {
      fail(new Error('gave up'));
    },
  };
}

const LineSchema = z.union([
  z.object({ send: z.object({ to: z.int().nullable(), payload: z.string() }) }),
  z.object({ output: z.unknown() }),
  z.object({ error: z.string() }),
]);

/** A party of the crate. @param job see src/bin/party.rs @param program `party` or `party-no-hd` */
export function rust<T>(
  job: Readonly<Record<string, unknown>>,
  output: z.ZodType<T>,
  program: 'party' | 'party-no-hd' = 'party',
): Party<T> {
  const target = join(import.meta.dirname, 'target');
  const child = spawn(program === 'party' ? join(target, 'release', program) : join(target, program), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const write = (line: unknown): void => {
    child.stdin.write(`${JSON.stringify(line)}\n`);
  };
  // It is gone: its exit says why.
  child.stdin.on('error', () => undefined);
  return {
    run: (send) =>
      new Promise((resolve, reject) => {
        child.on('error', reject);
        child.on('close', (code) => {
          reject(new Error(`${program} ended with code ${String(code)} and no output`));
        });
        createInterface(child.stdout).on('line', (text) => {
          try {
            const line = LineSchema.parse(JSON.parse(text));
            if ('send' in line) send(line.send.to ?? 'all', line.send.payload);
            else if ('error' in line) reject(new Error(line.error));
            else resolve(output.parse(line.output));
          } catch (error) {
            reject(new Error(`unusable output of ${program}`, { cause: error }));
          }
        });
        write(job);
      }),
    receive: write,
    stop: () => {
      child.kill('SIGKILL');
    },
  };
}

/** After one party has failed the others get this long to fail for reasons of their own. */
const GRACE_MS = 20_000;

/** Runs parties with each other; their places in the list are their indices. */
export async function runTogether<T>(parties: readonly Party<T>[]): Promise<PromiseSettledResult<T>[]> {
  let timer: NodeJS.Timeout | undefined;
  const stopAll = (): void => {
    for (const party of parties) party.stop();
  };
  const runs = parties.map(async (party, sender) => {
    try {
      return await party.run((to, payload) => {
        const message = { sender, broadcast: to === 'all', payload };
        // Later, so that nobody receives while it is sending.
        setImmediate(() => {
          parties.forEach((recipient, j) => {
            if (j !== sender && (to === 'all' || to === j)) recipient.receive(message);
          });
        });
      });
    } catch (error) {
      timer ??= setTimeout(stopAll, GRACE_MS);
      throw error;
    }
  });
  const results = await Promise.allSettled(runs);
  clearTimeout(timer);
  stopAll();
  return results;
}

/** @throws the first failure */
export async function outputsOf<T>(parties: readonly Party<T>[]): Promise<T[]> {
  const results = await runTogether(parties);
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

/** Is there a cargo to build the peer with? */
export function hasCargo(): boolean {
  try {
    execFileSync('cargo', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Builds the peer, or finds it built. @throws when that fails */
export function buildPeer(): void {
  execFileSync(join(import.meta.dirname, 'build.sh'), { stdio: 'inherit' });
}
