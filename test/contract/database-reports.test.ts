/** The reports of `opsctl db` on real servers: what happens there must be found, by a superuser and by who may only watch. */
import { afterAll, beforeAll, describe } from 'vitest';
import { type Major, POSTGRES, type PostgresServer, startPostgres } from '../support/postgres.ts';
import { underContention } from './reports/contention.ts';
import { afterCrash } from './reports/crash.ts';
import { indexReports } from './reports/indexes.ts';
import { lockReports } from './reports/locks.ts';
import { queries } from './reports/query.ts';
import { sequenceReports } from './reports/sequences.ts';
import { slowReports, slowUnloaded } from './reports/slow.ts';
import { tableReports } from './reports/tables.ts';
import { vacuumReports } from './reports/vacuum.ts';

const majors = (Object.keys(POSTGRES).map(Number) as Major[]).filter((major) => major >= 13);

describe.each(majors)('PostgreSQL %i', (major) => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres(major, {
      settings: {
        max_connections: 50,
        max_prepared_transactions: 5,
        shared_preload_libraries: 'pg_stat_statements',
        wal_level: 'logical',
      },
    });
    await server.query("create role watcher login password 'watch-secret' in role pg_monitor");
    await server.query("create role plain login password 'plain-secret'");
  });
  afterAll(() => server.stop());

  lockReports(() => server);
  slowReports(() => server);
  indexReports(() => server);
  tableReports(() => server);
  vacuumReports(() => server);
  sequenceReports(() => server);
  queries(() => server);
  underContention(() => server);
  afterCrash(() => server);
});

slowUnloaded();
