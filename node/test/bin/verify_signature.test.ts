import { describe, expect, it } from '@jest/globals';
import { Point } from '@noble/secp256k1';
import { highS, newSigner } from 'testkit/signer';
import { runProgram, type Ran } from './run_program.js';

const signer = newSigner();
const message = 'Ödeme: 10 ₿ — "to whom it may concern" 🔑';
const signature = signer.sign(message);
const ofAnother = signer.sign('another');

function verify(changes: { message?: string; signature?: string; 'public-key'?: string } = {}): Promise<Ran> {
  const given = { message, signature, 'public-key': signer.publicKey, ...changes };
  return runProgram('verify_signature', ...Object.entries(given).map(([name, value]) => `--${name}=${value}`));
}

describe('verify-signature', () => {
  it('accepts a valid signature', async () => {
    expect(await verify()).toEqual({ code: 0, stdout: '✓ Signature verified successfully\n', stderr: '' });
  });

  it('takes the public key uncompressed too, and hexadecimal in either case', async () => {
    const uncompressed = Point.fromHex(signer.publicKey).toHex(false);
    expect((await verify({ 'public-key': uncompressed.toUpperCase() })).code).toBe(0);
  });

  it('takes a message of 64 KiB and one that begins with a dash', async () => {
    for (const text of ['a'.repeat(65_536), '--message']) {
      expect((await verify({ message: text, signature: signer.sign(text) })).code).toBe(0);
    }
  });

  it.each([
    ['bytes', ['--bytes=00FF'], { message: '00ff', kind: 'bytes' }],
    ['bytes with keccak256', ['--bytes=00ff', '--hash=keccak256'], { message: '00ff', kind: 'bytes', hash: 'keccak256' }],
    ['a message with sha256d', ['--message=m', '--hash=sha256d'], { message: 'm', hash: 'sha256d' }],
    ['a digest', [`--digest=${'ab'.repeat(32)}`], { message: 'ab'.repeat(32), kind: 'digest' }],
  ] as const)('accepts a signature of %s, and not that of something else', async (_what, options, payload) => {
    const call = (signed: string): Promise<Ran> =>
      runProgram('verify_signature', ...options, `--signature=${signed}`, `--public-key=${signer.publicKey}`);
    expect((await call(signer.sign(payload))).code).toBe(0);
    expect((await call(signer.sign(payload.message))).code).toBe(1);
  });

  it.each([
    [['--message=m', '--bytes=00'], '--bytes: cannot be given with message'],
    [['--bytes=0'], '--bytes: must be an even number of hexadecimal digits'],
    [['--digest=00'], '--digest: must be 64 hexadecimal digits'],
    [['--message=m', '--hash=md5'], '--hash: must be one of sha256, sha256d, keccak256'],
  ])('answers 2 to %j', async (options, expected) => {
    const others = [`--signature=${signature}`, `--public-key=${signer.publicKey}`];
    const { code, stderr } = await runProgram('verify_signature', ...options, ...others);
    expect([code, stderr.split('\n')[0]]).toEqual([2, expected]);
  });

  it.each([
    ['another message', { message: `${message} ` }],
    ['another key', { 'public-key': newSigner().publicKey }],
    ['a signature of another message', { signature: ofAnother }],
    ['the malleable form, with high s', { signature: highS(signature) }],
    ['r = 0', { signature: signature.replace(/"r":"[^"]*"/, `"r":"${'0'.repeat(64)}"`) }],
    ['s = 0', { signature: signature.replace(/"s":"[^"]*"/, `"s":"${'0'.repeat(64)}"`) }],
    ['r beyond the order', { signature: signature.replace(/"r":"[^"]*"/, `"r":"${'f'.repeat(64)}"`) }],
  ])('answers 1 to %s', async (_what, changes) => {
    const stderr = '✗ The signature is not valid for this message and public key\n';
    expect(await verify(changes)).toEqual({ code: 1, stdout: '', stderr });
  });

  it.each([
    ['signature', 'not JSON'],
    ['signature', '{"r":"00","s":"00"}'],
    ['public-key', `02${'0'.repeat(64)}`],
    ['public-key', '02abc'],
    ['public-key', 'no hexadecimal'],
  ])('answers 2 to a malformed --%s %s and names it', async (option, value) => {
    const { code, stdout, stderr } = await verify({ [option]: value });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^--${option}: must be .*\nTry 'verify-signature --help'.\n$`));
  });

  it('names every option that is missing, and one that is unknown', async () => {
    const nothing = await runProgram('verify_signature');
    expect(nothing.code).toBe(2);
    expect(nothing.stderr).toMatch(/^--signature: is required\n--public-key: is required\n--message: is required, or bytes, or digest\n/);
    const nothingSigned = await runProgram('verify_signature', `--signature=${signature}`, `--public-key=${signer.publicKey}`);
    expect(nothingSigned.code).toBe(2);
    expect(nothingSigned.stderr).toMatch(/^--message: is required, or bytes, or digest\n/);
    const unknown = await runProgram('verify_signature', '--key=02');
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/--key/);
  });
});

describe('--help', () => {
  it.each([
    ['verify_signature', ['--message', '--signature', '--public-key']],
    ['verify_from_api', ['--message', '--request-id', '--gateway']],
    ['export_pubkey', ['--gateway', '--key-share']],
  ])('of %s names the options and the exit codes', async (program, options) => {
    const { code, stdout, stderr } = await runProgram(program, '--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const text of [...options, 'Exit code', program.replaceAll('_', '-')]) expect(stdout).toContain(text);
    expect(await runProgram(program, '-h')).toEqual({ code, stdout, stderr });
  });
});
