-- Fingerprints of what a document has said and offered, and no longer does.

CREATE TABLE remembered (
  source TEXT COLLATE BINARY NOT NULL,
  document TEXT COLLATE BINARY NOT NULL,
  fingerprint TEXT COLLATE BINARY NOT NULL,
  time TEXT COLLATE BINARY NOT NULL,
  CONSTRAINT pk_remembered PRIMARY KEY (source, document, fingerprint),
  CONSTRAINT fk_remembered_documents FOREIGN KEY (source, document)
    REFERENCES documents (source, document) ON DELETE CASCADE
);
