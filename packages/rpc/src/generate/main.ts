// Writes packages/rpc/src/generated from csi-proto, and its folder `fixture` from a file with every shape that the generator
// knows: the same input gives the same bytes, and what is no longer generated is removed. Run by `make generate`; CI proves that
// the committed files are fresh.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emitCodec } from './emit-codec.ts';
import { emitSecrets } from './emit-secrets.ts';
import { emitServiceList, emitServices } from './emit-services.ts';
import { emitStatic, emitStaticTypes } from './emit-static.ts';
import { emitTypes } from './emit-types.ts';
import { modelOf, parseProto, protoFolder, type FileModel } from './schema.ts';
import { stemOf } from './text.ts';

const outputFolder = join(import.meta.dirname, '../generated');

interface Source {
  readonly folder: string;
  readonly files: readonly string[];
  /** Where its output goes, below src/generated. */
  readonly output: string;
  /** The way from its output to src, for imports. */
  readonly toSource: string;
}

const sources: readonly Source[] = [
  {
    folder: protoFolder,
    files: readdirSync(protoFolder)
      .filter((name) => name.endsWith('.proto'))
      .sort(),
    output: '.',
    toSource: '..',
  },
  {
    folder: join(import.meta.dirname, 'fixtures'),
    files: ['everything.proto'],
    output: 'fixture',
    toSource: '../..',
  },
];

async function generate(source: Source): Promise<Map<string, string>> {
  const outputs = new Map<string, string>();
  const models: FileModel[] = [];
  for (const file of source.files) {
    const path = join(source.folder, file);
    const root = parseProto(path);
    const model = modelOf(path, root);
    const stem = stemOf(file);
    models.push(model);
    outputs.set(`${stem}-types.ts`, emitTypes(model));
    outputs.set(`${stem}-static.js`, await emitStatic(model, root));
    outputs.set(`${stem}-static.d.ts`, emitStaticTypes(model, source.toSource));
    outputs.set(`${stem}.ts`, emitCodec(model, source.toSource));
    outputs.set(`${stem}-services.ts`, emitServices(model, source.toSource));
  }
  outputs.set('services.ts', emitServiceList(models, source.toSource));
  outputs.set('secrets.ts', emitSecrets(models));
  return outputs;
}

/** Touches only what differs, so that a process that reads the folder meanwhile finds every file. */
function write(folder: string, outputs: ReadonlyMap<string, string>): void {
  mkdirSync(folder, { recursive: true });
  const found = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  for (const { name } of found) if (!outputs.has(name)) rmSync(join(folder, name));
  for (const [name, text] of outputs) {
    const path = join(folder, name);
    if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
  }
}

for (const source of sources) write(join(outputFolder, source.output), await generate(source));
