-- One view of Brook (docs/postgres.md). May be run again at any time: it makes what is missing and brings an older schema up to date, data stays.
BEGIN;
SELECT pg_advisory_xact_lock(hashtextextended('brook:' || {name}, 0));

DO $do$ BEGIN
  IF current_setting('server_encoding') <> 'UTF8' THEN RAISE EXCEPTION 'The database has the encoding %; Brook needs UTF8.', current_setting('server_encoding'); END IF;
  IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = {name}) THEN CREATE SCHEMA {schema}; END IF;
END $do$;

CREATE TABLE IF NOT EXISTS {schema}.brook_schema (version int NOT NULL);

DO $do$ BEGIN
  IF EXISTS (SELECT FROM {schema}.brook_schema WHERE version > {version}) THEN RAISE EXCEPTION 'The schema is of a newer version of Brook.'; END IF;
END $do$;

-- An entry of the view. fillfactor: most updates find room beside the old row, and touch no index.
CREATE TABLE IF NOT EXISTS {schema}.brook_entry (
  id bigint GENERATED ALWAYS AS IDENTITY,
  collection text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  {value-columns}
  expires_at timestamptz,
  PRIMARY KEY (collection, key)
) WITH (fillfactor = 80);

CREATE INDEX IF NOT EXISTS brook_entry_expires ON {schema}.brook_entry (expires_at) WHERE expires_at IS NOT NULL;

-- The events of an entry. pos counts per entry and type without a gap, so the oldest ones are a range; n orders all types.
CREATE TABLE IF NOT EXISTS {schema}.brook_log (
  entry bigint NOT NULL,
  type text COLLATE "C" NOT NULL,
  pos bigint NOT NULL,
  n bigint GENERATED ALWAYS AS IDENTITY,
  record bytea NOT NULL,
  PRIMARY KEY (entry, type, pos)
);

-- A commit: compares, then writes, all or nothing. Rows when it is refused: what differs, as it is now. Rows are locked in the order of their keys. An entry that
-- must be missing is inserted, so that nobody else makes it meanwhile, also when it is only checked or deleted; 40001: somebody was faster, ask again.
-- actions: 1 put, 2 delete, 4 drop the log, 8 the value is not for jsonb. The plans must not change with the size of the tables: hence the settings.
CREATE OR REPLACE FUNCTION {schema}.brook_commit(
  collections text[], keys text[], actions smallint[], expecteds bigint[], "values" bytea[], expiries timestamptz[],
  new_version bigint, at_time timestamptz, to_match int, to_write int, has_updates boolean, has_inserts boolean, has_drops boolean, has_deletes boolean,
  log_collections text[], log_keys text[], log_types text[], log_ranks int[], log_rooms int[], log_records bytea[]
) RETURNS TABLE (place int, found_version bigint, found_value text, found_end timestamptz)
LANGUAGE plpgsql
SET search_path = pg_catalog SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off
AS $function$
#variable_conflict use_column
DECLARE
  matched int; taken int; dead int; part int; written int := 0;
BEGIN
  SELECT count(*) FILTER (WHERE l.expected <> 0 AND l.live AND l.version = l.expected), count(*) FILTER (WHERE l.expected = 0 AND l.live), count(*) FILTER (WHERE NOT l.live)
    INTO matched, taken, dead
    FROM (SELECT w.expected, e.version, e.expires_at IS NULL OR e.expires_at > at_time AS live
            FROM unnest(collections, keys, expecteds) AS w (collection, key, expected) JOIN {schema}.brook_entry e ON e.collection = w.collection AND e.key = w.key
            ORDER BY e.collection, e.key FOR UPDATE OF e) l;

  IF matched <> to_match OR taken > 0 THEN
    RETURN QUERY SELECT w.i::int, coalesce(e.version, 0), {read-e}, e.expires_at
      FROM unnest(collections, keys, expecteds) WITH ORDINALITY AS w (collection, key, expected, i)
      LEFT JOIN {schema}.brook_entry e ON e.collection = w.collection AND e.key = w.key AND (e.expires_at IS NULL OR e.expires_at > at_time)
      WHERE w.expected IS NOT NULL AND coalesce(e.version, 0) <> w.expected;
    IF NOT FOUND THEN RAISE EXCEPTION 'brook: an entry changed meanwhile' USING ERRCODE = '40001'; END IF;
    RETURN;
  END IF;

  IF dead > 0 THEN
    WITH gone AS (DELETE FROM {schema}.brook_entry e USING unnest(collections, keys) AS w (collection, key) WHERE e.collection = w.collection AND e.key = w.key AND e.expires_at <= at_time RETURNING e.id)
      DELETE FROM {schema}.brook_log l USING gone g WHERE l.entry = g.id;
  END IF;

  IF has_updates THEN
    UPDATE {schema}.brook_entry e SET version = new_version, {set-value}, expires_at = w.expiry
      FROM unnest(collections, keys, actions, expecteds, "values", expiries) AS w (collection, key, action, expected, value, expiry)
      WHERE e.collection = w.collection AND e.key = w.key AND w.action & 1 <> 0 AND w.expected IS DISTINCT FROM 0;
    GET DIAGNOSTICS written = ROW_COUNT;
  END IF;

  IF has_inserts THEN
    INSERT INTO {schema}.brook_entry (collection, key, version, {value-names}, expires_at)
      SELECT w.collection, w.key, CASE WHEN w.action & 1 <> 0 THEN new_version ELSE 0 END, {put-value}, w.expiry
      FROM unnest(collections, keys, actions, expecteds, "values", expiries) AS w (collection, key, action, expected, value, expiry)
      WHERE w.expected = 0 OR (w.expected IS NULL AND w.action & 1 <> 0)
      ORDER BY w.collection COLLATE "C", w.key COLLATE "C"
      ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS part = ROW_COUNT;
    written := written + part;
  END IF;
  IF written <> to_write THEN RAISE EXCEPTION 'brook: an entry was made or removed meanwhile' USING ERRCODE = '40001'; END IF;

  IF has_drops THEN
    DELETE FROM {schema}.brook_log l USING unnest(collections, keys, actions) AS w (collection, key, action), {schema}.brook_entry e
      WHERE w.action & 4 <> 0 AND e.collection = w.collection AND e.key = w.key AND l.entry = e.id;
  END IF;

  IF has_deletes THEN
    WITH gone AS (DELETE FROM {schema}.brook_entry e USING unnest(collections, keys, actions, expecteds) AS w (collection, key, action, expected)
        WHERE e.collection = w.collection AND e.key = w.key AND (w.action & 2 <> 0 OR (w.action & 1 = 0 AND w.expected = 0)) RETURNING e.id)
      DELETE FROM {schema}.brook_log l USING gone g WHERE l.entry = g.id;
  END IF;

  -- rank: the place among this commit's records of that entry and type; room: how many older ones may stay.
  IF cardinality(log_keys) > 0 THEN
    WITH appended AS MATERIALIZED (
        SELECT a.i, e.id, a.type, a.rank, a.room, a.record,
          coalesce((SELECT l.pos FROM {schema}.brook_log l WHERE l.entry = e.id AND l.type = a.type ORDER BY l.pos DESC LIMIT 1), 0) AS last
        FROM unnest(log_collections, log_keys, log_types, log_ranks, log_rooms, log_records) WITH ORDINALITY AS a (collection, key, type, rank, room, record, i)
        JOIN {schema}.brook_entry e ON e.collection = a.collection AND e.key = a.key),
      trimmed AS (DELETE FROM {schema}.brook_log l USING appended a WHERE a.rank = 1 AND l.entry = a.id AND l.type = a.type AND l.pos <= a.last - a.room)
      INSERT INTO {schema}.brook_log (entry, type, pos, record) SELECT a.id, a.type, a.last + a.rank, a.record FROM appended a ORDER BY a.i;
  END IF;

  -- Who waits for a lane on another node holds its lock, shared, and is told; else nobody is: NOTIFY makes the commits of the whole database wait for each other. Whoever asks for the lock from
  -- now on gets it when this commit is there to be seen.
  IF '$lanes' = ANY (collections) THEN
    PERFORM pg_notify({channel}, w.key) FROM unnest(collections, keys, actions) AS w (collection, key, action)
      WHERE CASE WHEN w.collection = '$lanes' AND w.action & 3 <> 0 THEN NOT pg_try_advisory_xact_lock(hashtextextended({lock} || w.key, 0)) ELSE false END;
  END IF;
END $function$;

-- For people: what the application sees, without Brook's own collections.
CREATE OR REPLACE VIEW {schema}.entries AS
  SELECT collection, key, {view-value} AS value, version, expires_at FROM {schema}.brook_entry
  WHERE left(collection, 1) <> '$' AND (expires_at IS NULL OR expires_at > now());

-- SELECT {schema}.create_view('orders') makes the view orders of one collection; another name may be given.
CREATE OR REPLACE FUNCTION {schema}.create_view(collection text, name text DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $function$
BEGIN
  IF coalesce(name, collection) IN ('entries', 'brook_entry', 'brook_log', 'brook_schema') THEN RAISE EXCEPTION 'The name % is taken by Brook: give the view another one, as the second argument.', coalesce(name, collection); END IF;
  EXECUTE format('CREATE OR REPLACE VIEW %I.%I AS SELECT key, value, version, expires_at FROM %I.entries WHERE collection = %L', {name}, coalesce(name, collection), {name}, collection);
END $function$;

DO $do$ BEGIN
  IF NOT EXISTS (SELECT FROM {schema}.brook_schema) THEN INSERT INTO {schema}.brook_schema VALUES ({version});
  ELSE UPDATE {schema}.brook_schema SET version = {version} WHERE version < {version}; END IF;
END $do$;
COMMIT;
