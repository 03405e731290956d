// The process that runs one bench file, so that no bench inherits another's heap, sockets or compiled code. Relies on
// run.ts as its parent, to which each figure goes as a message.
import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import type { Bench } from './contract.ts';
import type { Figure } from './figure.ts';

const path = process.argv[2];
assert(path !== undefined && process.send !== undefined, 'child.ts is started by bench/run.ts');
const send = process.send.bind(process);

const { default: bench } = (await import(pathToFileURL(path).href)) as { default: Bench };
await bench.run({
  figure: (name, value, unit, bar) => {
    const figure: Figure = { name, value, unit, bar: bar ?? null };
    send(figure);
  },
});
process.disconnect();
