/** The engine that demo and tests run on: the machine's own when it has one, else a private one. */
import { withLock } from './lock.mjs';
import { candidates, findEngine, PRIVATE_HOST, type Engine } from './engine-find.ts';
import { PRIVATE_LOCK, privateExists, removePrivate, restartPrivate, startPrivate } from './engine-private.ts';
import { Failure, say } from './failure.ts';
import { hasProgram, install, isAvailable, isDebianLike, isRoot } from './packages.ts';
import { attempt } from './run.ts';

/** An engine that answers, started if need be, and the programs that talk to it. */
export async function ensureEngine(): Promise<Engine> {
  const engine = (await findEngine()) ?? (await startOurs());
  await ensureClients();
  process.env['DOCKER_HOST'] = engine.host;
  return engine;
}

async function startOurs(): Promise<Engine> {
  const named = process.env['DOCKER_HOST'];
  if (named && named !== PRIVATE_HOST) {
    throw new Failure(`no engine answers at ${named}, which DOCKER_HOST names. Start it, or unset DOCKER_HOST`, 6);
  }
  if (!isRoot() || !isDebianLike()) {
    const looked = candidates().map((candidate) => candidate.host);
    throw new Failure(
      `no Docker engine answers (looked at ${looked.join(', ')}). Start Docker, or put this user ` +
        `in the group docker, or run this as root on Debian or Ubuntu: then one is installed`,
      2,
    );
  }
  await underLock(startPrivate);
  return { host: PRIVATE_HOST, source: 'private engine of the demo', ours: true };
}

/** Restarts the engine with all its containers, when it is the private one: any other is not ours to restart, and false. */
export async function restartEngine(): Promise<boolean> {
  if ((await findEngine())?.ours !== true) return false;
  await underLock(restartPrivate);
  return true;
}

/** Ends and removes the private engine, if there is one; any other engine is left alone. */
export async function stopEngine(): Promise<boolean> {
  if (!privateExists() || !isRoot()) return false;
  await underLock(removePrivate);
  return true;
}

/**
 * A private engine that was killed leaves its containers' processes behind; only the engine itself
 * can end them, so it is started once more before it is removed.
 */
export async function reviveKilledEngine(): Promise<void> {
  if (privateExists() && isRoot() && !(await findEngine())) await underLock(startPrivate);
}

function underLock<T>(work: () => Promise<T>): Promise<T> {
  return withLock(PRIVATE_LOCK, work, (pid) =>
    say(`waiting for process ${pid ?? '(unknown)'}, which is starting or stopping the engine`),
  );
}

async function ensureClients(): Promise<void> {
  if (!hasProgram('docker')) {
    await install([(await isAvailable('docker-cli')) ? 'docker-cli' : 'docker.io']);
  }
  // Starting docker-compose of old takes half a second, so its file is enough here.
  if (!hasProgram('docker-compose') && (await composeProgram()) === undefined) {
    await install([['docker-compose-v2', 'docker-compose-plugin', 'docker-compose']]);
    if ((await composeProgram()) === undefined) {
      throw new Failure('docker compose was installed but does not run. Try: docker compose version');
    }
  }
}

let composeFound: readonly string[] | undefined;

/** The argv that starts compose here: the plugin of today or the program of old. */
async function composeProgram(): Promise<readonly string[] | undefined> {
  if (composeFound) return composeFound;
  for (const argv of [['docker', 'compose'], ['docker-compose']]) {
    if ((await attempt([...argv, 'version'])).ok) return (composeFound = argv);
  }
  return undefined;
}

/** As composeProgram, for callers that have ensured the engine. */
export async function compose(): Promise<readonly string[]> {
  const argv = await composeProgram();
  if (argv === undefined) throw new Failure('docker compose is not installed. Run: npm run demo', 2);
  return argv;
}
