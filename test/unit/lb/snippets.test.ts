import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { includes, isAtLeast, snippetsFor, type Switched, variableOf } from '../../../src/lb/snippets.ts';

const api: Switched = { name: 'api', port: 3000 };
/** The files as one text; the buckets of visitors, a hundred lines, cut. */
function text(services: Switched[], version = '1.29.3'): string {
  const { files } = snippetsFor(services, '/etc/opsctl', version);
  return files
    .map((one) => `--- ${one.name}\n${one.text}`)
    .join('')
    .replace(/( {4}1% 1;\n)(?: {4}1% \d+;\n)+/, '$1    …\n');
}
const digest = (services: Switched[], directory = '/etc/opsctl', version = '1.29.3'): string =>
  snippetsFor(services, directory, version).digest;

describe('what nginx is told', () => {
  test('must be upstreams that are looked up again, where its version can', () => {
    expect(text([api])).toMatchInlineSnapshot(`
      "--- http/opsctl.conf
      # Written by \`opsctl lb setup\`, which replaces what is changed here.

      # A visitor keeps the version that he got: by his cookie, else by this one request.
      map $cookie_opsctl_visitor $opsctl_visitor {
          default $cookie_opsctl_visitor;
          ""      $request_id;
      }
      split_clients $opsctl_visitor $opsctl_bucket {
          1% 0;
          1% 1;
          …
          * 99;
      }
      # Only who knows the token may ask for a colour.
      map $http_x_opsctl_probe $opsctl_probe {
          default "";
          "blue-@OPSCTL_TOKEN@" blue;
          "green-@OPSCTL_TOKEN@" green;
      }

      upstream api_blue {
          zone api_blue 64k;
          server api-blue:3000 resolve;
          keepalive 32;
          keepalive_timeout 4s;
      }

      upstream api_green {
          zone api_green 64k;
          server api-green:3000 resolve;
          keepalive 32;
          keepalive_timeout 4s;
      }
      --- server/opsctl.conf
      # Written by \`opsctl lb setup\`, which replaces what is changed here.

      # Whatever is asked about a file is asked at each request.
      open_file_cache off;

      set $opsctl_cookie "";
      if (-f /etc/opsctl/live/canary) {
          set $opsctl_cookie "opsctl_visitor=$opsctl_visitor; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax";
      }
      if ($cookie_opsctl_visitor != "") { set $opsctl_cookie ""; }
      # Who asks for a colour is shown that the cookie arrives, and is no visitor.
      if ($opsctl_probe != "") { set $opsctl_cookie "opsctl_visitor=; Path=/; Max-Age=0"; }
      # A location with an add_header of its own needs this line, too.
      add_header Set-Cookie $opsctl_cookie always;

      set $opsctl_colour_api blue;
      if (-f /etc/opsctl/live/api.green) { set $opsctl_colour_api green; }
      if (-f /etc/opsctl/live/api.blue-$opsctl_bucket) { set $opsctl_colour_api blue; }
      if (-f /etc/opsctl/live/api.green-$opsctl_bucket) { set $opsctl_colour_api green; }
      if ($opsctl_probe != "") { set $opsctl_colour_api $opsctl_probe; }
      set $api_upstream api_$opsctl_colour_api;

      location = /.opsctl/confirm {
          if ($opsctl_probe = "") { return 404; }
          default_type text/plain;
          return 200 "opsctl b8d071e31d27 $opsctl_probe";
      }
      "
    `);
  });

  test('must be names and ports, where it cannot', () => {
    const old = text([api], '1.25.0');
    expect(old).not.toContain('\nupstream api');
    expect(old.slice(old.indexOf('set $opsctl_colour_api blue;'))).toMatchInlineSnapshot(`
      "set $opsctl_colour_api blue;
      if (-f /etc/opsctl/live/api.green) { set $opsctl_colour_api green; }
      if (-f /etc/opsctl/live/api.blue-$opsctl_bucket) { set $opsctl_colour_api blue; }
      if (-f /etc/opsctl/live/api.green-$opsctl_bucket) { set $opsctl_colour_api green; }
      if ($opsctl_probe != "") { set $opsctl_colour_api $opsctl_probe; }
      set $api_upstream api-$opsctl_colour_api:3000;

      location = /.opsctl/confirm {
          if ($opsctl_probe = "") { return 404; }
          default_type text/plain;
          return 200 "opsctl b674ee62fb1d $opsctl_probe";
      }
      "
    `);
  });

  test('must put every visitor into one of a hundred buckets of the same size', () => {
    const [http] = snippetsFor([api], '/etc/opsctl', '1.29.3').files;
    const buckets = [...(http?.text ?? '').matchAll(/^ {4}(1%|\*) (\d+);$/gm)];
    expect(buckets.map(([, , number]) => Number(number))).toEqual(Array.from({ length: 100 }, (_, at) => at));
    expect(buckets.filter(([, share]) => share === '*')).toHaveLength(1);
  });

  test('must be variables that nginx can have, whatever a service is called', () => {
    expect(variableOf('my-shop.api')).toBe('$my_shop_api_upstream');
    const odd = text([{ name: 'my-shop.api', port: 80 }]);
    expect(odd).toContain('server my-shop.api-green:80 resolve;');
    expect(odd).toContain('if (-f /etc/opsctl/live/my-shop.api.green) { set $opsctl_colour_my_shop_api green; }');
    // Its own variable must not be the one that tells who asks.
    expect(text([{ name: 'probe', port: 80 }])).not.toContain('set $opsctl_probe ');
  });
});

describe('a configuration', () => {
  const file = '/etc/opsctl/server/opsctl.conf';

  test.each([
    ['that was read with the file', `# configuration file ${file}:`, true],
    ['with its folder', 'server { include /etc/opsctl/server/*.conf; }', true],
    ['with the file itself, in quotes', '  include "/etc/opsctl/server/opsctl.conf" ;', true],
    ['with another file of that folder', 'include /etc/opsctl/server/other.conf;', false],
    ['with another folder', 'include /etc/opsctl/*.conf;', false],
    ['with a dot that stands for itself', 'include /etc/opsctl/server/*.opsctl-conf;', false],
    ['with it in a comment', 'server { # include /etc/opsctl/server/*.conf;\n}', false],
    ['with a # in a word', 'return 200 a#b; include /etc/opsctl/server/*.conf;', true],
    ['that says it without the directive', 'set $include /etc/opsctl/server/*.conf;', false],
    ['that cannot be read', '', false],
  ])('%s must be told to include it: %#', (_what, configuration, is) => expect(includes(configuration, file)).toBe(is));
});

describe('the digest', () => {
  test('must be the same for the same content, and told by nginx to who knows the token', () => {
    expect(digest([api])).toBe(digest([{ ...api }]));
    expect(text([api])).toContain(`return 200 "opsctl ${digest([api])} $opsctl_probe";`);
    expect(digest([api])).toMatch(/^[0-9a-f]{12}$/);
  });

  test('must change with the content', () => {
    const all = [
      digest([api]),
      digest([{ ...api, port: 3001 }]),
      digest([{ ...api, name: 'web' }]),
      digest([api, { name: 'web', port: 3000 }]),
      digest([api], '/srv/opsctl'),
      digest([api], '/etc/opsctl', '1.25.0'),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(digest([api], '/etc/opsctl', '1.27.3')).toBe(digest([api]));
  });
});

describe('a version', () => {
  test.each([
    ['1.27.3', '1.27.3', true],
    ['1.27.4', '1.27.3', true],
    ['1.27.2', '1.27.3', false],
    ['1.9.15', '1.27.3', false],
    ['2.0.0', '1.27.3', true],
    ['1.28', '1.27.3', true],
    ['1.27', '1.27.3', false],
    ['', '1.27.3', false],
  ])('%s must be at least %s: %s', (version, wanted, is) => expect(isAtLeast(version, wanted)).toBe(is));

  test('must be at least itself, and of two one at least the other', () => {
    const version = fc.array(fc.nat(40), { minLength: 3, maxLength: 3 }).map((numbers) => numbers.join('.'));
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(isAtLeast(a, a)).toBe(true);
        expect(isAtLeast(a, b) && isAtLeast(b, a)).toBe(a === b);
        expect(isAtLeast(a, b) || isAtLeast(b, a)).toBe(true);
      }),
    );
  });
});
