/** A release for people. */
import { localTime } from '../../core/format.ts';
import type { Style } from '../../core/style.ts';
import type { ServiceStatus } from '../../deploy/status.ts';
import { isIdle, type Release } from './shared.ts';

/** What cannot be told, in a table. */
const UNKNOWN = '?';

export function releaseText(release: Release, style: Style): string {
  const columns = [
    { title: 'SERVICE' },
    { title: 'LIVE' },
    { title: 'VERSION', flexible: true },
    { title: 'SHARE' },
    { title: 'REPLICAS' },
    { title: 'BESIDE', flexible: true },
  ];
  const table = style.table(
    columns,
    release.services.map((one) => [
      one.service,
      one.colour ?? UNKNOWN,
      one.version ?? (one.replicas.length === 0 ? '-' : 'several'),
      one.weight === null ? UNKNOWN : `${one.weight.toString()} %`,
      `${one.replicas.filter(({ state }) => state === 'running').length.toString()}/${one.replicas.length.toString()}`,
      beside(one, release.canary),
    ]),
  );
  const drift = [...release.drift, ...release.services.flatMap((one) => one.drift)];
  const parts = [table];
  if (release.canary !== null) parts.push(release.canary.seen.map((line) => style.wrap(line, 4)).join('\n'));
  const { running } = release;
  if (running !== null)
    parts.push(
      style.wrap(
        `${style.notice('!')} ${running.command} of ${running.by} on ${running.host} runs since ${localTime(running.since)}`,
        2,
      ),
    );
  const idle = running === null ? idleText(release) : '';
  if (idle !== '') parts.push(style.wrap(idle));
  if (drift.length > 0) parts.push(drift.map((line) => `${style.notice('!')} ${style.wrap(line, 2)}`).join('\n'));
  if (release.next.length > 0) parts.push(release.next.map((command) => `  ${command}`).join('\n'));
  return parts.join('\n\n');
}

function beside(one: ServiceStatus, canary: Release['canary']): string {
  const there = one.previous ?? one.beside;
  if (there === null) return one.colour === null ? UNKNOWN : '-';
  const version = there.version ?? 'several';
  if (isCanary(one, canary)) return `canary ${version}`;
  if (one.previous === null) return `${version} (${isIdle(one) ? 'no visitors' : 'stopped'})`;
  return `${version} (${one.previous.warm ? 'warm' : 'cold'})`;
}

const isCanary = ({ service }: ServiceStatus, canary: Release['canary']): boolean =>
  canary?.services.includes(service) === true;

/** What runs for nobody: a rollback or a canary that was taken back leaves it. */
function idleText({ services, canary }: Release): string {
  const idle = services.filter((one) => isIdle(one) && !isCanary(one, canary));
  if (idle.length === 0) return '';
  const names = idle.map(({ service, beside: there }) => `${service} ${there?.version ?? 'of several versions'}`);
  const [run, them] = idle.length === 1 ? ['runs', 'it'] : ['run', 'them'];
  return `${names.join(' and ')} ${run} without visitors, and no rollback goes back to ${them}`;
}

/** What a deploy shows when it is done: also what it left running, and what ends that. */
export function deployedText(release: Release, style: Style): string {
  const isKept = release.services.some(({ previous }) => previous?.warm === true);
  const text = releaseText(release, style);
  if (!isKept || release.next.length > 0) return text;
  return `${text}\n\n${style.wrap('The version before keeps running for a quick rollback, until the next deploy or deploy retire.')}`;
}
