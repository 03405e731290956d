import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { root } from '../root.ts';
import { describeImage } from './image-config.ts';
import { readPins } from './pins.ts';
import { versionOf } from './program.ts';
import { allPackages, architectures } from './system-files.ts';

test.each(architectures)('on %s every package of the table is pinned by version and checksum, and no other', (name) => {
  const pinned = readPins().debian[name];
  expect(Object.keys(pinned).toSorted()).toEqual(allPackages);
  for (const { version, sha256 } of Object.values(pinned)) {
    expect(version).not.toBe('');
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  }
});

test('the Dockerfile says of the image what the configuration of make image says', () => {
  const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8').replaceAll(/\\\n\s*/g, ' ');
  const version = versionOf(root);
  const { config } = describeImage({ architecture: 'amd64', version, commit: '${COMMIT}', createdSeconds: 0 });
  expect(dockerfile).toContain(`ARG VERSION=${version}\n`);
  expect(dockerfile).toContain(`\nUSER ${config.User}\n`);
  expect(dockerfile).toContain(`\nENTRYPOINT ${JSON.stringify(config.Entrypoint)}\n`);
  for (const line of config.Env) expect(dockerfile).toContain(`\nENV ${line}\n`);
  for (const [name, value] of Object.entries(config.Labels)) {
    expect(dockerfile).toContain(`${name}="${value.replace(version, '${VERSION}')}"`);
  }
});
