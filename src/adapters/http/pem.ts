/** More certificates than any real chain or file of private authorities has; a bound for hostile input. */
const MOST_BLOCKS = 500;

const BLOCK = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/** The certificates of a PEM text, in its order. Keys and whatever else stands in the file are left out. */
export function pemBlocks(text: string): string[] {
  return text.match(BLOCK)?.slice(0, MOST_BLOCKS) ?? [];
}
