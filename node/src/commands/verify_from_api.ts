import { RequestIdSchema, SigningMessageSchema } from 'message-board/contract';
import { z } from 'zod';
import { main, Refusal } from '../tools/command.js';
import { DEFAULT_GATEWAY, fetchPublicKey, fetchStatus, GatewayUrlSchema, type SigningStatus } from '../tools/gateway_client.js';
import { isValid } from '../tools/independent_verifier.js';

const help = `Usage: verify-from-api --message TEXT --request-id ID [--gateway URL]

Fetches the signature of a request and the public key from a gateway, and checks them here.

  --message TEXT      what was signed, exactly, every space of it
  --request-id ID     as POST /sign gave it: req_…
  --gateway URL       default ${DEFAULT_GATEWAY}
  -h, --help          this text

Checks with an independent implementation (@noble/secp256k1), low s only.
Exit code: 0 valid, 1 not valid, not finished or not found, 2 called wrongly.
`;

/** @throws Refusal saying why there is none */
function signatureOf(status: SigningStatus): Uint8Array {
  if (status.status === 'completed') return status.signature;
  if (status.status === 'not_found') throw new Refusal(`✗ The gateway knows no request ${status.request_id}`);
  const reason = status.reason === undefined ? '' : ` (${status.reason})`;
  throw new Refusal(`✗ Request ${status.request_id} has no signature: it is ${status.status}${reason}`);
}

await main({
  name: 'verify-from-api',
  help,
  options: z.object({ message: SigningMessageSchema, 'request-id': RequestIdSchema, gateway: GatewayUrlSchema.default(DEFAULT_GATEWAY) }),
  run: async ({ message, 'request-id': requestId, gateway }) => {
    const signature = signatureOf(await fetchStatus(gateway, requestId));
    if (await isValid(signature, message, await fetchPublicKey(gateway))) return '✓ Signature verified successfully\n';
    throw new Refusal('✗ The signature is not valid for this message under the public key of the gateway');
  },
});
