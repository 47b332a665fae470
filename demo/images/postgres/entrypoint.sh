#!/bin/bash
# Makes the cluster on the first start, then becomes the server. Understands the variables of the
# well-known image: POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE. With
# APP_PASSWORD_FILE and MONITOR_PASSWORD_FILE it also makes the shop: its roles, tables and content.
set -euo pipefail

user="${POSTGRES_USER:-postgres}"
db="${POSTGRES_DB:-$user}"
as_superuser() { psql --username="$user" --quiet --no-psqlrc --set=ON_ERROR_STOP=1 "$@"; }

make_cluster() {
  chmod 700 "$PGDATA"
  initdb --pgdata="$PGDATA" --username="$user" --auth-local=trust --auth-host=scram-sha-256 \
    --pwfile="${POSTGRES_PASSWORD_FILE:-/dev/fd/3}" --data-checksums --locale=C.UTF-8 \
    3<<<"${POSTGRES_PASSWORD:-}" >/dev/null
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
}

make_shop() {
  as_superuser --dbname="$db" \
    --set=app_password="$(<"$APP_PASSWORD_FILE")" \
    --set=monitor_password="$(<"$MONITOR_PASSWORD_FILE")" --set=db="$db" <<'SQL'
create role app login password :'app_password';
create role monitor login password :'monitor_password' in role pg_monitor;
alter database :"db" owner to app;
create extension pg_trgm;
SQL
  psql --username=app --dbname="$db" --quiet --no-psqlrc --set=ON_ERROR_STOP=1 \
    --file=/usr/share/ecommerce/seed.sql
}

if [[ ! -s "$PGDATA/PG_VERSION" ]]; then
  make_cluster
  # Only on the local socket, so that nobody connects before everything is made.
  pg_ctl --pgdata="$PGDATA" --wait --silent start \
    -o "-c config_file=/etc/postgresql/postgresql.conf -c listen_addresses=''"
  # In the template too: a database that is made later has it from there.
  for each in template1 postgres; do
    as_superuser --dbname="$each" --command='create extension pg_stat_statements'
  done
  [[ "$db" == postgres ]] || as_superuser --dbname=postgres --set=db="$db" <<<'create database :"db"'
  if [[ -n "${APP_PASSWORD_FILE:-}" ]]; then make_shop; fi
  pg_ctl --pgdata="$PGDATA" --wait --silent stop
fi

exec "$@"
