/** Ways to damage the reference platform that take more than one command, each with its repair. */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { attempt, run } from '../../scripts/run.ts';
import { makeCertificates } from './certificates.ts';

/** Puts right what was damaged; `argv` is what opsctl must be told in the meantime. */
export type Repair = (() => Promise<unknown>) & { argv?: readonly string[] };

const docker = (...args: string[]): Promise<string> => run(['docker', ...args], { timeoutMs: 30_000 });

/** A container's place in a network: by these names the others find it. */
interface End {
  network: string;
  aliases: string[];
}

/** Takes a container off all its networks; gives what is needed to put it back. */
export async function cutOff(container: string): Promise<End[]> {
  const text = await docker('inspect', '-f', '{{json .NetworkSettings.Networks}}', container);
  const networks = JSON.parse(text) as Record<string, { Aliases: string[] | null }>;
  const ends = Object.entries(networks).map(([network, { Aliases }]) => ({ network, aliases: Aliases ?? [] }));
  for (const { network } of ends) await docker('network', 'disconnect', network, container);
  return ends;
}

/** Back into its networks, under the names that compose gave it. */
export async function reconnect(container: string, ends: readonly End[]): Promise<void> {
  for (const { network, aliases } of ends)
    await docker('network', 'connect', ...aliases.flatMap((alias) => ['--alias', alias]), network, container);
}

/**
 * Opens connections and keeps them until no ordinary role gets one any more; with `reserved`, nobody. One session
 * holds them all through dblink: hundreds of clients would first use up the container's memory.
 */
export async function takeConnections(container: string, options: { reserved: boolean }): Promise<() => Promise<void>> {
  const psql = ['exec', '-i', container, 'psql', '-U', 'postgres', '-d', 'postgres', '-qAt', '-v', 'ON_ERROR_STOP=1'];
  const take = (role: string): string => `do $$ begin
      for i in 1..500 loop perform dblink_connect('${role}' || i, 'dbname=ecommerce user=${role}'); end loop;
      exception when others then raise notice 'full'; end $$;`;
  const child = spawn('docker', psql, { stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = new Promise((resolve) => child.once('close', resolve));
  const repair = async (): Promise<void> => {
    child.stdin.end();
    await ended;
    await attempt(['docker', ...psql.filter((arg) => arg !== '-i'), '-c', 'drop extension if exists dblink']);
  };
  child.stdin.write('create extension if not exists dblink;\n');
  child.stdin.write(`${take('app')}\n${options.reserved ? take('postgres') : ''}\nselect 'taken';\n`);
  for (let waited = 0; !said.includes('taken'); waited += 50) {
    if (waited > 20_000 || child.exitCode !== null) {
      await repair();
      throw new Error(`the connections could not be taken: ${said}`);
    }
    await sleep(50);
  }
  return repair;
}

const GIB = 2 ** 30;
const DISK_TAKEN = 6 * GIB;
const DISK_LEFT = 3 * GIB;

/**
 * Takes a part of the disk under the engine's data, by a file in a volume; never so much that it really fills. The
 * limits that come with it stand where that file makes the difference.
 */
export async function takeDisk(): Promise<Repair> {
  const box = 'opsctl-test-disk';
  const remove = (): Promise<unknown> => attempt(['docker', 'rm', '--force', '--volumes', box]);
  await remove();
  const base = ['run', '--name', box, '--label', 'opsctl.test=disk', '--network', 'none', '--volume', '/taken'];
  await docker(...base, '--detach', '--entrypoint', 'sleep', 'opsctl-demo/base', '600');
  const df = await docker('exec', box, 'df', '--block-size=1', '--output=used,avail', '/taken');
  const [used = 0, free = 0] = df.split('\n')[1]?.trim().split(/\s+/).map(Number) ?? [];
  const taken = Math.min(DISK_TAKEN, free - DISK_LEFT);
  if (taken < GIB / 2) {
    await remove();
    throw new Error(`only ${Math.round(free / GIB)} GiB are free under the engine's data: too few to play a full disk`);
  }
  const limit = ((used + taken / 2) / (used + free)).toFixed(4);
  await docker('exec', box, 'fallocate', '--length', String(taken), '/taken/file');
  const set = (name: string): string[] => ['--set', `thresholds.disk.${name}=${limit}`];
  return Object.assign(remove, { argv: [...set('warn'), ...set('crit')] });
}

/** Lets the load balancer show a certificate that ended yesterday; opsctl must trust who signed it. */
export async function endCertificate(container: string, renew: () => Promise<unknown>): Promise<Repair> {
  const made = await makeCertificates();
  const { cert, key } = await made.sign('localhost', ['DNS:localhost', 'IP:127.0.0.1'], -1);
  const files = { 'server.pem': cert, 'server.key': key };
  for (const [file, text] of Object.entries(files)) await writeFile(join(made.directory, file), text);
  // The volume is read-only in the load balancer; a container that never starts can write it.
  const way = await docker(
    'create',
    '--label',
    'opsctl.test=tls',
    '-v',
    'ecommerce_tls:/tls',
    'opsctl-demo/base',
    'true',
  );
  try {
    for (const file of Object.keys(files)) await docker('cp', join(made.directory, file), `${way}:/tls/${file}`);
  } finally {
    await docker('rm', way);
  }
  await docker('exec', container, 'nginx', '-s', 'reload');
  const repair = async (): Promise<void> => {
    await renew();
    await made.remove();
  };
  return Object.assign(repair, { argv: ['--set', `tls.ca=${made.authority}`] });
}

/** Node code that keeps so many MB of memory, really written to. */
const hold = (mb: number, rest: string): string =>
  `const held=[];for(let i=0;i<${mb};i+=1)held.push(Buffer.alloc(1e6,1));${rest}`;

/** Fills the memory of a container nearly up to its limit, by a process beside the main one. */
export async function takeMemory(container: string): Promise<() => Promise<unknown>> {
  const wanted = await roomIn(container, 0.95);
  await docker('exec', '-d', container, 'node', '-e', hold(wanted, 'setTimeout(()=>0,60000)'));
  // There is no pkill in the image.
  const end = `const fs=require('fs');for(const pid of fs.readdirSync('/proc'))try{
    if(Number(pid)!==process.pid&&fs.readFileSync('/proc/'+pid+'/cmdline','utf8').includes('const held='))process.kill(Number(pid))}catch{}`;
  return () => attempt(['docker', 'exec', container, 'node', '-e', end]);
}

/** Lets the kernel kill for memory: a process that takes too much, or the main one because it is marked to go first. */
export async function killForMemory(container: string, victim: 'main' | 'another'): Promise<void> {
  if (victim === 'main') await docker('exec', container, 'sh', '-c', 'echo 1000 > /proc/1/oom_score_adj');
  // In pieces, so that with the main process marked the victim is chosen before this one is alone with its greed.
  const greedy = 'const held=[];setInterval(()=>{for(let i=0;i<20;i+=1)held.push(Buffer.alloc(1e6,1))},20)';
  await attempt(['docker', 'exec', container, 'node', '-e', greedy], { timeoutMs: 30_000 });
}

/** Megabytes that are missing to a share of a container's memory limit. */
async function roomIn(container: string, share: number): Promise<number> {
  const limit = Number(await docker('inspect', '-f', '{{.HostConfig.Memory}}', container));
  const [used = '0'] = (await docker('stats', '--no-stream', '--format', '{{.MemUsage}}', container)).split('MiB');
  return Math.round((limit * share) / 1e6 - (Number(used) * 2 ** 20) / 1e6 - 30);
}
