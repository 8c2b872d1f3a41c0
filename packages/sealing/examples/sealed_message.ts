/**
 * Two nodes of a cluster exchange a message that only its recipient can read, and that its sender cannot deny later.
 *
 *   node sealed_message.ts
 */
import { randomBytes } from 'node:crypto';
import { open, openDisclosed, seal } from 'sealing/envelope';
import { Refused } from 'sealing/errors';
import { Identity } from 'sealing/identity';
import { Roster } from 'sealing/roster';

// Each member makes its identity, and keeps it: `identity.serialize()` is its secret.
const [one, two, gateway] = [Identity.generate('node-1'), Identity.generate('node-2'), Identity.generate('gateway')];

// The roster has the public keys. All members have the same one: its hash is in everything that they sign.
const roster = new Roster({
  version: 1,
  cluster: randomBytes(16).toString('hex'),
  messages: 'sealed',
  threshold: 2,
  nodes: [one.publicIdentity, two.publicIdentity],
  gateway: gateway.publicIdentity,
});
console.log(`Fingerprint of the roster: ${roster.fingerprint}`);

// A message belongs to one place: nobody can pass it on as a message of another session, round or recipient.
const setting = 'ab'.repeat(32);
const place = { namespace: 'messages', session: 'req_1', incarnation: 'a', setting, to: 'node-2', round: 1 } as const;
const envelope = await seal(one, roster, place, 'for node-2 alone');

const opened = await open(two, roster, { ...place, from: 'node-1' }, envelope);
console.log(`node-2 reads: ${opened.plaintext}`);

// node-2 can show to anybody what node-1 has said.
const shown = await openDisclosed(roster, envelope, opened.disclosure);
console.log(`Anybody sees that ${shown.place.from} has signed: ${shown.plaintext}`);

try {
  await open(two, roster, { ...place, from: 'node-1', round: 2 }, envelope);
} catch (error) {
  if (!(error instanceof Refused)) throw error;
  console.log(`In another place it is rejected: ${error.message}`);
}
