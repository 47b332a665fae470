/**
 * A lock between processes of one machine, by the one call that either makes a directory or says
 * that it is there. Plain JavaScript, because setup.mjs needs it before anything is installed.
 */
import { mkdirSync, readFileSync, rmSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A lock whose maker had not even the time to write its pid is given this long. */
const NAMELESS_MS = 10_000;
const POLL_MS = 100;

/**
 * Runs `work` while holding the lock directory; waits as long as a living process holds it.
 * `onWait` is called once, with the holder's pid, when there is something to wait for.
 */
export async function withLock(directory, work, onWait = () => {}) {
  mkdirSync(dirname(directory), { recursive: true });
  let told = false;
  while (!take(directory)) {
    if (isStale(directory)) {
      breakStale(directory);
      continue;
    }
    if (!told) onWait(holder(directory));
    told = true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const release = () => rmSync(directory, { recursive: true, force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

function take(directory) {
  if (!tryMkdir(directory)) return false;
  writeFileSync(join(directory, 'pid'), String(process.pid));
  return true;
}

/** Only one process may judge and remove a stale lock: else a second one removes its successor. */
function breakStale(directory) {
  const guard = `${directory}.break`;
  if (!tryMkdir(guard)) {
    if (ageMs(guard) > NAMELESS_MS) rmSync(guard, { recursive: true, force: true });
    return;
  }
  try {
    if (isStale(directory)) rmSync(directory, { recursive: true, force: true });
  } finally {
    rmdirSync(guard);
  }
}

function isStale(directory) {
  const pid = holder(directory);
  if (pid === undefined) return ageMs(directory) > NAMELESS_MS;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function holder(directory) {
  try {
    const pid = Number(readFileSync(join(directory, 'pid'), 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function ageMs(path) {
  try {
    return Date.now() - statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

function tryMkdir(path) {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}
