-- Version 2: rows with a number of their own, their names in an index, who asked
-- for them, what was revoked and why, revocation lists, and the audit log.
-- Times are seconds since 1970-01-01T00:00:00Z.
CREATE TABLE certificate_2 (
    id              INTEGER PRIMARY KEY,
    serial          BLOB    NOT NULL UNIQUE,
    -- Compared one by one, here and below: for IN with more than two values SQLite
    -- makes a table at each insert, which takes longer than the insert. A
    -- cross-certificate is that of a root's key by the root before it.
    kind            TEXT    NOT NULL
        CHECK (kind = 'leaf' OR kind = 'issuing' OR kind = 'root' OR kind = 'cross'),
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
    -- When it was settled that nothing had been signed under a reservation.
    abandoned_at    INTEGER,
    -- Name of the policy's profile, who asked, and the name that they gave to
    -- their request, so that asking again is not asking twice.
    profile         TEXT,
    requester       TEXT,
    request_id      TEXT,
    -- Reason code of RFC 5280 section 5.3.1; 0 stands for none given.
    revoked_at      INTEGER,
    revocation      INTEGER CHECK (revocation BETWEEN 0 AND 6 OR revocation BETWEEN 9 AND 10),
    invalid_since   INTEGER,
    -- The log's entry of its issue. A pointer here costs nothing, for the row is
    -- written anyway, where an index on the log would cost every issue a page.
    issue_entry     INTEGER,
    -- SHA-256.
    fingerprint     BLOB,
    der             BLOB,
    CHECK ((der IS NULL) = (issued_at IS NULL)),
    CHECK ((der IS NULL) = (fingerprint IS NULL)),
    CHECK ((revoked_at IS NULL) = (revocation IS NULL)),
    CHECK (der IS NULL OR abandoned_at IS NULL)
) STRICT;

INSERT INTO certificate_2 (serial, kind, issuer_key_id, subject, common_name, names,
    key_fingerprint, not_before, not_after, reserved_at, issued_at, delivered_at,
    fingerprint, der)
SELECT serial, kind, issuer_key_id, subject, common_name, names, key_fingerprint,
    not_before, not_after, reserved_at, issued_at, delivered_at, unhex(fingerprint), der
FROM certificate ORDER BY rowid;

DROP TABLE certificate;
ALTER TABLE certificate_2 RENAME TO certificate;

CREATE UNIQUE INDEX certificate_by_fingerprint ON certificate (fingerprint)
    WHERE fingerprint IS NOT NULL;
CREATE UNIQUE INDEX certificate_by_request ON certificate (request_id)
    WHERE request_id IS NOT NULL;
CREATE INDEX certificate_by_end ON certificate (not_after)
    WHERE issued_at IS NOT NULL;
-- A few rows: no leaf is in it.
CREATE INDEX certificate_of_ca ON certificate (kind) WHERE kind <> 'leaf';
-- All that an entry of a revocation list says, so that a list of a million is
-- made from this index alone.
CREATE INDEX certificate_revoked ON certificate
    (issuer_key_id, not_after, serial, revoked_at, revocation, invalid_since)
    WHERE revoked_at IS NOT NULL;
-- What the limits of a policy count; without a policy there is no profile, and
-- nothing is kept here.
CREATE INDEX certificate_by_requester ON certificate (requester, profile, reserved_at)
    WHERE profile IS NOT NULL;
CREATE INDEX certificate_valid_of_requester ON certificate (requester, profile, not_after)
    WHERE profile IS NOT NULL;
CREATE INDEX certificate_compromised ON certificate (key_fingerprint)
    WHERE revocation = 1;

-- What may be unsettled: the rows of `unsettled_before`, and every row from
-- `unsettled_from` on. An index would cost each issue two pages, one when it is
-- reserved and one when it is stored; this costs a few pages once in 128. Both
-- may name too much and never too little: rows are only ever added with a higher
-- number than all others, and what is settled stays so.
CREATE TABLE unsettled_before (
    certificate INTEGER PRIMARY KEY REFERENCES certificate (id)
) STRICT;

CREATE TABLE unsettled_from (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    certificate INTEGER NOT NULL
) STRICT;

INSERT INTO unsettled_before (certificate)
SELECT id FROM certificate WHERE issued_at IS NULL AND abandoned_at IS NULL;

INSERT INTO unsettled_from (id, certificate)
SELECT 1, coalesce(max(id), 0) + 1 FROM certificate;

CREATE VIEW unsettled AS
SELECT id, reserved_at, revoked_at FROM certificate
WHERE issued_at IS NULL AND abandoned_at IS NULL AND id IN (
    SELECT certificate FROM unsettled_before
    UNION
    SELECT id FROM certificate
    WHERE id >= (SELECT certificate FROM unsettled_from));

-- Every name of every certificate: its common name (kind cn) and its subject
-- alternative names (dns, email, ip, uri), as text; DNS names in lower case.
CREATE TABLE name (
    value       TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    certificate INTEGER NOT NULL REFERENCES certificate (id),
    PRIMARY KEY (value, kind, certificate)
) STRICT, WITHOUT ROWID;

INSERT INTO name (value, kind, certificate)
SELECT common_name, 'cn', id FROM certificate;

INSERT OR IGNORE INTO name (value, kind, certificate)
SELECT substr(each.value, instr(each.value, ':') + 1),
    lower(substr(each.value, 1, instr(each.value, ':') - 1)), certificate.id
FROM certificate, json_each(certificate.names) AS each;

-- The revocation lists that were signed; a number is never used twice.
CREATE TABLE crl (
    issuer_key_id BLOB    NOT NULL,
    number        INTEGER NOT NULL,
    this_update   INTEGER NOT NULL,
    next_update   INTEGER NOT NULL,
    entries       INTEGER NOT NULL,
    size          INTEGER NOT NULL,
    fingerprint   TEXT    NOT NULL,
    PRIMARY KEY (issuer_key_id, number)
) STRICT, WITHOUT ROWID;

-- What was done, refused and decided. The hash of each entry covers the hash of
-- the one before, so that nothing can be changed, taken out or put in between.
CREATE TABLE audit (
    sequence    INTEGER PRIMARY KEY,
    at          INTEGER NOT NULL,
    actor       TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    serial      BLOB,
    detail      TEXT    NOT NULL CHECK (json_valid(detail)),
    comment     TEXT,
    hash        BLOB    NOT NULL,
    -- The certificate that it is about; but for its issue, for which the
    -- certificate names its entry.
    certificate INTEGER REFERENCES certificate (id)
) STRICT;

-- When the last backup was made.
CREATE INDEX audit_of_backups ON audit (at) WHERE action = 'backup';
CREATE INDEX audit_by_certificate ON audit (certificate) WHERE certificate IS NOT NULL;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

-- Signatures of the CA's keys over the log up to an entry.
CREATE TABLE checkpoint (
    sequence  INTEGER PRIMARY KEY REFERENCES audit (sequence),
    at        INTEGER NOT NULL,
    hash      BLOB    NOT NULL,
    key_id    BLOB    NOT NULL,
    signature BLOB    NOT NULL
) STRICT;

-- The generations of the CA: each is a root and an issuing CA, by the names of
-- their directories. Which one issues is said here and nowhere else. A rollover
-- of the issuing CA alone keeps the root, so that two rows may name it.
CREATE TABLE authority (
    generation     INTEGER PRIMARY KEY,
    state          TEXT    NOT NULL CHECK (state IN
        ('requested', 'prepared', 'active', 'retiring', 'retired', 'cancelled')),
    root           TEXT    NOT NULL,
    issuing        TEXT    NOT NULL UNIQUE,
    -- Those of their certificates; none is known while one is requested.
    root_serial    BLOB,
    issuing_serial BLOB,
    prepared_at    INTEGER,
    activated_at   INTEGER,
    -- When it was retired, or cancelled.
    retired_at     INTEGER,
    CHECK (state IN ('requested', 'cancelled')
        OR (root_serial IS NOT NULL AND issuing_serial IS NOT NULL
            AND prepared_at IS NOT NULL)),
    CHECK (state IN ('requested', 'prepared', 'cancelled') = (activated_at IS NULL)),
    CHECK (state IN ('retired', 'cancelled') = (retired_at IS NOT NULL))
) STRICT;

CREATE UNIQUE INDEX authority_active ON authority (state) WHERE state = 'active';
CREATE UNIQUE INDEX authority_retiring ON authority (state) WHERE state = 'retiring';
CREATE UNIQUE INDEX authority_pending ON authority (generation IS NOT NULL)
    WHERE state IN ('requested', 'prepared');

-- Version 1 knew one generation.
INSERT INTO authority (generation, state, root, issuing, root_serial, issuing_serial,
    prepared_at, activated_at)
SELECT 1, 'active', 'root', 'issuing', root.serial, issuing.serial, issuing.issued_at,
    issuing.issued_at
FROM certificate AS root, certificate AS issuing
WHERE root.kind = 'root' AND root.issued_at IS NOT NULL
    AND issuing.kind = 'issuing' AND issuing.issued_at IS NOT NULL
ORDER BY root.id, issuing.id LIMIT 1;

-- What was asked of a root that is elsewhere, for a generation: the request
-- (PKCS#10, DER) and the SHA-256 of its key's SubjectPublicKeyInfo.
CREATE TABLE request (
    generation      INTEGER PRIMARY KEY REFERENCES authority (generation),
    key_fingerprint TEXT    NOT NULL,
    der             BLOB    NOT NULL
) STRICT;

-- One row once there was a policy: the SHA-256, in lowercase hex, of the one
-- under which was issued last; empty when that was none.
CREATE TABLE policy (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    digest TEXT    NOT NULL
) STRICT;

-- One row: the latest time at which anything was written.
CREATE TABLE time_mark (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;

INSERT INTO time_mark (id, at)
SELECT 1, coalesce(max(reserved_at), 0) FROM certificate;
