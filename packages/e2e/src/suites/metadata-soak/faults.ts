// What befalls members during a soak: one fault every few seconds at a member that has none, each undone after a while. Which, whom and
// how long is drawn from a seed; what was done, and when, stands in the history.
import { invariant, RealTimers, sleep, type Random } from '@holdfast/base';
import type { History } from './history.ts';
import type { PlacedMember, MemberSite } from '../../metadata/member-site.ts';

const timers = new RealTimers();
export const faultEveryMs = 5_000;
const leastMs = 500;
const mostMs = 8_000;

/** Does its damage and answers how it is undone. */
type Fault = (site: MemberSite, member: PlacedMember) => Promise<() => Promise<void>>;

const faults: Readonly<Record<string, Fault>> = {
  /** Killed, and started again. */
  kill: async (site, member) => {
    await site.end(member, 'SIGKILL');
    return async () => site.start(member);
  },
  /** All at once, as when the power goes; the others of them have their own faults meanwhile. */
  'kill-all': async (site) => {
    const running = site.members.filter(({ process }) => process !== null);
    await Promise.all(running.map(async (each) => site.end(each, 'SIGKILL')));
    return async () => {
      await Promise.all(running.map(async (each) => site.start(each)));
    };
  },
  end: async (site, member) => {
    await site.end(member, 'SIGTERM');
    return async () => site.start(member);
  },
  /** It stands still, with everything that it was about to do. */
  stop: async (_site, member) => {
    member.process?.signal('SIGSTOP');
    return async () => member.process?.signal('SIGCONT');
  },
  isolate: async ({ net }, { name }) => {
    await net.isolate(name);
    return async () => net.restore(name);
  },
  /** It hears nobody, and is heard. */
  deafen: async ({ net }, { name }) => {
    await net.deafen(name);
    return async () => net.restore(name);
  },
  /** It hears everybody, and is not heard. */
  mute: async ({ net }, { name }) => {
    await net.mute(name);
    return async () => net.restore(name);
  },
  'slow-disk': async (_site, { disk }) => {
    disk.slowDown();
    return async () => disk.speedUp();
  },
  'full-disk': async (_site, { disk }) => {
    await disk.fill();
    return async () => disk.empty();
  },
};

export interface FaultsParts {
  readonly site: MemberSite;
  readonly history: History;
  readonly random: Random;
  readonly durationMs: number;
}

/** Until time is up and everything is undone. Answers how many there were of each. */
export async function befall({ site, history, random, durationMs }: FaultsParts): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const under = new Set<PlacedMember>();
  const names = Object.keys(faults);
  const undone: Promise<unknown>[] = [];
  while (history.nowMs < durationMs) {
    const free = site.members.filter((member) => !under.has(member));
    const name = names[random.below(names.length)] ?? '';
    const member = free[random.below(Math.max(1, free.length))];
    const lastsMs = leastMs + random.below(mostMs - leastMs);
    const touched = name === 'kill-all' ? free : [member];
    const isPossible = member !== undefined && (name !== 'kill-all' || free.length === site.members.length);
    if (isPossible) {
      counts.set(name, (counts.get(name) ?? 0) + 1);
      for (const each of touched) if (each !== undefined) under.add(each);
      const asked = { client: 'faults', call: name, arguments: { member: member.name, lastsMs } };
      const work = history.record(asked, async () => {
        const undo = await fault(name)(site, member);
        await sleep(timers, lastsMs);
        await undo();
        return {};
      });
      undone.push(
        work.then(() => {
          for (const each of touched) if (each !== undefined) under.delete(each);
        }),
      );
    }
    await sleep(timers, Math.min(faultEveryMs, Math.max(0, durationMs - history.nowMs)));
  }
  await Promise.all(undone);
  return counts;
}

function fault(name: string): Fault {
  const found = faults[name];
  invariant(found !== undefined, `there is a fault ${name}`);
  return found;
}
