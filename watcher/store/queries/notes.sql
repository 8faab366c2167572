-- What was noted: dealt with, muted, and single values.

-- name: acks()
SELECT update_id, time FROM acks ORDER BY time;

-- name: write_acks*!
INSERT INTO acks (update_id, time) VALUES (:update_id, :time)
ON CONFLICT (update_id) DO UPDATE SET time = excluded.time;

-- name: delete_ack(update_id)!
DELETE FROM acks WHERE update_id = :update_id;

-- name: mutes()
SELECT target, until FROM mutes ORDER BY target;

-- name: write_mutes*!
INSERT INTO mutes (target, until) VALUES (:target, :until)
ON CONFLICT (target) DO UPDATE SET until = excluded.until;

-- name: delete_mute(target)!
DELETE FROM mutes WHERE target = :target;

-- name: value(key)$
SELECT value FROM meta WHERE key = :key;

-- name: values_of_prefix(prefix, length)
SELECT key, value FROM meta WHERE substr(key, 1, :length) = :prefix ORDER BY key;

-- name: write_values*!
INSERT INTO meta (key, value) VALUES (:key, :value)
ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- name: delete_values*!
DELETE FROM meta WHERE key = :key;
