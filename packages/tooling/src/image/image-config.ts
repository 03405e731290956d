// How a container of the image starts and what it says of itself: the Dockerfile's ENV, USER, ENTRYPOINT and LABEL lines say
// the same, and the suite `image` holds the two together.
import { userId, type Architecture } from './system-files.ts';

export interface ImageConfig {
  readonly architecture: Architecture;
  readonly os: 'linux';
  readonly created: string;
  readonly config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly WorkingDir: string;
    readonly Labels: Readonly<Record<string, string>>;
  };
}

export interface ImageFacts {
  readonly architecture: Architecture;
  readonly version: string;
  /** Null where nobody knows. */
  readonly commit: string | null;
  /** When it was made, as far as its bytes tell: the time of the commit. */
  readonly createdSeconds: number;
}

export function describeImage({ architecture, version, commit, createdSeconds }: ImageFacts): ImageConfig {
  return {
    architecture,
    os: 'linux',
    created: new Date(createdSeconds * 1000).toISOString(),
    config: {
      User: `${userId}:${userId}`,
      Env: ['PATH=/usr/sbin:/usr/bin'],
      Entrypoint: ['/usr/bin/holdfast'],
      WorkingDir: '/',
      Labels: {
        'org.opencontainers.image.title': 'Holdfast',
        'org.opencontainers.image.description':
          'PersistentVolumes for Kubernetes on shared block devices, with proof that the previous writer has stopped',
        'org.opencontainers.image.licenses': 'Apache-2.0',
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.revision': commit ?? '',
      },
    },
  };
}
