// Checks in the bytes of a log: what verifies, what a reader concludes of what does not.
import type { MutationRows } from './mutations.ts';

export const formatMutations: MutationRows = {
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
    ['a kind of record that nobody knows is none', 'kind === null || ', ''],
    ['a flag that nobody knows makes a record none', ' || (flags & ~knownFlags) !== 0', ''],
  ],
  'file-header.ts': [
    [
      "the file's header has a checksum",
      'return viewOf(block).getUint32(at.checksum, true) === checksum(block, 0, at.checksum, copyStart(salt, position));',
      'return true;',
    ],
    ["a copy of the file's header is bound to its place", 'headerStart(fileSeed(salt), position)', 'fileSeed(salt)'],
    ['a format of another version is refused', 'header.version !== formatVersion', 'false'],
    ['blocks of another size are refused', '!blockSizes.some((size) => size === header.blockBytes)', 'false'],
    ['a chunk beyond what positions reach is refused', 'header.chunkBytes > chunkBytesMax', 'false'],
    [
      "the second copy of the file's header counts where the first does not",
      'const second = decodeCopy(bytes, blockBytes);',
      'const second = first === null ? null : decodeCopy(bytes, blockBytes);',
    ],
  ],
  'batch-head.ts': [
    ['a batch is of this life of the file', '!isOfThisLife(payload, salt) || ', ''],
    ['a head is in the place that it names', ' || !isInItsPlace(head, region.position + offset)', ''],
    ['the payload of a head verifies', 'if (!isPayloadIntact(region, offset, header)) return null;', ''],
    ['a batch ends within its chunk', 'offset + head.batchBytes <= region.bytes.length ? head : null', 'head'],
  ],
  'batch-builder.ts': [
    [
      'a second copy is in another block',
      'alignBlock(this.#offset + recordHeaderBytes, this.place.blockBytes)',
      'this.#offset + recordHeaderBytes',
    ],
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
    ['a batch without head and table is unknown', 'isUnknown: !isTold', 'isUnknown: false'],
    ['a batch without any table is unknown', 'isUnknown: rowsOfNext === null', 'isUnknown: false'],
    ['the next batch tells of a lost table', 'isRepeated ? this.#previousRowsOf(next) : null', 'null'],
    ['behind a cut the next batch repeats nothing', ' && next.position === endPosition;', ';'],
    ['of what was cut the next batch repeats nothing', 'next?.previousEnd === endPosition && next.', 'next?.'],
    ['nothing is looked for behind a tail', "if (batch.standing === 'tail') return;", ''],
    ['what was begun behind a cut is cut with it', 'if (cutEnd > endPosition) return', 'if (cutEnd < 0) return'],
    ['a tail without a head is told to its end or unknown', 'isToldToItsEnd && this', 'this'],
    [
      'a copy behind a hole is of another batch',
      'record.position === endOf(records[table + at])',
      "(record.header.isCopy || record.header.kind === 'gap')",
    ],
    ['tables of what was cut tell of no other batch', ' && next.number === this.#lastNumber + 2', ''],
    ['behind damage a cut may be lost', 'this.#rowsBefore !== null && next', 'next'],
    ['a table follows the one before', 'isDeepStrictEqual(repeated, [before])', 'repeated.length === 1'],
    ['two votes leave the same rows', ' || before.some(mayBeSaidTwice)', ''],
    ['a lost batch is told by one of two tables', ' && (rowsOfNext !== null || survivors.records.some(isTable))', ''],
  ],
  'chunk-files.ts': [
    [
      'what is missing of a cut chunk is unreadable',
      '[...unreadable, { position: bytes.length, lengthBytes }]',
      'unreadable',
    ],
    ['a block that the disk refuses once is asked for again', 'const retriesMax = 2;', 'const retriesMax = 1;'],
    [
      'a block that the disk refuses is unreadable',
      'unreadable.push({ position: position + offset, lengthBytes: block.length });',
      '',
    ],
    ['a trailer that is cut is none', 'bytes.length < trailerBytes ? null : ', ''],
  ],
  'footer.ts': [
    ['the trailer has a checksum', 'return viewOf(bytes).getUint32(trailerAt.checksum, true) === sum;', 'return true;'],
  ],
  'sealed-chunk.ts': [
    ['a footer that says nothing is not relied on', 'blocks === null || blocks.length === 0', 'blocks === null'],
    [
      'a group without a state may have had all that it has later',
      '[...widest, ...readCheckpoint',
      '[...readCheckpoint',
    ],
    [
      'a footer that does not verify is not used',
      'header === null || !isPayloadIntact(region, offset, header)',
      'header === null',
    ],
    ['damage of a chunk whose footer is lost is told', "(batch.standing === 'abandoned' ? [] : batch.damages)", '[]'],
    ['an end that the next chunk knows nothing of takes nothing away', 'soundEnd < batches.length', 'soundEnd < 0'],
    ['an end that the next chunk had is missed', 'isEndOf(sound, following())', 'following() !== null'],
  ],
  'entry-reader.ts': [
    [
      'a payload that is read is verified',
      'header === null || !isPayloadIntact(window, offset, header)',
      'header === null',
    ],
    ['a read gives the entry that was asked for', ' || !isWanted(header, group, index)', ''],
  ],
  'scrub.ts': [
    [
      'a scrub tells of a lost trailer',
      'if (readTrailer(files, path, header) === null) damages.push(lostTrailer(header));',
      '',
    ],
    ['a scrub tells of every damage', "if (batch.standing !== 'abandoned') damages.push(...batch.damages);", ''],
  ],
  'sound-chunk.ts': [
    ['a chunk with a payload that rots is not sound', ' || !isPayloadIntact(region, offset, header)', ''],
    ['a chunk is sound when all records of its batches are there', 'return records === recordCount;', 'return true;'],
    ['a chunk is sound when nothing follows its end', ' || isEnd(window, position, blockBytes)', ' || true'],
  ],
  'tools.ts': [
    [
      'headers are repaired while nobody has the log',
      'const lock = files.lock(join(directory, lockName));',
      'const lock = { release: () => undefined };',
    ],
  ],
};
