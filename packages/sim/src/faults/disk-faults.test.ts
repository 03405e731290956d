import { expect, test } from '@jest/globals';
import { invariant } from '@holdfast/base';
import { sectorBytes } from '@holdfast/base/internal';
import type { Fault } from '../world/scenario.ts';
import { VirtualWorld } from '../world/virtual-world.ts';
import { faultKinds } from './fault-kinds.ts';

const path = '/f';

class RottingFile {
  readonly #world = new VirtualWorld({ seed: 'rot', link: {}, trace: null, describeFrame: () => 'a frame' });

  constructor() {
    const stop = async (): Promise<void> => Promise.resolve();
    this.#world.addMachine('a', { program: async () => Promise.resolve({ stop }), restartDelayMs: null });
    this.write();
  }

  write(): void {
    const file = this.#world.machine('a').disk.files.open(path, 'create');
    file.pwrite(new Uint8Array(2 * sectorBytes).fill(0x55), 0);
    file.fdatasync();
    file.close();
  }

  rot(parameters: { readonly bits: number; readonly offset: number }): void {
    const span = { file: 0, place: 0, sectors: 2, isNewest: false, isRestarted: false };
    const fault: Fault = { kind: 'rot', atMs: 0, durationMs: 0, target: 'a', parameters: { ...span, ...parameters } };
    const { rot } = faultKinds;
    invariant(rot !== undefined, 'media rot');
    rot.begin(this.#world, fault, 'a');
  }

  get rottenBytes(): number {
    const bytes = new Uint8Array(2 * sectorBytes);
    const file = this.#world.machine('a').disk.files.open(path, 'read');
    file.pread(bytes, 0);
    file.close();
    return bytes.filter((byte) => byte !== 0x55).length;
  }
}

test.each([
  ['the same one', 124, 124],
  ['one that begins elsewhere and meets the same bits', 124, 500],
])('a rot does not give back what an earlier one took: %s', (_what, first, second) => {
  const file = new RottingFile();
  file.rot({ bits: sectorBytes, offset: first });
  expect(file.rottenBytes).toBe(2 * sectorBytes);
  file.rot({ bits: sectorBytes, offset: second });
  expect(file.rottenBytes).toBe(2 * sectorBytes);
});

test('what was written anew rots like anything else, also with the bits that turned before', () => {
  const file = new RottingFile();
  file.rot({ bits: 8, offset: 3 });
  expect(file.rottenBytes).toBe(16);
  file.write();
  expect(file.rottenBytes).toBe(0);
  file.rot({ bits: 8, offset: 3 });
  expect(file.rottenBytes).toBe(16);
});
