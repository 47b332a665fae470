/**
 * A canary past a migration that the stable version cannot work with. Most visitors get the stable version, and to take the
 * canary back is a rollback past the migration: both only by --force.
 */
import { OpsError } from '../core/errors.ts';
import { shellWord } from '../core/shell.ts';
import { type ServiceFacts, whyNoWayBack } from './observe.ts';
import type { Released, Wanted } from './request.ts';

/** A canary as it was asked for. */
interface Asked {
  version: string;
  /** Services that were named; none: all. */
  service: readonly string[];
  incompatibleMigration?: string | undefined;
  force: boolean;
}

/**
 * What is risked by a canary that is to begin, a line a service; empty where its migrations suit both versions.
 * @throws UNSAFE for such a risk without `force`
 */
export function acceptedRisks(wanted: readonly Wanted[], { force, ...asked }: Asked): string[] {
  const risks = wanted.flatMap(({ facts: { name }, version, same, noRollback }) =>
    same || noRollback === undefined
      ? []
      : [
          `the stable version of ${name}, which most visitors get, cannot work with the migrations of ${version}, nor can the canary be taken back past them: ${noRollback}`,
        ],
  );
  if (risks.length === 0 || force) return risks;
  throw new OpsError('UNSAFE', risks.join('; '), {
    hint: `Give it to all visitors at once: ${atOnce(asked)}; or accept the risk: --force`,
  });
}

const atOnce = ({ version, service, incompatibleMigration: why }: Omit<Asked, 'force'>): string =>
  [
    `opsctl deploy blue-green --version ${shellWord(version)}`,
    ...service.map((name) => `--service ${name}`),
    ...(why === undefined ? [] : [`--incompatible-migration ${shellWord(why)}`]),
  ].join(' ');

/** The command that takes back a canary of these services. */
export const takingBack = (services: readonly Pick<ServiceFacts, 'previous'>[]): string =>
  `opsctl deploy canary --rollback${services.some(({ previous }) => whyNoWayBack(previous) !== undefined) ? ' --force' : ''}`;

/** @throws UNSAFE for a canary that runs, and that nobody may take back */
export function mustHaveWayBack(services: readonly Pick<Released, 'facts' | 'version'>[]): void {
  for (const { facts, version } of services) {
    const why = whyNoWayBack(facts.previous);
    if (why === undefined) continue;
    throw new OpsError(
      'UNSAFE',
      `the canary of ${facts.name} ${version} must not be taken back: the stable version cannot work with its migrations: ${why}`,
      {
        hint: `Give it to all visitors: opsctl deploy promote; or accept the risk: ${takingBack(services.map((one) => one.facts))}`,
      },
    );
  }
}
