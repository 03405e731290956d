// The table of suites. A suite is a folder below src/suites; a test holds the table and the folders together.
import { OpError } from '@holdfast/base';
import { suggestion } from '@holdfast/cli';

/** Names the folder for artefacts to the process that runs the cases. */
export const artefactsVariable = 'HOLDFAST_E2E_ARTEFACTS';

export interface Suite {
  readonly name: string;
  readonly summary: string;
  /** After this the suite is ended and counts as failed. */
  readonly budgetMs: number;
  /** Whether PROFILE=ci runs it; every suite runs in a full round and when SUITE names it. */
  readonly isInCi: boolean;
  /** The Kubernetes of dev-env that its cases share; null for a suite that has none. */
  readonly cluster: ClusterShape | null;
}

export interface ClusterShape {
  readonly nodeCount: number;
  /** Whether its nodes are given the image of this checkout. */
  readonly hasImage: boolean;
  /** Whether a case starts a second cluster beside it. */
  readonly hasNeighbour: boolean;
}

export const suites: readonly Suite[] = [
  {
    name: 'processes',
    summary: 'real metadata servers on this machine: talking, revoked, renewed, drained, killed',
    budgetMs: 5 * 60_000,
    isInCi: true,
    cluster: null,
  },
  {
    name: 'metadata',
    summary:
      'three metadata servers as processes: killed, stopped, wiped, cut off, on slow and full disks and starting on them, with clocks that jump, upgraded and back, restored; needs root, cc and iptables',
    budgetMs: 90 * 60_000,
    isInCi: false,
    cluster: null,
  },
  {
    name: 'metadata-soak',
    summary: 'three metadata servers under load and a fault every five seconds, for MINUTES (10); needs root',
    budgetMs: 3 * 60 * 60_000,
    isInCi: false,
    cluster: null,
  },
  {
    name: 'bare',
    summary: "the README's commands on a Debian that has nothing; needs root and debootstrap",
    budgetMs: 30 * 60_000,
    isInCi: false,
    cluster: null,
  },
  {
    name: 'dev-env',
    summary: 'the cluster itself: what it refuses, what happens to nodes and to it, what is left; needs root',
    budgetMs: 40 * 60_000,
    isInCi: false,
    cluster: null,
  },
  {
    name: 'chart',
    summary: 'what the chart comes to and what it refuses, by Helm 3 and Helm 4, which it builds where they are not',
    budgetMs: 20 * 60_000,
    isInCi: true,
    cluster: null,
  },
  {
    name: 'harness',
    summary:
      'what the helpers of the suites below promise, on a bare cluster: waits, logs, the verbs of a node; needs root',
    budgetMs: 5 * 60_000,
    isInCi: false,
    cluster: { nodeCount: 2, hasImage: false, hasNeighbour: false },
  },
  {
    name: 'skeleton',
    summary:
      'Holdfast in a Kubernetes, as the README installs it: registered, refusing claims, upgraded, removed; needs root',
    budgetMs: 10 * 60_000,
    isInCi: true,
    cluster: { nodeCount: 2, hasImage: true, hasNeighbour: true },
  },
  {
    name: 'helm',
    summary: 'the chart in a Kubernetes by Helm 3 and Helm 4: installed, upgraded, taken away, its rights; needs root',
    budgetMs: 12 * 60_000,
    isInCi: false,
    cluster: { nodeCount: 2, hasImage: true, hasNeighbour: false },
  },
  {
    name: 'image',
    summary:
      'the container image, by the Dockerfile and by make image: the same, small, and of use; needs root and debootstrap',
    budgetMs: 25 * 60_000,
    isInCi: true,
    cluster: null,
  },
  {
    name: 'kind',
    summary:
      'the development cluster by kind, on a node image made here: up, its nodes through everything, down; needs root',
    budgetMs: 75 * 60_000,
    isInCi: false,
    cluster: null,
  },
  {
    name: 'full-disk',
    summary: 'the write-ahead log on a real file system that is full; needs root',
    budgetMs: 5 * 60_000,
    isInCi: false,
    cluster: null,
  },
  {
    name: 'big-log',
    summary: 'a write-ahead log of ten gigabytes: written, opened, read anywhere, purged; needs 12 GiB in TMPDIR',
    budgetMs: 20 * 60_000,
    isInCi: false,
    cluster: null,
  },
  {
    name: 'mutation',
    summary:
      'each safety check of raft-log, taken out: a test notices; every bit of a log flipped, a kill at each of its writes',
    budgetMs: 45 * 60_000,
    isInCi: false,
    cluster: null,
  },
  {
    name: 'planted',
    summary: 'the simulator finds every bug that is planted in consensus, the log, the host and fencing',
    budgetMs: 60 * 60_000,
    isInCi: false,
    cluster: null,
  },
  {
    name: 'probes',
    summary:
      'facts about pods, mounts, loop devices and dead nodes that the design leans on, by a program in C; needs root',
    budgetMs: 45 * 60_000,
    isInCi: false,
    cluster: null,
  },
];

export interface Choice {
  /** The value of SUITE; empty for all. */
  readonly suite: string;
  /** The value of PROFILE; empty for a full round. */
  readonly profile: string;
}

export function chooseSuites({ suite, profile }: Choice): readonly Suite[] {
  if (profile !== '' && profile !== 'ci') {
    throw new OpError('ARGUMENT_WRONG', { argument: 'PROFILE', reason: `is ci or nothing, not "${profile}"` });
  }
  if (suite === '') return suites.filter(({ isInCi }) => profile === '' || isInCi);
  const found = suites.find(({ name }) => name === suite);
  if (found !== undefined) return [found];
  const names = suites.map(({ name }) => name);
  const reason = `"${suite}" does not exist; there are ${names.join(', ')}${suggestion(suite, names)}`;
  throw new OpError('ARGUMENT_WRONG', { argument: 'SUITE', reason });
}
