/** What a restart does to the keys of a cache: whether they are on disk by then, and whether they are there again. */
import { duration, plural } from '../core/format.ts';
import type { CacheLook, CachePersistence } from '../core/ports/cache.ts';

type Look = CacheLook<'persistence'>;

/** Share of the time until SIGKILL that a save may have taken last: the next one is larger, on a disk that is as busy. */
const MUCH_OF_GRACE = 0.5;
/** Share of the keys that were there before: what expires or is evicted during a restart does not come near it. */
const FEW = 0.5;

/** How many keys it has, in all databases; undefined where that is not told. */
export const keysOf = ({ server }: Look): number | undefined =>
  server.databases?.reduce((sum, { keys }) => sum + keys, 0);

/** Why keys would be lost, or may be; undefined where they would not. */
export function lossOf(look: Look, graceSeconds: number): string | undefined {
  const keys = keysOf(look);
  const { persistence } = look.parts;
  if (keys === 0) return undefined;
  const many = keys === undefined ? 'its keys' : `its ${plural(keys, 'key')}`;
  const untold = `does not tell whether it keeps ${many} on disk: a restart may lose them`;
  if (persistence.is !== 'seen') return untold;
  const { isLoading, appends, lastAppendOk, saves, lastSaveOk, changes } = persistence.value;
  // What it loads is on disk, and it does not save before it has that.
  if (isLoading) return undefined;
  if (appends && !lastAppendOk)
    return 'could not write to its append-only file the last time, or not rewrite it: a restart may lose what is not there';
  if (saves !== false && !lastSaveOk)
    return `could not save the last time. Asked to end it saves, refuses to end as long as that fails, and is killed after ${plural(graceSeconds, 'second')}: ${appends ? 'what the append-only file does not have yet would be lost' : `${plural(changes, 'change')} would be lost`}`;
  if (appends || saves === true) return undefined;
  return saves === undefined ? untold : `keeps nothing on disk: a restart would lose ${many}`;
}

/** What becomes of the keys, for the plan. */
export function keptText(look: Look, graceSeconds: number): string[] {
  const keys = keysOf(look);
  const { persistence } = look.parts;
  const many = keys === undefined ? 'an unknown number of keys' : plural(keys, 'key');
  if (persistence.is !== 'seen') return [`${many}; whether they are kept on disk is not told: ${persistence.reason}`];
  const { appends, saves, changes, isLoading } = persistence.value;
  if (isLoading) return ['it loads its data from disk now, and will begin with that again'];
  if (!appends && saves === false) return [`${many}, of which nothing is kept on disk`];
  if (!appends && saves === undefined) return [`${many}; whether they are kept on disk is hidden from this user`];
  const kept = appends
    ? `${many}, kept by the append-only file`
    : `${many}; ${plural(changes, 'change')} since the last snapshot, which an orderly end saves`;
  return [kept, ...slowSave(persistence.value, graceSeconds)];
}

function slowSave({ saves, lastSaveMs = 0 }: CachePersistence, graceSeconds: number): string[] {
  if (saves !== true || lastSaveMs <= graceSeconds * 1000 * MUCH_OF_GRACE) return [];
  return [
    `its last save took ${duration(lastSaveMs)}, and ${plural(graceSeconds, 'second')} after it was asked to end it is killed, saved or not: give it more time with --grace-seconds ${Math.ceil((lastSaveMs * 3) / 1000).toString()}`,
  ];
}

/** Whether so few of the keys came back that they must have been lost. */
export const isLost = (before: number | null, keys: number): boolean => before !== null && keys < before * FEW;
