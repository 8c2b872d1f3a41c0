import { describe, expect, it } from '@jest/globals';
import type { NodeStatus } from 'message-board/contract';
import { watchForConflicts } from '../../src/setup/conflicts.js';
import type { PeerView } from 'message-board/peer_view';
import type { PresenceView } from '../../src/cluster/presence.js';
import { nodeId } from '../../src/base/utils.js';
import { memoryLog } from '../util/cluster.js';
import { IDLE, nodeStatus } from '../util/node_status.js';

/** Node 1 among peers, each of which holds the files of a key generation: a letter, or none. */
function watch(own: string, letters: string) {
  let status: NodeStatus = nodeStatus({ incarnation: 'x', keygen: { ...IDLE, committed: own } });
  let peers: PeerView[] = [];
  let callback = (): void => undefined;
  const presence: PresenceView = {
    incarnation: 'x',
    get status() {
      return status;
    },
    update: (patch) => {
      status = { ...status, ...patch };
    },
    peers: () => peers,
    onChange: (listener) => {
      callback = listener;
      return () => undefined;
    },
  };
  const set = (held: string, live = true): void => {
    peers = Array.from(held).map((letter, k) => {
      const keygen = { ...IDLE, committed: letter === '-' ? null : letter };
      return { index: k + 1, nodeId: nodeId(k + 1), live, ageMs: 0, status: { ...status, keygen } };
    });
    callback();
  };
  const { logger, lines } = memoryLog();
  const problems: (string | null)[] = [];
  set(letters);
  watchForConflicts({ presence, logger, onProblem: (reason) => problems.push(reason) }, new AbortController().signal);
  return { set, problems, lines, stage: () => status.stage };
}

describe('files of different key generations', () => {
  it.each([
    ['a', 'aaa', false],
    ['a', '---', false],
    ['a', 'aab', false],
    ['a', 'abb', true],
    ['a', 'bbb', true],
    ['a', '--b', true],
    ['a', 'a-b', false],
  ])('of %s among %s: conflict %s', (own, others, conflict) => {
    const { problems, stage } = watch(own, others);
    expect([problems.length > 0, stage()]).toEqual([conflict, conflict ? 'refusing' : 'ready']);
  });

  it('are told once, with the nodes, and are over when the others are restored', () => {
    const { set, problems, lines, stage } = watch('a', 'bb-');
    set('bb-');
    const [problem, ...more] = problems;
    expect(problem).toBe(
      'keygen: node-2, node-3 and this node hold files of different key generations. ' +
      'Restore this node\'s files from its backup, or theirs',
    );
    expect(more).toEqual([]);
    expect(lines.map(({ event }) => event)).toEqual(['setup_conflict']);
    set('aa-');
    expect([problems.at(-1), stage()]).toEqual([null, 'ready']);
  });

  it('do not count when their nodes are down', () => {
    const { set, problems } = watch('a', 'bbb');
    set('bbb', false);
    expect(problems.at(-1)).toBeNull();
  });
});
