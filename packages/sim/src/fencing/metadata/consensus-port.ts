// What a member of the model asks of consensus: the raft host's replica, or a stand-in.
import { isOpError, type ErrorCode } from '@holdfast/base';
import type { CommandId } from './callers.ts';
import type { Answer, Command } from './command.ts';

/** Both reject with one of `unanswered` when nobody can say. */
export interface ConsensusPort {
  isLeading(): boolean;
  term(): number;
  propose(command: Command, by: CommandId | null): Promise<Answer>;
  /** Resolves after a leadership confirmation that began after the call, with everything applied that was committed then. */
  read(): Promise<void>;
}

const unanswered: ReadonlySet<ErrorCode> = new Set([
  ...(['RAFT_OUTCOME_UNKNOWN', 'RAFT_LEADER_CHANGED', 'RAFT_LEADER_ELSEWHERE', 'RAFT_LEADER_UNKNOWN'] as const),
  ...(['RAFT_HOST_STOPPED', 'RAFT_OVERLOADED'] as const),
]);

/** What became of a proposal is unknown, or a read was not confirmed. Every other error is a defect, and goes on. */
export function nothingIfUnanswered(error: unknown): null {
  if (isOpError(error) && unanswered.has(error.code)) return null;
  throw error;
}
