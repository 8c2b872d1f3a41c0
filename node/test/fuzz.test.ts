/** What a node reads: its settings, its policy, its own files, and what the board says its peers are doing. */
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isSamePayload, RequestRecordSchema } from 'message-board/contract';
import { pino } from 'pino';
import { Refused } from 'sealing/errors';
import { systemClock } from 'service/clock';
import { parseEnv } from 'service/env';
import { changedJson, changedJsonText, changedText, readOrRefused, readOrRefusedLater, runs } from 'testkit/fuzz';
import { announce, parseAnnouncement } from '../src/signing/attempt.js';
import { AuditChain } from '../src/audit/audit_chain.js';
import { AuditLog } from '../src/audit/audit_log.js';
import { authorizeSigned } from '../src/approval/authorization.js';
import { Environment } from '../src/config.js';
import { DamagedFile } from '../src/base/errors.js';
import { ExecutionJournal } from '../src/storage/execution_journal.js';
import { parsePolicy } from '../src/approval/policy.js';
import { nextAction } from '../src/setup/setup_action.js';
import { signedRequest } from './util/board_record.js';
import { inFolder } from 'testkit/folder';
import { members, originOf } from 'testkit/roster';
import { VirtualClock } from 'testkit/virtual_clock';

const isRefused = (error: unknown): boolean => error instanceof Refused;
const logger = pino({ level: 'silent' });

describe('settings', () => {
  const names = [
    'NODE_ID', 'MESSAGE_BOARD_URL', 'N_NODES', 'THRESHOLD', 'POOL_TARGET', 'POOL_MAX', 'WORKERS', 'LOG_LEVEL', 'RUST_LOG',
    'HEALTH_PORT', 'SEAL_KEY', 'DATA_DIR', '__proto__',
  ];
  const plausible = fc.constantFrom(
    ...['', '0', '-1', '4', '1e9', '0x4', ' 4', '4.0', 'NaN', 'node-1', 'node-0', 'http://a', 'ftp://a'],
    ...['info', 'warn,node=debug', '=', 'none', 'c0ffeec0ffeec0ffee'],
  );
  const value = fc.oneof(plausible, fc.string({ unit: 'binary', maxLength: 12 }));
  const complaint = (error: unknown): boolean => {
    if (!(error instanceof Error)) return false;
    const { message } = error;
    return !message.includes('\n') && !message.includes('c0ffee') && names.some((name) => message.includes(name));
  };

  it('are read, or refused in one line that names the variable and repeats no seal key', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), value), (env) => {
        readOrRefused(() => parseEnv(Environment, { NODE_ID: 'node-1', SEAL_KEY: 'none', ...env }), complaint);
      }),
      runs(200),
    );
  });
});

describe('a policy', () => {
  const honest = JSON.stringify({
    version: 1,
    allow: ['pay *', 'a*b*c'],
    deny: ['*secret*'],
    max_message_bytes: 100,
    max_requests_per_minute: 3,
    max_requests_per_hour: 10,
  });

  it('is refused, or decides about everything', () => {
    fc.assert(
      fc.property(changedJsonText([honest]), fc.string({ unit: 'binary', maxLength: 50 }), (text, message) => {
        const read = readOrRefused(() => parsePolicy(text, new VirtualClock()), isRefused);
        const request = { id: 'req_1_a', payload: { message }, time: new Date(0) };
        if (read !== null) expect(typeof read.value.check(request).allowed).toBe('boolean');
      }),
      runs(200),
    );
  });

  it('matches what its pattern says, as a slow and simple matcher does', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 7 });
    const slow = (pattern: string, text: string): boolean => {
      if (pattern === '') return text === '';
      if (pattern.startsWith('*')) return slow(pattern.slice(1), text) || (text !== '' && slow(pattern, text.slice(1)));
      return text.startsWith(pattern.charAt(0)) && slow(pattern.slice(1), text.slice(1));
    };
    fc.assert(
      fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 }), (pattern, message) => {
        const policy = parsePolicy(JSON.stringify({ version: 1, allow: [pattern] }), new VirtualClock());
        const { allowed } = policy.check({ id: 'r', payload: { message }, time: new Date(0) });
        expect(allowed).toBe(slow(pattern, message));
      }),
      runs(500),
    );
  });
});

describe('the audit log', () => {
  function lines(): string[] {
    const first = AuditChain.empty.append({ time: '2026-01-02T03:04:05.678Z', event: 'request_authorized', fields: { request_id: 'r' } });
    const second = first.chain.append({ time: '2026-01-02T03:04:05.678Z', event: 'aborted', fields: { culprits: [] } });
    return [first.line, second.line];
  }

  it('follows no line but the next', () => {
    const [first = '', second = ''] = lines();
    fc.assert(
      fc.property(fc.oneof(changedJsonText([first, second]), changedText([first, second])), (line) => {
        const read = readOrRefused(() => AuditChain.empty.follow(Buffer.from(line)).follow(Buffer.from(second)), isRefused);
        if (read !== null) expect(line).toBe(first);
      }),
      runs(200),
    );
  });

  const isDamaged = (error: unknown): boolean => error instanceof DamagedFile;

  it('is refused when it was changed, or taken for what it is', async () => {
    await fc.assert(
      fc.asyncProperty(changedText([`${lines().join('\n')}\n`]), async (text) => {
        await inFolder(async (folder) => {
          const path = join(folder, 'audit.log');
          await writeFile(path, text);
          const read = await readOrRefusedLater(() => AuditLog.open(path, { clock: systemClock, logger }), isDamaged);
          if (read === null) return;
          await read.value.record({ event: 'presignatures_dropped', fields: { lost: 'node-2', dropped: 1 } });
          await read.value.close();
          // What was opened and written to is opened again.
          const again = await AuditLog.open(path, { clock: systemClock, logger });
          expect(again.length).toBe(read.value.length);
          await again.close();
        });
      }),
      runs(25),
    );
  });
});

it('a journal keeps what it has claimed, whatever is in its file, or says that it is damaged', async () => {
  const lines = changedText(['req_1_a\nreq_1_b.1.1-2-3\npresig_gen_node-1_ab\n']);
  await fc.assert(
    fc.asyncProperty(lines, fc.string({ unit: 'binary', maxLength: 6 }), async (text, torn) => {
      await inFolder(async (folder) => {
        const path = join(folder, 'journal');
        await writeFile(path, text);
        const written = await readFile(path, 'utf8');
        const journal = await ExecutionJournal.open(path).catch((error: unknown) => error);
        if (journal instanceof DamagedFile) return;
        if (!(journal instanceof ExecutionJournal)) throw journal;
        const fresh = await journal.claim('req_2_c');
        await journal.close();
        await appendFile(path, torn.replaceAll('\n', ''));
        const again = await ExecutionJournal.open(path);
        expect([fresh, await again.claim('req_2_c'), await again.claim('req_2_d')]).toEqual([true, false, true]);
        for (const line of written.split('\n').slice(0, -1)) if (line !== '') expect(await again.claim(line)).toBe(false);
        await again.close();
      });
    }),
    runs(25),
  );
});

describe('what the board shows', () => {
  it('a request whose record was changed is refused, or still asks for the same', async () => {
    const all = members();
    const { id, message, origin } = await signedRequest(all, 'what was asked for');
    const at = new Date().toISOString();
    const bytes = { message: 'ab'.repeat(32), kind: 'bytes', hash: 'sha256d' } as const;
    const asked = [{ message, origin: origin ?? '' }, { ...bytes, origin: await originOf(all, id, bytes) }];
    const common = { id, status: 'pending', revision: 'a.1', created_at: at, updated_at: at, age_ms: 0 };
    const records = asked.map((one) => ({ ...common, ...one }));
    const authorize = authorizeSigned({ roster: all.roster, maxAgeMs: 60_000 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...records), changedJson(records), async (record, json) => {
        const changed = { ...record, ...(typeof json === 'object' && !Array.isArray(json) ? json : {}) };
        const shown = RequestRecordSchema.safeParse(changed).data;
        if (shown === undefined) return;
        const read = await readOrRefusedLater(() => authorize(shown), isRefused);
        const isAsked = records.some((one) => isSamePayload(one, shown) && one.origin === shown.origin);
        if (read !== null) expect([shown.id, isAsked]).toEqual([id, true]);
      }),
      runs(100),
    );
  });

  it('an announcement is read as it was made, or not at all', () => {
    fc.assert(
      fc.property(changedText(['req_1_a.0.7', 'req-1.2.e', 'req_1_a.999999.d']), (text) => {
        const attempt = parseAnnouncement(text, 4, 3);
        if (attempt === null) return;
        expect(parseAnnouncement(announce(attempt), 4, 3)).toEqual(attempt);
        const ascending = attempt.signers.every((party, k) => k === 0 || party > (attempt.signers[k - 1] ?? party));
        expect(ascending && attempt.signers.every((party) => party < 4)).toBe(true);
      }),
      runs(300),
    );
  });

  it('no word of the peers makes a node commit what not all of them hold', () => {
    const digest = fc.constantFrom('a'.repeat(64), 'b'.repeat(64));
    const number = fc.nat({ max: 3 });
    const completed = fc.option(fc.record({ attempt: number, digest }));
    const setup = fc.record({ ready: fc.boolean(), next: number, running: fc.option(number), completed, committed: fc.option(digest) });
    const nodeId = fc.constantFrom('node-2', 'node-3');
    const peer = fc.record({ nodeId, live: fc.boolean(), setup: fc.option(setup, { nil: undefined }) });
    fc.assert(
      fc.property(setup, fc.array(peer, { minLength: 1, maxLength: 3 }), (own, peers) => {
        const action = nextAction(own, peers);
        if (action.kind !== 'commit') return;
        expect(action).toEqual({ kind: 'commit', ...own.completed });
        const { digest, attempt } = action;
        const holds = peers.every(({ setup }) => setup?.completed?.digest === digest && setup.completed.attempt === attempt);
        expect(holds || peers.some((each) => each.setup?.committed === action.digest)).toBe(true);
      }),
      runs(500),
    );
  });
});
