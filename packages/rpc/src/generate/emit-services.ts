// Emits the tables of services: per file with the converters of each method, and one of all files with names only, for whoever
// must walk every method (access rules, metrics) without loading the code of their messages.
import type { FileModel, MethodModel, ServiceModel } from './schema.ts';
import { docLines, fileNames, head, lowerFirst, stemOf } from './text.ts';

export function emitServices(model: FileModel, toSource: string): string {
  const stem = stemOf(model.file);
  return [
    head(model.file, 'The services: what a server and a client must know of every method.'),
    `import type { ServiceDescriptor } from '${toSource}/codec-method.ts';`,
    `import * as codec from './${stem}.ts';`,
    '',
    ...model.services.flatMap(serviceLines),
    `export const ${stem}Services = [${model.services.map(serviceConstant).join(', ')}] as const;`,
    '',
  ].join('\n');
}

function serviceConstant(service: ServiceModel): string {
  return `${lowerFirst(service.name)}Service`;
}

function serviceLines(service: ServiceModel): string[] {
  return [
    ...docLines(service.comment ?? `\`${service.fullName}\``, ''),
    `export const ${serviceConstant(service)} = {`,
    `  name: '${service.fullName}',`,
    '  methods: {',
    ...service.methods.flatMap((method) => [
      ...docLines(method.comment, '    '),
      `    ${method.key}: {`,
      ...factLines(service, method, '      '),
      `      encodeRequest: codec.encode${method.request.name},`,
      `      decodeRequest: codec.decode${method.request.name},`,
      `      encodeResponse: codec.encode${method.response.name},`,
      `      decodeResponse: codec.decode${method.response.name},`,
      '    },',
    ]),
    '  },',
    '} as const satisfies ServiceDescriptor;',
    '',
  ];
}

function factLines(service: ServiceModel, method: MethodModel, indent: string): string[] {
  return [
    `service: '${service.fullName}',`,
    `method: '${method.name}',`,
    `path: '/${service.fullName}/${method.name}',`,
    `requestStream: ${String(method.requestStream)},`,
    `responseStream: ${String(method.responseStream)},`,
    `requestMessage: '${method.request.fullName}',`,
    `responseMessage: '${method.response.fullName}',`,
  ].map((line) => indent + line);
}

export function emitServiceList(models: readonly FileModel[], toSource: string): string {
  const facts = models.flatMap(({ services }) =>
    services.flatMap((service) =>
      service.methods.flatMap((method) => ['  {', ...factLines(service, method, '    '), '  },']),
    ),
  );
  return [
    head(
      fileNames(models),
      'Every method of every service by name; the converters are loaded per file, when a role needs them.',
    ),
    `import type { MethodFacts } from '${toSource}/codec-method.ts';`,
    '',
    'export const methodList = [',
    ...facts,
    '] as const satisfies readonly MethodFacts[];',
    '',
    "export type MethodPath = (typeof methodList)[number]['path'];",
    '',
    ...models.flatMap(({ file }) => [
      ...docLines(`The services of ${file} with the converters of their messages.`, ''),
      `export const load${capitalised(stemOf(file))}Services = () => import('./${stemOf(file)}-services.ts');`,
      '',
    ]),
  ].join('\n');
}

function capitalised(stem: string): string {
  return stem.charAt(0).toUpperCase() + stem.slice(1);
}
