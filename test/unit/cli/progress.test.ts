import { describe, expect, test, vi } from 'vitest';

import { openProgress } from '../../../src/cli/progress.ts';
import { makeStyle } from '../../../src/cli/style.ts';
import type { Terminal } from '../../../src/cli/terminal.ts';
import { gate, plan } from '../../../src/core/plan.ts';

const waiting = plan({
  ...{ target: 'shop', summary: 'wait', touches: [] },
  steps: [
    gate({
      ...{ id: 'engine.isServing:api', describe: 'wait for api', why: 'w' },
      verify: (r) => r.engine.isServing('api'),
    }),
  ],
});

/** Progress where no line is drawn over: what it prints, and how it is told what a step sees. */
async function opened(): Promise<{ said: string[]; see: (seen: Record<string, unknown>) => void }> {
  const said: string[] = [];
  const style = makeStyle({ width: 80, colour: false });
  const terminal = { errIsTerminal: false, err: style, remark: (text: string) => said.push(text) };
  const progress = await openProgress(terminal as unknown as Terminal, waiting, false);
  const see = (seen: Record<string, unknown>): void => {
    progress.on({ type: 'step-seen', at: '2026-03-01T14:05:09Z', step: 'engine.isServing:api', seen });
  };
  return { said, see };
}

/** What is printed when this is seen half a minute after the step began. */
async function printed(seen: Record<string, unknown>): Promise<string[]> {
  const { said, see } = await opened();
  see(seen);
  return said;
}

describe('what is seen of a step meanwhile', () => {
  test('must be in the words of its port, where that has some', async () => {
    expect(await printed({ lines: ['errors 0.1 %', 'p95 20 ms'], errors: 0.001 })).toEqual([
      '  errors 0.1 %\n  p95 20 ms\n',
    ]);
  });

  test('must be fact by fact where it has none, with the last lines of the log', async () => {
    const log = Array.from({ length: 20 }, (_, index) => `migrating table ${index.toString()}`);
    const [text = ''] = await printed({ state: 'running', log });
    expect(text.split('\n').slice(0, -1)).toEqual(log.slice(-8).map((line) => `  - ${line}`));
    expect(await printed({ state: 'running', health: 'starting', log: [] })).toEqual([
      '  state: running\n  health: starting\n',
    ]);
  });

  test('must not reach the terminal as a container wrote it', async () => {
    expect(await printed({ log: ['\u001b[2Jgone'] })).toEqual([expect.not.stringContaining('\u001b')]);
  });

  test('must be nothing where there is nothing to see', async () => {
    expect(await printed({})).toEqual([]);
  });

  test('must not come more often than it can be read', async () => {
    vi.useFakeTimers({ now: 1_000_000 });
    try {
      const { said, see } = await opened();
      see({ state: 'first' });
      vi.advanceTimersByTime(29_000);
      see({ state: 'too soon' });
      vi.advanceTimersByTime(1000);
      see({ state: 'later' });
      expect(said).toEqual(['  state: first\n', '  state: later\n']);
    } finally {
      vi.useRealTimers();
    }
  });
});
