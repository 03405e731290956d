// The public door of raft-log.
export { RaftLog, type GroupView, type RaftLogOptions } from './raft-log.ts';
export { limitsDefault, type LogLimits } from './log-limits.ts';
export type { Executor, JobOutcome } from './executor.ts';
export type { Ambiguity, GroupState } from './group-state.ts';
export type { HistogramReading } from './histogram.ts';
export type { LogStat } from './log-stat.ts';
export type { NewEntry } from './operation.ts';
export type { FoundDamage, OpenMode, OpenReport } from './recovery.ts';
export type { SlotRange } from './slots.ts';
export type { FoundBatch, FoundRecord } from './chunk-scan.ts';
export { inspectLog, lockHolder, type SeenChunk } from './inspect.ts';
export { isLayout, isOfGroup, recordFields, tellRecord } from './story.ts';
export { logFacts, predictOpen, repairHeaders, type GroupFacts, type LogFacts } from './tools.ts';
