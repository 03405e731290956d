// Where the checkout is: every tool works from its root, wherever it was started.
import { resolve } from 'node:path';

export const root = resolve(import.meta.dirname, '../../..');
