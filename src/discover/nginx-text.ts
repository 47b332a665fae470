/** A directive of an nginx configuration, with what it holds. */
export interface Directive {
  name: string;
  args: string[];
  block: Directive[];
}

/** More than this (words) is no hand-written configuration. */
const MOST_WORDS = 50_000;

/** Reads a configuration text; what is malformed ends the block it is in. Never throws. */
export function parseNginx(text: string): Directive[] {
  const words = text.match(/#[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[{};]|[^\s{};"']+/g) ?? [];
  const root: Directive[] = [];
  const open: Directive[][] = [root];
  let current: string[] = [];
  for (const word of words.slice(0, MOST_WORDS)) {
    if (word.startsWith('#')) continue;
    if (word !== ';' && word !== '{' && word !== '}') {
      current.push(word.replace(/^(["'])(.*)\1$/s, '$2'));
      continue;
    }
    const [name, ...args] = current;
    current = [];
    if (name !== undefined) {
      const directive: Directive = { name, args, block: [] };
      open.at(-1)?.push(directive);
      if (word === '{') open.push(directive.block);
    } else if (word === '{') open.push([]);
    if (word === '}' && open.length > 1) open.pop();
  }
  return root;
}

/** Files that a configuration includes, in order, as they are written. */
export function includesOf(directives: Directive[]): string[] {
  return directives.flatMap(({ name, args, block }) => (name === 'include' ? args.slice(0, 1) : includesOf(block)));
}

/** The directives with each include replaced by what it stands for. */
export function withIncludes(directives: Directive[], files: ReadonlyMap<string, Directive[]>, depth = 0): Directive[] {
  return directives.flatMap((directive) => {
    if (directive.name !== 'include') return [{ ...directive, block: withIncludes(directive.block, files, depth) }];
    return depth > 5 ? [] : withIncludes(files.get(directive.args[0] ?? '') ?? [], files, depth + 1);
  });
}
