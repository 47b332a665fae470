import { describe, expect, test } from 'vitest';
import * as z from 'zod';

import { readCommandLine, type Invocation } from '../../../src/cli/invocation.ts';
import { changeCommand, type Command, readCommand } from '../../../src/core/command.ts';

const base = { summary: 's', examples: [{ command: 'x', explains: 'y' }], output: z.object({}), text: () => '' };
const read: Command = readCommand({
  ...base,
  name: 'look at',
  input: z.object({
    name: z.string().optional().meta({ positional: true }),
    deep: z.boolean().default(false).meta({ short: 'd' }),
    count: z.number().int().min(1).default(3),
    kind: z.enum(['a', 'b']).default('a'),
    only: z.array(z.string()).default([]),
  }),
  run: () => Promise.resolve({}),
});
const change: Command = changeCommand({
  ...base,
  name: 'turn',
  input: z.object({}),
  plan: () => Promise.resolve({ target: '', summary: '', touches: [], steps: [] }),
  report: () => Promise.resolve({}),
});

let help = '';
const parse = (command: Command, line: string, env: Record<string, string> = {}): Invocation | undefined => {
  help = '';
  return readCommandLine(command, line.split(' '), env, (text) => (help += text), 80);
};

describe('a command line must become the declared input', () => {
  test.each([
    ['look at', { deep: false, count: 3, kind: 'a', only: [] }],
    [
      'look at thing -d --count 5 --kind b --only x --only y',
      { name: 'thing', deep: true, count: 5, kind: 'b', only: ['x', 'y'] },
    ],
    ['look --json at --deep', { deep: true, count: 3, kind: 'a', only: [] }],
  ])('%s', (line, input) => {
    expect(parse(read, line)?.input).toEqual(input);
  });

  test('global flags are understood before and after the command', () => {
    expect(parse(read, '--json -e staging look at')?.global).toMatchObject({ json: true, environment: 'staging' });
    expect(parse(read, 'look at -e staging --json=stream')?.global).toMatchObject({
      json: 'stream',
      environment: 'staging',
    });
  });

  test('only a change has --dry-run and --yes', () => {
    expect(parse(change, 'turn --dry-run --yes')?.change).toMatchObject({ dryRun: true, yes: true });
    expect(() => parse(read, 'look at --yes')).toThrow('unknown option');
  });
});

describe('variables must stand in for flags, and flags win', () => {
  test('of the command and of every command', () => {
    const found = parse(read, 'look at', {
      OPSCTL_LOOK_AT_COUNT: '7',
      OPSCTL_LOOK_AT_DEEP: 'false',
      OPSCTL_LOOK_AT_ONLY: 'x,y',
      OPSCTL_ENVIRONMENT: 'staging',
      OPSCTL_JSON: '1',
    });
    expect(found?.input).toMatchObject({ count: 7, deep: false, only: ['x', 'y'] });
    expect(found?.global).toMatchObject({ environment: 'staging', json: true });
    expect(parse(read, 'look at --count 2', { OPSCTL_LOOK_AT_COUNT: '7' })?.input).toMatchObject({ count: 2 });
  });

  test('but a lingering variable never confirms', () => {
    expect(parse(change, 'turn', { OPSCTL_CONFIRM: 'production' })?.change.confirm).toBeUndefined();
    expect(parse(change, 'turn --confirm production')?.change.confirm).toBe('production');
    expect(parse(change, 'turn', { OPSCTL_WITHOUT_ENGINE: '1' })?.change.withoutEngine).toBe(false);
    expect(parse(change, 'turn --without-engine')?.change.withoutEngine).toBe(true);
  });

  test('"false" is false and nonsense is a mistake', () => {
    expect(parse(change, 'turn', { OPSCTL_YES: 'false' })?.change.yes).toBe(false);
    expect(() => parse(change, 'turn', { OPSCTL_YES: 'perhaps' })).toThrow(
      'OPSCTL_YES: perhaps is neither true nor false',
    );
  });
});

describe('a mistake must be named', () => {
  test.each([
    ['look at --detep', /unknown option '--detep'/],
    ['look at --count many', /--count: many is not a number/],
    ['look at --count 0', /--count: /],
    ['look at --kind c', /Allowed choices are a, b/],
    ['look at one two', /too many arguments/],
  ])('%s', (line, message) => {
    expect(() => parse(read, line)).toThrow(message);
  });

  test('with the nearest flag as the hint', () => {
    expect(() => parse(read, 'look at --cuont 3')).toThrow(
      expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining('--count') as string }) as Error,
    );
  });
});

test('a text that begins as a flag does must be told from one, and be taken behind --', () => {
  const typed = (...words: string[]) => readCommandLine(read, ['look', 'at', ...words], {}, () => undefined, 80);
  for (const text of ['-- why\nselect 1', '--why\nselect 1', '-1 day'])
    expect(() => typed(text)).toThrow(
      expect.objectContaining({ code: 'USAGE', hint: expect.stringContaining("opsctl look at -- '<name>'") as string }),
    );
  expect(typed('--', '-- why\nselect 1')?.input).toMatchObject({ name: '-- why\nselect 1' });
  // A flag that is misspelt stays one, whatever its value.
  expect(() => typed('--reasn=so it is')).toThrow("unknown option '--reasn=so it is'");
});

test('help shows flags, their defaults, examples and variables, and runs nothing', () => {
  expect(parse(read, 'look at --help')).toBeUndefined();
  expect(help).toContain('--count <number>');
  expect(help).toMatch(/--count <number> +default: 3\n/);
  expect(help).toMatch(/--kind <kind> +default: a \(choices: "a", "b"\)\n/);
  expect(help).toMatch(/--only <text>\n/);
  expect(help).toContain('Examples:');
  expect(help).toContain('OPSCTL_LOOK_AT_');
});
