-- The first schema.  COLLATE BINARY: text that sorts by code point, also a time.

CREATE TABLE documents (
  source TEXT COLLATE BINARY NOT NULL,
  document TEXT COLLATE BINARY NOT NULL,
  record TEXT NOT NULL,
  CONSTRAINT pk_documents PRIMARY KEY (source, document)
);

-- Apart from documents: they change with every run.
CREATE TABLE times (
  source TEXT COLLATE BINARY NOT NULL,
  document TEXT COLLATE BINARY NOT NULL,
  tried TEXT COLLATE BINARY,
  record TEXT NOT NULL,
  CONSTRAINT pk_times PRIMARY KEY (source, document)
);

CREATE TABLE entries (
  source TEXT COLLATE BINARY NOT NULL,
  document TEXT COLLATE BINARY NOT NULL,
  key TEXT COLLATE BINARY NOT NULL,
  fingerprint TEXT NOT NULL,
  missing_since TEXT COLLATE BINARY,
  lost BOOLEAN NOT NULL,
  silent TEXT NOT NULL,
  record TEXT NOT NULL,
  CONSTRAINT pk_entries PRIMARY KEY (source, document, key),
  CONSTRAINT fk_entries_documents FOREIGN KEY (source, document)
    REFERENCES documents (source, document) ON DELETE CASCADE
);

-- dated: the vendor's date, else when the update was first seen.
CREATE TABLE updates (
  id TEXT COLLATE BINARY NOT NULL,
  family TEXT COLLATE BINARY NOT NULL,
  state TEXT COLLATE BINARY NOT NULL,
  dated TEXT COLLATE BINARY NOT NULL,
  record TEXT NOT NULL,
  CONSTRAINT pk_updates PRIMARY KEY (id)
);
CREATE INDEX ix_updates_dated ON updates (dated, id);
CREATE INDEX ix_updates_state ON updates (state);

-- Derived from updates: by which names each is found again.
CREATE TABLE names (
  name TEXT COLLATE BINARY NOT NULL,
  update_id TEXT COLLATE BINARY NOT NULL,
  CONSTRAINT pk_names PRIMARY KEY (name, update_id),
  CONSTRAINT fk_names_updates FOREIGN KEY (update_id)
    REFERENCES updates (id) ON DELETE CASCADE
);
CREATE INDEX ix_names_update_id ON names (update_id);

-- Derived from updates: where an absence is not yet a verdict.
CREATE TABLE suspicions (
  source TEXT COLLATE BINARY NOT NULL,
  document TEXT COLLATE BINARY NOT NULL,
  update_id TEXT COLLATE BINARY NOT NULL,
  CONSTRAINT pk_suspicions PRIMARY KEY (source, document, update_id),
  CONSTRAINT fk_suspicions_updates FOREIGN KEY (update_id)
    REFERENCES updates (id) ON DELETE CASCADE
);
CREATE INDEX ix_suspicions_update_id ON suspicions (update_id);

-- Ids of updates that were found to be another's: an old id still leads to it.
CREATE TABLE absorbed (
  id TEXT COLLATE BINARY NOT NULL,
  update_id TEXT COLLATE BINARY NOT NULL,
  CONSTRAINT pk_absorbed PRIMARY KEY (id)
);
CREATE INDEX ix_absorbed_update_id ON absorbed (update_id);

-- update_id: who has the event now; the record keeps the id of its time.
CREATE TABLE events (
  sequence INTEGER NOT NULL,
  id TEXT COLLATE BINARY NOT NULL,
  update_id TEXT COLLATE BINARY NOT NULL,
  kind TEXT COLLATE BINARY NOT NULL,
  time TEXT COLLATE BINARY NOT NULL,
  queued BOOLEAN NOT NULL,
  record TEXT NOT NULL,
  CONSTRAINT pk_events PRIMARY KEY (sequence),
  CONSTRAINT uq_events_id UNIQUE (id)
);
CREATE INDEX ix_events_update_id ON events (update_id);
CREATE INDEX ix_events_time ON events (time);
CREATE INDEX ix_events_queued ON events (queued, sequence);

-- The record is without the body.
CREATE TABLE messages (
  sequence INTEGER NOT NULL,
  id TEXT COLLATE BINARY NOT NULL,
  update_id TEXT COLLATE BINARY NOT NULL,
  subscriber TEXT COLLATE BINARY NOT NULL,
  kind TEXT COLLATE BINARY NOT NULL,
  record TEXT NOT NULL,
  body BLOB NOT NULL,
  CONSTRAINT pk_messages PRIMARY KEY (sequence),
  CONSTRAINT uq_messages_id UNIQUE (id)
);
CREATE INDEX ix_messages_update_id ON messages (update_id, subscriber);
CREATE INDEX ix_messages_kind ON messages (kind, subscriber);

-- Derived from messages: which events each tells of.
CREATE TABLE told (
  event TEXT COLLATE BINARY NOT NULL,
  message TEXT COLLATE BINARY NOT NULL,
  CONSTRAINT pk_told PRIMARY KEY (event, message),
  CONSTRAINT fk_told_messages FOREIGN KEY (message)
    REFERENCES messages (id) ON DELETE CASCADE
);
CREATE INDEX ix_told_message ON told (message);

-- open: still on its way.  given_up: will never arrive, or nobody knows whether it did.
CREATE TABLE deliveries (
  message TEXT COLLATE BINARY NOT NULL,
  channel TEXT COLLATE BINARY NOT NULL,
  recipient TEXT COLLATE BINARY NOT NULL,
  open BOOLEAN NOT NULL,
  given_up BOOLEAN NOT NULL,
  next_try TEXT COLLATE BINARY,
  record TEXT NOT NULL,
  CONSTRAINT pk_deliveries PRIMARY KEY (message, channel, recipient),
  CONSTRAINT fk_deliveries_messages FOREIGN KEY (message)
    REFERENCES messages (id) ON DELETE CASCADE
);
CREATE INDEX ix_deliveries_open ON deliveries (open, next_try);
CREATE INDEX ix_deliveries_given_up ON deliveries (given_up);

CREATE TABLE acks (
  update_id TEXT COLLATE BINARY NOT NULL,
  time TEXT COLLATE BINARY NOT NULL,
  CONSTRAINT pk_acks PRIMARY KEY (update_id)
);

-- until NULL: for good.
CREATE TABLE mutes (
  target TEXT COLLATE BINARY NOT NULL,
  until TEXT COLLATE BINARY,
  CONSTRAINT pk_mutes PRIMARY KEY (target)
);

CREATE TABLE meta (
  key TEXT COLLATE BINARY NOT NULL,
  value TEXT NOT NULL,
  CONSTRAINT pk_meta PRIMARY KEY (key)
);
