import { randomBytes } from 'node:crypto';

/**
 * An id that sorts by time and can be read over the telephone: UTC time to the second, its milliseconds as three
 * hexadecimal digits, and two more against two changes in one millisecond: `20260301T140509Z-3fa9c`.
 */
export function newId(at: Date = new Date()): string {
  const time = at.toISOString().replace(/[-:]/g, '').replace(/\.\d+/, '');
  const milliseconds = at.getUTCMilliseconds().toString(16).padStart(3, '0');
  return `${time}-${milliseconds}${randomBytes(1).toString('hex')}`;
}
