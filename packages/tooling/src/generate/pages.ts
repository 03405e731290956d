// Writes the reference pages that come from tooling's own tables.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../root.ts';
import { formatTidyPage } from './tidy-page.ts';

writeFileSync(join(root, 'docs/reference/tidy.md'), formatTidyPage());
