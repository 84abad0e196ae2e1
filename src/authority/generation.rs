//! The generations of a CA: each is a root and an issuing CA. Which of them
//! issues, the inventory says, and nothing else.
//!
//! The trust anchor's bundle (`trust-anchor.pem`) holds the roots of all that are
//! live, the oldest first. So a root that is prepared is added at its end, where
//! a tool that reads the first certificate alone does not see it yet; activating
//! changes nothing in the file that was installed; and retiring takes the first
//! one out.

use std::path::Path;

use chrono::{DateTime, Utc};

use crate::pki::{Certificate, encode_pem, read_certificates};
use crate::store::{self, GenerationRow, GenerationState, Inventory, Kind, Readers};

use super::apart::request_file;
use super::{AuthorityName, Error, INVENTORY, TRUST_ANCHOR, read_ca_file};

/// One of the CA's own authorities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAuthority {
    /// Its name.
    pub name: AuthorityName,
    /// Its certificate.
    pub certificate: Certificate,
}

/// A generation that is prepared, active or retiring, with its certificates: they
/// are those of the inventory, and the root has issued the other.
#[derive(Clone, Debug)]
pub struct Generation {
    /// Its number, from 1.
    pub number: u32,
    /// How far it has come.
    pub state: GenerationState,
    /// Its root; a generation before it may have had the same.
    pub root: OwnAuthority,
    /// Its issuing CA.
    pub issuing: OwnAuthority,
}

/// All generations of a CA, as they were at one moment.
#[derive(Clone, Debug)]
pub struct Generations {
    /// Those that ever were, the oldest first.
    pub rows: Vec<GenerationRow>,
    /// Those that are live, the oldest first.
    pub live: Vec<Generation>,
    /// The root of a directory that has a root alone, and no generation.
    pub alone: Option<OwnAuthority>,
    /// Whether `trust-anchor.pem` holds exactly [`Generations::bundle`].
    pub is_bundle_written: bool,
}

impl Generations {
    /// Reads the generations, and checks their files against the inventory.
    ///
    /// # Errors
    ///
    /// [`Error::Foreign`] when certificates, bundle and inventory are not of one
    /// CA, [`Error::Incomplete`] when a file is missing, [`Error::Pki`] when one
    /// is damaged, [`Error::Store`].
    pub fn read(directory: &Path, inventory: &Inventory) -> Result<Self, Error> {
        let rows = inventory.generations()?;
        let mut live = Vec::new();
        for row in rows.iter().filter(|row| row.state.is_live()) {
            live.push(Generation {
                number: row.number,
                state: row.state,
                root: read_authority(directory, &row.root)?,
                issuing: read_authority(directory, &row.issuing)?,
            });
        }
        let alone = match rows.is_empty() {
            true => Some(read_alone(directory, inventory)?),
            false => None,
        };
        let mut generations = Self {
            rows,
            live,
            alone,
            is_bundle_written: true,
        };
        generations.is_bundle_written = generations.judge_bundle(directory, inventory)?;
        for (generation, row) in generations.with_rows() {
            generation.check(row, directory, inventory)?;
        }
        Ok(generations)
    }

    fn with_rows(&self) -> impl Iterator<Item = (&Generation, &GenerationRow)> {
        self.live.iter().filter_map(|generation| {
            let row = self.rows.iter().find(|row| row.number == generation.number);
            row.map(|row| (generation, row))
        })
    }

    /// The generation that issues.
    ///
    /// # Errors
    ///
    /// [`Error::NotActive`] when none does, [`Error::Awaiting`] when the first
    /// one waits for its certificate, [`Error::RootAlone`].
    pub fn active(&self, directory: &Path) -> Result<&Generation, Error> {
        if let Some(active) = self.in_state(GenerationState::Active) {
            return Ok(active);
        }
        let path = directory.to_owned();
        if self.alone.is_some() {
            return Err(Error::RootAlone { path });
        }
        match self.requested() {
            None => Err(Error::NotActive { path }),
            Some(row) => Err(Error::Awaiting {
                request: directory.join(request_file(name_of(&row.issuing, directory)?)),
                path,
            }),
        }
    }

    /// The row of a generation whose certificate was asked of a root elsewhere and
    /// is not there yet.
    #[must_use]
    pub fn requested(&self) -> Option<&GenerationRow> {
        let is_requested = |row: &&GenerationRow| row.state == GenerationState::Requested;
        self.rows.iter().find(is_requested)
    }

    /// The live generation in this state.
    #[must_use]
    pub fn in_state(&self, state: GenerationState) -> Option<&Generation> {
        self.live.iter().find(|one| one.state == state)
    }

    /// The row of the generation that is to issue and does not yet.
    #[must_use]
    pub fn pending(&self) -> Option<&GenerationRow> {
        self.rows.iter().find(|row| row.state.is_pending())
    }

    /// The authorities of the live generations, each once: issuing CAs, the active
    /// one first, and then the roots in the order of the bundle.
    #[must_use]
    pub fn authorities(&self) -> Vec<&OwnAuthority> {
        let is_active = |one: &&Generation| one.state == GenerationState::Active;
        let (active, others): (Vec<_>, Vec<_>) = self.live.iter().partition(is_active);
        let issuing = active.into_iter().chain(others).map(|one| &one.issuing);
        issuing.chain(self.roots()).collect()
    }

    /// The issuing CAs that have issued something that counts, the active one
    /// first: each has a revocation list.
    #[must_use]
    pub fn listing(&self) -> Vec<&OwnAuthority> {
        [GenerationState::Active, GenerationState::Retiring]
            .into_iter()
            .filter_map(|state| self.in_state(state))
            .map(|generation| &generation.issuing)
            .collect()
    }

    /// How many authorities whose lists count have one that has not expired at `at`:
    /// Roles Anywhere needs one of each. The list of an issuing CA that was retired
    /// tells nothing any more, however long it would be good for.
    pub(super) fn lists_in_use(
        &self,
        inventory: &Inventory,
        at: DateTime<Utc>,
    ) -> Result<u64, Error> {
        let mut count = 0;
        for authority in self.listing().into_iter().chain(self.roots()) {
            let newest = inventory.newest_crl(&authority.certificate.key_identifier())?;
            count += u64::from(newest.is_some_and(|list| list.next_update >= at));
        }
        Ok(count)
    }

    /// The issuing CAs that have issued before this one; none when it is not the
    /// one that issues.
    pub(super) fn before(
        &self,
        name: AuthorityName,
        inventory: &Inventory,
    ) -> Result<Vec<Certificate>, Error> {
        let active = self.in_state(GenerationState::Active);
        let Some(active) = active.filter(|active| active.issuing.name == name) else {
            return Ok(Vec::new());
        };
        let mut before = Vec::new();
        for row in self.rows.iter().filter(|row| row.number < active.number) {
            let record = match &row.issuing_serial {
                Some(serial) => inventory.get(serial)?,
                None => None,
            };
            if let Some(der) = record.and_then(|record| record.der) {
                before.push(Certificate::from_der(&der, "the inventory")?);
            }
        }
        Ok(before)
    }

    /// A live authority by its name.
    ///
    /// # Errors
    ///
    /// [`Error::NoAuthorityNamed`] when there is none.
    pub fn named(&self, name: AuthorityName) -> Result<&OwnAuthority, Error> {
        let authorities = self.authorities();
        let found = authorities.iter().find(|one| one.name == name);
        found.copied().ok_or_else(|| Error::NoAuthorityNamed {
            name,
            known: authorities.iter().map(|one| one.name).collect(),
        })
    }

    /// The live authority whose key has this identifier.
    #[must_use]
    pub fn by_key(&self, key_identifier: &[u8]) -> Option<&OwnAuthority> {
        self.authorities()
            .into_iter()
            .find(|one| one.certificate.key_identifier() == key_identifier)
    }

    /// The roots of the live generations, each once, the oldest first.
    #[must_use]
    pub fn roots(&self) -> Vec<&OwnAuthority> {
        let mut roots = self.roots_where(|_| true);
        roots.extend(&self.alone);
        roots
    }

    /// The same of some of them.
    #[must_use]
    pub fn roots_where(&self, fits: impl Fn(&Generation) -> bool) -> Vec<&OwnAuthority> {
        let mut roots: Vec<&OwnAuthority> = Vec::new();
        for generation in self.live.iter().filter(|one| fits(one)) {
            if roots.iter().all(|root| root.name != generation.root.name) {
                roots.push(&generation.root);
            }
        }
        roots
    }

    /// What `trust-anchor.pem` has to hold: the roots, as PEM.
    #[must_use]
    pub fn bundle(&self) -> String {
        encode_pem(self.roots().into_iter().map(|root| &root.certificate))
    }

    /// Whether the bundle's file is what it has to be. One that a crash has left
    /// behind has roots of this CA, and nothing else.
    fn judge_bundle(&self, directory: &Path, inventory: &Inventory) -> Result<bool, Error> {
        // While the first certificates are still to come there is none, or one that
        // a run has left which did not come to its end.
        if self.live.is_empty() && self.alone.is_none() {
            return Ok(true);
        }
        let content = read_ca_file(directory, TRUST_ANCHOR)?;
        let origin = directory.join(TRUST_ANCHOR).display().to_string();
        let found = read_certificates(&content, &origin)?;
        let is_same = found
            .iter()
            .eq(self.roots().into_iter().map(|root| &root.certificate));
        for certificate in found.iter().filter(|_| !is_same) {
            let record = inventory.by_fingerprint(&certificate.fingerprint())?;
            if record.is_none_or(|record| record.kind != Kind::Root) {
                return Err(foreign(directory, TRUST_ANCHOR, "it is not the root"));
            }
        }
        Ok(is_same)
    }

    /// Writes the bundle's file, if it is not what it has to be.
    ///
    /// # Errors
    ///
    /// As [`Generations::read`], or [`Error::Store`] when it cannot be written.
    pub(super) fn write_bundle(
        &self,
        directory: &Path,
        inventory: &Inventory,
    ) -> Result<(), Error> {
        if self.is_bundle_written {
            return Ok(());
        }
        // Nobody else changes a generation or writes the file meanwhile.
        let turn = inventory.write()?;
        let now = Self::read(directory, inventory)?;
        if !now.is_bundle_written {
            store::remove_unfinished(directory)?;
            let path = directory.join(TRUST_ANCHOR);
            store::write_atomic(&path, now.bundle().as_bytes(), Readers::Owner)?;
        }
        drop(turn);
        Ok(())
    }
}

impl Generation {
    /// Checks that these are the certificates that the inventory names.
    fn check(
        &self,
        row: &GenerationRow,
        directory: &Path,
        inventory: &Inventory,
    ) -> Result<(), Error> {
        let (root, issuing) = (&self.root.certificate, &self.issuing.certificate);
        if issuing.issuer() != root.subject() || !issuing.is_signed_by(root.public_key()) {
            let file = self.issuing.name.certificate_file();
            return Err(foreign(directory, &file, "the root did not issue it"));
        }
        for (certificate, serial) in [(root, &row.root_serial), (issuing, &row.issuing_serial)] {
            let recorded = match serial {
                Some(serial) => inventory.get(serial)?,
                None => None,
            };
            if recorded.and_then(|record| record.der).as_deref() != Some(certificate.der()) {
                let reason = "it does not know the CA's own certificates";
                return Err(foreign(directory, INVENTORY, reason));
            }
        }
        Ok(())
    }

    /// The organisation that runs the CA, as its issuing certificate has it.
    pub(super) fn organisation(&self) -> String {
        let subject = self.issuing.certificate.subject();
        let mut attributes = subject.attributes();
        let organisation = attributes.find(|(kind, _)| *kind == "O");
        organisation.map_or_else(String::new, |(_, value)| value.to_owned())
    }

    /// When the first of its certificates ends.
    #[must_use]
    pub fn not_after(&self) -> DateTime<Utc> {
        let root = self.root.certificate.not_after();
        root.min(self.issuing.certificate.not_after())
    }

    /// Refuses what would be signed by a certificate that is not valid.
    pub(super) fn check_validity(&self, at: DateTime<Utc>) -> Result<(), Error> {
        self.root.check_validity(at)?;
        self.issuing.check_validity(at)
    }
}

impl OwnAuthority {
    /// Refuses what would be signed while the certificate is not valid.
    pub(super) fn check_validity(&self, at: DateTime<Utc>) -> Result<(), Error> {
        if self.certificate.is_valid_at(at) {
            return Ok(());
        }
        Err(Error::CaNotValid {
            which: self.name,
            not_before: self.certificate.not_before(),
            not_after: self.certificate.not_after(),
            at,
        })
    }
}

/// Reads the certificate of an authority, by the name that the inventory has.
fn read_authority(directory: &Path, name: &str) -> Result<OwnAuthority, Error> {
    let name = name_of(name, directory)?;
    let file = name.certificate_file();
    let origin = directory.join(&file).display().to_string();
    let mut certificates = read_certificates(&read_ca_file(directory, &file)?, &origin)?;
    Ok(OwnAuthority {
        name,
        certificate: certificates.swap_remove(0),
    })
}

/// The generations of the CA in `directory`, for whoever may read it. It needs no
/// key.
///
/// # Errors
///
/// As [`super::read_inventory`] and [`Generations::read`].
pub fn generations(directory: &Path) -> Result<Generations, Error> {
    let inventory = match super::read_inventory(directory) {
        // Whoever may write brings it up to date.
        Err(Error::Store(store::Error::InventoryOld { .. })) => super::open_inventory(directory)?,
        read => read?,
    };
    Generations::read(directory, &inventory)
}

/// The name of an authority, as the inventory has it.
pub(super) fn name_of(name: &str, directory: &Path) -> Result<AuthorityName, Error> {
    name.parse().map_err(|_| {
        let reason = "it names an authority that cannot be";
        foreign(directory, INVENTORY, reason)
    })
}

/// The certificates of the roots in the directory, the newest first: of all
/// generations that had one, also when they were retired.
pub(super) fn roots_on_disk(
    directory: &Path,
    inventory: &Inventory,
) -> Result<Vec<Certificate>, Error> {
    let rows = inventory.generations()?;
    let mut names: Vec<String> = rows.into_iter().rev().map(|row| row.root).collect();
    names.dedup();
    if names.is_empty() {
        names.push(AuthorityName::ROOT.to_string());
    }
    let mut roots: Vec<Certificate> = Vec::new();
    for name in names {
        let certificate = match read_authority(directory, &name) {
            Ok(authority) => authority.certificate,
            // One that was given up, or retired and removed.
            Err(Error::Incomplete { .. } | Error::NoAuthority { .. }) => continue,
            Err(error) => return Err(error),
        };
        if !roots.contains(&certificate) {
            roots.push(certificate);
        }
    }
    Ok(roots)
}

/// Reads the root of a directory that has no generation.
fn read_alone(directory: &Path, inventory: &Inventory) -> Result<OwnAuthority, Error> {
    let root = read_authority(directory, &AuthorityName::ROOT.to_string())?;
    let record = inventory.get(root.certificate.serial().magnitude())?;
    let is_known = record.is_some_and(|record| {
        record.kind == Kind::Root && record.der.as_deref() == Some(root.certificate.der())
    });
    match is_known {
        true => Ok(root),
        false => Err(foreign(
            directory,
            INVENTORY,
            "it does not know the CA's own certificates",
        )),
    }
}

/// Opens the inventory of a CA and reads its generations.
///
/// # Errors
///
/// As [`super::open_inventory`] and [`Generations::read`].
pub(super) fn open_generations(directory: &Path) -> Result<(Inventory, Generations), Error> {
    let inventory = super::open_inventory(directory)?;
    let generations = Generations::read(directory, &inventory)?;
    Ok((inventory, generations))
}

fn foreign(directory: &Path, name: &str, reason: &'static str) -> Error {
    Error::Foreign {
        path: directory.join(name),
        reason,
    }
}
