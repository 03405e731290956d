// The names on a virtual disk: directories, and which of their entries would be left after a power loss. A change of an
// entry (create, link, rename, remove) is one step that happens or does not. Until the directory is fsynced each may be
// lost; changes of the same name keep their order, those of different names may survive in any combination.
import { invariant } from './invariant.ts';
import type { Random } from './random.ts';
import { VirtualFileContent } from './virtual-file-content.ts';

/** Entries of a directory: the inode's number by name. */
type Entries = Map<string, number>;

interface Directory {
  readonly current: Entries;
  readonly durable: Entries;
}

export type Inode =
  | { readonly kind: 'file'; readonly number: number; readonly content: VirtualFileContent }
  | { readonly kind: 'directory'; readonly number: number; readonly entries: Directory };
export type FileInode = Extract<Inode, { kind: 'file' }>;

/** A name in a directory, the name's inode or null for none. */
export interface EntryChange {
  readonly directory: number;
  readonly name: string;
  readonly inode: number | null;
}
type NameChange = readonly EntryChange[];

export const rootNumber = 1;

export class VirtualNames {
  readonly #inodes = new Map<number, Inode>();
  /** What no fsync of a directory has made durable, oldest first. */
  #pending: NameChange[] = [];
  #lastNumber = rootNumber;

  constructor() {
    this.#inodes.set(rootNumber, directoryInode(rootNumber));
  }

  inode(number: number): Inode {
    const inode = this.#inodes.get(number);
    invariant(inode !== undefined, `inode ${number} is not on the disk`);
    return inode;
  }

  files(): FileInode[] {
    return [...this.#inodes.values()].filter((inode) => inode.kind === 'file');
  }

  makeFile(): FileInode {
    const inode: FileInode = { kind: 'file', number: ++this.#lastNumber, content: new VirtualFileContent() };
    this.#inodes.set(inode.number, inode);
    return inode;
  }

  makeDirectory(): Inode {
    const inode = directoryInode(++this.#lastNumber);
    this.#inodes.set(inode.number, inode);
    return inode;
  }

  lookup(directory: number, name: string): Inode | null {
    const number = this.#entries(directory).current.get(name);
    return number === undefined ? null : this.inode(number);
  }

  names(directory: number): string[] {
    return [...this.#entries(directory).current.keys()];
  }

  change(change: NameChange): void {
    this.#apply(change, 'current');
    this.#pending.push(change);
  }

  /** Makes the directory's changes durable, with the earlier ones of other directories that they build on. */
  fsync(directory: number): void {
    const wanted = new Set<string>();
    const flushed = new Set<NameChange>();
    for (const change of this.#pending.toReversed()) {
      const isWanted = change.some((entry) => entry.directory === directory || wanted.has(key(entry)));
      if (!isWanted) continue;
      flushed.add(change);
      for (const entry of change) wanted.add(key(entry));
    }
    for (const change of this.#pending) if (flushed.has(change)) this.#apply(change, 'durable');
    this.#pending = this.#pending.filter((change) => !flushed.has(change));
  }

  /** Power loss: `random` chooses which changes had reached the disk; what no name leads to is gone. */
  crash(random: Random): void {
    const lost = new Set<string>();
    for (const change of this.#pending) {
      if (random.below(2) === 0 || change.some((entry) => lost.has(key(entry)))) {
        for (const entry of change) lost.add(key(entry));
      } else {
        this.#apply(change, 'durable');
      }
    }
    this.#pending = [];
    for (const inode of this.#inodes.values()) {
      if (inode.kind === 'directory') copyEntries(inode.entries.durable, inode.entries.current);
    }
    this.dropUnnamed(new Set());
  }

  /** Forgets what neither a name, nor a name that may come back, nor an open file leads to. */
  dropUnnamed(openFiles: ReadonlySet<number>): void {
    const kept = new Set<number>(openFiles);
    const walk = (number: number): void => {
      if (kept.has(number)) return;
      kept.add(number);
      const inode = this.inode(number);
      if (inode.kind === 'file') return;
      for (const child of [...inode.entries.current.values(), ...inode.entries.durable.values()]) walk(child);
    };
    walk(rootNumber);
    for (const { directory, inode } of this.#pending.flat()) {
      walk(directory);
      if (inode !== null) walk(inode);
    }
    for (const number of this.#inodes.keys()) if (!kept.has(number)) this.#inodes.delete(number);
  }

  #entries(directory: number): Directory {
    const inode = this.inode(directory);
    invariant(inode.kind === 'directory', `inode ${directory} is no directory`);
    return inode.entries;
  }

  #apply(change: NameChange, version: keyof Directory): void {
    for (const { directory, name, inode } of change) {
      const entries = this.#entries(directory)[version];
      if (inode === null) entries.delete(name);
      else entries.set(name, inode);
    }
  }
}

function directoryInode(number: number): Inode {
  return { kind: 'directory', number, entries: { current: new Map(), durable: new Map() } };
}

function copyEntries(from: Entries, to: Entries): void {
  to.clear();
  for (const [name, number] of from) to.set(name, number);
}

function key(entry: EntryChange): string {
  return `${entry.directory}/${entry.name}`;
}
