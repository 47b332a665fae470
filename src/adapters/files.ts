import { randomBytes } from 'node:crypto';
import { access, chown, constants, open, realpath, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

import { valueIn, withValue } from '../core/dotenv.ts';
import { OpsError } from '../core/errors.ts';
import type { FilesWriter } from '../core/ports/local.ts';
import { readCapped, whyUnread } from './read-capped.ts';

/** Largest file that is read, in bytes. */
const LARGEST = 1_048_576;

/**
 * Files of this machine; relative paths start at the directory of the configuration. Only its own .env file is ever
 * changed, whatever a journal says.
 */
export function openFiles({ directory, envFile }: { directory: string; envFile?: string | undefined }): FilesWriter {
  const read = async (name: string): Promise<string> => {
    const file = path.resolve(directory, name);
    try {
      const { bytes, whole } = await readCapped(file, LARGEST);
      if (!whole) throw new OpsError('REJECTED', `${file} is larger than 1 MiB`);
      return bytes.toString('utf8');
    } catch (thrown) {
      throw translated(thrown, file);
    }
  };
  return {
    read,
    hasVariable: async (name, variable, value) => (valueIn(await read(name), variable) ?? null) === value,
    setVariable: async (name, variable, value) => {
      const file = path.resolve(directory, name);
      if (envFile === undefined || file !== path.resolve(directory, envFile))
        throw new OpsError('UNSAFE', `${file} is not the compose.envFile of this machine's configuration`, {
          hint: 'See what is: opsctl config show',
        });
      const text = await read(name);
      const next = withValue(text, variable, value);
      if (next === text) return;
      try {
        await replace(await realpath(file), next);
      } catch (thrown) {
        throw translated(thrown, file);
      }
    },
    whyFixed: async (name) => {
      try {
        // It is replaced by one made beside it, for which its own mode does not matter.
        const file = await realpath(path.resolve(directory, name));
        await access(path.dirname(file), constants.W_OK | constants.X_OK);
        return undefined;
      } catch (thrown) {
        return (thrown as NodeJS.ErrnoException).code ?? 'unknown error';
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

/** Whoever reads it sees the old text or the new one, also after a power cut. */
async function replace(file: string, text: string): Promise<void> {
  const { mode, uid, gid } = await stat(file);
  const beside = `${file}.${randomBytes(4).toString('hex')}.opsctl`;
  try {
    {
      await using handle = await open(beside, 'wx', mode & 0o777);
      // What a file is created with is less what the user's mask takes away.
      await handle.chmod(mode & 0o777);
      await handle.writeFile(text);
      await handle.sync();
    }
    // Only root may give a file away; for others the owner is who could write it.
    await chown(beside, uid, gid).catch(() => undefined);
    await rename(beside, file);
    await using folder = await open(path.dirname(file), 'r');
    await folder.sync().catch(() => undefined);
  } catch (thrown) {
    await rm(beside, { force: true });
    throw thrown;
  }
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
