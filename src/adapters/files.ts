import { stat } from 'node:fs/promises';
import path from 'node:path';

import { OpsError } from '../core/errors.ts';
import type { FilesReader } from '../core/ports/local.ts';
import { readCapped, whyUnread } from './read-capped.ts';

/** Largest file that is read, in bytes. */
const LARGEST = 1_048_576;

/** Files of this machine; relative paths start at the directory of the configuration. */
export function openFiles(directory: string): FilesReader {
  return {
    read: async (name) => {
      const file = path.resolve(directory, name);
      try {
        const { bytes, whole } = await readCapped(file, LARGEST);
        if (!whole) throw new OpsError('REJECTED', `${file} is larger than 1 MiB`);
        return bytes.toString('utf8');
      } catch (thrown) {
        throw translated(thrown, file);
      }
    },
    modifiedAt: async (name) => {
      const file = path.resolve(directory, name);
      try {
        return (await stat(file)).mtime.toISOString();
      } catch (thrown) {
        const error = translated(thrown, file);
        if (error.code === 'NOT_FOUND') return undefined;
        throw error;
      }
    },
  };
}

function translated(thrown: unknown, file: string): OpsError {
  if (thrown instanceof OpsError) return thrown;
  const code = (thrown as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new OpsError('NOT_FOUND', `there is no file ${file}`, {
      hint: 'See where it is configured: opsctl config show --origin',
      cause: thrown,
    });
  return new OpsError('REJECTED', `${file} ${whyUnread(thrown)}`, { cause: thrown });
}
