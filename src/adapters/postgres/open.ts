import type { DatabaseWriter } from '../../core/ports/database-changes.ts';
import type { DataSources } from '../data-server.ts';
import { openOnce } from '../once.ts';
import { openChanges } from './changes.ts';
import { connect, type Connection } from './connect.ts';
import { readLook } from './look.ts';
import { readQuery } from './query.ts';
import { settingsOf } from './settings.ts';
import { readReady, readVitals } from './vitals.ts';

/** What reading the configured databases needs; `command` becomes part of `application_name`. */
export interface DatabaseSources extends DataSources {
  command: string;
}

/** Longest name that PostgreSQL keeps (NAMEDATALEN less one). */
const NAME_LENGTH = 63;

/**
 * The configured PostgreSQL databases: one connection a database, opened at the first question and
 * kept until `close`. A connection that broke meanwhile is opened anew, the way to the server found anew.
 */
export function openDatabase(sources: DatabaseSources): DatabaseWriter & { close(): Promise<void> } {
  const application = `opsctl/${sources.command}`.slice(0, NAME_LENGTH);
  const connections = openOnce<Connection>(async (name) =>
    connect(await settingsOf(sources, name), application, sources.platform.databases[name]?.service),
  );
  return {
    route: (name) => connections.use(name, async (connection) => connection.route),
    ready: (name) => connections.use(name, readReady),
    vitals: (name) => connections.use(name, readVitals),
    look: (name, parts) => connections.use(name, (connection) => readLook(connection, parts)),
    query: (name, sql, bounds) => connections.use(name, (connection) => readQuery(connection, sql, bounds)),
    ...openChanges(connections),
    close: () => connections.close(),
  };
}
