// Durations that a person gives as a flag: a wrong one is told with the flag's name.
import { OpError, parseDurationMs, toOpError } from '@holdfast/base';

export function readDurationMs(flag: string, text: string): number {
  try {
    return parseDurationMs(text);
  } catch (error) {
    throw new OpError('FLAG_WRONG', { flag, reason: `is wrong: ${toOpError(error).message}` }, { cause: error });
  }
}
