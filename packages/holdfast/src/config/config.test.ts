import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { OpError } from '@holdfast/base';
import { configFlags, loadConfig, type ConfigSchema, type Given } from './config.ts';
import { address, choice, duration, namedAddresses, path, size, tcpAddressOrOff, text } from './fields.ts';

const fields = {
  certificates: path({ description: 'where', isRequired: true }),
  listen: address({ description: 'where it listens', default: '127.0.0.1:7400' }),
  healthListen: tcpAddressOrOff({ description: 'where health is', default: 'off' }),
  peers: namedAddresses({ description: 'the others', default: '' }, 2),
  pause: duration({ description: 'how long', default: '2s' }, { least: '1s', most: '1m' }),
  limit: size({ description: 'how much', default: '4MiB' }, { least: '1KiB', most: '64MiB' }),
  level: choice({ description: 'how loud', default: 'info' }, ['debug', 'info']),
  token: text({ description: 'a secret', isSecret: true }),
};
const schema: ConfigSchema<typeof fields> = { role: 'tester', fields };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-config-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function file(content: string | Uint8Array, name = 'tester.yaml'): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return path;
}

function given(flags: Record<string, string>, environment: Record<string, string> = {}): Given {
  return { flags, givenFlags: new Set(Object.keys(flags)), environment };
}

async function lineOf(asked: Given): Promise<string> {
  const error: unknown = await loadConfig(schema, asked).then(
    () => new Error('nothing was thrown'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof OpError)) throw error;
  return error.line.replaceAll(new RegExp(`${folder}/(\\d+/)?`, 'g'), '');
}

test('a file gives way to the environment, the environment to flags, and every default is its own', async () => {
  const config = await file('certificates: /a\nlisten: 10.0.0.1:1\npause: 3s\nlimit: 1MiB\n');
  const environment = { HOLDFAST_TESTER_LISTEN: '10.0.0.2:2', HOLDFAST_TESTER_PAUSE: '4s', UNRELATED: 'x' };
  const loaded = await loadConfig(schema, given({ config, listen: '10.0.0.3:3' }, environment));
  expect(loaded.config).toEqual({
    certificates: '/a',
    listen: { kind: 'tcp', host: '10.0.0.3', port: 3 },
    healthListen: null,
    peers: [],
    pause: { ms: 4000 },
    limit: { bytes: 1024 * 1024 },
    level: 'info',
    token: null,
  });
  expect(loaded.printed.map(({ key, text: value, source }) => [key, value, source.replace(`${folder}/`, '')])).toEqual([
    ['certificates', '/a', 'tester.yaml:1'],
    ['listen', '10.0.0.3:3', 'flag --listen'],
    ['healthListen', 'off', 'default'],
    ['peers', '', 'default'],
    ['pause', '4s', 'environment HOLDFAST_TESTER_PAUSE'],
    ['limit', '1MiB', 'tester.yaml:4'],
    ['level', 'info', 'default'],
    ['token', '', 'default'],
  ]);
});

test('JSON is taken as well, a list may be a list, and the environment may name the file', async () => {
  const config = await file(
    '{"certificates": "/a", "peers": ["m2=[::1]:7", "m3=m3.example:8"], "limit": "2MiB"}',
    'a.json',
  );
  const loaded = await loadConfig(schema, given({}, { HOLDFAST_TESTER_CONFIG: config }));
  expect(loaded.config.peers).toEqual([
    { name: 'm2', address: { kind: 'tcp', host: '::1', port: 7 } },
    { name: 'm3', address: { kind: 'tcp', host: 'm3.example', port: 8 } },
  ]);
});

test('the configuration cannot be changed, inner values neither', async () => {
  const { config } = await loadConfig(schema, given({ certificates: '/a', peers: 'm2=b:1' }));
  expect(Object.isFrozen(config)).toBe(true);
  expect(Object.isFrozen(config.listen)).toBe(true);
  expect(Object.isFrozen(config.peers[0])).toBe(true);
});

test('a secret is never printed, and an error about one does not show it', async () => {
  const { printed, config } = await loadConfig(schema, given({ certificates: '/a', token: 'hunter2' }));
  expect(config.token).toBe('hunter2');
  expect(JSON.stringify(printed)).not.toContain('hunter2');
  expect(printed.at(-1)?.text).toBe('<secret>');
  expect(await lineOf(given({ certificates: '/a', token: 'hunter\u0000' }))).not.toContain('hunter');
});

test("Kubernetes' variables for a Service of the role's name are not settings", async () => {
  const links = {
    HOLDFAST_TESTER_SERVICE_HOST: '10.96.0.7',
    HOLDFAST_TESTER_SERVICE_PORT: '7400',
    HOLDFAST_TESTER_SERVICE_PORT_API: '7400',
    HOLDFAST_TESTER_PORT: 'tcp://10.96.0.7:7400',
    HOLDFAST_TESTER_PORT_7400_TCP: 'tcp://10.96.0.7:7400',
    HOLDFAST_TESTER_PORT_7400_TCP_ADDR: '10.96.0.7',
  };
  await expect(loadConfig(schema, given({ certificates: '/a' }, links))).resolves.toBeDefined();
});

test('what is wrong is one line with the key and where it stands', async () => {
  let files = 0;
  const yaml = async (content: string | Uint8Array): Promise<Given> => {
    files += 1;
    return given({ config: await file(content, `${files}/tester.yaml`) });
  };
  const flag = (name: string, value: string): Given => given({ certificates: '/a', [name]: value });
  for (const [asked, line] of [
    [
      await yaml('certificates: /a\npaus: 3s\n'),
      'the configuration of tester has no key paus (tester.yaml:2); did you mean pause? [CONFIG_KEY_UNKNOWN]',
    ],
    [await yaml('certificates: /a\n__proto__: 3s\n'), 'has no key __proto__ (tester.yaml:2) [CONFIG_KEY_UNKNOWN]'],
    [await yaml('certificates: /a\nconfig: b\n'), 'has no key config (tester.yaml:2)'],
    [
      given({}, { HOLDFAST_TESTER_LISTN: 'x' }),
      'no key HOLDFAST_TESTER_LISTN (environment HOLDFAST_TESTER_LISTN); did you mean HOLDFAST_TESTER_LISTEN?',
    ],
    [await yaml('certificates: /a\npause: 5 apples\n'), 'pause (tester.yaml:2) is wrong: '],
    [await yaml('certificates: /a\npause: 5\n'), 'pause (tester.yaml:2) is wrong: "5" is not a duration'],
    [flag('pause', '5MiB'), 'pause (flag --pause) is wrong: '],
    [flag('pause', '2h'), 'pause (flag --pause) is wrong: 2h is not from 1s to 1m [CONFIG_VALUE_WRONG]'],
    [flag('limit', '4MB'), 'limit (flag --limit) is wrong: '],
    [flag('limit', '1GiB'), 'limit (flag --limit) is wrong: 1GiB is not from 1KiB to 64MiB'],
    [flag('level', 'loud'), 'level (flag --level) is wrong: "loud" is none of debug, info'],
    [flag('listen', 'here'), 'listen (flag --listen) is wrong: "here" is no address'],
    [flag('listen', '::1:80'), '"::1:80" is no address'],
    [flag('listen', 'a:65536'), '"a:65536" is no address'],
    [flag('peers', 'm2'), '"m2" is not NAME=HOST:PORT'],
    [flag('peers', 'a=b:1,c=d:2,e=f:3'), '3 are more than 2'],
    [flag('peers', 'a=b:1,a=c:2'), 'the name a stands there twice'],
    [flag('certificates', ''), 'certificates (flag --certificates) is wrong: it is empty'],
    [given({}), 'the configuration of tester needs a value for certificates [CONFIG_VALUE_MISSING]'],
    [
      await yaml('certificates: {a: b}\n'),
      'certificates (tester.yaml:1) is wrong: it is neither a value nor a list of values',
    ],
    [await yaml('- a\n- b\n'), 'is neither YAML nor JSON: it holds no mapping of keys to values'],
    [await yaml('a: "b\n'), 'the configuration file tester.yaml is neither YAML nor JSON: line 2: '],
    [await yaml('a: b\na: c\n'), 'the configuration file tester.yaml is neither YAML nor JSON: line 2: '],
    [await yaml(Uint8Array.of(0xff, 0xfe, 0x00)), 'cannot be read: it is not UTF-8 text'],
    [await yaml(' '.repeat(1024 * 1024 + 1)), 'cannot be read: it is larger than 1MiB'],
    [
      given({ config: join(folder, 'none.yaml') }),
      'the configuration file none.yaml cannot be read: there is no such file [CONFIG_FILE_UNREADABLE]',
    ],
    [given({ config: folder }), 'cannot be read: it is a directory'],
  ] as const) {
    expect(await lineOf(asked)).toContain(line);
  }
});

test('an empty file is a file without settings', async () => {
  const config = await file('# nothing\n');
  await expect(loadConfig(schema, given({ config, certificates: '/a' }))).resolves.toBeDefined();
});

test('a role takes one flag per key, with its unit and its default, and --config', () => {
  expect(configFlags(schema)).toMatchObject({
    config: { value: 'PATH' },
    'health-listen': { value: 'HOST:PORT|off', default: 'off', unit: null },
    pause: { value: 'DURATION', unit: 'duration from 1s to 1m', default: '2s' },
    level: { value: 'debug|info' },
  });
});
