// Questions to the syntax tree that several rules ask.
import ts from 'typescript';
import type { RepositoryFile } from './repository.ts';

export interface Import {
  readonly specifier: string;
  /** The names taken from it as the module calls them; null for the whole module. */
  readonly names: readonly string[] | null;
  readonly line: number;
}

export function* descendants(node: ts.Node): Generator<ts.Node> {
  const pending = [node];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    yield next;
    const children: ts.Node[] = [];
    ts.forEachChild(next, (child) => {
      children.push(child);
    });
    pending.push(...children.toReversed());
  }
}

/** Static, dynamic and re-exporting imports, types included: a type is a dependency too. */
export function importsOf(file: RepositoryFile): Import[] {
  const imports: Import[] = [];
  for (const node of descendants(file.syntax)) {
    const found = readImport(node);
    if (found !== null) imports.push({ ...found, line: file.lineOf(node) });
  }
  return imports;
}

function readImport(node: ts.Node): Omit<Import, 'line'> | null {
  if (ts.isImportDeclaration(node)) return take(node.moduleSpecifier, namesOf(node.importClause));
  if (ts.isExportDeclaration(node)) return take(node.moduleSpecifier, null);
  if (ts.isImportTypeNode(node)) return ts.isLiteralTypeNode(node.argument) ? take(node.argument.literal, null) : null;
  return ts.isCallExpression(node) && isLoader(node.expression) ? take(node.arguments[0], null) : null;
}

function take(specifier: ts.Node | undefined, names: readonly string[] | null): Omit<Import, 'line'> | null {
  return specifier !== undefined && ts.isStringLiteralLike(specifier) ? { specifier: specifier.text, names } : null;
}

/** The names of `import { a, b as c }`; null where the whole module or its default is taken as well. */
function namesOf(clause: ts.ImportClause | undefined): readonly string[] | null {
  const bindings = clause?.namedBindings;
  if (bindings === undefined || clause?.name !== undefined || !ts.isNamedImports(bindings)) return null;
  return bindings.elements.map(({ propertyName, name }) => (propertyName ?? name).text);
}

function isLoader(callee: ts.Expression): boolean {
  return callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require');
}

export interface Comment {
  readonly text: string;
  readonly line: number;
}

/** Every comment, found by the scanner: the same words in a string are no comment. */
export function commentsOf(file: RepositoryFile): Comment[] {
  const seen = new Map<number, Comment>();
  for (const node of descendants(file.syntax)) {
    const ranges = [
      ...(ts.getLeadingCommentRanges(file.text, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(file.text, node.getEnd()) ?? []),
    ];
    // Inside a template or a string, positions are text and not trivia.
    if (ts.isTemplateHead(node) || ts.isTemplateMiddle(node) || ts.isJsxText(node)) continue;
    for (const { pos, end } of ranges) {
      if (seen.has(pos)) continue;
      seen.set(pos, { text: file.text.slice(pos, end), line: file.syntax.getLineAndCharacterOfPosition(pos).line + 1 });
    }
  }
  return [...seen.values()];
}

/** `name` or `object.name` of what is called or constructed, or null for anything more involved. */
export function dottedName(node: ts.Expression): string | null {
  if (ts.isIdentifier(node)) return node.text;
  if (!ts.isPropertyAccessExpression(node)) return null;
  const object = dottedName(node.expression);
  return object === null ? null : `${object}.${node.name.text}`;
}

/** The npm package or Node module of a specifier: `@a/b/c` is `@a/b`, `node:fs/promises` is `node:fs`. */
export function moduleOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}
