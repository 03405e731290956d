// Rules about sizes: what does not fit on a screen or two is not read. The numbers are in limits.ts.
import ts from 'typescript';
import { limits } from '../limits.ts';
import type { RepositoryFile } from './repository.ts';
import type { Finding, Rule } from './rule.ts';
import { descendants, dottedName } from './syntax.ts';

const sourceNames = /\.(ts|sh|c|h)$/;

export const fileSize: Rule = {
  name: 'file-size',
  forbids: `A source file of more than ${limits.fileLines} lines.`,
  instead: 'move what has a name of its own into a file of that name',
  *check({ files }): Iterable<Finding> {
    for (const file of files) {
      if (file.isGenerated || !sourceNames.test(file.path)) continue;
      const { length } = file.lines;
      if (length > limits.fileLines)
        yield { path: file.path, line: length, message: `${length} lines, the limit is ${limits.fileLines}` };
    }
  },
};

type Callable = ts.FunctionLikeDeclaration;

function* functionsOf(file: RepositoryFile): Generator<Callable> {
  for (const node of descendants(file.syntax)) {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) yield node;
  }
}

function nameOf(callable: Callable): string {
  if (callable.name !== undefined) return callable.name.getText();
  if (ts.isConstructorDeclaration(callable)) return 'constructor';
  const { parent } = callable;
  return ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) ? parent.name.getText() : 'function';
}

/** The body of a `describe` is a chapter of tests, each of which is measured by itself. */
function isChapter({ parent }: Callable): boolean {
  if (!ts.isCallExpression(parent)) return false;
  const callee = ts.isCallExpression(parent.expression) ? parent.expression.expression : parent.expression;
  return dottedName(callee)?.split('.')[0] === 'describe';
}

export const functionSize: Rule = {
  name: 'function-size',
  forbids: `A function of more than ${limits.functionLines} lines (the body of a \`describe\` is none).`,
  instead: 'move its loops and branches into functions whose names say what they do',
  *check({ sources }): Iterable<Finding> {
    for (const file of sources) {
      for (const callable of functionsOf(file)) {
        const line = file.lineOf(callable);
        const length = file.syntax.getLineAndCharacterOfPosition(callable.getEnd()).line + 2 - line;
        if (length <= limits.functionLines || isChapter(callable)) continue;
        yield {
          path: file.path,
          line,
          message: `${nameOf(callable)} has ${length} lines, the limit is ${limits.functionLines}`,
        };
      }
    }
  },
};

export const parameterCount: Rule = {
  name: 'parameter-count',
  forbids: `A function of more than ${limits.parameters} parameters.`,
  instead: 'take one options object, whose fields have names at the call',
  *check({ sources }): Iterable<Finding> {
    for (const file of sources) {
      for (const callable of functionsOf(file)) {
        const count = callable.parameters.length;
        if (count <= limits.parameters) continue;
        const message = `${nameOf(callable)} has ${count} parameters, the limit is ${limits.parameters}`;
        yield { path: file.path, line: file.lineOf(callable), message };
      }
    }
  },
};

export const sizeRules: readonly Rule[] = [fileSize, functionSize, parameterCount];
