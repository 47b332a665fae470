import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { alternativeNames, parseCertificate } from '../../../src/adapters/http/certificate.ts';
import { readTarget } from '../../../src/adapters/http/target.ts';

describe('names of a certificate', () => {
  test.each([
    ['', []],
    [
      'DNS:a.test, DNS:*.b.test, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1',
      ['a.test', '*.b.test', '10.0.0.1', '0:0:0:0:0:0:0:1'],
    ],
    ['URI:"http://x/, DNS:evil.test", DNS:good.test', ['good.test']],
    ['DNS:"a, DNS:b", email:x@y', ['a, DNS:b']],
    ['othername:<unsupported>, DNS:c.test', ['c.test']],
    ['DirName:"CN = a, O = b", DNS:d.test', ['d.test']],
  ])('%s', (text, names) => expect(alternativeNames(text)).toEqual(names));

  test('any names, quoted or not, come back, and nothing else does', () => {
    const entry = fc.record({
      kind: fc.constantFrom('DNS', 'URI', 'IP Address', 'email'),
      value: fc.string({ maxLength: 20 }),
    });
    fc.assert(
      fc.property(fc.array(entry), (entries) => {
        const text = entries
          .map(({ kind, value }) => `${kind}:${/^[\w.*@:/-]*$/.test(value) ? value : JSON.stringify(value)}`)
          .join(', ');
        const wanted = entries.filter(({ kind }) => kind === 'DNS' || kind === 'IP Address').map(({ value }) => value);
        expect(alternativeNames(text)).toEqual(wanted);
      }),
    );
  });

  test('any text is a certificate or a bad answer', () => {
    const block = fc
      .string()
      .map((text) => `-----BEGIN CERTIFICATE-----\n${Buffer.from(text).toString('base64')}\n-----END CERTIFICATE-----`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), block), (pem) => {
        expect(() => parseCertificate(pem)).toThrow(expect.objectContaining({ code: 'BAD_ANSWER' }));
      }),
    );
  });
});

describe('targets', () => {
  test('IPv6, default ports and a query that is kept but not shown', () => {
    expect(readTarget('https://[::1]/a?token=x')).toMatchObject({
      host: '::1',
      port: 443,
      secure: true,
      label: 'https://[::1]/a',
    });
    expect(readTarget('http://a:81')).toMatchObject({ host: 'a', port: 81, secure: false, label: 'http://a:81' });
    expect(readTarget('http://a/b?token=x').url.search).toBe('?token=x');
  });

  test('any password, however written, appears in neither label nor URL nor error', () => {
    const password = fc.stringMatching(/^[a-z%:#@/?]{3,12}$/).map((text) => `pw${text}pw`);
    fc.assert(
      fc.property(password, fc.boolean(), (secret, encoded) => {
        const shown = shownOf(`http://me:${encoded ? encodeURIComponent(secret) : secret}@host.test/x`);
        expect(shown).not.toContain(secret);
      }),
    );
  });
});

/** All that may come to light of a URL. Unencoded, a slash ends the host: then it was no password to begin with. */
function shownOf(url: string): string {
  try {
    const target = readTarget(url);
    return target.host === 'host.test' ? target.label + target.url.href + JSON.stringify(target) : '';
  } catch (thrown) {
    return String(thrown);
  }
}
