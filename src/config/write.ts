import { rename, stat, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { OpsError } from '../core/errors.ts';
import type { ConfigurationWriter } from '../core/ports/local.ts';
import { shownPath } from './find.ts';
import { configJsonSchema } from './schema.ts';
import { parseSource } from './source.ts';
import { validate } from './validate.ts';

/** What a configuration can do without a file: tell its schema, and write a new file. */
export function writer(cwd: string): ConfigurationWriter {
  const check = (file: string, text: string): void => void validate(parseSource(file, text, shownPath(file, cwd)));
  return {
    file: () => undefined,
    environments: () => [],
    values: () => [],
    schema: () => configJsonSchema(),
    validate: (text) => check(path.join(cwd, 'opsctl.yaml'), text),
    write: async (given, text, { replace }) => {
      const file = path.resolve(cwd, given);
      check(file, text);
      return { path: file, replaced: await put(file, text, replace, shownPath(file, cwd)) };
    },
  };
}

/** What is replaced is replaced at once, by a rename. True when it took the place of another. */
async function put(file: string, text: string, replace: boolean, shown: string): Promise<boolean> {
  const fresh = path.join(path.dirname(file), `.${path.basename(file)}.${process.pid.toString()}.new`);
  try {
    const there = await stat(file).catch(() => undefined);
    if (there !== undefined && !replace) throw exists(shown);
    // `rename` would fail, or put a file in the place of a device.
    if (there !== undefined && !there.isFile())
      throw new OpsError('REJECTED', `${shown} is no file`, { hint: 'Name another with --output.' });
    // `wx` refuses what came into being since we looked.
    if (!replace) await writeFile(file, text, { flag: 'wx' });
    else {
      await writeFile(fresh, text, { flag: 'wx' });
      await rename(fresh, file);
    }
    return there !== undefined;
  } catch (thrown) {
    await unlink(fresh).catch(() => undefined);
    if (thrown instanceof OpsError) throw thrown;
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown error';
    if (code === 'EEXIST') throw exists(shown);
    throw new OpsError('REJECTED', `${shown} cannot be written: ${code}`, {
      hint: 'Write it elsewhere with --output, or see the text with --stdout.',
      cause: thrown,
    });
  }
}

const exists = (shown: string): OpsError =>
  new OpsError('UNSAFE', `${shown} exists already and was left as it is`, {
    hint: 'Replace it with --force, write another with --output, or see the text with --stdout.',
  });
