import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { inFolder } from 'testkit/folder';
import { VirtualClock } from 'testkit/virtual_clock';
import { PolicyFile } from '../src/approval/policy.js';
import type { AuditRecord } from '../src/audit/audit_log.js';
import { reloadPolicy } from '../src/node_records.js';
import { memoryLog } from './util/cluster.js';

it('records a policy before it is in force; one that cannot be read or recorded changes nothing', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'policy.json');
    await writeFile(path, '{"version":1}');
    const policy = await PolicyFile.open(path, new VirtualClock());
    const first = policy.sha256;
    const recorded: [AuditRecord, inForce: string | null][] = [];
    let isDiskFull = false;
    const record = (entry: AuditRecord): Promise<void> => {
      if (isDiskFull) return Promise.reject(new Error('ENOSPC'));
      recorded.push([entry, policy.sha256]);
      return Promise.resolve();
    };
    const { logger, lines } = memoryLog();
    const reload = () => reloadPolicy({ policy, audit: { record } }, logger);

    await reload();
    await writeFile(path, '{"version":1,"deny":["a"],"deny":["b"]}');
    await reload();
    await writeFile(path, '{"version":1,"deny":["a"]}');
    isDiskFull = true;
    await reload();
    expect([recorded, policy.sha256]).toEqual([[], first]);
    isDiskFull = false;
    await reload();
    const fields = { before: first, policy_sha256: policy.sha256 };
    expect(recorded).toEqual([[{ event: 'policy_changed', fields }, first]]);
    expect(policy.sha256).not.toBe(first);
    expect(lines.map(({ event, changed }) => [event, changed])).toEqual([
      ['policy_reloaded', false], ['policy_not_reloaded', undefined], ['policy_not_reloaded', undefined], ['policy_reloaded', true],
    ]);
    expect(lines[1]?.['msg']).toMatch(/^The policy before stays in force\. POLICY_FILE: .*deny/);
    expect(lines[2]?.['msg']).toMatch(/ENOSPC/);
  }));
