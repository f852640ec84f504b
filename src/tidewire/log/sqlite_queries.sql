-- name: stream_by_name
SELECT id, name, epoch, trimmed, fence, closed_at, deleted_at, retention,
       coalesce((SELECT max("offset") FROM events WHERE stream = streams.id), trimmed) AS head
  FROM streams WHERE name = ?;

-- name: stream_by_epoch
SELECT id, name, epoch, trimmed, fence, closed_at, deleted_at, retention,
       coalesce((SELECT max("offset") FROM events WHERE stream = streams.id), trimmed) AS head
  FROM streams WHERE epoch = ?;

-- name: insert_stream
INSERT INTO streams (name, epoch, owner, retention, created_at) VALUES (?, ?, ?, ?, ?);

-- name: delete_tombstone
DELETE FROM streams WHERE name = ? AND deleted_at IS NOT NULL;

-- name: streams_between
SELECT id, name, epoch, trimmed, fence, closed_at, deleted_at, retention,
       coalesce((SELECT max("offset") FROM events WHERE stream = streams.id), trimmed) AS head
  FROM streams WHERE name >= ? AND name < ? AND deleted_at IS NULL ORDER BY name LIMIT ?;

-- name: set_retention
UPDATE streams SET retention = ? WHERE id = ?;

-- name: insert_event
INSERT INTO events (stream, "offset", at, type, data) VALUES (?, ?, ?, ?, ?);

-- name: close_stream
UPDATE streams SET closed_at = ? WHERE id = ?;

-- name: find_key
SELECT "offset" FROM keys WHERE stream = ? AND key = ?;

-- name: insert_key
INSERT INTO keys (stream, key, "offset") VALUES (?, ?, ?);

-- name: read_events
SELECT type, data FROM events WHERE stream = ? AND "offset" > ?
 ORDER BY "offset" LIMIT ?;

-- name: stream_size
SELECT coalesce(sum(length(CAST(data AS BLOB))), 0) FROM events WHERE stream = ?;

-- name: first_since
SELECT "offset" FROM events WHERE stream = ? AND at >= ? ORDER BY "offset" LIMIT 1;

-- name: sizes_from_start
SELECT "offset", length(CAST(data AS BLOB)) FROM events WHERE stream = ? ORDER BY "offset";

-- name: trim_events
DELETE FROM events WHERE stream = ? AND "offset" <= ?;

-- name: trim_keys
DELETE FROM keys WHERE stream = ? AND "offset" <= ?;

-- name: set_trimmed
UPDATE streams SET trimmed = ? WHERE id = ?;

-- name: aged_streams
SELECT streams.name
  FROM streams
  JOIN events ON events.stream = streams.id AND events."offset" = streams.trimmed + 1
 WHERE streams.retention IS NOT NULL AND streams.deleted_at IS NULL
   AND events.at < ? - json_extract(streams.retention, '$.max_age_seconds');

-- name: drop_events
DELETE FROM events WHERE stream = ?;

-- name: drop_keys
DELETE FROM keys WHERE stream = ?;

-- name: bury_stream
UPDATE streams SET deleted_at = ?, trimmed = ?, closed_at = coalesce(closed_at, ?) WHERE id = ?;

-- name: drop_tombstones
DELETE FROM streams WHERE deleted_at < ?;

-- name: closed_streams
SELECT name FROM streams WHERE closed_at < ? AND deleted_at IS NULL LIMIT ?;

-- name: hold_lease
INSERT INTO owners (owner, expires_at) VALUES (?, ?)
    ON CONFLICT (owner) DO UPDATE SET expires_at = excluded.expires_at;

-- name: drop_leases
DELETE FROM owners WHERE expires_at < ?
   AND owner NOT IN (SELECT owner FROM streams WHERE owner IS NOT NULL AND closed_at IS NULL);

-- name: owned_streams
SELECT streams.name, streams.owner, coalesce(owners.expires_at, 0)
  FROM streams LEFT JOIN owners ON owners.owner = streams.owner
 WHERE streams.owner IS NOT NULL AND streams.closed_at IS NULL;

-- name: seize_stream
UPDATE streams SET owner = ?, fence = fence + 1 WHERE id = ?;

-- name: last_seq
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0);

-- name: events_since
SELECT streams.id, streams.name, streams.epoch, streams.closed_at IS NOT NULL,
       events."offset", events.type, events.data
  FROM events JOIN streams ON streams.id = events.stream
 WHERE events.seq > ? ORDER BY events.seq;

-- name: insert_deletion
INSERT INTO deletions (name, epoch) VALUES (?, ?);

-- name: last_deletion
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'deletions'), 0);

-- name: deletions_since
SELECT name, epoch FROM deletions WHERE seq > ? ORDER BY seq;

-- name: drop_deletions
DELETE FROM deletions WHERE seq <= ?;
