/** Bytes for people: binary units, three significant digits ("1.53 GiB"). */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let value = count;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit] ?? 'B'}`;
}

/** A length of time for people, from milliseconds ("43 ms", "2.5 s", "3 h 12 min", "12 d 4 h"). */
export function duration(ms: number): string {
  if (ms < 1000) return `${ms < 10 ? ms.toFixed(1).replace(/\.0$/, '') : Math.round(ms).toString()} ms`;
  const seconds = ms / 1000;
  if (seconds < 60)
    return `${seconds < 10 ? seconds.toFixed(1).replace(/\.0$/, '') : Math.round(seconds).toString()} s`;
  const steps = [
    { unit: 'd', size: 86_400 },
    { unit: 'h', size: 3600 },
    { unit: 'min', size: 60 },
    { unit: 's', size: 1 },
  ];
  const first = steps.findIndex(({ size }) => seconds >= size);
  const parts: string[] = [];
  let rest = Math.floor(seconds);
  for (const { unit, size } of steps.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count.toString()} ${unit}`);
  }
  return parts.join(' ');
}

/** A share between 0 and 1 as a percentage ("12.5 %", "0.02 %"). */
export function percent(share: number): string {
  const value = share * 100;
  const digits = value === 0 || value >= 10 ? (Number.isInteger(value) ? 0 : 1) : value >= 1 ? 1 : 2;
  return `${value.toFixed(digits)} %`;
}

/** "1 container", "3 containers". */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${count.toString()} ${count === 1 ? noun : many}`;
}

/** A point in time in the reader's own zone ("2026-03-01 14:05:09"). */
export function localTime(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const two = (value: number): string => value.toString().padStart(2, '0');
  return `${at.getFullYear().toString()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}
