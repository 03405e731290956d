// Rules about the form of files and values: names, first lines, what stands at the top level, and null for none.
import ts from 'typescript';
import type { Finding, Rule } from './rule.ts';
import { descendants } from './syntax.ts';

const topLevel = new Set([
  ...['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml', 'Makefile', 'README.md', 'Dockerfile', '.dockerignore'],
  ...['LICENSE', 'CONTRIBUTING.md', 'SECURITY.md', '.editorconfig', '.gitignore', '.ci', 'bin'],
  ...['csi-proto', 'kernel-shim', 'charts', 'dev-env', 'docs', 'packages'],
]);

export const topLevelEntry: Rule = {
  name: 'top-level',
  forbids: 'An entry at the top of the repository that the plan of the house does not have.',
  instead: 'put it into the package or folder that it belongs to',
  *check({ files }): Iterable<Finding> {
    const entries = new Set(files.map(({ path }) => path.split('/')[0] ?? ''));
    for (const entry of entries) {
      if (!topLevel.has(entry)) yield { path: entry, line: 1, message: `${entry} at the top level` };
    }
  },
};

/** Names that tools and readers expect in capitals. */
const customary = new Set([
  ...['README.md', 'LICENSE', 'CONTRIBUTING.md', 'SECURITY.md', 'Makefile', 'Dockerfile'],
  ...['Kbuild', 'Kconfig', 'Chart.yaml', 'NOTES.txt', '_helpers.tpl'],
]);

export const fileName: Rule = {
  name: 'file-name',
  forbids: 'A file or folder whose name is not kebab-case.',
  instead: 'name it after the noun it holds, in small letters, digits and single hyphens',
  *check({ files }): Iterable<Finding> {
    for (const { path } of files) {
      const wrong = path
        .split('/')
        .find((part) => !customary.has(part) && !/^\.?[a-z0-9]+([.-][a-z0-9]+)*$/.test(part));
      if (wrong !== undefined) yield { path, line: 1, message: `the name ${wrong}` };
    }
  },
};

export const headComment: Rule = {
  name: 'head-comment',
  forbids: 'A source file (tests aside) that does not open with what it is for and what it relies on.',
  instead: 'open the file with a comment that says what it is for and what it relies on',
  *check({ files }): Iterable<Finding> {
    for (const file of files) {
      if (file.isGenerated || /\.(test|d)\.ts$/.test(file.path)) continue;
      const text = file.text.replace(/^#!.*\n/, '');
      const isOpened = file.isTypeScript
        ? /^(\/\/ |\/\*)/.test(text)
        : !file.path.endsWith('.sh') || text.startsWith('# ');
      if (!isOpened) yield { path: file.path, line: 1, message: 'no opening comment' };
    }
  },
};

const isUndefined = (node: ts.Node | undefined): boolean =>
  node !== undefined && ts.isIdentifier(node) && node.text === 'undefined';

function givesUndefined(node: ts.Node): boolean {
  if (ts.isReturnStatement(node)) return isUndefined(node.expression);
  if (ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node)) return isUndefined(node.initializer);
  return (
    ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken && isUndefined(node.right)
  );
}

export const noneIsNull: Rule = {
  name: 'none-is-null',
  forbids: 'Returning or keeping `undefined` to say "none".',
  instead: 'say null; undefined is what was forgotten',
  *check({ sources }): Iterable<Finding> {
    for (const file of sources) {
      if (file.isTest) continue;
      for (const node of descendants(file.syntax)) {
        if (givesUndefined(node)) yield { path: file.path, line: file.lineOf(node), message: 'undefined as a value' };
      }
    }
  },
};

export const formRules: readonly Rule[] = [topLevelEntry, fileName, headComment, noneIsNull];
