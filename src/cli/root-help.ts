import { GROUPS, NOUNS, registry } from '../commands/index.ts';

/** What is shown first of a noun or command in the root help: its word and a sentence. */
export interface Topic {
  word: string;
  summary: string;
  group: keyof typeof GROUPS;
}

/** Every first word once, in the order of the registry. */
export function topics(): Topic[] {
  const seen = new Map<string, Topic>();
  for (const { name, summary, group } of registry) {
    const word = name.split(' ')[0] ?? name;
    if (!seen.has(word)) seen.set(word, { word, summary: NOUNS[word] ?? summary, group });
  }
  return [...seen.values()];
}

const INDENT = 15;
const WIDEST = 100;

/** `opsctl --help`, put together without loading a library: it is what newcomers wait for. */
export function rootHelp(columns: number | undefined): string {
  const width = Math.max(40, Math.min(columns ?? 80, WIDEST));
  const lines = [
    'opsctl: a production runbook as commands, for platforms on Docker.',
    '',
    'Usage: opsctl <command> [arguments] [flags]',
  ];
  for (const [group, title] of Object.entries(GROUPS)) {
    lines.push('', `${title}:`);
    for (const { word, summary } of topics().filter((topic) => topic.group === group))
      lines.push(`  ${word.padEnd(INDENT - 2)}${fold(summary, width)}`);
  }
  lines.push(
    '',
    'Help for one command: opsctl <command> --help. Version: opsctl --version.',
    'Exit codes: 0 done or healthy, 1 a check says no, 2 usage, 3 rolled back,',
    '4 not fully rolled back, 5 refused, 6 could not observe, 70 bug, 130 interrupted.',
  );
  return `${lines.join('\n')}\n`;
}

function fold(text: string, width: number): string {
  let line = '';
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    if (line !== '' && INDENT + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${' '.repeat(INDENT)}`);
}
