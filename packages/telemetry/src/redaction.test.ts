import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createLog, type Log } from './log.ts';
import type { LogFields } from './log-value.ts';
import { isSecretKey, Redactor, secretPlaceholder } from './redaction.ts';
import { LineSink, standingClock } from './testing.ts';

const redactor = new Redactor({
  'csi.v1.NodeStageVolumeRequest': ['secrets'],
  'example.v1.Pools': ['pools.*.auth.password', 'pools.*.auth.keys.*', 'root'],
});

/** Marks every secret that a test plants; it must not be part of anything else. */
const mark = 'hunter2';

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}

test('a secret field is replaced whole, in a copy, and the rest is shared', () => {
  const request = deepFreeze({ volumeId: 'v1', capability: { mount: {} }, secrets: { password: mark } });
  const redacted = redactor.redact('csi.v1.NodeStageVolumeRequest', request);
  expect(redacted).toEqual({ volumeId: 'v1', capability: { mount: {} }, secrets: secretPlaceholder });
  expect(redacted.capability).toBe(request.capability);
});

test('secrets inside lists and maps are replaced, each one', () => {
  const pools = deepFreeze({
    root: [mark],
    pools: [
      { name: 'a', auth: { password: mark, user: 'u', keys: { k1: mark, k2: mark } } },
      { name: 'b', auth: null },
    ],
  });
  expect(redactor.redact('example.v1.Pools', pools)).toEqual({
    root: secretPlaceholder,
    pools: [
      {
        name: 'a',
        auth: { password: secretPlaceholder, user: 'u', keys: { k1: secretPlaceholder, k2: secretPlaceholder } },
      },
      { name: 'b', auth: null },
    ],
  });
});

test('a message without a secret is passed on itself', () => {
  const value = { volumeId: 'v1' };
  expect(redactor.redact('csi.v1.ProbeRequest', value)).toBe(value);
  expect(redactor.redact('csi.v1.NodeStageVolumeRequest', value)).toBe(value);
  expect(redactor.redact('csi.v1.NodeStageVolumeRequest', null)).toBeNull();
  expect(redactor.hasSecrets('csi.v1.ProbeRequest')).toBe(false);
});

test('whatever a message holds, no secret is in what comes out, and the message is unchanged', () => {
  const secret = fc.oneof(fc.string(), fc.constant('')).map((text) => `${mark}${text}`);
  const plain = fc.jsonValue().filter((value) => !JSON.stringify(value).includes(mark));
  const auth = fc.record(
    { password: secret, user: plain, keys: fc.dictionary(fc.string(), secret) },
    { requiredKeys: [] },
  );
  const pools = fc.record(
    {
      root: fc.oneof(secret, fc.array(secret), fc.dictionary(fc.string(), secret)),
      pools: fc.oneof(
        fc.array(fc.record({ name: plain, auth: fc.option(auth) }, { requiredKeys: [] })),
        fc.dictionary(fc.string(), fc.record({ name: plain, auth })),
      ),
      other: plain,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(pools, (value) => {
      const before = JSON.stringify(value);
      const redacted = redactor.redact('example.v1.Pools', deepFreeze(value));
      expect(JSON.stringify(redacted)).not.toContain(mark);
      expect(JSON.stringify(value)).toBe(before);
      expect(Object.keys(redacted)).toEqual(Object.keys(value));
    }),
  );
});

test.each([
  ['password', true],
  ['adminPassword', true],
  ['ROOT_PASSWD', true],
  ['passphrase', true],
  ['clientSecret', true],
  ['secrets', true],
  ['sessionToken', true],
  ['privateKey', true],
  ['private-key', true],
  ['awsSecretAccessKey', true],
  ['accessKey', true],
  ['Authorization', true],
  ['credentials', true],
  ['set-cookie', true],
  ['key', false],
  ['publicKey', false],
  ['monkey', false],
  ['volume', false],
  ['passes', false],
  ['tokens_left', false],
  ['request_id', false],
])('the key %s is taken for a secret: %s', (key, expected) => {
  expect([isSecretKey(key), isSecretKey(key)]).toEqual([expected, expected]);
});

async function openLog(): Promise<{ log: Log; sink: LineSink }> {
  const sink = new LineSink();
  return { sink, log: await createLog({ role: 'test', node: null, level: 'debug', clock: standingClock(0), sink }) };
}

test('the log drops what stands under a key that is named like a secret, at any depth', async () => {
  const { log, sink } = await openLog();
  const names = fc.constantFrom('password', 'api_key', 'clientSecret', 'authToken');
  const leaf: fc.Arbitrary<LogFields> = fc.dictionary(names, fc.constantFrom(mark, [mark], { inner: mark }), {
    minKeys: 1,
  });
  const nested = fc.oneof(
    leaf,
    fc.record({ config: leaf, list: fc.array(leaf), attempt: fc.nat() }),
    fc.record({ outer: fc.record({ config: leaf }) }),
  );
  fc.assert(
    fc.property(nested, (fields) => {
      log.child(fields).info('told', fields);
      expect(sink.lines.at(-1)).not.toContain(mark);
      expect(sink.lines.at(-1)).toContain(secretPlaceholder);
    }),
  );
});
