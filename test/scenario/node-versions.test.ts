import { execa } from 'execa';
import { describe, expect, inject, test } from 'vitest';

import { nodeOf } from '../support/node-versions.ts';
import { DEMO_CONFIG } from '../support/opsctl.ts';

const run = async (
  version: string,
  ...argv: string[]
): Promise<{ exitCode?: number | undefined; stdout: string; stderr: string }> =>
  execa(await nodeOf(version), ['bin/opsctl', ...argv], {
    reject: false,
    env: { DOCKER_HOST: inject('platform').dockerHost, OPSCTL_CONFIG: DEMO_CONFIG, NO_COLOR: '1' },
  });

describe.each(['22.18.0', '26'])('the built program must run on Node %s', (version) => {
  test('version and help', async () => {
    expect(await run(version, '--version')).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+$/) as string,
      stderr: '',
    });
    expect((await run(version, 'health', '--help')).stdout).toContain('--detailed');
  });

  test('a look at the platform that needs every driver', async () => {
    const { stdout, stderr } = await run(version, 'health', '--detailed', '--json');
    const { data } = JSON.parse(stdout) as { data: { checks: { id: string; status: string }[] } };
    const status = Object.fromEntries(data.checks.map((check) => [check.id, check.status]));
    expect(status).toMatchObject({
      api: 'ok',
      engine: 'ok',
      'database.direct': 'ok',
      'redis.direct': 'ok',
      prometheus: 'ok',
    });
    expect(stderr).toBe('');
  });
});

test('an older Node must be told what is needed, in one line', async () => {
  const { exitCode, stdout, stderr } = await run('20.19.0', 'health');
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/^opsctl needs Node 22\.18 or newer; this is 20\.19\.0 \(.*\)$/);
});
