import { InvalidSignature, type Asked } from 'api-gateway/client';
import { RequestIdSchema } from 'message-board/contract';
import { z } from 'zod';
import { main, CommandFailure } from '../tools/command.js';
import { DEFAULT_GATEWAY, fetchPublicKey, fetchStatus, GatewayUrlSchema } from '../tools/gateway_client.js';
import { CompactSignatureSchema, isValid, PublicKeyHexSchema } from '../tools/independent_verifier.js';
import { isPayloadGiven, PAYLOAD_HELP, PAYLOAD_MISSING, payloadOptions, signedIn } from '../tools/payload_options.js';

const help = `Usage: verify-from-api --message TEXT --request-id ID [--gateway URL]

Fetches the signature of a request and the public key from a gateway, and checks them here.

${PAYLOAD_HELP}
  --request-id ID     as POST /sign gave it: req_…
  --gateway URL       default ${DEFAULT_GATEWAY}
  -h, --help          this text

Uses an independent implementation, @noble/secp256k1. A signature with a high s is not valid.
Exit code: 0 valid, 1 not valid, not finished or not found, 2 called wrongly.
`;

const INVALID = '✗ The signature is not valid for this message under the public key of the gateway';

/** @throws CommandFailure saying why there is none */
async function fetchSignature(gateway: string, requestId: string, asked: Asked): Promise<string> {
  const status = await fetchStatus(gateway, requestId, asked).catch((error: unknown) => {
    throw error instanceof InvalidSignature ? new CommandFailure(INVALID) : error;
  });
  if (status === undefined) throw new CommandFailure(`✗ The gateway knows no request ${requestId}`);
  if (status.signature !== undefined) return status.signature;
  const reason = status.reason === undefined ? '' : ` (${status.reason})`;
  throw new CommandFailure(`✗ Request ${requestId} has no signature: it is ${status.status}${reason}`);
}

await main({
  name: 'verify-from-api',
  help,
  options: z
    .object({ ...payloadOptions, 'request-id': RequestIdSchema, gateway: GatewayUrlSchema.default(DEFAULT_GATEWAY) })
    .refine(isPayloadGiven, PAYLOAD_MISSING),
  run: async ({ 'request-id': requestId, gateway, ...signed }) => {
    const { body, payload } = signedIn(signed);
    const signature = CompactSignatureSchema.parse(await fetchSignature(gateway, requestId, body));
    const publicKey = PublicKeyHexSchema.parse(await fetchPublicKey(gateway));
    // The client has verified it with the library that makes signatures; this verifier shares no code with it.
    if (await isValid(signature, payload, publicKey)) return '✓ Signature verified successfully\n';
    throw new CommandFailure(INVALID);
  },
});
