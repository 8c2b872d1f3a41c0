import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { highS, newSigner } from 'testkit/signer';
import { runProgram, type Ran } from './run_program.js';
import { startServices } from './system.js';

const message = 'Hello, threshold signing!';

function verify(gateway: string, id: string, text = message): Promise<Ran> {
  return runProgram('verify_from_api', '--message', text, '--request-id', id, '--gateway', gateway);
}
/** How the program complains. */
const complaint = (code: number, about: RegExp) => ({ code, stderr: expect.stringMatching(about) });

describe('verify-from-api, against a gateway', () => {
  const signer = newSigner();
  let system: Awaited<ReturnType<typeof startServices>>;
  beforeAll(async () => {
    system = await startServices();
    for (const id of ['req_1_done', 'req_1_open', 'req_1_failed']) await system.board.createRequest({ id, message });
  });
  afterAll(() => system.stop());

  it('says so while there is no public key', async () => {
    const { code, stderr } = await runProgram('export_pubkey', '--gateway', system.gateway);
    expect(code).toBe(1);
    expect(stderr).toMatch(/publickey answers: no key has been generated yet/);
  });

  it('accepts the signature of a completed request', async () => {
    await system.board.postPublicKey(signer.publicKey);
    await system.board.updateRequest('req_1_done', { signature: signer.sign(message) });
    expect(await verify(system.gateway, 'req_1_done')).toEqual({ code: 0, stdout: '✓ Signature verified successfully\n', stderr: '' });
    expect((await verify(`${system.gateway}/`, 'req_1_done')).code).toBe(0);
  });

  it('answers 1 when the message is not the signed one', async () => {
    const altered = await verify(system.gateway, 'req_1_done', `${message}!`);
    const stderr = '✗ The signature is not valid for this message under the public key of the gateway\n';
    expect(altered).toEqual({ code: 1, stdout: '', stderr });
  });

  it('answers 1 to a request that is unknown, pending or failed, with the reason', async () => {
    await system.board.updateRequest('req_1_failed', { status: 'failed', reason: 'policy_refused: node-2' });
    await system.board.updateRequest('req_1_open', { reason: 'not_enough_signers: node-1' });
    expect(await verify(system.gateway, 'req_1_none')).toMatchObject({ code: 1, stderr: '✗ The gateway knows no request req_1_none\n' });
    expect(await verify(system.gateway, 'req_1_open')).toMatchObject(complaint(1, /it is pending \(not_enough_signers: node-1\)/));
    expect(await verify(system.gateway, 'req_1_failed')).toMatchObject(complaint(1, /it is failed \(policy_refused: node-2\)/));
  });

  it('prints the public key of the gateway', async () => {
    const { code, stdout } = await runProgram('export_pubkey', '--gateway', system.gateway);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^compressed {4}${signer.publicKey}\n`));
  });
});

describe('verify-from-api, against what is no honest gateway', () => {
  const signer = newSigner();
  const answers = new Map<string, string>();
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = createServer((request, response) => response.end(answers.get(request.url ?? '') ?? 'nothing here'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  function answer(signature: string): void {
    answers.set('/publickey', JSON.stringify({ public_key: signer.publicKey }));
    answers.set('/status/req_1_x', JSON.stringify({ request_id: 'req_1_x', status: 'completed', signature }));
  }

  it('finds out a signature that is not one, or malleable', async () => {
    answer(signer.sign(message));
    expect((await verify(url, 'req_1_x')).code).toBe(0);
    answer(newSigner().sign(message));
    expect((await verify(url, 'req_1_x')).code).toBe(1);
    answer(highS(signer.sign(message)));
    expect((await verify(url, 'req_1_x')).code).toBe(1);
  });

  it('refuses answers of another shape, naming the field, and no answer at all', async () => {
    answer('{"r":"1"}');
    const otherShape = /does not answer as a gateway does: .*signature: must be/;
    expect(await verify(url, 'req_1_x')).toMatchObject(complaint(1, otherShape));
    expect(await verify(url, 'req_1_other')).toMatchObject(complaint(1, /does not answer as a gateway does/));
    const stderr = 'No gateway answers at http://127.0.0.1:1: give --gateway URL\n';
    expect(await verify('http://127.0.0.1:1', 'req_1_x')).toEqual({ code: 1, stdout: '', stderr });
  });

  it('answers 2 to a malformed request id, message or gateway', async () => {
    expect(await verify(url, '../publickey')).toMatchObject(complaint(2, /^--request-id: must be/));
    expect(await verify(url, 'req_1_x', '')).toMatchObject(complaint(2, /^--message: must not be empty/));
    const tooLong = await verify(url, 'req_1_x', 'm'.repeat(65_537));
    expect(tooLong.stderr.split('\n')[0]).toMatch(/^--message: must be at most 65536 bytes/);
    expect(tooLong.stderr.match(/at most 65536 bytes/g)).toHaveLength(1);
    expect(await verify('localhost', 'req_1_x')).toMatchObject(complaint(2, /^--gateway: must be a URL/));
  });
});
