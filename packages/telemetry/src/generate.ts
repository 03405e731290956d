// `pnpm generate` of telemetry: writes the page that is made from its table.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderMetricsPage } from './metrics-page.ts';

writeFileSync(join(import.meta.dirname, '../../../docs/reference/metrics.md'), renderMetricsPage());
