/** `lb reload` on the reference platform's nginx. */
import { afterEach, describe, expect, inject, test } from 'vitest';

import { attempt, run } from '../../scripts/run.ts';
import { documentOf } from '../support/change-scene.ts';
import { machine } from '../support/opsctl.ts';
import { pause, waitUntil } from '../support/process.ts';
import { visit } from '../support/traffic.ts';

const NGINX = 'ecommerce-nginx-prod';
const BROKEN = '/etc/opsctl/http/broken-by-a-test.conf';
const alice = machine('alice');

const docker = (...args: string[]): Promise<string> =>
  run(['docker', '--host', inject('platform').dockerHost, ...args]);

/** Process ids of workers on the host. */
async function workers(): Promise<string[]> {
  const table = await docker('top', NGINX, '-eo', 'pid,args');
  return table
    .split('\n')
    .filter((line) => line.includes('worker process') && !line.includes('shutting down'))
    .map((line) => line.trim().split(/\s+/)[0] ?? '')
    .toSorted();
}

afterEach(async () => {
  const { dockerHost } = inject('platform');
  await attempt(['docker', '--host', dockerHost, 'start', NGINX]);
  await attempt(['docker', '--host', dockerHost, 'exec', NGINX, 'rm', '-f', BROKEN]);
  const healthy = async (): Promise<boolean> =>
    (await docker('inspect', '--format', '{{.State.Health.Status}}', NGINX)).trim() === 'healthy';
  await waitUntil(healthy, () => `${NGINX} is not healthy`);
});

describe('lb reload', () => {
  test('must replace the workers without one failed request', async () => {
    const before = await workers();
    const clients = visit({ base: inject('platform').http, path: '/nginx-health', posts: 0, thinkMs: 10 });
    await pause(300);
    const result = await alice(['lb', 'reload', '--yes', '--json']);
    const after = await workers();
    await pause(500);
    const { answered, failed } = await clients.stop();
    expect(after.length).toBeGreaterThan(0);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(300);
    expect(result.code, result.stderr).toBe(0);
    expect(documentOf(result)).toMatchObject({
      ok: true,
      data: { replicas: [{ container: NGINX, workers: expect.any(Array) as unknown }] },
    });
    const { replicas } = documentOf(result).data as { replicas: { workers: number[] }[] };
    expect(replicas[0]?.workers.map(String).toSorted()).toEqual(after);
  });

  test("a configuration that does not load must be refused with nginx's own words, and nothing reloaded", async () => {
    await docker(
      'exec',
      NGINX,
      'sh',
      '-c',
      `mkdir -p /etc/opsctl/http && echo 'upstream broken { servre api:3000; }' >${BROKEN}`,
    );
    const before = await workers();
    const results = [
      await alice(['lb', 'reload', '--yes', '--json']),
      await alice(['lb', 'reload', '--dry-run', '--json']),
    ];
    const shown = await alice(['lb', 'reload', '--yes']);
    expect(await workers()).toEqual(before);
    for (const result of results) {
      expect(result.code).toBe(5);
      const { error } = documentOf(result);
      expect(error).toMatchObject({
        code: 'UNSAFE',
        message: `the configuration of ${NGINX} does not load, so it is not reloaded`,
      });
      expect(error?.details?.['nginx']).toContain(`unknown directive "servre" in ${BROKEN}:1`);
    }
    expect(shown.stderr).toContain('unknown directive "servre"');
    expect(shown.stderr).toContain('next: Mend what nginx names above');
  });

  test('of a stopped nginx must say that it is stopped and how to start it; service restart does', async () => {
    await docker('stop', NGINX);
    const result = await alice(['lb', 'reload', '--yes', '--json']);
    expect(result.code).toBe(5);
    expect(documentOf(result).error).toMatchObject({
      code: 'UNSAFE',
      message: `${NGINX} is exited, there is nothing to reload`,
      hint: 'Start it: opsctl service restart nginx',
    });
    const started = await alice(['service', 'restart', 'nginx', '--yes', '--json']);
    expect((await docker('inspect', '--format', '{{.State.Health.Status}}', NGINX)).trim()).toBe('healthy');
    expect(started.code, started.stderr).toBe(0);
  });
});
