import { join } from 'node:path';
import { Identity, MemberNameSchema } from 'sealing/identity';
import { SealKeySourceSchema } from 'sealing/seal_key';
import { z } from 'zod';
import { cardText, identityFile, writeFirst, writeIdentity } from '../tools/cluster_files.js';
import { main } from '../tools/command.js';
import { openSealKey, sealKeyEnvironment, SEAL_KEY_TEXT } from '../tools/seal_key_option.js';

const help = `Usage: make-identity --name NAME --out DIR --seal-key SPEC

Makes the identity of one member on its own machine: the secret stays there, and only the card goes to make-cluster.

  --name NAME       node-1, node-2, …, or gateway
  --out DIR         folder for identity_NAME.json, which is secret, and card_NAME.json, which is public; neither is replaced
  --seal-key SPEC   the key or passphrase of the identity
  -h, --help        this text

${SEAL_KEY_TEXT}
Prints the card.
Exit code: 0 made, 1 not made, 2 called wrongly.
`;

await main({
  name: 'make-identity',
  help,
  options: z.object({ name: MemberNameSchema, out: z.string().min(1), 'seal-key': SealKeySourceSchema }),
  environment: sealKeyEnvironment,
  run: async ({ name, out, 'seal-key': source }) => {
    const sealKey = await openSealKey(source);
    const identity = Identity.generate(name);
    const card = cardText(identity.publicIdentity);
    await writeIdentity(join(out, identityFile(name)), identity, sealKey);
    await writeFirst(join(out, `card_${name}.json`), card);
    return card;
  },
});
