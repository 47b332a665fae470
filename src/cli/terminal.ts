import type { Style } from '../core/style.ts';
import { showable } from '../core/text.ts';
import { colours, makeStyle } from './style.ts';

/** The terminal, or whatever stands in for it: where results and remarks go. */
export interface Terminal {
  /** The result; nothing else may write to stdout. */
  result: (text: string) => void;
  /** Remarks, progress, warnings, errors. */
  remark: (text: string) => void;
  out: Style;
  err: Style;
  /** stdout is a terminal: screens may be redrawn. */
  outIsTerminal: boolean;
  errIsTerminal: boolean;
  /** A person can be asked: both ends of the dialogue are terminals. */
  interactive: boolean;
  env: Record<string, string | undefined>;
  cwd: string;
}

const DEFAULT_WIDTH = 100;
const NARROWEST = 40;

/** The process's own streams. The only place beside `main.ts` and `signals.ts` that touches `process`. */
export function openTerminal(colourFlag: boolean | undefined): Terminal {
  const { env } = process;
  const width = (stream: NodeJS.WriteStream): number => {
    const columns = Number(env['COLUMNS'] ?? '');
    const known = stream.isTTY ? stream.columns : Number.isInteger(columns) && columns > 0 ? columns : DEFAULT_WIDTH;
    return Math.max(NARROWEST, known);
  };
  const styleOf = (stream: NodeJS.WriteStream): Style =>
    makeStyle({ width: width(stream), colour: colours({ flag: colourFlag, env, isTerminal: stream.isTTY }) });
  return {
    result: (text) => void process.stdout.write(text),
    remark: (text) => void process.stderr.write(text),
    out: styleOf(process.stdout),
    err: styleOf(process.stderr),
    outIsTerminal: process.stdout.isTTY,
    errIsTerminal: process.stderr.isTTY,
    interactive: process.stdin.isTTY && process.stderr.isTTY,
    env,
    cwd: process.cwd(),
  };
}

/** The same terminal, whose remarks, and texts that ask for it, suggest commands as a command line chose them. */
export const suggesting = (terminal: Terminal, suggest: Style['suggest']): Terminal => ({
  ...terminal,
  remark: (text) => {
    terminal.remark(suggest(text));
  },
  out: { ...terminal.out, suggest },
  err: { ...terminal.err, suggest },
});

/** A remark that warns; harmless whatever the text holds. */
export const warning = (terminal: Terminal, message: string): void => {
  terminal.remark(`${terminal.err.notice('warning')}: ${showable(message)}\n`);
};
