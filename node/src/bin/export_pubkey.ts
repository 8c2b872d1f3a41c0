#!/usr/bin/env node
import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Point } from '@noble/secp256k1';
import { encodePoint, parseCoreKeyShare, InvalidArgument } from 'cggmp24';
import { z } from 'zod';
import { main, Refusal, UsageError } from './command.js';
import { DEFAULT_GATEWAY, fetchPublicKey, GatewayUrlSchema } from './gateway_client.js';

const help = `Usage: export-pubkey [--gateway URL | --key-share FILE]

Prints the public key of a cluster: compressed, uncompressed (hexadecimal, SEC1) and as PEM.

  --gateway URL       where to ask for it; default ${DEFAULT_GATEWAY}
  --key-share FILE    a node's key_share_node-K.json; then no service has to run
  -h, --help          this text

The output as it is serves as a PEM file: OpenSSL skips what is before the BEGIN line.
Exit code: 0 printed, 1 no key there, 2 called wrongly.
`;

/** A key share with its auxiliary info in one file, as Rust nodes may have it. */
const CompleteSchema = z.object({ core: z.looseObject({}) });

/** The core share in either form of the file. */
function coreOf(text: string): string {
  try {
    return JSON.stringify(CompleteSchema.parse(JSON.parse(text)).core);
  } catch {
    return text;
  }
}

/** @throws Refusal when the file is not there or not a key share; its secret goes nowhere */
async function readPublicKey(file: string): Promise<Point> {
  try {
    const { sharedPublicKey } = parseCoreKeyShare(coreOf(await readFile(file, 'utf8')));
    return Point.fromBytes(encodePoint(sharedPublicKey, true));
  } catch (error) {
    if (error instanceof InvalidArgument) throw new Refusal(`${file}: ${error.message}`);
    if (error instanceof Error && 'code' in error) throw new Refusal(`${file}: cannot be read (${String(error.code)})`);
    throw error;
  }
}

function toPem(key: Point): string {
  const bytes = Buffer.from(key.toBytes(false));
  const coordinate = (from: number): string => bytes.subarray(from, from + 32).toString('base64url');
  const jwk = { kty: 'EC', crv: 'secp256k1', x: coordinate(1), y: coordinate(33) };
  return createPublicKey({ format: 'jwk', key: jwk }).export({ type: 'spki', format: 'pem' }).toString();
}

await main({
  name: 'export-pubkey',
  help,
  options: z.object({ gateway: GatewayUrlSchema.optional(), 'key-share': z.string().min(1, 'must not be empty').optional() }),
  run: async ({ gateway, 'key-share': file }) => {
    if (gateway !== undefined && file !== undefined) throw new UsageError('--gateway and --key-share: give one of them');
    const key = file === undefined ? await fetchPublicKey(gateway ?? DEFAULT_GATEWAY) : await readPublicKey(file);
    return `compressed    ${key.toHex(true)}\nuncompressed  ${key.toHex(false)}\n${toPem(key)}`;
  },
});
