import { describe, expect, test } from 'vitest';

import { aliasesOf, derive, imageSchema, modelSchema, whyAlone } from '../../../../src/adapters/docker/derive.ts';
import type { Replica } from '../../../../src/core/ports/replicas.ts';

const ID = '0123456789abcdef';

const IMAGE = {
  Id: 'sha256:1',
  Size: 1,
  Config: {
    Env: ['PATH=/usr/bin', 'NODE_ENV=production'],
    Cmd: ['main.js'],
    Entrypoint: ['node'],
    Labels: { vendor: 'shop', 'org.opencontainers.image.version': 'v1' },
    User: 'node',
    WorkingDir: '/app',
    Healthcheck: { Test: ['CMD', 'old-check'] },
    ExposedPorts: { '3000/tcp': {} },
  },
};

interface Told {
  config?: object;
  host?: object;
  networks?: object;
  mounts?: object[];
}

/** A container of that image; what it was told in addition. */
function model({ config = {}, host = {}, networks = {}, mounts = [] }: Told = {}) {
  return modelSchema.parse({
    Id: ID,
    Name: '/shop-api-1',
    Image: 'sha256:1',
    Config: {
      Image: 'shop/api:v1',
      Hostname: ID.slice(0, 12),
      Tty: false,
      OpenStdin: false,
      ...IMAGE.Config,
      ...config,
    },
    HostConfig: { NetworkMode: 'shop', RestartPolicy: { Name: 'always' }, ...host },
    NetworkSettings: { Networks: networks },
    Mounts: mounts,
  });
}

const replica = (more: Partial<Replica> = {}): Replica => ({
  name: 'shop-api-green-r1',
  model: ID,
  image: 'shop/api:v2',
  expects: 'sha256:2',
  environment: { OPSCTL_COLOUR: 'green' },
  labels: { 'opsctl.colour': 'green' },
  aliases: { add: ['api-green'], remove: ['api-blue'] },
  ...more,
});

const image = imageSchema.parse(IMAGE).Config ?? {};
const made = (of: Told, more?: Partial<Replica>) => derive(model(of), image, replica(more));

describe('a container made after another', () => {
  test('must be told what that was told, and not what its image said', () => {
    const host = {
      Binds: ['uploads:/uploads:rw'],
      Memory: 1e8,
      ContainerIDFile: '/x',
      AutoRemove: true,
      Links: ['db'],
    };
    expect(
      made({
        config: {
          Env: ['PATH=/usr/bin', 'NODE_ENV=production', 'DATABASE=postgres://db/x?a=b', 'FLAG'],
          Labels: { ...IMAGE.Config.Labels, 'com.docker.compose.project': 'shop' },
          Healthcheck: { Test: ['CMD', 'check'] },
          StopTimeout: 20,
        },
        host,
      }),
    ).toMatchInlineSnapshot(`
      {
        "body": {
          "Env": [
            "DATABASE=postgres://db/x?a=b",
            "FLAG",
            "OPSCTL_COLOUR=green",
          ],
          "Healthcheck": {
            "Test": [
              "CMD",
              "check",
            ],
          },
          "HostConfig": {
            "Binds": [
              "uploads:/uploads:rw",
            ],
            "Memory": 100000000,
            "NetworkMode": "shop",
            "RestartPolicy": {
              "Name": "unless-stopped",
            },
          },
          "Image": "shop/api:v2",
          "Labels": {
            "com.docker.compose.project": "shop",
            "opsctl.colour": "green",
          },
          "StopTimeout": 20,
        },
        "networks": [],
      }
    `);
  });

  test('must have the command of its own image unless the model was told another', () => {
    expect(made({}).body).not.toHaveProperty('Cmd');
    expect(made({ config: { Cmd: ['worker.js'] } }).body).toMatchObject({ Cmd: ['worker.js'] });
    expect(made({ config: { Cmd: ['worker.js'] } }).body).not.toHaveProperty('Entrypoint');
    expect(made({ config: { Entrypoint: ['sh', '-c'], Cmd: null } }).body).toMatchObject({
      Entrypoint: ['sh', '-c'],
      Cmd: null,
    });
  });

  test('must keep what differs from its image', () => {
    const { body } = made({
      config: { User: '0', WorkingDir: '/srv', StopSignal: 'SIGINT', Tty: true, Domainname: 'x' },
    });
    expect(body).toMatchObject({ User: '0', WorkingDir: '/srv', StopSignal: 'SIGINT', Tty: true, Domainname: 'x' });
  });

  test('must have the host name that the model was told, else one of its own', () => {
    expect(made({ config: { Hostname: 'api' } }).body).toMatchObject({ Hostname: 'api' });
    expect(made({}).body).not.toHaveProperty('Hostname');
  });

  test.each([{ NetworkMode: 'host' }, { NetworkMode: 'container:abc' }, { UTSMode: 'host' }])(
    'must not be told the host name of another, which %j shares',
    (host) => expect(made({ config: { Hostname: 'another' }, host }).body).not.toHaveProperty('Hostname'),
  );

  test('must expose the ports that its image does not', () => {
    const { body } = made({ config: { ExposedPorts: { '3000/tcp': {}, '9229/tcp': {} } } });
    expect(body['ExposedPorts']).toEqual({ '9229/tcp': {} });
    expect(made({}).body).not.toHaveProperty('ExposedPorts');
  });

  test('must have all of the host that the model was told', () => {
    const host = {
      DeviceRequests: [{ Driver: 'nvidia', Count: -1 }],
      Ulimits: [{ Name: 'nofile', Soft: 2048, Hard: 2048 }],
      Sysctls: { 'net.core.somaxconn': '1024' },
      SecurityOpt: ['no-new-privileges:true'],
      Init: true,
      ExtraHosts: ['db:10.0.0.1'],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '5m' } },
      Tmpfs: { '/run': '' },
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
    };
    expect(made({ host }).body['HostConfig']).toEqual({ NetworkMode: 'shop', ...host });
  });

  test('must stay stopped where the model would come back', () => {
    const host = { RestartPolicy: { Name: 'always', MaximumRetryCount: 0 } };
    expect(made({ host }).body['HostConfig']).toMatchObject({
      RestartPolicy: { Name: 'unless-stopped', MaximumRetryCount: 0 },
    });
  });

  test('must be told of its release in place of what the model was told of its own', () => {
    const labels = { 'opsctl.colour': 'blue', 'opsctl.rollback.forbidden': 'column dropped', a: '1' };
    const { body } = made({ config: { Env: ['OPSCTL_COLOUR=blue', 'A=1'], Labels: labels } });
    expect(body['Env']).toEqual(['OPSCTL_COLOUR=green', 'A=1']);
    expect(body['Labels']).toEqual({ 'opsctl.colour': 'green', a: '1' });
  });
});

describe('its volumes', () => {
  const volume = (Name: string, Destination: string, RW = true) => ({ Type: 'volume', Name, Destination, RW });

  test('must be those of the model, also where they have no name of their own', () => {
    const host = {
      Binds: ['data:/data:rw', '/etc/x:/x:ro'],
      Mounts: [
        { Type: 'volume', Target: '/told', VolumeOptions: {} },
        { Type: 'volume', Source: 'logs', Target: '/logs' },
        { Type: 'tmpfs', Target: '/tmp' },
      ],
    };
    const mounts = [
      volume('data', '/data'),
      volume('logs', '/logs'),
      volume('a1', '/told'),
      volume('a2', '/of-image'),
      volume('a3', '/read', false),
      { Type: 'bind', Name: '', Destination: '/x' },
      { Type: 'tmpfs', Destination: '/tmp' },
    ];
    expect(made({ host, mounts }).body['HostConfig']).toMatchObject({
      Binds: ['data:/data:rw', '/etc/x:/x:ro', 'a2:/of-image', 'a3:/read:ro'],
      Mounts: [
        { Type: 'volume', Source: 'a1', Target: '/told', VolumeOptions: {} },
        { Type: 'volume', Source: 'logs', Target: '/logs' },
        { Type: 'tmpfs', Target: '/tmp' },
      ],
    });
  });

  test('must be told as they were where all have names', () => {
    const host = { Binds: ['data:/data:rw'], Mounts: null };
    expect(made({ host, mounts: [volume('data', '/data')] }).body['HostConfig']).toMatchObject(host);
  });
});

describe('its names on the networks', () => {
  const networks = {
    front: { Aliases: ['api', 'api-blue', ID.slice(0, 12)] },
    back: { Aliases: [ID.slice(0, 12), 'api', 'api'] },
  };

  test('must be those of the model, with the colour changed and without the ids of docker', () => {
    expect(aliasesOf(model({ networks }))).toEqual({ front: ['api', 'api-blue'], back: ['api'] });
    const { body, networks: others } = made({ networks });
    expect(body['NetworkingConfig']).toEqual({ EndpointsConfig: { front: { Aliases: ['api', 'api-green'] } } });
    expect(others).toMatchObject([{ name: 'back', aliases: ['api', 'api-green'] }]);
  });

  test('must be none for what gets no traffic', () => {
    const { body, networks: others } = made({ networks }, { aliases: 'none' });
    expect(body['NetworkingConfig']).toEqual({ EndpointsConfig: { front: { Aliases: [] } } });
    expect(others).toMatchObject([{ name: 'back', aliases: [], endpoint: { Aliases: [] } }]);
  });

  test('must not have the name of the model among them', () => {
    const { body } = made({ networks: { shop: { Aliases: ['shop-api-1', 'api'] } } });
    expect(body['NetworkingConfig']).toEqual({ EndpointsConfig: { shop: { Aliases: ['api', 'api-green'] } } });
  });

  test('must begin with the network that its definition names, with links and options', () => {
    const { body, networks: others } = made({
      host: { NetworkMode: 'shop' },
      networks: {
        back: { Aliases: ['api'], Links: null, DriverOpts: null, MacAddress: '02:42:ac:13:00:03', IPAMConfig: null },
        bridge: { Aliases: null },
        shop: { Aliases: ['api'], Links: ['shop-db-1:database'], DriverOpts: { a: 'b' } },
      },
    });
    expect(body['NetworkingConfig']).toEqual({
      EndpointsConfig: {
        shop: { Aliases: ['api', 'api-green'], Links: ['shop-db-1:database'], DriverOpts: { a: 'b' } },
      },
    });
    expect(others.map(({ name, endpoint }) => [name, endpoint])).toEqual([
      ['back', { Aliases: ['api', 'api-green'] }],
      ['bridge', { Aliases: [] }], // the engine refuses names there
    ]);
  });

  test('must be left out where there is no network', () => {
    const derived = made({});
    expect(derived.body).not.toHaveProperty('NetworkingConfig');
    expect(derived.networks).toEqual([]);
  });
});

test('what runs once must run its command without restart and health check', () => {
  const { body } = made({ config: { Cmd: ['worker.js'] } }, { once: ['node', 'migrate.js'] });
  expect(body).toMatchObject({
    Cmd: ['node', 'migrate.js'],
    Healthcheck: { Test: ['NONE'] },
    HostConfig: { RestartPolicy: { Name: 'no' } },
  });
});

describe('a second container beside a model', () => {
  const shopNetwork = { shop: { Aliases: ['api'], IPAMConfig: {} } };

  test('must be possible on a network of the platform', () => {
    expect(whyAlone(model({ networks: shopNetwork }))).toBeUndefined();
    expect(whyAlone(model({ networks: { bridge: {}, ...shopNetwork } }))).toBeUndefined();
  });

  test.each<[string, Told]>([
    [
      'has the fixed address 10.0.0.5 on network back',
      { networks: { ...shopNetwork, back: { IPAMConfig: { IPv4Address: '10.0.0.5' } } } },
    ],
    [
      'has the fixed address fd00::5 on network back',
      { networks: { back: { IPAMConfig: { IPv4Address: '', IPv6Address: 'fd00::5' } } } },
    ],
    [
      'has the fixed MAC address 02:42:ac:13:00:03',
      { networks: shopNetwork, config: { MacAddress: '02:42:ac:13:00:03' } },
    ],
    [
      'is on no network where it has a name (network mode host)',
      { networks: { host: {} }, host: { NetworkMode: 'host' } },
    ],
    [
      'is on no network where it has a name (network mode container:abc)',
      { networks: {}, host: { NetworkMode: 'container:abc' } },
    ],
    [
      'is on no network where it has a name (network mode default)',
      { networks: { bridge: {} }, host: { NetworkMode: 'default' } },
    ],
  ])('must be told to be impossible when that %s', (why, told) => expect(whyAlone(model(told))).toBe(why));
});
