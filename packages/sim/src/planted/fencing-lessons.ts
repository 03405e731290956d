// More bugs of fencing, planted in the model: lines without which seeds went wrong while it was made.
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
        'if ((isFenceable || isExpired) && !this.#isStorm)',
        'if (isFenceable || isExpired)',
      ],
      [
        'cut-after-the-hold',
        'a cut over several volumes is committed although the first of them no longer holds its writes',
        '(this.#cutsMs.get(proposal) ?? -Infinity) < times.holdMs - times.marginMs;',
        '(this.#cutsMs.get(proposal) ?? -Infinity) < times.intentMs;',
      ],
    ],
    'sessions.ts': [
      [
        'fences-uncounted',
        'fences within an hour are not counted',
        'state.fences.push({ atMs, session });',
        'void session;',
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
        'taint-over-others',
        'the node is tainted over the volumes of another driver',
        'if (isHeld || command.isForeignAttached) return',
        'if (isHeld) return',
      ],
    ],
  }),
  ...bugsOf('fencing-model', 'sim/src/fencing/node', {
    'engine.ts': [
      [
        'cut-without-a-hold',
        'volumes that are cut together go on writing one after another',
        "(kind === 'write' && this.#parts.clock.boottimeMs() < volume.writesHeldUntilMs)",
        "(kind === 'write' && volume.writesHeldUntilMs === Infinity)",
      ],
      [
        'moved-beside-a-write',
        'an extent is moved while its user writes there',
        'return this.#alone(volume, at, async () => {\n      const entry',
        'return this.#alone(volume, -1, async () => {\n      const entry',
      ],
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
  }),
];
