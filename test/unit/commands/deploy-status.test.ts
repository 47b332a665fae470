import { describe, expect, test } from 'vitest';

import status from '../../../src/commands/deploy/status.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { Routing } from '../../../src/core/ports/load-balancer.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeFiles } from '../../support/fakes/files.ts';
import { fakeJournal } from '../../support/fakes/journal.ts';
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
): Promise<{ exit: number | undefined; text: string; data: Record<string, unknown> }> {
  const engine = fakeEngine();
  for (const name of Object.keys(nginx)) engine.add(of('nginx', { name, id: name, state }));
  engine.add(made('shop_api_1'));
  engine.add(deployed('api', { colour: 'green', version: 'v2', deploy: 1 }));
  const loadBalancer = fakeLoadBalancer(nginx);
  const parts = { engine, loadBalancer, replicas: fakeReplicas(engine), files: fakeFiles(), journal: fakeJournal() };
  const context = contextOf({ ...parts, lock: fakeLock() }, shop({ services: { api: {} } }));
  const { output, run, exit, text } = status;
  const data = output.parse(await run({}, context)) as Record<string, unknown>;
  return { exit: exit?.(data, {}), text: `\n${text(data, plain, {})}\n`, data };
}

test('what is live must be told, and exit 0 where all agrees', async () => {
  const { exit, text } = await shown({ nginx: { routing: green } });
  expect(exit).toBe(0);
  expect(text).toMatchInlineSnapshot(`
    "
    SERVICE  LIVE   VERSION  SHARE  REPLICAS  BEFORE
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
      SERVICE  LIVE   VERSION  SHARE  REPLICAS  BEFORE
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
      SERVICE  LIVE  VERSION  SHARE  REPLICAS  BEFORE
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
      SERVICE  LIVE  VERSION  SHARE  REPLICAS  BEFORE
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

test('an engine that does not answer must be refused', async () => {
  const unreadable = new OpsError('UNREACHABLE', 'the engine does not answer');
  await expect(shown({ nginx: { unreadable } })).rejects.toMatchObject({ code: 'UNREACHABLE', exit: 6 });
});
