import { reportedComponent } from '../checks/component.ts';

/* Words that a part's name may have, for answers that keep it at an unusual place. */
const WORDS = {
  database: /^(db|database|postgres(ql)?|pg|sql)$/i,
  cache: /^(redis|cache|valkey)$/i,
} as const;
const DEEPEST = 4;

/** Where a health answer reports a part, as a path for the configuration; undefined when it does not. */
export function componentPath(body: string, part: keyof typeof WORDS): string | undefined {
  const usual = reportedComponent(body, part)?.where;
  if (usual !== undefined) return usual;
  const root: unknown = JSON.parse(body);
  return pathsIn(root, [], WORDS[part]).find((path) => reportedComponent(body, part, path) !== undefined);
}

function pathsIn(value: unknown, at: string[], word: RegExp): string[] {
  if (value === null || typeof value !== 'object' || at.length >= DEEPEST) return [];
  const entries = Object.entries(value).filter(([key]) => /^[\w-]+$/.test(key));
  const here = entries.filter(([key]) => word.test(key)).map(([key]) => [...at, key].join('.'));
  return [...here, ...entries.flatMap(([key, inner]) => pathsIn(inner, [...at, key], word))];
}
