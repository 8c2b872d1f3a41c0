/** Whole systems of processes at full size: one at a time, because each of these uses all cores by itself. */
import full from './jest.full.config.js';

export default {
  ...full,
  roots: ['<rootDir>/e2e'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['\\.full\\.test\\.ts$', '/e2e/specification/'],
  maxWorkers: 1,
};
