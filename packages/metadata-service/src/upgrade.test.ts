// Two releases side by side, under load: up, back down while nothing is final, and no way back behind that. The later release is this one with
// one step of the schema more.
import { afterEach, expect } from '@jest/globals';
import { toOpError } from '@holdfast/base';
import { loadMetadataServices, type MetadataClient } from '@holdfast/rpc';
import { groupTest, TestGroup, until, type TestMember } from './service-testing.ts';
import { schemaSteps } from './state/schema.ts';
import { State } from './state/state.ts';

const later = [
  ...schemaSteps,
  { version: 2, brings: ['notes'], sql: 'CREATE TABLE notes (id INTEGER PRIMARY KEY) STRICT;' },
];
const timeoutMs = 60_000;

let group: TestGroup;
afterEach(async () => group.close());

/** Volumes, one after another, through whoever leads. */
class Load {
  readonly names: string[] = [];
  readonly #running: Promise<void>;
  #isEnding = false;

  constructor(client: MetadataClient) {
    this.#running = this.#run(client);
  }

  async more(): Promise<void> {
    const least = this.names.length + 10;
    await until(() => this.names.length >= least);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#running;
  }

  async #run(client: MetadataClient): Promise<void> {
    const { volumesService } = await loadMetadataServices();
    const rest = { tenant: '', pool: 'pool', extents: 4n, isShared: false, attributes: '' };
    while (!this.#isEnding) {
      const name = `volume ${this.names.length}`;
      await client.change(volumesService, 'create', { name, ...rest }, { timeoutMs });
      this.names.push(name);
    }
  }
}

async function makePool(client: MetadataClient): Promise<void> {
  const { poolsService } = await loadMetadataServices();
  const properties = { name: 'pool', fencing: 'LEASE', tier: 'KERNEL', isBestEffortTakeover: false } as const;
  const bounds = { drainBoundMs: null, fencesPerHour: 3n, oversubscriptionPercent: 0n, extentBytes: 1_048_576n };
  const counts = { totalExtents: 0n, freeExtents: 0n, leasedExtents: 0n, mappedExtents: 0n, quarantinedExtents: 0n };
  const pool = {
    ...properties,
    ...bounds,
    ...counts,
    promisedExtents: 0n,
    isOpen: false,
    isOpening: false,
    devices: [],
  };
  await client.change(poolsService, 'create', { pool }, { timeoutMs });
}

async function restart(member: TestMember, schema: TestMember['schema']): Promise<void> {
  await group.stop(member);
  member.schema = schema;
  await group.start(member);
  await group.ready(member);
}

const versions = (): number[] =>
  group.members.map(({ service }) => (service === null ? 0 : State.read(service.machine.database).version));

/** The code of the refusal; null for none. */
async function finalize(): Promise<string | null> {
  const { membership } = await group.atLeader();
  return membership.finalize(2).then(
    () => null,
    (error: unknown) => toOpError(error).code,
  );
}

groupTest('members of two releases work beside each other, go back, and cannot any more behind finalize', async () => {
  group = await TestGroup.create();
  for (const name of ['m2', 'm3']) {
    const member = await group.prepare(name);
    member.schema = later;
    await group.promote(await group.join(name));
  }
  const [first, second] = group.members;
  if (first === undefined || second === undefined) throw new Error('three members');
  const client = await group.client();
  await makePool(client);
  const load = new Load(client);
  await load.more();
  await until(async () => (await finalize()) === 'RAFT_VERSION_UNANNOUNCED');
  await restart(second, schemaSteps);
  await load.more();
  expect(versions()).toEqual([1, 1, 1]);

  for (const member of [second, first]) await restart(member, later);
  await until(async () => (await finalize()) === null);
  await until(() => versions().every((version) => version === 2));
  await load.more();

  await group.stop(second);
  second.schema = schemaSteps;
  await expect(group.start(second)).rejects.toMatchObject({ code: 'STATE_VERSION_TOO_NEW' });
  await load.more();
  second.schema = later;
  await group.start(second);
  await load.end();
  await until(() => new Set(group.members.map((member) => member.service?.machine.applied)).size === 1);
  const dumps = new Set(group.members.map((member) => member.service?.machine.dump()));
  expect(dumps.size).toBe(1);
  for (const name of load.names) expect([...dumps][0]).toContain(`"${name}"`);
});

groupTest('a member of an older release that joins behind finalize ends, and says why', async () => {
  group = await TestGroup.create();
  const [first] = group.members;
  if (first === undefined) throw new Error('one member');
  await restart(first, later);
  await until(async () => (await finalize()) === null);
  const late = await group.join('m2');
  expect((await late.service?.ended)?.code).toBe('RAFT_VERSION_UNSUPPORTED');
});
