// Rules about words: what was left behind for later, what silences a check, and what must not be named.
import ts from 'typescript';
import type { RepositoryFile } from './repository.ts';
import type { Finding, Rule } from './rule.ts';
import { commentsOf, descendants, dottedName, type Comment } from './syntax.ts';

/** Written by others and kept as they wrote it. */
const upstream = ['csi-proto/csi.proto', 'csi-proto/pluginregistration.proto', 'LICENSE', 'pnpm-lock.yaml'];

const linesOf = (file: RepositoryFile): Comment[] => file.lines.map((text, index) => ({ text, line: index + 1 }));

/** TypeScript's comments, and every line of anything else: a shell script or a page has no strings to tell apart. */
const proseOf = (file: RepositoryFile): Comment[] => (file.isTypeScript ? commentsOf(file) : linesOf(file));

export const leftoverMarker: Rule = {
  name: 'leftover-marker',
  forbids: 'A word that marks work left for later.',
  instead: 'do it, or open an issue and say here what holds today',
  *check({ files }): Iterable<Finding> {
    for (const file of files) {
      if (upstream.includes(file.path) || file.isGenerated) continue;
      for (const { text, line } of proseOf(file)) {
        const marker = /\b(TODO|FIXME|XXX|HACK)\b/.exec(text)?.[0];
        if (marker !== undefined) yield { path: file.path, line, message: marker };
      }
    }
  },
};

export const silencedCheck: Rule = {
  name: 'silenced-check',
  forbids: 'A comment that silences the linter, the compiler or the formatter.',
  instead: 'change the code, or the rule for everybody',
  *check({ sources }): Iterable<Finding> {
    for (const file of sources) {
      for (const { text, line } of commentsOf(file)) {
        const silencer = /eslint-disable|@ts-ignore|@ts-nocheck|prettier-ignore/.exec(text)?.[0];
        if (silencer !== undefined) yield { path: file.path, line, message: silencer };
      }
    }
  },
};

export const sectionBanner: Rule = {
  name: 'section-banner',
  forbids: 'A comment that draws a line between parts of a file.',
  instead: 'a part that needs a banner wants a file of its own',
  *check({ sources }): Iterable<Finding> {
    for (const file of sources) {
      for (const { text, line } of commentsOf(file)) {
        if (/^\s*(\/\/|\/\*|\*)\s*[-=*#─━]{4,}/m.test(text)) yield { path: file.path, line, message: 'a banner' };
      }
    }
  },
};

const testFunctions = new Set(['test', 'it', 'describe']);
const selectors = new Set(['only', 'skip', 'todo', 'failing']);
const aliases = new Set(['xtest', 'xit', 'xdescribe', 'fit', 'fdescribe']);

export const unevenTest: Rule = {
  name: 'uneven-test',
  forbids: 'A test that is skipped, or that makes the others be skipped.',
  instead: 'let every test run every time, or delete it',
  *check({ sources }): Iterable<Finding> {
    for (const file of sources) {
      if (!file.isTest) continue;
      for (const node of descendants(file.syntax)) {
        const line = file.lineOf(node);
        if (ts.isPropertyAccessExpression(node) && selectors.has(node.name.text)) {
          const name = dottedName(node) ?? '';
          if (testFunctions.has(name.split('.')[0] ?? '')) yield { path: file.path, line, message: name };
        }
        if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && aliases.has(node.expression.text)) {
          yield { path: file.path, line, message: node.expression.text };
        }
      }
    }
  },
};

/** The hosts in labels, because a file that holds a whole name would itself break the rule. */
export const registryHosts: readonly string[] = [
  ...[
    ['npmjs', 'org'],
    ['npmjs', 'com'],
    ['yarnpkg', 'com'],
    ['npmmirror', 'com'],
    ['jsr', 'io'],
  ],
  ...[
    ['pypi', 'org'],
    ['pythonhosted', 'org'],
    ['crates', 'io'],
    ['proxy', 'golang', 'org'],
    ['maven', 'org'],
  ],
  ...[
    ['deb', 'debian', 'org'],
    ['snapshot', 'debian', 'org'],
    ['archive', 'ubuntu', 'com'],
  ],
].map((labels) => labels.join('.'));

export const registryHost: Rule = {
  name: 'registry-host',
  forbids: "The host name of a package registry or a mirror, in any file: a user's machine knows its own.",
  instead: 'name the package; the machine it is installed on names the registry',
  *check({ files }): Iterable<Finding> {
    for (const file of files) {
      for (const { text, line } of linesOf(file)) {
        const host = registryHosts.find((name) => text.includes(name));
        if (host !== undefined) yield { path: file.path, line, message: host };
      }
    }
  },
};

export const textRules: readonly Rule[] = [leftoverMarker, silencedCheck, sectionBanner, unevenTest, registryHost];
