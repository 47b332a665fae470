import path from 'node:path';

import { OpsError } from '../core/errors.ts';
import { type Platform, platformSchema } from '../core/platform.ts';
import type { ConfigurationWriter } from '../core/ports/local.ts';
import { type ConfigRequest, findConfig, nonEmpty, shownPath } from './find.ts';
import { inWords, nearest } from './issues.ts';
import { applyOverrides, type Override, overridesFrom } from './overrides.ts';
import type { ConfigFile } from './schema.ts';
import { readSource, type Source } from './source.ts';
import { validate } from './validate.ts';
import { valuesOf } from './values.ts';
import { writer } from './write.ts';

export { type ConfigRequest, findConfig } from './find.ts';

/** A chosen environment, ready for use. */
export interface LoadedConfig {
  platform: Platform;
  reader: ConfigurationWriter;
}

/** Finds, reads, validates and resolves the configuration. @throws CONFIG_MISSING, CONFIG_INVALID, USAGE */
export function loadConfig(request: ConfigRequest): LoadedConfig {
  const file = findConfig(request);
  if (file === undefined) {
    throw new OpsError('CONFIG_MISSING', `no opsctl.yaml in ${request.cwd} or above`, {
      hint: 'Write one for the running platform with: opsctl init. Or name one with --config or OPSCTL_CONFIG.',
    });
  }
  const source = readSource(file, shownPath(file, request.cwd));
  const data = validate(source);
  const environment = choose(data, request, source);
  const { environments } = source.value as { environments: Record<string, Record<string, unknown>> };
  const overrides = overridesFrom(request.env, request.set ?? []);
  const own = resolve(environments[environment] ?? {}, overrides);
  const platform: Platform = {
    ...own,
    contacts: [...own.contacts, ...data.contacts],
    links: { ...data.links, ...own.links },
    environment,
    protected: own.protected ?? environment === 'production',
    directory: path.dirname(file),
  };
  const reader = {
    ...writer(request.cwd),
    file: () => source.file,
    environments: () => Object.keys(data.environments),
    values: () => valuesOf(platform, { source, environment, overrides, ownContacts: own.contacts.length }),
  };
  return { platform, reader };
}

/** An environment without a file, for commands that only need an engine. */
export function bareConfig(request: ConfigRequest): LoadedConfig {
  const overrides = overridesFrom(request.env, request.set ?? []);
  const platform = {
    ...resolve({ compose: { project: '-' } }, overrides),
    environment: nonEmpty(request.environment) ?? '-',
    protected: false,
    directory: request.cwd,
  };
  return { platform, reader: writer(request.cwd) };
}

function choose(data: ConfigFile, request: ConfigRequest, source: Source): string {
  const names = Object.keys(data.environments);
  const wanted =
    nonEmpty(request.environment) ??
    nonEmpty(request.env['OPSCTL_ENVIRONMENT']) ??
    data.default ??
    (names.length === 1 ? names[0] : undefined);
  if (wanted === undefined) {
    throw new OpsError('USAGE', `${source.shown} has several environments: ${names.join(', ')}`, {
      hint: `Choose one with --environment ${names[0] ?? 'production'}, or set \`default\` in the file.`,
    });
  }
  if (!names.includes(wanted))
    throw new OpsError('USAGE', `${source.shown} has no environment ${wanted}${nearest(wanted, names)}`, {
      hint: `Its environments: ${names.join(', ')}.`,
    });
  return wanted;
}

/** The environment with its replacements. Where text is wanted, `--set x=1` means the text. @throws CONFIG_INVALID */
function resolve(raw: unknown, overrides: Override[]): ReturnType<typeof platformSchema.parse> {
  const parsed = platformSchema.safeParse(applyOverrides(raw, overrides), { reportInput: true });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = (issue?.path ?? []).map(String);
  const culprit = overrides.find(({ path: keys }) =>
    keys.every((key, index) => index >= at.length || at[index] === key),
  );
  if (
    culprit !== undefined &&
    culprit.value !== culprit.text &&
    issue?.code === 'invalid_type' &&
    issue.expected === 'string'
  ) {
    const asText = overrides.map((one) => (one === culprit ? { ...one, value: one.text } : one));
    return resolve(raw, asText);
  }
  const why = issue === undefined ? 'not valid' : inWords(issue);
  throw new OpsError(
    'CONFIG_INVALID',
    `${culprit?.from ?? 'a value set by flag or variable'} does not fit: ${[...at, ''].join('.').slice(0, -1)}: ${why}`,
    { hint: 'See the values that there are, and where they come from: opsctl config show --origin' },
  );
}
