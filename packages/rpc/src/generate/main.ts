// Writes packages/rpc/src/generated from csi-proto: the same input gives the same bytes, and what is no longer generated is
// removed. Run by `make generate`; CI proves that the committed files are fresh.
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emitCodec } from './emit-codec.ts';
import { emitSecrets } from './emit-secrets.ts';
import { emitServiceList, emitServices } from './emit-services.ts';
import { emitStatic, emitStaticTypes } from './emit-static.ts';
import { emitTypes } from './emit-types.ts';
import { modelOf, parseProto, protoFolder, type FileModel } from './schema.ts';
import { stemOf } from './text.ts';

const outputFolder = join(import.meta.dirname, '../generated');

const outputs = new Map<string, string>();
const models: FileModel[] = [];
for (const file of readdirSync(protoFolder).filter((name) => name.endsWith('.proto')).sort()) {
  const root = parseProto(file);
  const model = modelOf(file, root);
  const stem = stemOf(file);
  models.push(model);
  outputs.set(`${stem}-types.ts`, emitTypes(model));
  outputs.set(`${stem}-static.js`, await emitStatic(model, root));
  outputs.set(`${stem}-static.d.ts`, emitStaticTypes(model));
  outputs.set(`${stem}.ts`, emitCodec(model));
  outputs.set(`${stem}-services.ts`, emitServices(model));
}
outputs.set('services.ts', emitServiceList(models));
outputs.set('secrets.ts', emitSecrets(models));

mkdirSync(outputFolder, { recursive: true });
for (const name of readdirSync(outputFolder)) if (!outputs.has(name)) rmSync(join(outputFolder, name));
for (const [name, text] of outputs) writeFileSync(join(outputFolder, name), text);
