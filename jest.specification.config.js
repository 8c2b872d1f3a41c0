/** What the specification promises, checked on a running cluster: ./scripts/test.sh --specification says where that is. */
import full from './jest.full.config.js';

export default {
  ...full,
  roots: ['<rootDir>/e2e/specification'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: [],
  // A whole script is one test. This is for a machine with much else to do.
  testTimeout: 1_800_000,
};
