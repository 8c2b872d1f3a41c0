import { describe, expect, it } from '@jest/globals';
import { nodeId, nodeIndex, signersLabel } from '../../src/base/utils.js';

describe('node ids', () => {
  it('number parties from 1', () => {
    expect(nodeId(0)).toBe('node-1');
    expect(nodeIndex('node-4', 4)).toBe(3);
    expect(signersLabel([0, 2, 3])).toBe('1-3-4');
  });

  it.each([
    'node-0', 'node-5', 'node-01', 'node-', 'node-1 ', 'Node-1', '', 'node-1e0', '../node-1',
  ])('refuse %j in a cluster of four', (id) => {
    expect(nodeIndex(id, 4)).toBeNull();
  });
});
