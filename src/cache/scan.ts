/** What reports of keys have in common: how far a scan came, what it cost, and how a key is shown. */
import * as z from 'zod';

import { bytes, duration, percent } from '../core/format.ts';
import type { CacheServer, Key, KeyFact, KeyScan, ScanRequest } from '../core/ports/cache.ts';
import { redisCli } from '../core/redis-cli.ts';
import { type Verdict, verdict } from '../core/verdict.ts';

/** What a report wants to know of keys. */
export type Asks = Pick<ScanRequest, 'facts' | 'groups'>;

/** How far a scan came and what it cost, as data. */
export const scanSchema = z
  .object({
    scanned: z.number(),
    total: z.number().nullable().describe('keys that there are; null where nothing tells it'),
    cursor: z.string().nullable().describe('for --cursor, to go on; null at the end'),
    ended: z.enum(['all', 'keys', 'time', 'latency']).describe('latency: the server became slower'),
    latencyMs: z.object({ before: z.number(), after: z.number() }).describe('round trips, in the middle'),
    ms: z.number(),
    commands: z.number(),
  })
  .meta({ id: 'CacheScan' });
export type ScanData = z.infer<typeof scanSchema>;

export const scanData = ({ scanned, total, cursor, ended, latencyMs, ms, commands }: KeyScan): ScanData => ({
  scanned,
  total: total ?? null,
  cursor: cursor ?? null,
  ended,
  latencyMs,
  ms,
  commands,
});

const ENDED: Record<KeyScan['ended'], string> = {
  all: 'all of them',
  keys: 'then the budget of keys was used up',
  time: 'then the budget of time was used up',
  latency: 'then round trips took twice as long as before or longer, by 5 ms at least, and the scan was ended',
};

/** The command that goes on where the scan ended; none at the end. */
export const goOn = ({ cursor }: KeyScan, command: string): string[] =>
  cursor === undefined ? [] : [`${command} --cursor ${cursor}`];

/** How far it came, where, what it cost, what it lacks. */
export function scanNotes(scan: KeyScan, server: CacheServer): string[] {
  const { scanned, total, ended, latencyMs, lacks, touched } = scan;
  const of =
    total === undefined || total === 0 ? '' : ` of ${total.toString()} (${percent(Math.min(1, scanned / total))})`;
  return [
    `looked at ${scanned.toString()} keys${of}, ${ENDED[ended]}; cost: ${scan.commands.toString()} commands in ${duration(scan.ms)}, round trip ${duration(latencyMs.before)} before, ${duration(latencyMs.after)} at the end`,
    ...whereText(server),
    ...(touched && scan.elements > 0
      ? ['this server counts what was looked at as used (CLIENT NO-TOUCH is not known or not permitted)']
      : []),
    ...lacks.map(
      ({ fact, reason, fix }) => `${fact} left out: ${reason}${fix.length === 0 ? '' : `; ${fix.join('; ')}`}`,
    ),
  ];
}

/** Databases that are named. */
const NAMED = 8;

/** Which databases it was about, where that is not the one of the cache, as one expects. */
function whereText({ databases, database }: CacheServer): string[] {
  const own = database.toString();
  if (databases === undefined) return [`database ${own} only: which others have keys is not told to this user`];
  if (databases.every(({ index }) => index === database)) return [];
  const all = databases.map(({ index }) => index.toString());
  const named = all.length > NAMED ? `${all.slice(0, NAMED).join(', ')}, …` : all.join(', ');
  return [`in all databases of the server that have keys (${named}); that of the cache is ${own}`];
}

/** Why a report has nothing to go by; undefined where it has. */
export function lacking({ lacks }: KeyScan, fact: KeyFact): Verdict | undefined {
  const lack = lacks.find((one) => one.fact === fact);
  return lack && verdict.skipped(lack.reason, lack.fix);
}

/** A part of the keys stands for all of them only so far. */
export const isPart = ({ ended, total, scanned }: KeyScan): boolean =>
  ended !== 'all' || (total !== undefined && scanned < total / 2);

/** Names that are shown as they are: neither cut nor with bytes that no terminal shows. Of others no command is suggested. */
const WHOLE = /^[ -[\]-~]+$/;

/** How to see what is in a key, a little of it. */
export function lookInto({ name, type, database }: Key): string[] {
  if (!WHOLE.test(name)) return [];
  const looks: Readonly<Record<string, readonly string[]>> = {
    string: ['GETRANGE', name, '0', '99'],
    list: ['LRANGE', name, '0', '9'],
    hash: ['HSCAN', name, '0', 'COUNT', '10'],
    set: ['SSCAN', name, '0', 'COUNT', '10'],
    zset: ['ZRANGE', name, '0', '9'],
    stream: ['XRANGE', name, '-', '+', 'COUNT', '10'],
  };
  const look = type === undefined ? undefined : looks[type];
  return look === undefined ? [] : [redisCli(...(database === 0 ? [] : ['-n', database.toString()]), ...look)];
}

export const bytesText = (count: number | null | undefined): string => (typeof count === 'number' ? bytes(count) : '-');
export const expiryText = (ms: number | null | undefined): string =>
  ms === null ? 'never' : ms === undefined ? '-' : duration(ms);
