import type { Context } from '../../core/command.ts';
import { isUnfinished } from '../../core/change.ts';
import type { Style } from '../../core/style.ts';
import { observe } from '../../deploy/observe.ts';
import { platformDrift, type ServiceStatus, serviceStatusSchema, statusOf } from '../../deploy/status.ts';
import { versionVariable } from '../../deploy/version-variable.ts';
import * as z from 'zod';

/** How far back a change that was left in the middle is looked for: each costs a read of the journal. */
const SEARCHED_CHANGES = 50;

/** What every deploy command shows when it is done, and `deploy status` by itself. */
export const releaseSchema = z.object({
  services: z.array(serviceStatusSchema),
  canary: z.object({ services: z.array(z.string()), percent: z.number() }).nullable(),
  since: z.string().describe('since when traffic goes as it does'),
  drift: z.array(z.string()).describe('what does not agree on the platform as a whole'),
  next: z.array(z.string()).describe('commands to run now'),
});
export type Release = z.infer<typeof releaseSchema>;

/** The release as it is observed now. */
export async function observeRelease({ platform, readers }: Context): Promise<Release> {
  const [facts, changes] = await Promise.all([observe(platform, readers), readers.journal.changes(SEARCHED_CHANGES)]);
  const holder = await readers.lock.holder();
  const unfinished = changes.find((one) => isUnfinished(one) && holder?.change !== one.id);
  const services = await Promise.all(
    facts.services.map(async (one) => {
      const [first] = one.live;
      const image = first === undefined ? undefined : await readers.replicas.image(first.imageId);
      return statusOf(one, facts, {
        variable: await versionVariable(one.name, platform, readers.files),
        digest: image?.digests[0],
      });
    }),
  );
  const drift = platformDrift(facts, unfinished);
  return {
    services,
    canary: facts.routing.canary ?? null,
    since: facts.routing.since,
    drift,
    next: unfinished === undefined ? [] : [`opsctl abort ${unfinished.id}`, `opsctl resume ${unfinished.id}`],
  };
}

export const isConsistent = ({ services, drift }: Release): boolean =>
  drift.length === 0 && services.every((one) => one.drift.length === 0);

export function releaseText(release: Release, style: Style): string {
  const columns = [
    { title: 'SERVICE' },
    { title: 'LIVE' },
    { title: 'VERSION', flexible: true },
    { title: 'SHARE' },
    { title: 'REPLICAS' },
    { title: 'BEFORE', flexible: true },
  ];
  const table = style.table(
    columns,
    release.services.map((one) => [
      one.service,
      one.colour,
      one.version ?? 'several',
      `${one.weight.toString()} %`,
      `${one.replicas.filter(({ state }) => state === 'running').length.toString()}/${one.replicas.length.toString()}`,
      before(one),
    ]),
  );
  const drift = [...release.drift, ...release.services.flatMap((one) => one.drift)];
  const parts = [table];
  if (drift.length > 0) parts.push(drift.map((line) => `${style.notice('!')} ${style.wrap(line, 2)}`).join('\n'));
  if (release.next.length > 0) parts.push(release.next.map((command) => `  ${command}`).join('\n'));
  return parts.join('\n\n');
}

const before = ({ previous }: ServiceStatus): string =>
  previous === null ? '-' : `${previous.version ?? 'several'} (${previous.warm ? 'warm' : 'cold'})`;
