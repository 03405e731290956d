// Writes docs/reference from the tables; run by `make generate`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { referencePages } from './pages.ts';

const folder = join(import.meta.dirname, '../../../../docs/reference');
for (const [name, text] of await referencePages()) writeFileSync(join(folder, name), text);
