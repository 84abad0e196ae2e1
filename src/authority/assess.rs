//! What a published revocation list is worth now, beside the inventory.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use crate::limits;
use crate::pki::{Certificate, Crl, CrlHead, SerialNumber};
use crate::store::{self, Inventory};

use super::generation::Generations;
use super::{AuthorityName, BACKDATE_SECONDS, Error, OwnAuthority, read_inventory, reason_of};

/// What a published list is worth, the best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListState {
    /// It says what the inventory says, and its first half is not over.
    Current,
    /// Half of its life is over: the next one is due.
    Due,
    /// The inventory says otherwise: it has revoked or released something since,
    /// or has signed a list that was not published.
    OutOfDate,
    /// There is none, and nothing that it would say.
    Absent,
    /// Its nextUpdate has passed.
    Expired,
    /// It cannot be used.
    Unusable {
        /// Why.
        reason: String,
    },
}

/// What a list says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFacts {
    /// Its number in decimal; empty when it has none.
    pub number: String,
    /// When it was made.
    pub this_update: DateTime<Utc>,
    /// When the next one has to be there.
    pub next_update: Option<DateTime<Utc>>,
    /// How many certificates it lists.
    pub entries: usize,
    /// The size of the file, in bytes.
    pub size: usize,
}

/// A published list beside the inventory.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// Whose list it is.
    pub issuer: AuthorityName,
    /// The file.
    pub path: PathBuf,
    /// What it is worth.
    pub state: ListState,
    /// What it says of itself, when it can be read.
    pub facts: Option<ListFacts>,
    /// How many revocations of certificates that have not ended it lacks, or
    /// tells with another reason.
    pub lacking: usize,
    /// How many holds it tells that were taken back.
    pub released: usize,
    /// The number of the newest list that was signed.
    pub newest: Option<i64>,
    /// How many lists of this CA are in use: of authorities that are live, and not
    /// expired.
    pub lists: u64,
}

impl ListState {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Due => "due",
            Self::OutOfDate => "out-of-date",
            Self::Absent => "absent",
            Self::Expired => "expired",
            Self::Unusable { .. } => "unusable",
        }
    }
}

/// Judges the list of an authority in the CA's directory at `at`. It needs no
/// key.
///
/// # Errors
///
/// [`Error`] when the CA cannot be read; what is wrong with the list is in the
/// assessment.
pub fn assess(
    directory: &Path,
    issuer: AuthorityName,
    at: DateTime<Utc>,
) -> Result<Assessment, Error> {
    let path = directory.join(issuer.list_file());
    let generations = Generations::read(directory, &read_inventory(directory)?)?;
    judge(
        directory,
        &generations,
        generations.named(issuer)?,
        path,
        at,
    )
}

/// Judges a list that is anywhere; which authority it is of, it says itself.
///
/// # Errors
///
/// As [`assess`].
pub fn assess_file(directory: &Path, file: &Path, at: DateTime<Utc>) -> Result<Assessment, Error> {
    let generations = Generations::read(directory, &read_inventory(directory)?)?;
    let material = store::read_bounded(file, limits::MAX_CRL_FILE)?;
    let head = CrlHead::read(&material, "").ok();
    let is_of = |one: &&OwnAuthority| {
        let issuer = head.as_ref().map(|head| &head.issuer);
        issuer == Some(one.certificate.subject())
    };
    let whose = match generations.authorities().into_iter().find(is_of) {
        Some(found) => found,
        None => &generations.active(directory)?.issuing,
    };
    judge(directory, &generations, whose, file.to_owned(), at)
}

fn judge(
    directory: &Path,
    generations: &Generations,
    whose: &OwnAuthority,
    path: PathBuf,
    at: DateTime<Utc>,
) -> Result<Assessment, Error> {
    let certificate = &whose.certificate;
    let read = match store::read_with_metadata(&path, limits::MAX_CRL_FILE).map(|(read, _)| read) {
        Ok(material) => Some(material),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    // After the file: whoever writes one has recorded it before.
    let inventory = read_inventory(directory)?;
    let key_identifier = certificate.key_identifier();
    let newest = inventory.newest_crl(&key_identifier)?;
    let mut assessment = Assessment {
        issuer: whose.name,
        path,
        state: ListState::Absent,
        facts: None,
        lacking: 0,
        released: 0,
        newest: newest.map(|newest| newest.number),
        lists: generations.lists_in_use(&inventory, at)?,
    };
    let origin = assessment.path.display().to_string();
    let list = match read.as_deref().map(|material| Crl::read(material, &origin)) {
        None => None,
        Some(Ok(list)) => Some(list),
        Some(Err(error)) => {
            let reason = error.to_string();
            assessment.state = ListState::Unusable { reason };
            return Ok(assessment);
        }
    };
    assessment.compare(&inventory, &key_identifier, list.as_ref(), at)?;
    assessment.facts = list.as_ref().map(|list| ListFacts {
        number: list
            .head()
            .number
            .as_ref()
            .map_or_else(String::new, |one| one.decimal()),
        this_update: list.head().this_update,
        next_update: list.head().next_update,
        entries: list.entries(),
        size: read.map_or(0, |material| material.len()),
    });
    assessment.state = assessment.state_of(list.as_ref(), certificate, at);
    inventory.check_unwritten()?;
    Ok(assessment)
}

impl Assessment {
    /// Counts where list and inventory differ.
    fn compare(
        &mut self,
        inventory: &Inventory,
        key_identifier: &[u8],
        list: Option<&Crl>,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut revoked = HashSet::new();
        // What has ended may still be in the list, and does not matter to it.
        let oldest = DateTime::UNIX_EPOCH;
        inventory.revoked(key_identifier, oldest, |serial, _| {
            revoked.insert(serial.to_vec());
            Ok::<(), Error>(())
        })?;
        inventory.revoked(key_identifier, at, |serial, revocation| {
            let told = list.and_then(|list| list.reason_of(serial));
            self.lacking += usize::from(told != Some(reason_of(revocation)));
            Ok::<(), Error>(())
        })?;
        self.released = list.map_or(0, |list| {
            let released = list.serials().filter(|serial| !revoked.contains(*serial));
            released.count()
        });
        Ok(())
    }

    fn state_of(
        &self,
        list: Option<&Crl>,
        certificate: &Certificate,
        at: DateTime<Utc>,
    ) -> ListState {
        let Some(list) = list else {
            return match (self.newest, self.lacking) {
                (None, 0) => ListState::Absent,
                _ => ListState::OutOfDate,
            };
        };
        let unusable = |reason: &str| ListState::Unusable {
            reason: reason.to_owned(),
        };
        let head = list.head();
        if head.issuer != *certificate.subject() || !list.is_signed_by(certificate.public_key()) {
            return unusable("it was not signed by this CA's key");
        }
        if head.this_update > at + TimeDelta::seconds(BACKDATE_SECONDS) {
            return unusable("it was made in the future, or this host's clock is behind");
        }
        let Some(next_update) = head.next_update else {
            return unusable("it does not say when the next one comes");
        };
        let number = head.number.as_ref().map_or(0, SerialNumber::saturating);
        let newest = u64::try_from(self.newest.unwrap_or(0)).unwrap_or(0);
        if next_update < at {
            ListState::Expired
        } else if number != newest || self.lacking + self.released > 0 {
            ListState::OutOfDate
        } else if at - head.this_update >= (next_update - head.this_update) / 2 {
            ListState::Due
        } else {
            ListState::Current
        }
    }
}
