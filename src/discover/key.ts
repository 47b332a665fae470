/** A name that the configuration accepts as a key, made of one that an engine has. */
export function keyOf(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_.-]/g, '-').replace(/^[^A-Za-z0-9]+/, '');
  return plain === '' ? 'unnamed' : plain;
}
