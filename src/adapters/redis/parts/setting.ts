import { asOpsError } from '../../../core/errors.ts';
import type { Connection } from '../connect.ts';
import { textOf } from '../reply.ts';

/** A value of the server's configuration; undefined where this user may not read it, or the server has no such one. */
export async function setting(connection: Connection, name: string): Promise<string | undefined> {
  try {
    const answer = await connection.run(['CONFIG', 'GET', name], '+config|get');
    return Array.isArray(answer) && answer.length > 1 ? textOf(answer[1]) : undefined;
  } catch (thrown) {
    const error = asOpsError(thrown);
    if (error.details?.['reply'] === undefined) throw error;
    return undefined;
  }
}
