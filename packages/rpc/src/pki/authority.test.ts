import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TestCluster, otherCluster, random, testCluster } from '../testing.ts';
import { Authority, authorityFiles } from './authority.ts';
import { parseCertificate, readCertificate } from './certificate.ts';
import { formatIdentity, type Identity } from './identity.ts';
import { createSigningRequest, generateKeyPair } from './signing-request.ts';

const agent: Identity = { cluster: testCluster, role: 'agent', name: 'agent-a', node: 'node-a' };
const refused = (code: string): object => expect.objectContaining({ code });

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.create();
});
afterEach(async () => {
  await cluster.close();
});

const directory = (): string => join(cluster.directory, 'authority');
const reopen = async (): Promise<Authority> => Authority.open({ directory: directory(), clock: cluster.clock, random });

describe('an authority', () => {
  test('keeps its directory and its key to itself', async () => {
    expect((await stat(directory())).mode & 0o777).toBe(0o700);
    expect((await stat(join(directory(), authorityFiles.key))).mode & 0o777).toBe(0o600);
  });

  test('is not made twice in one directory, and not where others may look', async () => {
    const options = { directory: directory(), clock: cluster.clock, random, cluster: testCluster };
    await expect(Authority.initialise(options)).rejects.toThrow(refused('AUTHORITY_EXISTS'));
    const open = join(cluster.directory, 'open');
    await mkdir(open);
    await chmod(open, 0o755);
    await expect(Authority.initialise({ ...options, directory: open })).rejects.toThrow(refused('AUTHORITY_EXPOSED'));
  });

  test('is found again in its directory, and nowhere else', async () => {
    expect((await reopen()).cluster).toBe(testCluster);
    const elsewhere = { directory: join(cluster.directory, 'none'), clock: cluster.clock, random };
    await expect(Authority.open(elsewhere)).rejects.toThrow(refused('AUTHORITY_UNUSABLE'));
  });

  test('with the key of another authority is refused', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    await writeFile(join(directory(), authorityFiles.key), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    await expect(reopen()).rejects.toThrow(refused('CERTIFICATE_UNREADABLE'));
  });
});

describe('a certificate', () => {
  test('names its holder, ends when it should, and is signed by the authority', async () => {
    const beforeMs = cluster.clock.wallMs();
    const issued = await cluster.authority.issue({ identity: agent, hosts: [], lifeMs: 60_000 });
    const info = readCertificate(new X509Certificate(issued.certificatePem));
    expect(info.identity).toEqual(agent);
    expect(info.serial).toBe(issued.serial);
    expect(info.notAfterMs).toBe(issued.notAfterMs);
    expect(info.notAfterMs).toBeGreaterThan(beforeMs + 58_000);
    expect(info.notAfterMs).toBeLessThanOrEqual(cluster.clock.wallMs() + 60_000);
    expect(info.x509.checkIssued(cluster.authority.certificate.x509)).toBe(true);
    expect(info.x509.verify(cluster.authority.certificate.x509.publicKey)).toBe(true);
    expect(info.x509.ca).toBe(false);
  });

  test('of a serving role carries its hosts, one of a calling role takes none', async () => {
    const hosts = ['metadata-0.holdfast', '10.0.0.7', 'fd00::7:0:1', '::ffff:10.0.0.9', '*.holdfast.svc'];
    const identity: Identity = { ...agent, role: 'metadata' };
    const { certificatePem } = await cluster.authority.issue({ identity, hosts });
    const x509 = new X509Certificate(certificatePem);
    for (const name of ['metadata-0.holdfast', 'other.holdfast.svc']) expect(x509.checkHost(name)).toBeDefined();
    for (const address of ['10.0.0.7', 'fd00::7:0:1']) expect(x509.checkIP(address)).toBe(address);
    await expect(cluster.authority.issue({ identity: agent, hosts })).rejects.toThrow(refused('HOSTS_NOT_SERVED'));
    const wrong = cluster.authority.issue({ identity, hosts: ['not a host'] });
    await expect(wrong).rejects.toThrow(refused('IDENTITY_INVALID'));
  });

  test('of another cluster is not issued', async () => {
    const identity = { ...agent, cluster: otherCluster };
    await expect(cluster.authority.issue({ identity, hosts: [] })).rejects.toThrow(
      refused('CERTIFICATE_OF_OTHER_CLUSTER'),
    );
  });

  test('is renewed for the same holder, unless it was revoked or came from elsewhere', async () => {
    const identity: Identity = { ...agent, role: 'metadata' };
    const first = await cluster.authority.issue({ identity, hosts: ['127.0.0.1'] });
    const second = await cluster.authority.renew(first.certificatePem);
    const info = parseCertificate(second.certificatePem, 'test');
    expect(info.identity).toEqual(identity);
    expect(info.hosts).toEqual(['127.0.0.1']);
    expect(second.serial).not.toBe(first.serial);
    await cluster.authority.revoke({ serial: first.serial }, 'stolen');
    await expect(cluster.authority.renew(first.certificatePem)).rejects.toThrow(refused('CERTIFICATE_REVOKED'));
    const stranger = await TestCluster.create({ cluster: testCluster });
    const foreign = await stranger.authority.issue({ identity, hosts: [] });
    await stranger.close();
    await expect(cluster.authority.renew(foreign.certificatePem)).rejects.toThrow(refused('CERTIFICATE_UNTRUSTED'));
  });
});

describe('a signing request', () => {
  test('gets a certificate for its key and for whoever the signer says', async () => {
    const pair = generateKeyPair();
    const signed = await cluster.authority.sign(createSigningRequest(pair), { identity: agent, hosts: [] });
    const x509 = new X509Certificate(signed.certificatePem);
    expect(x509.checkPrivateKey(pair.privateKey)).toBe(true);
    expect(readCertificate(x509).identity).toEqual(agent);
  });

  test.each([
    ['is no DER', (csr: Buffer) => csr.subarray(1)],
    ['is cut short', (csr: Buffer) => csr.subarray(0, -1)],
    ['has a changed signature', (csr: Buffer) => flip(csr, csr.length - 3)],
    ['has a changed key', (csr: Buffer) => flip(csr, 60)],
    ['is too long', (csr: Buffer) => Buffer.concat([csr, Buffer.alloc(5000)])],
  ])('that %s is refused', async (_how, change) => {
    const csr = change(createSigningRequest(generateKeyPair()));
    const signing = cluster.authority.sign(csr, { identity: agent, hosts: [] });
    await expect(signing).rejects.toThrow(refused('SIGNING_REQUEST_INVALID'));
  });

  test('for a key of another kind is refused', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
    const signing = cluster.authority.sign(createSigningRequest(pair), { identity: agent, hosts: [] });
    await expect(signing).rejects.toThrow(refused('SIGNING_REQUEST_INVALID'));
  });
});

describe('the revocation list', () => {
  test('grows by one generation and takes every living certificate of a holder', async () => {
    await cluster.authority.issue({ identity: agent, hosts: [] });
    await cluster.authority.issue({ identity: agent, hosts: [] });
    await cluster.authority.issue({ identity: { ...agent, name: 'agent-b' }, hosts: [] });
    expect((await cluster.authority.revocations()).generation).toBe(0);
    expect(await cluster.authority.revoke({ identity: agent }, 'node stolen')).toBe(2);
    const list = await (await reopen()).revocations();
    expect(list.generation).toBe(1);
    expect(list.entries.map((entry) => entry.reason)).toEqual(['node stolen', 'node stolen']);
    expect(await cluster.authority.revoke({ identity: agent }, 'again')).toBe(0);
  });

  test('knows only what was issued', async () => {
    const revoking = cluster.authority.revoke({ serial: '0badc0de' }, 'typo');
    await expect(revoking).rejects.toThrow(refused('CERTIFICATE_NOT_ISSUED'));
  });

  test('forgets a certificate that has ended by itself', async () => {
    const { serial } = await cluster.authority.issue({ identity: agent, hosts: [], lifeMs: 10_000 });
    await cluster.authority.revoke({ serial }, 'lost');
    cluster.clock.offsetMs = 20_000;
    const other = await cluster.authority.issue({ identity: agent, hosts: [] });
    await cluster.authority.revoke({ serial: other.serial }, 'lost');
    expect((await cluster.authority.revocations()).entries.map((entry) => entry.serial)).toEqual([other.serial]);
  });

  test('is changed by one process at a time, and no change is lost', async () => {
    const issued = [1, 2, 3, 4].map(async () => cluster.authority.issue({ identity: agent, hosts: [] }));
    const serials = (await Promise.all(issued)).map(({ serial }) => serial);
    const outcomes = await Promise.allSettled(
      serials.map(async (serial) => cluster.authority.revoke({ serial }, 'race')),
    );
    const done = outcomes.filter((outcome) => outcome.status === 'fulfilled').length;
    const rejected = outcomes.filter((outcome) => outcome.status === 'rejected');
    for (const outcome of rejected) expect(outcome.reason).toMatchObject({ code: 'OPERATION_PENDING' });
    const list = await cluster.authority.revocations();
    expect(list.entries).toHaveLength(done);
    expect(list.generation).toBe(done);
  });

  test('a register whose last line a crash cut short keeps what came before and after', async () => {
    const register = join(directory(), authorityFiles.register);
    await cluster.authority.issue({ identity: agent, hosts: [] });
    await writeFile(register, `${await readFile(register, 'utf8')}\n{"serial":"41`);
    await cluster.authority.issue({ identity: agent, hosts: [] });
    const entries = await cluster.authority.register();
    expect(entries.map((entry) => entry.identity)).toEqual([formatIdentity(agent), formatIdentity(agent)]);
  });

  test.each([
    ['forged', (text: string) => text.replace('lost', 'kept')],
    ['shortened', (text: string) => text.slice(0, -2)],
    ['emptied', () => ''],
    ['without its signature', (text: string) => `${text.split('\n')[0] ?? ''}\n\n`],
  ])('that is %s is refused and not started over', async (_how, change) => {
    const { serial } = await cluster.authority.issue({ identity: agent, hosts: [] });
    await cluster.authority.revoke({ serial }, 'lost');
    const path = join(directory(), authorityFiles.revocations);
    await writeFile(path, change(await readFile(path, 'utf8')));
    await expect(cluster.authority.revocations()).rejects.toThrow(refused('REVOCATION_LIST_REFUSED'));
    await expect(cluster.authority.revoke({ serial }, 'lost')).rejects.toThrow(refused('REVOCATION_LIST_REFUSED'));
  });
});

function flip(bytes: Buffer, offset: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[offset] = (changed[offset] ?? 0) ^ 0x01;
  return changed;
}

test('a holder that renews while it is being revoked is left with no certificate that is good', async () => {
  const first = await cluster.authority.issue({ identity: agent, hosts: [] });
  const renewals = Array.from({ length: 8 }, async () => cluster.authority.renew(first.certificatePem));
  const revocation = cluster.authority.revoke({ identity: agent }, 'stolen');
  const [outcomes] = await Promise.all([Promise.allSettled(renewals), revocation]);
  const list = await cluster.authority.revocations();
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') expect(list.find(outcome.value.serial)).not.toBeNull();
    else expect(outcome.reason).toEqual(refused('CERTIFICATE_REVOKED'));
  }
  await expect(cluster.authority.renew(first.certificatePem)).rejects.toThrow(refused('CERTIFICATE_REVOKED'));
});
