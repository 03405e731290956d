// The error table's rows for the CSI services and for what stands between them and Kubernetes.
import type { ErrorRow } from './error-table.ts';

export const csiErrorRows = {
  BOOT_ID_UNREADABLE: {
    kind: 'precondition',
    retriable: false,
    text: 'the boot id of this node cannot be read from {path}: {reason}',
    hint: "Name the kernel's own file, or one that holds a UUID of its own for each boot of the node (bootIdFile).",
  },
  METHOD_NOT_OFFERED: {
    kind: 'unsupported',
    retriable: false,
    text: '{method} is not offered here',
    hint: 'The GetCapabilities methods say what is; the node and the controller have each a socket of their own.',
  },
  NO_POOL: {
    kind: 'precondition',
    retriable: false,
    text: 'the volume {volume} has no place: there is no pool yet',
    hint: 'Make a pool of devices that the nodes share; Kubernetes asks again by itself.',
  },
  REGISTRATION_PENDING: {
    kind: 'unavailable',
    retriable: true,
    text: 'the kubelet has not answered the registration at {path} yet',
    hint: "See whether the kubelet runs, and whether registrationDir is the kubelet's folder plugins_registry.",
  },
  REGISTRATION_REFUSED: {
    kind: 'unavailable',
    retriable: true,
    text: 'the kubelet refused the registration: {reason}',
    hint: 'It is offered again by itself; compare kubeletEndpoint with where the kubelet finds the socket.',
  },
  SOCKET_FOLDER_LOST: {
    kind: 'unavailable',
    retriable: true,
    text: 'the folder {path} was removed from under this process',
    hint: 'Start the process again: a container sees the folder that took its place only after a restart.',
  },
  SOCKET_FOLDER_UNUSABLE: {
    kind: 'precondition',
    retriable: false,
    text: 'no socket can be made in the folder {path}: {reason}',
    hint: "Mount it there, writable: endpoint names a socket in the driver's folder, registrationDir the kubelet's plugins_registry.",
  },
  VOLUME_NOT_FOUND: {
    kind: 'not-found',
    retriable: false,
    text: 'there is no volume {volume}',
    hint: 'See whether the PersistentVolume names a volume of this cluster.',
  },
  VOLUME_REQUEST_WRONG: {
    kind: 'invalid',
    retriable: false,
    text: '{field} of the request is wrong: {reason}',
    hint: 'Correct the claim or its class.',
  },
  VOLUME_SIZE_WRONG: {
    kind: 'out-of-range',
    retriable: false,
    text: 'the volume cannot have that size: {reason}',
    hint: 'Correct the size that the claim asks for.',
  },
} as const satisfies Record<string, ErrorRow>;
