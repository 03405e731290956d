// How the values of commands and answers are written: the fields of the host's messages with the bounds that a state asks for. What
// does not keep them is refused where it is read, so no handler sees it.
import { OpError } from '@holdfast/base';
import { counter, list, nullable, text, type Field } from '../host/fields.ts';
import { stateLimits } from './state-limits.ts';

export { bytes, flag, nullable, record, type Field } from '../host/fields.ts';

export function malformed(reason: string): OpError {
  return new OpError('STATE_COMMAND_MALFORMED', { reason });
}

function checked<Value>(field: Field<Value>, problemOf: (value: Value) => string | null): Field<Value> {
  const check = (value: Value): Value => {
    const problem = problemOf(value);
    if (problem !== null) throw malformed(problem);
    return value;
  };
  return { write: (to, value) => field.write(to, check(value)), read: (from) => check(field.read(from)) };
}

/** An id or a name: never empty, so that the empty text never passes for one. */
export const name: Field<string> = checked(text, (value) => {
  if (value === '') return 'an empty name';
  return value.length > stateLimits.nameChars ? `a name of ${value.length} characters` : null;
});

export const words: Field<string> = checked(text, (value) =>
  value.length > stateLimits.textChars ? `a text of ${value.length} characters` : null,
);

export const number: Field<number> = counter<number>();

export function numberTo(limit: number): Field<number> {
  return checked(number, (value) => (value > limit ? `the number ${value}, above ${limit}` : null));
}

export function positiveTo(limit: number): Field<number> {
  return checked(numberTo(limit), (value) => (value === 0 ? 'a zero where something is counted' : null));
}

export function someOf<Value>(field: Field<Value>, limit: number): Field<readonly Value[]> {
  return checked(list(field), ({ length }) => (length > limit ? `${length} values in a list of ${limit}` : null));
}

/** One of a few words, by its place; places are never given twice. */
export function choice<const Word extends string>(all: readonly Word[]): Field<Word> {
  return {
    write: (to, value) => to.byte(all.indexOf(value)),
    read(from) {
      const found = all[from.byte()];
      if (found === undefined) throw malformed('a word that is unknown');
      return found;
    },
  };
}

export const nullableName = nullable(name);
export const nullableNumber = nullable(number);
