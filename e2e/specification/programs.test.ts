/** The programs: what they print and how they end. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { departs } from './departures.js';
import { run } from './programs.js';
import { dataRoot, gateway, publicKey, sealKey, sign, type SignedMessage } from './running_cluster.js';
import { SignatureSchema } from './schemas.js';

const VERIFIED = /✓ Signature verified successfully/;
const NOBODY = 'http://127.0.0.1:9';
const UNKNOWN = 'req_1705067890_abc123';
/** The generator of secp256k1. */
const ANOTHER_KEY = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';

let signed: SignedMessage;
let key: string;
beforeAll(async () => {
  signed = await sign('a message for the programs');
  key = await publicKey();
});

/** The arguments are made when there is a signature. `says`: on standard output when the code is 0, else on standard error. */
type Run = [what: string, code: number, args: () => string[], says: RegExp];

async function check(program: string, args: readonly string[], code: number, says: RegExp): Promise<void> {
  const ended = await run(program, args);
  expect({ code: ended.code, says: code === 0 ? ended.out : ended.complaint }).toEqual({ code, says: expect.stringMatching(says) });
}

describe('verify-signature', () => {
  const call = (message: string, signature: string, publicKey: string): string[] => [
    ...['--message', message, '--signature', signature],
    ...['--public-key', publicKey],
  ];
  const spaced = (): string => {
    const { r, s } = SignatureSchema.parse(JSON.parse(signed.signature));
    return `{"r": "${r}", "s": "${s}"}`;
  };
  const runs: Run[] = [
    ['the signature as GET /status gives it', 0, () => call(signed.message, signed.signature, key), VERIFIED],
    ['spaced as in the specification', 0, () => call(signed.message, spaced(), key), VERIFIED],
    [`one more space ${departs('verdictText')}`, 1, () => call(`${signed.message} `, signed.signature, key), /^✗ /],
    ['another key', 1, () => call(signed.message, signed.signature, ANOTHER_KEY), /^✗ /],
    ['what is no signature', 2, () => call(signed.message, '{"r": "1"}', key), /--signature/],
    ['what is no key', 2, () => call(signed.message, signed.signature, '1234'), /--public-key/],
    ['without options', 2, () => [], /--message/],
    ['--help', 0, () => ['--help'], /verify-signature --message .* --signature .* --public-key /],
  ];
  it.each(runs)('%s: %i', (_what, code, args, says) => check('node/dist/bin/verify_signature.js', args(), code, says));
});

describe('verify-from-api', () => {
  const call = (message: string, id: string, at = gateway.url): string[] => ['--message', message, '--request-id', id, '--gateway', at];
  const runs: Run[] = [
    ['a signed request', 0, () => call(signed.message, signed.requestId), VERIFIED],
    ['another message', 1, () => call('another', signed.requestId), /^✗ /],
    ['an unknown request', 1, () => call(signed.message, UNKNOWN), new RegExp(`^✗ .*${UNKNOWN}`)],
    ['no gateway', 1, () => call(signed.message, signed.requestId, NOBODY), /127\.0\.0\.1:9/],
    ['without options', 2, () => [], /--request-id/],
    ['--help, and the default gateway', 0, () => ['--help'], /--request-id[^]*http:\/\/localhost:8000/],
  ];
  it.each(runs)('%s: %i', (_what, code, args, says) => check('node/dist/bin/verify_from_api.js', args(), code, says));
});

describe('export-pubkey', () => {
  const share = join(dataRoot, 'node-1', 'key_share_node-1.json');
  it.each([
    ['the gateway has', ['--gateway', gateway.url]],
    ['a key share is of', ['--key-share', share, '--seal-key', sealKey]],
  ])('prints the public key that %s: 0', (_what, args) => check('node/dist/bin/export_pubkey.js', args, 0, new RegExp(key)));

  const runs: Run[] = [
    ['no gateway', 1, () => ['--gateway', NOBODY], /127\.0\.0\.1:9/],
    ['no such file', 1, () => ['--key-share', join(dataRoot, 'nothing.json')], /nothing\.json/],
    [`a share without its key ${departs('sealedFiles')}`, 2, () => ['--key-share', share], /--seal-key/],
    ['both', 2, () => ['--key-share', share, '--gateway', gateway.url], /--gateway/],
    ['--help', 0, () => ['--help'], /export-pubkey/],
  ];
  it.each(runs)('%s: %i', (_what, code, args, says) => check('node/dist/bin/export_pubkey.js', args(), code, says));
});

describe('commands', () => {
  it.each(['verify-signature', 'verify-from-api', 'export-pubkey'])(`%s is there under this name ${departs('typescript')}`, (name) =>
    check(`node_modules/.bin/${name}`, ['--help'], 0, new RegExp(name)),
  );
});

describe('the services', () => {
  const programs: [program: string, settings: RegExp[]][] = [
    ['message-board/dist/main.js', [/^ *PORT .*8080/m]],
    ['api-gateway/dist/main.js', [/^ *PORT .*8000/m, /^ *MESSAGE_BOARD_URL .*:8080/m]],
    ['node/dist/main.js', [/^ *NODE_ID /m, /^ *MESSAGE_BOARD_URL .*:8080/m, /^ *RUST_LOG /m, /^ *POOL_TARGET .*20/m, /^ *POOL_MAX .*30/m]],
  ];
  it.each(programs)('%s --help lists its environment, with the defaults: 0', async (program, settings) => {
    const { code, out } = await run(program, ['--help']);
    expect(code).toBe(0);
    for (const setting of settings) expect(out).toMatch(setting);
  });

  it.each(programs)('%s with an argument: 2', (program) => check(program, ['start'], 2, /start/));

  it('a node without NODE_ID does not start: 2', async () => {
    const { code, complaint } = await run('node/dist/main.js', [], { NODE_ID: '' });
    expect({ code, complaint }).toEqual({ code: 2, complaint: expect.stringMatching(/NODE_ID/) });
  });
});
