// Lint is where the house rules that a compiler cannot see are held: no global clock, timer, randomness or
// environment outside `platform/`, no floating promise, no forgotten case in a switch.
import tseslint from 'typescript-eslint';

const impureGlobals = [
  { name: 'setTimeout', message: 'use Clock from platform/' },
  { name: 'setInterval', message: 'use Clock from platform/' },
  { name: 'setImmediate', message: 'use Clock from platform/' },
  { name: 'performance', message: 'use Clock from platform/' },
];
const impureProperties = [
  { object: 'Date', property: 'now', message: 'use Clock from platform/' },
  { object: 'Math', property: 'random', message: 'use Random from platform/' },
  { object: 'process', property: 'env', message: 'take the environment as an argument' },
];

export default tseslint.config(
  { ignores: ['dist/', '.tap/', 'node_modules/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      'no-template-curly-in-string': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/platform/**', 'src/dev-vault/**'],
    rules: {
      'no-restricted-globals': ['error', ...impureGlobals],
      'no-restricted-properties': ['error', ...impureProperties],
    },
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      'no-console': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/require-await': 'off',
      // tap's assertions return booleans and its sub-tests promises that tap itself owns
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafePromises: [
            { from: 'package', package: '@tapjs/core', name: 'PromiseWithSubtest' },
          ],
        },
      ],
    },
  },
);
