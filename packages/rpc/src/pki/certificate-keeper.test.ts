import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OpError } from '@holdfast/base';
import { VirtualTime } from '@holdfast/base/internal';
import { createMetrics, type Metrics } from '@holdfast/telemetry';
import { random, TestCluster } from '../testing.ts';
import { authorityFiles } from './authority.ts';
import { CertificateKeeper, pollIntervalMs, type Renew } from './certificate-keeper.ts';
import { buildCertificate, certificateToPem, type CertificateTerms } from './certificate.ts';
import { certificateFilesIn, FileCertificateStore } from './certificate-store.ts';
import type { CertificateStore, StoredCertificates } from './certificate-store.ts';
import { formatIdentity, type Identity } from './identity.ts';
import { formatRevocationList, RevocationList } from './revocation-list.ts';
import { generateKeyPair, readSigningRequest } from './signing-request.ts';

/** Files in memory: the keeper's time is virtual here, and real files would answer outside of it. */
class MemoryStore implements CertificateStore {
  readonly source = 'memory';
  stored: StoredCertificates;
  saves = 0;
  seen: string | null = null;
  #loaded: StoredCertificates | null = null;

  constructor(stored: StoredCertificates) {
    this.stored = stored;
  }

  async load(): Promise<StoredCertificates | null> {
    if (this.stored === this.#loaded) return null;
    this.#loaded = this.stored;
    return this.stored;
  }

  async saveIdentity(identityPem: string): Promise<void> {
    this.saves += 1;
    this.stored = { ...this.stored, identityPem };
  }

  async loadSeenRevocations(): Promise<string | null> {
    return this.seen;
  }

  async saveSeenRevocations(list: string): Promise<void> {
    this.seen = list;
  }
}

const lifeMs = 60_000;
let cluster: TestCluster;
let world: VirtualTime;
let store: MemoryStore;
let keeper: CertificateKeeper;
let metrics: Metrics;
let renewals: number;
let authorityKey: KeyObject;

beforeEach(async () => {
  cluster = await TestCluster.create();
  // The authority tells the real time; virtual time begins with it.
  world = new VirtualTime({ seed: 7, startWallMs: cluster.clock.wallMs() });
  store = new MemoryStore(await issue('agent-a'));
  metrics = await createMetrics();
  renewals = 0;
  authorityKey = createPrivateKey(await readFile(join(cluster.directory, 'authority', authorityFiles.key), 'utf8'));
  keeper = await open(store, 'a');
});
afterEach(async () => {
  await keeper.stop();
  await cluster.close();
});

async function open(from: CertificateStore, name: string): Promise<CertificateKeeper> {
  const { clock, timers } = world.node(name);
  return CertificateKeeper.open({ store: from, clock, timers, random, log: cluster.log, metrics });
}

async function issue(name: string): Promise<StoredCertificates> {
  const identity = { cluster: cluster.authority.cluster, role: 'agent', name, node: null } as const;
  const { keyPem, certificatePem } = await cluster.authority.issue({ identity, hosts: [], lifeMs });
  return { identityPem: keyPem + certificatePem, authoritiesPem: cluster.authority.certificatePem, revocations: null };
}

/** The authority's hand without its files, which would answer outside of virtual time. */
function certify(publicKey: KeyObject, identity: Identity): string {
  const nowMs = world.node('a').clock.wallMs();
  const terms: CertificateTerms = {
    serial: random.uuid().replaceAll('-', ''),
    subject: identity.name,
    publicKey,
    notBeforeMs: nowMs,
    notAfterMs: nowMs + lifeMs,
    uri: formatIdentity(identity),
    hosts: [],
    use: 'client',
  };
  const subject = `Holdfast ${identity.cluster}`;
  return certificateToPem(buildCertificate(terms, { subject, privateKey: authorityKey }));
}
const renew: Renew = async (csr) => {
  renewals += 1;
  return certify(readSigningRequest(csr), keeper.current.identity);
};
const failing: Renew = async () => {
  renewals += 1;
  throw new OpError('SERVER_UNREACHABLE', { address: 'metadata-0:7000', reason: 'no route' });
};
const serial = (): string => keeper.current.certificate.serial;

describe('a keeper', () => {
  test('renews at two thirds of a life, again and again, and says when the certificate ends', async () => {
    keeper.renewWith(renew);
    const first = serial();
    await world.runFor(lifeMs * 0.55);
    expect(renewals).toBe(0);
    await world.runFor(lifeMs * 0.2);
    expect(renewals).toBe(1);
    expect(serial()).not.toBe(first);
    expect(await metrics.scrape()).toContain(
      `holdfast_certificate_expiry_seconds{certificate="identity"} ${keeper.current.certificate.notAfterMs / 1000}`,
    );
    await world.runFor(lifeMs * 2);
    expect(renewals).toBeGreaterThanOrEqual(3);
    expect(renewals).toBeLessThanOrEqual(5);
    expect(keeper.current.certificate.notAfterMs).toBeGreaterThan(world.startWallMs + world.nowMs);
  });

  test('tries again, ever more slowly, while the renewal fails, and takes over when it succeeds', async () => {
    keeper.renewWith(failing);
    await world.runFor(lifeMs * 0.7);
    const early = renewals;
    expect(early).toBeGreaterThanOrEqual(1);
    await world.runFor(lifeMs * 0.2);
    expect(renewals).toBeGreaterThan(early);
    expect(renewals).toBeLessThan(20);
    const first = serial();
    keeper.renewWith(renew);
    await world.runFor(lifeMs * 0.15);
    expect(serial()).not.toBe(first);
    expect(cluster.sink.lines.join('')).toContain('SERVER_UNREACHABLE');
  });

  test.each<[string, Renew]>([
    [
      'for somebody else',
      async (csr) => certify(readSigningRequest(csr), { ...keeper.current.identity, name: 'agent-b' }),
    ],
    ['for another key', async () => certify(generateKeyPair().publicKey, keeper.current.identity)],
    ['that is none', async () => 'sorry'],
  ])('does not take a certificate %s', async (_what, answer) => {
    const first = serial();
    keeper.renewWith(answer);
    await world.runFor(lifeMs * 0.8);
    expect(store.saves).toBe(0);
    expect(serial()).toBe(first);
  });

  test('takes over files that somebody else replaced, and tells its listeners once', async () => {
    let changes = 0;
    keeper.onChange(() => (changes += 1));
    store.stored = await issue('agent-a');
    await world.runFor(pollIntervalMs * 3);
    expect(changes).toBe(1);
    expect(keeper.revision).toBe(2);
  });

  test('keeps what it has when the files are of somebody else or broken', async () => {
    const first = serial();
    store.stored = await issue('agent-b');
    await world.runFor(pollIntervalMs);
    store.stored = { ...store.stored, identityPem: 'half a fi' };
    await world.runFor(pollIntervalMs);
    expect(serial()).toBe(first);
    expect(cluster.sink.lines.join('')).toContain('names holdfast://');
  });

  test('takes a list of a later generation, and no earlier, forged or missing one', async () => {
    const seen = (): number => keeper.current.revocations.generation;
    const { serial: issued } = await cluster.authority.issue({ identity: keeper.current.identity, hosts: [] });
    await cluster.authority.revoke({ serial: issued }, 'first');
    const firstList = await listText();
    await cluster.authority.issue({ identity: keeper.current.identity, hosts: [] });
    await cluster.authority.revoke({ identity: keeper.current.identity }, 'second');
    const show = async (revocations: string | null): Promise<void> => {
      store.stored = { ...store.stored, revocations };
      await world.runFor(pollIntervalMs);
    };
    await show(firstList);
    expect(seen()).toBe(1);
    await show(await listText());
    expect(seen()).toBe(2);
    await show(firstList);
    expect(seen()).toBe(2);
    await show(null);
    expect(seen()).toBe(2);
    const forged = new RevocationList(cluster.authority.cluster, 9, []);
    await show(formatRevocationList(forged, generateKeyPair().privateKey));
    expect(seen()).toBe(2);
    expect(cluster.sink.lines.join('')).toContain('REVOCATION_LIST_REFUSED');
  });

  test.each<[string, boolean]>([
    ['an earlier list', true],
    ['no list', false],
  ])('that starts again over %s still refuses what was revoked', async (_what, isEarlierThere) => {
    const { serial: issued } = await cluster.authority.issue({ identity: keeper.current.identity, hosts: [] });
    const before = await listText();
    await cluster.authority.revoke({ serial: issued }, 'stolen');
    store.stored = { ...store.stored, revocations: await listText() };
    await world.runFor(pollIntervalMs);

    const successor = new MemoryStore({ ...store.stored, revocations: isEarlierThere ? before : null });
    successor.seen = store.seen;
    const restarted = await open(successor, 'restarted');
    expect(restarted.current.revocations.find(issued)?.reason).toBe('stolen');
    await restarted.stop();
    expect(cluster.sink.lines.join('')).toContain('comes before 1, which was seen');
  });

  test('starts with a copy of the seen list that is broken, and says so', async () => {
    const successor = new MemoryStore(store.stored);
    successor.seen = 'half a li';
    const restarted = await open(successor, 'restarted');
    expect(restarted.current.revocations.generation).toBe(0);
    await restarted.stop();
    expect(cluster.sink.lines.join('')).toContain('the list that was seen last is not usable');
  });

  test('takes a good list beside a bad certificate, and a good certificate beside a bad list', async () => {
    await cluster.authority.revoke({ identity: keeper.current.identity }, 'lost');
    store.stored = { ...store.stored, identityPem: 'broken', revocations: await listText() };
    await world.runFor(pollIntervalMs);
    expect(keeper.current.revocations.generation).toBe(1);
    const first = serial();
    store.stored = { ...(await issue('agent-a')), revocations: 'broken' };
    await world.runFor(pollIntervalMs);
    expect(serial()).not.toBe(first);
    expect(keeper.current.revocations.generation).toBe(1);
  });

  test('does not open on files that do not belong together', async () => {
    const wrong = async (change: Partial<StoredCertificates>): Promise<unknown> =>
      open(new MemoryStore({ ...store.stored, ...change }), 'b').catch((error: unknown) => error);
    const [, certificate = ''] = store.stored.identityPem.split(/(?=-----BEGIN CERT)/);
    const [otherKey = ''] = (await issue('agent-a')).identityPem.split(/(?=-----BEGIN CERT)/);
    expect(await wrong({ identityPem: certificate })).toMatchObject({ code: 'CERTIFICATE_UNREADABLE' });
    expect(await wrong({ identityPem: otherKey + certificate })).toMatchObject({ code: 'CERTIFICATE_UNREADABLE' });
    expect(await wrong({ revocations: '{}' })).toMatchObject({ code: 'REVOCATION_LIST_REFUSED' });
    const stranger = await TestCluster.create({ cluster: cluster.authority.cluster });
    expect(await wrong({ authoritiesPem: stranger.authority.certificatePem })).toMatchObject({
      code: 'CERTIFICATE_UNTRUSTED',
    });
    await stranger.close();
  });
});

describe('the files', () => {
  test('hold key and certificate as one, so that no crash can part them', async () => {
    const directory = await cluster.issueTo('agent-files', 'agent');
    const files = new FileCertificateStore(certificateFilesIn(directory));
    const before = await files.load();
    expect(before?.identityPem).toMatch(/^-----BEGIN PRIVATE KEY-----[^]*-----END CERTIFICATE-----\n$/);
    expect(await files.load()).toBeNull();
    await files.saveIdentity('other');
    expect(await files.load()).toMatchObject({ identityPem: 'other' });
  });

  test('are not laid over an identity that is there', async () => {
    await cluster.issueTo('agent-twice', 'agent');
    const again = cluster.issueTo('agent-twice', 'agent');
    await expect(again).rejects.toThrow(expect.objectContaining({ code: 'CERTIFICATE_FILES_EXIST' }));
  });

  test('that are missing are named', async () => {
    const files = new FileCertificateStore(certificateFilesIn('/nowhere'));
    await expect(files.load()).rejects.toThrow(/^\/nowhere\/\w+\.pem is unusable: it is not there$/);
  });
});

async function listText(): Promise<string> {
  return readFile(join(cluster.directory, 'authority', authorityFiles.revocations), 'utf8');
}
