import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { testCluster } from '../testing.ts';
import { checkIdentity, formatIdentity, parseIdentity, roles } from './identity.ts';

const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?$/);

test('an identity survives its way through a URI', () => {
  const identities = fc.record({
    cluster: fc.uuid(),
    role: fc.constantFrom(...roles),
    name,
    node: fc.option(name, { nil: null }),
  });
  fc.assert(
    fc.property(identities, (identity) => {
      expect(parseIdentity(formatIdentity(checkIdentity(identity)))).toEqual(identity);
    }),
  );
});

test.each([
  'https://example.org/agent/a',
  `holdfast://${testCluster}`,
  `holdfast://${testCluster}/agent`,
  `holdfast://${testCluster}/agent/`,
  `holdfast://${testCluster}/root/a`,
  `holdfast://${testCluster}/agent/A`,
  `holdfast://${testCluster}/agent/a/b/c`,
  `holdfast://${testCluster}/agent/a/`,
  `holdfast://${testCluster.toUpperCase()}/agent/a`,
  `holdfast://${testCluster}/agent/a%2fb`,
])('%s names nobody', (uri) => {
  expect(parseIdentity(uri)).toBeNull();
});

test.each([
  ['cluster', { cluster: 'production', role: 'agent', name: 'a', node: null }],
  ['name', { cluster: testCluster, role: 'agent', name: 'a/b', node: null }],
  ['node', { cluster: testCluster, role: 'agent', name: 'a', node: '' }],
] as const)('a wrong %s is refused in one line', (field, identity) => {
  expect(() => checkIdentity(identity)).toThrow(expect.objectContaining({ code: 'IDENTITY_INVALID' }));
  expect(() => checkIdentity(identity)).toThrow(`cannot be the ${field} of a certificate`);
});
