/* On the global object: the entry and the chunks are bundles of their own, and all of them must know every secret. */
const registry = globalThis as { [key: symbol]: unknown };
const known = (registry[Symbol.for('opsctl.secrets')] ??= new Set<string>()) as Set<string>;
const MASK = '[redacted]';

/** Values shorter than this are not searched for in output: masking "a" everywhere would hide the output itself. */
const SHORTEST_SEARCHED = 4;

/**
 * A value that must never be shown. Printing, serialising or inspecting one gives `[redacted]`;
 * only `reveal()` gives the value, and only adapters call it. Every value is remembered for `redact`,
 * because drivers and servers may repeat it in texts of their own.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    if (value.length >= SHORTEST_SEARCHED) {
      known.add(value);
      known.add(encodeURIComponent(value));
    }
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return MASK;
  }
}

/** Replaces every known secret, and the password part of any URL, in a text. */
export function redact(text: string): string {
  let out = text.includes('://') ? text.replace(/(:\/\/[^\s:/@]{0,256}):[^\s@/]{1,1024}@/g, `$1:${MASK}@`) : text;
  // The longest first: a secret that holds another must not leave its rest.
  for (const value of [...known].sort((a, b) => b.length - a.length)) out = out.replaceAll(value, MASK);
  return out;
}
