// Rules about who imports whom; the plan itself is packages.ts.
import { posix } from 'node:path';
import { developmentPackages, edges, soleImporters } from './packages.ts';
import type { RepositoryFile } from './repository.ts';
import type { Finding, Rule } from './rule.ts';
import { importsOf, moduleOf, type Import } from './syntax.ts';

const scope = '@holdfast/';

interface Edge extends Import {
  readonly from: string;
  readonly to: string;
  /** What follows the package's name: '' for the public door. */
  readonly door: string;
}

function edgesOf(file: RepositoryFile): Edge[] {
  const from = file.package;
  if (from === null) return [];
  return importsOf(file).flatMap((found) => {
    if (!found.specifier.startsWith(scope)) return [];
    const [to = '', ...door] = found.specifier.slice(scope.length).split('/');
    return to === from ? [] : [{ ...found, from, to, door: door.join('/') }];
  });
}

function mayImport({ from, to }: Edge, file: RepositoryFile): boolean {
  const allowed = edges[from] ?? [];
  // Benches and generators are written against tooling's contracts; nothing of it ships.
  return allowed === 'any' || allowed.includes(to) || (to === 'tooling' && file.isDevelopment);
}

export const packageEdge: Rule = {
  name: 'package-edge',
  forbids: 'An import between packages that the plan of the house does not list, and a package that it does not know.',
  instead: 'pass what you need in through a constructor, or change the plan in packages/tooling/src/tidy/packages.ts',
  *check({ sources, manifests }): Iterable<Finding> {
    for (const { path, name } of manifests.values()) {
      if (!(name in edges)) yield { path, line: 1, message: `the plan has no package ${name}` };
    }
    for (const file of sources) {
      for (const edge of edgesOf(file)) {
        if (mayImport(edge, file)) continue;
        const allowed = edges[edge.from] ?? [];
        const list = allowed === 'any' || allowed.length === 0 ? 'nothing' : allowed.join(', ');
        yield { path: file.path, line: edge.line, message: `${edge.from} may import ${list}, not ${edge.to}` };
      }
    }
  },
};

function mayPass({ from, door }: Edge, file: RepositoryFile): boolean {
  if (door === '') return true;
  if (door === 'commands') return from === 'holdfast';
  // An internal door that passes on test helpers is what it is for.
  const isForTests = file.isTest || file.path.endsWith('/src/internal.ts') || developmentPackages.includes(from);
  return door === 'internal' && isForTests;
}

export const packageDoor: Rule = {
  name: 'package-door',
  forbids:
    "Reaching past another package's doors: its files, or its internal door outside tests and development packages.",
  instead:
    'import @holdfast/<package>, and export there what others need (tests may import @holdfast/<package>/internal)',
  *check({ sources }): Iterable<Finding> {
    for (const file of sources) {
      for (const edge of edgesOf(file)) {
        if (!mayPass(edge, file))
          yield { path: file.path, line: edge.line, message: `${edge.specifier} is no door for this file` };
      }
      for (const { specifier, line } of importsOf(file)) {
        if (!specifier.startsWith('.') || file.package === null) continue;
        const target = posix.join(posix.dirname(file.path), specifier);
        if (target.startsWith(`packages/${file.package}/`)) continue;
        yield { path: file.path, line, message: `${specifier} leaves the package` };
      }
    }
  },
};

export const soleImporter: Rule = {
  name: 'sole-importer',
  forbids:
    'An import of a module that one package or file wraps for all others: koffi, SQLite, gRPC, protobuf, the Kubernetes client, child_process.',
  instead: 'use what its only importer offers',
  *check({ sources }): Iterable<Finding> {
    for (const file of sources) {
      if (developmentPackages.includes(file.package ?? '')) continue;
      for (const { specifier, line } of importsOf(file)) {
        const name = moduleOf(specifier === 'child_process' ? 'node:child_process' : specifier);
        const owner = Object.hasOwn(soleImporters, name) ? soleImporters[name] : null;
        if (owner === null || owner === undefined || file.path.startsWith(owner)) continue;
        if (name === 'node:child_process' && file.isTest) continue;
        yield { path: file.path, line, message: `${name} belongs to ${owner}` };
      }
    }
  },
};

export const importRules: readonly Rule[] = [packageEdge, packageDoor, soleImporter];
