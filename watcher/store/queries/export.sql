-- Whole tables, each in the order of its primary key.

-- name: all_documents()
SELECT record FROM documents ORDER BY source, document;

-- name: all_entries()
SELECT source, document, record, fingerprint, missing_since, lost, silent
FROM entries ORDER BY source, document, key;

-- name: all_remembered()
SELECT source, document, fingerprint, time
FROM remembered ORDER BY source, document, fingerprint;

-- name: all_updates()
SELECT record FROM updates ORDER BY id;

-- name: all_absorbed()
SELECT id, update_id FROM absorbed ORDER BY id;

-- name: all_events()
SELECT sequence, record, update_id, queued FROM events ORDER BY sequence;

-- name: all_messages()
SELECT sequence, record, update_id, body FROM messages ORDER BY sequence;

-- name: all_deliveries()
SELECT record FROM deliveries ORDER BY message, channel, recipient;

-- name: all_acks()
SELECT update_id, time FROM acks ORDER BY update_id;

-- name: all_values()
SELECT key, value FROM meta ORDER BY key;

-- name: tables_with_rows()
-- Those that are derived from others have rows only where these have some.
SELECT 'absorbed' WHERE EXISTS (SELECT 1 FROM absorbed)
UNION ALL SELECT 'acks' WHERE EXISTS (SELECT 1 FROM acks)
UNION ALL SELECT 'documents' WHERE EXISTS (SELECT 1 FROM documents)
UNION ALL SELECT 'entries' WHERE EXISTS (SELECT 1 FROM entries)
UNION ALL SELECT 'events' WHERE EXISTS (SELECT 1 FROM events)
UNION ALL SELECT 'messages' WHERE EXISTS (SELECT 1 FROM messages)
UNION ALL SELECT 'meta' WHERE EXISTS (SELECT 1 FROM meta)
UNION ALL SELECT 'mutes' WHERE EXISTS (SELECT 1 FROM mutes)
UNION ALL SELECT 'times' WHERE EXISTS (SELECT 1 FROM times)
UNION ALL SELECT 'updates' WHERE EXISTS (SELECT 1 FROM updates);

-- The same without ON CONFLICT: what stands twice in an export is refused.

-- name: insert_entries*!
INSERT INTO entries
  (source, document, key, fingerprint, missing_since, lost, silent, record)
VALUES
  (:source, :document, :key, :fingerprint, :missing_since, :lost, :silent, :record);

-- name: insert_remembered*!
INSERT INTO remembered (source, document, fingerprint, time)
VALUES (:source, :document, :fingerprint, :time);

-- name: insert_absorbed*!
INSERT INTO absorbed (id, update_id) VALUES (:id, :update_id);

-- name: insert_acks*!
INSERT INTO acks (update_id, time) VALUES (:update_id, :time);

-- name: insert_mutes*!
INSERT INTO mutes (target, until) VALUES (:target, :until);

-- name: insert_values*!
INSERT INTO meta (key, value) VALUES (:key, :value);
