/** A canary past a migration that the stable version cannot work with: begun, told of and taken back only by --force. */
import { describe, expect, test } from 'vitest';

import blueGreen from '../../../src/commands/deploy/blue-green.ts';
import canaryCommand from '../../../src/commands/deploy/canary.ts';
import promote from '../../../src/commands/deploy/promote.ts';
import status from '../../../src/commands/deploy/status.ts';
import type { Plan } from '../../../src/core/change.ts';
import type { ChangeCommand, Context } from '../../../src/core/command.ts';
import type { Routing } from '../../../src/core/ports/load-balancer.ts';
import { acceptedRisks } from '../../../src/deploy/one-way.ts';
import { fakeFiles } from '../../support/fakes/files.ts';
import { fakeJournal } from '../../support/fakes/journal.ts';
import { fakeLoadBalancer } from '../../support/fakes/load-balancer.ts';
import { fakeLock } from '../../support/fakes/lock.ts';
import { fakeReplicas } from '../../support/fakes/replicas.ts';
import { readyNginx } from '../../support/ready-nginx.ts';
import { deployed, made, serviceFacts, wanted } from '../deploy/facts.ts';
import { contextOf, NOW, of, shop, shopEngine } from '../inspect/platform.ts';

const FORBIDDEN = { 'opsctl.rollback.forbidden': 'drops a column' };
const START = { version: 'v2', noAnalysis: true };
const FORCED = 'opsctl deploy canary --rollback --force';

type Labels = Record<string, string>;
/** What is there: labels of the image of api v2, and perhaps a canary of both services, and labels of its api. */
interface There {
  image?: Labels;
  canary?: Labels;
  state?: 'running' | 'exited';
}

/** A shop of api and web, both live in version v1; what it is warned of. */
function shopWith({ image = {}, canary, state = 'running' }: There): { context: Context; warned: string[] } {
  const engine = shopEngine();
  const services = ['api', 'web'];
  engine.add(of('nginx', { name: 'nginx', id: 'nginx', volumes: [{ source: '/srv', target: '/etc/opsctl' }] }));
  for (const service of services) {
    engine.add(made(`shop_${service}_1`, { service, image: `shop/${service}:v1`, memoryLimit: 1024 }));
    const labels = service === 'api' ? (canary ?? {}) : {};
    if (canary !== undefined)
      engine.add(deployed(service, { colour: 'green', version: 'v2', deploy: 1 }, { labels, state }));
  }
  const replicas = fakeReplicas(engine);
  for (const service of services) {
    replicas.models.set(`id-shop_${service}_1`, { aliases: { shop: [`${service}-blue`] }, published: [] });
    for (const version of ['v1', 'v2'])
      replicas.images.set(`shop/${service}:${version}`, {
        ...{ id: `sha256:${service}${version}`, digests: [], ports: [3000], size: 1 },
        labels: service === 'api' && version === 'v2' ? image : {},
      });
  }
  const routing: Routing = {
    ...{ live: {}, generation: 1, since: NOW },
    ...(canary === undefined ? {} : { canary: { services, percent: 5 } }),
  };
  const loadBalancer = fakeLoadBalancer({ nginx: { ...readyNginx(services), routing } });
  const ports = { engine, replicas, loadBalancer, files: fakeFiles(), journal: fakeJournal(), lock: fakeLock() };
  const platform = shop({
    prometheus: { service: 'prometheus' },
    services: Object.fromEntries(services.map((service) => [service, { port: 3000 }])),
  });
  const warned: string[] = [];
  return { context: { ...contextOf(ports, platform), warn: (line) => void warned.push(line) }, warned };
}

const planned = async (command: ChangeCommand, typed: object, { context }: { context: Context }): Promise<Plan> =>
  await command.plan(command.input.parse(typed), context);

describe('a canary past a migration that the stable version cannot work with', () => {
  const message =
    'the stable version of api, which most visitors get, cannot work with the migrations of v2, nor can the canary be taken back past them: drops a column';
  const typed = { service: ['api'], incompatibleMigration: 'drops a column' };

  test.each<[string, There, object, string]>([
    [
      'the user says so',
      {},
      typed,
      'opsctl deploy blue-green --version v2 --service api --incompatible-migration "drops a column"',
    ],
    ['its image says so', { image: FORBIDDEN }, {}, 'opsctl deploy blue-green --version v2'],
  ])('must be refused where %s, and told to be deployed at once', async (_who, there, given, instead) => {
    await expect(planned(canaryCommand, { ...START, ...given }, shopWith(there))).rejects.toMatchObject({
      ...{ code: 'UNSAFE', exit: 5, message },
      hint: `Give it to all visitors at once: ${instead}; or accept the risk: --force`,
    });
  });

  test('must be begun by --force, with a warning', async () => {
    const there = shopWith({ image: FORBIDDEN });
    expect((await planned(canaryCommand, { ...START, force: true }, there)).summary).toBe(
      'canary of api v2, web v2: 5 %',
    );
    expect(there.warned).toContain(message);
  });

  test('must not be refused for a service that it leaves out', async () => {
    const there = shopWith({ image: FORBIDDEN });
    expect((await planned(canaryCommand, { ...START, service: ['web'] }, there)).summary).toBe('canary of web v2: 5 %');
    expect(there.warned).not.toContain(message);
  });

  test('must not be refused for a service that has the version already', () => {
    const one = wanted(serviceFacts('api'), { same: true, noRollback: 'drops a column' });
    expect(acceptedRisks([one], { version: 'v2', service: [], force: false })).toEqual([]);
  });
});

describe('while it runs', () => {
  test('it must not be taken back but by --force', async () => {
    await expect(planned(canaryCommand, { rollback: true }, shopWith({ canary: FORBIDDEN }))).rejects.toMatchObject({
      ...{ code: 'UNSAFE', exit: 5 },
      message:
        'the canary of api v2 must not be taken back: the stable version cannot work with its migrations: drops a column',
      hint: `Give it to all visitors: opsctl deploy promote; or accept the risk: ${FORCED}`,
    });
    for (const [canary, force] of [
      [FORBIDDEN, true],
      [{}, false],
    ] as const)
      expect((await planned(canaryCommand, { rollback: true, force }, shopWith({ canary }))).summary).toBe(
        'take back the canary of api v2, web v2',
      );
  });

  const refusals: [string, ChangeCommand, object, There][] = [
    ['another deploy', blueGreen, { version: 'v3' }, {}],
    ['a promotion before it is seen to be well', promote, {}, {}],
    ['a promotion of what does not run', promote, { force: true }, { state: 'exited' }],
  ];
  test.each(refusals)('a refusal of %s must tell how it is taken back', async (_what, command, typed, more) => {
    for (const [canary, back] of [
      [FORBIDDEN, /opsctl deploy canary --rollback --force/],
      [{}, /opsctl deploy canary --rollback(?! --force)/],
    ] as const)
      await expect(planned(command, typed, shopWith({ canary, ...more }))).rejects.toMatchObject({
        code: 'UNSAFE',
        hint: expect.stringMatching(back) as string,
      });
  });

  test('deploy status must tell how it is taken back', async () => {
    const next = async (canary: Labels): Promise<unknown> =>
      status.output.parse(await status.run({}, shopWith({ canary }).context));
    expect(await next(FORBIDDEN)).toMatchObject({ next: expect.arrayContaining([FORCED]) as string[] });
    expect(await next({})).toMatchObject({
      next: expect.arrayContaining(['opsctl deploy canary --rollback']) as string[],
    });
  });
});
