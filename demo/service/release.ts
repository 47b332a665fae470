/**
 * Which release this process is. Every release has the same code; what is wrong with a bad one is
 * told by the end of its version, which is baked into its image: v1.2.0-errors fails 2 % of requests.
 */
const FAULTS = ['none', 'errors', 'slow', 'crash', 'unhealthy', 'leak'] as const;
export type Fault = (typeof FAULTS)[number];

export const service = process.env['SERVICE'] ?? 'unknown';
export const version = process.env['APP_VERSION'] ?? 'v0.0.0';
export const colour = process.env['OPSCTL_COLOUR'] ?? 'blue';

const suffix = version.split('-')[1];
export const fault: Fault = FAULTS.find((name) => name === suffix) ?? 'none';
