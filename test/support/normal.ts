/**
 * The standard normal distribution function, by its power series around 0 (Abramowitz and Stegun, 26.2.11). Beyond 7.5
 * standard deviations, where less than 1e-13 is left, it is 0 or 1.
 */
export function normal(x: number): number {
  if (Math.abs(x) > 7.5) return x > 0 ? 1 : 0;
  let term = x;
  let sum = x;
  for (let k = 1; Math.abs(term) > 1e-17; k += 1) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}
