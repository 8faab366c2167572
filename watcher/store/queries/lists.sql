-- What the site's lists need of all updates and events, without reading them whole.

-- name: months()
SELECT SUBSTR(dated, 1, 7) AS month, COUNT(*) FROM updates GROUP BY SUBSTR(dated, 1, 7);

-- name: updates_dated(first, last)
SELECT record FROM updates WHERE dated >= :first AND dated < :last
ORDER BY dated DESC, id;

-- name: events_of_updates(ids, kinds)
SELECT update_id, record FROM events
WHERE update_id IN (SELECT value FROM json_each(:ids))
  AND kind IN (SELECT value FROM json_each(:kinds))
ORDER BY sequence;

-- name: update_texts()
SELECT record FROM updates;

-- name: products_of_events()
SELECT DISTINCT product FROM concerned;

-- name: event_times(step)
-- Of the first event, and of each step after it: sequences may have gaps.
SELECT time FROM (
  SELECT time, ROW_NUMBER() OVER (ORDER BY sequence) - 1 AS position FROM events
) AS numbered
WHERE position / :step * :step = position
ORDER BY position;
