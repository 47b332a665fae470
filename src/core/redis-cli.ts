/** A command of Redis' own, as it is typed into a shell: for what opsctl has none for. */
import { shellWord } from './shell.ts';

export const redisCli = (...words: readonly string[]): string => ['redis-cli', ...words.map(shellWord)].join(' ');

/** How to get where such commands are answered. */
export const REDIS_CLI =
  'redis-cli: as docker exec -it <container of the cache> redis-cli, or with -h and -p; --user and --askpass where a password is wanted';
