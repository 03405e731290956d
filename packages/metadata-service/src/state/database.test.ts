import { describe, expect, test } from '@jest/globals';
import { StateDatabase } from './database.ts';
import { insert, query, rowsTogether, together } from './query.ts';

interface Row {
  readonly key: number;
  readonly value: string;
}
const put = together<[key: number, value: string]>('things', ['key', 'value'], { isReplacing: true });
const putFixed = together<[key: number]>('things', ['key'], { fixed: { value: "'fixed'" } });
const insertThing = insert<Row>('things', ['key', 'value']);
const all = query<Row>('SELECT * FROM things ORDER BY key');

function open(): StateDatabase {
  const database = new StateDatabase({ path: null });
  database.define('CREATE TABLE things (key INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT');
  return database;
}

describe.each([1, rowsTogether - 1, rowsTogether, 2 * rowsTogether + 3])(
  'rows that are written together, %d of them',
  (count) => {
    const expected = (value: string): Row[] => Array.from({ length: count }, (_, key) => ({ key, value }));

    test('are all there behind the commit, the last of a key, and each counts as a change', () => {
      const database = open();
      const rows = database.later(put);
      database.begin();
      for (let at = 0; at < count; at++) rows.add(at, 'early');
      for (let at = 0; at < count; at++) rows.add(at, 'late');
      expect(database.changes).toBe(2 * count);
      database.commit();
      expect(database.all(all)).toEqual(expected('late'));
      database.close();
    });

    test('are written once where they take the place of one that waits, and again behind that', () => {
      const database = open();
      const rows = database.later(put);
      for (const value of ['early', 'late']) for (let at = 0; at < count; at++) rows.put(String(at), at, value);
      expect(database.changes).toBe(2 * count);
      expect(database.all(all)).toEqual([]);
      database.writeRows();
      expect(database.all(all)).toEqual(expected('late'));
      for (let at = 0; at < count; at++) rows.put(String(at), at, 'later');
      expect(database.all(all)).toEqual(expected('late'));
      database.writeRows();
      expect(database.all(all)).toEqual(expected('later'));
      database.close();
    });

    test('have what is fixed in all of them', () => {
      const database = open();
      const rows = database.later(putFixed);
      for (let at = 0; at < count; at++) rows.add(at);
      // Of those that nobody takes the place of only so many wait as one statement does not write.
      expect(database.all(all)).toHaveLength(count - (count % rowsTogether));
      database.writeRows();
      expect(database.all(all)).toEqual(expected('fixed'));
      database.close();
    });
  },
);

test('rows that wait are gone with a transaction that is taken back, and there for who asks for them within it', () => {
  const database = open();
  const rows = database.later(put);
  database.begin();
  rows.put('1', 1, 'lost');
  database.rollback();
  database.begin();
  rows.put('2', 2, 'kept');
  expect(database.all(all)).toEqual([]);
  database.writeRows();
  expect(database.all(all)).toEqual([{ key: 2, value: 'kept' }]);
  database.commit();
  expect(database.all(all)).toEqual([{ key: 2, value: 'kept' }]);
  rows.put('3', 3, 'lost');
  database.begin();
  database.writeRows();
  database.rollback();
  expect(database.all(all)).toEqual([{ key: 2, value: 'kept' }]);
  database.close();
});

test('no statement is prepared anew for the values that are bound to it, and it finds what they say', () => {
  const database = open();
  for (const [key, value] of ['a', 'b', 'b'].entries()) database.insert(insertThing, { key, value });
  const later = query<Row>('SELECT * FROM things WHERE value = ? AND (value, key) > (?, ?) ORDER BY key LIMIT ?');
  expect(later.sql).not.toMatch(/[^+]\?/);
  expect(database.all(later, 'b', 'a', 7, 9)).toEqual([
    { key: 1, value: 'b' },
    { key: 2, value: 'b' },
  ]);
  expect(database.all(later, 'b', 'b', 1, 9)).toEqual([{ key: 2, value: 'b' }]);
  expect(database.all(later, 'b', 'a', 7, 1)).toEqual([{ key: 1, value: 'b' }]);
  database.close();
});
