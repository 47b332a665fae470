/**
 * Loads the program behind the entry. It is one script, and what V8 made of its functions in an earlier run of the same
 * command is kept in the user's cache directory (bin/opsctl): reading that takes a fraction of compiling them again (ADR 10).
 */
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire, getCompileCacheDir } from 'node:module';
import path from 'node:path';
import type { Script } from 'node:vm';

import type * as parts from './parts.ts';

/** Of the built entry, which is CommonJS. */
declare const __dirname: string;
/** Put in by the build: changes with every byte of the program. */
declare const OPSCTL_BUILD: string;

type Program = typeof parts;

/** Files of kept code, the newest; each has 1 to 2 MB. */
const MOST = 40;
/** Of their names. */
const PREFIX = 'opsctl-';
/** Bytes of it, before the code. */
const CHECKSUM = 4;

let loaded: Program | undefined;

/** The program, loaded at the first call. */
export const program = (): Program => (loaded ??= load(path.join(__dirname, 'program.cjs')));

function load(file: string): Program {
  // The build writes ASCII only, which need not be looked at byte by byte.
  const source = readFileSync(file, 'latin1');
  const kept = placeOf(process.argv.slice(2));
  const cachedData = kept === undefined ? undefined : keptIn(kept);
  // Asked for here and not imported: `--version` needs neither this nor what makes checksums.
  const vm = process.getBuiltinModule('node:vm');
  const script = new vm.Script(`(function (exports, require, module) {${source}\n})`, {
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

/** Where the code of a command is kept: beside what Node itself keeps, for this Node and its flags. Undefined where it keeps nothing. */
function placeOf(argv: readonly string[]): string | undefined {
  const directory = getCompileCacheDir();
  if (directory === undefined) return undefined;
  // Which functions a command needs depends on its flags, too. Nothing that could be a secret gets into a name.
  const words = argv.filter(
    (word, at) => /^--[a-z][a-z-]{0,20}$/.test(word) || (at < 2 && /^[a-z-]{1,20}$/.test(word)),
  );
  return path.join(directory, [PREFIX + OPSCTL_BUILD, ...words.slice(0, 6)].join('_'));
}

const checksumOf = (code: Buffer): number => process.getBuiltinModule('node:zlib').crc32(code);

/** V8 believes what it is given: what a disk or somebody made of it since is not. */
function keptIn(file: string): Buffer | undefined {
  try {
    const bytes = readFileSync(file);
    const code = bytes.subarray(CHECKSUM);
    return bytes.readUInt32LE(0) === checksumOf(code) ? code : undefined;
  } catch {
    return undefined;
  }
}

/** A cache that cannot be written is none, and no reason to complain. */
function keep(script: Script, file: string): void {
  try {
    const code = script.createCachedData();
    const checksum = Buffer.alloc(CHECKSUM);
    checksum.writeUInt32LE(checksumOf(code));
    const fresh = `${file}.${process.pid.toString()}`;
    writeFileSync(fresh, Buffer.concat([checksum, code]), { mode: 0o600 });
    renameSync(fresh, file);
    forgetOldest(path.dirname(file));
  } catch {
    // the next run compiles again
  }
}

function forgetOldest(folder: string): void {
  const names = readdirSync(folder).filter((name) => name.startsWith(PREFIX));
  const files = names.map((name) => path.join(folder, name));
  if (files.length <= MOST) return;
  const byAge = files.map((file) => ({ file, at: statSync(file).mtimeMs })).sort((a, b) => b.at - a.at);
  for (const { file } of byAge.slice(MOST)) rmSync(file, { force: true });
}
