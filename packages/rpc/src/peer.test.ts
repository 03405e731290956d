import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Credentials } from './pki/credentials.ts';
import { RevocationList } from './pki/revocation-list.ts';
import { holderOf } from './peer.ts';
import { TestCluster } from './testing.ts';

let cluster: TestCluster;
let stranger: TestCluster;
beforeEach(async () => {
  [cluster, stranger] = await Promise.all([TestCluster.create(), TestCluster.create()]);
});
afterEach(async () => {
  await Promise.all([cluster.close(), stranger.close()]);
});

test('the certificate of a connection is judged anew each time, whatever was found before', async () => {
  const { current } = await cluster.keeperFor('metadata');
  const peer = (await cluster.keeperFor('metadata')).current.certificate;
  const der = peer.x509.raw;
  const nowMs = cluster.clock.wallMs();
  const judge = (credentials: Credentials, atMs = nowMs): unknown => holderOf(der, credentials, atMs);
  const refused = (code: string): unknown => expect.objectContaining({ code });
  expect(judge(current)).toEqual(peer.identity);

  const revocation = { serial: peer.serial, reason: 'stolen', revokedAtMs: nowMs, notAfterMs: peer.notAfterMs };
  const revocations = new RevocationList(cluster.authority.cluster, 1, [revocation]);
  expect(() => judge({ ...current, revocations })).toThrow(refused('CERTIFICATE_REVOKED'));
  expect(() => judge(current, peer.notAfterMs)).toThrow(refused('CERTIFICATE_EXPIRED'));
  const { authorities } = (await stranger.keeperFor('metadata')).current;
  expect(() => judge({ ...current, authorities })).toThrow(refused('CERTIFICATE_UNTRUSTED'));
  expect(judge(current)).toEqual(peer.identity);
});
