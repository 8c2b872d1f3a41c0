import { z } from 'zod';
import { main, CommandFailure } from '../tools/command.js';
import { CompactSignatureSchema, isValid, PublicKeyHexSchema } from '../tools/independent_verifier.js';
import { isPayloadGiven, PAYLOAD_HELP, PAYLOAD_MISSING, payloadOptions, signedIn } from '../tools/payload_options.js';

const help = `Usage: verify-signature --message TEXT --signature JSON --public-key HEX

Does the signature sign SHA-256 of the message under the public key?

${PAYLOAD_HELP}
  --signature JSON    as GET /status gives it: {"r": "<64 hex digits>", "s": "<64 hex digits>"}
  --public-key HEX    secp256k1 point, compressed (66 digits) or not (130)
  -h, --help          this text

Uses an independent implementation, @noble/secp256k1. A signature with a high s is not valid.
Exit code: 0 valid, 1 not valid, 2 called wrongly.
`;

await main({
  name: 'verify-signature',
  help,
  options: z
    .object({ ...payloadOptions, signature: CompactSignatureSchema, 'public-key': PublicKeyHexSchema })
    .refine(isPayloadGiven, PAYLOAD_MISSING),
  run: async ({ signature, 'public-key': publicKey, ...signed }) => {
    if (await isValid(signature, signedIn(signed).payload, publicKey)) return '✓ Signature verified successfully\n';
    throw new CommandFailure('✗ The signature is not valid for this message and public key');
  },
});
