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
  log TEXT,                                     -- where it ends, for each type: [[type,next,first,kept,last], ...]: the numbers of the next record, of the first one that counts
                                                -- and of the first one that is there, and the id of the newest one (0: none is there)
  key TEXT NOT NULL,
  value TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX entries_by_key ON entries (collection, key);
CREATE INDEX entries_by_end ON entries (expires, collection) WHERE expires IS NOT NULL;

-- In the order of their arrival.
CREATE TABLE log (
  id INTEGER PRIMARY KEY,
  before INTEGER,                               -- the record before it of this entry and type; it may be gone
  place INTEGER NOT NULL,                       -- counts the records of the entry
  record TEXT NOT NULL
) STRICT;

-- For people and their queries.
CREATE VIEW brook_entries AS
  SELECT c.name AS collection, e.key, e.value, e.version, strftime('%Y-%m-%dT%H:%M:%fZ', e.expires / 1000.0, 'unixepoch') AS expires
  FROM entries e JOIN collections c ON c.id = e.collection
  WHERE e.expires IS NULL OR e.expires > unixepoch('subsec') * 1000;

CREATE VIEW brook_log AS
  SELECT c.name AS collection, e.key, l.place, t.name AS type, l.record
  FROM entries e JOIN collections c ON c.id = e.collection, json_each(e.log) head JOIN types t ON t.id = head.value ->> 0,
    json_each((
      WITH RECURSIVE chain (id, number) AS (
        SELECT head.value ->> 4, (head.value ->> 1) - 1
        UNION ALL SELECT r.before, number - 1 FROM chain JOIN log r ON r.id = chain.id WHERE number > (head.value ->> 2))
      SELECT json_group_array(id) FROM (SELECT id FROM chain ORDER BY number))) one JOIN log l ON l.id = one.value
  WHERE e.expires IS NULL OR e.expires > unixepoch('subsec') * 1000;
