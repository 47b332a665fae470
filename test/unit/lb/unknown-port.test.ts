/** A deployable service whose port nobody knows, such as one that is no longer in the compose file, beside one that is well. */
import { describe, expect, test } from 'vitest';

import { checkSetup, lackingFor } from '../../../src/lb/check.ts';
import { isLoaded, isWritten, observeSetup, type SetupFacts } from '../../../src/lb/observe.ts';
import { planSetup } from '../../../src/lb/plan-setup.ts';
import { portIn, snippetsFor } from '../../../src/lb/snippets.ts';
import { fakeEngine } from '../../support/fakes/engine.ts';
import { fakeLoadBalancer } from '../../support/fakes/load-balancer.ts';
import { fakeReplicas } from '../../support/fakes/replicas.ts';
import { contextOf, of, shop } from '../inspect/platform.ts';

const VERSION = '1.29.3';
const DIRECTORY = '/etc/opsctl';
const api = { name: 'api', port: 3000 };

/** What is seen where nginx has the files of some services, and runs with them. */
async function seen(onDisk: { name: string; port: number }[]): Promise<SetupFacts> {
  const platform = shop({ services: { api: { port: 3000, health: 'http://127.0.0.1:8080/api/health' }, old: {} } });
  const engine = fakeEngine();
  const volumes = [{ volume: 'state', source: '/s', target: DIRECTORY, readOnly: false }];
  engine.add(of('nginx', { name: 'nginx', volumes }));
  engine.add(of('api', { name: 'shop_api_1' }));
  const { files, digest } = snippetsFor(onDisk, DIRECTORY, VERSION);
  const loadBalancer = fakeLoadBalancer({
    nginx: { snippets: new Map(files.map(({ name, text }) => [name, text])), loaded: digest },
  });
  loadBalancer.version = async () => VERSION;
  return await observeSetup(platform, contextOf({ engine, loadBalancer, replicas: fakeReplicas(engine) }).readers);
}
const told = (facts: SetupFacts, ...ids: string[]): string[] =>
  checkSetup(facts)
    .filter(({ id }) => ids.includes(id))
    .map(({ id, about, status, reason, next }) => [`${about} ${id} ${status}: ${reason}`, ...next].join('\n'));

describe.each([
  ['knows it still', [api, { name: 'old', port: 4000 }]],
  ['never knew it', [api]],
])('the port of a service that nobody knows, where the load balancer %s', (_what, onDisk) => {
  test('must be a finding of that service, and the others be judged', async () => {
    const facts = await seen(onDisk);
    expect(told(facts, 'port')).toEqual([
      [
        'old port crit: the port of service old is not known: it has no container',
        '# set services.old.port in opsctl.yaml',
        'opsctl lb check',
      ].join('\n'),
    ]);
    expect(told(facts, 'running')[0]).toBe('api running ok: nginx runs with these files at http://127.0.0.1:8080');
  });

  test('must leave open whether the files are as they should be', async () => {
    const facts = await seen(onDisk);
    expect(facts.instances.map((one) => [isWritten(one), isLoaded(one)])).toEqual([[true, true]]);
    expect(told(facts, 'files')).toEqual([
      'nginx files unknown: http/opsctl.conf and server/opsctl.conf are as they should be, but for the port of old, which is not known\nopsctl lb check',
    ]);
  });

  test('must keep a release of that service from visitors, and no other', async () => {
    const facts = await seen(onDisk);
    const lacking = (name: string): string[] => lackingFor([name], facts).map(({ about, id }) => `${about} ${id}`);
    expect(lacking('old')).toContain('old port');
    expect(lacking('api').filter((one) => /port|files|running/.test(one))).toEqual([]);
  });

  test('must be known before files are written', async () => {
    const facts = await seen(onDisk);
    expect(() => planSetup(facts, 1000)).toThrow('the port of service old is not known: it has no container');
  });
});

test('files that differ in anything else must be told to do so', async () => {
  const facts = await seen([{ name: 'api', port: 3001 }]);
  expect(told(facts, 'files')[0]).toMatch(/^nginx files crit: .* are not as they should be/);
});

test.each([VERSION, '1.25.0'])('a port must be found in files for nginx %s', (version) => {
  const files = snippetsFor([{ name: 'api-v2', port: 4000 }, api], DIRECTORY, version).files.map(({ text }) => text);
  expect(['api', 'api-v2', 'web'].map((name) => portIn(files, name))).toEqual([3000, 4000, undefined]);
});
