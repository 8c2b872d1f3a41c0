/** The quick suite: small primes, every workspace. */
export default {
  testEnvironment: 'node',
  roots: [
    '<rootDir>/test',
    '<rootDir>/packages/cggmp24/test',
    '<rootDir>/packages/sealing/test',
    '<rootDir>/packages/service/test',
    '<rootDir>/packages/testkit/test',
    '<rootDir>/message-board/test',
    '<rootDir>/api-gateway/test',
    '<rootDir>/node/test',
    '<rootDir>/bench/test',
    '<rootDir>/mutants/test',
    '<rootDir>/simulation/test',
  ],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['\\.full\\.test\\.ts$'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' }, sourceMaps: 'inline' }],
  },
  // All cores: jest leaves one idle otherwise.
  maxWorkers: '100%',
  // Ends what hangs. Nothing is measured by it: the tests of a machine with a load of 30 take ten times as long.
  testTimeout: 300_000,
};
