/** `db report --json` beside the runbook's own commands, run one by one; and on a database with very many tables. */
import path from 'node:path';

import { ensurePlatform } from '../demo/platform.ts';
import { run } from '../scripts/run.ts';
import { compare, type Contestant, table, type Timing } from './measure.ts';

const root = path.resolve(import.meta.dirname, '..');
const TABLES = 3000;
const PIECE = 500;
const SCHEMA = 'opsctl_bench';

export async function database(rounds: number): Promise<string[]> {
  const { dockerHost } = await ensurePlatform();
  const inside = ['docker', 'exec', 'ecommerce-postgres-prod', 'psql', '-XU', 'postgres', '-d', 'ecommerce', '-c'];
  const psql = (sql: string): string[] => [...inside, sql];
  const report: Contestant = {
    name: 'opsctl db report',
    commands: [[process.execPath, path.join(root, 'bin', 'opsctl'), 'db', 'report', '--json']],
    env: { DOCKER_HOST: dockerHost, OPSCTL_CONFIG: path.join(root, 'demo', 'opsctl.yaml') },
  };
  const timings = await compare([report, runbook(psql, dockerHost)], rounds);
  const few = timings[0] as Timing;
  const onEngine = (sql: string): Promise<string> => run(psql(sql), { env: { DOCKER_HOST: dockerHost } });
  // In pieces: one transaction has not room for the locks of all.
  const onEach = async (statements: string): Promise<void> => {
    for (let from = 0; from < TABLES; from += PIECE)
      await onEngine(
        `do $$ begin for n in ${from.toString()}..${(from + PIECE - 1).toString()} loop execute format('${statements}', n, n); end loop; end $$`,
      );
  };
  const remove = async (): Promise<void> => {
    await onEach(`drop table if exists ${SCHEMA}.t%s`);
    await onEngine(`drop schema if exists ${SCHEMA} cascade`);
  };
  await remove();
  await onEngine(`create schema ${SCHEMA}`);
  try {
    await onEach(
      `create table ${SCHEMA}.t%s (id serial primary key, at timestamptz, note text); create index on ${SCHEMA}.t%s (at)`,
    );
    const [many] = await compare([report], rounds);
    const { ms, memory } = many as Timing;
    return [
      table(
        '`db report --json` beside the runbook',
        "The runbook's commands show five of the facts that the report judges (connections, activity, waiting locks, statements, column statistics).",
        timings,
      ),
      table(`\`db report --json\` with ${TABLES.toString()} tables more`, 'Each with two indexes and a sequence.', [
        { ...few, ratio: 1 },
        { name: `with ${TABLES.toString()} tables more`, ms, memory, ratio: ms / few.ms },
      ]),
    ];
  } finally {
    await remove();
  }
}

/** What the runbook types to see how the database is, with today's names of columns. */
function runbook(psql: (sql: string) => string[], dockerHost: string): Contestant {
  return {
    name: "the runbook's commands",
    env: { DOCKER_HOST: dockerHost },
    commands: [
      ['docker', 'exec', 'ecommerce-postgres-prod', 'pg_isready', '-U', 'postgres'],
      psql('SELECT count(*) FROM pg_stat_activity;'),
      psql('SELECT * FROM pg_stat_activity;'),
      psql('SELECT * FROM pg_locks WHERE NOT granted;'),
      psql(
        'SELECT query, calls, total_exec_time, mean_exec_time FROM pg_stat_statements ORDER BY total_exec_time DESC LIMIT 10;',
      ),
      psql("SELECT schemaname, tablename, attname, n_distinct, correlation FROM pg_stats WHERE schemaname = 'public';"),
    ],
  };
}
