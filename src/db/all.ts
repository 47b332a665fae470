/** All reports of a database, in the order in which they are shown: what brings a platform down first. */
import { activity } from './activity.ts';
import { connections } from './connections.ts';
import type { Report } from './report.ts';

export const REPORTS = [connections, activity] as unknown as readonly Report[];
