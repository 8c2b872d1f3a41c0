/** What the nodes of the running cluster leave on their disks and in their logs. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { departs } from './departures.js';
import { bodyOf } from './http.js';
import { run } from './programs.js';
import { board, dataRoot, logOf, NODES, publicKey, sealKey, type LogLine, type NodeName } from './running_cluster.js';
import { SigningRequestSchema } from './schemas.js';

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

describe.each(NODES)('the files of %s', (node) => {
  const folder = join(dataRoot, node);

  it(`lie in its own folder, which no other user can read ${departs('dataFolder')}`, async () => {
    expect(await modeOf(folder)).toBe('700');
  });

  it.each(['key_share', 'aux_info'])(`%s_${node}.json is JSON, for its owner alone, and sealed ${departs('sealedFiles')}`, async (name) => {
    const path = join(folder, `${name}_${node}.json`);
    expect(await modeOf(path)).toBe('600');
    const file = z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(path, 'utf8')));
    expect(file).not.toHaveProperty('core');
    expect(JSON.stringify(file)).not.toMatch(/"(x|p|q)":/);
  });

  it('its key share is one of the public key', async () => {
    const file = join(folder, `key_share_${node}.json`);
    const { code, out } = await run('node/dist/bin/export_pubkey.js', ['--key-share', file, '--seal-key', sealKey]);
    expect(code).toBe(0);
    expect(out).toContain(await publicKey());
  });
});

describe('log lines', () => {
  /** Ids of the requests that were completed when the logs were read. */
  let completed: string[];
  const logs = new Map<NodeName, LogLine[]>();
  const linesWith = (text: string): [NodeName, LogLine][] =>
    [...logs].flatMap(([node, lines]) => lines.filter(({ msg }) => msg.includes(text)).map((line): [NodeName, LogLine] => [node, line]));
  beforeAll(async () => {
    completed = bodyOf(await board.get('/requests?status=completed'), 200, z.array(SigningRequestSchema)).map(({ id }) => id);
    for (const node of NODES) logs.set(node, await logOf(node));
  });

  const atEachNode: { text: string; fields: object }[] = [
    { text: 'Generating safe primes', fields: {} },
    { text: 'Keygen completed', fields: { public_key: expect.stringMatching(/^0[23][0-9a-f]{64}$/) } },
    { text: 'AuxInfo generation completed', fields: {} },
    { text: 'Presignature pool initialized', fields: { target: 20, max: 30 } },
    { text: 'Main signing loop started', fields: {} },
  ];
  it.each(atEachNode)(`"$text" at every node ${departs('logLines')}`, ({ text, fields }) => {
    const lines = linesWith(text);
    expect(new Set(lines.map(([node]) => node))).toEqual(new Set(NODES));
    for (const [node, line] of lines) expect(line).toMatchObject({ node_id: node, ...fields });
  });

  it('they come in the order of a start', () => {
    const order = ['Keygen completed', 'AuxInfo generation completed', 'Presignature pool initialized', 'Main signing loop started'];
    for (const lines of logs.values()) {
      const messages = lines.map(({ msg }) => msg).filter((msg) => order.includes(msg));
      expect(messages.slice(0, order.length)).toEqual(order);
    }
  });

  it('"Using presignature from pool" at each of the three signers that a presignature has', () => {
    const nodesOf = new Map<unknown, string[]>();
    for (const [node, line] of linesWith('Using presignature from pool')) {
      expect(line).toMatchObject({ request_id: expect.any(String), signers: expect.any(String), pool_size: expect.any(Number) });
      const use = `${String(line['presignature_id'])} ${String(line['signers'])}`;
      nodesOf.set(use, [...(nodesOf.get(use) ?? []), node.slice(5)]);
    }
    const complete = [...nodesOf].filter(([use, nodes]) => String(use).endsWith(` ${nodes.join('-')}`));
    expect(complete).not.toEqual([]);
    for (const nodes of nodesOf.values()) expect(new Set(nodes).size).toBe(nodes.length);
  });

  it('"signature generated" for each completed request, at one of its signers', () => {
    const lines = linesWith('signature generated');
    for (const [node, line] of lines) expect(line).toMatchObject({ signers: expect.stringContaining(node.slice(5)) });
    expect(completed.length).toBeGreaterThan(0);
    expect(lines.map(([, line]) => line['request_id'])).toEqual(expect.arrayContaining(completed));
  });
});
