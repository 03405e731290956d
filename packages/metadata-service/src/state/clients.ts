// Exactly once: the first answer of a command is kept in the state, and a command that comes again gets it. A client opens its
// session by a command, whose index is its number; it numbers its commands from 1 and has at most `commandsPerClient` of
// them under way, so an answer that lies further behind its newest command is not asked for any more.
//
// Once or never: a request may lie in a stopped process or in a dead connection for as long as it likes, and a follower hands it on.
// A client that waits no longer leaves `commandsPerClient` numbers out, so its next command puts the one that it gave up too far
// behind to take effect (adr/0018).
import { OpError } from '@holdfast/base';
import type { ProposalId } from '@holdfast/raft';
import type { CommandOf, ResultOf } from './commands.ts';
import { change, insert, query } from './query.ts';
import { limitReached, type State } from './state.ts';
import { stateLimits } from './state-limits.ts';

interface ClientRow {
  readonly client: number;
  readonly highest: number;
  readonly opened_ms: number;
}
interface AnswerRow {
  readonly client: number;
  readonly sequence: number;
  readonly answer: Uint8Array;
}

const clientOf = query<ClientRow>('SELECT * FROM clients WHERE client = ?');
const answerOf = query<AnswerRow>('SELECT * FROM answers WHERE client = ? AND sequence = ?');
const insertClient = insert<ClientRow>('clients', ['client', 'highest', 'opened_ms']);
const insertAnswer = insert<AnswerRow>('answers', ['client', 'sequence', 'answer']);
const raiseHighest = change('UPDATE clients SET highest = ? WHERE client = ?');
const forgetAnswers = change('DELETE FROM answers WHERE client = ? AND sequence <= ?');
const opened = query<ClientRow>('SELECT * FROM clients WHERE opened_ms < ? ORDER BY opened_ms, client LIMIT ?');
const forgetClient = change('DELETE FROM clients WHERE client = ?');
/** Of one command; each has up to `commandsPerClient` answers. */
const forgottenAtOnce = 16;

/** The answer that the command got before; null if this is its first time. */
export function firstAnswer({ database }: State, { session: client, sequence }: ProposalId): Uint8Array | null {
  const known = database.get(clientOf, client);
  if (known === null) throw new OpError('CLIENT_UNKNOWN', { client });
  // As nearly all are: no answer is kept for a number that nobody has used.
  if (sequence > known.highest) return null;
  const earlier = database.get(answerOf, client, sequence);
  if (earlier !== null) return earlier.answer;
  if (sequence > known.highest - stateLimits.commandsPerClient) return null;
  throw new OpError('CLIENT_SEQUENCE_REFUSED', { client, sequence, highest: known.highest });
}

export function keepAnswer({ database }: State, { session: client, sequence }: ProposalId, answer: Uint8Array): void {
  const highest = database.get(clientOf, client)?.highest ?? 0;
  database.insert(insertAnswer, { client, sequence, answer });
  if (sequence <= highest) return;
  database.run(raiseHighest, sequence, client);
  database.run(forgetAnswers, client, sequence - stateLimits.commandsPerClient);
}

export function openClient(state: State, { atMs }: CommandOf<'openClient'>): ResultOf<'openClient'> {
  if (state.cluster.clients >= stateLimits.clients) throw limitReached('client sessions', stateLimits.clients);
  state.cluster.clients++;
  state.database.insert(insertClient, { client: state.index, highest: 0, opened_ms: atMs });
  return { client: state.index };
}

/** Renewed by opening another one: a client that lived longer than any retry of its commands may be forgotten. */
export function forgetClients(state: State, command: CommandOf<'forgetClients'>): ResultOf<'forgetClients'> {
  const { database } = state;
  const clients = database.all(opened, command.openedBeforeMs, forgottenAtOnce);
  for (const { client } of clients) {
    database.run(forgetAnswers, client, Number.MAX_SAFE_INTEGER);
    database.run(forgetClient, client);
  }
  state.cluster.clients -= clients.length;
  return { count: clients.length };
}
