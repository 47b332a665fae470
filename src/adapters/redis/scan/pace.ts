/** How much of the server's time a scan takes. */
import { median } from './guard.ts';

/** Pause for each ms that the server was busy with us, while it is no slower than before. */
const SHARE = 0.25;
/** The slower round trips become, the longer the pauses, up to so many times. */
const MOST_STRAIN = 8;
/** Batches of which the middle one counts: single slow ones were held up by something else. */
const WINDOW = 15;
/** Timers are no finer than a millisecond: what is shorter is paid for later, together. */
const SHORTEST_MS = 2;

export interface Pace {
  /**
   * How long others are owed a pause after a batch, in ms.
   * @param busyMs for which the server was ours @param ownMs for which it was not, since then
   * @param strain how many times as long as before the scan round trips take
   */
  owes(busyMs: number, ownMs: number, strain: number): number;
  /** Takes how long the pause was: a timer that is late has paid for some of the next one. */
  paid(ms: number): void;
}

export function openPace(): Pace {
  let owed = 0;
  const recent: number[] = [];
  return {
    owes: (busyMs, ownMs, strain) => {
      recent.push(Math.max(0, busyMs));
      if (recent.length > WINDOW) recent.shift();
      owed = Math.max(0, owed + median(recent) * SHARE * Math.min(MOST_STRAIN, Math.max(1, strain)) - ownMs);
      return owed < SHORTEST_MS ? 0 : owed;
    },
    paid: (ms) => void (owed -= ms),
  };
}
