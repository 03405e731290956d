// What a step of consensus looks like in the digest and in the trace: what it changed, in one line; nothing for a step that changed
// nothing.
import { formatConfiguration, type Effects } from '@holdfast/raft';
import { formatEntry } from '@holdfast/raft/internal';
import type { World } from '../world/scenario.ts';

export function noteStep(world: World, node: string, effects: Effects): void {
  const { role, committed, write, configuration, refused, snapshots } = effects;
  if (role !== null) {
    world.note(node, 'step', role.term, () => {
      const leader = role.leader === null ? 'nobody leads' : `${role.leader} leads`;
      return `is ${role.role} in term ${role.term}, ${leader}`;
    });
  }
  if (write !== null) world.note(node, 'step', write.ticket, () => tellWrite(write));
  if (configuration !== null) {
    world.note(node, 'step', configuration.voters.length, () => `members are ${formatConfiguration(configuration)}`);
  }
  const last = committed.at(-1);
  if (last !== undefined) {
    world.note(node, 'step', last.index, () => `applies ${committed.map((entry) => formatEntry(entry)).join(', ')}`);
  }
  for (const snapshot of snapshots) world.note(node, 'step', 0, () => `asks its host for ${snapshot.kind}`);
  if (refused !== null) world.note(node, 'step', refused.code.length, () => `refuses: ${refused.message}`);
}

function tellWrite(write: NonNullable<Effects['write']>): string {
  const parts: string[] = [];
  if (write.vote !== null) parts.push(`term ${write.vote.term} and vote ${write.vote.votedFor ?? '-'}`);
  if (write.snapshot !== null) parts.push(`a snapshot up to ${write.snapshot.index}`);
  if (write.truncateAfter !== null) parts.push(`a cut after ${write.truncateAfter}`);
  if (write.entries.length > 0) parts.push(write.entries.map((entry) => formatEntry(entry)).join(', '));
  if (write.repairs.length > 0) parts.push(`repairs of ${write.repairs.map(({ index }) => index).join(', ')}`);
  if (write.purgeTo !== null) parts.push(`a purge up to ${write.purgeTo}`);
  if (write.isSettled) parts.push('that it has caught up');
  if (parts.length === 0) parts.push(`commit ${write.commit ?? '-'}`);
  return `writes (${write.ticket}) ${parts.join('; ')}`;
}
