import * as z from 'zod';

import { readCommand } from '../core/command.ts';
import { duration, localTime } from '../core/format.ts';
import type { LockHolder } from '../core/ports/lock.ts';

const output = z.object({
  held: z.boolean(),
  holder: z
    .object({
      id: z.string(),
      owner: z.string(),
      host: z.string(),
      pid: z.number(),
      command: z.string(),
      change: z.string(),
      since: z.string(),
      heldMs: z.number(),
      heartbeatAt: z.string(),
      heartbeatAgeMs: z.number().describe("by the engine's clock"),
      ttlMs: z.number().describe('without a sign of life for so long it is stale'),
      stale: z.boolean(),
    })
    .optional(),
  next: z.array(z.string()).describe('commands to run now'),
});

export default readCommand({
  name: 'lock',
  summary: 'Who holds the lock of changes, since when, and whether it still lives',
  description: 'The lock keeps two changes of one environment apart. The next change takes a stale one over by itself.',
  examples: [
    { command: 'opsctl lock', explains: 'the holder, or that it is free' },
    { command: 'opsctl lock --json', explains: 'as data' },
  ],
  input: z.object({}),
  output,
  run: async (_input, { readers }) => {
    const holder = await readers.lock.holder();
    if (holder === undefined) return { held: false, next: [] };
    const [{ time }, record] = await Promise.all([readers.engine.info(), readers.journal.change(holder.change)]);
    const age = (at: string): number => Math.max(0, Date.parse(time) - Date.parse(at));
    return {
      held: true,
      holder: { ...holder, heldMs: age(holder.since), heartbeatAgeMs: age(holder.heartbeatAt) },
      next: nextFor(holder, record !== undefined && record.end === undefined),
    };
  },
  text: ({ holder, next }, style) => {
    if (holder === undefined) return 'the lock is free: no change is running';
    const state = holder.stale
      ? style.bad(
          `stale: no sign of life for ${duration(holder.heartbeatAgeMs)}, the limit is ${duration(holder.ttlMs)}`,
        )
      : style.good(`alive: last sign of life ${duration(holder.heartbeatAgeMs)} ago`);
    const facts = style.pairs([
      ['held by', `${style.bold(holder.owner)} on ${holder.host}, process ${holder.pid.toString()}`],
      ['for', holder.command],
      ['change', holder.change],
      ['since', `${localTime(holder.since)}, ${duration(holder.heldMs)} ago`],
      ['state', state],
    ]);
    return `${facts}\n\n${style.bold('next')}\n${next.map((command) => `  ${command}`).join('\n')}`;
  },
});

/** A live change is waited for; a dead one is finished or taken back; a lock without a change is only broken. */
function nextFor({ change, stale }: LockHolder, interrupted: boolean): string[] {
  if (!stale) return [`opsctl history ${change}`];
  return interrupted
    ? [`opsctl history ${change}`, `opsctl resume ${change}`, `opsctl abort ${change}`]
    : ["opsctl lock release --reason '<why>'"];
}
