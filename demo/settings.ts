/** demo/.env: made from the example; what a user changed in it stays. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { Failure } from '../scripts/failure.ts';
import { ENV_EXAMPLE, ENV_FILE } from './paths.ts';

const KEYS = ['HTTP_PORT', 'HTTPS_PORT', 'PROMETHEUS_PORT', 'ALERTMANAGER_PORT'] as const;
export type Ports = Readonly<Record<(typeof KEYS)[number], number>>;

/** Makes the file exist; with `reset`, the first releases are named in it again. */
export async function ensureSettings(reset: boolean): Promise<Ports> {
  const example = await readFile(ENV_EXAMPLE, 'utf8');
  const text = existsSync(ENV_FILE) ? await readFile(ENV_FILE, 'utf8') : '';
  const defaults = parseEnv(example);
  const given = parseEnv(text);
  let next = text === '' ? example : text;
  for (const [key, value] of Object.entries(defaults)) {
    if (!(key in given)) {
      if (text !== '') next = `${next.trimEnd()}\n${key}=${value}\n`;
    } else if (reset && key.endsWith('_VERSION')) {
      next = next.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`);
    }
  }
  if (next !== text) await writeFile(ENV_FILE, next);
  return ports(parseEnv(next));
}

function ports(env: NodeJS.Dict<string>): Ports {
  const entries = KEYS.map((key) => {
    const port = Number(env[key]);
    if (Number.isInteger(port) && port > 0 && port < 65_536) return [key, port] as const;
    throw new Failure(`${key} in ${ENV_FILE} is not a port number. Correct it, or delete the file`, 2);
  });
  return Object.fromEntries(entries) as Ports;
}
