/** Runs the built program as a user would: its own process, its own state directory, no terminal. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { inject } from 'vitest';

const root = path.resolve(import.meta.dirname, '..', '..');

/** How one run ended. */
export interface Result {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  ms: number;
  /** The one document of `--json`; throws when stdout is anything else. */
  json<T = Record<string, unknown>>(): T;
}

export interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** What other machines have of their own. Default: a new directory a call of `machine()`. */
  stateDirectory?: string;
  /** Killed after this time, in ms; then `signal` says so. Default 120 s. */
  timeoutMs?: number;
  /** Sees the process, to send it signals. */
  onStart?: (child: ChildProcess) => void;
}

/** The configuration of the reference platform. */
export const DEMO_CONFIG = path.join(root, 'demo', 'opsctl.yaml');

/** A machine that opsctl runs on: a name and a state directory of its own. */
export function machine(name: string): (argv: string[], options?: RunOptions) => Promise<Result> {
  const stateDirectory = mkdtempSync(path.join(tmpdir(), `opsctl-${name}-`));
  return (argv, options = {}) =>
    opsctl(argv, { stateDirectory, ...options, env: { OPSCTL_ACTOR: name, ...options.env } });
}

/** Runs `bin/opsctl` to its end. Never rejects for what the program does. */
export function opsctl(argv: string[], options: RunOptions = {}): Promise<Result> {
  const began = performance.now();
  const child = spawn(process.execPath, [path.join(root, 'bin', 'opsctl'), ...argv], {
    cwd: options.cwd ?? root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      DOCKER_HOST: inject('platform').dockerHost,
      OPSCTL_CONFIG: DEMO_CONFIG,
      ...(options.stateDirectory === undefined ? {} : { OPSCTL_STATE_DIR: options.stateDirectory }),
      ...options.env,
    },
  });
  options.onStart?.(child);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 120_000);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr, ms: performance.now() - began, json: <T>() => JSON.parse(stdout) as T });
    });
  });
}
