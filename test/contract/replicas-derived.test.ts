/** How a container made after another is like it, and what becomes of one whose making is broken off. On the real engine. */
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import * as z from 'zod';

import { openDocker } from '../../src/adapters/docker/client.ts';
import { openReplicas } from '../../src/adapters/docker/replicas.ts';
import { openRelay, type Relay } from '../support/engine-relay.ts';
import { openReplicaScene, type ReplicaScene, WAIT } from '../support/replica-scene.ts';
import { pauseContainer, uniqueName } from '../support/test-containers.ts';

const inspected = z.object({
  Config: z.looseObject({
    Env: z.array(z.string()),
    Labels: z.record(z.string(), z.string()),
    Hostname: z.string(),
  }),
  HostConfig: z.looseObject({}),
});

const inspect = (scene: ReplicaScene, name: string) =>
  scene.docker.json({ path: `/containers/${name}/json`, asked: 'inspect' }, inspected);

/** Instructions of an image that says everything that an image can say, for a version. */
const image = (version: string): string[] => [
  `ENV FROM_IMAGE=${version} BOTH=${version}`,
  `LABEL from.image=${version} both=${version}`,
  `WORKDIR /tmp/${version}`,
  `USER 100${version.slice(1)}`,
  `STOPSIGNAL ${version === 'v1' ? 'SIGTERM' : 'SIGUSR1'}`,
  `HEALTHCHECK --interval=${version.slice(1)}h CMD test ${version}`,
  `CMD ${JSON.stringify([...WAIT, version])}`,
];
const images = { old: image('v1'), fresh: image('v2') };

describe('a model that was told everything', () => {
  const volume = uniqueName('volume');
  let scene: ReplicaScene;
  let name: string;
  beforeAll(async () => {
    scene = await openReplicaScene(
      {
        argv: WAIT,
        labels: { told: 'label', both: 'told' },
        host: {
          Binds: ['/tmp:/bind:ro', `${volume}:/named`],
          Mounts: [
            { Type: 'tmpfs', Target: '/scratch', TmpfsOptions: { SizeBytes: 1_000_000 } },
            { Type: 'volume', Source: volume, Target: '/again', ReadOnly: true },
          ],
          Tmpfs: { '/run': 'size=1m' },
          Memory: 64 * 1024 * 1024,
          MemorySwap: 64 * 1024 * 1024,
          MemoryReservation: 32 * 1024 * 1024,
          NanoCpus: 500_000_000,
          CpuShares: 512,
          PidsLimit: 50,
          OomScoreAdj: 100,
          Ulimits: [{ Name: 'nofile', Soft: 1000, Hard: 2000 }],
          ShmSize: 1_000_000,
          RestartPolicy: { Name: 'unless-stopped' },
          LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '2' } },
          ExtraHosts: ['db.example:10.1.2.3'],
          Dns: ['10.1.2.4'],
          CapAdd: ['NET_ADMIN'],
          CapDrop: ['MKNOD'],
          SecurityOpt: ['no-new-privileges'],
          ReadonlyRootfs: true,
          GroupAdd: ['33'],
          Init: true,
          Sysctls: { 'net.ipv4.ip_unprivileged_port_start': '80' },
        },
        config: {
          Env: ['TOLD=a=b c', 'EMPTY=', 'BOTH=told', 'OPSCTL_COLOUR=blue'],
          User: '1000:1000',
          WorkingDir: '/tmp',
          StopSignal: 'SIGINT',
          StopTimeout: 7,
          Domainname: 'shop.example',
          Healthcheck: { Test: ['CMD', 'true'], Interval: 3_600_000_000_000, Retries: 4 },
        },
      },
      images,
    );
    const wanted = scene.replica();
    await scene.replicas.create(wanted);
    name = wanted.name;
  });
  afterAll(() => scene.close());

  it('has the same mounts, limits, policies, rights and names of hosts', async () => {
    const [model, replica] = await Promise.all([inspect(scene, scene.model), inspect(scene, name)]);
    expect(model.HostConfig).toMatchObject({ PidsLimit: 50, CapAdd: ['NET_ADMIN'], Init: true });
    expect(replica.HostConfig).toEqual(model.HostConfig);
  });

  it('is told what the model was told, and its release; the rest is of its own image', async () => {
    const { Config } = await inspect(scene, name);
    expect(Config).toMatchObject({
      Cmd: WAIT,
      User: '1000:1000',
      WorkingDir: '/tmp',
      StopSignal: 'SIGINT',
      StopTimeout: 7,
      Domainname: 'shop.example',
      Healthcheck: { Test: ['CMD', 'true'], Interval: 3_600_000_000_000, Retries: 4 },
      Labels: { told: 'label', both: 'told', 'from.image': 'v2', 'opsctl.deploy': '7' },
      Image: scene.fresh.reference,
    });
    const env = Config.Env.filter((line) => !line.startsWith('PATH='));
    const told = ['BOTH=told', 'EMPTY=', 'FROM_IMAGE=v2', 'OPSCTL_COLOUR=green', 'TOLD=a=b c'];
    expect(env.toSorted()).toEqual(told);
  });

  it('runs, with the files of the model', async () => {
    await scene.engine.startContainer(name);
    await scene.engine.startContainer(scene.model);
    const shell = (id: string, script: string) => scene.engine.exec(id, ['sh', '-c', script]);
    const seen = await shell(name, 'id -u; pwd; cat /proc/mounts /etc/hosts /proc/self/limits');
    expect(seen.stdout).toMatch(/^1000\n\/tmp\n/);
    expect(seen.stdout).toMatch(/ \/bind .* ro[, ]/);
    expect(seen.stdout).toMatch(/ \/again .* ro[, ]/);
    expect(seen.stdout).toContain('10.1.2.3\tdb.example');
    // The engine's own runtime may raise the soft limit of what it executes, never the hard one.
    expect(seen.stdout).toMatch(/Max open files +\d+ +2000/);
    const volumes = (await scene.engine.container(name)).volumes.filter((one) => one.volume === volume);
    expect(volumes.map(({ target }) => target).toSorted()).toEqual(['/again', '/named']);
  });
});

describe('a model that was told nothing', () => {
  let scene: ReplicaScene;
  beforeAll(async () => {
    scene = await openReplicaScene({ config: { Cmd: undefined } }, images);
  });
  afterAll(() => scene.close());

  it('gives nothing of its image: command, environment, user and checks are of the new one', async () => {
    const wanted = scene.replica();
    await scene.replicas.create(wanted);
    const [model, { Config }] = await Promise.all([inspect(scene, scene.model), inspect(scene, wanted.name)]);
    expect(model.Config).toMatchObject({ Cmd: [...WAIT, 'v1'], User: '1001', WorkingDir: '/tmp/v1' });
    expect(Config).toMatchObject({
      Cmd: [...WAIT, 'v2'],
      User: '1002',
      WorkingDir: '/tmp/v2',
      StopSignal: 'SIGUSR1',
      Healthcheck: { Test: ['CMD-SHELL', 'test v2'], Interval: 7_200_000_000_000 },
      Labels: { 'from.image': 'v2', both: 'v2' },
    });
    expect(Config.Env).toEqual(expect.arrayContaining(['FROM_IMAGE=v2', 'BOTH=v2', 'OPSCTL_COLOUR=green']));
    expect(Config.Env.join()).not.toContain('v1');
    expect(JSON.stringify(Config.Labels)).not.toContain('v1');
  });

  it('has a host name of its own', async () => {
    const wanted = scene.replica();
    await scene.replicas.create(wanted);
    const { id } = await scene.engine.container(wanted.name);
    expect((await inspect(scene, wanted.name)).Config.Hostname).toBe(id.slice(0, 12));
  });

  it('gives a host name and ports that it was told, and no restart with the engine of what was stopped', async () => {
    const model = await scene.run({
      argv: WAIT,
      host: { NetworkMode: scene.networks[0], RestartPolicy: { Name: 'always' } },
      config: { Image: scene.old, Hostname: 'told', ExposedPorts: { '8080/tcp': {} } },
      start: false,
    });
    const wanted = scene.replica({ model });
    await scene.replicas.create(wanted);
    const { Config, HostConfig } = await inspect(scene, wanted.name);
    expect(Config).toMatchObject({ Hostname: 'told', ExposedPorts: { '8080/tcp': {} } });
    expect(HostConfig).toMatchObject({ RestartPolicy: { Name: 'unless-stopped' } });
  });

  it('shares its anonymous volumes, which stay when it is removed', async () => {
    const model = await scene.run({
      argv: WAIT,
      host: { NetworkMode: scene.networks[0] },
      config: { User: '0', Volumes: { '/anonymous': {} } },
    });
    await scene.engine.exec(model, ['sh', '-c', 'echo kept >/anonymous/file']);
    const wanted = scene.replica({ model });
    await scene.replicas.create(wanted);
    await scene.replicas.remove({ container: model, labels: {}, graceSeconds: 1 });
    await scene.engine.startContainer(wanted.name);
    expect(await scene.engine.readFile(wanted.name, '/anonymous/file')).toBe('kept\n');
    const [shared] = (await scene.engine.container(wanted.name)).volumes;
    await scene.replicas.remove({ container: wanted.name, labels: {}, graceSeconds: 1 });
    const path = `/volumes/${shared?.volume ?? ''}`;
    await scene.docker.request({ method: 'DELETE', path, asked: 'remove a test volume', timeoutMs: 20_000 });
  });

  it('gives what runs once its networks, and no check, restart or names', async () => {
    const wanted = scene.replica({ once: ['sh', '-c', 'true'], aliases: 'none' });
    await scene.replicas.create(wanted);
    const { Config, HostConfig } = await inspect(scene, wanted.name);
    expect(Config).toMatchObject({ Cmd: ['sh', '-c', 'true'], Healthcheck: { Test: ['NONE'] } });
    expect(HostConfig).toMatchObject({ RestartPolicy: { Name: 'no' } });
    expect(await scene.replicas.isComplete(wanted.name, scene.model)).toBe(true);
  });

  it('a paused command has not ended; one whose log cannot be read has failed all the same', async () => {
    const pausing = scene.replica({ once: WAIT, aliases: 'none' });
    await scene.replicas.create(pausing);
    await scene.replicas.startOnce(pausing.name);
    await pauseContainer(scene.docker, pausing.name);
    expect(await scene.replicas.hasSucceeded(pausing.name)).toBe(false);

    const silent = await scene.run({ argv: ['sh', '-c', 'exit 4'], host: { LogConfig: { Type: 'none' } } });
    await expect.poll(() => scene.engine.isStopped(silent), { timeout: 20_000 }).toBe(true);
    const failed = { code: 'UNSAFE', details: { exitCode: 4, log: [] } };
    await expect(scene.replicas.hasSucceeded(silent)).rejects.toMatchObject(failed);
  });

  it.each([
    [
      'has an address of its own',
      { EndpointsConfig: { net: { IPAMConfig: { IPv4Address: '10.9.9.9' } } } },
      '10.9.9.9',
    ],
    ['is on no network where it has a name', undefined, 'network mode bridge'],
  ])('is told to be one beside which no second can run, where it %s', async (_why, networking, says) => {
    const [net] = scene.networks;
    const NetworkingConfig = JSON.parse(JSON.stringify(networking ?? {}).replace('net', net)) as object;
    const host = { NetworkMode: networking === undefined ? 'bridge' : net };
    const id = await scene.run({ argv: WAIT, host, config: { NetworkingConfig }, start: false });
    expect((await scene.replicas.model(id)).alone).toContain(says);
    expect((await scene.replicas.model(scene.model)).alone).toBeUndefined();
  });

  describe('broken off', () => {
    let relay: Relay;
    beforeAll(async () => {
      relay = await openRelay(inject('dockerHost'));
    });
    afterAll(() => relay.close());
    const throughRelay = () =>
      openReplicas({
        docker: openDocker({ host: relay.host, env: {}, home: '/nonexistent' }),
        engine: scene.engine,
        env: {},
        home: '/nonexistent',
      });

    it.each([
      ['before its second network is joined', 'before', /\/connect$/, { there: true, complete: false }],
      ['when its second network was joined', 'after', /\/connect$/, { there: true, complete: true }],
      ['when it was created', 'after', /\/create\?/, { there: true, complete: false }],
      ['before it was created', 'before', /\/create\?/, { there: false, complete: false }],
    ] as const)('%s, it is complete once it was called again', async (_when, side, call, { there, complete }) => {
      const wanted = scene.replica();
      relay.hooks = {
        [side]: ({ path }: { path: string }) => {
          if (call.test(path)) throw new Error('broken off');
        },
      };
      await expect(throughRelay().create(wanted)).rejects.toMatchObject({ code: 'UNREACHABLE' });
      relay.hooks = {};
      expect(await scene.replicas.isAbsent(wanted.name)).toBe(!there);
      expect(await scene.replicas.isComplete(wanted.name, scene.model)).toBe(complete);
      await throughRelay().create(wanted);
      expect(await scene.replicas.isComplete(wanted.name, scene.model)).toBe(true);
      const [a, b] = scene.networks;
      const own = ['api', 'api-green'];
      expect((await scene.replicas.model(wanted.name)).aliases).toEqual({ [a]: own, [b]: own });
    });

    it('by a network that does not take it, it is there and not complete, so that it will be taken back', async () => {
      const wanted = scene.replica();
      relay.hooks = {
        before: ({ path }) => (path.endsWith('/connect') ? { status: 403, json: { message: 'no room' } } : undefined),
      };
      const failed = { code: 'REJECTED', details: { outcome: 'unknown' } };
      await expect(throughRelay().create(wanted)).rejects.toMatchObject(failed);
      expect(await scene.replicas.isComplete(wanted.name, scene.model)).toBe(false);
      relay.hooks = {};
      await scene.replicas.remove({ container: wanted.name, labels: wanted.labels, graceSeconds: 1 });
      expect(await scene.replicas.isAbsent(wanted.name)).toBe(true);
    });
  });
});
