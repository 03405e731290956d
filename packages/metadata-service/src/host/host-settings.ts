// The settings' defaults, and what is wrong with given ones. Each setting's meaning and unit stand in `HostSettings`.
import { kib, mib, OpError } from '@holdfast/base';
import { settingsDefault, validate } from '@holdfast/raft';
import { limitsDefault, type LogLimits } from '@holdfast/raft-log';
import type { HostSettings } from './host-options.ts';
import { entryHeadBytes } from './log-entry.ts';

export const hostSettingsDefault: HostSettings = {
  tickMs: 100,
  raft: settingsDefault,
  pausedTicks: 8,
  answerTicks: 100,
  waitingMax: 16_384,
  snapshotLogBytes: 64 * mib,
  snapshotPartBytes: 256 * kib,
  snapshotBytesPerSecond: 128 * mib,
  urgentBytesMax: 4 * mib,
  bulkBytesMax: 32 * mib,
  silenceTicks: 40,
  reconnect: { baseMs: 50, ceilingMs: 5_000 },
};

const leastOf: Readonly<Record<Exclude<keyof HostSettings, 'raft' | 'reconnect'>, number>> = {
  tickMs: 1,
  pausedTicks: 2,
  answerTicks: 1,
  waitingMax: 1,
  snapshotLogBytes: 1,
  snapshotPartBytes: 1,
  snapshotBytesPerSecond: kib,
  urgentBytesMax: 4 * kib,
  bulkBytesMax: 4 * kib,
  silenceTicks: 4,
};

/** Members that are sent a snapshot at one time. */
const waitersMax = 8;

/** Throws RAFT_SETTINGS_INVALID with all that is wrong, one sentence each. */
export function checkedSettings(given: Partial<HostSettings>, limits: Partial<LogLimits>): HostSettings {
  const settings = { ...hostSettingsDefault, ...given };
  const problems = [...validate(settings.raft)];
  for (const [name, least] of Object.entries(leastOf) as [keyof typeof leastOf, number][]) {
    const value = settings[name];
    if (!Number.isFinite(value) || value < least) problems.push(`${name} is ${value}, but must be at least ${least}.`);
  }
  const { raft, bulkBytesMax } = settings;
  const largestBytes = raft.proposalBytesMax + entryHeadBytes;
  const appendBytes = appendBytesMax(limits);
  if (largestBytes > appendBytes) {
    problems.push(
      `proposalBytesMax is ${raft.proposalBytesMax}, but the log takes at most ${appendBytes} bytes at once.`,
    );
  }
  const messageBytes = Math.max(raft.appendBytesMax, raft.proposalBytesMax, raft.snapshotChunkBytes);
  if (messageBytes > bulkBytesMax) {
    problems.push(`bulkBytesMax is ${bulkBytesMax}, but one message may take ${messageBytes} bytes.`);
  }
  // The core sends a part again that is on its way for too long, and would so for ever; several members may wait for parts.
  const { snapshotBytesPerSecond, tickMs } = settings;
  const leastBytesPerSecond = (1_000 * waitersMax * raft.snapshotChunkBytes) / (raft.snapshotRetryTicks * tickMs);
  if (snapshotBytesPerSecond < leastBytesPerSecond) {
    problems.push(
      `snapshotBytesPerSecond is ${snapshotBytesPerSecond}, but parts of ${raft.snapshotChunkBytes} bytes need at least ${Math.ceil(leastBytesPerSecond)}.`,
    );
  }
  if (problems.length > 0) throw new OpError('RAFT_SETTINGS_INVALID', { reason: problems.join(' ') });
  return settings;
}

/** What the log takes in one append: half of a batch, of which a chunk holds two at least. */
export function appendBytesMax(given: Partial<LogLimits>): number {
  const { batchBytes, chunkBytes } = { ...limitsDefault, ...given };
  return Math.floor(Math.min(batchBytes, chunkBytes / 2) / 2);
}
