/**
 * dockerd leaves a bridge, packet filter rules and two settings in the machine's network when it
 * ends. What was there before its first start is noted, so that its removal leaves nothing of it.
 */
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { hasProgram } from './packages.ts';
import { attempt } from './run.ts';

const FORWARDING = '/proc/sys/net/ipv4/ip_forward';
const DOCKER_LINK = /^(docker0|br-[0-9a-f]{12})$/;
const DOCKER_RULE = /DOCKER|\b(docker0|br-[0-9a-f]{12})\b/;

interface Note {
  readonly links: readonly string[];
  readonly forwarding: string;
  /** The policy of the chain FORWARD, which dockerd sets to DROP. */
  readonly policy: string;
  /** Docker's rules were there already: of an engine that is not ours, so they stay. */
  readonly foreignRules: boolean;
}

/** Notes the network's state, unless that was done before an earlier start. */
export async function noteNetwork(path: string): Promise<void> {
  const rules = (await attempt(['iptables-save'])).stdout;
  const note: Note = {
    links: readdirSync('/sys/class/net'),
    forwarding: (await readFile(FORWARDING, 'utf8').catch(() => '')).trim(),
    policy: /^:FORWARD (\w+)/m.exec(rules)?.[1] ?? 'ACCEPT',
    foreignRules: DOCKER_RULE.test(rules),
  };
  await writeFile(path, JSON.stringify(note), { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

/** Puts the network back. Best effort: a rule that stays does no harm. */
export async function restoreNetwork(path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const note = JSON.parse(text) as Note;
  if (note.foreignRules || note.links.includes('docker0')) return;
  const links = readdirSync('/sys/class/net').filter((name) => DOCKER_LINK.test(name) && !note.links.includes(name));
  for (const link of links) await attempt(['ip', 'link', 'delete', link]);
  await dropRules(note.policy);
  if (note.forwarding !== '') await writeFile(FORWARDING, note.forwarding).catch(() => {});
}

async function dropRules(policy: string): Promise<void> {
  if (!hasProgram('iptables-save')) return;
  const { ok, stdout } = await attempt(['iptables-save']);
  if (!ok || !DOCKER_RULE.test(stdout)) return;
  const rules = stdout
    .split('\n')
    .filter((line) => !DOCKER_RULE.test(line))
    .map((line) => line.replace(/^:FORWARD \w+/, `:FORWARD ${policy}`));
  await attempt(['iptables-restore'], { input: `${rules.join('\n')}\n` });
}
