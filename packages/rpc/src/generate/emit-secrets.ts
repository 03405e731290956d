// Emits the table of secret fields, from the mark csi_secret of the .proto files. A path names a field of the plain value: dots
// between fields, `*` for every item of a list or map, `value` for the member of a oneof.
import type { FieldModel, FileModel, MessageModel } from './schema.ts';
import { fileNames, head } from './text.ts';

export function emitSecrets(models: readonly FileModel[]): string {
  const messages = new Map(models.flatMap((model) => model.messages).map((message) => [message.fullName, message]));
  const lines = [
    head(fileNames(models), 'The fields that no log may show, per message, also where they lie in nested messages.'),
    'export const secretFields: Readonly<Record<string, readonly string[]>> = {',
  ];
  for (const message of messages.values()) {
    const paths = secretPaths(message, messages);
    if (paths.length > 0) lines.push(`  '${message.fullName}': [${paths.map((path) => `'${path}'`).join(', ')}],`);
  }
  return [...lines, '};', ''].join('\n');
}

/** Every path from `message` to a secret field: finite, because no message contains itself. */
export function secretPaths(message: MessageModel, messages: ReadonlyMap<string, MessageModel>): string[] {
  return message.fields.flatMap((field) => {
    if (field.secret) return [pathOf(field, 'whole')];
    const inner = field.value.kind === 'message' ? messages.get(field.value.fullName) : undefined;
    if (inner === undefined) return [];
    return secretPaths(inner, messages).map((path) => `${pathOf(field, 'items')}.${path}`);
  });
}

function pathOf(field: FieldModel, end: 'whole' | 'items'): string {
  if (field.oneof !== null) return `${field.oneof}.value`;
  return field.shape === 'single' || end === 'whole' ? field.name : `${field.name}.*`;
}
