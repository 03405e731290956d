import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EveryChoice } from './every-choice.ts';
import { readContent, replaceContent } from './file-contents.ts';
import type { Files } from './files.ts';
import { VirtualCrash, VirtualDisk, type VirtualDiskOptions } from './virtual-disk.ts';

const sector = 512;
const filled = (letter: string, sectors = 1): Buffer => Buffer.alloc(sectors * sector, letter);

/** A file's sectors by their first letter, '.' for zeroes: "AB." */
function letters(files: Files, path: string): string {
  const content = readContent(files, path, 1_000_000) ?? new Uint8Array();
  let told = '';
  for (let at = 0; at < content.length; at += sector)
    told += String.fromCharCode(content[at] === 0 ? 46 : (content[at] ?? 46));
  return told;
}

function diskWith(content: Buffer, options: Partial<VirtualDiskOptions> = {}): VirtualDisk {
  const disk = new VirtualDisk({ seed: 1, ...options });
  replaceContent(disk.files, '/file', content);
  return disk;
}

/** Every state that a power loss after `work` can leave, as `tell` puts it. */
function survivors(before: Buffer, work: (files: Files) => void, tell: (files: Files) => string): string[] {
  const states = new Set<string>();
  const choices = new EveryChoice();
  do {
    const disk = diskWith(before);
    work(disk.files);
    states.add(tell(disk.restart('power', choices)));
  } while (choices.advance());
  return [...states].sort();
}

describe('what a power loss leaves of a file', () => {
  const tell = (files: Files): string => letters(files, '/file');

  test.each<[string, string, (files: Files) => void, string[]]>([
    [
      'unsynced sectors may each be lost',
      'AB',
      (files) => open(files).pwrite(filled('x', 2), 0),
      ['AB', 'Ax', 'xB', 'xx'],
    ],
    [
      'any version since the last sync may be the one that stays',
      'A',
      (files) => {
        open(files).pwrite(filled('x'), 0);
        open(files).pwrite(filled('y'), 0);
      },
      ['A', 'x', 'y'],
    ],
    [
      'what was synced stays, whatever came after',
      'AB',
      (files) => {
        const file = open(files);
        file.pwrite(filled('x'), 0);
        file.fdatasync();
        file.pwrite(filled('y'), sector);
      },
      ['xB', 'xy'],
    ],
    [
      'a sync through one handle holds for what another one wrote',
      'A',
      (files) => {
        open(files).pwrite(filled('x'), 0);
        open(files).fsync();
      },
      ['x'],
    ],
    [
      'a file may have grown without its bytes',
      'A',
      (files) => open(files).pwrite(filled('x'), sector),
      ['A', 'A.', 'Ax'],
    ],
    ['a cut happens or does not', 'ABC', (files) => open(files).ftruncate(sector), ['A', 'ABC']],
    [
      'what was written behind a cut cannot appear in the file that was not cut',
      'ABC',
      (files) => {
        const file = open(files);
        file.ftruncate(sector);
        file.pwrite(filled('x'), sector);
      },
      // Cut; cut and grown with the sector lost; not cut; all of it. Never "AB" behind the cut, never "AxC" without it.
      ['A', 'A.', 'ABC', 'Ax'],
    ],
    [
      'a write that a later cut took away does not come back behind it',
      'A',
      (files) => {
        const file = open(files);
        file.pwrite(filled('x'), sector);
        file.ftruncate(sector);
        file.ftruncate(3 * sector);
      },
      // Before the cut with the write or without it; cut; cut and grown. Never "Ax.".
      ['A', 'A.', 'A..', 'Ax'],
    ],
  ])('%s', (_name, before, work, expected) => {
    expect(survivors(Buffer.concat(before.split('').map((letter) => filled(letter))), work, tell)).toEqual(expected);
  });

  const open = (files: Files): ReturnType<Files['open']> => files.open('/file', 'write');
});

describe('what a power loss leaves of names', () => {
  const tell = (files: Files): string =>
    files
      .readdir('/')
      .map((name) => `${name}=${letters(files, `/${name}`)}`)
      .join(' ');

  test.each<[string, (files: Files) => void, string[]]>([
    [
      'a synced file without its directory synced may be gone',
      (files) => {
        const file = files.open('/new', 'create');
        file.pwrite(filled('n'), 0);
        file.fsync();
      },
      ['file=A', 'file=A new=n'],
    ],
    ['a removed file may be back', (files) => files.unlink('/file'), ['', 'file=A']],
    [
      'a renamed file has one name, the old or the new',
      (files) => files.rename('/file', '/moved'),
      ['file=A', 'moved=A'],
    ],
    [
      'changes of different names survive in any combination',
      (files) => {
        files.open('/a', 'create').close();
        files.open('/b', 'create').close();
      },
      ['a= b= file=A', 'a= file=A', 'b= file=A', 'file=A'],
    ],
    [
      'changes of one name keep their order: the first file is never lost under the second',
      (files) => {
        files.rename('/file', '/old');
        files.open('/file', 'create').close();
      },
      ['file= old=A', 'file=A', 'old=A'],
    ],
    [
      'an fsync of the directory makes all of it stay',
      (files) => {
        files.rename('/file', '/old');
        files.open('/new', 'create').close();
        files.fsyncDirectory('/');
        files.unlink('/new');
      },
      ['new= old=A', 'old=A'],
    ],
  ])('%s', (_name, work, expected) => {
    expect(survivors(filled('A'), work, tell)).toEqual(expected);
  });

  test.each(['/one', '/two'])(
    'a rename between directories is one step, and an fsync of %s alone makes it stay',
    (synced) => {
      const states = survivors(
        filled('A'),
        (files) => {
          for (const name of ['/one', '/two']) files.mkdir(name);
          files.fsyncDirectory('/');
          files.open('/one/a', 'create').close();
          files.rename('/one/a', '/two/b');
          files.fsyncDirectory(synced);
        },
        (files) => `${files.readdir('/one').join()}|${files.readdir('/two').join()}`,
      );
      expect(states).toEqual(['|b']);
    },
  );

  test('a directory whose own name was not synced takes its synced files with it', () => {
    const states = survivors(
      filled('A'),
      (files) => {
        files.mkdir('/dir');
        files.open('/dir/a', 'create').close();
        files.fsyncDirectory('/dir');
      },
      (files) => (files.stat('/dir') === null ? 'gone' : files.readdir('/dir').join()),
    );
    expect(states).toEqual(['a', 'gone']);
  });
});

test('whoever owns the process hears of its death before the call that it died in throws', () => {
  const told: string[] = [];
  const disk = new VirtualDisk({ seed: 1, onDeath: () => told.push('dead') });
  disk.crashAt(disk.calls + 1, 'before');
  try {
    disk.files.mkdir('/a');
  } catch (error) {
    told.push((error as Error).name);
  }
  expect(told).toEqual(['dead', 'VirtualCrash']);
});

test('a process that dies loses nothing but the call that it died in', () => {
  const disk = diskWith(filled('A', 4));
  disk.crashAt(disk.calls + 2, 'during');
  const file = disk.files.open('/file', 'write');
  file.pwrite(filled('x'), 0);
  expect(() => file.pwrite(filled('y', 3), sector)).toThrow(
    `the process died during call ${disk.calls + 1}: pwrite /file`,
  );
  const told = letters(disk.restart('process'), '/file');
  expect(told).toMatch(/^xy{0,3}A{0,3}$/);
  expect(told).toHaveLength(4);
});

test('what was appointed and has not come can be called off', () => {
  const disk = diskWith(filled('A'));
  disk.crashAt(disk.calls + 2, 'before');
  disk.failNext({ operation: 'pwrite', errno: 'EIO' });
  disk.cancelAppointments();
  const file = disk.files.open('/file', 'write');
  for (let write = 0; write < 3; write++) file.pwrite(filled('x'), 0);
  expect(letters(disk.files, '/file')).toBe('x');
});

test('the calls of a dead process throw, before and after its successor starts', () => {
  const disk = diskWith(filled('A'));
  const old = disk.files.open('/file', 'write');
  disk.halt();
  expect(() => old.pwrite(filled('x'), 0)).toThrow(VirtualCrash);
  const files = disk.restart('process');
  expect(() => old.pwrite(filled('x'), 0)).toThrow(VirtualCrash);
  expect(letters(files, '/file')).toBe('A');
});

test('a lock dies with its process', () => {
  const disk = new VirtualDisk({ seed: 1 });
  disk.files.lock('/LOCK');
  disk.halt();
  disk.restart('process').lock('/LOCK').release();
});

test('a failed sync drops sectors and a second one says ok: some are lost, at once or after the power is', () => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const disk = diskWith(filled('A'), { seed });
    const file = disk.files.open('/file', 'write');
    file.pwrite(filled('x'), 0);
    disk.failNext({ operation: 'fdatasync', errno: 'EIO' });
    expect(() => file.fdatasync()).toThrow('cannot fdatasync /file: EIO');
    file.fdatasync();
    const seen = letters(disk.files, '/file');
    outcomes.add(`${seen}, then ${letters(disk.restart('power'), '/file')}`);
  }
  expect([...outcomes].sort()).toEqual(['A, then A', 'x, then A', 'x, then x']);
});

test('a write that fails on a full disk has written what found place', () => {
  const disk = diskWith(filled('A', 2), { capacityBytes: 5 * sector });
  const file = disk.files.open('/file', 'write');
  expect(disk.files.freeSpace('/')).toEqual({ freeBytes: 3 * sector, totalBytes: 5 * sector });
  expect(() => file.pwrite(filled('x', 5), sector)).toThrow('the disk or its quota is full');
  expect(letters(disk.files, '/file')).toBe('Axxxx');
  file.pwrite(filled('y', 5), 0);
  expect(() => file.preallocate(6 * sector)).toThrow('the disk or its quota is full');
  expect(file.sizeBytes()).toBe(5 * sector);
  file.ftruncate(sector);
  file.preallocate(5 * sector);
  expect(letters(disk.files, '/file')).toBe('y....');
});

test('what a power loss took gives its place back', () => {
  const disk = diskWith(filled('A', 2), { capacityBytes: 6 * sector });
  disk.files.open('/lost', 'create').pwrite(filled('x', 3), 0);
  disk.files.open('/file', 'write').pwrite(filled('x'), 2 * sector);
  expect(disk.usedBytes).toBe(6 * sector);
  disk.restart('power', new EveryChoice());
  expect(disk.usedBytes).toBe(2 * sector);
});

test('an unlinked file keeps its place until the last handle closes', () => {
  const disk = diskWith(filled('A', 2), { capacityBytes: 2 * sector });
  disk.files.fsyncDirectory('/');
  const file = disk.files.open('/file', 'read');
  disk.files.unlink('/file');
  disk.files.fsyncDirectory('/');
  expect(disk.usedBytes).toBe(2 * sector);
  file.close();
  expect(disk.usedBytes).toBe(0);
});

test('rot on the medium shows to every reader, and not while a newer version waits in the cache', () => {
  const disk = diskWith(filled('A', 2));
  disk.rot('/file', 0, 1);
  expect(letters(disk.files, '/file')).toBe('CA');
  const file = disk.files.open('/file', 'write');
  file.pwrite(filled('x'), 0);
  disk.rot('/file', 0, 1);
  expect(letters(disk.files, '/file')).toBe('xA');
});

test('every fault of the rates happens, and only where it can', () => {
  const happens = (rates: VirtualDiskOptions['faultRates']): string => {
    const disk = diskWith(filled('A', 4), { seed: 3 });
    replaceContent(disk.files, '/other', filled('B', 4));
    disk.setFaultRates(rates ?? {});
    const file = disk.files.open('/file', 'write');
    try {
      file.pwrite(filled('x'), 0);
      file.fdatasync();
      const first = Buffer.alloc(4 * sector);
      file.pread(first, 0);
      const second = Buffer.alloc(4 * sector);
      disk.setFaultRates({});
      file.pread(second, 0);
      if (!first.equals(second)) return 'flipped once';
      const both = `${letters(disk.files, '/file')} ${letters(disk.files, '/other')}`;
      const isWhole = second.equals(Buffer.concat([filled('x'), filled('A', 3)]));
      return both === 'xAAA BBBB' ? (isWhole ? 'nothing' : 'rotten') : 'astray';
    } catch (error) {
      return error instanceof Error ? error.message : '';
    }
  };
  expect(happens({})).toBe('nothing');
  expect(happens({ readError: 1 })).toBe('cannot pread /file: EIO');
  expect(happens({ writeError: 1 })).toBe('cannot pwrite /file: EIO');
  expect(happens({ syncError: 1 })).toBe('cannot fdatasync /file: EIO');
  expect(happens({ readFlip: 1 })).toBe('flipped once');
  expect(happens({ rot: 1 })).toMatch(/^(rotten|astray)$/);
  expect(happens({ misdirect: 1 })).toBe('astray');
});

test('a disk knows that it holds something else than it said, until it is written again', () => {
  // Long, so that what goes astray lands on something else.
  const disk = diskWith(filled('A', 64));
  const file = disk.files.open('/file', 'write');
  const writeAll = (letter: string): boolean => {
    file.pwrite(filled(letter), 0);
    file.fdatasync();
    return disk.hasGoneAstray;
  };
  expect(writeAll('B')).toBe(false);
  disk.setFaultRates({ misdirect: 1 });
  expect(writeAll('B')).toBe(false);
  expect(writeAll('C')).toBe(true);
  disk.setFaultRates({ misdirect: 0 });
  expect(writeAll('D')).toBe(false);
});

test('an appointed fault hits the call that it names and no other', () => {
  const disk = diskWith(filled('A'));
  disk.failNext({ operation: 'pwrite', errno: 'ENOSPC', pathPart: 'log', skip: 1 });
  const log = disk.files.open('/log', 'create');
  const other = disk.files.open('/file', 'write');
  log.pwrite(filled('1'), 0);
  other.pwrite(filled('1'), 0);
  expect(() => log.pwrite(filled('2'), sector)).toThrow('cannot pwrite /log: the disk or its quota is full');
  log.pwrite(filled('3'), 2 * sector);
});

test('calls add up the time that they take, and hang until the disk goes on', () => {
  const disk = new VirtualDisk({
    seed: 1,
    delayMs: ({ operation }, bytes) => (operation === 'pwrite' ? bytes / 1000 : 1),
  });
  const file = disk.files.open('/a', 'create');
  file.pwrite(Buffer.alloc(5000), 0);
  expect(disk.takeDelayMs()).toBe(6);
  expect(disk.takeDelayMs()).toBe(0);
  disk.hang();
  file.fdatasync();
  expect(disk.takeDelayMs()).toBe(Infinity);
  let resumed = false;
  disk.whenResumed(() => (resumed = true));
  expect(resumed).toBe(false);
  disk.resume();
  expect([resumed, disk.takeDelayMs()]).toEqual([true, 0]);
});

test('after any work and a power loss, synced bytes are there and every other sector is one that was written', () => {
  const write = fc.record({ at: fc.nat(7), sectors: fc.integer({ min: 1, max: 3 }) });
  const cut = fc.record({ cut: fc.nat(10) });
  const operation = fc.oneof(
    { weight: 4, arbitrary: write },
    { weight: 1, arbitrary: cut },
    { weight: 1, arbitrary: fc.constant('sync' as const) },
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 40 }), fc.nat(), (operations, seed) => {
      const disk = diskWith(filled('A', 4), { seed });
      const file = disk.files.open('/file', 'write');
      /** What each sector may hold after a crash, and how many there may be; the last is what a reader sees. */
      let possible = Array.from({ length: 10 }, (_, index) => (index < 4 ? ['A'] : ['.']));
      let sizes = [4];
      let letter = 0;
      for (const each of operations) {
        if (each === 'sync') {
          file.fdatasync();
          sizes = sizes.slice(-1);
          possible = possible.map((versions) => versions.slice(-1));
        } else if ('cut' in each) {
          file.ftruncate(each.cut * sector);
          sizes.push(each.cut);
          for (const versions of possible.slice(each.cut)) versions.push('.');
        } else {
          const name = String.fromCharCode(97 + (letter++ % 26));
          file.pwrite(filled(name, each.sectors), each.at * sector);
          sizes.push(Math.max(sizes.at(-1) ?? 0, each.at + each.sectors));
          for (const versions of possible.slice(each.at, each.at + each.sectors)) versions.push(name);
        }
      }
      const visible = possible.map((versions) => versions.at(-1)).join('');
      expect(letters(disk.files, '/file')).toBe(visible.slice(0, sizes.at(-1)));
      const told = letters(disk.restart('power'), '/file');
      expect(sizes).toContain(told.length);
      told.split('').forEach((name, index) => expect(possible[index]).toContain(name));
    }),
    { numRuns: 300 },
  );
});

test('after any work and a power loss, each name leads where it led at the last sync of its directory, or where it led since', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const operation = fc.oneof(
    fc.record({ make: name }),
    fc.record({ remove: name }),
    fc.record({ from: name, to: name }),
    fc.constant('sync' as const),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 25 }), fc.nat(), (operations, seed) => {
      const disk = new VirtualDisk({ seed });
      const { files } = disk;
      /** What each name may lead to after a crash, as the file's only letter; the last is what a reader sees. */
      const possible = new Map<string, string[]>(['a', 'b', 'c'].map((each) => [each, ['']]));
      const now = (each: string): string => possible.get(each)?.at(-1) ?? '';
      const lead = (each: string, content: string): void => void possible.get(each)?.push(content);
      let letter = 0;
      for (const each of operations) {
        if (each === 'sync') {
          files.fsyncDirectory('/');
          for (const [key, versions] of possible) possible.set(key, versions.slice(-1));
        } else if ('make' in each && now(each.make) === '') {
          const content = String.fromCharCode(97 + letter++);
          const file = files.open(`/${each.make}`, 'create-new');
          file.pwrite(filled(content), 0);
          file.fsync();
          file.close();
          lead(each.make, content);
        } else if ('remove' in each && now(each.remove) !== '') {
          files.unlink(`/${each.remove}`);
          lead(each.remove, '');
        } else if ('from' in each && now(each.from) !== '' && each.from !== each.to) {
          files.rename(`/${each.from}`, `/${each.to}`);
          lead(each.to, now(each.from));
          lead(each.from, '');
        }
      }
      const after = disk.restart('power');
      for (const [key, versions] of possible) expect(versions).toContain(letters(after, `/${key}`));
    }),
    { numRuns: 300 },
  );
});

test('one seed gives one story: the same faults, the same survivors', () => {
  const story = (seed: number): string => {
    const disk = diskWith(filled('A', 8), { seed });
    disk.setFaultRates({ writeError: 0.2, syncError: 0.2, misdirect: 0.2 });
    const file = disk.files.open('/file', 'write');
    let told = '';
    for (let index = 0; index < 30; index++) {
      try {
        file.pwrite(filled(String.fromCharCode(97 + (index % 26)), 1 + (index % 3)), (index % 6) * sector);
        if (index % 4 === 0) file.fdatasync();
      } catch (error) {
        told += error instanceof Error ? `${index} ${error.message}\n` : '';
      }
    }
    return told + letters(disk.restart('power'), '/file');
  };
  expect(story(5)).toBe(story(5));
  expect(story(5)).not.toBe(story(6));
});
