/** What a dry run shows must be what is executed, and showing it must change nothing. */
import { describe, inject, test } from 'vitest';

import { run } from '../../scripts/run.ts';
import { documentOf, historyOf, type Scene, sceneFor } from '../support/change-scene.ts';
import { openRelay, type Relay } from '../support/engine-relay.ts';
import { machine } from '../support/opsctl.ts';

/** A small container of the reference platform whose restart disturbs nobody. */
const SERVICE = 'redis-exporter';
const JOURNAL = 'opsctl-journal-ecommerce';

const docker = (...args: string[]): Promise<string> =>
  run(['docker', '--host', inject('platform').dockerHost, ...args]);

/** Everything that a change could have touched: start times, locks, journal, files of the load balancer. */
async function platformState(): Promise<unknown> {
  const started = await docker(
    'ps',
    '--all',
    '--no-trunc',
    '--filter',
    'label=com.docker.compose.project=ecommerce',
    '--format',
    '{{.ID}}',
  );
  const times = await docker(
    'inspect',
    '--format',
    '{{.Name}} {{.State.StartedAt}} {{.State.Status}} {{.RestartCount}}',
    ...started.trim().split('\n'),
  );
  const locks = await docker('ps', '--all', '--filter', 'name=opsctl-lock-ecommerce', '--format', '{{.Names}}');
  const journal = await docker('cp', `${JOURNAL}:/journal`, '-');
  const files = await docker('cp', 'ecommerce-nginx-prod:/etc/opsctl', '-');
  return {
    times: times.trim().split('\n').toSorted(),
    locks,
    journal: journal.length,
    files: files.replace(/\0/g, ''),
  };
}

/** What the engine was made to do between two times, other people's looks aside. */
async function eventsBetween(since: number, until: number): Promise<string[]> {
  const text = await docker(
    ...[
      'events',
      '--since',
      String(since),
      '--until',
      String(until),
      '--filter',
      'type=container',
      '--filter',
      'type=volume',
      '--filter',
      'type=network',
    ],
    ...[
      '--format',
      '{{.Type}} {{.Action}} {{index .Actor.Attributes "name"}} {{index .Actor.Attributes "com.docker.compose.project"}}',
    ],
  );
  return text
    .split('\n')
    .filter(
      (line) =>
        line !== '' &&
        / (ecommerce|opsctl-(lock|journal)-ecommerce)/.test(line) &&
        !/ (exec_\w+|health_status|archive-path|extract-to-dir|top)\b/.test(line),
    );
}

const seconds = (): number => Date.now() / 1000;

async function relayed(onTestFinished: (close: () => Promise<void>) => void): Promise<Relay> {
  const relay = await openRelay(inject('platform').dockerHost);
  onTestFinished(() => relay.close());
  return relay;
}

describe('a dry run on the reference platform', () => {
  test('must change nothing, and show the plan that is then journalled and executed', async ({ expect }) => {
    const alice = machine('alice');
    await alice(['service', 'restart', SERVICE, '--yes']); // the journal is there
    const before = await platformState();
    const since = seconds();
    const dry = await alice(['service', 'restart', SERVICE, '--dry-run', '--json']);
    const others = [
      await alice(['service', 'restart', 'database', '--dry-run', '--yes']),
      await alice(['lb', 'reload', '--dry-run', '--json']),
      await alice(['lock', 'release', '--dry-run', '--json']),
    ];
    const until = seconds();
    expect(await platformState()).toEqual(before);
    expect(await eventsBetween(since, until)).toEqual([]);
    expect([dry, ...others].map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(others[0]?.stdout).toContain('1. stop ecommerce-postgres-prod');

    const done = await alice(['service', 'restart', SERVICE, '--yes', '--json']);
    expect(done.code, done.stderr).toBe(0);
    const { plan } = documentOf(dry);
    expect(documentOf(dry)).toMatchObject({ ok: true, dryRun: true, plan: { target: SERVICE } });
    expect(documentOf(done).plan).toEqual(plan);
    const [made] = (await machine('bob')(['history', '--json', '--limit', '1'])).json<{
      data: { changes: { id: string }[] };
    }>().data.changes;
    const archive = await docker('cp', `${JOURNAL}:/journal/events`, '-');
    const [, begin = '{}'] = new RegExp(`/${made?.id ?? ''}/[^]*?({"type":"begin"[^\\0]*)`).exec(archive) ?? [];
    expect((JSON.parse(begin) as { plan: unknown }).plan).toEqual(plan);
  });
});

describe.concurrent('a dry run', () => {
  test('must make no call of the engine that changes anything, for every command that changes', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished);
    const relay = await relayed(onTestFinished);
    const forced = ['--dry-run', '--yes', '--reason', 'r', '--json'];
    const codes: (number | null)[] = [];
    for (const argv of [['service', 'restart', 'app'], ['lock', 'release'], ['resume'], ['abort']])
      codes.push((await one.as('alice')([...argv, ...forced], { env: { DOCKER_HOST: relay.host } })).code);
    expect(codes).toEqual([0, 0, 2, 2]); // there is nothing to recover
    expect(relay.changes).toEqual([]);
    expect(await one.own()).toEqual([]);
  });
});

describe.concurrent('a platform that changed after the plan was shown', () => {
  /** What happens between plan and lock, and what the new plan then says. */
  const cases: { name: string; happens: (one: Scene) => Promise<unknown>; shows: string }[] = [
    {
      name: 'a container was stopped',
      happens: (one) => one.docker('stop', one.containers[0] ?? ''),
      shows: 'it does not run',
    },
    {
      name: 'a replica was removed',
      happens: (one) => one.docker('rm', '--force', one.containers[1] ?? ''),
      shows: 'the only one, so its requests fail',
    },
  ];
  for (const { name, happens, shows } of cases) {
    test(`${name}: must be refused with the new plan, and nothing done`, async ({ expect, onTestFinished }) => {
      for (const json of [true, false]) {
        const one = await sceneFor(onTestFinished, { replicas: 2 });
        const relay = await relayed(onTestFinished);
        const events: string[] = [];
        relay.hooks = {
          before: async ({ method, path }) => {
            if (path.startsWith('/containers/create?name=opsctl-lock-')) await happens(one);
            events.push(`${method} ${path.replace(/\?.*/, '').replace(/[0-9a-f]{64}/, 'id')}`);
          },
        };
        const result = await one.as('alice')(['service', 'restart', 'app', '--yes', ...(json ? ['--json'] : [])], {
          env: { DOCKER_HOST: relay.host },
        });
        expect(events).toEqual(['POST /containers/create', 'DELETE /containers/id']); // the lock, taken and given back
        expect(await one.own()).toEqual([]);
        expect(result.code).toBe(5);
        if (json) {
          const { error } = documentOf(result);
          expect(error).toMatchObject({
            code: 'PLAN_CHANGED',
            message: 'the platform changed after the plan was shown, so nothing was done',
          });
          expect(JSON.stringify(error?.details?.['plan'])).toContain(shows);
        } else {
          expect(result.stdout).toBe('');
          expect(result.stderr.replace(/\s+/g, ' ').slice(result.stderr.length / 3)).toContain(shows);
          expect(result.stderr.match(/^Plan for /gm)).toHaveLength(2);
        }
      }
    });
  }
});

describe.concurrent('secrets', () => {
  test('in environment, containers and what is typed must appear nowhere', async ({ expect, onTestFinished }) => {
    const one = await sceneFor(onTestFinished);
    const planted = 'Planted-S3cret-9d1';
    const env = { PGPASSWORD: planted, DB_URL: `postgres://u:${planted}@db/x` };
    const reason = `because of https://ops:${planted}@wiki.example/page`;
    const results = [];
    for (const more of [['--json'], ['--json=stream'], [], ['--debug', '--dry-run']])
      results.push(await one.as('alice')(['service', 'restart', 'app', '--yes', '--reason', reason, ...more], { env }));
    const [journal = ''] = await one.own();
    const archive = await one.docker('cp', `${journal}:/journal`, '-');
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(archive).toContain('because of https://ops:[redacted]@wiki.example/page');
    expect(archive).not.toContain(planted);
    for (const { stdout, stderr } of results) expect(stdout + stderr).not.toContain(planted);
    expect((await historyOf(one)).changes).toHaveLength(3);
    // A stream: a line of JSON each, the last one the document.
    const lines = (results[1]?.stdout ?? '')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { schema: string; type?: string; ok?: boolean });
    expect(lines.map(({ schema, type }) => type ?? schema)).toEqual([
      'step-begin',
      'step-done',
      'step-begin',
      'step-done',
      'step-begin',
      'step-done',
      'end',
      'opsctl/service.restart/v1',
    ]);
  });
});
