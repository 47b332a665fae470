/**
 * Brings the reference platform up, or back to what it was: for `npm run demo` and for the tests,
 * which call it after they broke something. Says nothing and takes a second when all is well.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compose, ensureEngine } from '../scripts/engine.ts';
import { say } from '../scripts/failure.ts';
import { withLock } from '../scripts/lock.mjs';
import { attempt, run } from '../scripts/run.ts';
import { demoContainers, expectedContainers, refuseForeign, type Container } from './containers.ts';
import { ensureImages } from './images.ts';
import { BUILD, COMPOSE_FILE, DEMO, ENV_FILE, LABEL, PROJECT } from './paths.ts';
import { emptyNginxState, renewMetrics, resetCache, resetDatabase, seed } from './restore.ts';
import { ensureSettings } from './settings.ts';
import { ensureState, SECRETS_FOLDER, TLS_FOLDER } from './state.ts';
import { waitForMetrics, waitUntilHealthy } from './wait.ts';

const RECORD = join(BUILD, 'platform.json');
const PLATFORM_LOCK = join(tmpdir(), 'opsctl-demo-platform.lock');

export interface Platform {
  readonly dockerHost: string;
  readonly http: string;
  readonly https: string;
  readonly prometheus: string;
  readonly alertmanager: string;
  /** The authority that signed the certificate, as a file. */
  readonly ca: string;
  /** A folder with postgres_password, app_password and monitor_password. */
  readonly secrets: string;
  /** Container names by compose service. */
  readonly containers: ReadonlyMap<string, string>;
}

export interface PlatformOptions {
  /** Also undo what deploys and tests did: releases, colours, replicas, limits. Default: true. */
  readonly reset?: boolean;
  /** Wait until Prometheus knows all there is, which takes some 15 s after a container was made anew. Default: true. */
  readonly metrics?: boolean;
}

/** The platform, up and healthy. May be called by several processes at once. */
export async function ensurePlatform({ reset = true, metrics = true }: PlatformOptions = {}): Promise<Platform> {
  const engine = await ensureEngine();
  return withLock(
    PLATFORM_LOCK,
    async () => {
      await refuseForeign();
      await ensureImages();
      const ports = await ensureSettings(reset);
      const prometheus = `http://127.0.0.1:${ports.PROMETHEUS_PORT}`;
      const removed = reset && (await removeExtras());
      const renewed = reset && (await renewMetrics(prometheus));
      if (removed || renewed || !(await isSettled())) await settle(reset);
      if (reset) await Promise.all([resetDatabase(), resetCache()]);
      if (metrics) await waitForMetrics(prometheus);
      return {
        dockerHost: engine.host,
        http: `http://127.0.0.1:${ports.HTTP_PORT}`,
        https: `https://127.0.0.1:${ports.HTTPS_PORT}`,
        prometheus,
        alertmanager: `http://127.0.0.1:${ports.ALERTMANAGER_PORT}`,
        ca: join(TLS_FOLDER, 'ca.pem'),
        secrets: SECRETS_FOLDER,
        containers: expectedContainers(),
      };
    },
    (pid) => say(`waiting for process ${pid ?? '(unknown)'}, which is changing the platform`),
  );
}

/** Runs compose on the platform's file, for example `composeRun(['up', '-d', 'api'])`. */
export async function composeRun(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const files = ['--file', COMPOSE_FILE, '--project-directory', DEMO, '--env-file', ENV_FILE];
  return run([...(await compose()), ...files, '--project-name', PROJECT, ...args], { env });
}

async function settle(reset: boolean): Promise<void> {
  const newCertificate = await ensureState();
  const recorded = await readRecord();
  for (const { name, paused, connected, identity, member } of await demoContainers()) {
    if (!member) continue;
    if (paused) await run(['docker', 'unpause', name]);
    // Compose does not see these two: a network that was cut, limits that were changed.
    const limits = recorded.identities[name];
    const changed = reset && limits?.startsWith(idOf(identity)) && limits !== identity;
    if (!connected || changed) await run(['docker', 'rm', '--force', name]);
  }
  if (reset) await emptyNginxState();
  say('starting the containers');
  await composeRun(['up', '--detach', '--no-build', ...(reset ? ['--remove-orphans'] : [])]);
  await waitUntilHealthy();
  if (newCertificate) await run(['docker', 'exec', 'ecommerce-nginx-prod', 'nginx', '-s', 'reload']);
  await seed();
  await writeRecord();
}

function idOf(identity: string): string {
  return identity.split(' ')[0] ?? '';
}

/** Replicas and colours that deploys and tests added: members that compose did not name. */
async function removeExtras(): Promise<boolean> {
  const names = new Set(expectedContainers().values());
  const extras = (await demoContainers()).filter(({ name, member }) => member && !names.has(name));
  for (const { name } of extras) await attempt(['docker', 'rm', '--force', '--volumes', name]);
  return extras.length > 0;
}

/** What was up when the platform was last known to be as it should. */
interface Record_ {
  readonly inputs: string;
  readonly identities: Readonly<Record<string, string>>;
}

/** True when nothing changed since: then compose, which takes seconds, need not be asked. */
async function isSettled(): Promise<boolean> {
  const { inputs, identities } = await readRecord();
  if (inputs !== (await currentInputs())) return false;
  const seen = new Map((await demoContainers()).map((container) => [container.name, container]));
  const fine = (container: Container | undefined, identity: string): boolean =>
    container?.healthy === true && container.connected && container.identity === identity;
  return Object.entries(identities).every(([name, identity]) => fine(seen.get(name), identity));
}

async function currentInputs(): Promise<string> {
  const hash = createHash('sha256');
  for (const path of [COMPOSE_FILE, ENV_FILE]) hash.update(await readFile(path));
  const images = await run(['docker', 'images', '--quiet', '--no-trunc', '--filter', `label=${LABEL}`]);
  hash.update(images.split('\n').toSorted().join());
  return hash.digest('hex');
}

async function readRecord(): Promise<Record_> {
  const text = await readFile(RECORD, 'utf8').catch(() => '{"inputs":"","identities":{}}');
  return JSON.parse(text) as Record_;
}

async function writeRecord(): Promise<void> {
  const names = new Set(expectedContainers().values());
  const identities = (await demoContainers())
    .filter(({ name }) => names.has(name))
    .map(({ name, identity }) => [name, identity] as const);
  const record: Record_ = {
    inputs: await currentInputs(),
    identities: Object.fromEntries(identities),
  };
  await mkdir(BUILD, { recursive: true });
  await writeFile(RECORD, JSON.stringify(record));
}
