import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import { importRules } from './eslint.import_rules.js';

// A generator that is called but not delegated to does nothing at all, silently.
const protocolHelpers = [
  'broadcast', 'sendTo', 'receive', 'pause', 'verifyPeers', 'checkReliability',
  'presign', 'sign', 'exchangeProofs', 'identify', 'requireSums',
];
const clockModules = ['node:timers', 'node:timers/promises', 'node:perf_hooks'];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'interop/target/**'] },
  ...importRules,
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      'no-console': 'error',
      // Two files side by side show whole lines. Texts and tables can be broken too: there are no exceptions. In ESLint 11 the rule is
      // no longer in the core, but in @stylistic.
      'max-len': ['error', { code: 140 }],
    },
  },
  {
    // Tests and examples have a project of their own, which the project service does not look for.
    files: ['test/**/*.ts', '*/test/**/*.ts', 'packages/*/{test,examples}/**/*.ts', 'e2e/**/*.ts', 'interop/*.ts'],
    languageOptions: { parserOptions: { projectService: false, project: './tsconfig.test.json' } },
  },
  { files: ['packages/*/examples/**/*.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['*/src/**/*.ts', 'packages/*/src/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', { name: 'fetch', message: 'HTTP goes through undici.' }],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: 'Use a cryptographic source.' }],
    },
  },
  {
    // Time and randomness come in through the dependencies: a simulation runs a whole cluster on virtual time, and repeats from a seed
    // what the nodes decide.
    files: ['node/src/**/*.ts', 'api-gateway/src/**/*.ts'],
    // They put the real ones in.
    ignores: ['node/src/process.ts', 'api-gateway/src/program.ts'],
    rules: {
      'no-restricted-globals': [
        'error',
        { name: 'fetch', message: 'HTTP goes through undici.' },
        ...['setTimeout', 'setInterval', 'performance'].map((name) => ({ name, message: 'Use the clock of the dependencies.' })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'Use a cryptographic source.' },
        { object: 'Date', property: 'now', message: 'Use the clock of the dependencies.' },
        { object: 'AbortSignal', property: 'timeout', message: 'Use the clock of the dependencies.' },
      ],
      'no-restricted-imports': [
        'error',
        ...clockModules.map((name) => ({ name, message: 'Use the clock of the dependencies.' })),
        {
          name: 'node:crypto',
          importNames: ['randomBytes', 'randomInt', 'randomUUID'],
          message: 'Use the randomness of the dependencies.',
        },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'NewExpression[callee.name=Date][arguments.length=0]', message: 'Use the clock of the dependencies.' },
      ],
    },
  },
  {
    files: ['packages/cggmp24/src/{runtime,keygen,aux_info,signing}/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: `CallExpression[callee.name=/^(${protocolHelpers.join('|')})$/]:not(YieldExpression[delegate=true] > CallExpression)`,
          message: 'A protocol does nothing unless it is run: call it with yield*.',
        },
      ],
    },
  },
  { files: ['*.js'], ...tseslint.configs.disableTypeChecked },
);
