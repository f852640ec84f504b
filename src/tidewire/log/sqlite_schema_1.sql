-- Schema version 1.
--
-- events is written in the order of commits (its rowid), not clustered by stream: a
-- commit that touches 200 streams then dirties a few pages instead of 200.

CREATE TABLE streams (
    id           INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE,
    epoch        TEXT    NOT NULL UNIQUE,
    trimmed      INTEGER NOT NULL DEFAULT 0,   -- offsets up to this one are gone
    fence        INTEGER NOT NULL DEFAULT 1,
    owner        TEXT,                         -- whose lease the stream is written under
    retention    TEXT,                         -- JSON; NULL keeps everything
    created_at   REAL    NOT NULL,
    closed_at    REAL,
    deleted_at   REAL                          -- a tombstone: its name answers "gone"
) STRICT;

CREATE INDEX streams_open_owned ON streams (owner) WHERE owner IS NOT NULL AND closed_at IS NULL;
CREATE INDEX streams_closed ON streams (closed_at) WHERE deleted_at IS NULL;
CREATE INDEX streams_deleted ON streams (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX streams_retained ON streams (id) WHERE retention IS NOT NULL AND deleted_at IS NULL;

CREATE TABLE events (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: others follow it
    stream       INTEGER NOT NULL,
    "offset"     INTEGER NOT NULL,
    at           REAL    NOT NULL,
    type         TEXT    NOT NULL,
    data         TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX events_by_stream ON events (stream, "offset");

CREATE TABLE keys (
    stream       INTEGER NOT NULL,
    key          TEXT    NOT NULL,
    "offset"     INTEGER NOT NULL,
    PRIMARY KEY (stream, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE owners (
    owner        TEXT PRIMARY KEY,
    expires_at   REAL NOT NULL
) STRICT, WITHOUT ROWID;
