// An independent implementation of the wire format for the same files: what tests and benches compare the generated converters
// with. Relies on protobufjs only to parse the .proto text; every byte is then read and written by @bufbuild/protobuf.
import { basename } from 'node:path';
import { create, createFileRegistry, type FileRegistry, type MessageInitShape } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as FieldType,
  FileDescriptorProtoSchema,
  file_google_protobuf_timestamp as timestampFile,
  file_google_protobuf_wrappers as wrappersFile,
  type DescriptorProtoSchema,
  type EnumDescriptorProtoSchema,
  type FieldDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';
import protobuf from 'protobufjs';
import type { PlainMessage } from './arbitrary.ts';
import { namespaceOf, parseProto, type FileModel, type MessageModel, type ValueModel } from './schema.ts';

type MessageInit = MessageInitShape<typeof DescriptorProtoSchema>;
type FieldInit = MessageInitShape<typeof FieldDescriptorProtoSchema>;
type EnumInit = MessageInitShape<typeof EnumDescriptorProtoSchema>;

const wellKnown = new Map([timestampFile, wrappersFile].map((file) => [file.proto.name, file]));

/** The messages of one .proto file. */
export function referenceRegistry(path: string): FileRegistry {
  const own = namespaceOf(path, parseProto(path));
  const proto = create(FileDescriptorProtoSchema, {
    name: basename(path),
    package: own.fullName.slice(1),
    syntax: 'proto3',
    dependency: [...wellKnown.keys()],
    messageType: own.nestedArray.filter((nested) => nested instanceof protobuf.Type).map(messageInit),
    enumType: own.nestedArray.filter((nested) => nested instanceof protobuf.Enum).map(enumInit),
  });
  return createFileRegistry(proto, (name) => wellKnown.get(name));
}

function messageInit(type: protobuf.Type): MessageInit {
  // Proto3 wants the oneofs that only stand for `optional` after all others.
  const oneofs = type.oneofsArray.toSorted(
    (left, right) => Number(left.isProto3Optional) - Number(right.isProto3Optional),
  );
  return {
    name: type.name,
    field: type.fieldsArray.map((field) => fieldInit(field, oneofs)),
    oneofDecl: oneofs.map(({ name }) => ({ name })),
    nestedType: [
      ...type.nestedArray.filter((nested) => nested instanceof protobuf.Type).map(messageInit),
      ...type.fieldsArray.filter((field) => field instanceof protobuf.MapField).map(mapEntryInit),
    ],
    enumType: type.nestedArray.filter((nested) => nested instanceof protobuf.Enum).map(enumInit),
  };
}

function fieldInit(field: protobuf.Field, oneofs: readonly protobuf.OneOf[]): FieldInit {
  const init = { name: field.protoName, jsonName: field.name, number: field.id };
  if (field instanceof protobuf.MapField) {
    const typeName = `${field.parent?.fullName ?? ''}.${entryName(field)}`;
    return { ...init, label: Label.REPEATED, type: FieldType.MESSAGE, typeName };
  }
  return {
    ...init,
    ...valueInit(field),
    label: field.repeated ? Label.REPEATED : Label.OPTIONAL,
    ...(field.partOf === null
      ? {}
      : { oneofIndex: oneofs.indexOf(field.partOf), proto3Optional: field.partOf.isProto3Optional }),
  };
}

function valueInit(field: protobuf.FieldBase): { type: FieldType; typeName?: string } {
  const { resolvedType } = field;
  if (resolvedType === null) return { type: FieldType[field.type.toUpperCase() as keyof typeof FieldType] };
  const type = resolvedType instanceof protobuf.Enum ? FieldType.ENUM : FieldType.MESSAGE;
  return { type, typeName: resolvedType.fullName };
}

function entryName(field: protobuf.MapField): string {
  return `${field.name.charAt(0).toUpperCase()}${field.name.slice(1)}Entry`;
}

function mapEntryInit(field: protobuf.MapField): MessageInit {
  const keyType = FieldType[field.keyType.toUpperCase() as keyof typeof FieldType];
  return {
    name: entryName(field),
    options: { mapEntry: true },
    field: [
      { name: 'key', number: 1, label: Label.OPTIONAL, type: keyType },
      { name: 'value', number: 2, label: Label.OPTIONAL, ...valueInit(field) },
    ],
  };
}

function enumInit(type: protobuf.Enum): EnumInit {
  return { name: type.name, value: Object.entries(type.values).map(([name, number]) => ({ name, number })) };
}

/** `plain` as the reference implementation takes it: enums as numbers, `case` for `kind`, absent for null. */
export function toReference(model: FileModel, message: MessageModel, plain: PlainMessage): Record<string, unknown> {
  const init: Record<string, unknown> = {};
  for (const field of message.fields.filter(({ oneof }) => oneof === null)) {
    const value = plain[field.name];
    if (value === null) continue;
    if (field.shape === 'list') {
      init[field.name] = (value as readonly unknown[]).map((item) => valueToReference(model, field.value, item));
    } else if (field.shape === 'map') {
      const entries = Object.entries(value as PlainMessage);
      init[field.name] = Object.fromEntries(
        entries.map(([key, item]) => [key, valueToReference(model, field.value, item)]),
      );
    } else {
      // A single wrapper is its scalar there as well; in a list or a oneof it stays a message.
      init[field.name] = field.value.kind === 'wrapper' ? value : valueToReference(model, field.value, value);
    }
  }
  for (const oneof of message.oneofs) {
    const chosen = plain[oneof] as { readonly kind: string; readonly value: unknown } | null;
    const field = message.fields.find(({ name }) => name === chosen?.kind);
    if (chosen === null || field === undefined) continue;
    init[oneof] = { case: chosen.kind, value: valueToReference(model, field.value, chosen.value) };
  }
  return init;
}

function valueToReference(model: FileModel, { kind, ...rest }: ValueModel, value: unknown): unknown {
  const name = 'name' in rest ? rest.name : null;
  switch (kind) {
    case 'scalar':
      return value;
    case 'wrapper':
      return { value };
    case 'enum': {
      const known = model.enums.find((candidate) => candidate.name === name)?.values ?? [];
      return typeof value === 'number' ? value : known.find((candidate) => candidate.name === value)?.number;
    }
    case 'message': {
      const message = model.messages.find((candidate) => candidate.name === name);
      if (message === undefined) throw new Error(`${String(name)} is not in the model`);
      return toReference(model, message, value as PlainMessage);
    }
  }
}
