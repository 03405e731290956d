import { expect, test } from '@jest/globals';
import { change, query } from './query.ts';
import { stateLimits } from './state-limits.ts';
import { Story } from './state-testing.ts';

const fill = change(`
  WITH RECURSIVE counted (at) AS (SELECT 0 UNION ALL SELECT at + 1 FROM counted WHERE at + 1 < ?)
  INSERT INTO audit (revision, at_ms, who, what) SELECT -at, 0, 'ada', 'long ago' FROM counted
`);
const kept = query<{ readonly count: number; readonly newest: number }>(
  'SELECT COUNT(*) AS count, MAX(revision) AS newest FROM audit',
);

test('the audit keeps its newest entries, and few more than its limit', () => {
  const story = new Story();
  const { database } = story.machine;
  const { audit: limit, auditTrimRevisions: every } = stateLimits;
  database.run(fill, limit);
  const counts: number[] = [];
  for (let at = 0; at <= every; at++) {
    story.do({ kind: 'setSetting', name: 'colour', value: `${at}`, by: 'ada', atMs: at });
    if (at % 256 === 0 || at === every) counts.push(database.get(kept)?.count ?? 0);
  }
  expect(Math.max(...counts)).toBeLessThanOrEqual(limit + every);
  expect(counts.at(-1)).toBeLessThanOrEqual(limit + 1);
  expect(database.get(kept)?.newest).toBe(story.machine.applied);
  story.machine.close();
});
