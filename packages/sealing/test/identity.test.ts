import { inspect } from 'node:util';
import { sign, verify } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Identity, MemberNameSchema, publicKeyObject } from '../src/identity.js';
import { keyObject } from '../src/key_object.js';
import { parseJson } from '../src/json.js';
import { identityText } from 'testkit/fixed_identity';
import { node1, node2, refusal } from './support.js';

const text = identityText('node-1');
const fields = JSON.parse(text) as Record<string, string>;

describe('an identity', () => {
  it('is new each time, and comes back from its text', () => {
    const [one, other] = [Identity.generate('node-7'), Identity.generate('node-7')];
    expect(one.name).toBe('node-7');
    expect(one.publicIdentity.signing_key).not.toBe(other.publicIdentity.signing_key);
    expect(one.publicIdentity.encryption_key).not.toBe(other.publicIdentity.encryption_key);
    const again = Identity.parse(one.serialize());
    expect(again.publicIdentity).toEqual(one.publicIdentity);
    expect(again.serialize()).toBe(one.serialize());
  });

  it('signs under the public key that it shows', () => {
    const signature = sign(null, Buffer.from('a text'), keyObject(node1.signingKey));
    const holdsFor = ({ publicIdentity }: Identity): boolean =>
      verify(null, Buffer.from('a text'), keyObject(publicKeyObject('Ed25519', publicIdentity.signing_key)), signature);
    expect(holdsFor(node1)).toBe(true);
    expect(holdsFor(node2)).toBe(false);
  });

  it('shows no secret when it is printed or logged', () => {
    const shown = [inspect(node1), inspect({ deep: { node1 } }, { depth: 9, showHidden: true }), JSON.stringify({ node1 })].join();
    expect(shown).toContain('[secret]');
    for (const secret of [fields.signing_secret, fields.encryption_secret]) expect(shown).not.toContain(secret);
    expect(Object.keys(node1)).toEqual(['publicIdentity']);
  });

  it.each([
    ['no JSON', '{', /identity: is not JSON/],
    ['nothing', 'null', /^identity: /],
    ['another name', { ...fields, name: 'node-0' }, /^identity: name: must be node-1 to node-256, or gateway/],
    ['a key too short', { ...fields, signing_key: fields.signing_key?.slice(1) }, /^identity: signing_key: must be 32 bytes/],
    [
      'a key in a second form',
      { ...fields, signing_key: fields.signing_key?.replace(/.$/, (last) => String.fromCharCode(last.charCodeAt(0) + 1)) },
      /^identity: signing_key: must be 32 bytes/,
    ],
    [
      'a secret too long',
      { ...fields, encryption_secret: `${fields.encryption_secret ?? ''}A` },
      /^identity: encryption_secret: must be 32 bytes/,
    ],
    ['a missing field', { ...fields, signing_secret: undefined }, /^identity: signing_secret: /],
    ['a field more', { ...fields, more: 1 }, /^identity: Unrecognized key: "more"/],
    ['a signing secret of another', { ...fields, signing_secret: fields.encryption_secret }, /do not belong together/],
    ['an encryption secret of another', { ...fields, encryption_secret: fields.signing_secret }, /do not belong together/],
  ])('is refused with %s, without a word of what was in it', async (_what, content, message) => {
    const complaint = await refusal(() => Identity.parse(typeof content === 'string' ? content : JSON.stringify(content)));
    expect(complaint).toMatch(message);
    for (const secret of [fields.signing_secret, fields.encryption_secret]) expect(complaint).not.toContain(secret);
  });

  it('has a name that a roster can have', () => {
    const good = ['node-1', 'node-9', 'node-10', 'node-99', 'node-100', 'node-199', 'node-200', 'node-249', 'node-256', 'gateway'];
    const bad = ['node-0', 'node-01', 'node-257', 'node-300', 'node-1000', 'Node-1', 'node-1 ', 'gateway-1', '*', ''];
    expect(good.filter((name) => !MemberNameSchema.safeParse(name).success)).toEqual([]);
    expect(bad.filter((name) => MemberNameSchema.safeParse(name).success)).toEqual([]);
  });
});

describe('parsing what came from outside', () => {
  it('complains at bounded length', async () => {
    const complaint = await refusal(() => parseJson(z.strictObject({}), JSON.stringify({ ['x'.repeat(100_000)]: 1 }), 'it'));
    expect(complaint).toHaveLength(500);
  });
});
