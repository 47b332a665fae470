import { expect, test } from 'vitest';

import blueGreen from '../../../src/commands/deploy/blue-green.ts';
import status from '../../../src/commands/deploy/status.ts';
import type { Context } from '../../../src/core/command.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeFiles } from '../../support/fakes/files.ts';
import { fakeJournal } from '../../support/fakes/journal.ts';
import { fakeLoadBalancer } from '../../support/fakes/load-balancer.ts';
import { fakeLock } from '../../support/fakes/lock.ts';
import { fakeReplicas } from '../../support/fakes/replicas.ts';
import { readyNginx } from '../../support/ready-nginx.ts';
import { made } from '../deploy/facts.ts';
import { contextOf, of, shop } from '../inspect/platform.ts';

const COMPOSE = ['api', 'web'].map((name) => `  ${name}:\n    image: shop/${name}:\${TAG}\n`).join('');

interface Given {
  api?: string;
  web?: string;
  tag?: string;
  /** An image that was built anew, or removed, since its containers were made. */
  rebuilt?: { image: string; to: string | undefined };
}

/** A shop of which both images have the variable TAG; which versions are live, and what TAG says. */
function platform({ api = 'v1', web = 'v1', tag = 'v1', rebuilt }: Given): Context {
  const engine = fakeEngine();
  engine.add(of('nginx', { name: 'nginx', id: 'nginx' }));
  for (const [service, version] of Object.entries({ api, web }))
    engine.add(
      made(`shop_${service}_1`, {
        ...{ service, image: `shop/${service}:${version}`, imageId: `sha256:${service}${version}`, memoryLimit: 1024 },
        // The image's own label may call it otherwise than its tag.
        labels: { 'org.opencontainers.image.version': version.slice(1) },
      }),
    );
  const replicas = fakeReplicas(engine);
  for (const service of ['api', 'web'])
    replicas.models.set(`id-shop_${service}_1`, { aliases: { shop: [`${service}-blue`] }, published: [] });
  for (const service of ['api', 'web'])
    for (const version of ['v1', 'v2'])
      replicas.images.set(`shop/${service}:${version}`, {
        ...{ id: `sha256:${service}${version}`, digests: [], labels: {}, ports: [3000], size: 1 },
      });
  if (rebuilt !== undefined) {
    const { image, to } = rebuilt;
    replicas.images.delete(image);
    if (to !== undefined) replicas.images.set(image, { id: to, digests: [], labels: {}, ports: [3000], size: 1 });
  }
  const routing = { live: {}, generation: 1, since: '2026-03-01T11:00:00.000Z' };
  const loadBalancer = fakeLoadBalancer({ nginx: { ...readyNginx(['api', 'web']), routing } });
  const texts = { 'compose.yml': `services:\n${COMPOSE}`, '.env': `TAG=${tag}\n` };
  const files = fakeFiles(new Map(Object.entries(texts).map(([name, text]) => [name, { text }])));
  return contextOf(
    { engine, replicas, loadBalancer, files, journal: fakeJournal(), lock: fakeLock() },
    shop({
      services: { api: { port: 3000 }, web: { port: 3000 } },
      compose: { project: 'shop', files: ['compose.yml'], envFile: '.env' },
    }),
  );
}
const deploy = async (given: object, there: Context): Promise<string[]> =>
  (await blueGreen.plan(blueGreen.input.parse(given), there)).steps.map(({ id }) => id);
const next = async (there: Context): Promise<unknown> => status.output.parse(await status.run({}, there));

test('a deploy of one service must be refused when the variable of its version is that of another', async () => {
  await expect(deploy({ version: 'v2', service: ['api'] }, platform({}))).rejects.toMatchObject({
    code: 'UNSAFE',
    message:
      'TAG in .env holds the version of api and of web: with api v2 and web v1 live, the next docker-compose up would change one of them',
    hint: 'Take them together: --service api --service web; or give each a variable of its own in the compose files; or accept it: --force',
  });
  expect(await deploy({ version: 'v2', service: ['api'], force: true }, platform({}))).toContain('files.variable:TAG');
});

test('a deploy that makes them alike must not be refused', async () => {
  expect(await deploy({ version: 'v2' }, platform({}))).toContain('files.variable:TAG');
  expect(await deploy({ version: 'v2', service: ['api'] }, platform({ web: 'v2' }))).toContain('files.variable:TAG');
});

test('deploy status must name the command that makes the variable say what is live', async () => {
  expect(await next(platform({}))).toMatchObject({ next: [], services: [{ drift: [] }, { drift: [] }] });
  const alike = 'opsctl deploy blue-green --version v2 --service api --service web';
  expect(await next(platform({ api: 'v2', web: 'v2' }))).toMatchObject({ next: [alike] });
  expect(await next(platform({ api: 'v2', tag: 'v2' }))).toMatchObject({ next: [alike] });
  expect(await next(platform({ api: 'v2', tag: 'v0' }))).toMatchObject({
    next: ['opsctl deploy blue-green --version <version> --service api --service web'],
  });
});

test.each([
  ['was built anew', 'sha256:other'],
  ['is gone', undefined],
])(
  'deploy status must not name a command that would deploy another image, where the one of the tag %s',
  async (_what, to) => {
    const there = platform({ api: 'v2', web: 'v2', rebuilt: { image: 'shop/web:v2', to } });
    expect(await next(there)).toMatchObject({
      next: [],
      services: [
        { drift: [expect.not.stringContaining('deploy')] },
        { drift: [expect.stringContaining('a deploy of v2')] },
      ],
    });
  },
);
