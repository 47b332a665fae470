/** A real Prometheus for contract tests: Debian's package, on a loopback port, with a directory of its own. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { hasProgram, install } from '../../scripts/packages.ts';
import { freePort, waitUntil } from './process.ts';

export interface RunningPrometheus {
  url: string;
  /** Address that is scraped as job `gone` and where nobody listens. */
  goneInstance: string;
  stop(): Promise<void>;
}

/**
 * Installs it where it is missing (as root, and says so; the packaged service is not started), and starts one that
 * scrapes itself and an address where nobody is, with one alert that fires and one that is pending.
 */
export async function startPrometheus(options: { prefix?: string } = {}): Promise<RunningPrometheus> {
  if (!hasProgram('prometheus')) await install(['prometheus']);
  const directory = await mkdtemp(join(tmpdir(), 'opsctl-prometheus-'));
  const [port, gone] = [await freePort(), await freePort()];
  const prefix = options.prefix ?? '';
  const listen = `127.0.0.1:${port.toString()}`;
  const goneInstance = `127.0.0.1:${gone.toString()}`;
  await writeFile(
    join(directory, 'prometheus.yml'),
    `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: [rules.yml]
scrape_configs:
  - { job_name: prometheus, metrics_path: ${prefix}/metrics, static_configs: [{ targets: ['${listen}'] }] }
  - { job_name: gone, static_configs: [{ targets: ['${goneInstance}'] }] }
`,
  );
  await writeFile(
    join(directory, 'rules.yml'),
    `groups:
  - name: test
    rules:
      - { alert: Fires, expr: vector(1), labels: { severity: critical }, annotations: { summary: it fires } }
      - { alert: Waits, expr: vector(1), for: 1h, labels: { severity: warning } }
`,
  );
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(directory, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(directory, 'data')}`,
      `--web.listen-address=${listen}`,
      `--web.external-url=http://${listen}${prefix}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4000)));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const url = `http://${listen}${prefix}`;
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  const text = async (path: string): Promise<string> =>
    fetch(`${url}${path}`).then(
      async (answer) => (answer.ok ? answer.text() : ''),
      () => '',
    );
  try {
    await waitUntil(
      async () => (await text('/-/ready')) !== '',
      () => `prometheus does not start: ${log}`,
    );
    const scraped = async (): Promise<boolean> =>
      (await text('/api/v1/alerts')).includes('Waits') &&
      (await text('/api/v1/query?query=up')).includes('"gone"') &&
      (await text('/api/v1/query?query=up')).includes('"prometheus"');
    await waitUntil(scraped, () => `prometheus does not scrape: ${log}`);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { url, goneInstance, stop };
}
