// A release after this one, to stand beside it: a copy of the two packages that a metadata server is made of, in which one more cluster
// version is known. Everything else is this checkout's. A program that people start has no such door.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changed, type SourceChange } from '@holdfast/tooling';

const packages = join(import.meta.dirname, '../../../..');

const laterVersion: SourceChange = {
  file: 'metadata-service/src/state/schema.ts',
  text: '    sql: clusterTables + poolTables + volumeTables + fencingTables + firstCluster,\n  },\n',
  replacement:
    '    sql: clusterTables + poolTables + volumeTables + fencingTables + firstCluster,\n  },\n' +
    "  { version: 2, brings: ['notes beside volumes'], sql: 'CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT;' },\n",
};
const laterRelease: SourceChange = {
  file: 'holdfast/package.json',
  text: '"version": "0.1.0"',
  replacement: '"version": "0.2.0"',
};

export class LaterRelease {
  /** Starts as `bin/holdfast` does. */
  readonly program: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-later-'));

  constructor() {
    for (const name of ['holdfast', 'metadata-service']) {
      for (const part of ['src', 'package.json']) {
        cpSync(join(packages, name, part), join(this.#folder, name, part), { recursive: true });
      }
    }
    symlinkSync(join(packages, 'metadata-service/node_modules'), join(this.#folder, 'metadata-service/node_modules'));
    this.#link('holdfast/node_modules');
    this.#link('holdfast/node_modules/@holdfast');
    for (const change of [laterVersion, laterRelease]) {
      const path = join(this.#folder, change.file);
      writeFileSync(path, changed(readFileSync(path, 'utf8'), change));
    }
    this.program = join(this.#folder, 'holdfast.sh');
    const main = join(this.#folder, 'holdfast/src/main.ts');
    writeFileSync(this.program, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
    chmodSync(this.program, 0o755);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  /** The folder's entries as links, but to our own copy where there is one. */
  #link(folder: string): void {
    mkdirSync(join(this.#folder, folder));
    for (const name of readdirSync(join(packages, folder))) {
      if (name === '@holdfast') continue;
      const isCopied = folder.endsWith('/@holdfast') && name === 'metadata-service';
      const target = isCopied ? join(this.#folder, name) : join(packages, folder, name);
      symlinkSync(target, join(this.#folder, folder, name));
    }
  }
}
