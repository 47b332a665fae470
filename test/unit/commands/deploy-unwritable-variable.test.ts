/** What is done where the file that keeps the version of a service cannot be written by this user. */
import { describe, expect, test } from 'vitest';

import blueGreen from '../../../src/commands/deploy/blue-green.ts';
import canary from '../../../src/commands/deploy/canary.ts';
import promote from '../../../src/commands/deploy/promote.ts';
import type { Plan } from '../../../src/core/change.ts';
import type { ChangeCommand } from '../../../src/core/command.ts';
import type { ContainerDetail } from '../../../src/core/ports/engine.ts';
import type { Routing } from '../../../src/core/ports/load-balancer.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeFiles } from '../../support/fakes/files.ts';
import { fakeJournal } from '../../support/fakes/journal.ts';
import { fakeLoadBalancer } from '../../support/fakes/load-balancer.ts';
import { fakeReplicas } from '../../support/fakes/replicas.ts';
import { readyNginx } from '../../support/ready-nginx.ts';
import { promoting } from '../../../src/deploy/running-canary.ts';
import { statusOf } from '../../../src/deploy/status.ts';
import { settingCommands } from '../../../src/deploy/version-variable.ts';
import { deployed, ids, lookOf, made, serviceFacts } from '../deploy/facts.ts';
import { contextOf, of, shop } from '../inspect/platform.ts';

/** v1 of compose in blue, with v2 in green where `there`; the variable says `says`. */
interface World {
  there: boolean;
  routing: Partial<Routing>;
  says: string;
}

/** What a command plans, and warns of, where .env cannot be replaced. */
async function planned(
  command: ChangeCommand,
  typed: object,
  { there, routing, says }: World,
): Promise<{ plan: Plan; said: string[] }> {
  const engine = fakeEngine();
  engine.add(of('nginx', { name: 'nginx', id: 'nginx', volumes: [volume] }));
  engine.add(made('shop_api_1', { imageId: 'sha256:1', memoryLimit: 1024 }));
  if (there) engine.add(deployed('api', { colour: 'green', version: 'v2', deploy: 1 }, { imageId: 'sha256:2' }));
  const replicas = fakeReplicas(engine);
  replicas.models.set('id-shop_api_1', { aliases: { shop: ['api-blue'] }, published: [] });
  for (const number of ['1', '2'])
    replicas.images.set(`shop/api:v${number}`, {
      ...{ id: `sha256:${number}`, digests: [], labels: {}, ports: [3000], size: 1 },
    });
  const seen = { live: {}, generation: 1, since: '2026-03-01T11:00:00.000Z', ...routing };
  const parts = {
    ...{ engine, replicas, journal: fakeJournal() },
    loadBalancer: fakeLoadBalancer({ nginx: { ...readyNginx(['api']), routing: seen } }),
    files: fakeFiles(new Map([['.env', { text: `API_VERSION=${says}\n`, fixed: 'EACCES' }]])),
  };
  const health = 'http://127.0.0.1:8080/api/health';
  const platform = shop({
    services: { api: { versionVariable: 'API_VERSION', port: 3000, health } },
    compose: { project: 'shop', envFile: '.env' },
  });
  const said: string[] = [];
  const context = { ...contextOf(parts, platform), warn: (line: string) => void said.push(line) };
  return { plan: await command.plan(command.input.parse(typed), context), said };
}
const volume: ContainerDetail['volumes'][number] = { source: '/srv/lb', target: '/etc/opsctl', readOnly: false };

const alone = { there: false, routing: {}, says: 'v1' };
const after: World = { there: true, routing: { live: { api: 'green' } }, says: 'v2' };
const beside: World = { there: true, routing: { canary: { services: ['api'], percent: 5 } }, says: 'v1' };

describe.each<[string, ChangeCommand, object, World, string]>([
  ['a deploy', blueGreen, { version: 'v2' }, alone, 'v2'],
  ['writing down what is live', blueGreen, { version: 'v1' }, { ...alone, says: 'v0' }, 'v1'],
  ['a canary', canary, { version: 'v2', noAnalysis: true, autoPromote: true }, alone, 'v2'],
  ['a rollback', blueGreen, { rollback: true }, after, 'v1'],
  ['a promotion', promote, { noAnalysis: true }, beside, 'v2'],
])('%s', (_name, command, typed, world, version) => {
  const why = `API_VERSION=${version} cannot be written to .env: its directory says EACCES`;

  test('must be refused, naming how it is done all the same', async () => {
    await expect(planned(command, typed, world)).rejects.toMatchObject({
      code: 'UNSAFE',
      message: why,
      hint: expect.stringContaining('--force') as string,
    });
  });

  test('must leave it alone by force, and warn', async () => {
    const { plan, said } = await planned(command, { ...typed, force: true }, world);
    expect(ids(plan).filter((id) => id.startsWith('files.'))).toEqual([]);
    expect(plan.touches.join()).not.toContain('.env');
    expect(said).toEqual([`a later docker-compose up brings api back to the version that was live before: ${why}`]);
  });
});

test('a share of visitors, of which nothing is written down, must not be refused', async () => {
  const { plan, said } = await planned(promote, { to: 50, noAnalysis: true }, beside);
  expect(plan.summary).toBe('canary of api v2: 50 %');
  expect(said).toEqual([]);
});

test('a canary that stays at its share must not be refused either', async () => {
  const { plan, said } = await planned(canary, { version: 'v2', noAnalysis: true }, alone);
  expect(ids(plan)).toContain('lb.route:nginx:5%');
  expect(said).toEqual([]);
});

test('what would be refused must not be told as the command to run', () => {
  const variable = { file: '.env', name: 'API_VERSION', value: 'v1', fixed: 'EACCES' };
  expect(settingCommands([{ service: 'api', version: 'v2', moved: false, variable }])).toEqual([]);
  const live = [deployed('api', { colour: 'green', version: 'v2', deploy: 1 })];
  const seen = serviceFacts('api', { colour: 'green', live });
  expect(statusOf(seen, lookOf([seen]), { variable, digest: undefined, moved: false }).drift).toEqual([
    '.env says API_VERSION=v1, but v2 is live: the next docker-compose up would change it; this user cannot write there: its directory says EACCES',
  ]);
  const share = {
    ...{
      facts: serviceFacts('api', { previous: live }),
      version: 'v2',
      containers: [],
      noRollback: undefined,
      gone: [],
    },
    smoke: [],
  };
  const platform = shop({ services: { api: {} } });
  expect(promoting([{ ...share, variable }], [], platform)).toBeUndefined();
  expect(promoting([{ ...share, variable: { ...variable, value: 'v2' } }], [], platform)).toBe(
    'opsctl deploy promote --no-analysis',
  );
});

test('what it says already must not be warned of', async () => {
  const { plan, said } = await planned(blueGreen, { version: 'v1', force: true }, alone);
  expect(plan.steps).toEqual([]);
  expect(said).toEqual([]);
});
