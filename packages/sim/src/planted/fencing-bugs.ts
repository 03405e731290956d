// Bugs of fencing, in the model of the protocol: what happens to other people's disks when one of its rules is kept almost.
import { bugsOf } from './planted-bug.ts';

export const fencingBugs = bugsOf('fencing-model', 'sim/src/fencing', {
  'metadata/agents.ts': [
    [
      'older-agent-heard',
      "an older agent's message is accepted after it was replaced",
      "if (agent < live.agent) return refuse('older-agent');",
      '',
    ],
  ],
  'metadata/callers.ts': [
    [
      'given-up-is-handed-on',
      'a command takes effect long after its caller went on without it',
      "number <= highestOf(answers) - callerWindow ? refuse('given-up') : null",
      "highestOf(answers) < 0 ? refuse('given-up') : null",
    ],
    [
      'retry-takes-effect-again',
      'a command that was sent twice takes effect twice',
      'return answers[number] ?? (',
      'return (',
    ],
    [
      'next-number-follows',
      'who gives a command up leaves no numbers out behind it',
      'this.#last = Math.max(this.#last, id.number + this.#window - 1);',
      'this.#last = Math.max(this.#last, id.number);',
    ],
  ],
  'metadata/certificates.ts': [
    [
      'one-device-is-enough',
      'a key is taken for gone when it is gone from one device of the pool',
      'return pool.devices.every((device) => {',
      'return pool.devices.some((device) => {',
    ],
    [
      'waited-in-another-term',
      "a deposed leader's word that it waited counts",
      "return evidence.kind === 'waited' && evidence.term === term;",
      "return evidence.kind === 'waited' && term >= 0;",
    ],
    [
      'reads-go-on-beneath-a-preempted-key',
      'an extent is used again while a preempted node may read it',
      "if (as !== 'preempted') silence(state, session, pool);",
      'silence(state, session, pool);',
    ],
    [
      'taint-laundered',
      'our own taint counts as the word of somebody who saw the machine off',
      "if (command.certificate !== '' || command.by === '') return refuse('not-allowed');",
      "if (command.by === '') return refuse('not-allowed');",
    ],
  ],
  'metadata/sessions.ts': [
    [
      'stale-leader-expires',
      'a leader that was deposed ends a session that its successor has renewed',
      "if (command.reason !== 'override' && command.term !== term) return refuse('older-term');",
      "if (term < 0) return refuse(command.reason === 'override' ? 'older-term' : 'conflict');",
    ],
  ],
  'metadata/extents.ts': [
    [
      'freed-is-free',
      'an extent is used again while an old engine may write it',
      "pool.extents[extent] = waitsFor.length === 0 ? freeExtent() : { ...freeExtent(), state: 'quarantine', waitsFor };",
      'pool.extents[extent] = waitsFor.length < 0 ? extentAt(pool, extent) : freeExtent();',
    ],
  ],
  'metadata/grants.ts': [
    [
      'epoch-reused',
      'a session that opens a volume again gets the epoch that it had',
      'volume.epoch++;',
      'if (volume.attachments[session.node] === undefined || volume.epoch === 0) volume.epoch++;',
    ],
    [
      'detached-without-certificate',
      'a volume is detached although nobody proved that its node has stopped',
      'const left = volume.grants.filter(({ node }) => node === command.node);',
      "const left = volume.grants.filter(({ node, mode }) => node === command.node && mode === 'role');\n  volume.grants = volume.grants.filter((grant) => grant.node !== command.node || left.includes(grant));",
    ],
    [
      'granted-beneath-an-intent',
      'a grant is given while something is being taken away',
      "if (volume.intents.length > 0) return refuse('busy');",
      '',
    ],
  ],
  'metadata/intents.ts': [
    [
      'snapshot-without-acknowledgement',
      'a snapshot is committed while a cached map still writes',
      'volume.intents.push({ id, kind, cut: null, revision: volume.revision, snapshot, from, to, acknowledged: [] });',
      "const acknowledged = kind === 'share' ? volume.grants.map(({ session }) => session) : [];\n  volume.intents.push({ id, kind, cut: null, revision: volume.revision, snapshot, from, to, acknowledged });",
    ],
    [
      'narrowed-without-acknowledgement',
      'extents are taken away from an engine whose cached map still names them',
      'return volume.grants.map(({ session }) => session).filter((session) => !acknowledged.includes(session));',
      'return volume.grants.filter(() => acknowledged.length < 0).map(({ session }) => session);',
    ],
  ],
  'metadata/maps.ts': [
    [
      'conversion-slips-below-the-cut',
      'what was written above the cut of a snapshot becomes part of it',
      "if (volume.intents.some(({ revision }) => revision <= command.revision)) return refuse('busy');",
      '',
    ],
  ],
  'metadata/generations.ts': [
    [
      'restored-without-a-generation',
      'a backup is restored without a new cluster generation',
      'backup.generation = Math.max(backup.generation, command.generationSeen) + 1;',
      'backup.generation = Math.max(backup.generation, 1);',
    ],
  ],
  'metadata/server.ts': [
    [
      'renewal-unconfirmed',
      'a renewal is answered without confirming leadership',
      'const isConfirmed = await this.#confirm();\n      if (isConfirmed) for',
      'const isConfirmed = this.#renewals.length >= 0;\n      if (isConfirmed) for',
    ],
    [
      'renewal-of-who-is-ending',
      'a session is renewed while its end is on its way into the log',
      'if (this.#watch.isEnding(renewal.session)) return;',
      '',
    ],
  ],
  'metadata/leader-watch.ts': [
    [
      'new-leader-does-not-wait',
      'a new leader expires by what it alone has heard, which is nothing',
      'return this.#nowMs - Math.max(this.#heardMs.get(session.id) ?? -Infinity, this.#sinceMs ?? Infinity);',
      'return this.#nowMs - (this.#heardMs.get(session.id) ?? -Infinity);',
    ],
    [
      'drain-not-waited',
      'the drain bound is not waited for',
      "const drainedMs = session.endedBy === 'expired' ? session.drainMs : session.ttlMs + session.drainMs;",
      "const drainedMs = session.endedBy === 'expired' ? 0 : session.ttlMs + session.drainMs;",
    ],
  ],
  'node/agent.ts': [
    [
      'deadline-from-the-answer',
      'the deadline is counted from when the renewal was answered',
      'this.#extend(reply, sentMs);',
      'this.#extend(reply, this.parts.clock.boottimeMs());',
    ],
    [
      'registered-over-what-is-in-flight',
      'a key that vanished is registered again while admitted requests are in flight',
      '(volume.isShut || volume.isUnconfirmed) && volume.admitted.size === 0',
      'volume.isShut || volume.isUnconfirmed',
    ],
  ],
  'node/gate.ts': [
    [
      'deadline-not-checked',
      'the gate does not look at the deadline',
      'return !volume.isShut && !volume.isUnconfirmed && this.#parts.clock.boottimeMs() < volume.deadlineMs;',
      'return !volume.isShut && !volume.isUnconfirmed && volume.deadlineMs > 0;',
    ],
    [
      'map-revision-not-checked',
      'a request goes out by a map that is not the current one',
      "if (volume.revision !== revision) return { verdict: 'stale' };",
      '',
    ],
  ],
  'node/engine.ts': [
    [
      'copy-up-over-newer-write',
      'a copy-up is mapped over a newer write to the same extent',
      'else await new Promise<void>((resolve) => void queue.push(() => this.#parts.process.run(resolve)));',
      '',
    ],
    [
      'worker-not-awaited',
      'a gate counts as shut while a worker stands in it',
      'while (volume.admitted.size > 0) await this.#parts.process.take(volume.changed());\n    // A cached',
      'volume.admitted.clear();\n    // A cached',
    ],
  ],
  'node/flusher.ts': [
    [
      'written-before-flushed',
      'a write is said to be durable before the device flushed it',
      "const passed = await gate.pass(volume, volume.revision, submissions);\n      if (passed.verdict === 'shut') return { error: 'torn-down' };",
      "const passed = await gate.pass(volume, volume.revision, submissions.slice(0, 0));\n      if (passed.verdict === 'shut') return { error: 'torn-down' };",
    ],
    [
      'share-without-drain',
      'a share is acknowledged while requests below it are in flight',
      'while (!volume.isDrainedBelow(revision)) await this.#parts.process.take(volume.changed());',
      '',
    ],
  ],
  'node/reservations.ts': [
    [
      'foreign-key-passes',
      "a reservation that shows somebody else's key moves the deadline",
      "if (device.keyOf(node) !== shared.session || device.readBack().type === 'none') return false;",
      "if (device.readBack().type === 'none') return false;",
    ],
  ],
});
