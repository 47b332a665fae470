/** Nothing is changed unasked: flags, and a person at a real terminal. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { describe, inject, test } from 'vitest';

import { documentOf, historyOf, type Scene, sceneFor } from '../support/change-scene.ts';
import { waitUntil } from '../support/process.ts';

const BIN = path.resolve(import.meta.dirname, '..', '..', 'bin', 'opsctl');

interface AtTerminal {
  code: number | null;
  /** What the terminal showed: prompt, plan, progress. */
  screen: string;
  /** stdout, which goes to a file. */
  stdout: string;
}

/**
 * Runs the program at a real terminal (script's), with stdout in a file, as in `opsctl … >out`. When `prompt` shows,
 * `meanwhile` happens and `typed` is typed.
 */
async function atTerminal(
  one: Scene,
  argv: string[],
  dialogue: { prompt: RegExp; typed: string; meanwhile?: () => Promise<unknown> },
): Promise<AtTerminal> {
  const out = path.join(mkdtempSync(path.join(tmpdir(), 'opsctl-pty-')), 'stdout');
  const quoted = [process.execPath, BIN, ...argv].map((word) => `'${word}'`).join(' ');
  const child = spawn(
    'script',
    ['--quiet', '--return', '--command', `stty cols 100; ${quoted} >'${out}'`, '/dev/null'],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        TERM: 'xterm',
        DOCKER_HOST: inject('platform').dockerHost,
        OPSCTL_CONFIG: one.config,
        OPSCTL_ACTOR: 'alice',
      },
    },
  );
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (screen += text));
  const ended = new Promise<number | null>((resolve) => void child.on('close', resolve));
  await waitUntil(
    () => Promise.resolve(dialogue.prompt.test(plain(screen))),
    () => `no prompt in: ${plain(screen)}`,
  );
  await dialogue.meanwhile?.();
  child.stdin.write(dialogue.typed);
  const code = await ended;
  return { code, screen: plain(screen), stdout: readFileSync(out, 'utf8') };
}

// oxlint-disable-next-line no-control-regex -- what a terminal obeys is taken out
const plain = (text: string): string => text.replace(/\u001b\[[0-?]*[ -/]*[@-~]/g, '').replace(/\r/g, '');

const RESTART = ['service', 'restart', 'app'];

describe.concurrent('without a terminal', () => {
  test('a change must be refused and the flag named; --yes does it, for a protected environment too', async ({
    expect,
    onTestFinished,
  }) => {
    for (const isProtected of [false, true]) {
      const one = await sceneFor(onTestFinished, { isProtected });
      const before = await one.see();
      const refused = await one.as('ci')([...RESTART, '--json']);
      const shown = await one.as('ci')(RESTART);
      const wrong = await one.as('ci')([...RESTART, '--confirm', 'elsewhere']);
      expect(await one.see()).toEqual(before);
      expect(await one.own()).toEqual([]);
      expect(refused.code).toBe(5);
      expect(documentOf(refused).error).toMatchObject({
        code: 'NOT_CONFIRMED',
        message: 'not confirmed: there is no terminal to ask at',
        hint: 'Look at the plan with --dry-run, then add --yes.',
      });
      expect(shown.code).toBe(5);
      expect(shown.stdout).toBe('');
      expect(shown.stderr).toContain(`Plan for ${one.environment}: restart app, 1 container`);
      expect(wrong.code).toBe(5);
      const done = await one.as('ci')([...RESTART, ...(isProtected ? ['--confirm', one.environment] : ['--yes'])]);
      expect((await one.see())[0]?.startedAt).not.toBe(before[0]?.startedAt);
      expect(done.code).toBe(0);
    }
  });
});

describe.concurrent('at a terminal', () => {
  for (const [how, typed, code] of [
    ['Enter', '\r', 5],
    ['n', 'n\r', 5],
    ['y', 'y\r', 0],
    ['Ctrl-C', '\u0003', 130],
  ] as const) {
    test(`${how} must ${code === 0 ? 'go on' : 'change nothing'}`, async ({ expect, onTestFinished }) => {
      const one = await sceneFor(onTestFinished);
      const before = await one.see();
      const result = await atTerminal(one, RESTART, { prompt: /Go on\? \(y\/N\)/, typed });
      const after = await one.see();
      if (code === 0) expect(after[0]?.startedAt).not.toBe(before[0]?.startedAt);
      else {
        expect(after).toEqual(before);
        expect(await one.own()).toEqual([]);
        expect(result.stdout).toBe(''); // the prompt is on stderr
      }
      expect(result.code, result.screen).toBe(code);
      expect(result.screen).toContain('1. stop ');
      if (code === 5) expect(result.screen).toContain('not confirmed, nothing was changed');
      if (code === 130) expect(result.screen).toContain('interrupted, nothing was changed');
      if (code === 0) expect(result.stdout).toMatch(/^✓ .* running, healthy\n$/);
    });
  }

  test('an environment called production must be typed; anything else changes nothing', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished, { isProtected: true });
    const before = await one.see();
    const prompt = /Type production to go on \(production is protected\)/;
    for (const typed of ['y\r', 'app\r', '\r'])
      expect((await atTerminal(one, RESTART, { prompt, typed })).code).toBe(5);
    expect(await one.see()).toEqual(before);
    const result = await atTerminal(one, RESTART, { prompt, typed: `${one.environment}\r` });
    expect((await one.see())[0]?.startedAt).not.toBe(before[0]?.startedAt);
    expect(result.code, result.screen).toBe(0);
  });

  test('what cannot be undone must be typed even with --yes', async ({ expect, onTestFinished }) => {
    const one = await sceneFor(onTestFinished);
    const lock = `opsctl-lock-${one.environment.replace('stage', 'opsctl-change')}`;
    const labels = ['owner=alice', 'host=h', 'pid=1', 'command=x', 'change=y', 'ttl=30000', 'token=t'].flatMap(
      (label) => ['--label', `opsctl.lock.${label}`],
    );
    const scope = lock.replace('opsctl-lock-', '');
    await one.docker(
      'create',
      '--name',
      lock,
      '--label',
      `opsctl.lock=${scope}`,
      ...labels,
      '--label',
      'opsctl.demo=false',
      '--entrypoint',
      'true',
      'ecommerce-redis:8',
    );
    const argv = ['lock', 'release', '--yes', '--reason', 'test'];
    const prompt = new RegExp(`Type ${one.environment} to go on \\(it cannot be undone\\)`);
    expect((await atTerminal(one, argv, { prompt, typed: 'y\r' })).code).toBe(5);
    expect(await one.own()).toContain(lock);
    const result = await atTerminal(one, argv, { prompt, typed: `${one.environment}\r` });
    expect(await one.own()).not.toContain(lock);
    expect(result.code, result.screen).toBe(0);
    expect((await historyOf(one)).changes).toMatchObject([
      { command: 'lock release', outcome: 'done', reason: 'test' },
    ]);
  });

  test('a platform that changed while the person was thinking must be refused with the new plan', async ({
    expect,
    onTestFinished,
  }) => {
    const one = await sceneFor(onTestFinished);
    const meanwhile = (): Promise<string> => one.docker('stop', one.containers[0] ?? '');
    const result = await atTerminal(one, RESTART, { prompt: /Go on\? \(y\/N\)/, typed: 'y\r', meanwhile });
    expect((await one.see())[0]?.running).toBe(false);
    expect(await one.own()).toEqual([]);
    expect(result.code, result.screen).toBe(5);
    expect(result.screen).toMatch(
      /it does not run[\s\S]*the platform changed after the plan was shown, so nothing was done/,
    );
  });
});
