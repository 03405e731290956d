// Messages and positions as people read them, in scripts and in the simulator's stories: `1 → 2 append 4/7 +2 commit 6` is an
// append behind entry 7 of term 4, of two entries.
import type { Position } from './ids.ts';
import type { Message, MessageKind, MessageOf } from './message.ts';
import type { Entry } from './entry.ts';

export function formatPosition({ term, index }: Position): string {
  return `${term}/${index}`;
}

export function formatEntry(entry: Entry): string {
  const text = entry.kind === 'empty' ? '' : ` ${new TextDecoder().decode(entry.data)}`;
  return `${formatPosition(entry)} ${entry.kind}${text}`;
}

export function formatMessage(message: Message): string {
  const detail = details[message.kind](message as never);
  const { from, to, term, kind } = message;
  return `${from} → ${to} term ${term} ${kind}${detail === '' ? '' : ` ${detail}`}`;
}

const yes = (isSo: boolean, text: string): string => (isSo ? ` ${text}` : '');
const granted = (isGranted: boolean): string => (isGranted ? 'granted' : 'refused');

const details: { readonly [Kind in MessageKind]: (message: MessageOf<Kind>) => string } = {
  'pre-vote-request': ({ candidacy, last }) => `for ${candidacy} last ${formatPosition(last)}`,
  'pre-vote-response': ({ candidacy, isGranted, isSuspect }) =>
    `for ${candidacy} ${isSuspect ? 'suspect' : granted(isGranted)}`,
  'vote-request': ({ last, isTransfer, isRecovery }) =>
    `last ${formatPosition(last)}${yes(isTransfer, 'transfer')}${yes(isRecovery, 'recovery')}`,
  'vote-response': ({ isGranted }) => granted(isGranted),
  append: ({ previous, entries, commit }) => `${formatPosition(previous)} +${entries.length} commit ${commit}`,
  'append-accepted': ({ match }) => `up to ${match}`,
  'append-rejected': ({ rejected, hint, isDamaged }) =>
    `at ${rejected} hint ${formatPosition(hint)}${yes(isDamaged, 'damaged')}`,
  commit: ({ commit }) => `${commit}`,
  heartbeat: ({ commit, context, sleepAt }) => `${context} commit ${commit}${yes(sleepAt !== null, 'sleep')}`,
  'heartbeat-response': ({ context, isAsleep }) => `${context}${yes(isAsleep, 'asleep')}`,
  'term-notice': () => '',
  'timeout-now': () => '',
  'read-request': ({ id }) => `${id}`,
  'read-response': ({ id, index }) => `${id} ${index === null ? 'refused' : `at ${index}`}`,
  propose: ({ proposals }) => `${proposals.length}`,
  'propose-refused': ({ refusals }) => refusals.map(({ code }) => code).join(' '),
  'snapshot-chunk': ({ mark, offset, isLast }) => `${formatPosition(mark)} from ${offset}${yes(isLast, 'last')}`,
  'snapshot-response': ({ nextOffset }) => `next ${nextOffset}`,
  'catch-up-request': ({ lastIndex }) => `last ${lastIndex}`,
  'catch-up-response': ({ lastIndex }) => `up to ${lastIndex}`,
  'repair-request': ({ slots, last, part }) =>
    `${slots.join(' ')} last ${formatPosition(last)}${part === null ? '' : ` part ${part.offset}`}`,
  'repair-response': ({ entries, place }) =>
    `${entries.map(({ index }) => index).join(' ')} ${place === null ? 'committed' : `before ${formatPosition(place)}`}`,
  'repair-snapshot': ({ mark, offset, isLast, place }) =>
    `${formatPosition(mark)} from ${offset}${yes(isLast, 'last')}${place === null ? '' : ` before ${formatPosition(place)}`}`,
};
