import { verify } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Point } from '@noble/secp256k1';
import { newSigner } from 'testkit/signer';
import { runProgram } from './run_program.js';

/** A 2-of-2 share by addition, as a node writes it, and who has the whole key. */
function keyShare() {
  const [mine, other] = [newSigner(), newSigner()];
  const sum = (BigInt(`0x${mine.secretHex}`) + BigInt(`0x${other.secretHex}`)) % Point.CURVE().n;
  const signer = newSigner(Buffer.from(sum.toString(16).padStart(64, '0'), 'hex'));
  const public_shares = [mine.publicKey, other.publicKey];
  const x = mine.secretHex;
  return { signer, x, share: { curve: 'secp256k1', i: 0, shared_public_key: signer.publicKey, public_shares, x } };
}

describe('export-pubkey', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'export-pubkey-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function fileOf(content: object | string): Promise<string> {
    const file = join(folder, 'key_share_node-1.json');
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
    return file;
  }

  it('prints the three forms of the key of a share, and never its secret', async () => {
    const { signer, x, share } = keyShare();
    const key = Point.fromHex(signer.publicKey);
    const { code, stdout, stderr } = await runProgram('export_pubkey', '--key-share', await fileOf(share));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [compressed, uncompressed] = stdout.split('\n');
    expect(compressed).toBe(`compressed    ${key.toHex(true)}`);
    expect(uncompressed).toBe(`uncompressed  ${key.toHex(false)}`);
    expect(stdout).not.toContain(x);
  });

  it('prints a PEM by which OpenSSL accepts what the key signed', async () => {
    const { signer, share } = keyShare();
    const { stdout } = await runProgram('export_pubkey', '--key-share', await fileOf(share));
    const { r, s } = JSON.parse(signer.sign('a message')) as { r: string; s: string };
    const key = { key: stdout, dsaEncoding: 'ieee-p1363' } as const;
    expect(verify('sha256', Buffer.from('a message'), key, Buffer.from(r + s, 'hex'))).toBe(true);
    expect(verify('sha256', Buffer.from('another'), key, Buffer.from(r + s, 'hex'))).toBe(false);
  });

  it('reads the share out of a file that has the auxiliary info too', async () => {
    const { signer, share } = keyShare();
    const { code, stdout } = await runProgram('export_pubkey', '--key-share', await fileOf({ core: share, aux: {} }));
    expect(code).toBe(0);
    expect(stdout).toContain(`compressed    ${signer.publicKey}\n`);
  });

  it('refuses a damaged share, naming the field and not the secret', async () => {
    const { share, x } = keyShare();
    const wrong = await runProgram('export_pubkey', '--key-share', await fileOf({ ...share, shared_public_key: newSigner().publicKey }));
    expect(wrong).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/shared_public_key/) });
    const other = await runProgram('export_pubkey', '--key-share', await fileOf({ ...share, x: x.slice(2) }));
    expect(other.code).toBe(1);
    expect(other.stderr).not.toContain(x.slice(2));
    const notJson = await runProgram('export_pubkey', '--key-share', await fileOf('{'));
    expect(notJson).toMatchObject({ code: 1, stderr: expect.stringMatching(/not JSON/) });
  });

  it('says when the file cannot be read', async () => {
    const ran = await runProgram('export_pubkey', '--key-share', join(folder, 'nowhere.json'));
    expect(ran).toMatchObject({ code: 1, stderr: expect.stringMatching(/nowhere\.json: cannot be read \(ENOENT\)/) });
  });

  it('takes a file or a gateway, not both', async () => {
    const ran = await runProgram('export_pubkey', '--key-share', 'x', '--gateway', 'http://localhost:1');
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringMatching(/^--gateway and --key-share: give one of them/) });
  });
});
