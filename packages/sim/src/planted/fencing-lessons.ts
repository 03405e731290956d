// More bugs of fencing, planted in the model: most of them take back a line that the model has because a seed went wrong without it.
import { bugsOf } from './planted-bug.ts';

export const fencingLessons = [
  ...bugsOf('fencing-model', 'sim/src/fencing/metadata', {
    'leader-watch.ts': [
      [
        'expiry-for-nobody',
        'sessions expire although nothing waits for them',
        'if (!this.#waits(session.id)) return;',
        '',
      ],
      [
        'storm-unguarded',
        'in an outage of the network one node after another is fenced',
        'return isStorm(this.#state, (session) => this.#silentMs(session));',
        'return isStorm(this.#state, () => -1) && this.#sinceMs === null;',
      ],
    ],
    'sessions.ts': [
      [
        'fences-uncounted',
        'fences within an hour are not counted',
        'state.fences.push({ atMs, session });',
        'void session;',
      ],
      [
        'late-registration',
        'a registration of an earlier boot that arrives late ends the session of the later one',
        "if (command.after !== last) return { ...refuse('conflict'), session: last };",
        "if (command.after !== last && command.bootId === '') return { ...refuse('conflict'), session: last };",
      ],
      [
        'torn-down-unasked',
        'a second agent of one boot gets a session of its own although it tore nothing down',
        "if (isSameBoot && !command.tornDown.includes(previous.secret)) return refuse('not-allowed');",
        '',
      ],
    ],
    'grants.ts': [
      [
        'granted-uncertified',
        'a new writer is granted while the earlier epoch has no certificate',
        'if (against.length > 0) {',
        'if (against.length > 1) {',
      ],
    ],
    'certificates.ts': [
      [
        'preempted-without-abort',
        'what a device had taken before PREEMPT is not asked about',
        "return isInPlace && stoppedBy !== '' &&",
        'return isInPlace &&',
      ],
      [
        'taint-over-others',
        'the node is tainted over the volumes of another driver',
        'if (isHeld || command.isForeignAttached) return',
        'if (isHeld) return',
      ],
    ],
    'intents.ts': [
      [
        'snapshot-unflushed',
        'a snapshot of what only a cache of the device holds',
        "return kind !== 'share' || acknowledged.length > 0;",
        "return kind !== 'share' || acknowledged.length >= 0;",
      ],
      [
        'intent-twice',
        'an intent whose first answer was lost is carried out twice',
        'if (volume.decided.includes(command.intent)) return accept({ revision: volume.revision });',
        '',
      ],
    ],
  }),
  ...bugsOf('fencing-model', 'sim/src/fencing/node', {
    'agent.ts': [
      [
        'gates-open-unconfirmed',
        'gates open on a confirmation that began before REGISTER',
        '(this.registeredMs.get(volume.pool) ?? Infinity) <= sentMs',
        '(this.registeredMs.get(volume.pool) ?? 0) <= Infinity',
      ],
      [
        'released-epoch-reopened',
        'an epoch whose release is under way is opened again',
        'if (shared.over.has(`${name}/${to.epoch}`)) {',
        'if (shared.over.size < 0) {',
      ],
      [
        'queue-not-awaited',
        'a node registers anew while its own queue still holds requests',
        'while (path.inFlight > 0) await this.sleep(retryMs);',
        '',
      ],
    ],
    'engine.ts': [
      [
        'cache-kept',
        'who hands the role over keeps what the kernel has cached',
        '    volume.cache.clear();\n    return flushed',
        '    return flushed',
      ],
    ],
    'flusher.ts': [
      [
        'share-not-told',
        'an engine writes on in place after it acknowledged a snapshot',
        'volume.map.set(at, { extent, isShared: true });',
        'volume.map.set(at, { extent, isShared: false });',
      ],
      [
        'flush-before-convert',
        'a flush is answered before what it wrote is part of the map',
        "if (!(await this.#convert(volume, complete))) return { error: 'torn-down' };",
        'void this.#convert(volume, complete);',
      ],
    ],
    'storage-node.ts': [
      [
        'watchdog-forgotten',
        'the drain bound leaves out the time until the watchdog fires',
        "return this.#parts.tier === 'watchdog' ? Math.max(drainMs, times.watchdogMs) : drainMs;",
        'return drainMs;',
      ],
    ],
  }),
];
