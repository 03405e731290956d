// Every bound of the agents' streams by name. How many streams there are is bounded by who counts them (leader/connected-agents.ts).

export interface SessionLimits {
  /** A stream that has not registered or resumed by then is ended, in ms. */
  readonly beginLimitMs: number;
  /** Messages of one stream that are being answered; the next one is read when one of them is. */
  readonly messagesMax: number;
  /** Answers that wait for a stream's reader; past them the stream is ended. */
  readonly answersMax: number;
  /** Bytes of a secret. */
  readonly secretBytesLeast: number;
  readonly secretBytesMost: number;
}

export const sessionLimitsDefault: SessionLimits = {
  beginLimitMs: 10_000,
  messagesMax: 64,
  answersMax: 256,
  secretBytesLeast: 16,
  secretBytesMost: 64,
};
