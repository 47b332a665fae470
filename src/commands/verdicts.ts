/** How judged things are shown where each has a line of its own. */
import { plural } from '../core/format.ts';
import type { Style } from '../core/style.ts';
import { STATUSES, type Verdict, worst, worstFirst } from '../core/verdict.ts';

/** A judged thing; `note` stands at the end of its line. */
export interface Judged extends Verdict {
  of: string;
  note?: string;
}

/** How many next commands are named. */
const NEXT = 8;

/** A table, then in full what a table may have cut, the counts, and what to run next: the worst first. */
export function verdictsText(judged: readonly Judged[], title: string, style: Style): string {
  const notes = judged.some(({ note }) => note !== undefined);
  const columns = [
    { title: 'STATUS' },
    { title },
    { title: 'SEEN', flexible: true },
    ...(notes ? [{ title: 'TIME', align: 'right' as const }] : []),
  ];
  const rows = judged.map((one) => [style.status(one.status), one.of, one.reason, ...(notes ? [one.note ?? ''] : [])]);
  const bad = judged.filter(({ status }) => status !== 'ok' && status !== 'skipped');
  const ordered = worstFirst(bad);
  const next = [...new Set(ordered.flatMap((one) => one.next))].slice(0, NEXT);
  const full = ordered.map((one) => style.wrap(`${style.status(one.status)} ${one.of}: ${one.reason}`, 2));
  const counts = STATUSES.flatMap((status) => {
    const count = judged.filter((one) => one.status === status).length;
    return count === 0 ? [] : [`${count.toString()} ${status}`];
  });
  return [
    style.table(columns, rows),
    ...(full.length === 0 ? [] : ['', ...full]),
    '',
    `${style.status(worst(judged.map(({ status }) => status)))}: ${counts.join(', ') || plural(0, 'target')}`,
    ...(next.length === 0 ? [] : [`${style.bold('next')}: ${next.join('\n      ')}`]),
  ].join('\n');
}
