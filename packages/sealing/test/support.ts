import { expect } from '@jest/globals';
import { Refused } from '../src/errors.js';
import { Identity } from '../src/identity.js';
import { Roster, type RosterFile } from '../src/roster.js';
import { identityText } from 'testkit/fixed_identity';

export const [node1, node2, node3, gateway] = ['node-1', 'node-2', 'node-3', 'gateway'].map((name) =>
  Identity.parse(identityText(name)),
) as [Identity, Identity, Identity, Identity];
/** Says it is node-2, with keys of its own. */
export const impostor = Identity.parse(identityText('node-2', ' of another world'));

export const file: RosterFile = {
  version: 1,
  cluster: '00112233445566778899aabbccddeeff',
  messages: 'sealed',
  threshold: 2,
  nodes: [node1, node2, node3].map(({ publicIdentity }) => publicIdentity),
  gateway: gateway.publicIdentity,
};
export const roster = new Roster(file);
/** The same members in another cluster. */
export const otherRoster = new Roster({ ...file, cluster: 'ff'.repeat(16) });

/** @returns the message of the refusal */
export async function refusal(action: () => unknown): Promise<string> {
  const failure = await Promise.resolve().then(action).then((value) => ({ value }), (error: unknown) => error);
  expect(failure).toBeInstanceOf(Refused);
  return (failure as Refused).message;
}

/** The three parts of a JWS, altered. */
export function withParts(jws: string, alter: (parts: [string, string, string]) => readonly string[]): string {
  return alter(jws.split('.') as [string, string, string]).join('.');
}

export function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

export function decode(part: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>;
}
