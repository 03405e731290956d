// The log of whoever makes calls for a person: none. What the person should know of a call is in its outcome.
import type { ChannelOptions } from './client/channel.ts';

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
