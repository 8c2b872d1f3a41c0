/** What all members of the simulated clusters know from the start: who they are, and the key. */
import type { Point } from 'cggmp24';
import type { SetupStatus } from 'message-board/contract';
import { members, type Members } from 'testkit/roster';

/** A point of the curve. What is signed is checked by the stand-in for signatures. */
export const PUBLIC_KEY = '0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798';
export const SHARED_PUBLIC_KEY = { key: PUBLIC_KEY } as unknown as Point;
export const MATERIAL_DIGEST = 'a'.repeat(64);
export const SET_UP: SetupStatus = { ready: true, next: 1, running: null, completed: null, committed: MATERIAL_DIGEST };

/** What the wall clocks say at the start, but for their skew. */
export const START_OF_TIME = Date.UTC(2026, 0, 1);

const known = new Map<string, Members>();

/** Making keys takes a millisecond: each cluster size has the same members in all worlds. */
export function membersOf(n: number, t: number): Members {
  const key = `${n} ${t}`;
  const made = known.get(key) ?? members(n, t);
  known.set(key, made);
  return made;
}
