// The internal door of raft-log: what its tools, the simulator and other packages' tests need, and nobody else. Tools begin at
// `listLog`, `readChunk` and `scanChunk`, which yields every record of a chunk with its position, damaged or not.
export { listLog, readChunk, readTrailer, type ChunkFile, type LogListing } from './chunk-files.ts';
export {
  scanChunk,
  type ChunkBytes,
  type Damage,
  type FoundBatch,
  type FoundRecord,
  type Range,
  type ScanOptions,
  type Standing,
} from './chunk-scan.ts';
export { decodeTable, existsAfter, hasKind, type BatchTable, type TableRow } from './batch-table.ts';
export { decodeState } from './group-state.ts';
export { decodeVote } from './vote-record.ts';
export { decodeFooter } from './footer.ts';
export type { BatchHead } from './batch-head.ts';
export type { FileHeader } from './file-header.ts';
export type { RecordHeader } from './record-header.ts';
export { recordKinds, type RecordKind } from './format.ts';
export { InlineExecutor } from './executor.ts';
export { LogDisk } from './log-disk.ts';
export { recover, type Recovered, type RecoveryOptions } from './recovery.ts';
