import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { systemCode } from 'sealing/errors';
import { MemberNameSchema, PublicIdentitySchema, type Identity, type PublicIdentity } from 'sealing/identity';
import { decodeUtf8, parseJson } from 'sealing/json';
import { Roster } from 'sealing/roster';
import type { SealKey } from 'sealing/seal_key';
import { sealText } from 'sealing/sealed_file';
import type { RandomBytes } from 'service/random';
import { writeNew } from '../storage/files.js';
import { CommandFailure } from './command.js';

/** The name of a node; the gateway's is not one. */
export const NodeNameSchema = MemberNameSchema.refine((name) => name !== 'gateway', 'must be node-1 to node-256');

/** Where a member looks for its identity. */
export function identityFile(name: string): string {
  return `identity_${name}.json`;
}

/** The text of a file. @throws CommandFailure when it cannot be read; Refused when it is not UTF-8 */
export async function readText(path: string): Promise<string> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new CommandFailure(`${path}: cannot be read (${systemCode(error)})`);
  });
  return decodeUtf8(bytes, path);
}

/** Makes a file, and its folder if need be. @throws CommandFailure when the file exists */
export async function writeFirst(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeNew(path, text).catch((error: unknown) => {
    if (systemCode(error) === 'EEXIST') throw new CommandFailure(`${path}: is there already, and is never replaced`);
    throw new CommandFailure(`${path}: cannot be written (${systemCode(error)})`);
  });
}

export async function writeIdentity(path: string, identity: Identity, sealKey: SealKey): Promise<void> {
  await writeFirst(path, await sealText(sealKey, { purpose: 'identity', owner: identity.name }, identity.serialize()));
}

/** The public side of an identity as a file. */
export function cardText(card: PublicIdentity): string {
  return `${JSON.stringify(card, null, 2)}\n`;
}

/** @throws CommandFailure, Refused naming the field */
export async function readCard(path: string): Promise<PublicIdentity> {
  return parseJson(PublicIdentitySchema, await readText(path), path);
}

export interface NewCluster {
  readonly threshold: number;
  readonly plain: boolean;
  /** Of all nodes and the gateway. */
  readonly cards: readonly PublicIdentity[];
}

/** @throws Refused naming the field */
export function makeRoster({ threshold, plain, cards }: NewCluster, random: RandomBytes): Roster {
  const numberOf = ({ name }: PublicIdentity): number => Number(name.slice('node-'.length));
  const nodes = cards.filter(({ name }) => name !== 'gateway').sort((a, b) => numberOf(a) - numberOf(b));
  const gateways = cards.filter(({ name }) => name === 'gateway');
  if (gateways.length !== 1) throw new CommandFailure(`there must be one card of the gateway, and there are ${gateways.length}`);
  const [gateway] = gateways;
  const messages = plain ? 'plain' : 'sealed';
  const file = { version: 1, cluster: random(16).toString('hex'), messages, threshold, nodes, gateway };
  return Roster.parse(JSON.stringify(file));
}

/** What operators have to know of a roster. */
export function describeRoster(roster: Roster): string {
  const kind = roster.sealed
    ? 'sealed: messages are signed and encrypted'
    : 'PLAIN: nothing is signed or encrypted; for clusters with Rust nodes only';
  return `${roster.n} nodes, ${roster.t} sign; ${kind}\nfingerprint  ${roster.fingerprint}\n`;
}
