/** Tables as they are typed: with their schema or without, quoted as other commands print them or not. */
import { OpsError } from '../core/errors.ts';
import type { DatabaseReader } from '../core/ports/data.ts';
import type { TableName } from '../core/ports/database-changes.ts';
import { sqlText } from '../core/sql.ts';

/** A table that is there. */
export interface NamedTable extends TableName {
  /** Both names, quoted where they need it: `public."Weird Name"`. */
  shown: string;
  /** When somebody last analyzed it or a partition of it, ISO, to the microsecond; null for never. */
  analyzedAt: string | null;
}

/** The tables that are meant, once each. @throws NOT_FOUND naming the first that is not there, USAGE where two are called so */
export async function tablesNamed(
  said: readonly string[],
  database: string,
  reader: Pick<DatabaseReader, 'query'>,
): Promise<NamedTable[]> {
  const { rows } = await reader.query(database, sqlOf(said), { rows: 2 * said.length + 1, ms: 3000 });
  const found = rows.map(([typed, schema, name, shown, analyzedAt]) => ({
    typed: String(typed),
    schema: String(schema),
    name: String(name),
    shown: String(shown),
    analyzedAt: analyzedAt === null || analyzedAt === undefined ? null : String(analyzedAt),
  }));
  const tables = said.map((typed) => {
    const { typed: _typed, ...table } = theOne(
      typed,
      database,
      found.filter((one) => one.typed === typed),
    );
    return table;
  });
  return tables.filter((table, at) => tables.findIndex(({ shown }) => shown === table.shown) === at);
}

function theOne<T extends { shown: string }>(typed: string, database: string, meant: readonly T[]): T {
  const [table, other] = meant;
  if (table === undefined)
    throw new OpsError('NOT_FOUND', `database ${database} has no table ${typed}`, {
      hint: 'See which tables there are: opsctl db sizes',
    });
  if (other !== undefined)
    throw new OpsError('USAGE', `${typed} may be ${table.shown} or ${other.shown}`, {
      hint: `Quote it as the server does, as in: opsctl db analyze '${table.shown}'`,
    });
  return table;
}

/** A name without a schema is one of `public`. A partitioned table has no time of its own, its partitions have. */
const sqlOf = (said: readonly string[]): string => `
select typed, n.nspname::text, c.relname::text, quote_ident(n.nspname) || '.' || quote_ident(c.relname),
       (select to_char(max(pg_catalog.pg_stat_get_last_analyze_time(oid)) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        from (select c.oid union select relid from pg_catalog.pg_partition_tree(c.oid)) as one)
from unnest(array[${said.map(sqlText).join(', ')}]::text[]) as typed
  join pg_catalog.pg_class c on c.relkind in ('r', 'p', 'm', 'f')
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where typed in (quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(n.nspname) || '.' || c.relname,
                n.nspname || '.' || quote_ident(c.relname), n.nspname || '.' || c.relname)
   or (n.nspname = 'public' and typed in (quote_ident(c.relname), c.relname))
order by typed, 4`;
