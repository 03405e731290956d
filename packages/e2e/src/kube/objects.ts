// What of Kubernetes' objects the suites read and write, and where the API server keeps each kind. Only the fields that a
// suite uses are named; a field that the API server may leave out is optional.

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly generation?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
}

interface Stored {
  readonly metadata: Metadata;
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly containerID?: string;
}

export interface Pod extends Stored {
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly { readonly name: string; readonly image: string }[];
  };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly Condition[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

export interface Node extends Stored {
  readonly status: { readonly conditions?: readonly Condition[]; readonly nodeInfo: { readonly bootID: string } };
}

export interface KubeEvent extends Stored {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly involvedObject: { readonly kind: string; readonly name: string; readonly uid?: string };
  readonly count?: number;
  readonly lastTimestamp?: string;
  readonly eventTime?: string;
}

export interface CsiNode extends Stored {
  readonly spec: {
    readonly drivers:
      | readonly {
          readonly name: string;
          readonly nodeID: string;
          readonly allocatable?: { readonly count?: number };
        }[]
      | null;
  };
}

export interface Claim extends Stored {
  readonly spec: { readonly volumeName?: string };
  readonly status: { readonly phase: string };
}

export interface DaemonSet extends Stored {
  readonly status: {
    readonly observedGeneration?: number;
    readonly desiredNumberScheduled: number;
    readonly numberAvailable?: number;
    readonly updatedNumberScheduled?: number;
    readonly currentNumberScheduled: number;
  };
}

export interface Deployment extends Stored {
  readonly spec: { readonly replicas: number };
  readonly status: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly availableReplicas?: number;
    readonly updatedReplicas?: number;
  };
}

export interface Lease extends Stored {
  readonly spec: { readonly holderIdentity?: string; readonly leaseDurationSeconds?: number };
}

export interface Objects {
  readonly ClusterRole: Stored;
  readonly ClusterRoleBinding: Stored;
  readonly CSIDriver: Stored;
  readonly CSINode: CsiNode;
  readonly DaemonSet: DaemonSet;
  readonly Deployment: Deployment;
  readonly Event: KubeEvent;
  readonly Lease: Lease;
  readonly Namespace: Stored;
  readonly Node: Node;
  readonly PersistentVolumeClaim: Claim;
  readonly Pod: Pod;
  readonly ServiceAccount: Stored;
  readonly StorageClass: Stored;
}
export type Kind = keyof Objects;

interface Place {
  readonly group: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
}
const inCluster = (group: string, plural: string): Place => ({ group, plural, isNamespaced: false });
const inNamespace = (group: string, plural: string): Place => ({ group, plural, isNamespaced: true });

const places: Readonly<Record<Kind, Place>> = {
  ClusterRole: inCluster('apis/rbac.authorization.k8s.io/v1', 'clusterroles'),
  ClusterRoleBinding: inCluster('apis/rbac.authorization.k8s.io/v1', 'clusterrolebindings'),
  CSIDriver: inCluster('apis/storage.k8s.io/v1', 'csidrivers'),
  CSINode: inCluster('apis/storage.k8s.io/v1', 'csinodes'),
  DaemonSet: inNamespace('apis/apps/v1', 'daemonsets'),
  Deployment: inNamespace('apis/apps/v1', 'deployments'),
  Event: inNamespace('api/v1', 'events'),
  Lease: inNamespace('apis/coordination.k8s.io/v1', 'leases'),
  Namespace: inCluster('api/v1', 'namespaces'),
  Node: inCluster('api/v1', 'nodes'),
  PersistentVolumeClaim: inNamespace('api/v1', 'persistentvolumeclaims'),
  Pod: inNamespace('api/v1', 'pods'),
  ServiceAccount: inNamespace('api/v1', 'serviceaccounts'),
  StorageClass: inCluster('apis/storage.k8s.io/v1', 'storageclasses'),
};

/** Which objects of a kind: all, or those that every given field and label holds for. */
export interface Selection {
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** As `involvedObject.name`. */
  readonly fields?: Readonly<Record<string, string>>;
}

const selector = (pairs: Readonly<Record<string, string>>): string =>
  Object.entries(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

/** The API server's path of a selection, to list it and to watch it. */
export function pathOf(kind: Kind, selection: Selection, namespace: string): string {
  const { group, plural, isNamespaced } = places[kind];
  const { name, labels = {}, fields = {} } = selection;
  const query = new URLSearchParams({
    fieldSelector: selector({ ...fields, ...(name === undefined ? {} : { 'metadata.name': name }) }),
    labelSelector: selector(labels),
  });
  return `/${group}/${isNamespaced ? `namespaces/${namespace}/` : ''}${plural}?${query.toString()}`;
}

/** For a person: the kind and what was asked for, without the keys. */
export const describeSelection = (kind: Kind, { name, labels = {}, fields = {} }: Selection): string =>
  [kind, ...(name === undefined ? [] : [name]), ...Object.values(labels), ...Object.values(fields)].join(' ');

export const hasCondition = (object: Pod | Node, type: string, status = 'True'): boolean =>
  object.status.conditions?.some((condition) => condition.type === type && condition.status === status) ?? false;

/** What a suite asks the API server for; the kinds' own fields are free, as in a file that a person writes. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: Kind;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly [field: string]: unknown;
}

interface VolumeSource {
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly hostPath?: { readonly path: string };
}

export interface BusyboxPod {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** On that node, past the scheduler; without it the scheduler chooses. */
  readonly nodeName?: string;
  /** Run by a shell; without it the pod lives until it is told to end. */
  readonly script?: string;
  /** By the path that each is mounted at. */
  readonly volumes?: Readonly<Record<string, VolumeSource>>;
}

/** A pod of the image that every node of a dev cluster has; it ends within a moment of being told to. */
export function busyboxPod(options: BusyboxPod): Manifest {
  const {
    name,
    labels = {},
    nodeName,
    script = 'trap "exit 0" TERM; while :; do sleep 0.2; done',
    volumes = {},
  } = options;
  const mounts = Object.entries(volumes).map(([mountPath, source], index) => ({
    name: `v${index}`,
    mountPath,
    source,
  }));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: {
      ...(nodeName === undefined ? {} : { nodeName }),
      containers: [
        {
          name: 'main',
          image: 'holdfast.test/busybox:1',
          imagePullPolicy: 'Never',
          command: ['sh', '-c', script],
          volumeMounts: mounts.map(({ name: volume, mountPath }) => ({ name: volume, mountPath })),
        },
      ],
      volumes: mounts.map(({ name: volume, source }) => ({ name: volume, ...source })),
    },
  };
}

export interface ClaimOptions {
  readonly name: string;
  readonly storageClassName: string;
  readonly size?: string;
}

export function claim({ name, storageClassName, size = '1Gi' }: ClaimOptions): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: size } } },
  };
}
