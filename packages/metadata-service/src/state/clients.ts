// Exactly once: the first answer of a command is kept in the state, and a command that comes again gets it. A client opens its
// session by a command, whose index is its number; it numbers its commands from 1 and has at most `commandsPerClient` of
// them under way, so an answer that lies further behind its newest command is not asked for any more, and gives its place to another.
//
// Once or never: a request may lie in a stopped process or in a dead connection for as long as it likes, and a follower hands it on.
// A client that waits no longer leaves `commandsPerClient` numbers out, so its next command puts the one that it gave up too far
// behind to take effect (adr/0018).
import { OpError } from '@holdfast/base';
import type { ProposalId } from '@holdfast/raft';
import { placeOf } from './client-book.ts';
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
  readonly sequence: number;
  readonly answer: Uint8Array;
}

const answerAt = query<AnswerRow>('SELECT sequence, answer FROM answers WHERE client = ? AND place = ?');
const insertClient = insert<ClientRow>('clients', ['client', 'highest', 'opened_ms']);
const forgetAnswers = change('DELETE FROM answers WHERE client = ?');
const opened = query<ClientRow>('SELECT * FROM clients WHERE opened_ms < ? ORDER BY opened_ms, client LIMIT ?');
const forgetClient = change('DELETE FROM clients WHERE client = ?');
/** Of one command; each has up to `commandsPerClient` answers. */
const forgottenAtOnce = 16;

/** The answer that the command got before; null if this is its first time. */
export function firstAnswer({ database, book }: State, { session: client, sequence }: ProposalId): Uint8Array | null {
  const highest = book.highestOf(client);
  if (highest === null) throw new OpError('CLIENT_UNKNOWN', { client });
  // As nearly all are: no answer is kept for a number that nobody has used.
  if (sequence > highest) return null;
  if (sequence <= highest - stateLimits.commandsPerClient) {
    throw new OpError('CLIENT_SEQUENCE_REFUSED', { client, sequence, highest });
  }
  database.writeRows();
  const kept = database.get(answerAt, client, placeOf(sequence));
  return kept?.sequence === sequence ? kept.answer : null;
}

export function keepAnswer({ book }: State, { session: client, sequence }: ProposalId, answer: Uint8Array): void {
  const highest = book.highestOf(client);
  // The command has forgotten its own session.
  if (highest === null) return;
  book.keep(client, sequence, answer);
  if (sequence > highest) book.raise(client, sequence);
}

export function openClient(state: State, { atMs }: CommandOf<'openClient'>): ResultOf<'openClient'> {
  if (state.cluster.clients >= stateLimits.clients) throw limitReached('client sessions', stateLimits.clients);
  state.cluster.clients++;
  state.database.insert(insertClient, { client: state.index, highest: 0, opened_ms: atMs });
  return { client: state.index };
}

/** Renewed by opening another one: a client that lived longer than any retry of its commands may be forgotten. */
export function forgetClients(state: State, command: CommandOf<'forgetClients'>): ResultOf<'forgetClients'> {
  const { database, book } = state;
  const clients = database.all(opened, command.openedBeforeMs, forgottenAtOnce);
  database.writeRows();
  for (const { client } of clients) {
    database.run(forgetAnswers, client);
    database.run(forgetClient, client);
    book.forget(client);
  }
  state.cluster.clients -= clients.length;
  return { count: clients.length };
}
