import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { install } from '../../../scripts/packages.ts';
import { candidates } from '../../../src/cli/complete.ts';
import { readTyped } from '../../../src/cli/complete-words.ts';
import { registry } from '../../../src/commands/index.ts';
import { scriptFor, type Shell, SHELLS } from '../../../src/completion/scripts.ts';

const CONFIG = `
environments:
  staging: { compose: { project: shop }, services: { one: {} } }
  production:
    compose: { project: shop }
    engine: { host: unix:///nowhere.sock }
    services: { api: { health: 'http://127.0.0.1/' }, web: {} }
    loadBalancer: { service: nginx }
    databases: { main: { service: postgres } }
    volumes: [shop_data]
    unknownKey: a mistake that must not matter here
default: production
links: { docs: https://docs.example.org, grafana: { url: https://grafana.example.org, title: dashboards } }
`;
const BUILT = path.resolve(import.meta.dirname, '../../../bin/opsctl');

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'opsctl-completion-'));
  writeFileSync(path.join(folder, 'opsctl.yaml'), CONFIG);
  const program = path.join(folder, 'opsctl');
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${BUILT}' "$@"\n`);
  chmodSync(program, 0o755);
  for (const shell of SHELLS) writeFileSync(path.join(folder, shell), scriptFor(shell));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Values offered for a command line, the last word being at the cursor. */
async function offered(...words: string[]): Promise<string[]> {
  const current = words.pop() ?? '';
  const before = words[0] === '-e' ? words : ['--config', path.join(folder, 'opsctl.yaml'), ...words];
  return (await candidates({ before, current, kept: '' })).map(({ value }) => value);
}

describe('candidates', () => {
  it('are commands at first, each word once', async () => {
    const words = await offered('');
    expect(words).toEqual([...new Set(registry.map(({ name }) => name.split(' ')[0]))]);
    expect(await offered('sta')).toEqual(['status', 'stats']);
    expect(await offered('lock', '')).toContain('release');
  });
  it('are flags of the declaration after a dash, those used already left out', async () => {
    expect(await offered('logs', '--s')).toEqual(['--since', '--set']);
    expect(await offered('logs', 'api', '--since', '1h', '--s')).toEqual(['--set']);
    expect(await offered('service', 'restart', '--dry')).toEqual(['--dry-run']);
    expect(await offered('status', '--dry')).toEqual([]);
  });
  it('are the values of an enum, whether after = or apart', async () => {
    expect(await offered('completion', '')).toEqual([...SHELLS]);
    expect(await offered('completion', 'zsh', '')).toEqual([]);
  });
  it('are names of the chosen environment, though the file has a mistake', async () => {
    expect(await offered('logs', '')).toEqual(['api', 'web', 'nginx', 'postgres']);
    expect(await offered('-e', 'staging', '--config', path.join(folder, 'opsctl.yaml'), 'logs', '')).toEqual(['one']);
    expect(await offered('--environment', '')).toEqual(['staging', 'production']);
    expect(await offered('open', '')).toEqual(['docs', 'grafana']);
    expect(await offered('trace', '')).toEqual(['api', 'docs', 'grafana']);
    expect(await offered('volume', '')).toEqual(['shop_data']);
    expect(await offered('network', '')).toEqual([]);
    expect(await offered('stats', 'api', '')).toEqual(['web', 'nginx', 'postgres']);
  });
  it('are file names for --config', async () => {
    expect(await offered('--config', 'x')).toEqual([':files']);
    expect(await offered('logs', '--config=x')).toEqual([]);
  });
  it('are none where nothing is known', async () => {
    expect(await offered('nonsense', '')).toEqual([]);
    expect(await offered('logs', '--tail', '')).toEqual([]);
    expect(await offered('logs', 'api', '')).toEqual([]);
  });
});

describe('words as bash splits them', () => {
  it.each([
    [
      ['bash', '--current=w', '--', 'health', '--fail-on', '='],
      { before: ['health'], current: '--fail-on=w', kept: '--fail-on=' },
    ],
    [
      ['bash', '--current==', '--', 'health', '--fail-on'],
      { before: ['health'], current: '--fail-on=', kept: '--fail-on=' },
    ],
    [['bash', '--current=//x', '--', 'trace', 'http', ':'], { before: ['trace'], current: 'http://x', kept: 'http:' }],
    [['bash', '--current=', '--', 'logs'], { before: ['logs'], current: '', kept: '' }],
    [['zsh', '--current=--a=b', '--', 'x'], { before: ['x'], current: '--a=b', kept: '' }],
  ])('%j', (args, expected) => {
    expect(readTyped(args)).toEqual(expected);
  });
  it('and nothing that no script sends', () => {
    expect(readTyped([])).toBeUndefined();
    expect(readTyped(['bash', 'x', '--'])).toBeUndefined();
  });
});

const version = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;

/** What a shell offers for a line, by its own means of completing. */
function completed(shell: Shell, line: string): string[] {
  const env = {
    ...process.env,
    PATH: `${folder}:${process.env['PATH'] ?? ''}`,
    LINE: line,
    OPSCTL_CONFIG: path.join(folder, 'opsctl.yaml'),
  };
  const run = (program: string, args: string[]): string =>
    execFileSync(program, args, { env, cwd: folder, encoding: 'utf8', timeout: 30_000 });
  if (shell === 'fish')
    return run('fish', ['-N', '-c', `source ${folder}/fish; complete -C "$LINE"`])
      .split('\n')
      .map((one) => one.split('\t')[0] ?? '')
      .filter((one) => one !== '');
  if (shell === 'bash') {
    // Words as readline would split them: at blanks, and around = and :.
    const script = `source ${folder}/bash; complete -p opsctl >/dev/null || exit 1; eval "set -- $WORDS"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _opsctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const words = line.split(/([ =:])/).filter((one) => one !== '' && one !== ' ');
    const quoted = [...words, ...(line.endsWith(' ') ? [''] : [])].map((one) => `'${one}'`).join(' ');
    return execFileSync('bash', ['--norc', '-c', script], {
      env: { ...env, WORDS: quoted },
      cwd: folder,
      encoding: 'utf8',
    })
      .split('\n')
      .filter((one) => one !== '');
  }
  // A terminal of its own, where Tab is pressed twice: the second time it lists.
  const script = `
    zmodload zsh/zpty; zpty z zsh -f -i
    zpty -w z "PS1=; autoload -Uz compinit; compinit -u -D; source ${folder}/zsh; zstyle ':completion:*' verbose no; compadd () { builtin compadd -O hits \\"\\$@\\"; for h in \\$hits; do print -r -- \\"HIT:\\$h:\\" >> ${folder}/hits; done; builtin compadd \\"\\$@\\" }; echo rea''dy"
    while zpty -r z l; do [[ "$l" == *ready* ]] && break; done
    zpty -w -n z "$LINE"$'\\t'
    repeat 60; do [[ -s ${folder}/hits ]] && break; sleep 0.1; done; sleep 0.2
    zpty -d z`;
  rmSync(path.join(folder, 'hits'), { force: true });
  run('zsh', ['-f', '-c', script]);
  const hits = path.join(folder, 'hits');
  return existsSync(hits)
    ? [
        ...new Set(
          [...execFileSync('cat', [hits], { encoding: 'utf8' }).matchAll(/HIT:(.*):/g)].map(([, hit]) => hit ?? ''),
        ),
      ]
    : [];
}

describe.each(['bash', 'zsh', 'fish'] as const)('in a real %s', (shell) => {
  beforeAll(async () => {
    if (!version(shell)) await install([shell]);
  }, 300_000);
  it('commands, names and flags are offered', () => {
    expect(completed(shell, 'opsctl sta').toSorted()).toEqual(['stats', 'status']);
    expect(completed(shell, 'opsctl logs ').toSorted()).toEqual(['api', 'nginx', 'postgres', 'web']);
    expect(completed(shell, 'opsctl logs api --ta')).toEqual(['--tail']);
  });
  it('completing must never carry out what was typed', () => {
    completed(shell, `opsctl logs $(touch ${folder}/carried-out) \`touch ${folder}/carried-out\` a`);
    expect(existsSync(path.join(folder, 'carried-out'))).toBe(false);
  });
});

describe('the PowerShell script', () => {
  // No PowerShell here: only that it is there and passes words on without evaluating them.
  it('registers a native completer and evaluates nothing', () => {
    expect(scriptFor('powershell')).toContain('Register-ArgumentCompleter -Native -CommandName opsctl');
    expect(scriptFor('powershell')).not.toMatch(/^[^#]*(Invoke-Expression|\biex\b)/m);
    expect(scriptFor('powershell')).toContain('-split "`t", 2');
  });
});
