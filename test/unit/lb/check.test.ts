import { describe, expect, test } from 'vitest';

import { checkSetup, lackingFor } from '../../../src/lb/check.ts';
import type { InstanceFacts, Part, SetupFacts } from '../../../src/lb/observe.ts';
import { absent, api, instance, setup } from './instance.ts';

/** What is not well, with how to mend it. */
const wrong = (facts: SetupFacts): string[] =>
  checkSetup(facts)
    .filter(({ status }) => status !== 'ok')
    .map(({ id, status, reason, next }) => [`${id} ${status}: ${reason}`, ...next].join('\n'));
const { configuration: text } = instance();
const without = (part: string): SetupFacts => setup({ configuration: text.replace(part, '') });

test('a load balancer that is ready must be told to be so, thing by thing', () => {
  expect(checkSetup(setup()).map(({ id, about, status, reason }) => `${about} ${id} ${status}: ${reason}`))
    .toMatchInlineSnapshot(`
    [
      "nginx configuration ok: its configuration loads",
      "nginx version ok: nginx 1.29.3",
      "nginx directory ok: /etc/opsctl is on state, which outlives the container",
      "nginx switch ok: a link is replaced by one rename",
      "nginx files ok: http/opsctl.conf and server/opsctl.conf are as they should be",
      "nginx routing ok: generation 3 since 2026-03-01T11:00:00.000Z",
      "nginx include-http ok: http/opsctl.conf is included",
      "nginx include-server ok: server/opsctl.conf is included",
      "nginx location-api ok: requests of api go to $api_upstream",
      "nginx resolver ok: names are looked up while it runs",
      "api running ok: nginx runs with these files at http://127.0.0.1:8080",
      "api name ok: its live containers are found as api-blue",
    ]
  `);
});

test('what is wrong must be named with how to mend it', () => {
  const { volume: _volume, ...bare } = instance();
  const cases: [string, SetupFacts][] = [
    ['a broken configuration', setup({ test: { ok: false, output: 'emerg\nunknown directive "x"\n' } })],
    ['an nginx without named upstreams', setup({ version: '1.25.0', loaded: {} })],
    ['an nginx that resets idle connections', setup({ version: '1.27.3', loaded: {} })],
    ['a directory that goes with the container', { ...setup(), instances: [bare] }],
    ['a directory that goes with compose down', setup({ volume: 'a1'.repeat(32) })],
    ['a container without mv', setup({ canSwitch: false })],
    ['files that are not there', setup({ present: absent() })],
    ['files that somebody changed', setup({ present: [{ name: 'http/opsctl.conf', text: 'x' }] })],
    ['traffic that was never sent anywhere', setup({ routing: undefined })],
    ['a link that opsctl did not write', setup({ routing: { why: 'live is not what opsctl wrote' } })],
    ['a file that is not included', without('include /etc/opsctl/server/*.conf;')],
    ['a location that goes its own way', without('http://$api_upstream')],
    ['no resolver', without('resolver 127.0.0.11')],
    ['a resolver that is only written about', setup({ configuration: text.replace('resolver', '# resolver') })],
    ['idle connections that a reload resets', without('keepalive_min_timeout 10s;')],
    ['another server at the URL', setup({ loaded: { api: {} } })],
    ['a reload that is missing', setup({ loaded: { api: { digest: 'old' } } })],
    ['a URL that does not answer', setup({ loaded: { api: { why: 'refused' } } })],
  ];
  const told = cases.map(([what, facts]) => `${what}:\n${wrong(facts).join('\n').replaceAll(/^/gm, '  ')}`);
  expect(told.join('\n')).toMatchInlineSnapshot(`
    "a broken configuration:
      configuration crit: its configuration does not load: unknown directive "x"
      opsctl lb reload --dry-run
    an nginx without named upstreams:
      version warn: nginx 1.25.0 cannot look names of an upstream up again (since 1.27.3): connections to the services are not kept
      running unknown: it has no health URL at which nginx could be asked
      # set services.api.health in opsctl.yaml
    an nginx that resets idle connections:
      version warn: nginx 1.27.3 resets idle connections when it reloads (keepalive_min_timeout comes with 1.27.4); switches do not reload
      running unknown: it has no health URL at which nginx could be asked
      # set services.api.health in opsctl.yaml
    a directory that goes with the container:
      directory crit: /etc/opsctl is on no volume: where traffic goes would be forgotten with the container
      # in the compose file, for this service: volumes: [nginx_state:/etc/opsctl]
    a directory that goes with compose down:
      directory warn: /etc/opsctl is on a volume without a name: docker-compose down forgets where traffic goes
      # in the compose file, for this service: volumes: [nginx_state:/etc/opsctl]
    a container without mv:
      switch crit: the container has no mv that replaces a link (\`mv -T\`)
      # use an image with coreutils or busybox
    files that are not there:
      files crit: the files in /etc/opsctl are not written
      opsctl lb setup --dry-run
    files that somebody changed:
      files crit: the files in /etc/opsctl are not as they should be
      opsctl lb setup --dry-run
    traffic that was never sent anywhere:
      routing crit: it was never told where traffic goes
      opsctl lb setup --dry-run
    a link that opsctl did not write:
      routing crit: live is not what opsctl wrote
      opsctl lb setup --dry-run
    a file that is not included:
      include-server crit: server/opsctl.conf is not included
      # in each server block that serves the platform of nginx: include /etc/opsctl/server/*.conf;
      opsctl lb check
    a location that goes its own way:
      location-api crit: no location passes requests to $api_upstream
      # in the location of api: proxy_pass http://$api_upstream;
      opsctl lb check
    no resolver:
      resolver crit: no resolver: containers that come later are not found
      # in the http block of nginx: resolver 127.0.0.11 valid=1s ipv6=off;
    a resolver that is only written about:
      resolver crit: no resolver: containers that come later are not found
      # in the http block of nginx: resolver 127.0.0.11 valid=1s ipv6=off;
    idle connections that a reload resets:
      idle-connections warn: a reload resets clients that are just sending
      # in the http block of nginx: keepalive_min_timeout 10s;
    another server at the URL:
      running crit: what answers at http://127.0.0.1:8080 does not run with these files
      opsctl lb setup --dry-run
    a reload that is missing:
      running crit: nginx runs with other files at http://127.0.0.1:8080 than are on its disk
      opsctl lb setup --dry-run
    a URL that does not answer:
      running unknown: nginx cannot be asked at http://127.0.0.1:8080/api/health: refused
      opsctl health"
  `);
});

describe('the live containers of a service', () => {
  const container = { name: 'shop_api_1', labels: {}, aliases: ['api'] };

  test('must be found by the name of their colour', () => {
    expect(wrong(setup({}, [{ ...api, containers: [container] }]))).toEqual([
      [
        'name crit: shop_api_1 is not found as api-blue',
        '# in the compose file, for api: networks: { <network>: { aliases: [api-blue] } }',
        'opsctl lb check',
      ].join('\n'),
    ]);
  });

  test('must be there', () => {
    const green = { ...container, labels: { 'opsctl.colour': 'green' }, aliases: ['api-green'] };
    expect(wrong(setup({}, [{ ...api, containers: [green] }]))).toEqual([
      'live crit: no container of api runs in blue, which is live\nopsctl deploy status',
    ]);
    const routing = { live: { api: 'green' as const }, generation: 1, since: '2026-03-01T11:00:00.000Z' };
    expect(wrong(setup({ routing }, [{ ...api, containers: [green] }]))).toEqual([]);
  });

  test('may have no URL, which leaves open whether nginx knows them', () => {
    const { url: _url, ...quiet } = api;
    expect(wrong(setup({ loaded: {} }, [quiet]))).toEqual([
      'running unknown: it has no health URL at which nginx could be asked\n# set services.api.health in opsctl.yaml',
    ]);
  });
});

describe('what the configuration says', () => {
  const http = (inside: string): SetupFacts =>
    setup({
      configuration: `http { resolver 127.0.0.11 valid=1s; keepalive_min_timeout 10s;
        include /etc/opsctl/http/*.conf; include /etc/opsctl/server/*.conf; ${inside} }`,
    });

  test('may stand in one line, and name the variable in either way', () => {
    expect(wrong(http('server { location /api/ { proxy_pass http://$api_upstream; } }'))).toEqual([]);
    expect(wrong(http('server { location /api/ { proxy_pass http://${api_upstream}; } }'))).toEqual([]);
    expect(wrong(http('server { location /api/ { proxy_pass http://$api_upstream_old; } }'))[0]).toMatch(
      /^location-api/,
    );
  });

  test.each(['http://$api_upstream/', 'http://${api_upstream}/x'])(
    'must be warned of a path that takes the place of what was asked: %s',
    (address) => {
      expect(wrong(http(`server { location /api/ { proxy_pass ${address}; } }`))[0]).toMatch(
        /^location-api warn: .* asks api for that one path, whatever was asked/,
      );
    },
  );

  test('may pass a path on that is made of what was asked', () => {
    expect(wrong(http('server { location /api/ { proxy_pass http://$api_upstream$request_uri; } }'))).toEqual([]);
    expect(wrong(http('server { location /api/ { proxy_pass http://$api_upstream/v1$uri; } }'))).toEqual([]);
  });

  test.each([
    ['resolver 127.0.0.11;', 'without valid=1s it keeps them for 600 s, as Docker says'],
    ['resolver 127.0.0.11 valid=1m;', 'it keeps them for 1m'],
  ])('must be warned of where nginx keeps addresses for long: %s', (line, why) => {
    const late = without('');
    const [one] = late.instances;
    if (one !== undefined) one.configuration = one.configuration.replace(/resolver .*/, line);
    expect(wrong(late)).toEqual([
      `resolver warn: names of new containers are seen late: ${why}\n# in the http block of nginx: resolver 127.0.0.11 valid=1s ipv6=off;`,
    ]);
  });

  test('must be warned of where another location goes to containers of the service itself', () => {
    const good = 'location /api/ { proxy_pass http://$api_upstream; }';
    const past = `upstream pool { server shop_api_1:3000; }
      server { ${good} location /api/v2/ { proxy_pass http://api:3000/; } location /old { proxy_pass http://pool; }
      location /docs { proxy_pass http://docs; } }`;
    expect(wrong(http(past))).toEqual([
      [
        'fixed-api warn: requests pass to api whichever colour is live, past every switch: location /api/v2/ (http://api:3000/), location /old (http://pool)',
        '# in each of them: proxy_pass http://$api_upstream;',
        'opsctl lb check',
      ].join('\n'),
    ]);
  });
});

describe('what keeps visitors from a release', () => {
  const lacking = (services: string[], facts: SetupFacts): string[] =>
    lackingFor(services, facts).map(({ id, about }) => `${about} ${id}`);
  const web = { ...api, name: 'web', containers: [] };

  test('must not be that nothing runs of what is live, nor that where traffic goes may be forgotten', () => {
    expect(lacking(['api'], setup({}, [{ ...api, containers: [] }]))).toEqual([]);
    const { volume: _volume, ...bare } = instance();
    expect(lacking(['api'], { ...setup(), instances: [bare] })).toEqual([]);
  });

  test('must be what the load balancer lacks as a whole, or for a service of the release', () => {
    const nothing = setup({ present: absent() }, [api, web]);
    expect(lacking(['api'], nothing)).toEqual(['nginx files']);
    expect(lacking(['api', 'web'], nothing)).toEqual(['nginx files', 'nginx location-web']);
  });
});

test('what could not be asked must be one unknown finding, and what is not known then none', () => {
  const unknown = 'unknown: it could not be asked: no answer\nopsctl lb check';
  const unasked = (part: Part, more: Partial<InstanceFacts> = {}): string[] =>
    wrong(setup({ ...more, unasked: { [part]: 'no answer' } }));
  expect(unasked('switch', { canSwitch: false })).toEqual([`switch ${unknown}`]);
  expect(unasked('version', { version: '', loaded: {}, present: [] })).toEqual([`version ${unknown}`]);
  expect(unasked('configuration', { configuration: '' })).toEqual([`configuration ${unknown}`]);
  expect(unasked('files', { present: [] })).toEqual([`files ${unknown}`]);
  expect(unasked('routing', { routing: undefined })).toEqual([`routing ${unknown}`]);
  expect(unasked('workers')).toEqual([]);
});
