import { describe, expect, it } from 'vitest';

import logs from '../../../src/commands/logs.ts';
import network from '../../../src/commands/network.ts';
import stats, { short } from '../../../src/commands/stats.ts';
import status from '../../../src/commands/status.ts';
import volume from '../../../src/commands/volume.ts';
import type { ReadCommand } from '../../../src/core/command.ts';
import type { Usage } from '../../../src/core/ports/engine.ts';
import { showable } from '../../../src/core/text.ts';
import { contextOf, of, plain, shop, shopEngine } from '../inspect/platform.ts';
import { fakeMetrics } from '../../support/fakes/metrics.ts';

process.env['TZ'] = 'UTC';

/** Runs a command as the pipeline does: input through its schema, data through the published one, then text. */
async function shown(command: unknown, typed: object, context: ReturnType<typeof contextOf>): Promise<string> {
  const read = command as ReadCommand;
  const input = read.input.parse(typed);
  const data = read.output.parse(await read.run(input, context));
  return `\n${read.text(showable(data), plain, input)}\n`;
}

const usage = (more: Partial<Usage> = {}): Usage => ({
  cpus: 0.25,
  memory: 120 * 2 ** 20,
  memoryLimit: 256 * 2 ** 20,
  memoryDetail: { anon: 100 * 2 ** 20, file: 30 * 2 ** 20, inactive_file: 10 * 2 ** 20, kernel: 2 ** 20 },
  pids: 11,
  networkReceived: 1_300_000,
  networkSent: 999,
  source: 'cgroup',
  ...more,
});

function populated(): ReturnType<typeof shopEngine> {
  const engine = shopEngine();
  const started = (at: string): object => ({ startedAt: `2026-03-01T${at}Z` });
  const at = (address: string): object => ({ networks: [{ name: 'shop_default', address }] });
  engine.add({
    ...of('api', {
      name: 'shop-api-prod-2',
      image: 'shop-api:v1.1.0',
      health: 'unhealthy',
      restartCount: 3,
      ...started('11:00:00'),
      ...at('172.18.0.3'),
    }),
    usage: usage({ memory: 250 * 2 ** 20 }),
  });
  engine.add({
    ...of('api', {
      image: 'registry.example.org:5000/shop-api',
      labels: { 'opsctl.release': 'v1.0.0', 'opsctl.colour': 'blue' },
      health: 'healthy',
      ...started('09:30:00'),
      ...at('172.18.0.2'),
    }),
    usage: usage(),
  });
  engine.add({
    ...of('nginx', {
      image: 'nginx:1.27',
      ...started('02:00:00'),
      ...at('172.18.0.4'),
      ports: [
        { container: 80, protocol: 'tcp', host: { address: '0.0.0.0', port: 80 } },
        { container: 9000, protocol: 'tcp' },
      ],
    }),
    usage: usage({ memoryLimit: undefined } as never),
  });
  engine.add(
    of('postgres', {
      image: 'postgres:17',
      state: 'exited',
      exitCode: 137,
      oomKilled: true,
      finishedAt: '2026-03-01T11:59:00Z',
      volumes: [{ volume: 'shop_data', source: '', target: '/var/lib/postgresql/data', readOnly: false }],
    }),
  );
  engine.add(
    of('migrate', { image: 'shop-api:v1.1.0', state: 'exited', exitCode: 0, finishedAt: '2026-03-01T09:29:00Z' }),
  );
  engine.add({ name: 'stranger', project: 'other', service: 'api', networks: [{ name: 'other', address: '' }] });
  return engine;
}

describe('status', () => {
  it('must show stopped containers, and what is configured but absent', async () => {
    expect(await shown(status, {}, contextOf({ engine: populated() }))).toMatchInlineSnapshot(`
      "
      5 containers, 3 running, 2 not well

      CONTAINER           VERSION      STATE                        UPTIME
      shop-api-prod       v1.0.0 blue  healthy                      2 h 30 min
      shop-api-prod-2     v1.1.0       unhealthy, 3 restarts        1 h
      shop-migrate-prod   v1.1.0       exited (0)                   since 03-01 09:29
      shop-nginx-prod     1.27         running                      10 h
      shop-postgres-prod  17           exited (137), out of memory  since 03-01 11:59

      published ports
      shop-nginx-prod  *:80 -> 80

      ! warn  service web is configured, but has no container
      "
    `);
  });
  it('must say when there is nothing at all', async () => {
    expect(
      await shown(
        status,
        {},
        contextOf({ engine: shopEngine() }, shop({ services: {}, loadBalancer: undefined, databases: {} })),
      ),
    ).toMatchInlineSnapshot(`
      "
      compose project shop has no containers
      "
    `);
  });
  it('must name the nearest for a mistyped service', async () => {
    const context = contextOf({ engine: populated() });
    await expect(shown(status, { service: 'postgers' }, context)).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'there is no service or container postgers; did you mean postgres?',
    });
    await expect(shown(status, { service: 'web' }, context)).rejects.toMatchObject({
      message: 'service web has no container in compose project shop',
    });
  });
  it('must find a service by role, by container and by id', async () => {
    const engine = populated();
    const names = async (service: string): Promise<string[]> => {
      const data = (await status.run({ service }, contextOf({ engine }))) as {
        containers: { name: string }[];
      };
      return data.containers.map(({ name }) => name);
    };
    expect(await names('database')).toEqual(['shop-postgres-prod']);
    expect(await names('load-balancer')).toEqual(['shop-nginx-prod']);
    expect(await names('shop-api-prod-2')).toEqual(['shop-api-prod-2']);
    expect(await names('stranger')).toEqual(['stranger']);
    expect(await names(engine.all[0]?.id.slice(0, 12) ?? '')).toEqual(['shop-api-prod-2']);
  });
});

describe('stats', () => {
  it('must fit 80 columns and colour what is near its limit', async () => {
    expect(await shown(stats, {}, contextOf({ engine: populated() }))).toMatchInlineSnapshot(`
      "
      CONTAINER         CPU  MEMORY   LIMIT  NET IN  NET OUT  READ  WRITE  PIDS
      shop-api-prod    0.25    120M    47 %    1.2M     999B     -      -    11
      shop-api-prod-2  0.25    250M  ! 98 %    1.2M     999B     -      -    11
      nginx            0.25    120M    none    1.2M     999B     -      -    11

      together 0.75 CPUs, 490 MiB; CPU 1.00 is one whole CPU, M is MiB, network and
      disk since the start
      not running: shop-migrate-prod, shop-postgres-prod
      "
    `);
  });
  it('must show the kinds of memory, and what /proc/meminfo would have told', async () => {
    const metrics = fakeMetrics();
    const platform = shop({ prometheus: { service: 'prometheus' } });
    expect(
      await shown(
        stats,
        { service: ['shop-api-prod'], memory: true },
        contextOf({ engine: populated(), metrics }, platform),
      ),
    ).toMatchInlineSnapshot(`
      "
      api  120 MiB in use, 46.9 % of the limit of 256 MiB
      KIND               SIZE  WHAT IT IS
      anon            100 MiB  heap and stacks of the programs; cannot be dropped
      file           30.0 MiB  page cache; mostly dropped when memory is needed
      inactive_file  10.0 MiB  page cache not used lately; not counted as in use
      kernel         1.00 MiB  memory of the kernel for this container

      host: 7.45 GiB; available not known: prometheus has no node exporter to tell.
      /proc/meminfo inside a container shows these figures of the host, not the
      container's own.
      "
    `);
  });
  it('must refuse a service that does not run', async () => {
    await expect(shown(stats, { service: ['postgres'] }, contextOf({ engine: populated() }))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: 'no container of postgres is running',
    });
  });
  it('shortens sizes to at most five characters', () => {
    expect([0, 999, 1000, 1023, 10_189, 999.4 * 1024, 1_048_576, 2 ** 40, 2 ** 62].map(short)).toEqual([
      '0B',
      '999B',
      '1.0K',
      '1.0K',
      '10K',
      '999K',
      '1.0M',
      '1.0T',
      '4096P',
    ]);
  });
});

describe('logs', () => {
  const log = (
    second: number,
    text: string,
    stream: 'stdout' | 'stderr' = 'stdout',
  ): { at: string; text: string; stream: 'stdout' | 'stderr' } => ({
    at: `2026-03-01T11:59:0${second.toString()}.123456789Z`,
    text,
    stream,
  });
  const talking = (): ReturnType<typeof shopEngine> => {
    const engine = shopEngine();
    engine.add({
      ...of('api'),
      log: [
        log(1, '{"level":"info","message":"started","port":3000}'),
        log(
          3,
          '{"level":"error","msg":"payment failed","error":"card declined by bank","stack":"Error: x\\n  at pay"}',
        ),
      ],
    });
    engine.add({
      ...of('api', { name: 'shop-api-prod-2' }),
      log: [log(2, 'plain \u001b[31mtext\u001b[0m'), log(4, '{"method":"GET","path":"/api/pay","status":502,"ms":31}')],
    });
    return engine;
  };
  it('must merge replicas in order of time and make JSON readable', async () => {
    expect(await shown(logs, { service: 'api' }, contextOf({ engine: talking() }))).toMatchInlineSnapshot(`
      "
      03-01 11:59:01.123  shop-api-prod  INFO  started port=3000
      03-01 11:59:02.123  shop-api-prod-2  plain text
      03-01 11:59:03.123  shop-api-prod  ERROR payment failed error="card declined by bank" stack=
          Error: x
            at pay
      03-01 11:59:04.123  shop-api-prod-2  GET /api/pay 502 ms=31
      "
    `);
  });
  it('must show errors only, and how many it left out', async () => {
    expect(await shown(logs, { service: 'api', errors: true, tail: 1 }, contextOf({ engine: talking() })))
      .toMatchInlineSnapshot(`
      "
      03-01 11:59:04.123  shop-api-prod-2  GET /api/pay 502 ms=31
      -- 1 earlier match left out; show more with --tail
      "
    `);
  });
  it('must print nothing but the lines with --raw, free of control sequences', async () => {
    expect(
      await shown(
        logs,
        { service: 'shop-api-prod-2', raw: true, tail: 1, until: '2026-03-01T11:59:03Z' },
        contextOf({ engine: talking() }),
      ),
    ).toBe('\nplain text\n');
  });
  it('must say what it searched when nothing matches', async () => {
    expect(await shown(logs, { service: 'api', grep: 'nowhere' }, contextOf({ engine: talking() })))
      .toMatchInlineSnapshot(`
      "
      -- no such line in the logs of api (2 containers, 4 lines read)
      "
    `);
  });
  it('must refuse a period that ends before it begins', async () => {
    await expect(
      shown(logs, { service: 'api', since: '1h', until: '2h' }, contextOf({ engine: talking() })),
    ).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('networks and volumes', () => {
  const furnished = (): ReturnType<typeof shopEngine> => {
    const engine = populated();
    const base = { driver: 'bridge', scope: 'local', internal: false, createdAt: '2026-02-01T08:00:00Z', labels: {} };
    engine.networkList.push(
      {
        ...base,
        id: 'f'.repeat(64),
        name: 'shop_default',
        subnets: [{ subnet: '172.18.0.0/16', gateway: '172.18.0.1' }],
      },
      { ...base, id: 'e', name: 'other', subnets: [] },
    );
    engine.volumeList.push(
      {
        name: 'shop_data',
        driver: 'local',
        mountpoint: '/var/lib/docker/volumes/shop_data/_data',
        labels: {},
        usedBy: [],
        size: 70_000_000,
      },
      {
        name: 'a'.repeat(64),
        driver: 'local',
        mountpoint: '/x',
        labels: { 'com.docker.compose.project': 'shop' },
        usedBy: [],
      },
      { name: 'foreign', driver: 'local', mountpoint: '/y', labels: {}, usedBy: [] },
    );
    return engine;
  };
  it('must list the networks of the platform', async () => {
    expect(await shown(network, {}, contextOf({ engine: furnished() }))).toMatchInlineSnapshot(`
      "
      NETWORK       DRIVER  SUBNET         CONTAINERS
      shop_default  bridge  172.18.0.0/16           3

      shop_default: shop-api-prod, shop-api-prod-2, shop-nginx-prod

      1 other network on this engine: --all shows them
      "
    `);
  });
  it('must show who is on a network; its compose name is enough', async () => {
    expect(await shown(network, { name: 'default' }, contextOf({ engine: furnished() }))).toMatchInlineSnapshot(`
      "
      network  shop_default
      id       ffffffffffff
      driver   bridge, local
      subnet   172.18.0.0/16 via 172.18.0.1
      created  2026-02-01 08:00:00

      CONTAINER        ADDRESS     STATE
      shop-api-prod    172.18.0.2  running
      shop-api-prod-2  172.18.0.3  running
      shop-nginx-prod  172.18.0.4  running
      "
    `);
  });
  it('must say which configured data volumes are missing', async () => {
    const platform = shop({ volumes: ['shop_data', 'shop_uploads'] });
    expect(await shown(volume, { sizes: true }, contextOf({ engine: furnished() }, platform))).toMatchInlineSnapshot(`
      "
      VOLUME         DATA      SIZE  USED BY
      aaaaaaaaaaaa…  -            ?  nothing
      shop_data      data  66.8 MiB  shop-postgres-prod

      ✗ crit  volume shop_uploads is configured as data, but does not exist

      1 other volume on this engine: --all shows them
      "
    `);
  });
  it('must name the nearest volume', async () => {
    await expect(shown(volume, { name: 'shop_dat' }, contextOf({ engine: furnished() }))).rejects.toMatchObject({
      message: 'there is no volume shop_dat; did you mean shop_data?',
    });
  });
});
