import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadMember, loadRoster } from 'sealing/member';
import { SealKeySourceSchema } from 'sealing/seal_key';
import { runProgram } from './run_program.js';

let root: string;
let sealKey: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'make-cluster-'));
  await writeFile(join(root, 'key'), 'a'.repeat(64), { mode: 0o600 });
  sealKey = `key-file:${join(root, 'key')}`;
});
afterAll(() => rm(root, { recursive: true }));

const fresh = (): string => join(root, `out-${++count}`);
const makeCluster = (out: string, ...more: string[]) =>
  runProgram('make_cluster', '--nodes', '3', '--threshold', '2', '--out', out, '--seal-key', sealKey, ...more);
/** The card of a member, made by make-identity in a folder of its own. */
async function makeCard(name: string): Promise<string> {
  const out = fresh();
  expect(await runProgram('make_identity', '--name', name, '--out', out, '--seal-key', sealKey)).toMatchObject({ code: 0, stderr: '' });
  return join(out, `card_${name}.json`);
}

describe('make-cluster', () => {
  it('makes folders with which every member can start', async () => {
    const out = fresh();
    const { code, stdout, stderr } = await makeCluster(out);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect((await readdir(out)).sort()).toEqual(['gateway', 'node-1', 'node-2', 'node-3', 'roster.json']);
    const { hash, fingerprint } = await loadRoster(join(out, 'roster.json'));
    expect(stdout).toBe(`3 nodes, 2 sign; sealed: messages are signed and encrypted\nfingerprint  ${fingerprint}\n`);
    for (const name of ['node-1', 'node-2', 'node-3', 'gateway']) {
      const files = { roster: join(out, name, 'roster.json'), identity: join(out, name, `identity_${name}.json`) };
      const { roster, identity } = await loadMember(name, files, SealKeySourceSchema.parse(sealKey));
      expect([roster.hash, roster.n, roster.t, roster.sealed]).toEqual([hash, 3, 2, true]);
      expect((await readdir(join(out, name))).sort()).toEqual([`identity_${name}.json`, 'roster.json']);
      expect((await stat(files.identity)).mode & 0o777).toBe(0o600);
      const { signing_secret, encryption_secret } = JSON.parse(identity.serialize()) as Record<string, string>;
      const file = await readFile(files.identity, 'utf8');
      for (const secret of [signing_secret, encryption_secret]) expect(file + stdout).not.toContain(secret);
    }
  });

  it('makes another cluster each time', async () => {
    const [one, two] = [fresh(), fresh()];
    await Promise.all([makeCluster(one), makeCluster(two)]);
    expect((await loadRoster(join(one, 'roster.json'))).hash).not.toBe((await loadRoster(join(two, 'roster.json'))).hash);
  });

  it('says so when it is plain', async () => {
    const out = fresh();
    const { stdout } = await makeCluster(out, '--plain');
    expect(stdout).toMatch(/PLAIN: nothing is signed or encrypted; for clusters with Rust nodes only/);
    expect((await loadRoster(join(out, 'node-1', 'roster.json'))).sealed).toBe(false);
  });

  it.each([
    'roster.json', 'node-2/roster.json', 'node-3/identity_node-3.json', 'gateway/identity_gateway.json',
  ])('replaces nothing, and then writes nothing: %s', async (present) => {
    const out = fresh();
    await mkdir(join(out, present, '..'), { recursive: true });
    await writeFile(join(out, present), 'the only copy');
    const before = await readdir(out, { recursive: true });
    const stderr = `${join(out, present)}: is there already, and is never replaced. Nothing was written\n`;
    expect(await makeCluster(out)).toMatchObject({ code: 1, stdout: '', stderr });
    expect(await readdir(out, { recursive: true })).toEqual(before);
    expect(await readFile(join(out, present), 'utf8')).toBe('the only copy');
  });

  it('takes the cards of identities that were made elsewhere, in any order', async () => {
    const cards = await Promise.all(['node-2', 'gateway', 'node-1', 'node-3'].map(makeCard));
    const out = fresh();
    expect(await runProgram('make_cluster', '--cards', ...cards, '--threshold', '3', '--out', out)).toMatchObject({ code: 0, stderr: '' });
    expect(await readdir(out)).toEqual(['roster.json']);
    const roster = join(out, 'roster.json');
    expect((await loadRoster(roster)).t).toBe(3);
    const identity = join(cards[0] ?? '', '..', 'identity_node-2.json');
    expect((await loadMember('node-2', { roster, identity }, SealKeySourceSchema.parse(sealKey))).identity.name).toBe('node-2');
  });

  it('names what is wrong with the cards', async () => {
    const names = ['node-1', 'node-2', 'node-3', 'gateway'];
    const [one, two, three, gateway] = (await Promise.all(names.map(makeCard))) as [string, string, string, string];
    const refused = async (...cards: string[]): Promise<string> => {
      const ran = await runProgram('make_cluster', '--threshold', '2', '--out', fresh(), '--cards', ...cards);
      expect(ran).toMatchObject({ code: 1, stdout: '' });
      return ran.stderr;
    };
    expect(await refused(one, two)).toBe('there must be one card of the gateway, and there are 0\n');
    expect(await refused(one, two, gateway, gateway)).toBe('there must be one card of the gateway, and there are 2\n');
    expect(await refused(one, three, gateway)).toBe('roster: nodes.1.name: must be node-2\n');
    expect(await refused(one, two, await makeCard('node-2'), gateway)).toBe('roster: nodes.2.name: must be node-3\n');
    expect(await refused(one, join(root, 'nowhere'), gateway)).toBe(`${join(root, 'nowhere')}: cannot be read (ENOENT)\n`);
    expect(await refused(one, join(two, '..', 'identity_node-2.json'), gateway)).toMatch(/identity_node-2\.json: name: /);
  });

  it.each([
    [['--threshold', '2', '--out', 'x'], '--nodes and --cards: give one of them'],
    [['--nodes', '3', '--cards', 'a', 'b', '--threshold', '2', '--out', 'x'], '--nodes and --cards: give one of them'],
    [['--nodes', '3', '--threshold', '2', '--out', 'x'], '--seal-key: is required'],
    [['--nodes', '257', '--threshold', '2', '--out', 'x', '--seal-key', 'none'], '--nodes: must be 2 to 256'],
    [['--nodes', '3', '--threshold', 'two', '--out', 'x', '--seal-key', 'none'], '--threshold: must be a number'],
    [['--nodes', '3', '--threshold', '1', '--out', 'x', '--seal-key', 'none'], '--threshold: must be 2 to the number of nodes'],
    [['--nodes', '3', '--out', 'x', '--seal-key', 'none'], '--threshold: is required'],
    [['--nodes', '3', '--threshold', '2', '--out', 'x', '--seal-key', 'c0ffee'], '--seal-key: must be passphrase-file:PATH'],
    [['--nodes', '3', '--threshold', '2', '--out', 'x', '--plain', 'yes'], 'Unexpected argument'],
  ])('%j is called wrongly', async (args, complaint) => {
    const ran = await runProgram('make_cluster', ...args);
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(complaint) });
    expect(ran.stderr).not.toContain('c0ffee');
  });

  it('refuses a threshold above the number of nodes', async () => {
    const ran = await runProgram('make_cluster', '--nodes', '2', '--threshold', '3', '--out', fresh(), '--seal-key', 'none');
    expect(ran).toMatchObject({ code: 1, stderr: 'roster: threshold: must be at most 2, the number of nodes\n' });
  });
});

describe('make-identity', () => {
  it('prints the card, keeps the secret, and replaces nothing', async () => {
    const out = fresh();
    const args = ['--name', 'node-2', '--out', out, '--seal-key', sealKey];
    const { code, stdout } = await runProgram('make_identity', ...args);
    expect(code).toBe(0);
    expect(Object.keys(JSON.parse(stdout) as object)).toEqual(['name', 'signing_key', 'encryption_key']);
    expect(await readFile(join(out, 'card_node-2.json'), 'utf8')).toBe(stdout);
    const file = join(out, 'identity_node-2.json');
    const identity = await readFile(file, 'utf8');
    const stderr = `${file}: is there already, and is never replaced\n`;
    expect(await runProgram('make_identity', ...args)).toMatchObject({ code: 1, stderr });
    expect(await readFile(file, 'utf8')).toBe(identity);
  });

  it('refuses a name that no member has', async () => {
    const ran = await runProgram('make_identity', '--name', 'node-0', '--out', fresh(), '--seal-key', 'none');
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('--name: must be node-1 to node-256, or gateway') });
  });
});

describe('roster-fingerprint and check-roster', () => {
  it('print what people compare', async () => {
    const out = fresh();
    const made = await makeCluster(out);
    const roster = join(out, 'roster.json');
    const { fingerprint } = await loadRoster(roster);
    expect(await runProgram('roster_fingerprint', roster)).toEqual({ code: 0, stdout: `${fingerprint}\n`, stderr: '' });
    expect(await runProgram('check_roster', roster)).toEqual({ code: 0, stdout: `✓ ${made.stdout}`, stderr: '' });
  });

  it('say whether these members are in the roster', async () => {
    const cards = await Promise.all(['node-1', 'node-2', 'gateway'].map(makeCard));
    const out = fresh();
    await runProgram('make_cluster', '--cards', ...cards, '--threshold', '2', '--out', out);
    const roster = join(out, 'roster.json');
    const identity = join(cards[1] ?? '', '..', 'identity_node-2.json');
    const check = (...args: string[]) => runProgram('check_roster', roster, ...args);
    const { code, stdout } = await check('--cards', ...cards, '--identity', identity, '--seal-key', sealKey);
    expect(code).toBe(0);
    expect(stdout.match(/✓ contains .*/g)).toEqual(['node-1', 'node-2', 'gateway', 'node-2'].map((name) => `✓ contains ${name}`));

    await writeFile(join(root, 'other_key'), 'b'.repeat(64), { mode: 0o600 });
    for (const [spec, complaint] of [
      [`key-file:${join(root, 'gone')}`, `--seal-key: ${join(root, 'gone')}: cannot be read (ENOENT)\n`],
      [`key-file:${join(root, 'other_key')}`, expect.stringMatching(/identity_node-2\.json: it does not open: .* than --seal-key gives/)],
    ] as const) {
      expect(await check('--identity', identity, '--seal-key', spec)).toMatchObject({ code: 1, stdout: '', stderr: complaint });
    }

    const stranger = await makeCard('node-2');
    const strangerIdentity = join(stranger, '..', 'identity_node-2.json');
    const otherKeys = 'roster: it has other keys for node-2 than this identity\n';
    expect(await check('--cards', stranger)).toMatchObject({ code: 1, stdout: '', stderr: otherKeys });
    expect(await check('--identity', strangerIdentity, '--seal-key', sealKey)).toMatchObject({ code: 1, stderr: otherKeys });

    const sealed = expect.stringMatching(/it is sealed, and --seal-key is none/);
    const keyMissing = expect.stringContaining('--seal-key: is required');
    expect(await check('--identity', identity, '--seal-key', 'none')).toMatchObject({ code: 1, stderr: sealed });
    expect(await check('--identity', identity)).toMatchObject({ code: 2, stderr: keyMissing });
    expect(await check('--identity', roster, '--seal-key', sealKey)).toMatchObject({ code: 1, stderr: `${roster}: is not an identity\n` });
  });

  it('refuse a card that has a key twice, or is not UTF-8', async () => {
    const card = await makeCard('node-2');
    const text = await readFile(card, 'utf8');
    const [twice, latin1] = [join(root, 'twice.json'), join(root, 'latin1.json')];
    await writeFile(twice, text.replace('{', '{"name":"node-1",'));
    await writeFile(latin1, Buffer.from(text.replace('node-2', 'n\xf6de-2'), 'latin1'));
    for (const [file, why] of [[twice, 'name: is there twice'], [latin1, 'is not UTF-8']] as const) {
      const made = await runProgram('make_cluster', '--cards', file, '--threshold', '2', '--out', fresh());
      expect(made).toEqual({ code: 1, stdout: '', stderr: `${file}: ${why}\n` });
    }
  });

  it('refuse what is no roster', async () => {
    const file = join(root, 'key');
    for (const program of ['roster_fingerprint', 'check_roster']) {
      expect(await runProgram(program, file)).toMatchObject({ code: 1, stdout: '', stderr: `${file}: roster: is not JSON\n` });
      expect(await runProgram(program)).toMatchObject({ code: 2, stderr: expect.stringContaining('ROSTER: is required') });
    }
  });

  it.each([
    'make_cluster', 'make_identity', 'roster_fingerprint', 'check_roster', 'backup_share', 'restore_share', 'reseal',
  ])('%s explains itself', async (program) => {
    const { code, stdout } = await runProgram(program, '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: ${program.replaceAll('_', '-')} `));
    expect(stdout).toMatch(/^Exit code: 0 /m);
  });
});
