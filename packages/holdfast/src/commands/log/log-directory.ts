// What the commands about a log share: where it lies, whether somebody writes it at this moment, and how damage is told.
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { OpError, RealFiles } from '@holdfast/base';
import type { SeenChunk } from '@holdfast/raft-log';

export const directoryParameter = { name: 'DIR', summary: 'the directory of the log', required: true } as const;

export interface LogDirectory {
  readonly files: RealFiles;
  readonly directory: string;
}

export function logDirectory(text: string | null): LogDirectory {
  const directory = resolve(text ?? '');
  const files = new RealFiles();
  const stat = files.stat(directory);
  if (stat === null) throw new OpError('FILE_NOT_FOUND', { operation: 'open', path: directory });
  if (stat.kind !== 'directory') {
    throw new OpError('ARGUMENT_WRONG', { argument: 'DIR', reason: `${directory} is no directory` });
  }
  return { files, directory };
}

/** Whether the process that the lock names lives here: what looks like a torn end may be its next batch. */
export function isAlive(files: RealFiles, holder: string | null): boolean {
  const match = /^process (\d+) on (.+)$/.exec(holder ?? '');
  return match?.[2] === hostname() && files.stat(`/proc/${match[1]}`) !== null;
}

export function tellChunk({ sequence, header, isSealed }: SeenChunk, formatBytes: (bytes: number) => string): string {
  if (header === null) return `chunk ${sequence}: UNREADABLE`;
  const size = formatBytes(header.chunkBytes);
  return `chunk ${sequence}: ${size} in blocks of ${header.blockBytes}, ${isSealed ? 'sealed' : 'active'}`;
}

export interface Place {
  readonly position: number;
  readonly lengthBytes: number;
  readonly reason: string;
}

export function tellPlace(word: string, { position, lengthBytes, reason }: Place): string {
  return `${word} at ${position}${lengthBytes === 0 ? '' : ` (${lengthBytes} bytes)`}: ${reason}`;
}

export function counted(count: number, singular: string, plural: string): string {
  return `${count} ${count === 1 ? singular : plural}`;
}
