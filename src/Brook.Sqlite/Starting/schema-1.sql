-- Version 1. docs/sqlite.md describes it; a change is another file, schema-2.sql, never a change here.
CREATE TABLE collections (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  entries INTEGER NOT NULL DEFAULT 0            -- how many there are, those that have expired and are not removed yet included
) STRICT;

CREATE TABLE types (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE entries (
  id INTEGER PRIMARY KEY,
  collection INTEGER NOT NULL,
  version INTEGER NOT NULL,
  expires INTEGER,                              -- Unix milliseconds
  appended INTEGER NOT NULL,                    -- how many records its log has had: the place of the next one
  key TEXT NOT NULL,
  value TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX entries_by_key ON entries (collection, key);
CREATE INDEX entries_by_end ON entries (expires, collection) WHERE expires IS NOT NULL;

CREATE TABLE log (
  entry INTEGER NOT NULL,
  type INTEGER NOT NULL,
  n INTEGER NOT NULL,                           -- counts the records of this type
  place INTEGER NOT NULL,                       -- counts the records of the entry
  record TEXT NOT NULL,
  PRIMARY KEY (entry, type, n)
) STRICT, WITHOUT ROWID;

-- For people and their queries.
CREATE VIEW brook_entries AS
  SELECT c.name AS collection, e.key, e.value, e.version, strftime('%Y-%m-%dT%H:%M:%fZ', e.expires / 1000.0, 'unixepoch') AS expires
  FROM entries e JOIN collections c ON c.id = e.collection
  WHERE e.expires IS NULL OR e.expires > unixepoch('subsec') * 1000;

CREATE VIEW brook_log AS
  SELECT c.name AS collection, e.key, l.place, t.name AS type, l.record
  FROM log l JOIN types t ON t.id = l.type JOIN entries e ON e.id = l.entry JOIN collections c ON c.id = e.collection
  WHERE e.expires IS NULL OR e.expires > unixepoch('subsec') * 1000;
