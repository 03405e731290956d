import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { accessTable, callerKinds, type CallerKind } from './access.ts';
import type { Channel } from './client/channel.ts';
import type { ServiceDescriptor } from './codec-method.ts';
import { outcomeOfEmptyCall } from './empty-call.ts';
import {
  loadCsiServices,
  loadMetadataServices,
  loadPluginregistrationServices,
  loadSessionsServices,
  methodList,
} from './generated/services.ts';
import type { ServedService } from './server/handlers.ts';
import { roles } from './pki/identity.ts';
import { TestCluster } from './testing.ts';

// Every method of every service, as every role over mutual TLS and as a local process over a unix socket. The services come
// from the generated tables, so that a service to come is walked too.

const timeoutMs = 10_000;
const services: ServiceDescriptor[] = [];
const channels = new Map<CallerKind, Channel>();
let cluster: TestCluster;

beforeAll(async () => {
  const loaded = [loadCsiServices(), loadMetadataServices(), loadPluginregistrationServices(), loadSessionsServices()];
  for (const module of await Promise.all(loaded)) services.push(...servicesOf(module));
  cluster = await TestCluster.create();
  const served = services.map(stub);
  const overTls = await cluster.serve({ services: served });
  const local = await cluster.serve({ services: served, address: `unix:${join(cluster.directory, 'access.sock')}` });
  for (const role of roles) channels.set(role, cluster.connect(overTls.address, await cluster.keeperFor(role)));
  channels.set('local', cluster.connect(local.address, null));
});
afterAll(async () => {
  await cluster.close();
});

test('the access table has a row for every method and for nothing else', () => {
  expect(Object.keys(accessTable).sort()).toEqual(methodList.map(({ path }) => path).sort());
});

test('the walk knows every service of every table', () => {
  const walked = services.flatMap((service) => Object.values(service.methods).map(({ path }) => path));
  expect(walked.sort()).toEqual(methodList.map(({ path }) => path).sort());
});

test.each(callerKinds)('every method answers or refuses the caller %s as its row says', async (kind) => {
  const outcomes: string[] = [];
  const expected: string[] = [];
  for (const service of services) {
    for (const [name, method] of Object.entries(service.methods)) {
      const row: readonly CallerKind[] = accessTable[method.path as keyof typeof accessTable];
      expected.push(`${method.path} ${row.includes(kind) ? 'answered' : 'CALLER_NOT_ALLOWED'}`);
      outcomes.push(`${method.path} ${await outcomeOf(kind, service, name)}`);
    }
  }
  expect(outcomes).toEqual(expected);
});

async function outcomeOf(kind: CallerKind, service: ServiceDescriptor, name: string): Promise<string> {
  const channel = channels.get(kind);
  if (channel === undefined) throw new Error(`there is no channel as ${kind}`);
  return outcomeOfEmptyCall(channel, { service, name, timeoutMs });
}

function servicesOf(module: object): ServiceDescriptor[] {
  return Object.values(module).filter((value): value is ServiceDescriptor => 'methods' in Object(value));
}

/** A service whose every method answers with an empty message. */
function stub(service: ServiceDescriptor): ServedService {
  const methods = Object.values(service.methods).map((method) => {
    const answer = method.decodeResponse(new Uint8Array());
    const encodeResponse = method.encodeResponse as (response: unknown) => Uint8Array;
    const handle = (): unknown => (method.responseStream ? toStream(answer) : Promise.resolve(answer));
    return { facts: method, decodeRequest: method.decodeRequest, encodeResponse, handle };
  });
  return { name: service.name, methods };
}

async function* toStream(answer: unknown): AsyncGenerator {
  yield answer;
}
