-- First copies of documents of which nothing had to be read yet.

CREATE TABLE copies (
  source TEXT COLLATE BINARY NOT NULL,
  document TEXT COLLATE BINARY NOT NULL,
  url TEXT NOT NULL,
  time TEXT COLLATE BINARY NOT NULL,
  content_type TEXT NOT NULL,
  body BLOB NOT NULL,
  CONSTRAINT pk_copies PRIMARY KEY (source, document),
  CONSTRAINT fk_copies_documents FOREIGN KEY (source, document)
    REFERENCES documents (source, document) ON DELETE CASCADE
);
