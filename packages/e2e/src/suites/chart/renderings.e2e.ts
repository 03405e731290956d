// What the chart comes to: linted, and compared with the golden renderings line by line, by Helm 3 and by Helm 4.
// `REWRITE=1 make e2e SUITE=chart` writes the golden renderings anew; the difference is read like code.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chartFolder, helmNames, Helms } from '../../chart/helms.ts';

const fixtures = join(import.meta.dirname, '../../chart/fixtures');
const isRewriting = (process.env['REWRITE'] ?? '') !== '';
const buildLimitMs = 16 * 60_000;

/** A golden rendering, and the values that it comes from. */
const renderings = [
  { name: 'default', values: [] },
  { name: 'dev', values: ['ci/dev-values.yaml'] },
  { name: 'full', values: ['ci/full-values.yaml'] },
  { name: 'least', values: ['ci/least-values.yaml'] },
] as const;

let helms: Helms;
beforeAll(async () => {
  helms = await Helms.build();
}, buildLimitMs);
afterAll(async () => helms.close());

const valuesWords = (values: readonly string[]): string[] =>
  values.map((name) => `--values=${join(chartFolder, name)}`);

describe.each(helmNames)('by %s', (helm) => {
  test.each(renderings)('lint finds nothing in the values $name', async ({ values }) => {
    const { code, stdout } = await helms.run(helm, ['lint', '--strict', chartFolder, ...valuesWords(values)]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining('1 chart(s) linted, 0 chart(s) failed'),
    });
    expect(stdout).not.toMatch(/\[(WARNING|ERROR)\]/);
  });

  test.each(renderings)('the values $name come to the golden rendering', async ({ name, values }) => {
    const rendered = await helms.render(helm, valuesWords(values));
    const path = join(fixtures, `${name}.yaml`);
    if (isRewriting) writeFileSync(path, rendered);
    expect(rendered).toBe(readFileSync(path, 'utf8'));
  });

  test('as a part of another chart it takes what that chart shares', async () => {
    const shared = await helms.render(helm, ['--set-json=global={"registry":"example.test"}']);
    expect(shared).toBe(await helms.render(helm, []));
  });

  test('a class is added by its name, and one taken away by null', async () => {
    const rendered = await helms.render(helm, [
      '--show-only=templates/storage-classes.yaml',
      ...['--set=storageClasses.holdfast=null', '--set=storageClasses.now.volumeBindingMode=Immediate'],
    ]);
    expect([...rendered.matchAll(/^ {2}name: (.*)$/gm)].map(([, name]) => name)).toEqual(['now']);
    expect(rendered).toContain('volumeBindingMode: Immediate\nreclaimPolicy: Delete\n');
  });
});
