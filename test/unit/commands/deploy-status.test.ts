import { describe, expect, test } from 'vitest';

import blueGreen from '../../../src/commands/deploy/blue-green.ts';
import status from '../../../src/commands/deploy/status.ts';
import type { ChangeEvent } from '../../../src/core/change.ts';
import { OpsError } from '../../../src/core/errors.ts';
import { route } from '../../../src/deploy/steps.ts';
import type { Routing } from '../../../src/core/ports/load-balancer.ts';
import type { LockHolder } from '../../../src/core/ports/lock.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeFiles } from '../../support/fakes/files.ts';
import { fakeJournal, type FakeJournal } from '../../support/fakes/journal.ts';
import { fakeLoadBalancer, type FakeNginx } from '../../support/fakes/load-balancer.ts';
import { fakeLock } from '../../support/fakes/lock.ts';
import { fakeReplicas } from '../../support/fakes/replicas.ts';
import { deployed, made } from '../deploy/facts.ts';
import { contextOf, of, plain, shop } from '../inspect/platform.ts';

const green: Routing = { live: { api: 'green' }, generation: 2, since: '2026-03-01T11:00:00.000Z' };

/** Blue of compose beside green of a deploy, behind load balancers in some state; as the pipeline runs it. */
async function shown(
  nginx: Record<string, Partial<FakeNginx>>,
  state: 'running' | 'exited' = 'running',
  { journal = fakeJournal(), holder }: { journal?: FakeJournal; holder?: LockHolder } = {},
): Promise<{ exit: number | undefined; text: string; data: Record<string, unknown> }> {
  const engine = fakeEngine();
  for (const name of Object.keys(nginx)) engine.add(of('nginx', { name, id: name, state }));
  engine.add(made('shop_api_1'));
  engine.add(deployed('api', { colour: 'green', version: 'v2', deploy: 1 }));
  const loadBalancer = fakeLoadBalancer(nginx);
  const parts = { engine, loadBalancer, replicas: fakeReplicas(engine), files: fakeFiles(), journal };
  const context = contextOf(
    { ...parts, lock: { ...fakeLock(), holder: async () => holder } },
    shop({ services: { api: {} } }),
  );
  const { output, run, exit, text } = status;
  const data = output.parse(await run({}, context)) as Record<string, unknown>;
  return { exit: exit?.(data, {}), text: `\n${text(data, plain, {})}\n`, data };
}

test('what is live must be told, and exit 0 where all agrees', async () => {
  const { exit, text } = await shown({ nginx: { routing: green } });
  expect(exit).toBe(0);
  expect(text).toMatchInlineSnapshot(`
    "
    SERVICE  LIVE   VERSION  SHARE  REPLICAS  BESIDE
    api      green  v2       100 %  1/1       v1 (warm)
    "
  `);
});

describe('the state of the load balancer must be told, not refused:', () => {
  test('it is down', async () => {
    const { exit, text, data } = await shown({ nginx: { routing: green } }, 'exited');
    expect(exit).toBe(1);
    expect(data).toMatchObject({ since: green.since, next: ['opsctl service restart nginx'] });
    expect(text).toMatchInlineSnapshot(`
      "
      SERVICE  LIVE   VERSION  SHARE  REPLICAS  BESIDE
      api      green  v2       100 %  1/1       v1 (warm)

      ! no container of the load balancer nginx runs

        opsctl service restart nginx
      "
    `);
  });

  test('two disagree', async () => {
    const { exit, text, data } = await shown({ one: { routing: green }, two: { routing: { ...green, live: {} } } });
    expect(exit).toBe(1);
    expect(data).toMatchObject({ since: null, canary: null, services: [{ colour: null, weight: null }] });
    expect(text).toMatchInlineSnapshot(`
      "
      SERVICE  LIVE  VERSION  SHARE  REPLICAS  BESIDE
      api      ?     several  ?      2/2       ?

      ! load balancers disagree: one sends traffic to api green; two sends traffic to
        api blue

        opsctl history
        opsctl lb setup --like one
        opsctl lb setup --like two
      "
    `);
  });

  test('it was never set up', async () => {
    const { exit, text } = await shown({ nginx: {} });
    expect(exit).toBe(1);
    expect(text).toMatchInlineSnapshot(`
      "
      SERVICE  LIVE  VERSION  SHARE  REPLICAS  BESIDE
      api      ?     several  ?      2/2       ?

      ! the load balancer nginx is not set up for deploys, so traffic cannot be
        switched

        opsctl lb setup --dry-run
      "
    `);
  });

  test('its files are broken', async () => {
    const unreadable = new OpsError('BAD_ANSWER', '/etc/opsctl/live in container nginx is not what opsctl wrote');
    const { exit, data } = await shown({ nginx: { unreadable } });
    expect(exit).toBe(1);
    expect(data).toMatchObject({
      drift: ['/etc/opsctl/live in container nginx is not what opsctl wrote'],
      next: ['opsctl lb setup --dry-run'],
    });
  });
});

test('a deploy must tell besides that the version before runs on, and what ends that', async () => {
  const { data } = await shown({ nginx: { routing: green } });
  expect(`\n${blueGreen.text(data, plain, blueGreen.input.parse({}))}\n`).toMatchInlineSnapshot(`
    "
    SERVICE  LIVE   VERSION  SHARE  REPLICAS  BESIDE
    api      green  v2       100 %  1/1       v1 (warm)

    The version before keeps running for a quick rollback, until the next deploy or
    deploy retire.
    "
  `);
  const back = await shown({ nginx: { routing: { ...green, live: {} } } });
  expect(blueGreen.text(back.data, plain, blueGreen.input.parse({ rollback: true }))).toBe(back.text.trim());
});

test('what was rolled back must be told not to be what a rollback goes back to, with what stops it', async () => {
  const { exit, text, data } = await shown({ nginx: { routing: { ...green, live: {} } } });
  expect(exit).toBe(0);
  expect(data).toMatchObject({ services: [{ previous: null, beside: { version: 'v2', warm: true } }] });
  expect(text).toMatchInlineSnapshot(`
    "
    SERVICE  LIVE  VERSION  SHARE  REPLICAS  BESIDE
    api      blue  v1       100 %  1/1       v2 (no visitors)

    api v2 runs without visitors, and no rollback goes back to it

      opsctl deploy retire
    "
  `);
});

describe('commands that would be refused must not be told:', () => {
  const at = '2026-03-01T11:00:00.000Z';
  const share = { live: {}, canary: { services: ['api'], percent: 5 } };
  const steps = [route({ id: 'nginx', name: 'nginx' }, '/d', { from: { live: {} }, to: share, at: '5%' })];
  const plan = { target: 't', summary: 's', touches: [], steps };
  const canary = { nginx: { routing: { ...green, ...share } } };
  const ends = ['opsctl deploy promote --no-analysis', 'opsctl deploy canary --rollback'];

  async function journalOf(...commands: [command: string, more: { recovers?: string; paused?: true }][]) {
    const journal = fakeJournal();
    for (const [index, [command, { paused, ...more }]] of commands.entries()) {
      const events: ChangeEvent[] = [
        { type: 'begin', at, command, input: {}, actor: 'alice', host: 'h', plan, ...more },
        ...(paused === true ? [{ type: 'end' as const, at, outcome: 'paused' as const, left: [] }] : []),
      ];
      await journal.append((index + 1).toString(), ...events);
    }
    return journal;
  }
  const holder: LockHolder = {
    ...{ id: 'x', owner: 'bob', host: 'h2', pid: 1, command: 'deploy resume', change: '2' },
    ...{ since: at, heartbeatAt: at, ttlMs: 30_000, stale: false },
  };

  test('while a change runs, all of them, and what it recovers is not left in the middle', async () => {
    const journal = await journalOf(['deploy canary', {}], ['deploy resume', { recovers: '1' }]);
    const { data } = await shown(canary, 'running', { journal, holder });
    expect(data).toMatchObject({ drift: [], next: [], running: { change: '2', by: 'bob' } });
  });

  test('while a canary was left in the middle, those that end a canary', async () => {
    const journal = await journalOf(['deploy canary', {}]);
    expect((await shown(canary, 'running', { journal })).data).toMatchObject({
      next: ['opsctl resume 1', 'opsctl abort 1'],
    });
  });

  test('while one is held, or all is done, none of these', async () => {
    const journal = await journalOf(['deploy canary', { paused: true }]);
    expect((await shown(canary, 'running', { journal })).data).toMatchObject({
      next: ['opsctl resume 1', 'opsctl abort 1', ...ends],
    });
    expect((await shown(canary)).data).toMatchObject({ next: ends });
  });

  test('while what runs for nobody is in the hands of a change, what stops it', async () => {
    const journal = await journalOf(['deploy promote', { paused: true }]);
    const { data, text } = await shown({ nginx: { routing: { ...green, live: {} } } }, 'running', { journal });
    expect(data).toMatchObject({ next: ['opsctl resume 1', 'opsctl abort 1'] });
    expect(text).toContain('api v2 runs without visitors');
  });
});

test('an engine that does not answer must be refused', async () => {
  const unreadable = new OpsError('UNREACHABLE', 'the engine does not answer');
  await expect(shown({ nginx: { unreadable } })).rejects.toMatchObject({ code: 'UNREACHABLE', exit: 6 });
});
