import { createPublicKey } from 'node:crypto';
import { Point } from '@noble/secp256k1';
import { encodePoint, parseCoreKeyShare, InvalidArgument } from 'cggmp24';
import { Refused } from 'sealing/errors';
import { parseJsonValue } from 'sealing/json';
import { SealKeySourceSchema, type SealKeySource } from 'sealing/seal_key';
import { isSealed, labelOf, openText } from 'sealing/sealed_file';
import { z } from 'zod';
import { readText } from '../tools/cluster_files.js';
import { main, CommandFailure, UsageError } from '../tools/command.js';
import { DEFAULT_GATEWAY, fetchPublicKey, GatewayUrlSchema } from '../tools/gateway_client.js';
import { namingOption, openSealKey, sealKeyEnvironment, SEAL_KEY_TEXT } from '../tools/seal_key_option.js';

const help = `Usage: export-pubkey [--gateway URL | --key-share FILE [--seal-key SPEC]]

Prints the public key of a cluster: compressed, uncompressed (hexadecimal, SEC1) and as PEM.

  --gateway URL       where to ask for it; default ${DEFAULT_GATEWAY}
  --key-share FILE    a node's key_share_node-K.json, instead of a gateway
  --seal-key SPEC     the key or passphrase of that file, unless it is in clear text
  -h, --help          this text

${SEAL_KEY_TEXT}
The output can be used as a PEM file: OpenSSL skips the lines before BEGIN.
Exit code: 0 printed, 1 there is no key, 2 called wrongly.
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

/** @throws CommandFailure when the file is not there or not a key share; its secret goes nowhere */
async function readPublicKey(path: string, source: SealKeySource | undefined): Promise<Point> {
  const file = await readText(path);
  try {
    const text = await opened(file, source);
    parseJsonValue(text, 'key share');
    const { sharedPublicKey } = parseCoreKeyShare(coreOf(text));
    return Point.fromBytes(encodePoint(sharedPublicKey, true));
  } catch (error) {
    if (error instanceof InvalidArgument || error instanceof Refused) throw new CommandFailure(`${path}: ${error.message}`);
    throw error;
  }
}

/** A share in clear text is read whatever key is given: nothing is believed here but what is printed. */
async function opened(file: string, source: SealKeySource | undefined): Promise<string> {
  if (!isSealed(file)) return file;
  if (source === undefined) throw new UsageError('--seal-key: is required, the file is sealed');
  const key = await openSealKey(source);
  return namingOption('--seal-key', () => openText(key, { purpose: 'key-share', owner: labelOf(file)?.owner ?? 'node-1' }, file));
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
  options: z.object({
    gateway: GatewayUrlSchema.optional(),
    'key-share': z.string().min(1, 'must not be empty').optional(),
    'seal-key': SealKeySourceSchema.optional(),
  }),
  environment: sealKeyEnvironment,
  run: async ({ gateway, 'key-share': file, 'seal-key': source }) => {
    if (gateway !== undefined && file !== undefined) throw new UsageError('--gateway and --key-share: give one of them');
    const key = file === undefined ? Point.fromHex(await fetchPublicKey(gateway ?? DEFAULT_GATEWAY)) : await readPublicKey(file, source);
    return `compressed    ${key.toHex(true)}\nuncompressed  ${key.toHex(false)}\n${toPem(key)}`;
  },
});
