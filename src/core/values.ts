/** Kinds of values that the configuration has everywhere. */
import * as z from 'zod';

export const text = z.string().min(1);
export const milliseconds = z.number().int().positive();
