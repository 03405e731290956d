// What the exactness of the converters costs: encode and decode of a ListVolumes response of 100 entries, through our converters
// and through the alternatives that ADR 0003 weighs, in one process. All but JSON put the same bytes on the wire.
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { median, type Bench, type Report } from '@holdfast/tooling';
import { referenceRegistry } from './generate/reference.ts';
import { parseProto, protoFolder } from './generate/schema.ts';
import { ListVolumesResponse as RawListVolumesResponse } from './generated/csi-static.js';
import {
  decodeListVolumesResponse,
  emptyListVolumesResponse,
  encodeListVolumesResponse,
  type ListVolumesResponse,
} from './generated/csi.ts';

const csiProto = join(protoFolder, 'csi.proto');
const entryCount = 100;
const rounds = 15;
const callsPerRound = 150;
const messageName = 'csi.v1.ListVolumesResponse';

/** One way to do it: a value of its own kind that stands for the same message. */
interface Contender {
  readonly name: string;
  readonly roundTrip: () => unknown;
}

function sample(): ListVolumesResponse {
  const entries = Array.from({ length: entryCount }, (_unused, index) => ({
    volume: {
      capacityBytes: BigInt(index + 1) * 2n ** 30n,
      volumeId: `7d2f0c9e-5b1a-4c3d-8e6f-${String(index).padStart(12, '0')}`,
      volumeContext: { pool: 'fast', engine: 'kernel', 'storage.kubernetes.io/csiProvisionerIdentity': `id-${index}` },
      contentSource: null,
      accessibleTopology: [{ segments: { 'topology.holdfast.io/pool-fast': 'true' } }],
    },
    status: { publishedNodeIds: [`node-${index % 8}`] },
  }));
  return { ...emptyListVolumesResponse, entries, nextToken: '100' };
}

function contenders(value: ListVolumesResponse): Contender[] {
  const bytes = encodeListVolumesResponse(value);
  const reflected = parseProto(csiProto).lookupType(messageName);
  const bufSchema = referenceRegistry(csiProto).getMessage(messageName);
  if (bufSchema === undefined) throw new Error(`${messageName} is not in csi.proto`);
  const longValue = RawListVolumesResponse.decode(bytes);
  const reflectedValue = reflected.decode(bytes);
  const bufValue = fromBinary(bufSchema, bytes);
  const jsonText = (): string =>
    JSON.stringify(value, (_key, item: unknown) => (typeof item === 'bigint' ? `${item}` : item));
  return [
    { name: 'converters', roundTrip: () => decodeListVolumesResponse(encodeListVolumesResponse(value)) },
    {
      name: 'bare-static',
      roundTrip: () => RawListVolumesResponse.decode(RawListVolumesResponse.encode(longValue).finish()),
    },
    { name: 'reflection', roundTrip: () => reflected.decode(reflected.encode(reflectedValue).finish()) },
    { name: 'bufbuild', roundTrip: () => fromBinary(bufSchema, toBinary(bufSchema, bufValue)) },
    { name: 'json', roundTrip: () => JSON.parse(jsonText()) as unknown },
  ];
}

/** Median microseconds of a call. The contenders take turns, so that a busy moment of the machine hits all of them. */
function measure(all: readonly Contender[]): Map<string, number> {
  const samples = new Map<string, number[]>(all.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, roundTrip } of all) {
      const start = process.hrtime.bigint();
      for (let call = 0; call < callsPerRound; call += 1) roundTrip();
      samples.get(name)?.push(Number(process.hrtime.bigint() - start) / 1000 / callsPerRound);
    }
  }
  return new Map([...samples].map(([name, values]) => [name, median(values)]));
}

const bench: Bench = {
  name: 'foundation',
  run(report: Report): void {
    const medians = measure(contenders(sample()));
    for (const [name, value] of medians) report.figure(`codec-list100-${name}`, value, 'us');
    const ratio = (medians.get('converters') ?? NaN) / (medians.get('bare-static') ?? NaN);
    report.figure('codec-list100-cost-over-bare-static', ratio, 'ratio', { atMost: 1.5 });
  },
};
export default bench;
