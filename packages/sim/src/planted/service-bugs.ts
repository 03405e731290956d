// Bugs of the metadata service as it ships, in what apply checks and in what a leader believes: each takes back one line that a rule of
// fencing rests on.
import { bugsOf } from './planted-bug.ts';

const scenario = 'fencing-real';

const leaderBugs = bugsOf(scenario, 'metadata-service/src/leader', {
  'tenure.ts': [
    [
      'service-expires-by-its-own-count',
      'a new leader expires by what it alone has heard, which is nothing',
      'return nowMs - Math.max(this.#heardMs.get(session) ?? -Infinity, this.sinceMs ?? Infinity);',
      'return nowMs - (this.#heardMs.get(session) ?? -Infinity);',
    ],
    [
      'service-waits-for-ever',
      'a session that somebody once waited for expires although nothing waits for it any more',
      'if (nowMs - atMs >= waitMs) this.#waitedMs.delete(session);',
      'if (nowMs - atMs >= Infinity * waitMs) this.#waitedMs.delete(session);',
    ],
  ],
  'expiry.ts': [
    [
      'service-storm-unguarded',
      'in an outage one node after another is fenced',
      'if (tenure.storm !== null) return [];',
      '',
    ],
  ],
  'renewals.ts': [
    [
      'service-answers-who-is-ending',
      'a session is renewed while its end is on its way into the log',
      'if (tenure.ending.has(id)) {',
      "if (tenure.ending.has('')) {",
    ],
  ],
  'certifier.ts': [
    [
      'service-drain-not-waited',
      'the drain bound is not waited for',
      'endedMs > (isExpired ? drainMs : ttl_ms + drainMs)',
      'endedMs > (isExpired ? 0 : ttl_ms)',
    ],
    [
      'service-silent-at-once',
      'what a preempted node may still read counts as nobody’s at once',
      'return certifiedMs > session.ttl_ms + drainOf(pool, session);',
      'return certifiedMs >= 0 * drainOf(pool, session);',
    ],
  ],
});

const stateBugs = bugsOf(scenario, 'metadata-service/src/state', {
  'sessions.ts': [
    [
      'service-fences-uncounted',
      'fences within an hour are not counted',
      'database.insert(insertFence, { session, at_ms: atMs });',
      'void session;',
    ],
  ],
  'agents.ts': [
    [
      'service-older-agent-heard',
      "an older agent's message is accepted after it was replaced",
      "if (agent !== session.agent) throw new OpError('AGENT_SUPERSEDED', { session: id, agent, current: session.agent });",
      '',
    ],
    [
      'service-ended-session-heard',
      'the agent of a session that has ended goes on speaking for it',
      "  const session = sessionOf(state, id);\n  if (!isLive(state, session)) throw new OpError('SESSION_ENDED', { session: id });",
      '  const session = sessionOf(state, id);',
    ],
  ],
  'certificates.ts': [
    [
      'service-proof-not-judged',
      'apply believes whoever asks for a certificate',
      'if (reason !== null) throw refuse(reason);',
      '',
    ],
    [
      'service-one-device-is-enough',
      'a key is taken for gone when one device of the pool was read back',
      'if (readBack === undefined) return `the device ${id} was not read back`;',
      'if (readBack === undefined) continue;',
    ],
    [
      'service-preempted-is-silent',
      'an extent is used again while a preempted node may read it',
      "isSilent = kind !== 'preempted' } = certified;",
      "isSilent = kind !== 'released' } = certified;",
    ],
    [
      'service-taint-laundered',
      'our own taint counts as the word of somebody who saw the machine off',
      '  if (isOwnTaint) {',
      '  if (isOwnTaint && name === by) {',
    ],
  ],
  'grants.ts': [
    [
      'service-epoch-reused',
      'a session that opens a volume again gets the epoch that it had',
      'const epoch = volume.epoch + 1;',
      'const epoch = Math.max(1, volume.epoch);',
    ],
    [
      'service-second-writer',
      'a new writer is granted while the earlier epoch has no certificate',
      'grants.filter((grant) => conflicts(grant.mode, mode) || grant.session === session.id),',
      'grants.filter((grant) => grant.session === session.id),',
    ],
    [
      'service-granted-beneath-an-intent',
      'a grant is given that could use what an intent takes away',
      'if (intent !== null) throw busy(volume.id, `the intent ${intent.id} is not over`);\n  const { grantsPerSession',
      'void intent;\n  const { grantsPerSession',
    ],
  ],
  'intents.ts': [
    [
      'service-one-speaks-for-all',
      'one acknowledgement counts for everybody who holds the volume',
      'INSERT INTO acknowledgements VALUES (?, ?) ON CONFLICT DO NOTHING',
      'INSERT INTO acknowledgements SELECT volume, session FROM grants WHERE volume = ? AND ? IS NOT NULL ON CONFLICT DO NOTHING',
    ],
    [
      'service-unmaps-again',
      'an unmap that is asked for again begins anew, over what was written since',
      "const ended = kind === 'unmap' ? endedBefore(state, volume, command) : null;",
      'const ended = null as EndedUnmapRow | null;',
    ],
  ],
  'extents.ts': [
    [
      'service-freed-is-free',
      'an extent is used again while an old engine may write it',
      'const isLoud = state.database.get(oldestLoud, pool) !== null;',
      'const isLoud = pool === null;',
    ],
    [
      'service-sums-forgotten',
      'extents that are mapped are still counted as leased',
      "moveExtents(state, lease.pool, run.length, ['leased', 'mapped']);",
      '',
    ],
  ],
  'map-change.ts': [
    [
      'service-snapshot-loses-its-last-writes',
      'what was written just before a snapshot is freed under it',
      'if (seen >= run.birth)',
      'if (seen > run.birth)',
    ],
  ],
});

export const serviceBugs = [...leaderBugs, ...stateBugs];
