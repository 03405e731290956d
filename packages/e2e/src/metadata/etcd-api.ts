// The part of etcd's v3 API that is measured, as a service of our own client: both sides are called by the same code over the same
// TLS. Messages are written and read by hand, field by field as etcd's rpc.proto numbers them; what is not needed is passed over.
import { invariant } from '@holdfast/base';

export interface PutRequest {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}
/** Of one key, through the leader. */
export interface RangeRequest {
  readonly key: Uint8Array;
}
export interface RangeResponse {
  /** Null if there is no such key. */
  readonly value: Uint8Array | null;
}
export interface EtcdStatus {
  /** The member that answers, and the one that leads, 0 for none: without their last bits, and still not the same by chance. */
  readonly member: number;
  readonly leader: number;
}

const nothing = new Uint8Array(0);

const methodOf = (service: string, method: string) =>
  ({
    ...{ service: `etcdserverpb.${service}`, method, path: `/etcdserverpb.${service}/${method}` },
    ...{ requestStream: false, responseStream: false },
    ...{ requestMessage: `etcdserverpb.${method}Request`, responseMessage: `etcdserverpb.${method}Response` },
  }) as const;

const notServed = (): never => {
  throw new Error('nobody serves etcd here');
};

export const etcdKv = {
  name: 'etcdserverpb.KV',
  methods: {
    put: {
      ...methodOf('KV', 'Put'),
      encodeRequest: ({ key, value }: PutRequest): Uint8Array => message([key, value]),
      decodeRequest: (): PutRequest => notServed(),
      encodeResponse: (): Uint8Array => notServed(),
      decodeResponse: (): Readonly<Record<string, never>> => ({}),
    },
    range: {
      ...methodOf('KV', 'Range'),
      encodeRequest: ({ key }: RangeRequest): Uint8Array => message([key]),
      decodeRequest: (): RangeRequest => notServed(),
      encodeResponse: (): Uint8Array => notServed(),
      decodeResponse: (bytes: Uint8Array): RangeResponse => ({ value: firstValue(bytes) }),
    },
  },
} as const;

export const etcdMaintenance = {
  name: 'etcdserverpb.Maintenance',
  methods: {
    status: {
      ...methodOf('Maintenance', 'Status'),
      encodeRequest: (): Uint8Array => nothing,
      decodeRequest: (): Readonly<Record<string, never>> => notServed(),
      encodeResponse: (): Uint8Array => notServed(),
      decodeResponse: (bytes: Uint8Array): EtcdStatus => {
        const status = read(bytes);
        return { member: numberOf(read(bytesOf(status, 1)), 2), leader: numberOf(status, 4) };
      },
    },
  },
} as const;

/** Fields of bytes, numbered from 1. */
function message(values: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    values.flatMap((value, at) => [Buffer.from([((at + 1) << 3) | 2, ...varint(value.length)]), value]),
  );
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

/** `kvs` is field 2 of the answer, its value field 5. */
function firstValue(bytes: Uint8Array): Uint8Array | null {
  const pair = read(bytes).get(2);
  return pair instanceof Uint8Array ? bytesOf(read(pair), 5) : null;
}

function bytesOf(fields: Fields, number: number): Uint8Array {
  const value = fields.get(number);
  return value instanceof Uint8Array ? value : nothing;
}

function numberOf(fields: Fields, number: number): number {
  const value = fields.get(number);
  return typeof value === 'number' ? value : 0;
}

type Fields = ReadonlyMap<number, number | Uint8Array>;

/** The first of each field: numbers and bytes, which are all that those answers have. */
function read(bytes: Uint8Array): Fields {
  const fields = new Map<number, number | Uint8Array>();
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++];
      invariant(byte !== undefined, 'an answer of etcd ends where its last field does');
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = next();
    const [number, kind] = [tag >>> 3, tag & 7];
    invariant(kind === 0 || kind === 2, `field ${number} of an answer of etcd is a number or bytes`);
    const value = next();
    if (!fields.has(number)) fields.set(number, kind === 0 ? value : bytes.subarray(at, at + value));
    if (kind === 2) at += value;
  }
  return fields;
}
