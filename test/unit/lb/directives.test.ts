import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { directivesIn, hostsOf, secondsOf } from '../../../src/lb/directives.ts';

describe('directives', () => {
  test('must be found wherever they stand in a line, with their blocks', () => {
    const text = `http { resolver 127.0.0.11 valid=1s; server { listen 80;
      location ~ "^/a{2}/" { proxy_pass http://\${api}/; } } } # resolver 1.1.1.1;
      events {}`;
    expect(directivesIn(text).map(({ words, within }) => [...within, words.join(' ')].join(' > '))).toEqual([
      'http > resolver 127.0.0.11 valid=1s',
      'http > server > listen 80',
      'http > server > location ~ ^/a{2}/ > proxy_pass http://${api}/',
    ]);
  });

  test('must begin anew with each file', () => {
    const text = '# configuration file /a.conf:\nhttp {\n# configuration file /b.conf:\nuser x;';
    expect(directivesIn(text)).toEqual([{ words: ['user', 'x'], within: [] }]);
  });

  test('must not be made of comments and quoted texts', () => {
    expect(directivesIn('# a b;\n add_header X "a; b {";').map(({ words }) => words)).toEqual([
      ['add_header', 'X', 'a; b {'],
    ]);
  });

  test('must be found in whatever text, without an error', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'a;{}"\'\\#$ \n') }), (text) => {
        directivesIn(text);
      }),
    );
  });
});

test('the hosts of an address must be those of its upstream, and none where a variable decides', () => {
  const all = directivesIn('upstream pool { server api-1:3000 max_fails=1; server api-2; }');
  expect(hostsOf('http://pool/x', all)).toEqual(['api-1', 'api-2']);
  expect(hostsOf('https://api:3000', all)).toEqual(['api']);
  expect(hostsOf('http://$api_upstream', all)).toEqual([]);
  expect(hostsOf('http://api-$colour', all)).toEqual([]);
});

test.each([
  ['1s', 1],
  ['10', 10],
  ['500ms', 0.5],
  ['1m30s', 90],
  ['', undefined],
  ['soon', undefined],
])('%j must be %j seconds', (text, seconds) => expect(secondsOf(text)).toBe(seconds));
