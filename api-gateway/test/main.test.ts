import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnProgram } from 'testkit/program';
import { TestBoard } from 'testkit/board';
import { until } from 'testkit/eventually';
import { members } from 'testkit/roster';
import { GatewayClient } from '../src/client.js';
import { ConfigSchema } from '../src/config.js';
import { lyingBoard } from './lying_board.js';

const MAIN = createRequire(import.meta.url).resolve('../dist/main.js');

let folder: string;
let files: { DATA_DIR: string; ROSTER_FILE: string; IDENTITY_FILE: string };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-program-'));
  files = {
    DATA_DIR: join(folder, 'data'),
    ROSTER_FILE: join(folder, 'roster.json'),
    IDENTITY_FILE: join(folder, 'identity_gateway.json'),
  };
  const { roster, gateway } = members();
  await writeFile(files.ROSTER_FILE, roster.serialize());
  await writeFile(files.IDENTITY_FILE, gateway.serialize());
});
afterAll(() => rm(folder, { recursive: true }));

const start = (env: Record<string, string>) => spawnProgram(MAIN, { ...files, SEAL_KEY: 'none', ...env });

describe('the program', () => {
  it('serves without a board, and ends well on SIGTERM', async () => {
    const { child, exit, events, output } = start({ PORT: '0', MESSAGE_BOARD_URL: 'http://127.0.0.1:1' });
    await until(() => child.exitCode !== null || events().some(({ event }) => event === 'listening'));
    child.kill('SIGTERM');
    expect([await exit, output.stderr]).toEqual([0, '']);
    expect(events().map(({ event }) => event)).toEqual(['starting', 'clear_text_files', 'listening', 'closing', 'closed']);
    expect(events()[0]).toMatchObject({ roster: members().roster.fingerprint });
  });

  it.each([
    ['has another roster', members(5, 3).roster, 2],
    ['has its roster', members().roster, 0],
    ['checks nothing', null, 0],
  ])('ends with code 2, saying both fingerprints, when the board %s: %#', async (_, roster, code) => {
    const board = await TestBoard.start(roster);
    const { child, exit, events, output } = start({ PORT: '0', MESSAGE_BOARD_URL: board.url });
    await until(() => child.exitCode !== null || events().some(({ event }) => event === 'board_up'));
    if (code === 0) child.kill('SIGTERM');
    expect([await exit, output.stderr]).toEqual([code, '']);
    const fatal = events().filter(({ event }) => event === 'stopped').map(({ msg }) => msg);
    const both = `${roster?.fingerprint ?? ''}, and this member has ${members().roster.fingerprint}`;
    expect(fatal).toEqual(code === 0 ? [] : [expect.stringContaining(both)]);
    await board.close();
  });

  it('says it, and goes on, when the board comes back with another roster', async () => {
    const board = await TestBoard.start(members().roster);
    const { child, exit, events } = start({ PORT: '0', MESSAGE_BOARD_URL: board.url });
    const said = (name: string) => events().filter(({ event }) => event === name);
    await until(() => child.exitCode !== null || said('board_up').length === 1);
    const other = members(5, 3).roster;
    await board.restart(other);
    await until(() => child.exitCode !== null || (said('other_roster').length > 0 && said('board_down').length > 0));
    expect(said('other_roster')).toMatchObject([{ level: 50, msg: expect.stringContaining(other.fingerprint) }]);
    await board.restart(members().roster);
    await until(() => child.exitCode !== null || said('board_up').length === 2);
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    await board.close();
  });

  it.each(['answers in time', 'hangs'])('tells the board on SIGTERM what is under way, and ends also when the board %s', async (how) => {
    const board = await TestBoard.start(members().roster);
    const liar = await lyingBoard(board.url);
    const { child, exit, events } = start({ PORT: '0', MESSAGE_BOARD_URL: liar.url });
    const said = (name: string) => events().filter(({ event }) => event === name);
    await until(() => child.exitCode !== null || said('board_up').length === 1);
    const client = new GatewayClient(`http://127.0.0.1:${String(said('listening')[0]?.['port'])}`);
    const { request_id: id } = await client.sign('m');
    const release = liar.hang(({ method }) => method === 'PUT');
    await client.cancel(id);
    await client.close();
    await until(() => liar.asked.some(({ method }) => method === 'PUT'));
    child.kill('SIGTERM');
    await until(() => said('closed').length === 1);
    if (how !== 'hangs') release();
    expect(await exit).toBe(0);
    expect(said('closing_posted')).toHaveLength(how === 'hangs' ? 0 : 1);
    release();
    await liar.close();
    await board.close();
  });

  it('goes on after SIGHUP, saying so, and opens no debugger on SIGUSR1', async () => {
    const { child, exit, events, output } = start({ PORT: '0', MESSAGE_BOARD_URL: 'http://127.0.0.1:1' });
    await until(() => events().some(({ event }) => event === 'listening'));
    child.kill('SIGUSR1');
    child.kill('SIGHUP');
    await until(() => child.exitCode !== null || child.signalCode !== null || events().some(({ event }) => event === 'hangup_ignored'));
    child.kill('SIGTERM');
    expect([await exit, output.stderr]).toEqual([0, '']);
  });

  it('says with --help what it reads from the environment, and does not start', async () => {
    const { exit, output } = spawnProgram(MAIN, {}, ['--help']);
    expect(await exit).toBe(0);
    for (const name of Object.keys(ConfigSchema.shape)) expect(output.stdout).toMatch(new RegExp(`^  ${name} +\\S.{10}`, 'm'));
    expect(output.stdout).toMatch(/^ {2}SEAL_KEY .*required: passphrase-file:PATH/m);
  });

  it.each([
    [{ MESSAGE_BOARD_URL: 'board' }, 'MESSAGE_BOARD_URL: '],
    [{ MESSAGE_BOARD_URL: 'ftp://board' }, 'MESSAGE_BOARD_URL: '],
    [{ PORT: '-1' }, 'PORT: '],
    [{ SEAL_KEY: 'secret' }, 'SEAL_KEY: '],
    [{ ROSTER_FILE: '/nowhere/roster.json' }, '/nowhere/roster.json: '],
    [{ IDENTITY_FILE: '/nowhere/identity.json' }, '/nowhere/identity.json: '],
    [{ DATA_DIR: '/dev/null/data' }, '/dev/null/data/gateway.sqlite cannot be written (ENOTDIR): '],
    [{ REQUEST_LIFETIME_SECONDS: '86401' }, 'REQUEST_LIFETIME_SECONDS: must be a whole number, 60 to 86400'],
  ])('%j ends it with what is wrong', async (env, complaint) => {
    const { exit, output } = start(env);
    expect(await exit).toBe(2);
    expect(output.stderr).toContain(`configuration: ${complaint}`);
  });

  it('is not started with the identity of another member', async () => {
    const other = join(folder, 'other.json');
    await writeFile(other, members(3, 2).identities[0]?.serialize() ?? '');
    const { exit, output } = start({ IDENTITY_FILE: other });
    expect(await exit).toBe(2);
    expect(output.stderr).toContain('it is the identity of node-1, not of gateway');
  });
});
