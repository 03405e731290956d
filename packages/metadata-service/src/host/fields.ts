// How a value of each type that messages are made of is written and read. A leaf over `bytes.ts`; what the values mean is
// judged by the core.
import { errorTable, type ErrorCode } from '@holdfast/base';
import type { Configuration, Entry, EntryKind, Position, Proposal, ProposalId, ProposalRefusal } from '@holdfast/raft';
import type { SnapshotMark } from '@holdfast/raft';
import { malformed, type ByteReader, type ByteWriter } from './bytes.ts';

export interface Field<Value> {
  readonly write: (to: ByteWriter, value: Value) => void;
  readonly read: (from: ByteReader) => Value;
}

/** A counter of whichever brand: the frame knows only numbers. */
export function counter<Value extends number>(): Field<Value> {
  return { write: (to, value) => to.counter(value), read: (from) => from.counter() as Value };
}

export const text: Field<string> = {
  write: (to, value) => to.text(value),
  read: (from) => from.text(),
};

/** A view of the frame when it is read. */
export const bytes: Field<Uint8Array> = {
  write: (to, value) => to.bytes(value),
  read: (from) => from.bytes(),
};

export const flag: Field<boolean> = {
  write: (to, value) => to.byte(value ? 1 : 0),
  read(from) {
    const value = from.byte();
    if (value > 1) throw malformed('a flag that is neither set nor not');
    return value === 1;
  },
};

export function nullable<Value>(field: Field<Value>): Field<Value | null> {
  return {
    write(to, value) {
      flag.write(to, value !== null);
      if (value !== null) field.write(to, value);
    },
    read: (from) => (flag.read(from) ? field.read(from) : null),
  };
}

export function list<Value>(field: Field<Value>): Field<readonly Value[]> {
  return {
    write(to, values) {
      to.counter(values.length);
      for (const value of values) field.write(to, value);
    },
    read(from) {
      const values: Value[] = [];
      // No memory is taken for a count: each value takes bytes, and they end.
      for (let left = from.counter(); left > 0; left--) values.push(field.read(from));
      return values;
    },
  };
}

type Shape<Value> = { readonly [Name in keyof Value]-?: Field<Value[Name]> };

/** Fields one behind the other, in the order in which the shape names them. */
export function record<Value extends object>(shape: Shape<Value>): Field<Value> {
  const fields = Object.entries(shape) as [keyof Value, Field<unknown>][];
  return {
    write(to, value) {
      for (const [name, field] of fields) field.write(to, value[name]);
    },
    read(from) {
      const value: Partial<Value> = {};
      for (const [name, field] of fields) value[name] = field.read(from) as Value[keyof Value];
      return value as Value;
    },
  };
}

export const position = record<Position>({ term: counter(), index: counter() });

export const configuration = record<Configuration>({
  voters: list(counter()),
  outgoing: list(counter()),
  learners: list(counter()),
  learnersNext: list(counter()),
});

export const mark = record<SnapshotMark>({
  id: text,
  index: counter(),
  term: counter(),
  configuration,
  version: counter(),
});

const proposalId: Field<ProposalId> = {
  write(to, { session, sequence }) {
    to.counter(session);
    to.counter(sequence);
  },
  read(from) {
    const session = from.counter();
    return { session, sequence: from.counter() };
  },
};

export const proposal = record<Proposal>({ id: proposalId, data: bytes, version: counter() });

/** By their place here; places are never given twice. */
const entryKinds: readonly EntryKind[] = ['empty', 'command', 'configuration', 'version'];

export const entryKind: Field<EntryKind> = {
  write: (to, kind) => to.byte(entryKinds.indexOf(kind)),
  read(from) {
    const kind = entryKinds[from.byte()];
    if (kind === undefined) throw malformed('an entry of an unknown kind');
    return kind;
  },
};

export const nullableProposalId = nullable(proposalId);

/** Written out, because of nothing is there more: a record is put together field by field, which takes its time and memory. */
export const entry: Field<Entry> = {
  write(to, { index, term, kind, proposal: id, data }) {
    to.counter(index);
    to.counter(term);
    entryKind.write(to, kind);
    nullableProposalId.write(to, id);
    to.bytes(data);
  },
  read(from) {
    const index = from.counter() as Entry['index'];
    const term = from.counter() as Entry['term'];
    const kind = entryKind.read(from);
    const id = nullableProposalId.read(from);
    return { index, term, kind, data: from.bytes(), proposal: id };
  },
};

/** A code of a later release arrives as INTERNAL with the code in its text: what was refused stays refused. */
const errorCode: Field<ErrorCode> = {
  write: (to, code) => to.text(code),
  read(from) {
    const code = from.text();
    return Object.hasOwn(errorTable, code) ? (code as ErrorCode) : 'INTERNAL';
  },
};

const details: Field<Readonly<Record<string, string>>> = {
  write(to, value) {
    const entries = Object.entries(value);
    to.counter(entries.length);
    for (const [name, detail] of entries) {
      to.text(name);
      to.text(detail);
    }
  },
  read(from) {
    const entries: [string, string][] = [];
    for (let left = from.counter(); left > 0; left--) entries.push([from.text(), from.text()]);
    return Object.fromEntries(entries);
  },
};

export interface Refusal {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, string>>;
}
export const refusal = record<Refusal>({ code: errorCode, details });

export const proposalRefusal = record<ProposalRefusal>({ id: proposalId, code: errorCode, details });
