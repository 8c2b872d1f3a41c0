/** The roster: who belongs to a cluster. Its hash is bound into everything that a member signs. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Refused } from './errors.js';
import { publicKeyObject, PublicIdentitySchema, type Key, type PublicIdentity } from './identity.js';
import { parseJson } from './json.js';

/**
 * `sealed`: every message between members is signed, and encrypted when it is for one of them.
 * `plain`: no message is signed or encrypted; for clusters with Rust nodes, which know no envelopes.
 */
const MessagesSchema = z.enum(['sealed', 'plain']);

export const RosterSchema = z
  .strictObject({
    version: z.literal(1),
    /** 128 random bits, hexadecimal: two clusters never share a hash. */
    cluster: z.string().regex(/^[0-9a-f]{32}$/, 'must be 32 hexadecimal digits'),
    messages: MessagesSchema,
    /** t: the number of nodes that sign. */
    threshold: z.int().min(2).max(256),
    /** node-1, node-2, … in this order: the position is the party index. */
    nodes: z.array(PublicIdentitySchema).min(2).max(256),
    gateway: PublicIdentitySchema,
  })
  .superRefine((roster, context) => {
    const complain = (path: (string | number)[], message: string): void => {
      context.addIssue({ code: 'custom', path, message });
    };
    roster.nodes.forEach(({ name }, index) => {
      if (name !== `node-${index + 1}`) complain(['nodes', index, 'name'], `must be node-${index + 1}`);
    });
    if (roster.gateway.name !== 'gateway') complain(['gateway', 'name'], 'must be gateway');
    if (roster.threshold > roster.nodes.length) complain(['threshold'], `must be at most ${roster.nodes.length}, the number of nodes`);
    const keys = [...roster.nodes, roster.gateway].flatMap(({ signing_key, encryption_key }) => [signing_key, encryption_key]);
    if (new Set(keys).size < keys.length) complain(['nodes'], 'must not have one key twice');
  });
export type RosterFile = z.infer<typeof RosterSchema>;

interface Member {
  readonly signing: Key;
  readonly encryption: Key;
}

/** A parsed roster, its keys ready for use. */
export class Roster {
  /** SHA-256 of the canonical text, hexadecimal. */
  readonly hash: string;
  readonly #members: ReadonlyMap<string, Member>;

  constructor(readonly file: RosterFile) {
    this.hash = createHash('sha256').update(canonical(file)).digest('hex');
    const members = [...file.nodes, file.gateway];
    this.#members = new Map(
      members.map(({ name, signing_key, encryption_key }) => [
        name,
        { signing: publicKeyObject('Ed25519', signing_key), encryption: publicKeyObject('X25519', encryption_key) },
      ]),
    );
  }

  /** @throws Refused naming the field */
  static parse(text: string): Roster {
    return new Roster(parseJson(RosterSchema, text, 'roster'));
  }

  /** Nodes in the cluster. */
  get n(): number {
    return this.file.nodes.length;
  }

  /** t: the number of nodes that sign. */
  get t(): number {
    return this.file.threshold;
  }

  get sealed(): boolean {
    return this.file.messages === 'sealed';
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  /** As {@link fingerprintOf}. */
  get fingerprint(): string {
    return fingerprintOf(this.hash);
  }

  /** Ed25519. @throws Refused for one who is no member */
  signingKeyOf(name: string): Key {
    return this.#member(name).signing;
  }

  /** X25519. @throws Refused for one who is no member */
  encryptionKeyOf(name: string): Key {
    return this.#member(name).encryption;
  }

  /** Does the roster have these very keys under this name? @throws Refused */
  checkContains({ name, signing_key, encryption_key }: PublicIdentity): void {
    const line = [...this.file.nodes, this.file.gateway].find((member) => member.name === name);
    if (line === undefined) throw new Refused(`roster: there is no ${name} in it`);
    if (line.signing_key !== signing_key || line.encryption_key !== encryption_key) {
      throw new Refused(`roster: it has other keys for ${name} than this identity`);
    }
  }

  /** The text of the file. */
  serialize(): string {
    return `${JSON.stringify(this.file, null, 2)}\n`;
  }

  #member(name: string): Member {
    const member = this.#members.get(name);
    if (member === undefined) throw new Refused(`${name} is not in the roster`);
    return member;
  }
}

/** A roster's hash as people compare it: the first 160 bits, in groups of five digits. */
export function fingerprintOf(hash: string): string {
  return (hash.slice(0, 40).match(/.{5}/g) ?? []).join(' ');
}

/** The canonical text of a roster, whatever the layout of its file. */
function canonical({ version, cluster, messages, threshold, nodes, gateway }: RosterFile): string {
  const line = ({ name, signing_key, encryption_key }: PublicIdentity): string[] => [name, signing_key, encryption_key];
  return JSON.stringify(['threshold-signing/roster', version, cluster, messages, threshold, nodes.map(line), line(gateway)]);
}
