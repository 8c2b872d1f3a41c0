/** The scripts, on the running cluster: what they print and how they end. */
import { describe, expect, it } from '@jest/globals';
import { run } from './programs.js';
import { NODES } from './running_cluster.js';

const NOBODY = { GATEWAY_URL: 'http://127.0.0.1:9', BOARD_URL: 'http://127.0.0.1:9' };

/** Without the line break at the end. */
const linesOf = (text: string): string[] => text.trimEnd().split('\n');

const tests = ['test-message-board.sh', 'test-api-gateway.sh', 'test-e2e.sh', 'test-sign-and-verify.sh'];
describe.each(['start.sh', 'stop.sh', 'logs.sh', 'demo.sh', ...tests])('%s', (script) => {
  it('--help: 0, and says how it is called', async () => {
    const { code, out } = await run(`scripts/${script}`, ['--help']);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(new RegExp(`${script}[^]*Exit code`)) });
  });

  it('called wrongly: 2, and nothing is done', async () => {
    const { code, out, complaint } = await run(`scripts/${script}`, ['--no-such-option']);
    expect({ code, out, complaint }).toEqual({ code: 2, out: '', complaint: expect.stringMatching(/--no-such-option/) });
  });
});

describe('tests of a running system', () => {
  it.each(['test-message-board.sh', 'test-api-gateway.sh', 'test-e2e.sh'])('%s: 0, all passed', async (script) => {
    const { code, out } = await run(`scripts/${script}`);
    const seen = { code, failed: out.match(/✗.*\n.*/g), last: linesOf(out).at(-1) };
    expect(seen).toEqual({ code: 0, failed: null, last: expect.stringMatching(/^[1-9]\d* passed, 0 failed$/) });
  });

  it('test-sign-and-verify.sh MESSAGE: 0, verified', async () => {
    const { code, out } = await run('scripts/test-sign-and-verify.sh', ['Hello, threshold signing!']);
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('✓ Signature verified successfully') });
  });

  it.each(tests.filter((script) => script !== 'test-e2e.sh'))('%s without a system: 1, and says what is missing', async (script) => {
    const { code, complaint } = await run(`scripts/${script}`, [], NOBODY);
    expect({ code, complaint }).toEqual({ code: 1, complaint: expect.stringContaining('127.0.0.1:9') });
  });
});

describe('demo.sh', () => {
  it('walks the six steps, and the signature is verified: 0', async () => {
    const { code, out } = await run('scripts/demo.sh', ['--message', 'Hello, threshold signing!']);
    expect(code).toBe(0);
    const steps = [
      ...[/^1 +Health$/m, /\/health\n.*"status":"ok"/],
      ...[/^2 +Public key$/m, /\/publickey\n.*"public_key":"0[23]/],
      ...[/^3 +Signing request$/m, /"request_id":"req_\d+_\w+","status":"pending"/],
      ...[/^4 +Status$/m, /^ *completed$/m],
      ...[/^5 +Signature$/m, /^ *r +[0-9a-f]{64}$/m, /^ *s +[0-9a-f]{64}$/m],
      ...[/^6 +/m, /POST \/sign ─*▶ api-gateway ─*▶ message-board/, /✓ Signature verified successfully/],
    ];
    const places = steps.map((step) => out.search(step));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });
});

describe('starting and reading logs', () => {
  it('start.sh leaves alone what runs already: 0', async () => {
    const { code, out } = await run('scripts/start.sh');
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('Everything runs already') });
  });

  it('logs.sh prints the lines of all services, each with its name: 0', async () => {
    const { code, out } = await run('scripts/logs.sh');
    expect(code).toBe(0);
    const names = new Set(linesOf(out).map((line) => /^([a-z0-9-]+) +\| \{/.exec(line)?.[1]));
    expect(names).toEqual(new Set(['message-board', 'api-gateway', ...NODES]));
    for (const text of ['Keygen completed', 'AuxInfo generation completed']) expect(out).toContain(text);
    for (const text of ['Presignature pool initialized', 'Main signing loop started']) expect(out).toContain(text);
  });

  it('logs.sh SERVICE prints its lines alone; of an unknown one: 1', async () => {
    const { code, out } = await run('scripts/logs.sh', ['node-2']);
    expect(code).toBe(0);
    expect(new Set(linesOf(out).map((line) => line.split(' ')[0]))).toEqual(new Set(['node-2']));
    expect(await run('scripts/logs.sh', ['node-77'])).toMatchObject({ code: 1, complaint: expect.stringContaining('node-77') });
  });
});
