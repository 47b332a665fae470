#!/bin/sh
# The exporter wants a whole URL; the password comes from a file, so it is put together here.
set -eu
password="$(cat "$MONITOR_PASSWORD_FILE")"
export DATA_SOURCE_NAME="postgresql://monitor:${password}@postgres:5432/ecommerce?sslmode=disable&connect_timeout=3&application_name=postgres_exporter"
exec prometheus-postgres-exporter "$@"
