// The error table's rows for a member's process: its directory, its peers, and what whoever waits for it is told.
import type { ErrorRow } from './error-table.ts';

export const raftHostErrorRows = {
  RAFT_HOST_STOPPED: {
    kind: 'unavailable',
    retriable: true,
    text: 'member {member} is stopping',
    hint: 'Ask another member; the same request may be sent again with the same id.',
  },
  RAFT_IDENTITY_DAMAGED: {
    kind: 'data-loss',
    retriable: false,
    text: 'no copy of the identity of the member in {directory} can be read',
    hint: 'Remove the member with `holdfast metadata remove`, clear its directory, and add it again as another one.',
  },
  RAFT_DIRECTORY_TAKEN: {
    kind: 'exists',
    retriable: false,
    text: '{directory} is not empty, and no member is in it',
    hint: 'If a restore into it was interrupted, remove the directory and run the command again; otherwise choose another one.',
  },
  RAFT_MEMBER_EXISTS: {
    kind: 'exists',
    retriable: false,
    text: '{directory} is the directory of member {member} of cluster {cluster} already',
    hint: 'Start that member, or give the other one a directory of its own.',
  },
  RAFT_MEMBER_MISTAKEN: {
    kind: 'precondition',
    retriable: false,
    text: '{directory} is of {found}, and this is to be {expected}',
    hint: 'Correct the configuration, or mount the disk that belongs to this member.',
  },
  RAFT_MEMBER_UNINITIALISED: {
    kind: 'precondition',
    retriable: false,
    text: 'there is no member in {directory}',
    hint: 'Mount its disk. If that is lost: `holdfast metadata remove NAME`, then `holdfast metadata add NAME` for a token to join with.',
  },
  RAFT_OUTCOME_UNKNOWN: {
    kind: 'unavailable',
    retriable: true,
    text: 'whether the request takes effect is not known: {reason}',
    hint: 'Send it again with the same id: it takes effect once, and the answer is that of the first time.',
  },
  RAFT_PEER_MISTAKEN: {
    kind: 'denied',
    retriable: false,
    text: 'who speaks as member {member} shows the certificate of {found}, and that member is metadata/{name}',
    hint: 'See which server has that address, and whose certificate it was given.',
  },
  RAFT_PROTOCOL_UNSUPPORTED: {
    kind: 'unsupported',
    retriable: false,
    text: "{peer} speaks version {version} of the members' protocol, and this is version {supported}",
    hint: 'Upgrade one release after the other; neighbouring releases understand each other.',
  },
  RAFT_SNAPSHOT_DAMAGED: {
    kind: 'data-loss',
    retriable: false,
    text: '{path} is no whole snapshot: {reason}',
    hint: 'The member takes an earlier one or asks its leader for another; see whether its disk fails.',
  },
} as const satisfies Record<string, ErrorRow>;
