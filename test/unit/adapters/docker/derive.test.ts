import { describe, expect, test } from 'vitest';

import { aliasesOf, derive, imageSchema, modelSchema } from '../../../../src/adapters/docker/derive.ts';
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
  },
};

/** A container of that image; `told` is what it was told in addition. */
function model({ config = {}, host = {}, networks = {} }: { config?: object; host?: object; networks?: object } = {}) {
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
const made = (of: Parameters<typeof model>[0], more?: Partial<Replica>) => derive(model(of), image, replica(more));

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
              "Name": "always",
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

  test('must have a host name of its own', () => {
    expect(made({ config: { Hostname: 'api' } }).body).not.toHaveProperty('Hostname');
  });

  test('must be told of its release in place of what the model was told of its own', () => {
    const { body } = made({
      config: { Env: ['OPSCTL_COLOUR=blue', 'A=1'], Labels: { 'opsctl.colour': 'blue', a: '1' } },
    });
    expect(body['Env']).toEqual(['OPSCTL_COLOUR=green', 'A=1']);
    expect(body['Labels']).toEqual({ 'opsctl.colour': 'green', a: '1' });
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
    expect(others).toEqual([{ name: 'back', aliases: ['api', 'api-green'] }]);
  });

  test('must be none for what gets no traffic', () => {
    const { body, networks: others } = made({ networks }, { aliases: 'none' });
    expect(body['NetworkingConfig']).toEqual({ EndpointsConfig: { front: { Aliases: [] } } });
    expect(others).toEqual([{ name: 'back', aliases: [] }]);
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
