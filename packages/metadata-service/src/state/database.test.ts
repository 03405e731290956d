import { expect, test } from '@jest/globals';
import { StateDatabase } from './database.ts';
import { insert, query, rowsTogether } from './query.ts';

interface Row {
  readonly key: number;
  readonly value: string;
}
const put = insert<Row>('things', ['key', 'value'], 'OR REPLACE');
const all = query<Row>('SELECT * FROM things ORDER BY key');

function open(): StateDatabase {
  const database = new StateDatabase({ path: null });
  database.define('CREATE TABLE things (key INTEGER PRIMARY KEY, value TEXT NOT NULL) STRICT');
  return database;
}

test.each([1, rowsTogether - 1, rowsTogether, 2 * rowsTogether + 3])(
  'rows that are written together are all there behind their batch, the last of a key: %d of them',
  (count) => {
    const database = open();
    database.beginBatch();
    for (let at = 0; at < count; at++) database.insertLater(put, { key: at, value: 'early' });
    for (let at = 0; at < count; at++) database.insertLater(put, { key: at, value: 'late' });
    expect(database.changes).toBe(2 * count);
    database.endBatch();
    expect(database.all(all)).toEqual(Array.from({ length: count }, (_, key) => ({ key, value: 'late' })));
    database.close();
  },
);

test('rows that wait are gone with a batch that is taken back, and there for who asks for them within it', () => {
  const database = open();
  database.beginBatch();
  database.insertLater(put, { key: 1, value: 'lost' });
  database.undoBatch();
  database.beginBatch();
  database.insertLater(put, { key: 2, value: 'kept' });
  expect(database.all(all)).toEqual([]);
  database.writeRows();
  expect(database.all(all)).toEqual([{ key: 2, value: 'kept' }]);
  database.endBatch();
  expect(database.all(all)).toEqual([{ key: 2, value: 'kept' }]);
  database.close();
});

test('no statement is prepared anew for the values that are bound to it, and it finds what they say', () => {
  const database = open();
  for (const [key, value] of ['a', 'b', 'b'].entries()) database.insert(put, { key, value });
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
