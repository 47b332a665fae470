/** From the bytes of the engine's log endpoint to lines. */
import type { LogLine } from '../../core/ports/engine.ts';
import { frameReader } from './frames.ts';

/** Bytes kept of one line. What is longer is cut, and the mark says so. */
export const LINE_LIMIT = 64 * 1024;
export const CUT_MARK = ' … [cut by opsctl]';

const LINE_FEED = 10;
/** The engine stamps every message: RFC 3339 with nine digits, `Z`, a blank. */
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) /;
const STAMP_LENGTH = 31;
/** Loggers split what is longer than this into messages, each with a stamp of its own. */
const MESSAGE_LIMIT = 16 * 1024;

type Line = Omit<LogLine, 'container'>;

/** Lines out of chunks that are cut anywhere. */
export interface LineReader {
  push(chunk: Buffer): Line[];
  /** What was left without a line feed when the stream ended. */
  flush(): Line[];
}

/** For containers without a terminal: a frame a message. @throws RangeError for bytes that are no frame */
export function framedLines(): LineReader {
  const frames = frameReader();
  const lines = { stdout: lineBuilder('stdout'), stderr: lineBuilder('stderr') };
  return {
    push: (chunk) =>
      frames(chunk).flatMap((piece) => {
        const builder = lines[piece.stream];
        const before = piece.first ? builder.message() : [];
        return [...before, ...builder.push(piece.data)];
      }),
    flush: () => [...lines.stdout.flush(), ...lines.stderr.flush()],
  };
}

/** For containers with a terminal: bytes as they are. Messages are told apart by their length. */
export function rawLines(): LineReader {
  const builder = lineBuilder('stdout', MESSAGE_LIMIT);
  builder.message();
  return builder;
}

interface LineBuilder extends LineReader {
  /** The next byte begins a message, hence a stamp. Gives lines of one before that was too short for a stamp. */
  message(): Line[];
}

/**
 * Puts one stream together. A message is stamp, text and, unless the logger split it, a line feed. With
 * `messageLimit`, a message is also taken to end after so many bytes, if a stamp follows.
 */
function lineBuilder(stream: Line['stream'], messageLimit = Infinity): LineBuilder {
  let stamp = Buffer.alloc(0);
  let stamping = false;
  let at: string | undefined;
  let kept: Buffer[] = [];
  let size = 0;
  let inMessage = 0;
  let cut = false;

  const keep = (data: Buffer): void => {
    const part = data.subarray(0, Math.max(0, LINE_LIMIT - size));
    cut ||= part.length < data.length;
    size += part.length;
    // A copy: a small piece must not hold on to the whole chunk that it came in.
    if (part.length > 0) kept.push(Buffer.from(part));
  };
  const finish = (): Line => {
    const bytes = Buffer.concat(kept);
    const end = cut ? wholeCharacters(bytes) : bytes.length;
    const text = bytes.toString('utf8', 0, end).replace(/\r$/, '') + (cut ? CUT_MARK : '');
    const line: Line = { at: at ?? '', stream, text };
    [at, kept, size, cut] = [undefined, [], 0, false];
    return line;
  };
  /** Takes the stamp off the front; gives how many bytes of the data went into it, and those that turned out to be text. */
  const takeStamp = (data: Buffer): { used: number; text: Buffer } => {
    const part = data.subarray(0, STAMP_LENGTH - stamp.length);
    stamp = Buffer.concat([stamp, part]);
    if (stamp.length < STAMP_LENGTH) return { used: part.length, text: Buffer.alloc(0) };
    const [, time] = STAMP.exec(stamp.toString('latin1')) ?? [];
    if (time !== undefined) at ??= time;
    return { used: part.length, text: time === undefined ? leaveStamp() : (leaveStamp(), Buffer.alloc(0)) };
  };
  const leaveStamp = (): Buffer => {
    const taken = stamp;
    stamping = false;
    stamp = Buffer.alloc(0);
    return taken;
  };

  const push = (data: Buffer): Line[] => {
    const lines: Line[] = [];
    for (let from = 0; from < data.length;) {
      if (stamping) {
        const { used, text } = takeStamp(data.subarray(from));
        from += used;
        if (text.length > 0) lines.push(...push(text));
        continue;
      }
      const feed = data.indexOf(LINE_FEED, from);
      const most = from + messageLimit - inMessage;
      const to = Math.min(feed < 0 ? data.length : feed, most, data.length);
      keep(data.subarray(from, to));
      inMessage += to - from;
      from = to;
      if (to === feed) {
        lines.push(finish());
        from += 1;
        if (messageLimit !== Infinity) [stamping, inMessage] = [true, 0];
      } else if (inMessage >= messageLimit) {
        [stamping, inMessage] = [true, 0];
      }
    }
    return lines;
  };

  return {
    message: () => {
      const lines = stamp.length > 0 ? push(leaveStamp()) : [];
      stamping = true;
      inMessage = 0;
      return lines;
    },
    push,
    flush: () => {
      const lines = stamp.length > 0 ? push(leaveStamp()) : [];
      return size > 0 || at !== undefined ? [...lines, finish()] : lines;
    },
  };
}

/** The length without a character that was cut in the middle. */
function wholeCharacters(bytes: Buffer): number {
  let end = bytes.length;
  while (end > 0 && ((bytes[end - 1] ?? 0) & 0xc0) === 0x80) end -= 1;
  const lead = bytes[end - 1] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return end - 1 + length === bytes.length ? bytes.length : end - (lead >= 0xc0 ? 1 : 0);
}
