// `pnpm generate` of base: writes the pages that are made from its tables.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderErrorsPage } from './errors-page.ts';

writeFileSync(join(import.meta.dirname, '../../../docs/reference/errors.md'), renderErrorsPage());
