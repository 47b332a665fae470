/**
 * A small platform of its own for tests of changes, on the engine of the reference platform: containers of one
 * service that stop, start and become healthy within a second, and misbehave when a test says so; an environment of
 * its own, so that its lock and journal are nobody else's.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { inject } from 'vitest';
import * as z from 'zod';

import { attempt, run } from '../../scripts/run.ts';
import { openDocker } from '../../src/adapters/docker/client.ts';
import { waitUntil } from './process.ts';
import { opsctl, type Result, type RunOptions } from './opsctl.ts';

/** Any image of the platform with a shell. */
const IMAGE = 'ecommerce-redis:8';
/** Ends `slow` seconds after SIGTERM, or once `slow` is gone; is healthy from its start unless `sick` is there. */
const PROGRAM = `
rm -f /tmp/ok; echo "starting as $NAME"
trap 'echo stopping; n=0; while [ "$n" -lt "$(( 10 * $(cat /tmp/slow 2>/dev/null || echo 0) ))" ]; do sleep 0.1; n=$((n + 1)); done; exit 0' TERM
if [ -e /tmp/sick ]; then echo "cannot reach the database: connection refused" >&2; else touch /tmp/ok; fi
while :; do sleep 0.1; done`;

const seen = z
  .object({
    State: z.object({ Running: z.boolean(), StartedAt: z.string(), Health: z.object({ Status: z.string() }) }),
    RestartCount: z.number(),
  })
  .transform(({ State, RestartCount }) => ({
    running: State.Running,
    health: State.Health.Status,
    startedAt: State.StartedAt,
    restarts: RestartCount,
  }));
export type Seen = z.infer<typeof seen>;

/** A busy engine takes its time. */
const PATIENT = { timeoutMs: 60_000 };

export interface Scene {
  /** Name of the environment, `production` for a protected one; the target of changes is the service `app`. */
  environment: string;
  containers: string[];
  config: string;
  /** Runs the program as somebody on a machine of their own. */
  as(name: string): (argv: string[], options?: RunOptions) => Promise<Result>;
  docker(...args: string[]): Promise<string>;
  /** The containers of the service as the engine has them. */
  see(): Promise<Seen[]>;
  /** Whether all run and are healthy, waiting up to `ms` for it. */
  serves(ms?: number): Promise<boolean>;
  /** Names of all containers of this environment that are opsctl's own. */
  own(): Promise<string[]>;
  /** What a container has said. */
  logs(container: string): Promise<string>;
  /** A file in /tmp of a container: `slow` with seconds, `sick`. */
  put(container: string, file: 'slow' | 'sick', text?: string): Promise<void>;
  remove(container: string, file: 'slow' | 'sick'): Promise<void>;
  close(): Promise<void>;
}

export async function openScene({
  replicas = 1,
  isProtected = false,
}: { replicas?: number; isProtected?: boolean } = {}): Promise<Scene> {
  const { dockerHost } = inject('platform');
  const id = randomBytes(4).toString('hex');
  const project = `opsctl-change-${id}`;
  const environment = isProtected ? 'production' : `stage-${id}`;
  const folder = mkdtempSync(path.join(tmpdir(), 'opsctl-scene-'));
  const config = path.join(folder, 'opsctl.yaml');
  writeFileSync(
    config,
    `environments:\n  ${environment}:\n    compose: { project: ${project} }\n    services: { app: {} }\n`,
  );
  const docker = (...args: string[]): Promise<string> => run(['docker', '--host', dockerHost, ...args]);
  const containers = Array.from({ length: replicas }, (_, at) => `${project}-app-${String(at + 1)}`);
  // The image has the demo's label, by which the demo finds what it may repair or remove.
  const labels = [
    'opsctl.demo=false',
    `com.docker.compose.project=${project}`,
    'com.docker.compose.service=app',
    `opsctl.test=${id}`,
  ];
  for (const name of containers) {
    const health = [
      '--health-cmd',
      'test -e /tmp/ok',
      '--health-interval',
      '1s',
      '--health-retries',
      '2',
      // On a busy machine `docker exec` alone takes seconds, and that is not what a test is about.
      '--health-timeout',
      '30s',
    ];
    await docker(
      ...[
        'run',
        '--detach',
        '--name',
        name,
        '--network',
        'none',
        '--entrypoint',
        'sh',
        '--env',
        `NAME=${name}`,
        '--memory',
        '32m',
      ],
      ...labels.flatMap((label) => ['--label', label]),
      ...health,
      ...[IMAGE, '-c', PROGRAM],
    );
  }
  // By the engine's API: a program started for each look would take the processor from what is tested.
  const engine = openDocker({ host: dockerHost, env: {}, home: '/nonexistent' });
  const look = (name: string): Promise<Seen> =>
    engine.json({ method: 'GET', path: `/containers/${name}/json`, asked: 'look at a container', ...PATIENT }, seen);
  const see = (): Promise<Seen[]> => Promise.all(containers.map(look));
  const scene: Scene = {
    environment,
    containers,
    config,
    as: (name) => {
      const stateDirectory = path.join(folder, `state-${name}`);
      return (argv, options = {}) =>
        opsctl(argv, {
          stateDirectory,
          ...options,
          env: { OPSCTL_ACTOR: name, OPSCTL_CONFIG: config, ...options.env },
        });
    },
    docker,
    see,
    serves: async (ms = 30_000) => {
      for (const end = Date.now() + ms; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
        if ((await see()).every(({ running, health }) => running && health === 'healthy')) return true;
        if (Date.now() > end) return false;
      }
    },
    own: async () =>
      (await docker('ps', '--all', '--filter', `name=opsctl-[a-z]*-${project}`, '--format', '{{.Names}}'))
        .split('\n')
        .filter((name) => /^opsctl-(lock|journal)-/.test(name)),
    put: async (container, file, text = '') =>
      void (await docker('exec', container, 'sh', '-c', `printf %s '${text}' >/tmp/${file}`)),
    remove: async (container, file) =>
      // Detached: without `slow` the container ends at once, perhaps before `rm`.
      void (await docker('exec', '--detach', container, 'rm', '-f', `/tmp/${file}`)),
    logs: async (container) =>
      (
        await engine.request({
          method: 'GET',
          path: `/containers/${container}/logs`,
          query: { stdout: true },
          asked: 'read the logs of a container',
          ...PATIENT,
        })
      ).body.toString(),
    close: async () => {
      engine.close();
      const own = await scene.own().catch(() => []);
      await attempt(['docker', '--host', dockerHost, 'rm', '--force', '--volumes', ...containers, ...own]);
      await attempt(['docker', '--host', dockerHost, 'volume', 'rm', '--force', `opsctl-journal-${project}`]);
      await rm(folder, { recursive: true, force: true });
    },
  };
  if (!(await scene.serves(60_000))) throw new Error(`${containers.join(', ')} did not become healthy`);
  return scene;
}

/** A scene that is closed when the test is over. */
export async function sceneFor(
  onTestFinished: (close: () => Promise<void>) => void,
  options?: Parameters<typeof openScene>[0],
): Promise<Scene> {
  const scene = await openScene(options);
  onTestFinished(() => scene.close());
  return scene;
}

/** A restart under way. */
export interface Begun {
  ended: Promise<Result>;
  /** Lets its first step end. */
  letGo(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

/** Starts a restart that stays in its first step until it is let go; resolves when it is there. */
export async function beginRestart(one: Scene, name: string): Promise<Begun> {
  const [only = ''] = one.containers;
  await one.put(only, 'slow', '300');
  let kill: Begun['kill'] = () => undefined;
  const ended = one.as(name)(['service', 'restart', 'app', '--yes', '--grace-seconds', '300', '--json'], {
    timeoutMs: 400_000,
    onStart: (child) => (kill = (signal) => void child.kill(signal)),
  });
  await waitUntil(
    async () => (await one.logs(only)).includes('stopping'),
    () => 'never stopped',
  );
  return { ended, kill, letGo: () => one.remove(only, 'slow') };
}

/** A change as `history --json` tells it. */
export interface Told {
  id: string;
  command: string;
  actor: string;
  outcome: string;
  error?: string;
  reason?: string;
  left: string[];
  recovers?: string;
  recoveredBy?: string;
  next: string[];
}

/** The history as another machine sees it. */
export async function historyOf(
  scene: Scene,
  change?: string,
): Promise<{ changes: Told[]; steps: { id: string; state: string }[] }> {
  const result = await scene.as('auditor')(['history', ...(change === undefined ? [] : [change]), '--json']);
  const { data } = result.json<{ data: { changes: Told[]; steps?: { id: string; state: string }[] } }>();
  return { changes: data.changes, steps: data.steps ?? [] };
}

/** The document of a run, of which stdout must hold exactly one. */
export interface Document {
  schema: string;
  ok: boolean;
  environment: string;
  data?: unknown;
  plan?: unknown;
  error?: { code: string; exit: number; message: string; hint?: string; details?: Record<string, unknown> };
}
export const documentOf = (result: Result): Document => result.json<Document>();
