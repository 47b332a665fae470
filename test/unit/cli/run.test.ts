import { expect, test } from 'vitest';
import * as z from 'zod';

import { run } from '../../../src/cli/run.ts';
import { makeStyle } from '../../../src/cli/style.ts';
import type { Terminal } from '../../../src/cli/terminal.ts';
import { readCommand } from '../../../src/core/command.ts';

test('all that is said to people must suggest commands as the command line chose them', async () => {
  const said = { out: '', err: '' };
  const style = makeStyle({ width: 80, colour: false });
  const terminal: Terminal = {
    result: (text) => (said.out += text),
    remark: (text) => (said.err += text),
    ...{ out: style, err: style, env: {}, cwd: '/' },
    ...{ outIsTerminal: false, errIsTerminal: false, interactive: false },
  };
  const command = readCommand({
    ...{ name: 'look', summary: 's', examples: [], input: z.object({}), needs: 'nothing' },
    output: z.object({}),
    run: async (_input, { warn }) => {
      warn('its change may be left in the middle: opsctl history 1');
      return {};
    },
    text: (_data, { suggest }) => `opsctl lock, as a log says; ${suggest('see opsctl lb check')}`,
  });
  const global = { environment: 'staging', json: false as const, quiet: false, debug: false };
  const change = { dryRun: false, yes: false, withoutEngine: false };
  expect(await run({ command, input: {}, global, change }, terminal)).toBe(0);
  expect(said).toEqual({
    err: 'warning: its change may be left in the middle: opsctl -e staging history 1\n',
    out: 'opsctl lock, as a log says; see opsctl -e staging lb check\n',
  });
});
