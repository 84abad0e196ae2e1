//! Rows of the inventory: what is reserved, what is stored, and how it is found.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row};

use crate::store::{Action, Error};

use super::{Inventory, damaged, sql_error, time};

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// That of a root's key by the root before it.
    Cross,
    /// An issuing CA's.
    Issuing,
    /// A workload's.
    Leaf,
    /// A root's.
    Root,
}

impl Kind {
    /// The word in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cross => "cross",
            Self::Issuing => "issuing",
            Self::Leaf => "leaf",
            Self::Root => "root",
        }
    }

    /// The kind of a word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Cross, Self::Issuing, Self::Leaf, Self::Root]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// How far an issue has come. Whether it was revoked is beside it
/// ([`Record::revocation`]): a serial number can be revoked in every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is settled that no certificate with the serial number was handed out.
    Abandoned,
    /// Signed, and the certificate is in the inventory.
    Issued,
    /// The serial number was reserved. A certificate with it was not handed
    /// out: it is stored before it is delivered.
    Reserved,
}

impl State {
    /// The word in JSON and in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Abandoned => "abandoned",
            Self::Issued => "issued",
            Self::Reserved => "reserved",
        }
    }
}

/// What is known before anything is signed.
#[derive(Clone, Debug)]
pub struct Reservation<'a> {
    /// The serial number, unsigned big-endian without leading zeros.
    pub serial: &'a [u8],
    /// What the certificate will be for.
    pub kind: Kind,
    /// The issuer's subjectKeyIdentifier.
    pub issuer_key_id: &'a [u8],
    /// The subject, as text.
    pub subject: &'a str,
    /// The subject's common name.
    pub common_name: &'a str,
    /// The subject alternative names, as text with their kind before them
    /// (`DNS:`, `IP:`, `URI:`, `email:`), in order.
    pub names: &'a [String],
    /// SHA-256 of the SubjectPublicKeyInfo, lowercase hex.
    pub key_fingerprint: &'a str,
    /// First second of validity.
    pub not_before: DateTime<Utc>,
    /// Last second of validity.
    pub not_after: DateTime<Utc>,
    /// When the reservation is made.
    pub at: DateTime<Utc>,
    /// The profile of the policy under which it is issued.
    pub profile: Option<&'a str>,
    /// Who asked for it.
    pub requester: Option<&'a str>,
    /// The name that the requester gave to the request.
    pub request_id: Option<&'a str>,
}

/// That a certificate was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Since when.
    pub at: DateTime<Utc>,
    /// The reason code of RFC 5280 section 5.3.1; 0 when none was given.
    pub reason: u8,
    /// When the key is known or suspected to have been compromised (RFC 5280
    /// section 5.3.2).
    pub invalid_since: Option<DateTime<Utc>>,
}

/// One row of the inventory.
#[derive(Clone, Debug)]
pub struct Record {
    /// The serial number, unsigned big-endian without leading zeros.
    pub serial: Vec<u8>,
    /// What the certificate is for.
    pub kind: Kind,
    /// How far the issue has come.
    pub state: State,
    /// The issuer's subjectKeyIdentifier.
    pub issuer_key_id: Vec<u8>,
    /// The subject, as text.
    pub subject: String,
    /// The subject's common name.
    pub common_name: String,
    /// The subject alternative names, as text, in order.
    pub names: Vec<String>,
    /// SHA-256 of the SubjectPublicKeyInfo, lowercase hex.
    pub key_fingerprint: String,
    /// First second of validity.
    pub not_before: DateTime<Utc>,
    /// Last second of validity.
    pub not_after: DateTime<Utc>,
    /// When the serial number was reserved.
    pub reserved_at: DateTime<Utc>,
    /// When the certificate was stored, if it was.
    pub issued_at: Option<DateTime<Utc>>,
    /// When its files were delivered, if they were.
    pub delivered_at: Option<DateTime<Utc>>,
    /// The profile of the policy under which it was issued.
    pub profile: Option<String>,
    /// Who asked for it.
    pub requester: Option<String>,
    /// The name that the requester gave to the request.
    pub request_id: Option<String>,
    /// Whether it was revoked.
    pub revocation: Option<Revocation>,
    /// SHA-256 of the certificate's DER in lowercase hex, once issued.
    pub fingerprint: Option<String>,
    /// The certificate's DER, once issued.
    pub der: Option<Vec<u8>>,
}

impl Inventory {
    /// The newest row with this common name, issued ones before others.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn newest_named(&self, common_name: &str) -> Result<Option<Record>, Error> {
        self.one(
            // Not by ORDER BY, for which SQLite makes a table first.
            "id = (SELECT coalesce(max(id) FILTER (WHERE issued_at IS NOT NULL), max(id)) \
             FROM name JOIN certificate ON id = certificate \
             WHERE value = ?1 AND name.kind = 'cn')",
            common_name,
        )
    }

    /// All rows with this common name, the newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn named(&self, common_name: &str) -> Result<Vec<Record>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM certificate WHERE id IN \
                 (SELECT certificate FROM name WHERE value = ?1 AND kind = 'cn') \
                 ORDER BY id DESC"
            ))
            .map_err(&failed)?;
        let rows = statement
            .query_map([common_name], record)
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// All rows with this common name in whatever case, the newest first. It
    /// reads all names: for what was not found otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn named_in_any_case(&self, common_name: &str) -> Result<Vec<Record>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT {COLUMNS} FROM certificate WHERE id IN \
                 (SELECT certificate FROM name WHERE value = ?1 COLLATE NOCASE AND kind = 'cn') \
                 ORDER BY id DESC"
            ))
            .map_err(&failed)?;
        let rows = statement
            .query_map([common_name], record)
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// The row of one serial number.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn get(&self, serial: &[u8]) -> Result<Option<Record>, Error> {
        self.one("serial = ?1", serial)
    }

    /// The row of the certificate with this SHA-256, lowercase hex.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn by_fingerprint(&self, fingerprint: &str) -> Result<Option<Record>, Error> {
        match hex::decode(fingerprint) {
            Ok(digest) => self.one("fingerprint = ?1", digest),
            Err(_) => Ok(None),
        }
    }

    /// The newest row of a request that may have been renewed: a renewal has the
    /// request's name with `#` and a number behind it.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn newest_of_request(&self, request_id: &str) -> Result<Option<Record>, Error> {
        // '$' comes right after '#', so that the range is of renewals alone.
        self.one(
            "id = (SELECT max(id) FROM certificate WHERE request_id = ?1 \
             OR (request_id > ?1 || '#' AND request_id < ?1 || '$'))",
            request_id,
        )
    }

    /// The rows under whose serial number a certificate may have been signed,
    /// but none was stored, the oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn unsettled(&self) -> Result<Vec<Record>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT {COLUMNS} FROM certificate \
                 WHERE id IN (SELECT id FROM unsettled) ORDER BY id"
            ))
            .map_err(&failed)?;
        let rows = statement.query_map([], record).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Whether a certificate of this key was revoked because the key was
    /// compromised: it must not be certified again.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn is_compromised(&self, key_fingerprint: &str) -> Result<bool, Error> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM certificate \
                 WHERE revocation = 1 AND key_fingerprint = ?1)",
            )
            .and_then(|mut statement| statement.query_row([key_fingerprint], |row| row.get(0)))
            .map_err(sql_error(&self.path, Action::Read))
    }

    /// The same of an RSA key by its modulus (big-endian, without leading zeros),
    /// whatever its exponent: a certificate of it has these octets. It reads what
    /// was revoked for that reason.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn is_compromised_modulus(&self, modulus: &[u8]) -> Result<bool, Error> {
        self.holds("revocation = 1", modulus)
    }

    /// Whether an RSA key of this modulus is or was one of the CA's own.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn is_own_modulus(&self, modulus: &[u8]) -> Result<bool, Error> {
        self.holds("kind <> 'leaf'", modulus)
    }

    /// Whether a certificate of this kind holds these octets.
    fn holds(&self, which: &str, octets: &[u8]) -> Result<bool, Error> {
        self.connection
            .prepare_cached(&format!(
                "SELECT EXISTS (SELECT 1 FROM certificate WHERE {which} AND instr(der, ?1) > 0)"
            ))
            .and_then(|mut statement| statement.query_row([octets], |row| row.get(0)))
            .map_err(sql_error(&self.path, Action::Read))
    }

    fn one(&self, condition: &str, value: impl rusqlite::ToSql) -> Result<Option<Record>, Error> {
        self.connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM certificate WHERE {condition}"
            ))
            .and_then(|mut statement| statement.query_row([value], record).optional())
            .map_err(sql_error(&self.path, Action::Read))
    }
}

/// The columns that [`record`] reads.
pub(super) const COLUMNS: &str = "serial, kind, issuer_key_id, subject, common_name, names, \
    key_fingerprint, not_before, not_after, reserved_at, issued_at, delivered_at, abandoned_at, \
    profile, requester, request_id, revoked_at, revocation, invalid_since, fingerprint, der";

/// Reads one row of [`COLUMNS`], by their places: a name would be looked for among
/// all names of the statement, for each column of each row.
pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let optional = |place: usize| -> rusqlite::Result<Option<DateTime<Utc>>> {
        row.get::<_, Option<i64>>(place)?.map(time).transpose()
    };
    let text = |place: usize| -> rusqlite::Result<&str> { Ok(row.get_ref(place)?.as_str()?) };
    let der: Option<Vec<u8>> = row.get(20)?;
    let state = match (&der, optional(12)?) {
        (Some(_), _) => State::Issued,
        (None, Some(_)) => State::Abandoned,
        (None, None) => State::Reserved,
    };
    let revocation = match (optional(16)?, row.get(17)?) {
        (Some(at), Some(reason)) => Some(Revocation {
            at,
            reason,
            invalid_since: optional(18)?,
        }),
        _ => None,
    };
    Ok(Record {
        serial: row.get(0)?,
        kind: Kind::parse(text(1)?).ok_or_else(|| damaged("kind"))?,
        state,
        issuer_key_id: row.get(2)?,
        subject: row.get(3)?,
        common_name: row.get(4)?,
        names: serde_json::from_str(text(5)?).map_err(|_| damaged("list of names"))?,
        key_fingerprint: row.get(6)?,
        not_before: time(row.get(7)?)?,
        not_after: time(row.get(8)?)?,
        reserved_at: time(row.get(9)?)?,
        issued_at: optional(10)?,
        delivered_at: optional(11)?,
        profile: row.get(13)?,
        requester: row.get(14)?,
        request_id: row.get(15)?,
        revocation,
        fingerprint: row.get::<_, Option<Vec<u8>>>(19)?.map(hex::encode),
        der,
    })
}
