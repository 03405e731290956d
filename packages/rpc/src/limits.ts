// Every bound of a server and of a client in one place, by name. A deployment changes them through the role's configuration.

export interface ServerLimits {
  /** The largest message that is read or sent. */
  readonly messageLimitBytes: number;
  readonly connectionsLimit: number;
  /** Calls at one time on one connection. */
  readonly callsPerConnectionLimit: number;
  /** How long a call over a unix socket may take whose caller set no deadline: some of Kubernetes' own tools set none. */
  readonly undatedCallLimitMs: number;
  /** A connection that has not said who it is by then is closed. */
  readonly handshakeLimitMs: number;
  /** How often a silent connection is asked whether it still stands, and how long the answer may take. */
  readonly keepaliveIntervalMs: number;
  readonly keepaliveLimitMs: number;
}

export const serverLimitDefaults: ServerLimits = {
  messageLimitBytes: 4 * 1024 * 1024,
  connectionsLimit: 4096,
  callsPerConnectionLimit: 1024,
  undatedCallLimitMs: 120_000,
  handshakeLimitMs: 5_000,
  keepaliveIntervalMs: 30_000,
  keepaliveLimitMs: 10_000,
};

export interface ClientLimits {
  readonly messageLimitBytes: number;
  /** While calls are under way. Shorter than the server's: a client waits for somebody, a server only holds memory. */
  readonly keepaliveIntervalMs: number;
  readonly keepaliveLimitMs: number;
  /** Between attempts to connect. */
  readonly reconnectBaseMs: number;
  readonly reconnectCeilingMs: number;
}

export const clientLimitDefaults: ClientLimits = {
  messageLimitBytes: 4 * 1024 * 1024,
  keepaliveIntervalMs: 5_000,
  keepaliveLimitMs: 3_000,
  reconnectBaseMs: 100,
  reconnectCeilingMs: 3_000,
};

/**
 * For the channel of an agent, which renews its session every two seconds and is answered each time: a server that is gone is noticed by
 * the answer that does not come, long before the lease ends. With a question every five seconds besides, two of the seven messages
 * that a leader reads of its agents would say nothing.
 */
export const agentClientLimits: Partial<ClientLimits> = { keepaliveIntervalMs: 30_000 };

/** How long a refused caller may keep its connection: enough for one call to hear why, too short to be of use. */
export const refusedLingerMs = 1_000;
/** How long a connection may take to close after its last call. */
export const closeLingerMs = 500;
/** How long the calls of a connection that is being replaced may go on; a certificate's end comes first as a rule. */
export const drainLimitMs = 86_400_000;
