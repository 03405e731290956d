// The log of a command: none. What a person should know of a call is in its outcome.
import type { ChannelOptions } from '@holdfast/rpc';

type Log = ChannelOptions['log'];

export const quietLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  write: () => undefined,
  isEnabled: () => false,
  child: () => quietLog,
};
