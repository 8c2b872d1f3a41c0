import type { RandomBytes } from 'service/random';
import { nodeId, nodeIndex } from '../base/utils.js';

/** The node that asked for it, and 128 random bits. It is also the execution id of its making. */
const ID = /^presig_gen_(node-\d+)_[0-9a-f]{32}$/;

/** The id of a presignature that this node asks for. @param leader its party index */
export function newPresignatureId(leader: number, random: RandomBytes): string {
  return `presig_gen_${nodeId(leader)}_${random(16).toString('hex')}`;
}

/** The party that asked for a presignature, as its id says; null when it is not an id of a cluster of n nodes. */
export function leaderOf(id: string, n: number): number | null {
  return nodeIndex(ID.exec(id)?.[1] ?? '', n);
}
