// The list that `make` prints is the list of targets.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { root } from './root.ts';

const makefile = readFileSync(join(root, 'Makefile'), 'utf8');

test('make alone prints every target with a line of its own', () => {
  const targets = /^\.PHONY: ((?:.*\\\n)*.*)$/m.exec(makefile)?.[1]?.split(/[\s\\]+/) ?? [];
  expect(targets).toContain('check');
  const printed = execFileSync('make', ['-s', '-C', root], { encoding: 'utf8' });
  const listed = [...printed.matchAll(/^ {2}make ([a-z0-9-]+) +\S.*$/gm)].flatMap(([, target]) => target ?? []);
  expect(new Set(listed)).toEqual(new Set(targets));
});

test('every target that runs a tool of ours fetches it first', () => {
  const found: string[] = [];
  for (const [, target = '', needs = '', recipe = ''] of makefile.matchAll(/^([a-z0-9-]+):(.*?)##.*\n\t(.*)$/gm)) {
    if (!/@node |\$\((bins|prettier)\)|@holdfast /.test(recipe)) continue;
    expect([target, needs]).toEqual([target, expect.stringMatching(/\b(setup|types|check)\b/)]);
    found.push(target);
  }
  expect(found).toContain('lint');
});
