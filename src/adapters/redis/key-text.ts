/** Characters of a key that are shown: its prefix and what usually tells it apart. */
const LONGEST = 200;

// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

/** Almost every key; of a million others, decoding alone takes a second. */
const PRINTABLE = /^[ -~]*$/;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * A key as text: UTF-8, or `\xNN` for bytes that are none. Control characters are shown so, too, instead of being left out
 * later: two keys must not look like one. Cut, its length told then.
 */
export function keyText(key: Buffer): string {
  if (key.length <= LONGEST) {
    const simple = key.toString('latin1');
    if (PRINTABLE.test(simple)) return simple;
  }
  const cut = key.subarray(0, LONGEST * 4);
  const whole =
    decoded(cut)?.replaceAll(CONTROLS, (character) => hex(character.charCodeAt(0))) ?? [...cut].map(printable).join('');
  return whole.length > LONGEST || cut.length < key.length
    ? `${whole.slice(0, LONGEST)}… (${key.length.toString()} bytes)`
    : whole;
}

function decoded(bytes: Buffer): string | undefined {
  try {
    // A character that the cut went through counts as none of the text.
    return utf8.decode(bytes, { stream: true });
  } catch {
    return undefined;
  } finally {
    try {
      utf8.decode();
    } catch {
      // What was left of that character.
    }
  }
}

const printable = (byte: number): string => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : hex(byte));

const hex = (code: number): string => `\\x${code.toString(16).padStart(2, '0')}`;
