import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnProgram } from 'testkit/program';
import { members } from 'testkit/roster';
import { BoardClient } from '../src/client/client.js';
import { ConfigSchema } from '../src/config.js';
import { until } from 'testkit/eventually';

const MAIN = createRequire(import.meta.url).resolve('../dist/main.js');

const start = (env: Record<string, string>) => spawnProgram(MAIN, env);

describe('the program', () => {
  it('serves until SIGTERM, then releases its readers and ends well', async () => {
    const { child, exit, events } = start({ PORT: '0' });
    await until(() => events().some(({ event }) => event === 'listening'));
    const listening = events()[0];
    expect(listening).toMatchObject({ service: 'message-board', host: '127.0.0.1' });
    const client = new BoardClient(`http://127.0.0.1:${String(listening?.['port'])}`);
    const reading = client.listRequests({ wait: 30_000 });
    await until(async () => (await client.health()).waiting === 1);
    child.kill('SIGTERM');
    child.kill('SIGTERM');
    expect(await reading).toEqual([]);
    expect(await exit).toBe(0);
    expect(events().map(({ event }) => event)).toEqual(['listening', 'closing', 'closed']);
    await client.close();
  });

  it('checks against the roster that it is given', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'board-program-'));
    const { roster } = members();
    await writeFile(join(folder, 'roster.json'), roster.serialize());
    const { child, exit, events } = start({ PORT: '0', ROSTER_FILE: join(folder, 'roster.json') });
    await until(() => child.exitCode !== null || events().some(({ event }) => event === 'listening'));
    const port = events().find(({ event }) => event === 'listening')?.['port'];
    const client = new BoardClient(`http://127.0.0.1:${String(port)}`);
    const { roster: checked } = await client.health();
    await client.close();
    child.kill('SIGTERM');
    await rm(folder, { recursive: true });
    expect([checked, await exit]).toEqual([roster.hash, 0]);
  });

  it('goes on after SIGHUP, saying so, and opens no debugger on SIGUSR1', async () => {
    const { child, exit, events, output } = start({ PORT: '0' });
    await until(() => events().some(({ event }) => event === 'listening'));
    child.kill('SIGUSR1');
    child.kill('SIGHUP');
    await until(() => child.exitCode !== null || child.signalCode !== null || events().some(({ event }) => event === 'hangup_ignored'));
    child.kill('SIGTERM');
    expect([await exit, output.stderr]).toEqual([0, '']);
  });

  it.each(['--help', '-h'])('says with %s what it reads from the environment, and does not start', async (argument) => {
    const { exit, output } = spawnProgram(MAIN, { PORT: '0' }, [argument]);
    expect(await exit).toBe(0);
    for (const name of Object.keys(ConfigSchema.shape)) expect(output.stdout).toMatch(new RegExp(`^  ${name} +\\S.{10}`, 'm'));
    expect(output.stdout).toMatch(/^ {2}MAX_FINISHED .*\(100000\)$/m);
  });

  it('refuses arguments', async () => {
    const { exit, output } = spawnProgram(MAIN, { PORT: '0' }, ['--port', '9000']);
    expect(await exit).toBe(2);
    expect(output).toEqual({ stdout: '', stderr: '--port: there are no arguments, everything is read from the environment: --help\n' });
  });

  it('ends with code 1 when the port is taken', async () => {
    const first = start({ PORT: '0' });
    await until(() => first.events().some(({ event }) => event === 'listening'));
    const second = start({ PORT: String(first.events()[0]?.['port']) });
    expect(await second.exit).toBe(1);
    expect(second.events()).toMatchObject([{ event: 'cannot_listen', err: { code: 'EADDRINUSE' } }]);
    first.child.kill('SIGTERM');
    await first.exit;
  });

  it.each([
    [{ PORT: '80800' }, 'PORT: must be a whole number, 0 to 65535'],
    [{ PORT: 'http' }, 'PORT: '],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL: '],
    [{ RETENTION_SECONDS: '-1' }, 'RETENTION_SECONDS: '],
    [{ ROSTER_FILE: '/nowhere/roster.json' }, '/nowhere/roster.json: cannot be read (ENOENT)'],
  ])('%j ends it with what is wrong', async (env, complaint) => {
    const { exit, output } = start(env);
    expect(await exit).toBe(2);
    expect(output.stderr).toContain(`configuration: ${complaint}`);
    expect(output.stderr).not.toContain('    at ');
  });
});
