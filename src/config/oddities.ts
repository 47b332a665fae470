import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml';

/** Something that is YAML, but that no configuration should have. */
export interface Oddity {
  offset: number;
  message: string;
}

/** Deeper than any configuration; the program's own schema goes down to seven. */
const DEEPEST = 50;
const MOST_ALIASES = 100;

interface Walk {
  anchors: Map<string, Node>;
  /** Nodes that the walk is inside of. */
  open: Set<unknown>;
  aliases: number;
}

/**
 * The first oddity of a document: duplicate keys, keys that are no plain words, aliases without an anchor,
 * aliases of themselves, nesting without end. Linear in the size of the document.
 */
export function inspect(document: Document): Oddity | undefined {
  return look(document.contents, 0, { anchors: new Map(), open: new Set(), aliases: 0 });
}

function look(node: unknown, depth: number, walk: Walk): Oddity | undefined {
  const offset = (node as Node | null)?.range?.[0] ?? 0;
  if (depth > DEEPEST) return { offset, message: `nested more than ${DEEPEST.toString()} levels deep` };
  if (isAlias(node)) return lookAtAlias(node.source, offset, walk);
  if (!isMap(node) && !isSeq(node)) {
    if (isScalar(node) && node.anchor !== undefined) walk.anchors.set(node.anchor, node);
    return undefined;
  }
  if (node.anchor !== undefined) walk.anchors.set(node.anchor, node);
  walk.open.add(node);
  const found = isMap(node)
    ? lookAtPairs(node.items, offset, depth, walk)
    : firstOf(node.items, (item) => look(item, depth + 1, walk));
  walk.open.delete(node);
  return found;
}

function lookAtAlias(name: string, offset: number, walk: Walk): Oddity | undefined {
  walk.aliases += 1;
  const target = walk.anchors.get(name);
  if (target === undefined) return { offset, message: `the alias *${name} has no anchor &${name} before it` };
  if (walk.open.has(target)) return { offset, message: `the alias *${name} is part of what it stands for` };
  return walk.aliases > MOST_ALIASES ? { offset, message: `more than ${MOST_ALIASES.toString()} aliases` } : undefined;
}

function lookAtPairs(pairs: Pair[], offset: number, depth: number, walk: Walk): Oddity | undefined {
  const seen = new Set<string>();
  return firstOf(pairs, ({ key, value }) => {
    const at = (key as Node | null)?.range?.[0] ?? offset;
    if (!isScalar(key)) return { offset: at, message: 'a key that is no plain word' };
    const name = typeof key.value === 'symbol' ? '<<' : String(key.value);
    if (name === '__proto__') return { offset: at, message: '__proto__: unknown key' };
    if (seen.has(name)) return { offset: at, message: `the key ${name.slice(0, 60)} stands here a second time` };
    seen.add(name);
    return look(key, depth, walk) ?? look(value, depth + 1, walk);
  });
}

function firstOf<T>(items: readonly T[], judge: (item: T) => Oddity | undefined): Oddity | undefined {
  for (const item of items) {
    const found = judge(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
