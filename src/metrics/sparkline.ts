const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const;

/**
 * Values over time in a line of so many columns: each column is the mean of its share of them, from the least (the lowest
 * bar) to the most. Without a finite value a column is blank; values that are all the same are the lowest bar.
 */
export function sparkline(values: readonly (number | undefined)[], columns: number): string {
  const means = columnsOf(values, Math.min(columns, values.length));
  const seen = means.filter((mean) => mean !== undefined);
  const [least, most] = [Math.min(...seen), Math.max(...seen)];
  return means
    .map((mean) => {
      if (mean === undefined) return ' ';
      // Halves, because the difference of two huge values is infinite.
      const share = most > least ? (mean / 2 - least / 2) / (most / 2 - least / 2) : 0;
      return BARS[Math.min(BARS.length - 1, Math.floor(share * BARS.length))];
    })
    .join('');
}

function columnsOf(values: readonly (number | undefined)[], columns: number): (number | undefined)[] {
  return Array.from({ length: columns }, (_, index) => {
    const at = (column: number): number => Math.floor((column * values.length) / columns);
    const own = values.slice(at(index), at(index + 1)).filter((value) => value !== undefined && Number.isFinite(value));
    return own.length === 0 ? undefined : own.reduce<number>((sum, value) => sum + (value ?? 0) / own.length, 0);
  });
}
