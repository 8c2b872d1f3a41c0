import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LiveMemory } from '../src/live_memory.js';

/** Takes 30 MiB when it is told a word, and keeps them unless the word is `garbage`: in its main thread or in its worker. */
const PROGRAM = `
  const { Worker, isMainThread, parentPort } = require('node:worker_threads');
  const kept = [];
  const take = {
    buffers: () => Buffer.alloc(30 << 20, 1),
    numbers: () => Array.from({ length: (30 << 20) / 8 }, Math.random),
    garbage: () => void Buffer.alloc(30 << 20, 1),
  };
  const hear = (word) => { kept.push(take[word]()); };
  if (isMainThread) {
    const worker = new Worker(__filename);
    process.on('message', ({ word, inWorker }) => { inWorker ? worker.postMessage(word) : process.send(hear(word) ?? 'taken'); });
    worker.on('online', () => process.send('online'));
    worker.on('message', () => process.send('taken'));
  } else {
    parentPort.on('message', (word) => { parentPort.postMessage(hear(word) ?? 'taken'); });
  }
`;

describe('live memory of a process', () => {
  let folder: string;
  let child: ChildProcess;
  let memory: LiveMemory;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'live-memory-'));
    const [log, program] = [join(folder, 'log'), join(folder, 'program.cjs')];
    await writeFile(program, PROGRAM);
    const file = openSync(log, 'a');
    child = spawn(process.execPath, ['--inspect-port=127.0.0.1:0', program], { stdio: ['ignore', file, file, 'ipc'] });
    closeSync(file);
    await once(child, 'message');
    memory = await LiveMemory.of(child.pid ?? 0, log);
  });

  afterEach(async () => {
    memory.close();
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await rm(folder, { recursive: true });
  });

  it.each([
    { word: 'buffers', inWorker: false, mib: 30 },
    { word: 'numbers', inWorker: false, mib: 30 },
    { word: 'garbage', inWorker: false, mib: 0 },
    { word: 'buffers', inWorker: true, mib: 30 },
    { word: 'numbers', inWorker: true, mib: 30 },
    { word: 'garbage', inWorker: true, mib: 0 },
  ])('counts $mib MiB of $word (in a worker: $inWorker)', async ({ word, inWorker, mib }) => {
    const before = await memory.mib();
    child.send({ word, inWorker });
    await once(child, 'message');
    expect(Math.abs((await memory.mib()) - before - mib)).toBeLessThan(3);
  });
});
