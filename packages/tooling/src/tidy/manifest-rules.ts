// Rules about package.json files: one place for versions, and no dependency that is not used or not declared.
import ts from 'typescript';
import type { Manifest, Repository, RepositoryFile } from './repository.ts';
import type { Finding, Rule } from './rule.ts';
import { descendants, importsOf, moduleOf } from './syntax.ts';

const declared = ({ dependencies, devDependencies }: Manifest): [string, string][] => [
  ...Object.entries(dependencies),
  ...Object.entries(devDependencies),
];

/** Types that the compiler reads by themselves. */
const ambient = new Set(['@types/node']);

export const catalogVersion: Rule = {
  name: 'catalog-version',
  forbids: 'A version in a package.json.',
  instead: 'write "catalog:" (the version stands in pnpm-workspace.yaml), or "workspace:*" for a package of ours',
  *check({ manifests }): Iterable<Finding> {
    for (const manifest of manifests.values()) {
      for (const [name, version] of declared(manifest)) {
        const expected = name.startsWith('@holdfast/') ? 'workspace:*' : 'catalog:';
        if (version !== expected) yield { path: manifest.path, line: 1, message: `${name} has the version ${version}` };
      }
    }
  },
};

/** Everything that a package's files name: imported modules, and strings such as those given to require.resolve. */
function namedIn(files: readonly RepositoryFile[]): Set<string> {
  const names = new Set<string>();
  for (const file of files) {
    for (const { specifier } of importsOf(file)) names.add(moduleOf(specifier));
    for (const node of descendants(file.syntax)) if (ts.isStringLiteralLike(node)) names.add(moduleOf(node.text));
  }
  return names;
}

const sourcesOf = ({ files }: Repository, name: string): RepositoryFile[] =>
  files.filter((file) => file.package === name && file.isTypeScript);

/** Tooling's scripts are the targets of the Makefile. */
const makefileOf = ({ files }: Repository): string[] =>
  files.filter(({ path }) => path === 'Makefile').map(({ text }) => text);

export const unusedDependency: Rule = {
  name: 'unused-dependency',
  forbids: 'A dependency that is declared and never imported.',
  instead: 'remove it from package.json and run pnpm install',
  *check(repository): Iterable<Finding> {
    for (const manifest of repository.manifests.values()) {
      const named = namedIn(sourcesOf(repository, manifest.name));
      const scripts = [
        ...Object.values(manifest.scripts),
        ...(manifest.name === 'tooling' ? makefileOf(repository) : []),
      ];
      for (const [name] of declared(manifest)) {
        const isInScript = scripts.some((script) => script.includes(name));
        if (named.has(name) || ambient.has(name) || isInScript) continue;
        yield { path: manifest.path, line: 1, message: `${name} is never imported` };
      }
    }
  },
};

export const undeclaredDependency: Rule = {
  name: 'undeclared-dependency',
  forbids:
    'An import of a package that package.json does not declare, or declares only for development while what ships imports it.',
  instead: 'add it to package.json ("dependencies" for what ships) and run pnpm install',
  *check(repository): Iterable<Finding> {
    for (const manifest of repository.manifests.values()) {
      for (const file of sourcesOf(repository, manifest.name)) {
        const known = file.isDevelopment
          ? { ...manifest.dependencies, ...manifest.devDependencies }
          : manifest.dependencies;
        for (const { specifier, line } of importsOf(file)) {
          const name = moduleOf(specifier);
          if (/^(\.|node:)/.test(name) || name === `@holdfast/${manifest.name}` || name in known) continue;
          yield { path: file.path, line, message: `${name} is not declared` };
        }
      }
    }
  },
};

export const manifestRules: readonly Rule[] = [catalogVersion, unusedDependency, undeclaredDependency];
