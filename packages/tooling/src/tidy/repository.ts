// The repository as the rules see it: the text of every file that git knows or would add, and the syntax of the TypeScript
// ones. Relies on paths being relative to the root, with forward slashes.
import ts from 'typescript';
import { developmentPackages } from './packages.ts';

export interface Manifest {
  readonly path: string;
  /** The package's name without `@holdfast/`. */
  readonly name: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

export class RepositoryFile {
  readonly path: string;
  readonly text: string;
  #syntax: ts.SourceFile | null = null;

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
  }

  get lines(): readonly string[] {
    return this.text.replace(/\n$/, '').split('\n');
  }

  /** The folder under packages/, or null for a file elsewhere. */
  get package(): string | null {
    return /^packages\/([^/]+)\//.exec(this.path)?.[1] ?? null;
  }

  get isTypeScript(): boolean {
    return this.path.endsWith('.ts');
  }

  get isGenerated(): boolean {
    return this.path.includes('/generated/');
  }

  /** Runs only to judge or to measure: a test, a bench, or what only those import. */
  get isTest(): boolean {
    return /\.(test|bench)\.ts$|\/testing\/|[/-]testing\.ts$/.test(this.path);
  }

  /** Runs only on a developer's machine: a test, a generator, or anything of a package that never ships. */
  get isDevelopment(): boolean {
    return this.isTest || /\/generate(\/|\.ts$)/.test(this.path) || developmentPackages.includes(this.package ?? '');
  }

  get syntax(): ts.SourceFile {
    this.#syntax ??= ts.createSourceFile(this.path, this.text, ts.ScriptTarget.Latest, true);
    return this.#syntax;
  }

  lineOf(node: ts.Node): number {
    return this.syntax.getLineAndCharacterOfPosition(node.getStart(this.syntax)).line + 1;
  }
}

export class Repository {
  readonly files: readonly RepositoryFile[];
  readonly manifests: ReadonlyMap<string, Manifest>;

  constructor(files: readonly RepositoryFile[]) {
    this.files = files;
    this.manifests = new Map(files.flatMap(readManifest).map((manifest) => [manifest.name, manifest]));
  }

  /** The TypeScript that people write. */
  get sources(): readonly RepositoryFile[] {
    return this.files.filter((file) => file.isTypeScript && !file.isGenerated);
  }
}

function readManifest(file: RepositoryFile): Manifest[] {
  if (!/^packages\/[^/]+\/package\.json$/.test(file.path)) return [];
  const parsed = JSON.parse(file.text) as Partial<Manifest>;
  return [
    {
      path: file.path,
      name: file.package ?? '',
      dependencies: parsed.dependencies ?? {},
      devDependencies: parsed.devDependencies ?? {},
      scripts: parsed.scripts ?? {},
    },
  ];
}
