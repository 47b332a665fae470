import { spawn, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { waitUntil } from '../../../support/process.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'opsctl-ssh-'));
  // In place of ssh: says who it is and lives until its stdin ends, as ssh with a closed far side.
  await writeFile(
    path.join(directory, 'ssh'),
    `#!/bin/sh\necho $$ > '${directory}/pid.new'\nmv '${directory}/pid.new' '${directory}/pid'\nexec cat\n`,
  );
  await chmod(path.join(directory, 'ssh'), 0o700);
});
afterAll(() => rm(directory, { recursive: true }));

const lives = (pid: number): boolean => {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', pid.toString()], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z');
};

test('a Ctrl-C must not end ssh, whose step is to finish; the end of the program must', async () => {
  const source = path.resolve(import.meta.dirname, '../../../../src/adapters/docker/ssh.ts');
  const program = `
    process.on('SIGINT', () => undefined);
    const { sshAgent } = await import(${JSON.stringify(source)});
    sshAgent({ kind: 'ssh', host: 'far' }, { PATH: process.env.PATH }).createConnection({});
    setInterval(() => undefined, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
    detached: true, // leads a group, as a program that a shell starts on a terminal
    stdio: 'ignore',
    env: { ...process.env, PATH: `${directory}:${process.env['PATH'] ?? ''}` },
  });
  let ssh = 0;
  await waitUntil(
    async () => (ssh = Number(await readFile(path.join(directory, 'pid'), 'utf8').catch(() => '0'))) > 0,
    () => 'ssh is never started',
  );
  process.kill(-(parent.pid ?? 0), 'SIGINT'); // what the terminal does
  await sleep(300);
  expect([parent.exitCode, lives(ssh)]).toEqual([null, true]);
  parent.kill('SIGKILL');
  await waitUntil(
    () => !lives(ssh),
    () => 'ssh never ends',
  );
});
