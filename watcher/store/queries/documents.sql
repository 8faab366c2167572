-- What was last seen: documents, the times of their checks, their entries.

-- name: documents()
SELECT record FROM documents;

-- name: documents_of(sources)
SELECT record FROM documents
WHERE source IN (SELECT value FROM json_each(:sources));

-- name: write_documents*!
INSERT INTO documents (source, document, record)
VALUES (:source, :document, :record)
ON CONFLICT (source, document) DO UPDATE SET record = excluded.record;

-- name: delete_documents*!
DELETE FROM documents WHERE source = :source AND document = :document;

-- name: times_of(source, document)$
SELECT record FROM times WHERE source = :source AND document = :document;

-- name: times_of_source(source)
SELECT record FROM times WHERE source = :source ORDER BY document;

-- name: times()
SELECT record FROM times ORDER BY source, document;

-- name: last_check()$
SELECT MAX(tried) FROM times;

-- name: tried_before(before)
SELECT source, document FROM times WHERE tried < :before;

-- name: write_times*!
INSERT INTO times (source, document, tried, record)
VALUES (:source, :document, :tried, :record)
ON CONFLICT (source, document) DO UPDATE
SET tried = excluded.tried, record = excluded.record;

-- name: delete_times*!
DELETE FROM times WHERE source = :source AND document = :document;

-- name: entries(source, document)
SELECT record, fingerprint, missing_since, lost, silent FROM entries
WHERE source = :source AND document = :document;

-- name: entries_of_keys(source, document, keys)
SELECT record, fingerprint, missing_since, lost, silent FROM entries
WHERE source = :source AND document = :document
  AND key IN (SELECT value FROM json_each(:keys));

-- name: fingerprints(source, document)
SELECT key, fingerprint, missing_since FROM entries
WHERE source = :source AND document = :document;

-- name: write_entries*!
INSERT INTO entries
  (source, document, key, fingerprint, missing_since, lost, silent, record)
VALUES
  (:source, :document, :key, :fingerprint, :missing_since, :lost, :silent, :record)
ON CONFLICT (source, document, key) DO UPDATE
SET fingerprint = excluded.fingerprint, missing_since = excluded.missing_since,
    lost = excluded.lost, silent = excluded.silent, record = excluded.record;

-- name: mark_missing*!
-- An entry that is missing already keeps the time since when it is.
UPDATE entries SET missing_since = COALESCE(missing_since, :since), lost = :lost
WHERE source = :source AND document = :document AND key = :key;

-- name: mark_returned*!
UPDATE entries SET missing_since = NULL, lost = FALSE
WHERE source = :source AND document = :document AND key = :key;

-- name: mark_silent*!
UPDATE entries SET silent = :silent
WHERE source = :source AND document = :document AND key = :key;

-- name: remembered(source, document)
SELECT fingerprint FROM remembered
WHERE source = :source AND document = :document;

-- name: write_remembered*!
INSERT INTO remembered (source, document, fingerprint, time)
VALUES (:source, :document, :fingerprint, :time)
ON CONFLICT (source, document, fingerprint) DO UPDATE SET time = excluded.time;

-- name: prune_remembered(source, document, most)!
-- All but the newest.
DELETE FROM remembered
WHERE source = :source AND document = :document AND fingerprint NOT IN (
  SELECT fingerprint FROM remembered
  WHERE source = :source AND document = :document
  ORDER BY time DESC, fingerprint LIMIT :most
);

-- name: delete_entries*!
DELETE FROM entries WHERE source = :source AND document = :document AND key = :key;
