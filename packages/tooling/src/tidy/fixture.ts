// Reads a fixture: a small repository in one text file, and the breaches that its rule finds in it. A line `== path` opens
// a file and `== expected` the breaches; `{repeat N} text` stands for N lines, `{registry host}` for a name that no file
// may hold.
import assert from 'node:assert/strict';
import { Repository, RepositoryFile } from './repository.ts';
import { registryHosts } from './text-rules.ts';

export interface Fixture {
  readonly repository: Repository;
  /** `path:line: message`, without what the rule adds. */
  readonly expected: readonly string[];
}

export function parseFixture(text: string): Fixture {
  const [before, ...sections] = expand(text).split(/^== /m);
  assert.equal(before, '', 'a fixture opens with == path');
  const contents = sections.map((section) => {
    const end = section.indexOf('\n');
    return { path: section.slice(0, end), text: section.slice(end + 1) };
  });
  const expected = contents.pop();
  assert.equal(expected?.path, 'expected', 'a fixture closes with == expected');
  return {
    repository: new Repository(contents.map((file) => new RepositoryFile(file.path, file.text))),
    expected: expected.text.trimEnd().split('\n'),
  };
}

function expand(text: string): string {
  return text
    .replaceAll(/^\{repeat (\d+)\} (.*)$/gm, (_, count: string, line: string) =>
      Array<string>(Number(count)).fill(line).join('\n'),
    )
    .replaceAll('{registry host}', registryHosts[0] ?? '');
}
