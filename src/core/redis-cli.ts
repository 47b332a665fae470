/** A command of Redis' own, as it is typed into a shell: for what opsctl has none for. */

/** Words that every shell takes as they are. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/** Names of keys and rules of permissions have characters that a shell would obey. */
const quoted = (word: string): string => (PLAIN.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

export const redisCli = (...words: readonly string[]): string => ['redis-cli', ...words.map(quoted)].join(' ');

/** How to get where such commands are answered. */
export const REDIS_CLI =
  'redis-cli: as docker exec -it <container of the cache> redis-cli, or with -h and -p; --user and --askpass where a password is wanted';
