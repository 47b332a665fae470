/** The engine's multiplexed streams: `[type, 0, 0, 0, length as 4 bytes]`, then so many bytes of stdout (1) or stderr (2). */

const HEADER = 8;

/** A piece of one frame. `end` is set on the last piece: loggers write one message a frame. */
export interface FramePiece {
  stream: 'stdout' | 'stderr';
  data: Buffer;
  first: boolean;
  end: boolean;
}

/**
 * Takes chunks as they come off the wire, cut anywhere, and gives pieces of frames. Keeps at most a
 * header: a frame may claim 4 GiB, so it is never waited for as a whole.
 * @throws RangeError for bytes that are no frame
 */
export function frameReader(): (chunk: Buffer) => FramePiece[] {
  let header = Buffer.alloc(0);
  let stream: FramePiece['stream'] = 'stdout';
  let left = 0;
  let first = true;
  return (chunk) => {
    const pieces: FramePiece[] = [];
    for (let at = 0; at < chunk.length;) {
      if (left === 0) {
        const part = chunk.subarray(at, at + HEADER - header.length);
        header = Buffer.concat([header, part]);
        at += part.length;
        if (header.length < HEADER) break;
        const type = header[0] ?? 0;
        if (type > 3 || header.readUIntBE(1, 3) !== 0) throw new RangeError('not a frame of the engine');
        // 3 is the engine's own complaint in the middle of a stream.
        stream = type === 1 || type === 0 ? 'stdout' : 'stderr';
        left = header.readUInt32BE(4);
        header = Buffer.alloc(0);
        first = true;
        continue;
      }
      const data = chunk.subarray(at, at + left);
      at += data.length;
      left -= data.length;
      pieces.push({ stream, data, first, end: left === 0 });
      first = false;
    }
    return pieces;
  };
}
