import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const services = ['express', 'undici', 'pino', 'message-board', 'message-board/*', 'api-gateway', 'node'];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'interop/target/**'] },
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
    },
  },
  {
    files: ['*/src/**/*.ts'],
    rules: {
      'no-restricted-globals': ['error', { name: 'fetch', message: 'HTTP goes through undici.' }],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random', message: 'Use a cryptographic source.' }],
    },
  },
  {
    // The protocol library knows no network, no logger and no service.
    files: ['cggmp24/src/**/*.ts'],
    rules: { 'no-restricted-imports': ['error', { patterns: services }] },
  },
  { files: ['*.js'], ...tseslint.configs.disableTypeChecked },
);
