import { readFileSync } from 'node:fs';
import path from 'node:path';

import { describe, expect, test } from 'vitest';

import { findEntry } from '../../src/cli/entry.ts';
import { readCommandLine } from '../../src/cli/invocation.ts';
import { NOUNS, registry } from '../../src/commands/index.ts';

const coverage = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'coverage.json'), 'utf8'),
) as {
  later: Record<string, string>;
  lines: { runbook: string; commands: string[] }[];
};

/** Splits an example as a shell would, as far as examples go: words and single or double quotes. */
const words = (line: string): string[] =>
  [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');

describe.each(registry.map((entry) => [entry.name, entry] as const))('%s', (name, entry) => {
  test('the declaration must carry the name and summary of the registry', async () => {
    const command = (await entry.load()).default;
    expect({ name: command.name, summary: command.summary }).toEqual({ name, summary: entry.summary });
  });

  test('every example must parse as this command', async () => {
    const command = (await entry.load()).default;
    expect(command.examples.length).toBeGreaterThan(0);
    for (const example of command.examples) {
      const [program, ...argv] = words(example.command.split(/ [|>] /)[0] ?? '');
      expect(program).toBe('opsctl');
      expect(findEntry(argv, registry)?.name).toBe(name);
      expect(readCommandLine(command, argv, {}, () => undefined, 80)).toBeDefined();
    }
  });

  test('every flag must say what it is', async () => {
    const command = (await entry.load()).default;
    for (const [field, schema] of Object.entries(command.input.shape)) {
      const described = JSON.stringify([
        schema.meta(),
        (schema as { unwrap?: () => { meta?: () => unknown } }).unwrap?.().meta?.(),
      ]);
      expect(described, `${name} ${field}`).toContain('description');
    }
  });

  test('a noun with verbs must be described', () => {
    const [noun = '', verb] = name.split(' ');
    if (verb !== undefined) expect(NOUNS).toHaveProperty(noun);
  });
});

test('every command that the page of peers names must be one', async () => {
  const page = readFileSync(path.join(import.meta.dirname, '..', '..', 'docs', 'peers-database.md'), 'utf8');
  const named = [...page.matchAll(/`(?:opsctl )?(db [^`]*)`/g)].map(([, line = '']) => words(line));
  expect(named.length).toBeGreaterThan(50);
  for (const argv of named) {
    const entry = findEntry(argv, registry);
    // What a command needs (`db kill` a process id) is left out where it is only named.
    if (entry === undefined || argv.length > 2) {
      expect([argv, entry?.name]).toEqual([argv, argv.slice(0, 2).join(' ')]);
      if (entry !== undefined) readCommandLine((await entry.load()).default, argv, {}, () => undefined, 80);
    }
  }
});

test('every line of the runbook must lead to a command that exists or is listed as still to come', () => {
  const names = new Set(registry.map(({ name }) => name));
  const missing = coverage.lines.flatMap((line) =>
    line.commands
      .filter(
        (command) =>
          !names.has(command) &&
          coverage.later[command] === undefined &&
          coverage.later[command.split(' ')[0] ?? ''] === undefined,
      )
      .map((command) => `${line.runbook}: ${command}`),
  );
  expect(missing).toEqual([]);
});

test('nothing that exists may be listed as still to come', () => {
  expect(registry.filter(({ name }) => coverage.later[name] !== undefined).map(({ name }) => name)).toEqual([]);
});
