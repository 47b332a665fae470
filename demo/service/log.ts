/** JSON lines: everything on stdout, and what is not an access also into a file on the logs volume. */
import { createWriteStream, renameSync, statSync, type WriteStream } from 'node:fs';
import { colour, service, version } from './release.ts';

const FILE = process.env['LOG_FILE'];
/** Two generations of this size at most, so that the volume stays small however long the demo runs. */
const MAX_BYTES = 5_000_000;

export type Level = 'info' | 'warn' | 'error';

let file: WriteStream | undefined;
let written = 0;

/** Writes one event. The message is a fixed text that can be searched for; the rest is fields. */
export function log(level: Level, message: string, fields: Record<string, unknown> = {}): void {
  const line = format(level, message, fields);
  process.stdout.write(line);
  toFile(line);
}

/** Writes one served request, on stdout only. */
export function logAccess(fields: Record<string, unknown>): void {
  process.stdout.write(format('info', 'request', fields));
}

function format(level: Level, message: string, fields: Record<string, unknown>): string {
  const time = new Date().toISOString();
  return `${JSON.stringify({ time, level, message, service, version, colour, ...fields })}\n`;
}

function toFile(line: string): void {
  if (FILE === undefined) return;
  if (file === undefined || written > MAX_BYTES) open(FILE);
  written += Buffer.byteLength(line);
  file?.write(line);
}

function open(path: string): void {
  file?.end();
  written = sizeOf(path);
  if (written > MAX_BYTES) {
    renameSync(path, `${path}.1`);
    written = 0;
  }
  file = createWriteStream(path, { flags: 'a' });
  // A full disk must not take the service down; stdout still has everything.
  file.on('error', () => {});
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
