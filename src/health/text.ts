import { duration, plural } from '../core/format.ts';
import type { Style } from '../core/style.ts';
import { type Status, STATUSES } from '../core/verdict.ts';
import type { Health } from './observe.ts';
import type { Finding } from './probe.ts';

/** More commands than these are not a help but a page. */
const MOST_COMMANDS = 8;
/** Columns of the names on the left. Longer ones have their reason on the line below. */
const WIDEST_NAME = 22;

/**
 * A health answer for people. The further down, the more urgent: what is well, then warnings, what could not be
 * observed, what is critical, what to run now, and the verdict as the last line. A terminal shows the end of what
 * was printed, so at night nobody has to scroll for what matters.
 */
export function healthText(health: Health, style: Style): string {
  return [calm(health.checks, style), troubles(health.checks, style), commands(health.checks, style)]
    .filter((part) => part !== '')
    .concat(summary(health, style))
    .join('\n\n');
}

/** The same without what is well, for a screen that is drawn again and again. */
export function healthBrief(health: Health, style: Style): string {
  return [troubles(health.checks, style), commands(health.checks, style), summary(health, style)]
    .filter((part) => part !== '')
    .join('\n\n');
}

const isCalm = ({ status }: Finding): boolean => status === 'ok' || status === 'skipped';

/** What is well, a line a check, under the name of its component. */
function calm(checks: Finding[], style: Style): string {
  const components = [...new Set(checks.filter(isCalm).map(({ component }) => component))];
  const groups = components.map((component) => {
    const mine = checks.filter((check) => check.component === component && isCalm(check));
    const head = mine.length === 1 ? mine[0] : mine.find(({ id }) => id === component);
    const rest = mine.filter((check) => check !== head);
    return { name: head?.id ?? component, head, rest, labels: shortLabels(rest, component) };
  });
  const names = groups.flatMap(({ name, labels }) => [name.length, ...labels.map((label) => label.length + 2)]);
  const widest = Math.max(0, ...names.filter((length) => length <= WIDEST_NAME));
  const line = (indent: number, status: Status, name: string, reason: string): string => {
    const head = `${' '.repeat(indent)}${style.mark(status)} ${indent === 0 ? style.bold(name) : name}`;
    const gap = widest - indent - name.length;
    return gap < 0
      ? `${head}\n${' '.repeat(6)}${style.wrap(reason, 6)}`
      : `${head}${' '.repeat(gap + 2)}${style.wrap(reason, widest + 4)}`;
  };
  return groups
    .flatMap(({ name, head, rest, labels }) => [
      head === undefined
        ? line(0, worstCalm(rest), name, plural(rest.length, 'check'))
        : line(0, head.status, name, head.reason),
      ...rest.map((check, index) => line(2, check.status, labels[index] ?? check.id, check.reason)),
    ])
    .join('\n');
}

const worstCalm = (checks: Finding[]): Status => (checks.some(({ status }) => status === 'ok') ? 'ok' : 'skipped');

/** Names within a group: without the component's, and without what all names of containers have in common. */
function shortLabels(checks: Finding[], component: string): string[] {
  const labels = checks.map(({ id }) =>
    id.startsWith(`${component}.`) ? id.slice(component.length + 1) : id.replace(/^(?:container|release):/, ''),
  );
  if (component !== 'containers' || labels.length < 2) return labels.map((label) => label.replace(':', ' '));
  const words = labels.map((label) => label.split(/(?<=[-_])|(?=[-_])/));
  const shared = (from: 'start' | 'end'): number => {
    const [first = [], ...others] = from === 'start' ? words : words.map((parts) => parts.toReversed());
    const differs = first.findIndex((word, at) => others.some((other) => other[at] !== word));
    return differs === -1 ? 0 : differs;
  };
  const [start, end] = [shared('start'), shared('end')];
  const cut = words.map((parts) => parts.slice(start, parts.length - end).join(''));
  return cut.every((label) => label !== '') ? cut : labels;
}

/** What is not well, the worst last. Checks that say the same of the same cause are one entry. */
function troubles(checks: Finding[], style: Style): string {
  const entries = new Map<string, { status: Status; ids: string[]; reason: string }>();
  const worstLast = (a: Finding, b: Finding): number => STATUSES.indexOf(a.status) - STATUSES.indexOf(b.status);
  for (const { id, status, reason } of checks.filter((check) => !isCalm(check)).toSorted(worstLast)) {
    const key = `${status} ${reason}`;
    const entry = entries.get(key) ?? { status, ids: [], reason };
    entry.ids.push(id);
    entries.set(key, entry);
  }
  return [...entries.values()]
    .map(({ status, ids, reason }) => {
      const indent = status.length + 4;
      const names = style.wrap(ids.join(', '), indent);
      return `${style.status(status)}  ${style.bold(names)}\n    ${style.wrap(reason, 4)}`;
    })
    .join('\n');
}

/**
 * What to run now: each command once, those of the worst checks first, the first one of each check before the
 * second. A sentence that only leads to commands which are listed anyway is left out: commands can be copied.
 */
function commands(checks: Finding[], style: Style): string {
  const bad = checks.filter((check) => !isCalm(check));
  const shown = new Set(bad.flatMap(({ id, component }) => [id, component]));
  // To look closer at a check that this very answer tells of helps nobody.
  const circular = (command: string): boolean => shown.has(/^opsctl health .*--only (\S+)$/.exec(command)?.[1] ?? '');
  const all = STATUSES.toReversed().flatMap((status) => {
    const mine = bad.filter((check) => check.status === status);
    const ranks = Math.max(0, ...mine.map(({ next }) => next.length));
    return Array.from({ length: ranks }, (_, rank) => mine.flatMap(({ next }) => next[rank] ?? [])).flat();
  });
  const list = [...new Set(all)].filter(
    (one, _index, others) =>
      !circular(one) && !(/^[A-Z]/.test(one) && others.some((other) => other !== one && one.includes(other))),
  );
  if (list.length === 0) return '';
  const left = list.length - MOST_COMMANDS;
  return [
    style.bold('Next'),
    ...list.slice(0, MOST_COMMANDS).map((command) => `  ${style.wrap(command, 4)}`),
    ...(left > 0 ? [style.dim(`  and ${left.toString()} more with --json`)] : []),
  ].join('\n');
}

/** "✗ crit: 1 crit, 3 ok; the slowest took 0.4 s". */
export function summary(health: Health, style: Style): string {
  const counts = STATUSES.toReversed()
    .map((status) => ({ status, count: health.checks.filter((check) => check.status === status).length }))
    .filter(({ count }) => count > 0)
    .map(({ status, count }) => style.as(status, `${count.toString()} ${status}`));
  const slowest = Math.max(0, ...health.checks.map(({ durationMs }) => durationMs));
  return style.wrap(`${style.status(health.status)}: ${counts.join(', ')}; the slowest took ${duration(slowest)}`, 2);
}
