/** What the attacks' tests look for in a board's memory: that they would find it. */
import { describe, expect, it } from '@jest/globals';
import { messageHash } from 'message-board/payload';
import { misuses, type StatedPartial } from '../src/presignature_misuse.js';

const asked = new Map([['a', 'message of a'], ['b', 'message of b']]);
const part = (node: string, request: string, message = asked.get(request) ?? ''): StatedPartial => ({
  node,
  request,
  message: messageHash(message),
  presignature: 'p',
});

describe('misuses of presignatures', () => {
  it('are a half that signs twice', () => {
    expect(misuses([part('node-1', 'a'), part('node-2', 'a'), part('node-1', 'b')], asked)).toEqual([
      expect.stringMatching(/^p of node-1 was used for a [0-9a-f]{64} and b [0-9a-f]{64}$/),
    ]);
  });

  it('and parts of what was not asked for', () => {
    expect(misuses([part('node-1', 'a', 'message of the board'), part('node-2', 'c')], asked)).toHaveLength(2);
  });

  it('but not the parts of one signature, said again, nor makers that were shown different requests', () => {
    expect(misuses([part('node-1', 'a'), part('node-2', 'a'), part('node-2', 'a')], asked)).toEqual([]);
    expect(misuses([part('node-1', 'a'), part('node-2', 'b')], asked)).toEqual([]);
  });
});
