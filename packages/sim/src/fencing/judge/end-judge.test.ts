import { expect, test } from '@jest/globals';
import type { EndSession } from '../metadata/command.ts';
import { emptyState, type MetadataState, type VolumeState } from '../metadata/state.ts';
import { EndJudge } from './end-judge.ts';
import { Excuses, type Facts } from './facts.ts';
import { GrantBook } from './grant-book.ts';

/** Two members that may lead, one session, and a clock. */
class Scene {
  readonly findings: string[] = [];
  nowMs = 100_000;
  readonly judge: EndJudge;
  readonly state = emptyState();

  constructor() {
    const facts: Facts = {
      ...{ nowMs: () => this.nowMs, nodes: new Map(), devices: new Map(), pools: new Map() },
      report: (rule) => void this.findings.push(rule),
      show: () => undefined,
    };
    this.judge = new EndJudge({
      ...{ facts, excuses: new Excuses(facts), book: new GrantBook() },
      state: () => this.state,
    });
  }

  renewed(member: string, term: number, arrivedAt: number): void {
    this.judge.answering('s', { member, term });
    this.judge.renewed('s', arrivedAt);
  }
}

const m1 = { member: 'm1', applied: 4 };
const m2 = { member: 'm2', applied: 4 };

function endOf(fields: Partial<EndSession> = {}): EndSession {
  return { kind: 'end-session', session: 's', reason: 'expired', term: 3, atMs: 1, by: 'leader', ...fields };
}

/** Behind the entry at `index` each of these holds a volume, and none was heard for long. */
function silent({ judge, state }: Scene, index: number, ids: readonly string[]): void {
  const volumes = ids.map((session) => [session, { grants: [{ session }] } as VolumeState] as const);
  for (const id of ids) state.sessions[id] = { ttlMs: 4_000 } as MetadataState['sessions'][string];
  judge.holds(index, { ...state, volumes: Object.fromEntries(volumes) });
  judge.waitedFor('s');
}

const cases: readonly [string, (scene: Scene) => void, readonly string[]][] = [
  [
    'a renewal that came after the end was applied is answered',
    ({ judge }) => {
      judge.ended('s', 10);
      judge.renewed('s', 10);
    },
    ['F3'],
  ],
  [
    'a renewal that came before the end is answered by who had confirmed its leadership in between',
    (scene) => {
      scene.judge.ended('s', 10);
      scene.renewed('m1', 3, 9);
    },
    [],
  ],
  [
    'a leader answers whose end it has proposed, and the log accepts it then',
    (scene) => {
      scene.judge.proposing(m1, endOf({ reason: 'powered-off' }));
      scene.renewed('m1', 3, 5);
      scene.judge.judge(endOf({ reason: 'powered-off' }), 3);
    },
    ['F3'],
  ],
  [
    'a leader answers whose end it has proposed, and another member has accepted already',
    (scene) => {
      scene.judge.proposing(m1, endOf({ reason: 'powered-off' }));
      scene.judge.judge(endOf({ reason: 'powered-off' }), 3);
      scene.renewed('m1', 3, 5);
    },
    ['F3'],
  ],
  [
    'a leader answers whose end it could not propose, and proposes it again later',
    (scene) => {
      scene.judge.proposing(m1, endOf({ reason: 'powered-off' }));
      scene.renewed('m1', 3, 5);
      scene.judge.proposing(m1, endOf({ reason: 'powered-off', atMs: 2 }));
      scene.judge.judge(endOf({ reason: 'powered-off', atMs: 2 }), 3);
    },
    [],
  ],
  [
    'a leader proposes the end of whom it was about to answer, and the answer goes out behind that',
    ({ judge }) => {
      judge.answering('s', { member: 'm1', term: 3 });
      judge.proposing(m1, endOf({ reason: 'powered-off' }));
      judge.renewed('s', 5);
    },
    [],
  ],
  [
    'a leader answers after its proposal was refused',
    (scene) => {
      scene.judge.proposing(m1, endOf({ reason: 'powered-off' }));
      scene.judge.refused(endOf({ reason: 'powered-off' }));
      scene.renewed('m1', 3, 5);
    },
    [],
  ],
  [
    'a proposal of an earlier term is refused, and the leader answers that proposed in this one',
    (scene) => {
      scene.judge.proposing(m1, endOf({ reason: 'powered-off' }));
      scene.judge.refused(endOf({ reason: 'powered-off', term: 2 }));
      scene.renewed('m1', 3, 5);
      scene.judge.judge(endOf({ reason: 'powered-off' }), 3);
    },
    ['F3'],
  ],
  [
    'another leader answers while the proposal of a deposed one is on its way',
    (scene) => {
      scene.judge.proposing(m1, endOf({ reason: 'powered-off' }));
      scene.renewed('m2', 4, 5);
      scene.judge.refused(endOf({ reason: 'powered-off' }));
    },
    [],
  ],
  [
    'a session expires for which nothing waited',
    ({ judge }) => {
      judge.proposing(m1, endOf());
      judge.judge(endOf(), 3);
    },
    ['F3'],
  ],
  [
    'a session expires for which something waited a moment ago',
    (scene) => {
      scene.judge.waitedFor('s');
      scene.nowMs += 5_000;
      scene.judge.proposing(m1, endOf());
      scene.judge.judge(endOf(), 3);
    },
    [],
  ],
  [
    'a session expires for which something waited long ago',
    (scene) => {
      scene.judge.waitedFor('s');
      scene.nowMs += 7_000;
      scene.judge.proposing(m1, endOf());
      scene.judge.judge(endOf(), 3);
    },
    ['F3'],
  ],
  [
    'a deposed leader proposes what nothing waits for, and the log refuses it',
    (scene) => {
      scene.judge.proposing(m1, endOf({ term: 2 }));
      scene.judge.refused(endOf({ term: 2 }));
      scene.judge.waitedFor('s');
      scene.judge.proposing(m2, endOf());
      scene.judge.judge(endOf(), 3);
    },
    [],
  ],
  [
    'a session expires while three of three say nothing',
    (scene) => {
      silent(scene, 4, ['s', 't', 'u']);
      scene.judge.proposing(m1, endOf());
      scene.judge.judge(endOf(), 3);
    },
    ['F7'],
  ],
  [
    'a session expires by a leader that has not applied yet that a third one holds anything',
    (scene) => {
      silent(scene, 4, ['s', 't']);
      silent(scene, 5, ['s', 't', 'u']);
      scene.judge.proposing(m1, endOf());
      scene.judge.judge(endOf(), 3);
    },
    [],
  ],
  ['an end counts in a later term than its own', ({ judge }) => judge.judge(endOf({ term: 2 }), 3), ['F3']],
  [
    'an administrator ends what nothing waits for',
    ({ judge }) => judge.judge(endOf({ reason: 'override', term: 0 }), 3),
    [],
  ],
];

test.each(cases)('%s', (_, play, expected) => {
  const scene = new Scene();
  play(scene);
  expect(scene.findings).toEqual(expected);
});
