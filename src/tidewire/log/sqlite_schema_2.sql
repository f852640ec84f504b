-- Schema version 2: processes that share the file hear of streams that were deleted.

CREATE TABLE deletions (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used again: others follow it
    name         TEXT    NOT NULL,
    epoch        TEXT    NOT NULL
) STRICT;
