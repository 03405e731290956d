// The one jest configuration: every package's tests, `x.test.ts` beside `x.ts`.
import { join } from 'node:path';
import type { Config } from 'jest';
import { root } from '../root.ts';

const config: Config = {
  testMatch: ['**/src/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/build/', '/fixtures/'],
  modulePathIgnorePatterns: ['<rootDir>/build/'],
  extensionsToTreatAsEsm: ['.ts'],
  reporters: ['default', join(import.meta.dirname, 'closing-line.ts')],
  cacheDirectory: join(root, 'build', 'cache', 'jest'),
  transform: { '\\.ts$': join(import.meta.dirname, 'transform.ts') },
  testEnvironment: 'node',
  injectGlobals: false,
  errorOnDeprecated: true,
  testTimeout: 20_000,
};
export default config;
