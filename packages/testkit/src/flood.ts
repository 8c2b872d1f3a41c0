import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const PROGRAM = fileURLToPath(new URL('flood_program.js', import.meta.url));
/** A stranger is on another machine. Here it leaves the cluster the processor, as far as there is only one. */
const NICE = '5';

export interface FloodPlan {
  /** Services in turn, connection by connection. */
  readonly urls: readonly string[];
  /** Calls a second, over all kept connections. */
  readonly perSecond: number;
  readonly kept: number;
  /** Connections that ask once, and read nothing. */
  readonly silent: number;
}

const CountsSchema = z.object({
  asked: z.int(),
  answered: z.int(),
  /** Kept connections that the service has ended. */
  cut: z.int(),
  /** Answers by their status. */
  statuses: z.record(z.string(), z.int()),
});
export type FloodCounts = z.infer<typeof CountsSchema>;

/** A stranger who floods services, as a process of its own. */
export class Flood {
  readonly #child;
  #output = '';

  private constructor({ urls, perSecond, kept, silent }: FloodPlan) {
    const args = ['-n', NICE, process.execPath, PROGRAM, `${perSecond}`, `${kept}`, `${silent}`, ...urls];
    this.#child = spawn('nice', args, { env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child.stdout.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
  }

  static start(plan: FloodPlan): Flood {
    return new Flood(plan);
  }

  /** Ends it. @returns what it has counted */
  async stop(): Promise<FloodCounts> {
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGTERM');
    await closed;
    return CountsSchema.parse(JSON.parse(this.#output));
  }
}
