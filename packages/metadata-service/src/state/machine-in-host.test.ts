// The state machine under the host that runs it in production, with a log, a state and snapshots on a real disk.
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { RealClock, RealRandom, RealTimers, RealTransport, sleep } from '@holdfast/base';
import { toGroupId, toMemberId, votersOnly } from '@holdfast/raft';
import type { HostOptions, Replica } from '../host/host-options.ts';
import { initialise } from '../host/initialise.ts';
import { ReplicaHost } from '../host/replica-host.ts';
import { smallLog, smallSettings } from '../host/host-testing.ts';
import { decodeAnswer, encodeCommand } from './command-codec.ts';
import { StateDatabase } from './database.ts';
import { MetadataMachine } from './machine.ts';
import { State } from './state.ts';
import { stateProblems } from './state-problems.ts';
import { files, inTemporaryDirectory, poolCommand, volumeCommand } from './state-testing.ts';

/** Processes and fsyncs of a real disk take long on a busy machine. */
const limitMs = 60_000;

const group = toGroupId(1);
const self = toMemberId(1);
const clock = new RealClock();
const timers = new RealTimers();

function optionsOf(directory: string, stateMachine: MetadataMachine): HostOptions {
  return {
    directory,
    cluster: 'test',
    self,
    address: '127.0.0.1:0',
    addressOf: () => null,
    groups: [{ group, stateMachine }],
    settings: smallSettings,
    clock,
    timers,
    random: new RealRandom(),
    transport: new RealTransport(),
    logLimits: smallLog,
  };
}

async function leading(host: ReplicaHost): Promise<Replica> {
  const replica = host.replica(group);
  while (replica.status.role !== 'leader') await sleep(timers, 5);
  await replica.read();
  return replica;
}

test(
  'a member proposes, takes images while it does, stops, and has it all when it starts again, also without its database',
  () =>
    inTemporaryDirectory(async (root) => {
      const directory = join(root, 'member');
      files.mkdir(directory);
      const open = (name: string): MetadataMachine => MetadataMachine.open({ path: join(root, name), files });
      const machine = open('state.db');
      const options = optionsOf(directory, machine);
      await initialise({ ...options, groups: [{ group, founders: votersOnly([self]) }] });
      const host = await ReplicaHost.open(options);
      const replica = await leading(host);
      const opening = encodeCommand({ kind: 'openClient', atMs: 0 });
      const { client } = decodeAnswer('openClient', await replica.propose({ session: 0, sequence: 1 }, opening));
      const commands = [poolCommand('pool'), ...Array.from({ length: 100 }, (_, at) => volumeCommand(`v${at}`))];
      const propose = async (at: number): Promise<Uint8Array> =>
        replica.propose({ session: client, sequence: at + 1 }, encodeCommand(commands[at] ?? poolCommand('none')));
      const answers = await Promise.all(commands.map(async (_, at) => propose(at)));
      expect(answers.slice(1).map((answer) => decodeAnswer('createVolume', answer).volume)).toEqual(
        Array.from({ length: 100 }, (_, at) => `v${at}`),
      );
      // A retry, with its id, gets the first answer.
      expect(await propose(7)).toEqual(answers[7]);
      while (replica.status.snapshotIndex === 0) await sleep(timers, 5);
      // A process that is killed leaves what it applied some ticks ago.
      const reader = new StateDatabase({ path: join(root, 'state.db'), isReadOnly: true });
      while (State.read(reader).applied < machine.applied) await sleep(timers, 5);
      reader.close();
      await host.stop();
      const { applied } = machine;
      machine.close();

      for (const name of ['state.db', 'another.db']) {
        const again = open(name);
        const started = await ReplicaHost.open(optionsOf(directory, again));
        await leading(started);
        expect(again.applied).toBeGreaterThan(applied);
        expect(stateProblems(again.database)).toEqual([]);
        expect(again.dump().match(/^volumes: /gm)).toHaveLength(100);
        await started.stop();
        again.close();
      }
    }),
  limitMs,
);
