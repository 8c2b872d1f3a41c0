import type { Request } from 'express';

const KIB = 1024;

/**
 * Bytes of the largest body that a route can have any use for, when JSON escapes what it may. With a smaller value, honest bodies are
 * refused. With a larger one, a body that is nothing else takes longer to refuse.
 */
const LIMITS: readonly (readonly [route: RegExp, bytes: number])[] = [
  // A message of 64 KiB, each of its bytes escaped as six, and its origin.
  [/^POST \/requests\/?$/i, 512 * KIB],
  // A signature, a reason and up to four statements.
  [/^PUT \/requests\//i, 64 * KIB],
  [/^PUT \/unsigned-requests\/?$/i, 16 * KIB],
  // The statements of a node on all topics.
  [/^PUT \/nodes\//i, 512 * KIB],
  [/^POST \/presignature-requests\/?$/i, 64 * KIB],
  [/^PUT \/presignature-requests\//i, 16 * KIB],
  [/^POST \/partial-signatures\/?$/i, 64 * KIB],
  [/^POST \/publickey\/?$/i, 4 * KIB],
];

/** @param most the largest body of any route: a message of a protocol */
export function bodyLimits(most: number): (request: Request) => number {
  return ({ method, path }) => {
    const call = `${method} ${path}`;
    return Math.min(most, LIMITS.find(([route]) => route.test(call))?.[1] ?? most);
  };
}
