/**
 * The replica port: what holds for every implementation. How a container is like its model is in
 * replicas-derived.test.ts, how it goes in replicas-removal.test.ts, images of registries are in registry.test.ts.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { EngineWriter } from '../../src/core/ports/engine.ts';
import type { Image, Replica, ReplicaWriter } from '../../src/core/ports/replicas.ts';
import { fakeEngine } from '../support/fakes/engine.ts';
import { fakeReplicas } from '../support/fakes/replicas.ts';
import { openReplicaScene, WAIT } from '../support/replica-scene.ts';
import { waitUntil } from '../support/process.ts';
import { uniqueName } from '../support/test-containers.ts';

/** The scene that every implementation sets. */
interface World {
  engine: EngineWriter;
  replicas: ReplicaWriter;
  networks: [string, string];
  /** Bears no label `says`. */
  old: string;
  /** Bears the labels `says=no` and `empty=`; it listens on 3000 and 53/udp. */
  fresh: { reference: string; id: string };
  /** Id; `api` and `api-blue` on both networks, port 80 published by the loopback address, as the engine chooses. */
  model: string;
  /** Name of a container of others on the first network only, with the label `opsctl.deploy=6`. */
  stranger: string;
  /** One of the new image after the model. */
  replica(more?: Partial<Replica>): Replica;
  close(): Promise<void>;
}

const SUCCEEDS = ['sh', '-c', 'echo done'];
const FAILS = ['sh', '-c', 'echo first; echo last; exit 3'];
const LABELS = { 'opsctl.deploy': '6' };

const worlds: Record<string, () => Promise<World>> = {
  'the real engine': async () => {
    const scene = await openReplicaScene(
      { host: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } } },
      { fresh: ['LABEL says=no empty=', 'EXPOSE 3000 53/udp'] },
    );
    const stranger = uniqueName('stranger');
    await scene.run({ name: stranger, argv: WAIT, labels: LABELS, host: { NetworkMode: scene.networks[0] } });
    return { ...scene, stranger };
  },
  'the fake': async () => {
    const engine = fakeEngine();
    const replicas = fakeReplicas(engine);
    const networks: World['networks'] = ['a', 'b'];
    const on = (...names: string[]) => names.map((name) => ({ name, address: '' }));
    const { id } = engine.add({ name: 'model', networks: on('a', 'b') });
    const aliases = ['api', 'api-blue'];
    const published = [{ address: '127.0.0.1', port: 0 }];
    replicas.models.set(id, { aliases: { a: aliases, b: aliases }, published });
    engine.add({ name: 'stranger', labels: LABELS, networks: on('a') });
    const image: Image = { id: 'sha256:old', digests: [], labels: {}, ports: [], size: 1 };
    replicas.images.set('old', image);
    replicas.images.set('fresh', { ...image, id: 'sha256:fresh', labels: { says: 'no', empty: '' }, ports: [3000] });
    replicas.endings.set(FAILS.join(' '), { exitCode: 3, says: ['first', 'last'] });
    replicas.endings.set(SUCCEEDS.join(' '), { exitCode: 0, says: ['done'] });
    let count = 0;
    return {
      engine,
      replicas,
      networks,
      old: 'old',
      fresh: { reference: 'fresh', id: 'sha256:fresh' },
      model: id,
      stranger: 'stranger',
      replica: (more = {}) => ({
        name: `replica-${(count += 1).toString()}`,
        model: id,
        image: 'fresh',
        expects: 'sha256:fresh',
        environment: {},
        labels: { 'opsctl.deploy': '7' },
        aliases: { add: ['api-green'], remove: ['api-blue'] },
        ...more,
      }),
      close: async () => undefined,
    };
  },
};

describe.each(Object.keys(worlds))('replica port: %s', (which) => {
  let world: World;
  beforeAll(async () => {
    world = await (worlds[which] as () => Promise<World>)();
  });
  afterAll(() => world.close());

  const aliasesOf = async (name: string) => (await world.replicas.model(name)).aliases;
  /** What must not change of a container that is not ours. */
  const looked = async (name: string) => {
    const { id, state, labels, networks } = await world.engine.container(name);
    return { id, state, labels, networks, aliases: await aliasesOf(name) };
  };

  it('tells the names and published ports of a model', async () => {
    const { model, networks, replicas } = world;
    const { aliases, published } = await replicas.model(model);
    for (const network of networks) expect(aliases[network]).toEqual(['api', 'api-blue']);
    expect(published).toEqual([{ address: '127.0.0.1', port: 0 }]);
    await expect(replicas.model('opsctl-nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('creates a container that does not run yet, on the networks of its model under its own names', async () => {
    const { engine, replicas, networks, model, fresh } = world;
    const wanted = world.replica();
    expect(await replicas.isAbsent(wanted.name)).toBe(true);
    expect(await replicas.isComplete(wanted.name, model)).toBe(false);
    await replicas.create(wanted);
    expect(await replicas.isAbsent(wanted.name)).toBe(false);
    expect(await replicas.isComplete(wanted.name, model)).toBe(true);
    expect(await engine.container(wanted.name)).toMatchObject({
      state: 'created',
      image: fresh.reference,
      imageId: fresh.id,
      labels: wanted.labels,
    });
    const [a, b] = networks;
    expect(await aliasesOf(wanted.name)).toEqual({ [a]: ['api', 'api-green'], [b]: ['api', 'api-green'] });
    await engine.startContainer(wanted.name);
    expect(await aliasesOf(wanted.name)).toEqual({ [a]: ['api', 'api-green'], [b]: ['api', 'api-green'] });
  });

  it('creates one without names for what gets no traffic', async () => {
    const [a, b] = world.networks;
    const wanted = world.replica({ aliases: 'none' });
    await world.replicas.create(wanted);
    expect(await aliasesOf(wanted.name)).toEqual({ [a]: [], [b]: [] });
  });

  it('to create once more is as good as once, also while it runs', async () => {
    const { engine, replicas } = world;
    const wanted = world.replica();
    await replicas.create(wanted);
    const before = await looked(wanted.name);
    await replicas.create(wanted);
    expect(await looked(wanted.name)).toEqual(before);
    await engine.startContainer(wanted.name);
    const running = await looked(wanted.name);
    await replicas.create(wanted);
    expect(await looked(wanted.name)).toEqual(running);
    expect(running.id).toBe(before.id);
  });

  it('refuses a name that is taken by another, and does not touch that', async () => {
    const before = await looked(world.stranger);
    const wanted = world.replica({ name: world.stranger });
    await expect(world.replicas.create(wanted)).rejects.toMatchObject({ code: 'REJECTED' });
    expect(await looked(world.stranger)).toEqual(before);
    expect(await world.replicas.isComplete(world.stranger, world.model)).toBe(false);
  });

  it.each([
    ['an image that is another than the one planned with', 'UNSAFE', { expects: 'sha256:other' }],
    ['an image that is not there', 'NOT_FOUND', { image: 'opsctl-nowhere:1' }],
    ['what is no name of an image', 'NOT_FOUND', { image: '../nowhere' }],
    ['a model that is not there', 'NOT_FOUND', { model: 'opsctl-nowhere' }],
  ])('makes nothing from %s', async (_what, code, more) => {
    const wanted = world.replica(more);
    await expect(world.replicas.create(wanted)).rejects.toMatchObject({ code });
    expect(await world.replicas.isAbsent(wanted.name)).toBe(true);
  });

  it('tells what an image says and is', async () => {
    const { replicas, fresh, old } = world;
    const image = { id: fresh.id, digests: [], ports: [3000] };
    expect(await replicas.image(fresh.reference)).toMatchObject(image);
    expect(await replicas.image(fresh.reference)).toMatchObject({ labels: { says: 'no' } });
    expect(await replicas.image('opsctl-nowhere:1')).toBeUndefined();
    expect(await replicas.hasImage(fresh.reference, fresh.id)).toBe(true);
    expect(await replicas.hasImage(old, fresh.id)).toBe(false);
    expect(await replicas.hasImage('opsctl-nowhere:1', fresh.id)).toBe(false);
  });

  it('a label that an image lacks, or that says nothing, is lacked; one that says something is UNSAFE', async () => {
    const { replicas, fresh, old } = world;
    expect(await replicas.lacksLabel(old, 'says')).toBe(true);
    expect(await replicas.lacksLabel(fresh.reference, 'empty')).toBe(true);
    const said = { code: 'UNSAFE', message: expect.stringContaining('says: no') as unknown };
    await expect(replicas.lacksLabel(fresh.reference, 'says')).rejects.toMatchObject(said);
    await expect(replicas.lacksLabel('opsctl-nowhere:1', 'says')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  describe('a command that runs once', () => {
    const logOf = async (name: string): Promise<string[]> => {
      const lines: string[] = [];
      for await (const { text } of world.engine.logs(name, {})) lines.push(text);
      return lines;
    };
    const ran = async (once: string[]): Promise<string> => {
      const wanted = world.replica({ once, aliases: 'none' });
      await world.replicas.create(wanted);
      expect(await world.replicas.hasSucceeded(wanted.name)).toBe(false);
      await world.replicas.startOnce(wanted.name);
      await waitUntil(
        () => world.engine.isStopped(wanted.name),
        () => 'never ended',
      );
      return wanted.name;
    };

    it('has succeeded with exit code 0, and is not run again', async () => {
      const name = await ran(SUCCEEDS);
      expect(await world.replicas.hasSucceeded(name)).toBe(true);
      await world.replicas.startOnce(name);
      expect(await world.engine.isStopped(name)).toBe(true);
      expect(await logOf(name)).toEqual(['done']);
      expect(await world.replicas.lastWords(name, 10)).toEqual({ log: ['done'] });
      expect((await world.engine.container(name)).restartPolicy).toBe('no');
    });

    it('has failed with any other, UNSAFE with its last lines, and is not run again', async () => {
      const name = await ran(FAILS);
      const failed = { code: 'UNSAFE', details: { exitCode: 3, log: ['first', 'last'] } };
      await expect(world.replicas.hasSucceeded(name)).rejects.toMatchObject(failed);
      await world.replicas.startOnce(name);
      expect(await logOf(name)).toEqual(['first', 'last']);
      expect(await world.replicas.lastWords(name, 1)).toEqual({ log: ['last'] });
      await expect(world.replicas.hasSucceeded(name)).rejects.toMatchObject(failed);
    });

    it('has not succeeded, nor failed, where it is not there', async () => {
      await expect(world.replicas.hasSucceeded('opsctl-nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(world.replicas.startOnce('opsctl-nowhere')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await world.replicas.lastWords('opsctl-nowhere', 10)).toEqual({ log: [] });
    });
  });

  describe('removing', () => {
    const made = async (start: boolean): Promise<Replica> => {
      const wanted = world.replica();
      await world.replicas.create(wanted);
      if (start) await world.engine.startContainer(wanted.name);
      return wanted;
    };

    it.each([
      ['runs', true],
      ['never ran', false],
    ])('by name takes what bears the labels and %s, and is as good the second time', async (_how, start) => {
      const { name, labels } = await made(start);
      await world.replicas.remove({ container: name, labels, graceSeconds: 1 });
      expect(await world.replicas.isAbsent(name)).toBe(true);
      await world.replicas.remove({ container: name, labels, graceSeconds: 1 });
    });

    it('by id takes just that', async () => {
      const { name } = await made(true);
      const { id } = await world.engine.container(name);
      await world.replicas.remove({ container: id, labels: {}, graceSeconds: 1 });
      expect(await world.replicas.isAbsent(id)).toBe(true);
      expect(await world.replicas.isAbsent(name)).toBe(true);
    });

    it('refuses what bears other labels, and does not touch it', async () => {
      const before = await looked(world.stranger);
      const removal = { container: world.stranger, labels: { 'opsctl.deploy': '7' }, graceSeconds: 1 };
      await expect(world.replicas.remove(removal)).rejects.toMatchObject({ code: 'REJECTED' });
      const more = { ...removal, labels: { ...LABELS, 'opsctl.colour': 'green' } };
      await expect(world.replicas.remove(more)).rejects.toMatchObject({ code: 'REJECTED' });
      expect(await looked(world.stranger)).toEqual(before);
    });
  });
});
