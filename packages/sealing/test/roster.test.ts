import { describe, expect, it } from '@jest/globals';
import { Identity } from '../src/identity.js';
import { Roster, type RosterFile } from '../src/roster.js';
import { file, gateway, impostor, node1, node2, node3, refusal, roster } from './support.js';

const parse = (altered: object): Roster => Roster.parse(JSON.stringify(altered));
const [one, two, three] = file.nodes as [RosterFile['gateway'], RosterFile['gateway'], RosterFile['gateway']];

describe('a roster', () => {
  it('says who belongs to the cluster and how many sign', () => {
    expect([roster.n, roster.t, roster.sealed]).toEqual([3, 2, true]);
    expect(parse({ ...file, messages: 'plain' }).sealed).toBe(false);
    expect(['node-1', 'node-3', 'gateway', 'node-4', '*', '__proto__'].map((name) => roster.has(name))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('comes back from its text, with one hash however it is laid out', () => {
    expect(Roster.parse(roster.serialize()).hash).toBe(roster.hash);
    const { gateway: last, nodes, threshold, messages, cluster, version } = file;
    expect(
      Roster.parse(
        JSON.stringify({
          gateway: last,
          nodes: nodes.map(({ name, ...keys }) => ({ ...keys, name })),
          threshold,
          messages,
          cluster,
          version,
        }),
      ).hash,
    ).toBe(roster.hash);
  });

  it('has the hash that it had at first', () => {
    expect(roster.hash).toBe('1e7908328a42d3ae80617b5a9ea74eba6c485509aebc54961c46c71d36130785');
    expect(roster.fingerprint).toBe(roster.hash.slice(0, 40).replace(/(.{5})(?=.)/g, '$1 '));
  });

  it('has another hash when anything in it is another', () => {
    const other = impostor.publicIdentity;
    const altered: object[] = [
      { ...file, cluster: '00112233445566778899aabbccddeefe' },
      { ...file, messages: 'plain' },
      { ...file, threshold: 3 },
      { ...file, nodes: [one, two] },
      { ...file, nodes: [one, other, three] },
      { ...file, nodes: [one, { ...two, signing_key: other.signing_key }, three] },
      { ...file, nodes: [one, { ...two, encryption_key: other.encryption_key }, three] },
      { ...file, nodes: [one, { ...two, signing_key: two.encryption_key, encryption_key: two.signing_key }, three] },
      { ...file, nodes: [{ ...two, name: 'node-1' }, { ...one, name: 'node-2' }, three] },
      { ...file, gateway: { ...file.gateway, signing_key: other.signing_key } },
      { ...file, gateway: { ...file.gateway, encryption_key: other.encryption_key } },
    ];
    const hashes = [roster, ...altered.map(parse)].map(({ hash }) => hash);
    expect(new Set(hashes).size).toBe(altered.length + 1);
  });

  it('checks that it has these keys under this name', async () => {
    for (const { publicIdentity } of [node1, node2, node3, gateway]) roster.checkContains(publicIdentity);
    expect(
      await refusal(() => {
        roster.checkContains(Identity.generate('node-4').publicIdentity);
      }),
    ).toBe('roster: there is no node-4 in it');
    expect(
      await refusal(() => {
        roster.checkContains(impostor.publicIdentity);
      }),
    ).toBe('roster: it has other keys for node-2 than this identity');
    for (const key of ['signing_key', 'encryption_key'] as const) {
      expect(
        await refusal(() => {
          roster.checkContains({ ...two, [key]: impostor.publicIdentity[key] });
        }),
      ).toMatch(/other keys for node-2/);
    }
    expect(await refusal(() => { roster.checkContains({ ...two, name: 'node-3' }); })).toMatch(/other keys for node-3/);
  });

  it('has the keys of its members alone', async () => {
    expect(roster.signingKeyOf('gateway').export({ format: 'jwk' }).x).toBe(file.gateway.signing_key);
    expect(roster.encryptionKeyOf('node-2').export({ format: 'jwk' }).x).toBe(two.encryption_key);
    expect(await refusal(() => roster.signingKeyOf('node-4'))).toBe('node-4 is not in the roster');
    expect(await refusal(() => roster.encryptionKeyOf('*'))).toBe('* is not in the roster');
  });

  it.each<[string, object, RegExp]>([
    ['version', { ...file, version: 2 }, /^roster: version: /],
    ['cluster', { ...file, cluster: 'FF' }, /^roster: cluster: must be 32 hexadecimal digits/],
    ['messages', { ...file, messages: 'none' }, /^roster: messages: /],
    ['threshold below 2', { ...file, threshold: 1 }, /^roster: threshold: /],
    ['threshold above n', { ...file, threshold: 4 }, /^roster: threshold: must be at most 3, the number of nodes/],
    ['nodes, too few', { ...file, nodes: [one] }, /^roster: nodes: /],
    ['order of nodes', { ...file, nodes: [two, one, three] }, /^roster: nodes\.0\.name: must be node-1/],
    ['gap in nodes', { ...file, nodes: [one, three] }, /^roster: nodes\.1\.name: must be node-2/],
    ['gateway among the nodes', { ...file, nodes: [one, two, file.gateway] }, /^roster: nodes\.2\.name: must be node-3/],
    ['gateway', { ...file, gateway: { ...three, name: 'node-4' } }, /^roster: gateway\.name: must be gateway/],
    [
      'one key of two nodes',
      { ...file, nodes: [one, { ...two, signing_key: one.signing_key }, three] },
      /^roster: nodes: must not have one key twice/,
    ],
    [
      'one key for two uses',
      { ...file, nodes: [one, { ...two, encryption_key: three.signing_key }, three] },
      /^roster: nodes: must not have one key twice/,
    ],
    [
      'the gateway with a key of a node',
      { ...file, gateway: { ...file.gateway, signing_key: one.signing_key } },
      /^roster: nodes: must not have one key twice/,
    ],
    [
      'a key in a second form',
      {
        ...file,
        nodes: [
          one,
          { ...two, signing_key: `${one.signing_key.slice(0, -1)}${String.fromCharCode(one.signing_key.charCodeAt(42) + 1)}` },
          three,
        ],
      },
      /^roster: nodes\.1\.signing_key: must be 32 bytes/,
    ],
    ['a field more', { ...file, also: [] }, /^roster: Unrecognized key: "also"/],
    ['a field more in a line', { ...file, gateway: { ...file.gateway, port: 1 } }, /^roster: gateway: Unrecognized key/],
  ])('is refused for a wrong %s, by name', async (_what, altered, message) => {
    expect(await refusal(() => parse(altered))).toMatch(message);
  });

  it('is refused when it is no JSON', async () => {
    expect(await refusal(() => Roster.parse('roster'))).toBe('roster: is not JSON');
  });
});
