-- Messages, fixed before they are sent, and what became of each delivery.

-- name: message(id)^
SELECT record, body FROM messages WHERE id = :id;

-- name: messages()
SELECT record, body FROM messages ORDER BY sequence;

-- name: messages_of_kind(kind)
SELECT record, body FROM messages WHERE kind = :kind ORDER BY sequence;

-- name: messages_of_event(event)
SELECT record, body FROM messages
WHERE id IN (SELECT message FROM told WHERE event = :event) ORDER BY sequence;

-- name: messages_of_update(update_id)
-- Digests that tell of one of its events, too.
SELECT record, body FROM messages
WHERE update_id = :update_id
   OR id IN (
     SELECT told.message FROM told JOIN events ON events.id = told.event
     WHERE events.update_id = :update_id
   )
ORDER BY sequence;

-- name: messages_to(subscribers, update_id)
SELECT record FROM messages
WHERE kind = 'welcome' AND subscriber IN (SELECT value FROM json_each(:subscribers))
UNION ALL
SELECT record FROM messages
WHERE update_id = :update_id AND subscriber IN (SELECT value FROM json_each(:subscribers))
UNION ALL
SELECT messages.record FROM messages
JOIN told ON told.message = messages.id JOIN events ON events.id = told.event
WHERE messages.kind = 'digest' AND events.update_id = :update_id
  AND messages.subscriber IN (SELECT value FROM json_each(:subscribers));

-- name: last_message_of(update_id, subscriber)^
SELECT record, body FROM messages
WHERE update_id = :update_id AND subscriber = :subscriber
ORDER BY sequence DESC LIMIT 1;

-- name: last_message()$
SELECT COALESCE(MAX(sequence), 0) FROM messages;

-- name: settled_messages()
-- Whoever was welcomed once is not welcomed again: those are never among them.
SELECT sequence, record FROM messages
WHERE kind <> 'welcome'
  AND id NOT IN (SELECT message FROM deliveries WHERE open = TRUE)
ORDER BY sequence;

-- name: subscribers_of_kind(kind)
SELECT DISTINCT subscriber FROM messages WHERE kind = :kind;

-- name: events_sent(subscriber, events)
SELECT told.event FROM told
JOIN messages ON messages.id = told.message
JOIN deliveries ON deliveries.message = messages.id
WHERE told.event IN (SELECT value FROM json_each(:events))
  AND messages.subscriber = :subscriber AND deliveries.given_up = FALSE;

-- name: add_messages*!
INSERT INTO messages (sequence, id, update_id, subscriber, kind, record, body)
VALUES (:sequence, :id, :update_id, :subscriber, :kind, :record, :body);

-- name: add_events_of_messages*!
INSERT INTO told (event, message) VALUES (:event, :message)
ON CONFLICT (event, message) DO NOTHING;

-- name: move_messages(gone, taker)!
UPDATE messages SET update_id = :taker WHERE update_id = :gone;

-- name: delete_messages*!
DELETE FROM messages WHERE sequence = :sequence;

-- name: due_deliveries(now, far)
SELECT messages.record, messages.body, deliveries.record
FROM deliveries JOIN messages ON messages.id = deliveries.message
WHERE deliveries.open = TRUE AND (
  deliveries.next_try IS NULL
  OR deliveries.next_try <= COALESCE(:now, deliveries.next_try)
  OR deliveries.next_try > :far
)
ORDER BY messages.sequence, deliveries.channel, deliveries.recipient;

-- name: open_deliveries()
SELECT messages.record, deliveries.record
FROM deliveries JOIN messages ON messages.id = deliveries.message
WHERE deliveries.open = TRUE
ORDER BY messages.sequence, deliveries.channel, deliveries.recipient;

-- name: given_up_deliveries(most)
SELECT messages.record, deliveries.record
FROM deliveries JOIN messages ON messages.id = deliveries.message
WHERE deliveries.given_up = TRUE
ORDER BY messages.sequence DESC, deliveries.channel, deliveries.recipient
LIMIT :most;

-- name: deliveries_of(message)
SELECT record FROM deliveries WHERE message = :message ORDER BY channel, recipient;

-- name: delete_delivery(message, channel, recipient)!
DELETE FROM deliveries
WHERE message = :message AND channel = :channel AND recipient = :recipient;

-- name: count_open()$
SELECT COUNT(*) FROM deliveries WHERE open = TRUE;

-- name: count_given_up()$
SELECT COUNT(*) FROM deliveries WHERE given_up = TRUE;

-- name: write_deliveries*!
INSERT INTO deliveries
  (message, channel, recipient, open, given_up, next_try, record)
VALUES
  (:message, :channel, :recipient, :open, :given_up, :next_try, :record)
ON CONFLICT (message, channel, recipient) DO UPDATE
SET open = excluded.open, given_up = excluded.given_up,
    next_try = excluded.next_try, record = excluded.record;
