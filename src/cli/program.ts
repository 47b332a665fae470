/**
 * Loads the program behind the entry. It is one script, and what V8 made of its functions in an earlier run of the same
 * command is kept in the user's cache directory: reading that takes a fraction of compiling them again (ADR 10).
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

/** Of the built entry, which is CommonJS. */
declare const __dirname: string;
/** Put in by the build: changes with every byte of the program. */
declare const OPSCTL_BUILD: string;

/** What the build lets be loaded, by its file in `src`. */
type Program = Readonly<Record<string, () => unknown>>;

/** Files of kept code, the newest; each has 1 to 2 MB. */
const MOST = 40;
/** Bytes of it, before the code. */
const CHECKSUM = 4;

let loaded: Program | undefined;

/** A module of the program. The entry's `import()` of it leads here (scripts/build.ts). */
export function part(file: string): unknown {
  loaded ??= load(path.join(__dirname, 'program.cjs'));
  return loaded[file]?.();
}

function load(file: string): Program {
  const source = readFileSync(file, 'utf8');
  const kept = placeOf(process.argv.slice(2), process.env);
  const cachedData = kept === undefined ? undefined : keptIn(kept);
  const script = new Script(`(function (exports, require, module) {${source}\n})`, {
    filename: file,
    ...(cachedData === undefined ? {} : { cachedData }),
  });
  // At the end it has what was compiled meanwhile: the functions that this command needs.
  if (kept !== undefined && (cachedData === undefined || script.cachedDataRejected === true))
    process.once('exit', () => keep(script, kept));
  const made = { exports: {} as Program };
  (script.runInThisContext() as (...given: unknown[]) => void)(made.exports, createRequire(file), made);
  return made.exports;
}

/** Where the code of a command is kept: in the user's own cache, since it is run. Undefined without a home. */
function placeOf(argv: readonly string[], env: NodeJS.ProcessEnv): string | undefined {
  const home = env['HOME'] ?? env['LOCALAPPDATA'] ?? '';
  const cache = env['XDG_CACHE_HOME'] ?? (home === '' ? '' : path.join(home, '.cache'));
  if (!path.isAbsolute(cache)) return undefined;
  // Which functions a command needs depends on its flags, too. Nothing that could be a secret gets into a name.
  const words = argv.filter(
    (word, at) => /^--[a-z][a-z-]{0,20}$/.test(word) || (at < 2 && /^[a-z-]{1,20}$/.test(word)),
  );
  return path.join(cache, 'opsctl', 'code', [OPSCTL_BUILD, process.versions.v8, ...words.slice(0, 6)].join('_'));
}

/** V8 believes what it is given: what a disk or somebody made of it since is not. */
function keptIn(file: string): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    const code = bytes.subarray(CHECKSUM);
    return bytes.readUInt32LE(0) === crc32(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

/** A cache that cannot be written is none, and no reason to complain. */
function keep(script: Script, file: string): void {
  try {
    const code = script.createCachedData();
    const checksum = Buffer.alloc(CHECKSUM);
    checksum.writeUInt32LE(crc32(code));
    const folder = path.dirname(file);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const fresh = `${file}.${process.pid.toString()}`;
    writeFileSync(fresh, Buffer.concat([checksum, code]), { mode: 0o600 });
    renameSync(fresh, file);
    forgetOldest(folder);
  } catch {
    // the next run compiles again
  }
}

function forgetOldest(folder: string): void {
  const files = readdirSync(folder).map((name) => path.join(folder, name));
  if (files.length <= MOST) return;
  const byAge = files.map((file) => ({ file, at: statSync(file).mtimeMs })).sort((a, b) => b.at - a.at);
  for (const { file } of byAge.slice(MOST)) rmSync(file, { force: true });
}
