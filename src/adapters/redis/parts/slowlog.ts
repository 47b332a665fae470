import type { SlowCommand, SlowLog } from '../../../core/ports/cache.ts';
import { keyText } from '../key-text.ts';
import { asRows, numberOf, textOf } from '../reply.ts';
import { setting } from './setting.ts';
import type { Part } from './part.ts';

/** Entries asked for: as many as the server keeps unless told otherwise (`slowlog-max-len`). */
const ENTRIES = 128;

export const slowlog: Part<SlowLog> = async ({ connection }) => {
  const answer = await connection.run(['SLOWLOG', 'GET', ENTRIES.toString()], '+slowlog|get');
  const from = await setting(connection, 'slowlog-log-slower-than');
  return {
    commands: asRows(answer).map(entry),
    ...(from === undefined ? {} : { fromMs: Number(from) < 0 ? null : Number(from) / 1000 }),
  };
};

function entry([, seconds, micros, args, client]: readonly unknown[]): SlowCommand {
  const words = (Array.isArray(args) ? args : []).map(textOf);
  return {
    at: new Date(numberOf(seconds) * 1000).toISOString(),
    ms: numberOf(micros) / 1000,
    ...nameAndKey(words),
    // The server cuts long ones and says how many are left out.
    length: words.length - 1 + Number(/^\.\.\. \((\d+) more arguments\)$/.exec(words.at(-1) ?? '')?.[1] ?? 0),
    client: textOf(client),
  };
}

/** Commands whose first argument is a key; of all others no argument is shown, for it may be a value or a script. */
const OF_A_KEY = new Set(
  `APPEND BITCOUNT BITFIELD BITPOS DECR DECRBY DEL DUMP EXISTS EXPIRE EXPIREAT EXPIRETIME GEOADD GEODIST GEOHASH GEOPOS
  GEOSEARCH GET GETBIT GETDEL GETEX GETRANGE GETSET HDEL HEXISTS HGET HGETALL HGETDEL HGETEX HINCRBY HINCRBYFLOAT HKEYS
  HLEN HMGET HMSET HRANDFIELD HSCAN HSET HSETNX HSTRLEN HVALS INCR INCRBY INCRBYFLOAT LINDEX LINSERT LLEN LMOVE LPOP
  LPOS LPUSH LPUSHX LRANGE LREM LSET LTRIM MGET MSET PERSIST PEXPIRE PEXPIREAT PFADD PFCOUNT PFMERGE PSETEX PTTL RENAME
  RESTORE RPOP RPOPLPUSH RPUSH RPUSHX SADD SCARD SDIFF SDIFFSTORE SET SETBIT SETEX SETNX SETRANGE SINTER SINTERSTORE
  SISMEMBER SMEMBERS SMISMEMBER SMOVE SORT SORT_RO SPOP SRANDMEMBER SREM SSCAN STRLEN SUNION SUNIONSTORE TTL TYPE UNLINK
  XACK XADD XCLAIM XDEL XLEN XPENDING XRANGE XREVRANGE XTRIM ZADD ZCARD ZCOUNT ZINCRBY ZLEXCOUNT ZMSCORE ZPOPMAX ZPOPMIN
  ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANGESTORE ZRANK ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE
  ZREVRANGE ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE ZUNIONSTORE ZINTERSTORE`.split(/\s+/),
);
/** Commands that say in their second word what they do. */
const CONTAINERS = new Set(
  'ACL CLIENT CLUSTER COMMAND CONFIG DEBUG FUNCTION LATENCY MEMORY MODULE OBJECT PUBSUB SCRIPT SLOWLOG XGROUP XINFO'.split(
    ' ',
  ),
);

function nameAndKey([first = '', second]: readonly string[]): { command: string; key?: string } {
  const name = word(first);
  if (second === undefined) return { command: name };
  if (CONTAINERS.has(name)) return { command: `${name} ${word(second)}` };
  return OF_A_KEY.has(name) ? { command: name, key: keyText(Buffer.from(second)) } : { command: name };
}

/** A command's name; a client may send anything as one. */
const word = (text: string): string =>
  text
    .toUpperCase()
    .replaceAll(/[^A-Z0-9._|-]/g, '')
    .slice(0, 40);
