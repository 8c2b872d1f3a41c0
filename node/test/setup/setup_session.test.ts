import { expect, it } from '@jest/globals';
import type { Message } from 'message-board/contract';
import { Refused } from 'sealing/errors';
import { requireNoLeftovers, type SetupSessionDeps } from '../../src/setup/setup_session.js';

const at = new Date(0).toISOString();
const message = (id: string, from_node: string, payload = 'x'): Message =>
  ({ id, request_id: 'keygen', from_node, to_node: '*', round: 1, payload, created_at: at });

/** Of node-1, whose board has these pages. Only what it has sealed itself is genuine. */
function depsOf(pages: readonly (readonly Message[])[]): SetupSessionDeps {
  const all = pages.flat();
  const listMessages = (_id: string, _to: string, { after }: { after?: string }): Promise<readonly Message[]> => {
    const last = all.findIndex(({ id }) => id === after);
    return Promise.resolve(pages.find((page) => page.some(({ id }) => all.findIndex((one) => one.id === id) > last)) ?? []);
  };
  const check = (_place: unknown, payload: string): Promise<void> =>
    payload === 'genuine' ? Promise.resolve() : Promise.reject(new Refused('it is not'));
  return { client: { listMessages }, index: 0, seals: { check } } as unknown as SetupSessionDeps;
}

const { signal } = new AbortController();

it('a board that holds messages of this node of an earlier run is found out, on whatever page they are', async () => {
  const others = [[message('a', 'node-2')], [message('b', 'node-2'), message('c', 'node-1')]];
  await requireNoLeftovers(depsOf(others), 'keygen', signal);
  const deps = depsOf([...others, [message('d', 'node-1', 'genuine')]]);
  await expect(requireNoLeftovers(deps, 'keygen', signal)).rejects.toThrow('an earlier keygen');
});
