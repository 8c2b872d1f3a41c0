/** The slow suite: full-size protocol runs and whole-system tests. */
import quick from './jest.config.js';

export default {
  ...quick,
  roots: [...quick.roots, '<rootDir>/e2e'],
  testMatch: ['**/*.full.test.ts', '<rootDir>/e2e/**/*.test.ts'],
  testPathIgnorePatterns: [],
  // One at a time: each of these uses all cores by itself.
  maxWorkers: 1,
  testTimeout: 600_000,
};
