// The error table: one row for everything that may go wrong and that a person or a program can act on. The docs page, the
// gRPC status (rpc), the exit code (holdfast) and the Events' reasons are derived from the row; a code, once released,
// keeps its meaning for ever. `{name}` in a text is filled from the error's details.
import { csiErrorRows } from './error-rows-csi.ts';
import { fileErrorRows } from './error-rows-files.ts';
import { programErrorRows } from './error-rows-program.ts';
import { raftErrorRows } from './error-rows-raft.ts';
import { raftHostErrorRows } from './error-rows-raft-host.ts';
import { raftLogErrorRows } from './error-rows-raft-log.ts';
import { simErrorRows } from './error-rows-sim.ts';
import { stateErrorRows } from './error-rows-state.ts';
import { transportErrorRows } from './error-rows-transport.ts';

/** What a caller can do about it; `rpc` maps a kind to a gRPC status, `holdfast` to an exit code. */
export const errorKinds = [
  'invalid', // the request is wrong whatever the state is
  'out-of-range',
  'not-found',
  'exists',
  'precondition', // the state does not allow it; retrying alone does not help
  'aborted', // another operation is under way or won; retry at a higher level
  'exhausted', // a limit, a quota or a disk is full
  'unavailable', // try again: the same request may succeed
  'timeout',
  'cancelled',
  'unauthenticated',
  'denied',
  'unsupported',
  'data-loss',
  'internal',
] as const;
export type ErrorKind = (typeof errorKinds)[number];

export interface ErrorRow {
  readonly kind: ErrorKind;
  readonly retriable: boolean;
  /** One line, lower case, no full stop; `{name}` stands for a detail. */
  readonly text: string;
  /** What the reader can do, as a sentence. */
  readonly hint: string;
}

export const errorTable = {
  ...csiErrorRows,
  ...fileErrorRows,
  ...programErrorRows,
  ...raftErrorRows,
  ...raftHostErrorRows,
  ...raftLogErrorRows,
  ...simErrorRows,
  ...stateErrorRows,
  ...transportErrorRows,
  INTERNAL: {
    kind: 'internal',
    retriable: false,
    text: 'internal error: {reason}',
    hint: 'This is a defect in Holdfast; please report it with the log lines of this request id.',
  },
  QUEUE_FULL: {
    kind: 'exhausted',
    retriable: true,
    text: 'the queue {queue} holds its limit of {limit} items',
    hint: 'The process is overloaded; retry with backoff.',
  },
  QUEUE_CLOSED: {
    kind: 'unavailable',
    retriable: true,
    text: 'the queue {queue} is closed',
    hint: 'The process is shutting down; the same request succeeds once it has started again.',
  },
  CANCELLED: {
    kind: 'cancelled',
    retriable: false,
    text: 'cancelled: {reason}',
    hint: 'Whoever asked has given up; ask again if the result is still wanted.',
  },
  TIMED_OUT: {
    kind: 'timeout',
    retriable: true,
    text: '{what} took longer than {limit}',
    hint: 'Retry; if it happens again, see whether the disk or the network behind it is slow.',
  },
  OPERATION_PENDING: {
    kind: 'aborted',
    retriable: true,
    text: 'an operation on the {what} {key} is under way already',
    hint: 'Wait for it to end, then ask again.',
  },
  ID_MALFORMED: {
    kind: 'invalid',
    retriable: false,
    text: 'the {id} {value} is not {form}',
    hint: 'Send the id as Holdfast gave it out.',
  },
  QUANTITY_MALFORMED: {
    kind: 'invalid',
    retriable: false,
    text: '{value} is not a {quantity} such as {example}',
    hint: 'Write a number and its unit, with nothing before or after.',
  },
  QUANTITY_OUT_OF_RANGE: {
    kind: 'out-of-range',
    retriable: false,
    text: '{value} is not a whole number of {base} from 0 to {limit}',
    hint: 'Use a smaller number, or a smaller unit without a fraction.',
  },
  UNIT_UNKNOWN: {
    kind: 'invalid',
    retriable: false,
    text: '{value} has the unit {unit}, but a {quantity} is written in one of {units}',
    hint: 'Use one of these units; upper and lower case count.',
  },
  COMMAND_NOT_STARTED: {
    kind: 'precondition',
    retriable: false,
    text: 'the command {command} cannot be started: {reason}',
    hint: 'Install it on the node, or put its folder on PATH.',
  },
  COMMAND_FAILED: {
    kind: 'internal',
    retriable: false,
    text: 'the command {command} ended with {status}: {reason}',
    hint: 'The text is the last line that the command wrote; run it by hand on the node to see the rest.',
  },
  COMMAND_TIMED_OUT: {
    kind: 'timeout',
    retriable: true,
    text: 'the command {command} ran longer than {limit} and was killed',
    hint: 'See whether the device that it works on still answers.',
  },
  COMMAND_UNKILLABLE: {
    kind: 'unavailable',
    retriable: false,
    text: 'the command {command} (process {pid}) was killed but does not end',
    hint: 'It waits inside the kernel, mostly for a device that does not answer; look at the device first.',
  },
  COMMAND_OUTPUT_TOO_LARGE: {
    kind: 'exhausted',
    retriable: false,
    text: 'the command {command} wrote more than {limit}',
    hint: 'The rest was dropped, so the answer cannot be trusted; please report it with the command.',
  },
  LISTEN_ADDRESS_IN_USE: {
    kind: 'precondition',
    retriable: false,
    text: 'cannot listen on {address}: another process does already',
    hint: 'Stop that process or choose another address; `ss -tlnp` shows who listens.',
  },
  LISTEN_ADDRESS_UNUSABLE: {
    kind: 'precondition',
    retriable: false,
    text: 'cannot listen on {address}: {reason}',
    hint: 'Choose an address of this machine and a port that this user may open.',
  },
  FIELD_NOT_UNICODE: {
    kind: 'invalid',
    retriable: false,
    text: 'the text for {field} is not Unicode: it holds half of a surrogate pair',
    hint: 'Send text that was decoded from UTF-8.',
  },
  FIELD_MISSING: {
    kind: 'invalid',
    retriable: false,
    text: 'the request lacks {field}',
    hint: 'Set the field; the .proto file says what each one means.',
  },
  PAGE_TOO_LARGE: {
    kind: 'exhausted',
    retriable: false,
    text: 'a page of {asked} items was asked for, and it may have {limit}',
    hint: 'Ask for fewer; the answer says where the next page begins.',
  },
  FIELD_OUT_OF_RANGE: {
    kind: 'out-of-range',
    retriable: false,
    text: '{field} cannot hold {value}',
    hint: 'Send a value that the field of the .proto file can hold.',
  },
  MESSAGE_MALFORMED: {
    kind: 'invalid',
    retriable: false,
    text: 'the bytes are not a message {message}: {reason}',
    hint: 'The sender speaks another protocol or the bytes were damaged; compare the versions of both sides.',
  },

  // certificates
  AUTHORITY_EXISTS: {
    kind: 'exists',
    retriable: false,
    text: '{directory} holds a certificate authority already',
    hint: 'Choose an empty directory; whoever replaces the key of an authority shuts every holder of its certificates out.',
  },
  AUTHORITY_EXPOSED: {
    kind: 'precondition',
    retriable: false,
    text: '{directory} is open to other users',
    hint: 'Make it private with `chmod 700` before it holds the key of the cluster.',
  },
  AUTHORITY_UNUSABLE: {
    kind: 'precondition',
    retriable: false,
    text: 'no usable certificate authority in {directory}: {reason}',
    hint: 'Name the directory that `holdfast pki init` filled, as a user who may read it.',
  },
  CERTIFICATE_EXPIRED: {
    kind: 'unauthenticated',
    retriable: false,
    text: 'the certificate of {holder} ended at {end}',
    hint: 'Issue another one with `holdfast pki issue` and see in the log why it was not renewed; compare the clocks of both sides.',
  },
  CERTIFICATE_FILES_EXIST: {
    kind: 'exists',
    retriable: false,
    text: '{directory} holds a certificate already',
    hint: 'Choose another directory, or use `holdfast pki renew` to replace the certificate.',
  },
  CERTIFICATE_MISSING: {
    kind: 'unauthenticated',
    retriable: false,
    text: 'the caller showed no certificate',
    hint: 'Configure the certificate that `holdfast pki issue` wrote for this caller.',
  },
  CERTIFICATE_NOT_ISSUED: {
    kind: 'not-found',
    retriable: false,
    text: 'this authority did not issue {certificate}',
    hint: '`holdfast pki show` lists what it issued.',
  },
  CERTIFICATE_NOT_YET_VALID: {
    kind: 'unauthenticated',
    retriable: false,
    text: 'the certificate of {holder} begins at {start} only',
    hint: 'Compare the clocks of both sides.',
  },
  CERTIFICATE_OF_OTHER_CLUSTER: {
    kind: 'unauthenticated',
    retriable: false,
    text: '{holder} is not of the cluster {cluster}',
    hint: 'Connect to the servers of the own cluster, or issue a certificate of this one.',
  },
  CERTIFICATE_REVOKED: {
    kind: 'unauthenticated',
    retriable: false,
    text: 'the certificate of {holder} was revoked: {reason}',
    hint: 'Find out why before issuing another one.',
  },
  CERTIFICATE_SIGNER_MISSING: {
    kind: 'unavailable',
    retriable: true,
    text: 'no server renewed the certificate: {reason}',
    hint: 'Give at least one metadata server the authority (authority), and the others that server as a peer (peers).',
  },
  CERTIFICATE_UNREADABLE: {
    kind: 'precondition',
    retriable: false,
    text: '{source} is unusable: {reason}',
    hint: 'Write the file again with `holdfast pki issue`, and let the user that Holdfast runs as read it.',
  },
  CERTIFICATE_UNTRUSTED: {
    kind: 'unauthenticated',
    retriable: false,
    text: 'the certificate of {holder} is not trusted: {reason}',
    hint: "Both sides need certificates of the same cluster's authority; compare them with `holdfast pki show`.",
  },
  CERTIFICATE_WRONG_ROLE: {
    kind: 'precondition',
    retriable: false,
    text: 'the certificate in {directory} is for the role {found}, and this process is {role}',
    hint: "Issue one for this role with 'holdfast pki issue'.",
  },
  CERTIFICATE_WITHOUT_IDENTITY: {
    kind: 'unauthenticated',
    retriable: false,
    text: 'the certificate {subject} names no holder',
    hint: 'Use a certificate that `holdfast pki issue` made.',
  },
  HOSTS_NOT_SERVED: {
    kind: 'invalid',
    retriable: false,
    text: 'a certificate of the role {role} takes no hosts: it is for clients',
    hint: 'Leave the hosts out, or issue the certificate for a role that serves.',
  },
  IDENTITY_INVALID: {
    kind: 'invalid',
    retriable: false,
    text: '{value} cannot be the {field} of a certificate',
    hint: 'Names are lower-case letters, digits, - and ., as Kubernetes names nodes; clusters are UUIDs; lives are 2 seconds or more.',
  },
  REVOCATION_LIST_REFUSED: {
    kind: 'precondition',
    retriable: false,
    text: 'the revocation list {source} is refused: {reason}',
    hint: 'The former list stays in force; copy the list from the authority again.',
  },
  SIGNING_REQUEST_INVALID: {
    kind: 'invalid',
    retriable: false,
    text: 'the signing request is refused: {reason}',
    hint: 'Send a PKCS #10 request with an EC P-256 key, in DER.',
  },

  // calls between processes
  ADDRESS_MALFORMED: {
    kind: 'invalid',
    retriable: false,
    text: '{address} is no address',
    hint: 'Write host:port, [ipv6]:port or unix:/absolute/path.',
  },
  CALL_CANCELLED: {
    kind: 'cancelled',
    retriable: false,
    text: 'the call to {method} was cancelled: {reason}',
    hint: 'Nobody waits for the answer; repeat the call if it is still wanted.',
  },
  CALL_FAILED: {
    kind: 'unavailable',
    retriable: true,
    text: 'the call to {method} did not get through: {reason}',
    hint: 'Retry with backoff; see whether the server runs and can be reached.',
  },
  CALLER_NOT_ALLOWED: {
    kind: 'denied',
    retriable: false,
    text: '{caller} may not call {method}',
    hint: 'Which role may call what is the access table; use a certificate of a role that may.',
  },
  CONNECTION_AGED: {
    kind: 'unavailable',
    retriable: true,
    text: 'the connection was opened with a certificate that ended at {end}',
    hint: 'Retry: the next connection carries the certificates of the day.',
  },
  DEADLINE_EXCEEDED: {
    kind: 'timeout',
    retriable: true,
    text: 'the call to {method} took longer than its deadline',
    hint: 'The outcome is open; look at the state or repeat the call with the same parameters.',
  },
  DEADLINE_MISSING: {
    kind: 'invalid',
    retriable: false,
    text: 'the call to {method} has no deadline',
    hint: 'Set one: a call without it could wait for ever.',
  },
  MESSAGE_TOO_LARGE: {
    kind: 'exhausted',
    retriable: false,
    text: 'a message of {method} is larger than {limit} bytes',
    hint: 'Ask for less at a time, by a smaller page or a shorter list.',
  },
  METHOD_UNKNOWN: {
    kind: 'unsupported',
    retriable: false,
    text: 'the server does not know the method {method}',
    hint: 'Upgrade the server, or use what its release offers.',
  },
  SERVER_NOT_EXPECTED: {
    kind: 'unauthenticated',
    retriable: false,
    text: '{address} is {holder} and not a server of the role {role}',
    hint: 'Check the address: something else listens there.',
  },
  SERVER_NOT_NAMED: {
    kind: 'unauthenticated',
    retriable: false,
    text: 'the certificate of {holder} at {address} does not name the host {host}',
    hint: 'Issue the certificate of the server with every name and address under which it is called.',
  },
  SERVER_STOPPING: {
    kind: 'unavailable',
    retriable: true,
    text: 'the server is stopping',
    hint: 'Retry with backoff; another server or the restarted one will answer.',
  },
  SERVER_UNREACHABLE: {
    kind: 'unavailable',
    retriable: true,
    text: 'no connection to {address}: {reason}',
    hint: 'See whether the server runs and listens there, and whether the network lets it through.',
  },
  SOCKET_PATH_TOO_LONG: {
    kind: 'invalid',
    retriable: false,
    text: 'the socket path {path} has {length} bytes; the kernel takes {limit}',
    hint: 'Choose a shorter directory.',
  },
  STREAM_CUT: {
    kind: 'invalid',
    retriable: false,
    text: 'the caller of {method} sent {count} messages where one is due',
    hint: 'The client is defective; compare the versions of both sides.',
  },
  TOO_MANY_CONNECTIONS: {
    kind: 'exhausted',
    retriable: true,
    text: 'the server holds its limit of {limit} connections',
    hint: 'Share connections, or find out who opens so many.',
  },

  // what a server of another release says, of which only the kind is known
  REMOTE_ABORTED: {
    kind: 'aborted',
    retriable: true,
    text: '{method} answered: {message}',
    hint: 'The server is of another release or another maker; its own words are in the text.',
  },
  REMOTE_DATA_LOSS: {
    kind: 'data-loss',
    retriable: false,
    text: '{method} answered: {message}',
    hint: 'The server is of another release or another maker; its own words are in the text.',
  },
  REMOTE_DENIED: {
    kind: 'denied',
    retriable: false,
    text: '{method} answered: {message}',
    hint: 'The server is of another release or another maker; its own words are in the text.',
  },
  REMOTE_EXHAUSTED: {
    kind: 'exhausted',
    retriable: true,
    text: '{method} answered: {message}',
    hint: 'The server is of another release or another maker; its own words are in the text.',
  },
  REMOTE_EXISTS: {
    kind: 'exists',
    retriable: false,
    text: '{method} answered: {message}',
    hint: 'The server is of another release or another maker; its own words are in the text.',
  },
  REMOTE_INTERNAL: {
    kind: 'internal',
    retriable: false,
    text: '{method} answered: {message}',
    hint: 'The server is of another release or another maker; its own words are in the text.',
  },
  REMOTE_INVALID: {
    kind: 'invalid',
    retriable: false,
    text: '{method} answered: {message}',
    hint: 'The server is of another release or another maker; its own words are in the text.',
  },
  REMOTE_NOT_FOUND: {
    kind: 'not-found',
    retriable: false,
    text: '{method} answered: {message}',
    hint: 'The server is of another release or another maker; its own words are in the text.',
  },
  REMOTE_OUT_OF_RANGE: {
    kind: 'out-of-range',
    retriable: false,
    text: '{method} answered: {message}',
    hint: 'The server is of another release or another maker; its own words are in the text.',
  },
  REMOTE_PRECONDITION: {
    kind: 'precondition',
    retriable: false,
    text: '{method} answered: {message}',
    hint: 'The server is of another release or another maker; its own words are in the text.',
  },
  REMOTE_UNAUTHENTICATED: {
    kind: 'unauthenticated',
    retriable: false,
    text: '{method} answered: {message}',
    hint: 'The server is of another release or another maker; its own words are in the text.',
  },
  REMOTE_UNSUPPORTED: {
    kind: 'unsupported',
    retriable: false,
    text: '{method} answered: {message}',
    hint: 'The server is of another release or another maker; its own words are in the text.',
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;
