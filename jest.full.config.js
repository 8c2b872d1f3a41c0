/** The slow suite: full size. Most of it is protocol runs in one thread, so as many files run at a time as there are cores. */
import quick from './jest.config.js';

export default {
  ...quick,
  roots: [...quick.roots, '<rootDir>/e2e'],
  testMatch: ['**/*.full.test.ts'],
  testPathIgnorePatterns: [],
  testTimeout: 600_000,
};
