-- What workers leave to each other.  Most of it is for PostgreSQL only.

-- name: make_answers()!
-- What sources answered to one worker, until another has judged it.
CREATE TABLE IF NOT EXISTS answers (
  id TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  record BYTEA NOT NULL,
  CONSTRAINT pk_answers PRIMARY KEY (id)
);

-- name: add_answers(id, source, record)!
INSERT INTO answers (id, source, record) VALUES (:id, :source, :record);

-- name: take_answers(id)$
DELETE FROM answers WHERE id = :id RETURNING record;

-- name: waiting_answers()
SELECT record FROM answers ORDER BY id;

-- name: answered_sources()
SELECT DISTINCT source FROM answers;

-- name: lock_messages()!
LOCK TABLE messages IN SHARE ROW EXCLUSIVE MODE;

-- name: claim_deliveries(message)
-- Whoever is sending the message keeps these rows until the transaction ends.
SELECT record FROM deliveries WHERE message = :message AND open = TRUE
ORDER BY channel, recipient FOR UPDATE NOWAIT;

-- name: queue_is_there()$
SELECT to_regclass('procrastinate_jobs') IS NOT NULL;

-- name: take_queue_lock(program)$
SELECT pg_advisory_xact_lock(:program, 1);

-- name: delivery_jobs()
SELECT DISTINCT args ->> 'message' FROM procrastinate_jobs
WHERE task_name = 'deliver' AND status IN ('todo', 'doing');

-- name: count_workers(seconds)$
SELECT COUNT(*) FROM procrastinate_workers
WHERE last_heartbeat > NOW() - make_interval(secs => :seconds);

-- name: count_stalled_jobs(seconds)$
SELECT COUNT(*) FROM procrastinate_jobs jobs
LEFT JOIN procrastinate_workers workers ON workers.id = jobs.worker_id
WHERE jobs.status = 'doing' AND (
  workers.id IS NULL
  OR workers.last_heartbeat < NOW() - make_interval(secs => :seconds)
);

-- name: late_jobs()^
-- Those whose time has come, and since when the first of them waits.
SELECT COUNT(*), EXTRACT(EPOCH FROM NOW() - MIN(since)) FROM (
  SELECT COALESCE(jobs.scheduled_at, (
    SELECT MIN(events.at) FROM procrastinate_events events WHERE events.job_id = jobs.id
  )) AS since
  FROM procrastinate_jobs jobs WHERE jobs.status = 'todo'
) AS waiting WHERE since <= NOW();

-- name: count_failing_jobs(attempts)$
SELECT COUNT(*) FROM procrastinate_jobs
WHERE status = 'failed' OR (status IN ('todo', 'doing') AND attempts >= :attempts);
