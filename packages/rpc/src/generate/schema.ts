// One .proto file as the emitters see it: its messages, enums and services by their TypeScript names, with everything resolved
// that protobufjs' reflection leaves open. Relies on protobufjs for parsing; refuses what the emitters have no answer for.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import protobuf from 'protobufjs';

export type ScalarType =
  | 'double'
  | 'float'
  | 'int32'
  | 'uint32'
  | 'sint32'
  | 'fixed32'
  | 'sfixed32'
  | 'int64'
  | 'uint64'
  | 'sint64'
  | 'fixed64'
  | 'sfixed64'
  | 'string'
  | 'bool'
  | 'bytes';

export type ValueModel =
  | { readonly kind: 'scalar'; readonly type: ScalarType }
  /** google.protobuf.Int64Value and its siblings: a scalar that may be absent. */
  | { readonly kind: 'wrapper'; readonly type: ScalarType }
  | { readonly kind: 'enum'; readonly name: string }
  | { readonly kind: 'message'; readonly name: string; readonly fullName: string };

export interface FieldModel {
  readonly name: string;
  /** As in the .proto file with its message, for a person who reads an error: `csi.v1.Volume.capacity_bytes`. */
  readonly fullName: string;
  readonly shape: 'single' | 'list' | 'map';
  readonly value: ValueModel;
  /** Whether null is one of its values: messages, wrappers, `optional` scalars. */
  readonly nullable: boolean;
  readonly oneof: string | null;
  readonly secret: boolean;
  readonly comment: string | null;
}

export interface MessageModel {
  readonly name: string;
  readonly fullName: string;
  readonly fields: readonly FieldModel[];
  /** Names of the oneofs, without those that only stand for `optional`. */
  readonly oneofs: readonly string[];
  readonly comment: string | null;
}

export interface EnumModel {
  readonly name: string;
  readonly fullName: string;
  readonly values: readonly { readonly name: string; readonly number: number; readonly comment: string | null }[];
  readonly comment: string | null;
}

export interface MethodModel {
  readonly name: string;
  readonly key: string;
  readonly request: { readonly name: string; readonly fullName: string };
  readonly response: { readonly name: string; readonly fullName: string };
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly comment: string | null;
}

export interface ServiceModel {
  readonly name: string;
  readonly fullName: string;
  readonly methods: readonly MethodModel[];
  readonly comment: string | null;
}

export interface FileModel {
  readonly file: string;
  readonly messages: readonly MessageModel[];
  readonly enums: readonly EnumModel[];
  readonly services: readonly ServiceModel[];
}

export const protoFolder = join(import.meta.dirname, '../../../../csi-proto');

const protobufFolder = dirname(createRequire(import.meta.url).resolve('protobufjs/package.json'));
const wrapperSuffix = 'Value';
/** The types of google/protobuf/wrappers.proto: null or the scalar, where the wire has a message around it. */
const wrappers = new Set(
  ['Double', 'Float', 'Int64', 'UInt64', 'Int32', 'UInt32', 'Bool', 'String', 'Bytes'].map(
    (type) => `.google.protobuf.${type}${wrapperSuffix}`,
  ),
);

/** Parses a .proto file with everything that it imports, from csi-proto and the well-known types. */
export function parseProto(path: string): protobuf.Root {
  const root = new protobuf.Root();
  root.resolvePath = (origin, target) => {
    if (origin === '') return target;
    return join(target.startsWith('google/protobuf/') ? protobufFolder : protoFolder, target);
  };
  root.loadSync(path, { alternateCommentMode: true });
  root.resolveAll();
  return root;
}

/** The namespace that a file itself declares. */
export function namespaceOf(path: string, root: protobuf.Root): protobuf.Namespace {
  const name = protobuf.parse(readFileSync(path, 'utf8')).package;
  const namespace = typeof name === 'string' ? root.lookup(name) : null;
  if (!(namespace instanceof protobuf.Namespace)) throw new Error(`${path} declares no package or nothing in it`);
  return namespace;
}

/** The messages and enums of a file and, after them, those of other packages that they use; and its services. */
export function modelOf(path: string, root: protobuf.Root): FileModel {
  const types: (protobuf.Type | protobuf.Enum)[] = [];
  const services: protobuf.Service[] = [];
  const visit = (object: protobuf.ReflectionObject): void => {
    if (object instanceof protobuf.Service) services.push(object);
    else if (object instanceof protobuf.Type || object instanceof protobuf.Enum) types.push(object);
    if (object instanceof protobuf.Namespace) object.nestedArray.forEach(visit);
  };
  namespaceOf(path, root).nestedArray.forEach(visit);
  addForeign(types);
  refuseClashes(types);
  for (const type of types) refuseCycles(type, []);
  const messages = types.filter((type) => type instanceof protobuf.Type).filter((type) => !isWrapper(type));
  return {
    file: basename(path),
    messages: messages.map(messageModel),
    enums: types.filter((type) => type instanceof protobuf.Enum).map(enumModel),
    services: services.map(serviceModel),
  };
}

/** Grows the list while it is walked: what a used type uses is used as well. */
function addForeign(types: (protobuf.Type | protobuf.Enum)[]): void {
  for (const type of types) {
    if (!(type instanceof protobuf.Type)) continue;
    for (const field of type.fieldsArray) {
      const used = field.resolve().resolvedType;
      if (used !== null && !types.includes(used)) types.push(used);
    }
  }
}

function refuseClashes(types: readonly protobuf.ReflectionObject[]): void {
  const names = new Map<string, string>();
  for (const type of types) {
    const other = names.get(typeName(type));
    if (other !== undefined) throw new Error(`${type.fullName} and ${other} would both be named ${typeName(type)}`);
    names.set(typeName(type), type.fullName);
  }
}

/** A message inside itself has no bound, and its secrets no finite list of paths. */
function refuseCycles(type: protobuf.ReflectionObject, outer: readonly protobuf.ReflectionObject[]): void {
  if (!(type instanceof protobuf.Type)) return;
  if (outer.includes(type))
    throw new Error(`${type.fullName} contains itself: give the inner part a message of its own`);
  for (const { resolvedType } of type.fieldsArray)
    if (resolvedType !== null) refuseCycles(resolvedType, [...outer, type]);
}

/** The path below the package without its dots: VolumeCapability.AccessMode.Mode is VolumeCapabilityAccessModeMode. */
function typeName(object: protobuf.ReflectionObject): string {
  const { parent } = object;
  return parent instanceof protobuf.Type ? typeName(parent) + object.name : object.name;
}

function isWrapper(type: protobuf.ReflectionObject): boolean {
  return wrappers.has(type.fullName);
}

function fullNameOf(object: protobuf.ReflectionObject): string {
  return object.fullName.replace(/^\./, '');
}

function messageModel(type: protobuf.Type): MessageModel {
  return {
    name: typeName(type),
    fullName: fullNameOf(type),
    fields: type.fieldsArray.toSorted((left, right) => left.id - right.id).map(fieldModel),
    oneofs: type.oneofsArray.filter((oneof) => !oneof.isProto3Optional).map((oneof) => oneof.name),
    comment: type.comment ?? null,
  };
}

function fieldModel(field: protobuf.Field): FieldModel {
  const fullName = `${fullNameOf(field.parent ?? field)}.${field.protoName}`;
  if (field instanceof protobuf.MapField && field.keyType !== 'string') {
    throw new Error(`${fullName}: the emitters know maps with string keys only`);
  }
  const shape = field.repeated ? 'list' : field.map ? 'map' : 'single';
  const isMessage = field.resolvedType instanceof protobuf.Type;
  const oneof = field.partOf === null || field.partOf.isProto3Optional ? null : field.partOf.name;
  return {
    name: field.name,
    fullName,
    shape,
    value: valueModel(field),
    nullable: shape === 'single' && oneof === null && (isMessage || field.partOf !== null),
    oneof,
    secret: isMarked(field, 'csi_secret'),
    comment: field.comment ?? null,
  };
}

/** Whether an option is set to true, however its name is qualified at the place. */
function isMarked(object: protobuf.ReflectionObject, option: string): boolean {
  return Object.entries(object.options ?? {}).some(
    ([name, value]) => value === true && new RegExp(`^\\(([\\w.]+\\.)?${option}\\)$`).test(name),
  );
}

function valueModel(field: protobuf.Field): ValueModel {
  const type = field.resolvedType;
  if (type === null) return { kind: 'scalar', type: field.type as ScalarType };
  if (type instanceof protobuf.Enum) return { kind: 'enum', name: typeName(type) };
  if (!isWrapper(type)) return { kind: 'message', name: typeName(type), fullName: fullNameOf(type) };
  return { kind: 'wrapper', type: type.name.slice(0, -wrapperSuffix.length).toLowerCase() as ScalarType };
}

function enumModel(type: protobuf.Enum): EnumModel {
  return {
    name: typeName(type),
    fullName: fullNameOf(type),
    values: Object.entries(type.values).map(([name, number]) => ({
      name,
      number,
      comment: type.comments[name] ?? null,
    })),
    comment: type.comment ?? null,
  };
}

function serviceModel(service: protobuf.Service): ServiceModel {
  return {
    name: service.name,
    fullName: fullNameOf(service),
    methods: service.methodsArray.map(methodModel),
    comment: service.comment ?? null,
  };
}

function methodModel(method: protobuf.Method): MethodModel {
  const { resolvedRequestType: request, resolvedResponseType: response } = method;
  if (request === null || response === null) throw new Error(`${method.fullName} has an unresolved type`);
  return {
    name: method.name,
    key: method.name.charAt(0).toLowerCase() + method.name.slice(1),
    request: { name: typeName(request), fullName: fullNameOf(request) },
    response: { name: typeName(response), fullName: fullNameOf(response) },
    requestStream: method.requestStream === true,
    responseStream: method.responseStream === true,
    comment: method.comment ?? null,
  };
}
