// The table of mutations: each takes one safety check out of raft-log, by the exact text that holds it. A text that is not
// found exactly once fails the suite, so a row whose check has moved cannot go on passing for something.
import type { SourceChange } from '@holdfast/tooling';

/** `check` says what is gone then; the file is below raft-log's src. */
export interface Mutation extends SourceChange {
  readonly check: string;
}

type Row = readonly [check: string, text: string, replacement: string];

const table: Readonly<Record<string, readonly Row[]>> = {
  'checksum.ts': [
    ['a checksum binds the position', '(seed ^ (position / 8)) >>> 0', 'seed >>> 0'],
    ['a checksum binds the group', 'Math.imul(group + 1, groupFactor)', '0'],
    ['a checksum binds the salt of the file', 'checksumByTable(salt, 0, salt.length, 0)', '0'],
  ],
  'record-header.ts': [
    [
      'the header of a record has a checksum of its own',
      'return region.view.getUint32(end, true) === checksum(region.bytes, offset, end, start);',
      'return true;',
    ],
    [
      'a payload has a checksum',
      'return checksum(region.bytes, payload, payload + header.payloadBytes, start) === header.payloadChecksum;',
      'return true;',
    ],
  ],
  'file-header.ts': [
    [
      "the file's header has a checksum",
      'return viewOf(block).getUint32(at.checksum, true) === checksum(block, 0, at.checksum, copyStart(salt, position));',
      'return true;',
    ],
    ["a copy of the file's header is bound to its place", 'headerStart(fileSeed(salt), position)', 'fileSeed(salt)'],
    ['a format of another version is refused', 'header.version !== formatVersion', 'false'],
  ],
  'batch-head.ts': [
    ['a batch is of this life of the file', '!isOfThisLife(payload, salt) || ', ''],
    ['a head is in the place that it names', ' || !isInItsPlace(head, region.position + offset)', ''],
    ['the payload of a head verifies', 'if (!isPayloadIntact(region, offset, header)) return null;', ''],
  ],
  'chunk-scan.ts': [
    ['a batch with damage is not sound', 'damages.length === 0 && isCountRight(head, records)', 'true'],
    ['a batch has as many records as its head says', ' && isCountRight(head, records)', ''],
    ['what a recovery cut is not rot', "wasCutAt(next, position) ? 'abandoned' : 'damaged'", "'damaged'"],
    ['rot is not what a recovery cut', "wasCutAt(next, position) ? 'abandoned' : 'damaged'", "'abandoned'"],
    ['a later head is a durable mark', "return wasCutAt(next, position) ? 'abandoned' : 'damaged';", "return 'tail';"],
    ['a later chunk is a durable mark', "this.#isFollowed ? 'damaged' : 'tail'", "'tail'"],
    ['the end of a log may be torn', "this.#isFollowed ? 'damaged' : 'tail'", "'damaged'"],
    ['a block that is not zero is a trace', 'if (!isZero(this.#region.bytes, position, end)) return true;', ''],
    [
      'a record behind a lost head is a trace',
      'return records.some((record) => record.payload !== null);',
      'return false;',
    ],
    ['a block that cannot be read is a trace', 'if (this.#isUnreadable(position, end)) return true;', ''],
    ['a batch without head and table is unknown', 'isUnknown: known < lost', 'isUnknown: false'],
    ['a batch without any table is unknown', 'isUnknown: rowsOfNext === null', 'isUnknown: false'],
    [
      'the next batch tells of a lost table',
      'next?.previousEnd === endPosition ? this.#previousRowsOf(next) : null',
      'null',
    ],
  ],
  'recovery.ts': [
    ['a reserve without chunks is no new log', 'refuseLostChunks(listing, options.directory);', ''],
    ['what was read is synced before it is shown', 'if (!this.#options.isReadOnly) this.#sync();', ''],
    ['the names that were read are synced', 'files.fsyncDirectory(directory);', ''],
    ['a chunk in the middle is missed', 'sequence !== before.header.sequence + 1', 'false'],
    ['a chunk follows the one whose salt it has', '!isSameSalt(previousSalt, before.header.salt)', 'false'],
    ['a chunk belongs to this log', '!isSameSalt(logId, before.header.logId)', 'false'],
    ['a chunk is the one of its name', 'header.sequence !== sequence', 'false'],
    ['the newest chunk is missed', 'if (newest !== undefined) this.#checkNewest(newest);', ''],
    ['a checkpoint counts when it is whole', 'checkpoint?.isWhole !== true && !isBeginning', 'checkpoint === null'],
    ['votes of a checkpoint in parts are not trusted', '{ ...state, isVoteLost: true }', 'state'],
    ['what is cut is copied aside', "standing === 'tail' && !this.#options.isReadOnly", 'false'],
    ['a reader copies nothing aside', "standing === 'tail' && !this.#options.isReadOnly", "standing === 'tail'"],
    [
      'absolute copies nothing aside',
      "!this.#options.isReadOnly && this.#options.mode !== 'absolute'",
      '!this.#options.isReadOnly',
    ],
    ['a reader leaves a batch on its way alone', 'if (this.#isOnItsWay(batch)) continue;', ''],
    ['a cut is told to later opens', 'isCut ? batch.position : batch.endPosition', 'batch.endPosition'],
    ['absolute refuses every damage', "mode === 'absolute' || standing", 'standing'],
    ['a damage of structure is refused', "mode === 'absolute' || standing === 'structure'", "mode === 'absolute'"],
    ['a chunk without a checkpoint gets one first', 'needsCheckpoint: next.number === 1', 'needsCheckpoint: false'],
    ['what follows a chunk is looked for', 'return first !== undefined;', 'return false;'],
  ],
  'copy-aside.ts': [
    ['a log with a torn tail opens on a full disk', "isOpError(error) && error.code === 'DISK_FULL'", 'false'],
  ],
  'replay.ts': [
    [
      'an earlier vote never replaces a later one',
      'if (term < state.term || (term === state.term && state.vote !== null)) return state;',
      '',
    ],
    ['what follows a hole in the tail is cut', 'context.blocked.add(group.id);', 'context.seen.get(0);'],
    ['an entry whose payload is lost is faulty', 'if (payload === null) group.faulty.add(index, index);', ''],
    ['a lost vote is told', "isMissing(row, 'vote', context)) group", 'false) group'],
    ['lost user data are told', "isMissing(row, 'userData', context)) group", 'false) group'],
    ['the second copy of a vote counts', '(originals === null || originals.has(keyOf(record.header)))', 'true'],
    ['slots that may have been acknowledged are ambiguous', 'if (isWhole) return;', 'if (durable !== null) return;'],
    ['what nobody knows is suspected of every group', 'if (batch.isUnknown) this.#suspectAll(context);', ''],
    ['a checkpoint that misses a group is not whole', 'states.size === expected', 'true'],
    [
      'a second ambiguity does not hide the first',
      'before === null ? ambiguity : wider(before, ambiguity)',
      'ambiguity',
    ],
    [
      'a table tells which slots are lost',
      'if (row.lastIndex > group.durable.lastIndex) {',
      'if (row.lastIndex === -1) {',
    ],
    [
      'a table tells which truncation is lost',
      'if (row.lastIndex < group.durable.lastIndex)',
      'if (row.lastIndex === -1)',
    ],
    [
      'a table tells which purge is lost',
      'if (row.purgedIndex > group.durable.purgedIndex) {',
      'if (row.purgedIndex === -1) {',
    ],
    ['a table tells which group is gone', 'if (!existsAfter(row)) return this.#destroy(row.group);', ''],
  ],
  'sealed-chunk.ts': [
    [
      'a footer that does not verify is not used',
      'header === null || !isPayloadIntact(region, offset, header)',
      'header === null',
    ],
  ],
  'link-entries.ts': [['what no chunk holds is faulty', 'for (const group of groups.values()) markHoles(group);', '']],
  'footer.ts': [
    ['the trailer has a checksum', 'return viewOf(bytes).getUint32(trailerAt.checksum, true) === sum;', 'return true;'],
  ],
  'entry-reader.ts': [
    [
      'a payload that is read is verified',
      'header === null || !isPayloadIntact(window, offset, header)',
      'header === null',
    ],
    ['a read gives the entry that was asked for', ' || !isWanted(header, group, index)', ''],
  ],
  'log-core.ts': [
    ['an operation is checked before it is encoded', 'checkOperation(operation);', ''],
    [
      'more than a batch holds is refused',
      'if (bytes > this.#limits.batchBytes) throw this.#tooLarge(operation, bytes);',
      '',
    ],
    [
      'groups are bounded by what a checkpoint holds',
      'if (sizeBytes > limitBytes) throw',
      'if (sizeBytes === -1) throw',
    ],
    [
      'nothing is visible before its batch is durable',
      'this.#standby = batch;',
      'this.#standby = batch;\n    this.#publish(batch);',
    ],
    [
      'a purge takes nothing before it is durable',
      'effects.push({ operation, positions });',
      "effects.push({ operation, positions });\n    if (operation.kind === 'purge') group.index.purgeTo(operation.index);",
    ],
    [
      'a batch in a recycled file is followed by zeroes',
      'this.#isRecycled && endPosition <',
      'this.#isRecycled && -1 >',
    ],
    [
      'a file of an earlier process counts as recycled',
      'this.#isRecycled = recovered !== null;',
      'this.#isRecycled = false;',
    ],
    ['a chunk with entries stays', 'references === 0 && ', ''],
    ['a chunk stays until its states stand in a later one', ' && header.sequence < this.#baseSequence', ''],
    ['room is kept for votes and purges', 'isGrowth(operation) ? headroomBytes(this.#limits) : 0', '0'],
    [
      'entries are refused while the disk is full',
      'if (this.space.isFull && isGrowth(operation)) throw this.#full();',
      '',
    ],
  ],
  'chunk-change.ts': [
    ['states of a checkpoint stand in two places', "builder.addTwice({ kind: 'state'", "builder.add({ kind: 'state'"],
    [
      'zeroes go where the first batch of a recycled file begins',
      'firstBatchPosition(blockBytes) + blockBytes',
      'firstBatchPosition(blockBytes)',
    ],
  ],
  'batch-builder.ts': [
    [
      'a second copy is in another block',
      'alignBlock(this.#offset + recordHeaderBytes, this.place.blockBytes)',
      'this.#offset + recordHeaderBytes',
    ],
  ],
  'operation-records.ts': [
    ['a vote stands in two places', 'builder.addTwice({ ...simple, kind, term', 'builder.add({ ...simple, kind, term'],
  ],
  'log-disk.ts': [
    [
      'a batch is synced',
      'const writtenMs = this.#clock.monotonicMs();\n    file.fdatasync();',
      'const writtenMs = this.#clock.monotonicMs();',
    ],
    [
      'a batch is synced after it is written',
      'file.pwrite(bytes, position);',
      'file.fdatasync();\n    file.pwrite(bytes, position);\n    if (position >= 0) return { writeMs: 0, syncMs: 0, isDiskFull: false };',
    ],
    ['a header is durable before its chunk has its name', 'spare.fdatasync();', ''],
    [
      'the name of a chunk is durable before it is used',
      'this.#files.rename(job.from, job.to);\n    this.#syncDirectoryOf(job.to);',
      'this.#files.rename(job.from, job.to);',
    ],
    [
      'a chunk is sealed after the next one is durable',
      'this.#syncDirectoryOf(job.to);\n    if (job.seal !== null) this.#seal(job.seal);',
      'if (job.seal !== null) this.#seal(job.seal);\n    this.#syncDirectoryOf(job.to);',
    ],
    [
      'a seal is durable before the next batch',
      'file.pwrite(trailer.bytes, trailer.position);\n    file.fdatasync();',
      'file.pwrite(trailer.bytes, trailer.position);',
    ],
    [
      'the removal of a chunk is durable',
      'else this.#files.rename(path, to);\n    this.#syncDirectoryOf(path);',
      'else this.#files.rename(path, to);',
    ],
    ['a disk that failed once is not touched again', 'this.#isPoisoned = true;', ''],
    ['a full disk ends no log while it prepares', "isOpError(error) && error.code === 'DISK_FULL'", 'false'],
  ],
  'log-writer.ts': [
    ['a failed log refuses calls', 'if (this.#poison !== null) return Promise.reject(this.#poison);', ''],
    [
      'everybody who waits hears of the failure',
      '[...this.#written, ...this.#staged, ...this.#waiting]',
      '[...this.#written]',
    ],
    ['calls that wait are bounded', 'this.#waiting.length >= waitingLimit', 'false'],
    [
      'calls are served in their order',
      'if (this.#waiting.length > 0) this.#waiting.push(call);',
      'if (this.#waiting.length < 0) this.#waiting.push(call);',
    ],
    [
      'nobody is answered before the batch is durable',
      'this.#written = this.#staged;',
      'this.#written = this.#staged;\n    for (const call of this.#written) call.resolve();',
    ],
  ],
  'log-space.ts': [
    [
      'the reserve is given up on a full disk',
      'if (!this.#isBlocked || !this.hasReserve) return null;',
      'return null;',
    ],
    ['the reserve is kept until the disk is full', '!this.#isBlocked || !this.hasReserve', '!this.hasReserve'],
    [
      'a spare of an earlier process counts as recycled',
      'sizeBytes: sizeOf(first), isRecycled: true',
      'sizeBytes: sizeOf(first), isRecycled: false',
    ],
    [
      'a chunk that is used again counts as recycled',
      'path: to, sizeBytes, isRecycled: true',
      'path: to, sizeBytes, isRecycled: false',
    ],
  ],
  'operation-rules.ts': [
    ['counters have 48 bits', 'Number.isSafeInteger(value) && value >= 0 && value <= counterMax', 'value < Infinity'],
    ['an entry follows the last one', 'index === lastIndex + 1 ? null', 'index >= 0 ? null'],
    ['terms of entries do not go back', 'term >= lastTerm ? null', 'term >= 0 ? null'],
    ['a term is saved before its entries', 'term <= state.term ? null', 'term >= 0 ? null'],
    ['a term that is over does not come back', 'term >= state.term ? null', 'term >= 0 ? null'],
    ['one vote a term', 'return isSecond ?', 'return isSecond && term < 0 ?'],
    ['a commit does not go back', 'index >= state.commit ? null : `${state.commit} is committed`', 'null'],
    ['what is not held is not committed', 'index <= state.lastIndex ? null', 'index >= 0 ? null'],
    ['what is committed is not truncated', 'index >= fixed ? null', 'index >= 0 ? null'],
    [
      'what is not committed is not purged',
      'index <= Math.min(state.commit, state.lastIndex) ? null',
      'index >= 0 ? null',
    ],
    [
      'a snapshot does not go back',
      'index >= state.commit ? null : `${state.commit} is committed, and',
      'index >= 0 ? null : `${state.commit} is committed, and',
    ],
    ['user data are bounded', 'data.length <= userDataLimitBytes ? null', 'data.length >= 0 ? null'],
    ['only a faulty slot is repaired', 'group.faulty.has(entry.index) ? null', 'entry.index >= 0 ? null'],
    ['a repair has the term of its slot', 'known === 0 || known === entry.term ? null', 'known >= 0 ? null'],
  ],
  'raft-log.ts': [
    ['one opener at a time', 'files.lock(join(options.directory, lockName))', "{ path: '', release: () => undefined }"],
    ['the directory of a new log is durable', 'files.fsyncDirectory(dirname(directory));', ''],
    ['who knows of a log gets no new one', 'recovered === null && options.create === false', 'false'],
    ['what is purged is not read', 'if (range.from <= purgedIndex) {', 'if (range.from < 0) {'],
    [
      'a closed log takes no calls',
      "if (this.#isClosed) throw new OpError('RAFT_LOG_CLOSED'",
      "if (this.#isClosed && this.#directory === '') throw new OpError('RAFT_LOG_CLOSED'",
    ],
  ],
  'scrubber.ts': [
    ['what a scrub finds is faulty', 'group.faulty.add(index, index);', 'group.faulty.has(index);'],
    ['a scrub of a chunk that is gone tells nothing', 'if (!core.chunks.includes(chunk)) return;', ''],
  ],
  'scrub.ts': [
    [
      'a scrub tells of a lost trailer',
      'if (readTrailer(files, path, header) === null) damages.push(lostTrailer(header));',
      '',
    ],
    ['a scrub tells of every damage', "if (batch.standing !== 'abandoned') damages.push(...batch.damages);", ''],
  ],
  'effects.ts': [
    ['a truncation lets faulty slots go', 'group.faulty.remove(operation.index + 1, Infinity);', ''],
    ['a repaired slot is sound', 'group.faulty.remove(operation.entry.index, operation.entry.index);', ''],
  ],
};

export const mutations: readonly Mutation[] = Object.entries(table).flatMap(([file, rows]) =>
  rows.map(([check, text, replacement]) => ({ check, file, text, replacement })),
);
