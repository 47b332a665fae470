/** The configuration of nginx as `nginx -T` prints it, directive by directive. */

/** One directive, and the blocks that it stands in as far as its file shows them: an included file begins anew. */
export interface Directive {
  /** `proxy_pass` and what follows it. */
  words: string[];
  /** The heads of the blocks, outermost first, such as `location /api/`. */
  within: string[];
}

/** A comment, a quoted text, an end, or a word; `${name}` belongs to a word. */
const TOKEN = /#[^\n]*|"(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\])*'|[;{}]|(?:\$\{\w*\}|\\[^]|[^\s;{}\\])+/g;

/** What is no configuration is passed over as well as it can be; never throws. */
export function directivesIn(text: string): Directive[] {
  const found: Directive[] = [];
  const within: string[] = [];
  let words: string[] = [];
  for (const [token] of text.matchAll(TOKEN)) {
    // Within a word, as in an address, it begins no comment.
    if (token.startsWith('#')) {
      if (/^# configuration file .*:$/.test(token.trim())) {
        within.length = 0;
        words = [];
      }
    } else if (token === ';') {
      if (words.length > 0) found.push({ words, within: [...within] });
      words = [];
    } else if (token === '{') {
      within.push(words.join(' '));
      words = [];
    } else if (token === '}') {
      within.pop();
      words = [];
    } else words.push(/^(["']).*\1$/s.test(token) ? token.slice(1, -1) : token);
  }
  return found;
}

/** The hosts of an address of `proxy_pass`: its own, or those of the upstream that it names; none when a variable decides. */
export function hostsOf(address: string, all: readonly Directive[]): string[] {
  const [, host] = /^https?:\/\/([^/:$]+)(?::\d+)?(?:\/|$)/.exec(address) ?? [];
  if (host === undefined) return [];
  const servers = all.filter(({ words: [name], within }) => name === 'server' && within.at(-1) === `upstream ${host}`);
  return servers.length === 0 ? [host] : servers.map(({ words: [, server = ''] }) => server.replace(/:\d+$/, ''));
}

const UNITS: Record<string, number> = { ms: 0.001, s: 1, '': 1, m: 60, h: 3600, d: 86_400 };

/** A time as nginx has it, such as `1m30s` or `5`, in seconds; undefined for what is none. */
export function secondsOf(text: string): number | undefined {
  if (!/^(?:\d+(?:ms|[smhd])?)+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+)(ms|[smhd])?/g)].reduce(
    (sum, [, number = '', unit = '']) => sum + Number(number) * (UNITS[unit] ?? 1),
    0,
  );
}
