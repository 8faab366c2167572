-- The database itself: its tables, the schema's version, PostgreSQL's lock.

-- name: tables_of_file()
SELECT name FROM sqlite_master WHERE type = 'table';

-- name: tables_of_server()
SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema();

-- name: schema_version()$
SELECT version_num FROM alembic_version;

-- name: insert_schema_version(version)!
INSERT INTO alembic_version (version_num) VALUES (:version);

-- name: update_schema_version(version)!
UPDATE alembic_version SET version_num = :version;

-- name: take_lock(program)$
SELECT pg_try_advisory_lock(:program, hashtext(current_schema()));

-- name: take_shared_lock(program)$
SELECT pg_try_advisory_lock_shared(:program, hashtext(current_schema()));

-- name: release_shared_lock(program)$
SELECT pg_advisory_unlock_shared(:program, hashtext(current_schema()));

-- name: release_lock(program)$
SELECT pg_advisory_unlock(:program, hashtext(current_schema()));

-- name: lock_holder(program)^
SELECT sessions.application_name, sessions.client_addr
FROM pg_locks locks JOIN pg_stat_activity sessions ON sessions.pid = locks.pid
WHERE locks.locktype = 'advisory' AND locks.granted
  AND sessions.datname = current_database() AND locks.classid = :program
  AND CAST(locks.objid AS bigint)
      = (CAST(hashtext(current_schema()) AS bigint) & 4294967295);
