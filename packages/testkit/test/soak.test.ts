import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import type { RequestRecord } from 'message-board/contract';
import { messageHash } from 'message-board/payload';
import { inFolder } from '../src/folder.js';
import type { Asked } from '../src/soak/load.js';
import { SeededRandom } from '../src/soak/random.js';
import { figuresOf } from '../src/soak/report.js';
import { CAN_MOUNT, SmallDisk } from '../src/soak/small_disk.js';
import { differentSignatures, misusesIn } from '../src/soak/uses.js';

const request = (id: string, change: Partial<Asked> = {}): Asked =>
  ({ message: `of ${id}`, at: 1_000, id, outcome: 'completed', ms: 300, ...change });

describe('figures', () => {
  it('complain about what is late, lost or failed, and about nothing else', () => {
    const asked = [
      request('a'), request('b', { ms: 700 }), request('c', { ms: 10_001 }), request('d', { outcome: 'failed', why: 'expired' }),
      request('e', { outcome: 'lost' }),
    ];
    expect(figuresOf({ asked, limitMs: 10_000, startedAt: 500, otherFaults: ['one more'] })).toEqual({
      asked: 5,
      completed: 3,
      median_ms: 700,
      slowest_ms: 10_001,
      faults: [
        'd, asked at 0.5 s: failed, expired', 'e, asked at 0.5 s: lost, no reason is known', 'c, asked at 0.5 s: took 10.0 s', 'one more',
      ],
    });
    expect(figuresOf({ asked: asked.slice(0, 2), limitMs: 10_000, startedAt: 500, otherFaults: [] }).faults).toEqual([]);
  });
});

describe('misuses in the audit logs', () => {
  const line = (request_id: string, presignature_id: string, message = `of ${request_id}`): string =>
    JSON.stringify({ event: 'partial_signature', fields: { request_id, presignature_id, message_sha256: messageHash(message) } });
  const misuses = (...logs: readonly string[][]): Promise<string[]> =>
    inFolder(async (folder) => {
      const dataOf = (number: number): string => join(folder, `node-${number}`);
      for (const [k, lines] of logs.entries()) {
        await mkdir(dataOf(k + 1));
        await writeFile(join(dataOf(k + 1), `audit_node-${k + 1}.log`), `${lines.join('\n')}\n{"cut`);
      }
      return misusesIn({ dataOf }, logs.length, [request('a'), request('b')]);
    });

  it('are none when each presignature signs for one request', async () => {
    expect(await misuses([line('a', 'p1'), line('b', 'p2')], [line('a', 'p1')])).toEqual([]);
  });

  it('are a presignature that signs for two requests, at one node or at two', async () => {
    const twice = [expect.stringMatching(/^presignature p1 was used for /)];
    expect(await misuses([line('a', 'p1'), line('b', 'p1')])).toEqual(twice);
    expect(await misuses([line('a', 'p1')], [line('b', 'p1')])).toEqual(twice);
  });

  it('are a message that nobody asked for', async () => {
    expect(await misuses([line('a', 'p1', 'another one')])).toEqual([expect.stringMatching(/^request a was used for /)]);
  });
});

it('a request with another signature at the board than at the gateway is a fault', async () => {
  const shown: Record<string, string | undefined> = { a: 'one', b: 'other', c: undefined };
  const board = { getRequest: (id: string) => Promise.resolve({ signature: shown[id] } as RequestRecord) };
  const asked = ['a', 'b', 'c'].map((id) => request(id, { signature: 'one' }));
  const different = await differentSignatures(board, [...asked, request('d')]);
  expect(different).toEqual(['b has two signatures: one at the gateway, other at the board']);
});

// To mount a disk takes a right that not everybody has.
(CAN_MOUNT ? it : it.skip)('a small disk that is filled takes nothing more, from SQLite neither, and gives back what it has', () =>
  inFolder(async (parent) => {
    const folder = join(parent, 'data');
    const path = (name: string): string => join(folder, name);
    await mkdir(folder);
    await writeFile(path('before'), 'before', { mode: 0o600 });
    const disk = await SmallDisk.under(folder);
    const database = new DatabaseSync(path('decided.sqlite'));
    database.exec('CREATE TABLE decided (id TEXT) STRICT');
    await disk.fill();
    await expect(appendFile(path('before'), 'x'.repeat(1 << 20))).rejects.toThrow('ENOSPC');
    expect(() => { database.exec(`INSERT INTO decided VALUES ('${'x'.repeat(1 << 16)}')`); }).toThrow(/full/);
    database.close();
    await disk.remove();
    expect(await readdir(parent)).toEqual(['data']);
    expect((await readdir(folder)).sort()).toEqual(['before', 'decided.sqlite']);
    expect((await readFile(path('before'), 'utf8')).slice(0, 6)).toBe('before');
    await appendFile(path('before'), 'after');
  }));

it('random numbers repeat with their seed', () => {
  const draw = (seed: number): number[] => {
    const random = new SeededRandom(seed);
    return [random.next(), random.between(5, 6), random.pick([1, 2, 3])];
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
  const [next = -1, between = -1] = draw(7);
  expect([next >= 0 && next < 1, between >= 5 && between < 6]).toEqual([true, true]);
});
