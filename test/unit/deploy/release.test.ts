import { describe, expect, test } from 'vitest';

import { failureOf } from '../../../src/cli/change-failure.ts';
import { OpsError } from '../../../src/core/errors.ts';
import { execute } from '../../../src/core/execute.ts';
import type { Writers } from '../../../src/core/ports.ts';
import type { ProbeRequest } from '../../../src/core/ports/load-balancer.ts';
import type { ReleaseReader, Watch } from '../../../src/core/ports/release.ts';
import { compare } from '../../../src/deploy/steps.ts';
import type { FakeContainer } from '../../support/fakes/engine.ts';
import { NOW } from '../inspect/platform.ts';
import { instance, live, services, step, watch, type World, world } from './world.ts';

const down = new OpsError('UNREACHABLE', 'prometheus refuses the connection');

// Each question waits a second first.
describe.concurrent('a step of a canary', () => {
  test('must pass when its time is over and the new version is no worse', async ({ expect }) => {
    expect(await world().release.hasPassed(step())).toBe(true);
  });

  test('must not pass before its time', async ({ expect }) => {
    expect(await world({ forMs: 59_000 }).release.hasPassed(step())).toBe(false);
  });

  test('must fail at once when the new version is worse', async ({ expect }) => {
    const { counted, release } = world({ forMs: 20_000 });
    counted['v2'] = { requests: 10_000, errors: 500 };
    await expect(release.hasPassed(step())).rejects.toMatchObject({
      code: 'UNSAFE',
      message: expect.stringMatching(/^api v2 is worse than v1: 500 of 10000 failed/),
      hint: expect.stringContaining('opsctl deploy status'),
      details: { analysis: { errors: { verdict: 'fail' } } },
    });
  });

  test('must stay open while it cannot be told', async ({ expect }) => {
    const { counted, release } = world();
    counted['v2'] = { requests: 20, errors: 0 };
    expect(await release.hasPassed(step())).toBe(false);
  });

  test('must stay open while one of several services cannot be told', async ({ expect }) => {
    const more = [...services, { metrics: 'web', stable: 'w1', candidate: 'w2' }];
    expect(await world().release.hasPassed(step({ services: more }))).toBe(false);
  });

  test('must stay open while one of the services that visitors get is not compared', async ({ expect }) => {
    const { loadBalancer, release } = world();
    const both = { live, canary: { services: ['api', 'web'], percent: 5 } };
    await loadBalancer.route('nginx', '/etc/opsctl', both);
    const nginx = loadBalancer.containers.get('nginx');
    if (nginx?.routing !== undefined) nginx.routing.since = '2026-03-01T11:59:00.000Z';
    expect(await release.hasPassed(step({ route: both }))).toBe(false);
  });

  test('must stay open while Prometheus cannot be asked, or there is nothing to ask of', async ({ expect }) => {
    const { metrics, release } = world();
    metrics.down = down;
    expect(await release.hasPassed(step())).toBe(false);
    expect(await world().release.hasPassed(step({ services: [] }))).toBe(false);
    expect(await world({ prometheus: false }).release.hasPassed(step())).toBe(false);
  });

  test('must look when Prometheus can have something new, and not more often', async ({ expect }) => {
    const early = world({ forMs: 14_000 });
    expect(await early.release.hasPassed(step({ forMs: 10_000 }))).toBe(false);
    expect(early.asked).toEqual([]);
    const { asked, release } = world();
    await release.hasPassed(step());
    expect(asked).toHaveLength(6);
    await release.hasPassed(step());
    expect(asked).toHaveLength(6);
  });

  test('must look anew when it is another step, although it has lasted as long', async ({ expect }) => {
    const { asked, loadBalancer, release, wait } = world({ forMs: 25_000 });
    await release.hasPassed(step());
    const next = { live, canary: { services: ['api'], percent: 25 } };
    await loadBalancer.route('nginx', '/etc/opsctl', next);
    const nginx = loadBalancer.containers.get('nginx');
    if (nginx?.routing !== undefined) nginx.routing.since = NOW;
    wait(25_000);
    await release.hasPassed(step({ route: next }));
    expect(asked).toHaveLength(12);
  });

  test('must be failed when it was held for an hour and is worse, and not for what is chance', async ({ expect }) => {
    const { counted, release } = world({ forMs: 3_600_000 });
    // 3.1 instead of 1 %: by chance with 7e-7.
    counted['v1'] = { requests: 17_000, errors: 170 };
    counted['v2'] = { requests: 900, errors: 28 };
    await expect(release.hasPassed(step())).rejects.toMatchObject({ code: 'UNSAFE' });
    const lucky = world({ forMs: 3_600_000 });
    // 1.8 instead of 1 %: by chance with 0.03.
    lucky.counted['v1'] = { requests: 17_000, errors: 170 };
    lucky.counted['v2'] = { requests: 900, errors: 16 };
    expect(await lucky.release.hasPassed(step())).toBe(false);
  });

  test('must share the chance of a false alarm among its services', async ({ expect }) => {
    const { release } = world();
    const levels = async (of: typeof services) =>
      (await release.canaryView(step({ services: of }))).services.map(
        ({ analysis }) => (analysis as unknown as { rules: { errors: { level: number } } }).rules.errors.level,
      );
    const [alone = 0] = await levels(services);
    const [one = 0, other = 0] = await levels([...services, { metrics: 'web', stable: 'w1', candidate: 'w2' }]);
    expect(one + other).toBeCloseTo(alone, 12);
  });

  test('must be held, with what Prometheus said, when that does not answer all the time', async ({ expect }) => {
    const { metrics, readers, release } = world();
    metrics.down = down;
    const gate = { ...compare(step(), 5), timeoutMs: 1500 };
    const outcome = await execute(
      { target: 't', summary: 's', touches: [], steps: [gate] },
      {
        writers: Object.assign(Object.create(null), { release }, { engine: readers.engine }) as Writers,
        journal: async () => undefined,
        listen: () => undefined,
        confirmLock: async () => undefined,
        signal: new AbortController().signal,
        now: () => new Date(NOW),
      },
    );
    expect(outcome.outcome).toBe('paused');
    const error = failureOf(outcome, { id: 'c1', recovers: undefined });
    expect(error.exit).toBe(6);
    expect(error.details?.['lines']).toEqual(['Prometheus cannot be asked: prometheus refuses the connection']);
  });

  test('must count both versions in the same window, from its beginning until now', async ({ expect }) => {
    const { asked, release } = world({ forMs: 90_000 });
    await release.hasPassed(step());
    for (const [promql, at] of asked) {
      expect(promql).toContain('[90s]');
      expect(at).toBeUndefined();
    }
  });
});

describe.concurrent('a release that is watched', () => {
  test('must be well once its time is over', async ({ expect }) => {
    expect(await world().release.isWell(watch())).toBe(true);
    expect(await world({ forMs: 59_000 }).release.isWell(watch())).toBe(false);
  });

  test('must be compared with the version before in the time before the switch', async ({ expect }) => {
    const { asked, release } = world();
    await release.isWell(watch());
    expect(asked).toHaveLength(6);
    for (const [promql, at] of asked)
      expect(at).toBe(promql.includes('version="v1"') ? '2026-03-01T11:59:00.000Z' : undefined);
  });

  test('must be compared when its time is over with what came since the last look', async ({ expect }) => {
    const { asked, release, wait } = world({ forMs: 61_000 });
    const longer = watch({ forMs: 65_000 });
    expect(await release.isWell(longer)).toBe(false);
    expect(await release.isWell(longer)).toBe(false);
    expect(asked).toHaveLength(6);
    wait(4000);
    expect(await release.isWell(longer)).toBe(true);
    expect(asked).toHaveLength(12);
  });

  test('must be watched by its containers only where its time is too short to count', async ({ expect }) => {
    const { asked, release } = world({ forMs: 12_000 });
    expect(await release.isWell(watch({ forMs: 12_000 }))).toBe(true);
    expect(asked).toEqual([]);
  });

  test('must fail at once when it is worse', async ({ expect }) => {
    const { counted, release } = world({ forMs: 20_000 });
    counted['v2'] = { requests: 10_000, errors: 500 };
    await expect(release.isWell(watch())).rejects.toMatchObject({
      code: 'UNSAFE',
      message: expect.stringContaining('api v2 is worse than v1'),
    });
  });

  test('must not be taken back for a Prometheus that cannot be asked, or is none, or has seen too little', async ({
    expect,
  }) => {
    const { metrics, release } = world();
    metrics.down = down;
    expect(await release.isWell(watch())).toBe(true);
    expect(await world({ prometheus: false }).release.isWell(watch())).toBe(true);
    const little = world();
    little.counted['v2'] = { requests: 3, errors: 0 };
    expect(await little.release.isWell(watch())).toBe(true);
  });

  test('must show what its last look saw, or say why it goes by its containers only', async ({ expect }) => {
    const { asked, release: looked } = world({ forMs: 20_000 });
    expect(await looked.watchView(watch())).toEqual({ lines: ['nothing measured yet'], notDone: [] });
    await looked.isWell(watch());
    const { lines } = await looked.watchView(watch());
    expect(lines[0]).toBe('api');
    expect(lines[1]).toMatch(/^ {2}v1: \d+ requests, .* errors, p95 /);
    expect(lines[2]).toMatch(/^ {2}v2: \d+ requests, .* errors, p95 /);
    expect(lines[3]).toMatch(/^ {2}(pass|inconclusive): /);
    expect(asked).toHaveLength(6);

    const only = 'only its containers are watched';
    expect((await world({ prometheus: false }).release.watchView(watch())).lines).toEqual([
      `nothing is compared, because the configuration names no Prometheus; ${only}`,
    ]);
    expect((await looked.watchView(watch({ forMs: 12_000 }))).lines).toEqual([
      `nothing is compared in less than 15 s; ${only}`,
    ]);
    expect(await looked.watchView(watch({ services: [] }))).toEqual({
      lines: [`nothing is compared, as was asked for (--no-analysis); ${only}`],
      notDone: [],
    });
  });

  test('must tell which comparison was not made, and why, unless nobody wanted one', async ({ expect }) => {
    const incomparable = ['web: v2 is live already'];
    const notDone = async ({ release }: World, more: Partial<Watch> = {}): Promise<string[]> => {
      await release.isWell(watch({ ...more }));
      return (await release.watchView(watch({ ...more }))).notDone;
    };
    expect(await notDone(world())).toEqual([]);
    const silent = world();
    silent.metrics.down = down;
    expect(await notDone(silent, { incomparable })).toEqual([
      'comparison of api v2 with v1: Prometheus cannot be asked: prometheus refuses the connection',
      'comparison of web: v2 is live already',
    ]);
    const little = world();
    little.counted['v2'] = { requests: 3, errors: 0 };
    expect(await notDone(little)).toEqual([expect.stringMatching(/^comparison of api v2 with v1: .*\b3\b/)]);
    expect(await notDone(world(), { services: [], incomparable })).toEqual(['comparison of web: v2 is live already']);
    expect(await notDone(world(), { forMs: 12_000, incomparable })).toEqual([]);
    expect(await notDone(world({ prometheus: false }), { incomparable })).toEqual([]);
  });
});

describe.concurrent('both must end at once', () => {
  const both: [string, (release: ReleaseReader) => Promise<boolean>][] = [
    ['a canary', (release) => release.hasPassed(step())],
    ['a release', (release) => release.isWell(watch())],
  ];
  const ways: [string, Partial<FakeContainer>, string][] = [
    ['restarted', { restartCount: 1 }, 'api-green restarted after it got traffic'],
    ['ended', { state: 'exited' }, 'api-green is exited after it got traffic'],
    ['became unhealthy', { health: 'unhealthy' }, 'api-green became unhealthy after it got traffic'],
  ];
  test.each(both.flatMap(([who, ask]) => ways.map(([how, change, message]) => ({ who, ask, how, change, message }))))(
    'when a container of $who $how, with what it said last',
    async ({ ask, change, message }) => {
      const { candidate, release } = world();
      Object.assign(candidate, change);
      candidate.log.push({ at: NOW, stream: 'stderr', text: 'no memory' });
      await expect(ask(release)).rejects.toMatchObject({ code: 'UNSAFE', message, details: { log: ['no memory'] } });
    },
  );

  test.each(both.map(([who, ask]) => ({ who, ask })))(
    'when somebody sends the traffic of $who elsewhere',
    async ({ ask }) => {
      const { loadBalancer, release } = world();
      await loadBalancer.route('nginx', '/etc/opsctl', { live });
      await expect(ask(release)).rejects.toMatchObject({
        code: 'UNSAFE',
        message: 'traffic does not go where this deploy sent it any more: somebody changed it meanwhile',
      });
    },
  );
});

describe.concurrent('answers of a new version', () => {
  const asks: ProbeRequest['url'][] = ['http://127.0.0.1/a', 'http://127.0.0.1/b'];
  const candidate = { ...instance, passes: 2, asks: asks.map((url) => ({ url, colour: 'green' as const })) };
  const timings = { connect: 1, firstByte: 1, total: 1 };

  /** Statuses by question, 200 afterwards. */
  function answering(...statuses: (number | OpsError)[]): { release: ReleaseReader; probed: ProbeRequest[] } {
    const { loadBalancer, release } = world();
    const probed: ProbeRequest[] = [];
    loadBalancer.probe = async (_container, _directory, request) => {
      const status = statuses[probed.push(request) - 1] ?? 200;
      if (status instanceof OpsError) throw status;
      const body = status === 200 ? 'fine' : 'x'.repeat(400);
      const more = { headers: {}, truncated: false, size: 1, remoteAddress: '', httpVersion: '1.1' as const, timings };
      return { status, body, sticky: false, ...more };
    };
    return { release, probed };
  }

  test('must be good in a row from every URL, asked of its colour', async ({ expect }) => {
    const { release, probed } = answering();
    expect(await release.answers(candidate)).toBe(true);
    expect(probed.map(({ url, colour }) => `${url} ${colour}`)).toEqual([
      'http://127.0.0.1/a green',
      'http://127.0.0.1/b green',
      'http://127.0.0.1/a green',
      'http://127.0.0.1/b green',
    ]);
  });

  test.each([
    ['the first', [503]],
    ['the second time', [200, 200, 200, 500]],
    ['a redirect', [302]],
    ['no answer', [new OpsError('TIMED_OUT', 'late')]],
  ])('must not count as good with one that is not: %s', async (_which, statuses) => {
    expect(await answering(...statuses).release.answers(candidate)).toBe(false);
  });

  test('must wait for containers that do not serve, which is told', async ({ expect }) => {
    const { candidate: container, release } = world();
    const own = { ...instance, asks: [], passes: 1, containers: ['api-green'] };
    expect(await release.answers(own)).toBe(true);
    container.health = 'unhealthy';
    expect(await release.answers(own)).toBe(false);
    expect(await release.whyNoAnswer(own)).toEqual({ answers: ['api-green does not serve: it is unhealthy'] });
    container.state = 'exited';
    await expect(release.answers(own)).rejects.toMatchObject({ code: 'UNSAFE' });
  });

  test('must be told by URL where they are wrong, and cut', async ({ expect }) => {
    const { release } = answering(503, new OpsError('UNSAFE', 'it knows nothing of the colour'));
    expect(await release.whyNoAnswer(candidate)).toEqual({
      answers: [
        `http://127.0.0.1/a: HTTP 503 ${'x'.repeat(300)}`,
        'http://127.0.0.1/b: it knows nothing of the colour',
      ],
    });
    expect(await release.whyNoAnswer(candidate)).toEqual({ answers: [] });
  });
});
