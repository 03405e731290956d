import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { readLoaderNeeds } from './elf.ts';
import { ownArchitecture } from './node-binary.ts';

test('what Node asks of the loader is what the loader gave to this process', () => {
  const needs = readLoaderNeeds(readFileSync(process.execPath));
  expect(needs?.machine).toBe(ownArchitecture());
  expect(needs?.libraries).toContain('libc.so.6');
  const mapped = readFileSync('/proc/self/maps', 'utf8');
  for (const library of needs?.libraries ?? []) expect(mapped).toContain(`/${library}`);
  expect(needs?.interpreter).toMatch(/^\/lib(64)?\/ld-linux-.*\.so\.\d$/);
});

test('what is not a program asks for nothing', () => {
  expect(readLoaderNeeds(readFileSync(import.meta.filename))).toBeNull();
  expect(readLoaderNeeds(Buffer.alloc(0))).toBeNull();
});
