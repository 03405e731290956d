// The one jest configuration: every package's tests, `x.test.ts` beside `x.ts`.
import { join } from 'node:path';
import type { Config } from 'jest';

const config: Config = {
  testMatch: ['**/src/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/build/', '/fixtures/'],
  modulePathIgnorePatterns: ['<rootDir>/build/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': join(import.meta.dirname, 'transform.ts') },
  testEnvironment: 'node',
  injectGlobals: false,
  errorOnDeprecated: true,
  testTimeout: 20_000,
};
export default config;
