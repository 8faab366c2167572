-- What is found by product without reading all: derived from updates and from events.

-- rank sorts as the build, then as the update's date.
CREATE TABLE offers (
  product TEXT COLLATE BINARY NOT NULL,
  update_id TEXT COLLATE BINARY NOT NULL,
  rank TEXT COLLATE BINARY NOT NULL,
  CONSTRAINT pk_offers PRIMARY KEY (product, update_id),
  CONSTRAINT fk_offers_updates FOREIGN KEY (update_id)
    REFERENCES updates (id) ON DELETE CASCADE
);
CREATE INDEX ix_offers_update_id ON offers (update_id);
CREATE INDEX ix_offers_rank ON offers (product, rank, update_id);

CREATE TABLE concerned (
  product TEXT COLLATE BINARY NOT NULL,
  sequence INTEGER NOT NULL,
  CONSTRAINT pk_concerned PRIMARY KEY (product, sequence),
  CONSTRAINT fk_concerned_events FOREIGN KEY (sequence)
    REFERENCES events (sequence) ON DELETE CASCADE
);
