/** `opsctl db …` on a test's own server: from the words of the command line to the one document of `--json`, in this process. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

import { findEntry } from '../../src/cli/entry.ts';
import { readCommandLine } from '../../src/cli/invocation.ts';
import { run } from '../../src/cli/run.ts';
import { makeStyle } from '../../src/cli/style.ts';
import { registry } from '../../src/commands/index.ts';
import type { Finding } from '../../src/core/report.ts';
import type { Status } from '../../src/core/verdict.ts';

/** What a command said and how it ended. */
export interface Said<R = Record<string, unknown>> {
  exit: number;
  data: {
    status: Status;
    findings: Finding[];
    rows: R[];
    notes: string[];
    reports: { name: string; status: Status; reason: string }[];
  };
  error: { code: string; message: string; hint: string; details: Record<string, unknown> };
  cost: { durationMs: number };
}

/** What is said for people, without colour. */
interface Text {
  exit: number;
  out: string;
  /** Warnings, progress, errors. */
  err: string;
}

/** Where no engine is. */
export const NO_ENGINE = 'unix:///nonexistent/docker.sock';

type Thresholds = Record<string, { warn?: number; crit?: number }>;

/** A machine without an engine that has the database at `url` configured; its thresholds are the default where none are given. */
export async function machineOf(
  url: string,
  thresholds: Thresholds = {},
): Promise<{
  json: <R = Record<string, unknown>>(...words: string[]) => Promise<Said<R>>;
  text: (...words: string[]) => Promise<Text>;
}> {
  const home = await mkdtemp(path.join(tmpdir(), 'opsctl-db-command-'));
  onTestFinished(() => rm(home, { recursive: true }));
  const config = path.join(home, 'opsctl.yaml');
  const databases = { main: { url: { env: 'DATABASE_URL' } } };
  const shop = { compose: { project: 'shop' }, engine: { host: NO_ENGINE }, databases, thresholds };
  // JSON is YAML as well.
  await writeFile(config, JSON.stringify({ version: 1, environments: { shop } }));
  const answer = async (words: string[]): Promise<Text> => {
    const entry = findEntry(words, registry);
    if (entry === undefined) throw new Error(`there is no command ${words.join(' ')}`);
    const env = { DATABASE_URL: url, OPSCTL_CONFIG: config, OPSCTL_STATE_DIR: path.join(home, 'state') };
    let [out, err] = ['', ''];
    const style = makeStyle({ width: 100, colour: false });
    const command = (await entry.load()).default;
    const invocation = readCommandLine(command, words, env, () => undefined, 100);
    if (invocation === undefined) throw new Error('help was asked for');
    const exit = await run(invocation, {
      result: (text) => (out += text),
      remark: (text) => (err += text),
      out: style,
      err: style,
      outIsTerminal: false,
      errIsTerminal: false,
      interactive: false,
      env,
      cwd: home,
    });
    return { exit, out, err };
  };
  return {
    json: async <R>(...words: string[]) => {
      const { exit, out } = await answer([...words, '--json']);
      return { exit, ...(JSON.parse(out) as Omit<Said<R>, 'exit'>) };
    },
    text: (...words) => answer(words),
  };
}
