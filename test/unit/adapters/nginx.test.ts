import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { isAcceptingWorker, isMaster, testArguments } from '../../../src/adapters/nginx-processes.ts';
import type { ContainerProcesses } from '../../../src/adapters/nginx-master.ts';
import { processesOnly } from '../../support/nginx.ts';

describe('process titles', () => {
  test.each([
    ['nginx: worker process', true],
    ['nginx: worker process   ', true],
    ['angie: worker process', true],
    ['nginx: worker process is shutting down', false],
    ['nginx: cache manager process', false],
    ['nginx: cache loader process', false],
    ['nginx: master process nginx -g daemon off;', false],
    ['php-fpm: pool www', false],
    ['grep nginx: worker process', false],
  ])('%s: accepts = %s', (title, accepts) => expect(isAcceptingWorker(title)).toBe(accepts));

  test.each([
    ['nginx: master process nginx -g daemon off;', ['nginx', '-t', '-g', 'daemon off;']],
    ['nginx: master process nginx', ['nginx', '-t']],
    [
      'nginx: master process /usr/sbin/nginx -c /etc/a b.conf -p /srv',
      ['/usr/sbin/nginx', '-t', '-c', '/etc/a b.conf', '-p', '/srv'],
    ],
    ['nginx: master process nginx -c/etc/x.conf -q', ['nginx', '-t', '-c', '/etc/x.conf']],
    [
      'nginx: master process /usr/local/openresty/bin/openresty -g daemon off;',
      ['/usr/local/openresty/bin/openresty', '-t', '-g', 'daemon off;'],
    ],
    ['angie: master process v1.10.0 #1 [angie -g daemon off;]', ['angie', '-t', '-g', 'daemon off;']],
    ['nginx: master process rm -rf /', ['nginx', '-t']],
  ])('%s', (title, argv) => {
    expect(isMaster(title)).toBe(true);
    expect(testArguments(title)).toEqual(argv);
  });

  test('whatever a title says, only nginx is run, and only to test', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom('-s', '-c', '-g', '-sstop', '-p', 'nginx'))),
        (words) => {
          const [program = '', flag, ...rest] = testArguments(`nginx: master process ${words.join(' ')}`);
          expect(program).toMatch(/(^|\/)(nginx|nginx-debug|openresty|angie|freenginx)$/);
          expect(flag).toBe('-t');
          for (let index = 0; index < rest.length; index += 2) expect(['-c', '-p', '-g', '-e']).toContain(rest[index]);
        },
      ),
    );
  });
});

describe('whom a reload signals', () => {
  const world = (pid: number, processes: [number, string][]): { docker: ContainerProcesses; signals: string[] } => {
    const signals: string[] = [];
    return {
      signals,
      docker: {
        container: async () => ({ pid }),
        processes: async () => processes.map(([id, command]) => ({ pid: id, command })),
        exec: async () => ({ exitCode: 127, stdout: '', stderr: '', truncated: false }),
        signal: async (_id, name) => void signals.push(name),
      },
    };
  };
  const master = 'nginx: master process nginx -g daemon off;';

  test.each<[string, number, [number, string][]]>([
    [
      'nginx as the main process',
      10,
      [
        [10, master],
        [11, 'nginx: worker process'],
      ],
    ],
    [
      'a worker that has just been forked',
      10,
      [
        [10, master],
        [12, master],
      ],
    ],
    [
      'nginx under an init that passes signals on',
      9,
      [
        [9, '/sbin/docker-init -- nginx -g daemon off;'],
        [10, master],
      ],
    ],
  ])('%s: signalled', async (_name, pid, processes) => {
    const { docker, signals } = world(pid, processes);
    await processesOnly(docker).reload('lb');
    expect(signals).toEqual(['HUP']);
  });

  test.each<[string, number, [number, string][]]>([
    [
      'a shell in front',
      9,
      [
        [9, '/bin/sh /start.sh'],
        [10, master],
      ],
    ],
    [
      'a supervisor in front',
      9,
      [
        [9, '/usr/bin/python3 /usr/bin/supervisord'],
        [10, master],
      ],
    ],
    [
      'two masters under an init',
      9,
      [
        [9, 'tini -- nginx'],
        [10, master],
        [20, master],
      ],
    ],
  ])('%s: refused, nothing signalled', async (_name, pid, processes) => {
    const { docker, signals } = world(pid, processes);
    await expect(processesOnly(docker).reload('lb')).rejects.toMatchObject({ code: 'UNSAFE' });
    expect(signals).toEqual([]);
  });

  test('nginx that cannot be run in its own container is not a bad configuration', async () => {
    const { docker } = world(10, [[10, master]]);
    await expect(processesOnly(docker).checkConfiguration('lb')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
