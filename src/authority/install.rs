//! Installing the certificate that a root elsewhere has granted.
//!
//! Files first, under the write lock, while the inventory still says that the
//! generation is requested, so that nobody reads them; then one transaction makes
//! it count. A crash in between leaves files that the next run writes again.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::clock::rfc3339;
use crate::pki::{Certificate, encode_pem};
use crate::store::{self, GenerationRow, GenerationState, Inventory, Kind, Readers, Writer};

use super::admit::{Admitted, Asked, Offer};
use super::apart::requested;
use super::checkpoint::checkpoint_when_due;
use super::generation::{Generations, name_of};
use super::own_key::{Unlock, open_own_key};
use super::record::{reserve_made, store_issued};
use super::{
    Action, AuthorityName, Error, Flaw, Occasion, OwnAuthority, Part, Role, TRUST_ANCHOR,
    check_clock, open_inventory,
};

/// A CA that has asked for its certificate.
pub struct Installer {
    directory: PathBuf,
    inventory: Inventory,
    asked: Asked,
    generation: u32,
}

/// What was installed.
#[derive(Clone, Copy, Debug)]
pub struct Installed {
    /// The number of the generation.
    pub generation: u32,
    /// How far it has come.
    pub state: GenerationState,
    /// Whether anything was changed: the same may be installed already.
    pub changed: bool,
}

impl Installed {
    /// Whether the CA issues under it.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.state == GenerationState::Active
    }
}

impl Installer {
    /// Opens the CA in `directory`, which has asked for a certificate: one that
    /// it waits for, or else the one that was installed last.
    ///
    /// # Errors
    ///
    /// [`Error::NothingRequested`]; those of [`open_inventory`].
    pub fn open(directory: &Path) -> Result<Self, Error> {
        let inventory = open_inventory(directory)?;
        let mut rows = inventory.generations()?;
        let waits = |row: &GenerationRow| row.state == GenerationState::Requested;
        // The newest last, unless another one waits.
        rows.sort_by_key(waits);
        for row in rows.iter().rev() {
            if let Some(request) = requested(directory, &inventory, row.number)? {
                return Ok(Self {
                    directory: directory.to_owned(),
                    inventory,
                    asked: Asked {
                        subject: request.subject().clone(),
                        public_key: request.public_key().clone(),
                    },
                    generation: row.number,
                });
            }
        }
        Err(Error::NothingRequested {
            path: directory.to_owned(),
        })
    }

    /// Judges what is to be installed: the certificates of a file, the issuing
    /// CA's first, and those of the root's own file if there is one.
    ///
    /// # Errors
    ///
    /// Whose certificate cannot be installed, and why.
    pub fn admit(
        &self,
        file: Vec<Certificate>,
        root_file: Option<Vec<Certificate>>,
        at: DateTime<Utc>,
    ) -> Result<Admitted, (Part, Flaw)> {
        Offer::of(file, root_file, &self.asked)?.judge(&self.asked, at)
    }

    /// Installs the certificates. Of a CA that has none the generation issues from
    /// now on; where another one does it is prepared, to be activated.
    ///
    /// # Errors
    ///
    /// [`Error::NothingRequested`] when others are installed already,
    /// [`Error::CaKeyMismatch`] or [`Error::Key`] when the CA's key is not there
    /// to be used, [`Error::CertificateUnfit`] when a serial number is taken, those
    /// of [`check_clock`], or [`Error::Store`]; then nothing was changed, unless it
    /// is the trust anchor's bundle that cannot be written. That comes last, and is
    /// made up for when the same is installed again.
    pub fn install(
        &self,
        admitted: &Admitted,
        unlock: &Unlock<'_>,
        occasion: &Occasion<'_>,
    ) -> Result<Installed, Error> {
        let row = self.row()?;
        if row.state != GenerationState::Requested {
            return self.again(&row, admitted);
        }
        let own = OwnAuthority {
            name: name_of(&row.issuing, &self.directory)?,
            certificate: admitted.issuing().clone(),
        };
        unlock.read_descriptor()?;
        // That a certificate is installed whose key cannot be used is not to be
        // noticed when the first workload is waiting.
        let key = open_own_key(&self.directory, &own, unlock)?;
        check_clock(&self.inventory, occasion)?;
        let mut writer = self.inventory.write()?;
        // Another process may have installed while this one waited.
        let row = self.row()?;
        if row.state != GenerationState::Requested {
            drop(writer);
            return self.again(&row, admitted);
        }
        let row = self.count(&mut writer, row, admitted, occasion)?;
        checkpoint_when_due(&self.inventory, &writer, key.as_ref(), occasion.at)?;
        self.write_files(&row, admitted)?;
        writer.commit()?;
        Generations::read(&self.directory, &self.inventory)?
            .write_bundle(&self.directory, &self.inventory)?;
        Ok(Installed {
            generation: row.number,
            state: row.state,
            changed: true,
        })
    }

    /// Lets the certificates count, with their entries in the log. Gives the row as
    /// it is from then on.
    fn count(
        &self,
        writer: &mut Writer<'_>,
        mut row: GenerationRow,
        admitted: &Admitted,
        occasion: &Occasion<'_>,
    ) -> Result<GenerationRow, Error> {
        let (root, issuing) = (admitted.root(), admitted.issuing());
        for (kind, part, certificate) in [
            (Kind::Root, Part::Root, root),
            (Kind::Issuing, Part::Issuing, issuing),
        ] {
            self.record(writer, (kind, part), certificate, occasion)?;
        }
        let generations = Generations::read(&self.directory, &self.inventory)?;
        let is_first = generations.in_state(GenerationState::Active).is_none();
        row.root = match generations
            .roots()
            .into_iter()
            .find(|own| own.certificate == *root)
        {
            Some(own) => own.name.to_string(),
            None if is_first => row.root,
            // Another root than the one under which the CA issues.
            None => AuthorityName::new(Role::Root, row.number).to_string(),
        };
        writer.set_root_of(row.number, &row.root)?;
        let (root_serial, issuing_serial) = (root.serial(), issuing.serial());
        writer.prepare_generation(
            row.number,
            root_serial.magnitude(),
            issuing_serial.magnitude(),
            occasion.at,
        )?;
        row.state = GenerationState::Prepared;
        if is_first {
            writer.activate_generation(row.number, occasion.at)?;
            row.state = GenerationState::Active;
        }
        let detail = json!({
            "generation": row.number,
            "subject": issuing.subject().to_string(),
            "fingerprintSha256": issuing.fingerprint(),
            "notAfter": rfc3339(issuing.not_after()),
            "root": root.subject().to_string(),
            "rootFingerprintSha256": root.fingerprint(),
        });
        let serial = issuing_serial.magnitude();
        occasion.log(writer, Action::Install, Some(serial), &detail)?;
        Ok(row)
    }

    fn row(&self) -> Result<GenerationRow, Error> {
        let rows = self.inventory.generations()?;
        let row = rows.into_iter().find(|row| row.number == self.generation);
        row.ok_or_else(|| self.nothing_requested())
    }

    fn nothing_requested(&self) -> Error {
        Error::NothingRequested {
            path: self.directory.clone(),
        }
    }

    /// The same certificates are installed already, or others.
    fn again(&self, row: &GenerationRow, admitted: &Admitted) -> Result<Installed, Error> {
        let generations = Generations::read(&self.directory, &self.inventory)?;
        let is_same = generations.live.iter().any(|live| {
            live.number == row.number
                && live.issuing.certificate == *admitted.issuing()
                && live.root.certificate == *admitted.root()
        });
        if !is_same {
            return Err(self.nothing_requested());
        }
        generations.write_bundle(&self.directory, &self.inventory)?;
        let turn = self.inventory.write()?;
        self.tidy(row)?;
        drop(turn);
        Ok(Installed {
            generation: row.number,
            state: row.state,
            changed: false,
        })
    }

    /// Puts a certificate into the inventory, unless it is there: a root may come
    /// again with the next issuing CA.
    fn record(
        &self,
        writer: &mut Writer<'_>,
        (kind, part): (Kind, Part),
        certificate: &Certificate,
        occasion: &Occasion<'_>,
    ) -> Result<(), Error> {
        let serial = certificate.serial().magnitude();
        match self.inventory.get(serial)? {
            Some(known) if known.der.as_deref() == Some(certificate.der()) => return Ok(()),
            Some(_) => {
                let of = "another certificate of this CA";
                let origin = match part {
                    Part::Issuing => "the certificate",
                    Part::Root => "the root",
                };
                return Err(Flaw::SerialNumber { of }.of(part, origin.to_owned()));
            }
            None => {}
        }
        let issuer_key_id = match certificate.authority_key_identifier() {
            Some(identifier) => identifier.to_vec(),
            None => certificate.key_identifier(),
        };
        reserve_made(certificate, kind, &issuer_key_id, writer, occasion)?;
        let imported = [("imported", "made elsewhere, and installed")];
        store_issued(certificate, &imported, writer, occasion)?;
        Ok(writer.note_delivered(serial, occasion.at)?)
    }

    /// Removes what a run has left that did not come to its end. Whoever writes
    /// holds the lock.
    fn tidy(&self, row: &GenerationRow) -> Result<(), Error> {
        store::remove_unfinished(&self.directory)?;
        for name in [&row.root, &row.issuing] {
            let directory = name_of(name, &self.directory)?.directory(&self.directory);
            if directory.exists() {
                store::remove_unfinished(&directory)?;
            }
        }
        Ok(())
    }

    /// The trust anchor's bundle is written here only where there is none: one that
    /// is in use changes when the inventory has.
    fn write_files(&self, row: &GenerationRow, admitted: &Admitted) -> Result<(), Error> {
        self.tidy(row)?;
        for (name, certificate) in [
            (&row.root, admitted.root()),
            (&row.issuing, admitted.issuing()),
        ] {
            let name = name_of(name, &self.directory)?;
            let directory = name.directory(&self.directory);
            store::ensure_directory(&directory)?;
            let path = self.directory.join(name.certificate_file());
            write(&path, certificate)?;
        }
        match row.state == GenerationState::Active {
            true => write(&self.directory.join(TRUST_ANCHOR), admitted.root()),
            false => Ok(()),
        }
    }
}

fn write(path: &Path, certificate: &Certificate) -> Result<(), Error> {
    let pem = encode_pem([certificate]);
    Ok(store::write_atomic(path, pem.as_bytes(), Readers::Owner)?)
}

impl std::fmt::Debug for Installer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Installer({})", self.directory.display())
    }
}
