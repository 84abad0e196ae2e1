-- Version 1: one row for every serial number that was ever reserved.
-- Times are seconds since 1970-01-01T00:00:00Z.
CREATE TABLE certificate (
    serial          BLOB    NOT NULL PRIMARY KEY,
    kind            TEXT    NOT NULL CHECK (kind IN ('root', 'issuing', 'leaf')),
    issuer_key_id   BLOB    NOT NULL,
    subject         TEXT    NOT NULL,
    common_name     TEXT    NOT NULL,
    names           TEXT    NOT NULL,
    key_fingerprint TEXT    NOT NULL,
    not_before      INTEGER NOT NULL,
    not_after       INTEGER NOT NULL,
    reserved_at     INTEGER NOT NULL,
    issued_at       INTEGER,
    delivered_at    INTEGER,
    fingerprint     TEXT    UNIQUE,
    der             BLOB,
    CHECK ((der IS NULL) = (issued_at IS NULL))
) STRICT;

CREATE INDEX certificate_by_name ON certificate (common_name);
CREATE INDEX certificate_by_time ON certificate (reserved_at);
