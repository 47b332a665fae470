/** What nginx says of itself in its process titles. Its forks angie and freenginx write the same words behind their names. */

const NAME = '(?:nginx|angie|freenginx)';
const WORKER = new RegExp(`^${NAME}: worker process$`);
const MASTER = new RegExp(`^${NAME}: master process (?:v\\S+ #\\d+ \\[)?(.*?)\\]?$`, 's');

export interface Process {
  pid: number;
  command: string;
}

/** True for a worker that takes new connections: the title of one that drains goes on with "is shutting down". */
export function isAcceptingWorker(command: string): boolean {
  return WORKER.test(command.trim());
}

export function isMaster(command: string): boolean {
  return MASTER.test(command.trim());
}

/**
 * The arguments that test the configuration this master uses. Its title is its command line joined by spaces, so
 * options are told from values by their dash; without this, `nginx -t` would test the default
 * file also where the master was started with `-c` or `-p`.
 */
export function testArguments(masterTitle: string): string[] {
  const words = (MASTER.exec(masterTitle.trim())?.[1] ?? '').split(' ').filter((word) => word !== '');
  const program = words[0] !== undefined && PROGRAM.test(words[0]) ? words[0] : 'nginx';
  const kept: string[] = [];
  for (let index = 1; index < words.length; index += 1) {
    // As nginx reads them: letters in one word, the first that takes a value takes what follows it.
    const [, option, joined = ''] = /^-[^cpges]*([cpges])(.*)$/s.exec(words[index] ?? '') ?? [];
    if (option === undefined) continue;
    const value = joined === '' ? [] : [joined];
    while (index + 1 < words.length && !words[index + 1]?.startsWith('-')) value.push(words[(index += 1)] ?? '');
    if (option !== 's') kept.push(`-${option}`, value.join(' '));
  }
  return [program, '-t', ...kept];
}

/** Nothing else is ever run, whatever a title says. */
const PROGRAM = /^(?:\/[\w./-]*\/)?(?:nginx|nginx-debug|openresty|angie|freenginx)$/;
