// Jest's transform: strips the types with the same stripper that Node uses when it runs the sources, so that a test sees
// exactly the code that runs. Positions do not move, so stack traces need no source map.
import { createHash } from 'node:crypto';
import { stripTypeScriptTypes } from 'node:module';

export default {
  process: (source: string): { code: string } => ({ code: stripTypeScriptTypes(source, { mode: 'strip' }) }),
  getCacheKey: (source: string, path: string): string =>
    createHash('sha256').update(process.version).update('\0').update(path).update('\0').update(source).digest('hex'),
};
