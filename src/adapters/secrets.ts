import path from 'node:path';
import { asOpsError, OpsError } from '../core/errors.ts';
import type { SecretRef } from '../core/platform.ts';
import { Secret } from '../core/secret.ts';
import { readCapped, whyUnread } from './read-capped.ts';
import { containerOf, type ContainerSource, type Startup } from './route.ts';

/** A secret longer than this (bytes) is a mistake, such as a path to the wrong file. */
const LARGEST = 64 * 1024;
const COMMAND_DEADLINE_MS = 10_000;

/** Reads secrets where the configuration says that they are. */
export interface Secrets {
  /**
   * The value of a reference. `service` is the compose service whose container a `container` reference means.
   * @throws SECRET_MISSING naming where it looked, never the value; what the engine throws for `container`
   */
  resolve(ref: SecretRef, service?: string): Promise<Secret>;
}

/** What is needed to resolve references. */
export interface SecretSources {
  /** The environment of opsctl. */
  env: Readonly<Record<string, string | undefined>>;
  /** Where relative paths start: the directory of the configuration file. Commands run there, too. */
  directory: string;
  /** A variable of the service's container, `NAME_FILE` followed; undefined when neither is set. See `containerVariables`. */
  containerVariable: (service: string, name: string) => Promise<string | undefined>;
}

/** Nothing is kept: each call reads anew, so that a rotated secret is seen. */
export function openSecrets(sources: SecretSources): Secrets {
  return {
    async resolve(ref, service) {
      if ('env' in ref)
        return wrap(
          sources.env[ref.env],
          `environment variable ${ref.env}`,
          `Set it, as in: ${ref.env}=… opsctl config check.`,
        );
      if ('file' in ref) return fromFile(path.resolve(sources.directory, ref.file));
      if ('command' in ref) return fromCommand(ref.command, sources);
      if (service === undefined) {
        throw new OpsError('SECRET_MISSING', `no service is configured whose container could have ${ref.container}`, {
          hint: 'Name the compose service beside the reference, then run: opsctl config check.',
        });
      }
      const where = `variable ${ref.container} (or ${ref.container}_FILE) of the container of ${service}`;
      return wrap(
        await sources.containerVariable(service, ref.container),
        where,
        `See what is configured: opsctl config show --origin.`,
      );
    },
  };
}

function wrap(value: string | undefined, where: string, hint: string): Secret {
  if (value !== undefined && value !== '') return new Secret(value);
  throw new OpsError('SECRET_MISSING', `${where} is ${value === undefined ? 'not set' : 'empty'}`, { hint });
}

/** Editors and `echo` end a file with one line feed that is no part of the secret. */
const withoutNewline = (text: string): string => text.replace(/\r?\n$/, '');

async function fromFile(file: string): Promise<Secret> {
  const where = `secret file ${file}`;
  const hint = `Write the secret into it, readable by you alone (chmod 600), then run: opsctl config check.`;
  const { bytes, whole } = await readCapped(file, LARGEST).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'ENOENT' ? 'does not exist' : whyUnread(error);
    throw new OpsError('SECRET_MISSING', `${where} ${reason}`, { hint, cause: error });
  });
  if (!whole) throw new OpsError('SECRET_MISSING', `${where} is larger than ${LARGEST} bytes`, { hint });
  return wrap(withoutNewline(bytes.toString('utf8')), where, hint);
}

/** The program's stdout. Its stderr may repeat the secret, so of its failure only the exit code is told. */
async function fromCommand(argv: readonly string[], sources: SecretSources): Promise<Secret> {
  const [program = '', ...args] = argv;
  // Arguments may name an account or a path; only the program is told.
  const where = `secret command ${program}`;
  const hint = 'Run it by hand to see what it says, then run: opsctl config check.';
  const { execa } = await import('execa');
  const result = await execa(program, args, {
    cwd: sources.directory,
    env: { ...sources.env },
    extendEnv: false,
    stdin: 'ignore',
    stderr: 'ignore',
    timeout: COMMAND_DEADLINE_MS,
    forceKillAfterDelay: 500,
    maxBuffer: LARGEST,
    reject: false,
    stripFinalNewline: false,
  });
  if (result.timedOut)
    throw new OpsError('SECRET_MISSING', `${where} does not end within ${COMMAND_DEADLINE_MS / 1000} s`, { hint });
  if (result.isMaxBuffer) throw new OpsError('SECRET_MISSING', `${where} prints more than ${LARGEST} bytes`, { hint });
  if (result.failed) {
    const how =
      result.exitCode === undefined ? (result.signal ?? result.code ?? 'not started') : `exit code ${result.exitCode}`;
    throw new OpsError('SECRET_MISSING', `${where} failed: ${how}`, { hint });
  }
  return wrap(withoutNewline(result.stdout), where, hint);
}

/** A function that gives a variable of a service's container, or what is in the file that `NAME_FILE` names (Docker secrets). */
export function containerVariables(source: ContainerSource, project: string): SecretSources['containerVariable'] {
  return async (service, name) => {
    const container = await containerOf(source, project, service);
    return container && variableOf(source, container, await source.startup(container.id), name);
  };
}

/**
 * A variable of a container, `NAME_FILE` followed through the engine; undefined when neither is set.
 * @throws SECRET_MISSING when `NAME_FILE` names a file that is not there
 */
export async function variableOf(
  source: Pick<ContainerSource, 'readFile'>,
  container: { id: string; name: string },
  startup: Startup,
  name: string,
): Promise<string | undefined> {
  const value = startup.environment[name];
  const file = startup.environment[`${name}_FILE`];
  if ((value !== undefined && value !== '') || file === undefined || file === '') return value;
  try {
    return withoutNewline(await source.readFile(container.id, file));
  } catch (error) {
    if (asOpsError(error).code !== 'NOT_FOUND') throw error;
    throw new OpsError(
      'SECRET_MISSING',
      `file ${file}, which ${name}_FILE names, does not exist in container ${container.name}`,
      {
        hint: `See what is mounted: docker inspect --format '{{json .Mounts}}' ${container.name}.`,
        cause: error,
      },
    );
  }
}

/** The first of several variables that a container has; user names and the like are no secrets, but are found the same way. */
export async function firstVariable(
  source: Pick<ContainerSource, 'readFile'>,
  container: { id: string; name: string },
  startup: Startup,
  names: readonly string[],
): Promise<string | undefined> {
  for (const name of names) {
    const value = await variableOf(source, container, startup, name);
    if (value !== undefined && value !== '') return value;
  }
  return undefined;
}
