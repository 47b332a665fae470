import { valueIn, withValue } from '../../../src/core/dotenv.ts';
import { OpsError } from '../../../src/core/errors.ts';
import type { FilesWriter } from '../../../src/core/ports/local.ts';

export interface FakeFile {
  text?: string;
  modifiedAt?: string;
  /** Why it cannot be replaced. */
  fixed?: string;
}

const EPOCH = '2025-01-01T00:00:00.000Z';

/** Files in memory, by path; others do not exist. Only the .env file may be changed. */
export function fakeFiles(files: ReadonlyMap<string, FakeFile> = new Map(), envFile = '.env'): FilesWriter {
  const find = (path: string): FakeFile => {
    const file = files.get(path);
    if (file === undefined) throw new OpsError('NOT_FOUND', `there is no file ${path}`);
    return file;
  };
  return {
    read: async (path) => find(path).text ?? '',
    modifiedAt: async (path) => (files.has(path) ? (files.get(path)?.modifiedAt ?? EPOCH) : undefined),
    whyFixed: async (path) => (files.has(path) ? files.get(path)?.fixed : 'ENOENT'),
    hasVariable: async (path, name, value) => (valueIn(find(path).text ?? '', name) ?? null) === value,
    setVariable: async (path, name, value) => {
      if (path !== envFile) throw new OpsError('UNSAFE', `${path} is not the compose.envFile`);
      const file = find(path);
      file.text = withValue(file.text ?? '', name, value);
    },
  };
}
