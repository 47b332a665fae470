import { existsSync, statSync } from 'node:fs';
import path from 'node:path';

import { OpsError } from '../core/errors.ts';

/** What decides which configuration is used: flags first, then the environment. */
export interface ConfigRequest {
  /** `--config`; empty is as if it were not given, as an empty variable is. */
  config?: string | undefined;
  /** `--environment` */
  environment?: string | undefined;
  /** `--set path=value` */
  set?: string[] | undefined;
  env: Record<string, string | undefined>;
  cwd: string;
  home: string;
}

const FILE_NAMES = ['opsctl.yaml', 'opsctl.yml'];

/**
 * The file in use: `--config`, OPSCTL_CONFIG, the nearest opsctl.yaml from here upwards, the user's own.
 * @throws CONFIG_INVALID when the nearest one may have been planted
 */
export function findConfig(request: ConfigRequest): string | undefined {
  const named = nonEmpty(request.config) ?? nonEmpty(request.env['OPSCTL_CONFIG']);
  if (named !== undefined) return path.resolve(request.cwd, named);
  for (let directory = path.resolve(request.cwd); ; directory = path.dirname(directory)) {
    const found = FILE_NAMES.map((name) => path.join(directory, name)).find((file) => existsSync(file));
    if (found !== undefined) return trusted(found);
    if (directory === path.dirname(directory)) break;
  }
  const base = nonEmpty(request.env['XDG_CONFIG_HOME']) ?? path.join(request.home, '.config');
  return FILE_NAMES.map((name) => path.join(base, 'opsctl', name)).find((file) => existsSync(file));
}

/**
 * A configuration can name commands to run, so one that a stranger left in a folder such as /tmp is not found by
 * itself; named, it is used.
 */
function trusted(file: string): string {
  const everybody = (statSync(path.dirname(file)).mode & 0o002) !== 0;
  const { uid: owner, mode } = statSync(file);
  if (process.platform !== 'win32' && (mode & 0o002) !== 0) {
    throw new OpsError('CONFIG_INVALID', `${file} can be written by everybody, and it may name commands to run`, {
      hint: `Take that right away: chmod o-w ${file}. Or, if it is what you want, name it: --config ${file}`,
    });
  }
  if (everybody && process.platform !== 'win32' && owner !== 0 && owner !== process.getuid?.()) {
    throw new OpsError('CONFIG_INVALID', `${file} belongs to another user, in a folder that everybody can write to`, {
      hint: `If it is what you want, name it: --config ${file}`,
    });
  }
  return file;
}

/** A file as messages name it: short where it is below the working directory. */
export function shownPath(file: string, cwd: string): string {
  const relative = path.relative(cwd, file);
  return relative === '' || relative.startsWith('..') || path.isAbsolute(relative) ? file : relative;
}

export const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
