import type { ChangeEvent, Plan } from '../core/change.ts';
import { isIrreversible } from '../core/plan.ts';
import { duration } from '../core/format.ts';
import type { Style } from '../core/style.ts';
import { showable } from '../core/text.ts';
import { detailLines } from './render.ts';
import type { Terminal } from './terminal.ts';

/** A plan for people: what will happen, why, and what cannot be undone. */
export function planText(raw: Plan, style: Style, environment: string): string {
  const plan = showable(raw);
  const lines = [style.bold(`Plan for ${environment}: ${plan.summary}`)];
  if (plan.touches.length > 0) lines.push('', ...plan.touches.map((item) => `  touches ${style.wrap(item, 10)}`));
  if (plan.seen !== undefined) lines.push(...plan.seen.map((item) => `  now     ${style.wrap(item, 10)}`));
  lines.push('');
  for (const [index, step] of plan.steps.entries()) {
    const number = `${(index + 1).toString().padStart(3)}. `;
    const mark = isIrreversible(step) ? ` ${style.bad('cannot be undone')}` : '';
    lines.push(`${number}${style.wrap(step.describe, 5)}${mark}`, `     ${style.dim(style.wrap(step.why, 5))}`);
  }
  if (plan.steps.length === 0) lines.push('  nothing to do');
  return `${lines.join('\n')}\n`;
}

/** Shows the events of a change as they happen. */
export interface Progress {
  on(event: ChangeEvent): void;
  stop(): void;
}

/** Where nothing is drawn over, what a wait sees is printed this often, in ms. */
const SAY_EVERY_MS = 30_000;

/** Lines of what is waited for that are shown; the last of a log tell most. */
const SEEN_LINES = 8;

/** What there is to see while something is waited for: as its port says it for people, else fact by fact. */
function linesOf({ lines, ...seen }: Record<string, unknown>): string[] {
  const said = Array.isArray(lines) ? lines.filter((line) => typeof line === 'string') : undefined;
  return said ?? detailLines(seen).slice(-SEEN_LINES);
}

/** A spinner a step on a terminal, plain lines elsewhere, nothing where nothing is wanted. */
export async function openProgress(terminal: Terminal, plan: Plan, quiet: boolean): Promise<Progress> {
  if (quiet) return { on: () => undefined, stop: () => undefined };
  const describe = (id: string): string => showable(plan.steps.find((step) => step.id === id)?.describe ?? id);
  const spinner = terminal.errIsTerminal
    ? (await import('ora')).default({ stream: process.stderr, discardStdin: false })
    : undefined;
  const { err } = terminal;
  const say = (mark: string, text: string): void => {
    spinner?.stop();
    // Whoever reads a pipe has lines of their own.
    terminal.remark(`${mark} ${terminal.errIsTerminal ? err.wrap(text, 2) : text}\n`);
  };
  const begin = (text: string): void => {
    if (spinner === undefined) terminal.remark(`… ${text}\n`);
    else spinner.start(text);
  };
  const meanwhile = (id: string, seen: Record<string, unknown>): void => {
    const lines = linesOf(seen).map((line) => `  ${showable(line)}`);
    if (lines.length === 0) return;
    if (spinner !== undefined) spinner.text = [describe(id), ...lines].join('\n');
    else if (Date.now() - saidAt >= SAY_EVERY_MS) {
      terminal.remark(`${lines.join('\n')}\n`);
      saidAt = Date.now();
    }
  };
  let saidAt = 0;
  return {
    on: (event) => {
      if (event.type === 'step-seen') meanwhile(event.step, event.seen);
      else if (event.type === 'step-begin') begin(describe(event.step));
      else if (event.type === 'step-done')
        say(err.good('✓'), `${describe(event.step)} ${err.dim(duration(event.durationMs))}`);
      else if (event.type === 'step-failed') say(err.bad('✗'), `${describe(event.step)}: ${showable(event.error)}`);
      else if (event.type === 'undo-begin') begin(`taking back: ${describe(event.step)}`);
      else if (event.type === 'undo-done') say(err.notice('↩'), `taken back: ${describe(event.step)}`);
      else if (event.type === 'undo-failed')
        say(err.bad('✗'), `not taken back: ${describe(event.step)}: ${showable(event.error)}`);
    },
    stop: () => spinner?.stop(),
  };
}
