// Commands and answers as bytes. A command: the format, its number, its fields. An answer: whether it took effect, then the result
// or the row of the error table with its details. Reading refuses what is not exactly what writing would have made.
import { isOpError, OpError } from '@holdfast/base';
import { ByteReader, ByteWriter } from '../host/bytes.ts';
import { refusal, type Refusal } from '../host/fields.ts';
import { commands, type Command, type CommandKind, type ResultOf } from './commands.ts';
import { stateLimits } from './state-limits.ts';
import { malformed, type Field } from './values.ts';

const format = 1;
/** One for all commands: none is written while another one is. */
const writer = new ByteWriter(stateLimits.commandBytes);
/** Most answers say no more than that the command took effect. */
const answerBytes = 16;

const kinds = Object.keys(commands) as CommandKind[];
const byCode = new Map(kinds.map((kind) => [commands[kind].code, kind]));

export function encodeCommand(command: Command): Uint8Array {
  const { code, fields } = commands[command.kind];
  const to = writer.anew();
  to.byte(format);
  to.counter(code);
  (fields as Field<object>).write(to, command);
  const data = to.copy();
  if (data.length > stateLimits.commandBytes)
    throw malformed(`it has ${data.length} bytes, above ${stateLimits.commandBytes}`);
  return data;
}

/** STATE_COMMAND_MALFORMED is an answer like any other. STATE_COMMAND_UNKNOWN is not: a later release knows the command. */
export function decodeCommand(data: Uint8Array): Command {
  if (data.length > stateLimits.commandBytes)
    throw malformed(`it has ${data.length} bytes, above ${stateLimits.commandBytes}`);
  return reading(() => {
    const from = new ByteReader(data);
    const found = from.byte();
    const code = from.counter();
    const kind = byCode.get(code);
    if (found !== format || kind === undefined) throw new OpError('STATE_COMMAND_UNKNOWN', { format: found, code });
    const fields = (commands[kind].fields as Field<object>).read(from);
    from.expectEnd();
    return { kind, ...fields } as Command;
  });
}

function reading<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (isOpError(error) && error.code === 'RAFT_MESSAGE_MALFORMED') throw malformed(error.details['reason'] ?? '');
    throw error;
  }
}

export function encodeResult(kind: CommandKind, result: object): Uint8Array {
  const to = new ByteWriter(answerBytes);
  to.byte(1);
  (commands[kind].result as Field<object>).write(to, result);
  return to.finish();
}

export function encodeRefusal({ code, details }: Refusal): Uint8Array {
  const to = new ByteWriter(answerBytes);
  to.byte(0);
  refusal.write(to, { code, details });
  return to.finish();
}

/** What the state machine said to a command: its result, or the OpError that it was refused with. */
export function decodeAnswer<Kind extends CommandKind>(kind: Kind, answer: Uint8Array): ResultOf<Kind> {
  const from = new ByteReader(answer);
  if (from.byte() === 0) {
    const { code, details } = refusal.read(from);
    throw new OpError(code, details);
  }
  return (commands[kind].result as unknown as Field<ResultOf<Kind>>).read(from);
}
