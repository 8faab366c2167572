-- Events in the order in which they were established.

-- name: events(since, most)
-- The newest first, so that a limit leaves out the oldest.
SELECT record FROM events WHERE time >= COALESCE(:since, '')
ORDER BY sequence DESC LIMIT :most;

-- name: events_of_kind(kind, since, most)
SELECT record FROM events WHERE kind = :kind AND time >= COALESCE(:since, '')
ORDER BY sequence DESC LIMIT :most;

-- name: event(id)$
SELECT record FROM events WHERE id = :id;

-- name: unsealed_event(id)$
SELECT record FROM events WHERE id = :id AND queued = FALSE;

-- name: events_of_update(update_id)
SELECT record FROM events WHERE update_id = :update_id ORDER BY sequence;

-- name: events_after(sequence)
SELECT sequence, record FROM events WHERE sequence > :sequence ORDER BY sequence;

-- name: events_from(position, most)
SELECT record FROM events ORDER BY sequence LIMIT :most OFFSET :position;

-- name: events_about(product, most)
SELECT events.sequence, events.record
FROM concerned JOIN events ON events.sequence = concerned.sequence
WHERE concerned.product = :product
ORDER BY concerned.sequence DESC LIMIT :most;

-- name: unsealed_events()
SELECT record FROM events WHERE queued = FALSE ORDER BY sequence;

-- name: first_unsealed()$
SELECT MIN(sequence) FROM events WHERE queued = FALSE;

-- name: last_event()$
SELECT COALESCE(MAX(sequence), 0) FROM events;

-- name: count_events()$
SELECT COUNT(*) FROM events;

-- name: position_of_event(id)$
SELECT (SELECT COUNT(*) FROM events earlier WHERE earlier.sequence < events.sequence)
FROM events WHERE id = :id;

-- name: stored_event_ids(ids)
SELECT id FROM events WHERE id IN (SELECT value FROM json_each(:ids));

-- name: owners()
SELECT id, update_id FROM events;

-- name: owners_of(ids)
SELECT id, update_id FROM events WHERE id IN (SELECT value FROM json_each(:ids));

-- name: add_events*!
INSERT INTO events (sequence, id, update_id, kind, time, queued, record)
VALUES (:sequence, :id, :update_id, :kind, :time, :queued, :record);

-- name: add_products_of_events*!
INSERT INTO concerned (product, sequence) VALUES (:product, :sequence);

-- name: rewrite_event(id, record)!
UPDATE events SET record = :record WHERE id = :id;

-- name: seal_events(ids)!
UPDATE events SET queued = TRUE WHERE id IN (SELECT value FROM json_each(:ids));

-- name: move_events(gone, taker)!
UPDATE events SET update_id = :taker WHERE update_id = :gone;
