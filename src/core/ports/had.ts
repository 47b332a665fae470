/** A part as it was had: whole; left out for a reason that can be mended (`fix` says how); or not observed. */
export type Had<T> =
  { is: 'seen'; value: T } | { is: 'skipped'; reason: string; fix: string[] } | { is: 'unknown'; reason: string };
