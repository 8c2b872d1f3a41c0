import { parseJson } from 'sealing/json';
import { loadIdentity, loadRoster } from 'sealing/member';
import { SealKeySourceSchema } from 'sealing/seal_key';
import { labelOf } from 'sealing/sealed_file';
import { z } from 'zod';
import { describeRoster, readCard, readText } from '../tools/cluster_files.js';
import { main, CommandFailure, UsageError } from '../tools/command.js';
import { namingOption, openSealKey, sealKeyEnvironment, SEAL_KEY_TEXT } from '../tools/seal_key_option.js';

const help = `Usage: check-roster ROSTER [--cards FILE…] [--identity FILE --seal-key SPEC]

Is this a roster, and does it have these members with these keys?

  ROSTER            roster.json
  --cards FILE…     cards that make-identity wrote
  --identity FILE   the identity of a member
  --seal-key SPEC   the key or passphrase of the identity
  -h, --help        this text

${SEAL_KEY_TEXT}
Prints how many nodes there are, how many of them sign, the kind of cluster, and the fingerprint.
Exit code: 0 yes, 1 no, 2 called wrongly.
`;

/** An identity in clear text. */
const NamedSchema = z.object({ name: z.string() });

async function nameOf(path: string): Promise<string> {
  const text = await readText(path);
  const label = labelOf(text);
  if (label !== null) return label.owner;
  try {
    return parseJson(NamedSchema, text, path).name;
  } catch {
    throw new CommandFailure(`${path}: is not an identity`);
  }
}

await main({
  name: 'check-roster',
  help,
  options: z.object({
    roster: z.string(),
    cards: z.array(z.string()).default([]),
    identity: z.string().optional(),
    'seal-key': SealKeySourceSchema.optional(),
  }),
  argument: 'roster',
  lists: ['cards'],
  environment: sealKeyEnvironment,
  run: async ({ roster: path, cards, identity, 'seal-key': source }) => {
    const roster = await loadRoster(path);
    const members = await Promise.all(cards.map(readCard));
    if (identity !== undefined) {
      if (source === undefined) throw new UsageError('--seal-key: is required for an identity');
      const [name, key] = [await nameOf(identity), await openSealKey(source)];
      members.push((await namingOption('--seal-key', () => loadIdentity(name, identity, key))).publicIdentity);
    }
    for (const member of members) roster.checkContains(member);
    return `✓ ${describeRoster(roster)}${members.map(({ name }) => `✓ contains ${name}\n`).join('')}`;
  },
});
