import tls from 'node:tls';

import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openHttp } from '../../src/adapters/http/open.ts';
import { makeCertificates, type Certificates } from '../support/certificates.ts';
import { openServers, type Servers } from '../support/http-servers.ts';

const servers: Servers = openServers();
let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});
afterAll(async () => {
  await servers.close();
  await certificates.remove();
});

describe('http over TLS', () => {
  const ok = (_request: unknown, response: { end: (body: string) => void }): void => response.end('ok');

  test('an authority of our own is trusted when configured, by a path relative to the configuration', async () => {
    const url = await servers.http(ok, await certificates.sign('good', ['DNS:localhost', 'IP:127.0.0.1'], 5));
    const reader = openHttp({ directory: certificates.directory, defaults: { ca: 'authority.pem' } });
    const answer = await reader.get(url, { timeoutMs: 3000 });
    expect(answer.body).toBe('ok');
    expect(answer.timings.tls).toBeGreaterThan(0);
    expect(await reader.get(url.replace('localhost', '127.0.0.1'), { timeoutMs: 3000 })).toMatchObject({ status: 200 });
    const certificate = await reader.certificate(url, { timeoutMs: 3000 });
    expect(certificate).toMatchObject({
      subject: 'CN=good',
      issuer: 'CN=opsctl test authority',
      names: ['localhost', '127.0.0.1'],
    });
    expect(certificate.untrusted).toBeUndefined();
    expect(Date.parse(certificate.notAfter) - Date.parse(certificate.notBefore)).toBe(5 * 86_400_000);
    const without = await openHttp({ directory: '/' })
      .get(url, { timeoutMs: 3000 })
      .catch((thrown: unknown) => thrown);
    expect(without).toMatchObject({ code: 'BAD_ANSWER', hint: expect.stringContaining('tls.ca') as string });
  });

  test('an authority of our own is trusted beside the usual ones, not instead', async () => {
    const usual = await certificates.selfSigned('localhost');
    const url = await servers.http(ok, usual);
    const before = tls.getCACertificates('default');
    tls.setDefaultCACertificates([...before, usual.cert]);
    try {
      const reader = openHttp({ directory: certificates.directory, defaults: { ca: 'authority.pem' } });
      expect(await reader.get(url, { timeoutMs: 3000 })).toMatchObject({ status: 200 });
      const ours = await servers.http(ok, await certificates.sign('beside', ['DNS:localhost'], 5));
      expect(await reader.get(ours, { timeoutMs: 3000 })).toMatchObject({ status: 200 });
    } finally {
      tls.setDefaultCACertificates(before);
    }
  });

  test.each(['expired', 'self-signed', 'wrong name'])(
    'a certificate that is %s: refused, shown, accepted when told to',
    async (fault) => {
      const pair =
        fault === 'expired'
          ? await certificates.sign('expired', ['DNS:localhost'], -1)
          : fault === 'self-signed'
            ? await certificates.selfSigned('localhost')
            : await certificates.sign('elsewhere', ['DNS:elsewhere.test'], 5);
      const [code, word] = {
        expired: ['CERT_HAS_EXPIRED', /expired/],
        'self-signed': ['DEPTH_ZERO_SELF_SIGNED_CERT', /self-signed/],
        'wrong name': ['ERR_TLS_CERT_ALTNAME_INVALID', /another name/],
      }[fault] as [string, RegExp];
      const url = await servers.http(ok, pair);
      const reader = openHttp({ directory: certificates.directory, defaults: { ca: 'authority.pem' } });
      await expect(reader.get(url, { timeoutMs: 3000 })).rejects.toMatchObject({
        code: 'BAD_ANSWER',
        message: expect.stringMatching(word) as string,
        details: { code },
      });
      expect((await reader.certificate(url, { timeoutMs: 3000 })).untrusted).toContain(code);
      expect(await reader.get(url, { timeoutMs: 3000, tls: { insecure: true } })).toMatchObject({ status: 200 });
      if (fault !== 'wrong name') return;
      expect(await reader.get(url, { timeoutMs: 3000, tls: { serverName: 'elsewhere.test' } })).toMatchObject({
        status: 200,
      });
    },
  );

  test('a server that needs a name, or a certificate of ours, shows its own', async () => {
    const { createSecureContext } = await import('node:tls');
    const named = createSecureContext(await certificates.sign('named', ['DNS:localhost'], 5));
    const url = await servers.http(ok, {
      SNICallback: (name, done) => (name === 'localhost' ? done(null, named) : done(new Error('no such name'))),
    });
    const reader = openHttp({ directory: '/', defaults: { ca: certificates.authority } });
    expect(await reader.certificate(url, { timeoutMs: 3000 })).toMatchObject({ subject: 'CN=named' });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const mutual = await servers.http(ok, {
        ...(await certificates.sign('mutual', ['DNS:localhost'], 5)),
        requestCert: true,
        rejectUnauthorized: true,
        ca: certificates.authorityPem,
        maxVersion,
      });
      expect(await reader.certificate(mutual, { timeoutMs: 3000 })).toMatchObject({ subject: 'CN=mutual' });
    }
  });

  test('TLS spoken to a plain server, and the other way round', async () => {
    const reader = openHttp({ directory: '/' });
    const plain = (await servers.http(ok)).replace('http:', 'https:');
    await expect(reader.get(plain, { timeoutMs: 3000 })).rejects.toMatchObject({
      code: 'BAD_ANSWER',
      hint: expect.stringContaining('http://') as string,
    });
    await expect(reader.certificate(plain, { timeoutMs: 3000 })).rejects.toMatchObject({ code: 'BAD_ANSWER' });
    const secure = (await servers.http(ok, await certificates.selfSigned('s'))).replace('https:', 'http:');
    await expect(reader.get(secure, { timeoutMs: 3000 })).rejects.toMatchObject({ code: 'UNREACHABLE' });
    await expect(reader.certificate(secure, { timeoutMs: 3000 })).rejects.toMatchObject({ code: 'USAGE' });
  });

  test('a tls.ca that is missing or no certificate is a mistake in the configuration', async () => {
    for (const ca of ['nothing.pem', 'authority.key']) {
      const reader = openHttp({ directory: certificates.directory, defaults: { ca } });
      await expect(reader.get('https://localhost:1/', { timeoutMs: 100 })).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
      });
    }
  });

  test('the leaf of a chain in either order, with a key before it', async () => {
    const { key, cert } = await certificates.sign('leaf', ['DNS:leaf.test'], 5);
    const reader = openHttp({ directory: '/' });
    for (const pem of [key + cert + certificates.authorityPem, certificates.authorityPem + cert]) {
      expect(reader.parseCertificate(pem)).toMatchObject({ subject: 'CN=leaf', names: ['leaf.test'] });
    }
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----';
    expect(() => reader.parseCertificate(broken)).toThrow(expect.objectContaining({ code: 'BAD_ANSWER' }));
  });
});

test('timings beside those of curl', async (context) => {
  const curl = await execa('curl', ['--version'], { reject: false });
  if (curl.failed) return context.skip('curl is not installed');
  const url = await servers.http(
    (_request, response) => setTimeout(() => response.end('x'), 30),
    await certificates.sign('timed', ['DNS:localhost'], 5),
  );
  const reader = openHttp({ directory: '/', defaults: { ca: certificates.authority } });
  const format = '%{time_namelookup} %{time_connect} %{time_appconnect} %{time_starttransfer} %{time_total}';
  await reader.get(url, { timeoutMs: 3000 });
  for (let round = 0; round < 3; round += 1) {
    const { timings: ours } = await reader.get(url, { timeoutMs: 3000 });
    expect(ours.total).toBeGreaterThan(30);
    const { stdout } = await execa('curl', ['-sk', '-o', '/dev/null', '-w', format, url]);
    const [dns = 0, connect = 0, tls = 0, first = 0, total = 0] = stdout.split(' ').map((text) => Number(text) * 1000);
    const line = (...ms: number[]): string => ms.map((one) => one.toFixed(1)).join(' ');
    console.info(
      `dns connect tls firstByte total, ms | opsctl ${line(ours.dns ?? 0, ours.connect, ours.tls ?? 0, ours.firstByte, ours.total)} | curl ${line(dns, connect - dns, tls - connect, first - tls, total)}`,
    );
  }
});
