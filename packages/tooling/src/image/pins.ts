// What goes into the image from outside, pinned in one place: pins.json, written by renew-pins.ts and read by the build.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Architecture } from './system-files.ts';

export interface DebianPin {
  readonly version: string;
  readonly sha256: string;
}

export interface Pins {
  /** When Debian was asked; the time of every file in the image, so that a layer changes only with what it holds. */
  readonly date: string;
  /** SHA-256 of the Node binary of the version that the root's package.json names. */
  readonly node: Readonly<Record<Architecture, string>>;
  readonly debian: Readonly<Record<Architecture, Readonly<Record<string, DebianPin>>>>;
}

const pinsFile = join(import.meta.dirname, 'pins.json');

export const readPins = (): Pins => JSON.parse(readFileSync(pinsFile, 'utf8')) as Pins;

export const writePins = (pins: Pins): void => {
  writeFileSync(pinsFile, `${JSON.stringify(pins, null, 2)}\n`);
};
