/** What the first Ctrl-C (or SIGTERM) does, and the second. */
export interface Interruption {
  signal: AbortSignal;
  /** Replaces what is said at the first signal, and what is done last at the second. */
  say(first: string, last?: () => void): void;
  /** From now on output that nobody reads any more (`| head`, a terminal that is gone) does not end the program. */
  outliveOutput(): void;
  stop(): void;
}

const INTERRUPTED = 130;
/** Ctrl-C, the end of a CI job, and an ssh connection that broke. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Listens for the signals that ask a program to end. The first one says so at once and aborts the signal, so that work ends in
 * order; a second one ends the program on the spot.
 */
export function listenForInterruption(remark: (text: string) => void): Interruption {
  const controller = new AbortController();
  let now = { first: '', last: (): void => undefined };
  const onSignal = (): void => {
    if (controller.signal.aborted) {
      now.last();
      process.exit(INTERRUPTED);
    }
    remark(now.first);
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    signal: controller.signal,
    say: (first, last = () => undefined) => {
      now = { first, last };
    },
    outliveOutput: () => {
      for (const stream of [process.stdout, process.stderr])
        stream.removeAllListeners('error').on('error', () => undefined);
    },
    stop: () => {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
