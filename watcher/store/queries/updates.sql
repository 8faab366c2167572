-- The ledger: updates, the names by which they are found, ids that were absorbed.

-- name: update(id)$
SELECT record FROM updates WHERE id = :id;

-- name: updates_of_ids(ids)
SELECT record FROM updates WHERE id IN (SELECT value FROM json_each(:ids))
ORDER BY dated DESC, id;

-- name: updates_of_names(names)
SELECT record FROM updates
WHERE id IN (
  SELECT update_id FROM names WHERE name IN (SELECT value FROM json_each(:names))
)
ORDER BY dated DESC, id;

-- name: updates(family, since, most)
SELECT record FROM updates
WHERE family = COALESCE(:family, family) AND dated >= COALESCE(:since, '')
ORDER BY dated DESC, id LIMIT :most;

-- name: updates_in_state(state, family, since, most)
-- Of its own, so that it takes the index: few of very many are pulled.
SELECT record FROM updates
WHERE state = :state
  AND family = COALESCE(:family, family) AND dated >= COALESCE(:since, '')
ORDER BY dated DESC, id LIMIT :most;

-- name: updates_young_or_pulled(since)
SELECT record FROM updates WHERE dated >= :since OR state = 'pulled'
ORDER BY dated DESC, id;

-- name: count_updates()$
SELECT COUNT(*) FROM updates;

-- name: newest_date()$
SELECT MAX(dated) FROM updates;

-- name: update_records(ids)
SELECT id, record FROM updates WHERE id IN (SELECT value FROM json_each(:ids));

-- name: write_updates*!
INSERT INTO updates (id, family, state, dated, record)
VALUES (:id, :family, :state, :dated, :record)
ON CONFLICT (id) DO UPDATE
SET family = excluded.family, state = excluded.state,
    dated = excluded.dated, record = excluded.record;

-- name: delete_update(id)!
DELETE FROM updates WHERE id = :id;

-- name: names_of(ids)
SELECT name, update_id FROM names
WHERE update_id IN (SELECT value FROM json_each(:ids));

-- name: add_names*!
INSERT INTO names (name, update_id) VALUES (:name, :update_id)
ON CONFLICT (name, update_id) DO NOTHING;

-- name: delete_names*!
DELETE FROM names WHERE name = :name AND update_id = :update_id;

-- name: suspected()
SELECT record FROM updates WHERE id IN (SELECT update_id FROM suspicions)
ORDER BY dated DESC, id;

-- name: suspected_in_source(source)
SELECT record FROM updates
WHERE id IN (SELECT update_id FROM suspicions WHERE source = :source)
ORDER BY dated DESC, id;

-- name: suspected_in_document(source, document)
SELECT record FROM updates
WHERE id IN (
  SELECT update_id FROM suspicions WHERE source = :source AND document = :document
)
ORDER BY dated DESC, id;

-- name: suspected_sources()
SELECT DISTINCT source FROM suspicions;

-- name: add_suspicions*!
INSERT INTO suspicions (source, document, update_id)
VALUES (:source, :document, :update_id);

-- name: delete_suspicions(ids)!
DELETE FROM suspicions WHERE update_id IN (SELECT value FROM json_each(:ids));

-- name: newest_good(product)$
SELECT MIN(update_id) FROM offers
WHERE product = :product
  AND rank = (SELECT MAX(rank) FROM offers WHERE product = :product);

-- name: add_offers*!
INSERT INTO offers (product, update_id, rank) VALUES (:product, :update_id, :rank);

-- name: delete_offers(ids)!
DELETE FROM offers WHERE update_id IN (SELECT value FROM json_each(:ids));

-- name: absorbed()
SELECT id, update_id FROM absorbed;

-- name: absorbed_by(id)$
SELECT update_id FROM absorbed WHERE id = :id;

-- name: absorbed_among(ids)
SELECT id, update_id FROM absorbed
WHERE id IN (SELECT value FROM json_each(:ids))
   OR update_id IN (SELECT value FROM json_each(:ids));

-- name: write_absorbed*!
INSERT INTO absorbed (id, update_id) VALUES (:id, :update_id)
ON CONFLICT (id) DO UPDATE SET update_id = excluded.update_id;

-- name: delete_absorbed(ids)!
DELETE FROM absorbed WHERE id IN (SELECT value FROM json_each(:ids));

-- name: move_absorbed(gone, taker)!
UPDATE absorbed SET update_id = :taker WHERE update_id = :gone;
