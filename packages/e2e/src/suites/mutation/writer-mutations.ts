// Checks on the way from a call to the disk.
import type { MutationRows } from './mutations.ts';

export const writerMutations: MutationRows = {
  'log-core.ts': [
    ['a footer is not for groups that lost something', 'old.isShortOfSlots ? [] : ', ''],
    ['a chunk whose only batch was cut is not fresh', ' && !isBehindCut', ''],
    ['an operation is checked before it is encoded', 'checkOperation(operation);', ''],
    [
      'more than a batch holds is refused',
      'if (bytes > this.#limits.batchBytes) throw this.#tooLarge(operation, bytes);',
      '',
    ],
    [
      'groups are bounded by what a checkpoint holds',
      'addedBytes < 0 || sizeBytes <= limitBytes',
      'addedBytes < Infinity',
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
    [
      'user data are bounded by what a checkpoint holds',
      'this.#refuseLargeCheckpoint(stateBytesTwice({ userData: data }) - stateBytesTwice(group.staged));',
      '',
    ],
    ['chunks that are too small for the states are refused', 'this.#refuseLargeCheckpoint(0);', ''],
    ['room is kept for the footer', 'end + footer + headroom <=', 'end + headroom <='],
    [
      'a chunk of another size is not used again',
      'isReusable ? this.space.retirementPath() : null',
      'this.space.retirementPath()',
    ],
    [
      'what is left of a given-up reserve is for votes',
      'if (this.space.isReserveInUse && isGrowth(operation)) return false;',
      '',
    ],
    ['a chunk is recycled when its file was', 'this.#isRecycled = isRecycled;', 'this.#isRecycled = false;'],
    ['a checkpoint in a recycled file is followed by zeroes', 'file.isRecycled ? blockBytes : 0', '0'],
    [
      'votes do not wait for room that never comes',
      'if (!this.space.hasReserve && !this.hasStaged) throw this.#full();',
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
  'operation-records.ts': [
    ['a vote stands in two places', 'builder.addTwice({ ...simple, kind, term', 'builder.add({ ...simple, kind, term'],
    ['a vote that is saved in doubt says so', 'state.isVoteLost ? recordFlags.isInDoubt : 0', '0'],
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
    [
      'a chunk that was cut has its size again',
      'if (this.#missingSizeBytes !== null) this.#restoreSize(file, this.#missingSizeBytes);',
      '',
    ],
    [
      'a chunk that was cut has its size again behind a batch only',
      'this.#missingSizeBytes = sizeBytes;',
      'this.#restoreSize(this.#activeFile, sizeBytes);',
    ],
    [
      'a full disk ends no log whose chunk was cut',
      "if (!isOpError(error) || error.code !== 'DISK_FULL') throw error;",
      'throw error;',
    ],
  ],
  'log-writer.ts': [
    ['a failed log refuses calls', 'if (this.#poison !== null) return Promise.reject(this.#poison);', ''],
    ['everybody who waits hears of the failure', '[this.#written, this.#staged, ...this.#waiting]', '[this.#written]'],
    ['calls that wait are bounded', 'this.#waiting.length >= waitingLimit', 'false'],
    ['calls are served in their order', 'this.#waiting.length > 0 ? this.#wait(request, startMs) : ', ''],
    [
      'nobody is answered before the batch is durable',
      'this.#written = this.#staged;',
      'this.#written = this.#staged;\n      this.#written.resolve();',
    ],
    ['a flush waits for what is laid out', 'if (this.#staged.count > 0) return this.#staged.join(startMs);', ''],
    ['a flush waits for what is written', 'this.#written.count > 0 ? this.#written.join(startMs) : ', ''],
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
    [
      'a reserve that an earlier process gave up is not there',
      'this.#isReserveInUse = !this.hasSpare && !this.hasReserve;',
      '',
    ],
    ['a spare or a reserve that is too large is none', 'sizeOf(path) <= this.#limits.chunkBytes;', 'true;'],
    ['a spare is used when it is whole', 'spare !== null && this.hasSpare', 'spare !== null'],
  ],
  'operation-rules.ts': [
    ['counters have 48 bits', 'return isCounter(value)', 'return value < Infinity'],
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
    [
      'the term of a snapshot is saved before it',
      'snapshotBackObjection(index, state) ??\n    aheadOfTermObjection(term, state)',
      'snapshotBackObjection(index, state)',
    ],
  ],
  'raft-log.ts': [
    ['one opener at a time', 'files.lock(join(options.directory, lockName))', "{ path: '', release: () => undefined }"],
    ['the directory of a new log is durable', 'files.fsyncDirectory(dirname(directory));', ''],
    ['who knows of a log gets no new one', 'recovered === null && options.create === false', 'false'],
    ['what is purged is not read', 'if (range.from <= purgedIndex) {', 'if (range.from < 0) {'],
    ['a closed log takes no calls', 'return this.#isClosed ? Promise.reject(this.#closed()) : ', 'return '],
    ['a log that does not open lets go of its lock', 'lock.release();\n      throw error;', 'throw error;'],
    ['user data are copied', 'const copy = copyOf(data);', 'const copy = data;'],
    [
      'a settlement says the vote again',
      "return { kind: 'vote', group: staged, term: staged.staged.term, vote: staged.staged.vote };",
      "return { kind: 'settle', group: staged };",
    ],
    ['a group has 32 bits', 'group >= 0 && group <= groupMax', 'group >= 0'],
    ['what is not durable is not read', 'Math.min(range.to, lastIndex)', 'range.to'],
  ],
  'scrubber.ts': [
    ['what a scrub finds is faulty', 'group.faulty.add(index, index);', 'group.faulty.has(index);'],
    ['a scrub of a chunk that is gone tells nothing', 'if (!core.chunks.includes(chunk)) return;', ''],
    ['only sealed chunks are scrubbed', '.filter((chunk) => chunk.isSealed)', '.filter(() => true)'],
  ],
  'effects.ts': [
    ['a truncation lets faulty slots go', 'group.faulty.remove(operation.index + 1, Infinity);', ''],
    ['a repaired slot is sound', 'group.faulty.remove(operation.entry.index, operation.entry.index);', ''],
    ['a purge takes its entries', 'group.purgeTo(group.durable.purgedIndex);', ''],
    ['a destroyed group is gone', 'if (groups.get(id) === group) groups.delete(id);', ''],
    ['a vote ends no doubt', 'vote: operation.vote };', 'vote: operation.vote, isVoteLost: false };'],
    ['a settlement ends it', 'ambiguity: null, isVoteLost: false };', 'ambiguity: null };'],
  ],
  'worker.ts': [
    ['an error in the thread is told as one', 'answer(request, statuses.failed);', 'answer(request, statuses.done);'],
  ],
  'log-limits.ts': [
    ['chunks that are too small are refused', 'chunkBytes >= blocksMin * blockBytes', 'chunkBytes >= blockBytes'],
    ['the largest batch leaves room for a checkpoint', 'chunkBytes / batchShare', 'chunkBytes'],
  ],
};
