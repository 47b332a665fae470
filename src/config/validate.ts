import { OpsError } from '../core/errors.ts';
import { configError, errorOf, nearest } from './issues.ts';
import { type ConfigFile, configFileSchema } from './schema.ts';
import type { Source } from './source.ts';

/** The file's data, complete and typed. @throws CONFIG_INVALID naming every mistake */
export function validate(source: Source): ConfigFile {
  if (source.value === null || source.value === undefined) {
    throw new OpsError('CONFIG_INVALID', `${source.shown}:1:1: the file is empty`, {
      hint: 'Write one for the running platform with: opsctl init --force',
    });
  }
  const parsed = configFileSchema.safeParse(source.value, { reportInput: true });
  if (!parsed.success) throw configError(source, parsed.error);
  const wanted = parsed.data.default;
  if (wanted !== undefined && !Object.hasOwn(parsed.data.environments, wanted)) {
    const message = `names no environment of this file${nearest(wanted, Object.keys(parsed.data.environments))}`;
    throw errorOf(source, [{ path: 'default', ...source.position(['default']), message }]);
  }
  return parsed.data;
}
