/**
 * Runs a script of the project after making sure that it can run: `node setup.mjs script.ts args…`.
 *
 * Started by every npm script, on whatever Node the machine has (20 or newer) and on a checkout in
 * which nothing was ever installed: hence plain JavaScript without dependencies. When everything is
 * fresh it prints nothing and costs a few hashes.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(root, ...parts);
const windows = process.platform === 'win32';
const projectNode = at('node_modules', '.bin', windows ? 'node.cmd' : 'node');
const modulesStamp = at('node_modules', '.opsctl-stamp');
const distStamp = at('dist', '.opsctl-stamp');
const say = (text) => process.stderr.write(`setup: ${text}\n`);

async function main() {
  const [script, ...args] = process.argv.slice(2);
  if (script === undefined) {
    say('no script named. Usage: node scripts/setup.mjs <script.ts> [arguments]');
    return 2;
  }
  if (!modulesFresh() || !distFresh()) {
    const { withLock } = await import('./lock.mjs');
    await withLock(at('.state', 'setup.lock'), makeFresh, (pid) =>
      say(`waiting for process ${pid ?? '(unknown)'}, which is setting up this checkout`),
    );
  }
  // npm sets it; for the others this is where the user is.
  process.env['INIT_CWD'] ??= process.cwd();
  return run(projectNode, [resolve(root, script), ...args], 'inherit');
}

/** Looks again once the lock is held: the process that was waited for may have done the work. */
async function makeFresh() {
  if (!modulesFresh()) {
    if (!modulesMatchLockfile()) await installModules();
    writeFileSync(modulesStamp, lockfileHash());
  }
  if (distFresh()) return;
  const started = Date.now();
  const sources = distHash();
  await must(projectNode, [at('scripts', 'build.ts')], 'the build failed');
  writeFileSync(distStamp, sources);
  say(`built dist in ${Date.now() - started} ms`);
}

async function installModules() {
  say('node_modules is missing or does not match package-lock.json: running npm ci');
  const npm = process.env['npm_execpath'];
  // Errors only: that some packages want a newer Node than the machine's is just why one is installed.
  const flags = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const failed = 'npm ci failed; its messages are above. Run it by hand: npm ci';
  if (npm !== undefined && /^npm(-cli)?\.[cm]?js$/.test(basename(npm))) {
    await must(process.execPath, [npm, ...flags], failed);
  } else {
    await must(windows ? 'npm.cmd' : 'npm', flags, failed);
  }
}

function modulesFresh() {
  return existsSync(projectNode) && read(modulesStamp) === lockfileHash();
}

/** Someone who ran npm by hand left no stamp, but npm's own record of what it installed. */
function modulesMatchLockfile() {
  const installed = read(at('node_modules', '.package-lock.json'));
  if (installed === undefined || !existsSync(projectNode)) return false;
  const have = JSON.parse(installed).packages;
  const want = Object.entries(JSON.parse(read(at('package-lock.json')) ?? '{}').packages ?? {});
  return want.every(
    ([path, entry]) =>
      path === '' || (have[path] === undefined ? entry.optional === true : have[path].integrity === entry.integrity),
  );
}

function distFresh() {
  if (!existsSync(at('scripts', 'build.ts'))) return true;
  return read(distStamp) === distHash();
}

/** By content, not by time: git writes files in any order and with the time of the checkout. */
function distHash() {
  const hash = createHash('sha256');
  const inputs = ['package.json', 'package-lock.json', 'tsconfig.json', 'scripts/build.ts'];
  const sources = existsSync(at('src'))
    ? readdirSync(at('src'), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
        .sort()
    : [];
  for (const path of [...inputs.map((input) => at(input)), ...sources]) {
    hash.update(path.slice(root.length)).update('\0');
    hash.update(read(path) ?? '').update('\0');
  }
  return hash.digest('hex');
}

function lockfileHash() {
  const hash = createHash('sha256').update(read(at('package-lock.json')) ?? '');
  return hash.update(`${process.platform} ${process.arch}`).digest('hex');
}

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** stdout belongs to the script that is run later, so a preparation's output goes to stderr. */
async function must(command, args, message) {
  const code = await run(command, args, ['ignore', 2, 2]);
  if (code !== 0) throw new Error(message);
}

/**
 * Runs a program to its end and gives its exit code. Signals are passed on, except a Ctrl-C typed
 * at a terminal: that one reaches the child directly, and a second would mean "at once, no rollback".
 */
function run(command, args, stdio) {
  const child = spawn(command, args, { cwd: root, stdio, shell: windows && command.endsWith('.cmd') });
  const typed = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const forward = (signal) => {
    if (signal !== 'SIGINT' || !typed) child.kill(signal);
  };
  for (const signal of signals) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      for (const name of signals) process.off(name, forward);
      if (signal !== null) process.kill(process.pid, signal);
      resolve(code ?? 70);
    });
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  say(error.message);
  process.exitCode = 2;
}
