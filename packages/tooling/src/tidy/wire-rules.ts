// Rules about what only rpc may know: protobufjs' own encode and decode, and the gRPC status codes.
import ts from 'typescript';
import { developmentPackages } from './packages.ts';
import type { Repository, RepositoryFile } from './repository.ts';
import type { Finding, Rule } from './rule.ts';
import { descendants, dottedName, importsOf } from './syntax.ts';

const codecCalls = new Set(['encode', 'decode', 'encodeDelimited', 'decodeDelimited']);
const codecFiles = /^packages\/rpc\/src\/(codec\.ts$|generated\/|generate\/)/;

function isTextCodec(receiver: ts.Expression): boolean {
  return ts.isNewExpression(receiver) && /^Text(En|De)coder$/.test(dottedName(receiver.expression) ?? '');
}

function* findCodecUses(file: RepositoryFile): Generator<Finding> {
  for (const { specifier, line } of importsOf(file)) {
    if (/-static(\.js)?$/.test(specifier))
      yield { path: file.path, line, message: `${specifier} is protobufjs' own code` };
  }
  for (const node of descendants(file.syntax)) {
    if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) continue;
    const { name, expression } = node.expression;
    if (!codecCalls.has(name.text) || isTextCodec(expression)) continue;
    yield {
      path: file.path,
      line: file.lineOf(node),
      message: `protobufjs writes 0 for a bigint given to ${name.text}()`,
    };
  }
}

export const directCodec: Rule = {
  name: 'direct-codec',
  forbids: "Calling protobufjs' encode or decode outside the generated converters.",
  instead: "use the message's generated converter (packages/rpc/src/generated), which keeps 64 bits exact",
  *check({ sources }): Iterable<Finding> {
    for (const file of sources) {
      if (file.package === 'rpc' && !file.isTest && !codecFiles.test(file.path)) yield* findCodecUses(file);
    }
  },
};

const statusNames = new Set([
  ...['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS'],
  ...['PERMISSION_DENIED', 'RESOURCE_EXHAUSTED', 'FAILED_PRECONDITION', 'ABORTED', 'OUT_OF_RANGE', 'UNIMPLEMENTED'],
  ...['INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'],
]);

/** Codes of the error table may share a status' name; such a word is ours wherever it is quoted. */
function ownCodes({ files }: Repository): Set<string> {
  const codes = new Set<string>();
  for (const file of files.filter(({ path }) => /^packages\/base\/src\/.*error.*\.ts$/.test(path))) {
    for (const node of descendants(file.syntax)) {
      if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)) codes.add(node.name.text);
    }
  }
  return codes;
}

function statusIn(node: ts.Node, own: ReadonlySet<string>): string | null {
  if (ts.isPropertyAccessExpression(node) && statusNames.has(node.name.text)) {
    const name = dottedName(node) ?? '';
    return /status\.[A-Z_]+$/i.test(name) ? name : null;
  }
  // One word alone, such as OK, may mean anything.
  const isStatus = ts.isStringLiteralLike(node) && node.text.includes('_') && statusNames.has(node.text);
  return isStatus && !own.has(node.text) ? node.text : null;
}

export const grpcStatus: Rule = {
  name: 'grpc-status',
  forbids: 'A gRPC status code outside rpc.',
  instead: 'throw an OpError; rpc maps its kind to a status',
  *check(repository): Iterable<Finding> {
    const own = ownCodes(repository);
    for (const file of repository.sources) {
      if (file.package === 'rpc' || developmentPackages.includes(file.package ?? '')) continue;
      for (const node of descendants(file.syntax)) {
        const status = statusIn(node, own);
        if (status !== null) yield { path: file.path, line: file.lineOf(node), message: status };
      }
    }
  },
};

export const wireRules: readonly Rule[] = [directCodec, grpcStatus];
