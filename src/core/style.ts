import type { Status } from './verdict.ts';

/** A column of a table. Cells are plain or styled text; widths count what is visible. */
export interface Column {
  title: string;
  align?: 'left' | 'right';
  /** Gives way first when the table is too wide: cut with an ellipsis, never below its title. */
  flexible?: boolean;
  /** Of the last column: where less than this is left for it, its cells have lines of their own below their rows. */
  least?: number;
}

/** How text is put together for people. The only thing a command's `text` may use beside its data. */
export interface Style {
  /** Columns available. */
  width: number;
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  notice(text: string): string;
  bad(text: string): string;
  /** A status as a mark and its word, coloured where colour is on ("✓ ok", "✗ crit"). */
  status(status: Status): string;
  /** The mark of a status alone, one column wide. */
  mark(status: Status): string;
  /** Colours any text as the status would be. */
  as(status: Status, text: string): string;
  /** Rows under their titles, no borders, fitted to the width. */
  table(columns: Column[], rows: string[][]): string;
  /** `key  value` lines, aligned. */
  pairs(rows: [key: string, value: string][]): string;
  /** A text of the program's own: its commands reach the same platform and server as the one that says it. */
  suggest(text: string): string;
  /** Breaks a long text at the width, later lines indented. */
  wrap(text: string, indent?: number): string;
}
