// The lint rules, for every package. Run from the root by src/lint/run.ts; sizes come from src/limits.ts.
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { limits } from './src/limits.ts';

const counted = { skipBlankLines: false, skipComments: false };

export default defineConfig(
  globalIgnores(['build/', '**/generated/', '**/fixtures/', '**/*.js', '**/*.cjs', '**/*.mjs', '**/*.d.ts']),
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    // A disabled rule is an argument nobody has had; change the rule here, for everybody, or change the code.
    linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: process.cwd() } },
    rules: {
      complexity: ['error', limits.complexity],
      eqeqeq: 'error',
      'max-depth': ['error', limits.depth],
      'max-lines': ['error', { max: limits.fileLines, ...counted }],
      'max-lines-per-function': ['error', { max: limits.functionLines, ...counted, IIFEs: true }],
      'max-params': ['error', limits.parameters],
      'no-else-return': 'error',
      'no-implicit-coercion': 'error',
      'no-param-reassign': 'error',
      'no-restricted-syntax': [
        'error',
        { selector: 'SequenceExpression', message: 'Write two statements: a comma hides the first one.' },
      ],
      'no-unused-expressions': 'off',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unused-expressions': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/require-array-sort-compare': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Numbers and bigints read well in a message; an object or a nullable does not.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // A type that holds itself cannot be written as a Record.
      '@typescript-eslint/consistent-indexed-object-style': 'off',
      // type aliases are needed for mapped and branded types, and one word for both is easier to find.
      '@typescript-eslint/consistent-type-definitions': 'off',
      // `async` without `await` is how an interface's promise is kept by a synchronous fake.
      '@typescript-eslint/require-await': 'off',
      // Index signatures are read as record['name']: the compiler asks for it (noPropertyAccessFromIndexSignature).
      '@typescript-eslint/dot-notation': 'off',
      // An empty interface method in a fake says that nothing happens.
      '@typescript-eslint/no-empty-function': 'off',
      // Two-way comparators and callbacks that return void read best in one line.
      '@typescript-eslint/no-confusing-void-expression': 'off',
    },
  },
  {
    files: ['**/*.test.ts', '**/*.bench.ts'],
    rules: {
      // A describe block is a chapter, not a function that does something; the tests in it are measured one by one.
      'max-lines-per-function': 'off',
    },
  },
);
