//! Preparing the next generation of a CA: new keys and their certificates, beside
//! those that are in use.
//!
//! The serial numbers are reserved durably, then everything is made and written
//! into hidden directories, and in one transaction these get their names, the
//! certificates are stored, and the generation is added. A crash before its end
//! leaves reservations, which `audit reconcile` settles, and at most directories of
//! which the inventory does not speak: nobody has seen them, and the next run
//! removes them.

use std::path::Path;

use ring::rand::SecureRandom;
use serde_json::json;

use crate::key::{Cost, Signer};
use crate::pki::{Certificate, IssuerRef, Kind, encode_pem, read_certificates};
use crate::store::{self, GenerationRow, GenerationState, Inventory, Staging, State, Writer};

use super::ceremony::{Held, OwnDraft, OwnKey, store_own, subject_of, years_after};
use super::generation::open_generations;
use super::known_key::is_own;
use super::layout::{CERTIFICATE, CROSS};
use super::own_key::{Unlock, key_file, open_own_key};
use super::{
    Action, AuthorityName, Error, Generation, Generations, Occasion, Role, RolloverError,
    check_clock,
};

/// Path length that a root has to allow so that a cross-certificate with an issuing
/// CA fits below it.
const CROSS_PATH: u32 = 2;

/// What the next generation is to be like.
#[derive(Debug)]
pub struct Preparation<'a> {
    /// The new root's key; `None` for a new issuing CA under the same root.
    pub root_key: Option<&'a OwnKey>,
    /// The new issuing CA's.
    pub issuing_key: &'a OwnKey,
    /// Life of a new root certificate in years.
    pub root_years: u32,
    /// Life of the issuing certificate in years.
    pub issuing_years: u32,
    /// Opens the root that is in use; its passphrase encrypts the new keys.
    pub unlock: &'a Unlock<'a>,
    /// Work factor of that encryption.
    pub cost: Cost,
    /// Who, when and why.
    pub occasion: &'a Occasion<'a>,
}

/// A generation that was prepared.
#[derive(Debug)]
pub struct Prepared {
    /// The generation.
    pub generation: Generation,
    /// The new root, certified by the one before it.
    pub cross: Option<Certificate>,
    /// Whether the trust anchor's bundle is another than before.
    pub is_bundle_changed: bool,
    /// Why the bundle could not be written, if it could not. The generation is
    /// prepared all the same, and whoever opens the CA next writes it.
    pub unwritten: Option<Error>,
}

/// Prepares the next generation of the CA in `directory`.
///
/// # Errors
///
/// [`RolloverError::UnderWay`] while another generation is pending or retiring,
/// [`Error::KeyRefused`] for a key that this CA has already, those of
/// [`check_clock`] and of the keys, [`Error::CaNotValid`], [`Error::Pki`] or
/// [`Error::Store`]. Then there is no new generation; serial numbers may stay
/// reserved.
pub fn prepare(
    directory: &Path,
    plan: &Preparation<'_>,
    random: &dyn SecureRandom,
) -> Result<Prepared, Error> {
    plan.unlock.read_descriptor()?;
    let (inventory, generations) = open_generations(directory)?;
    generations.write_bundle(directory, &inventory)?;
    check_clock(&inventory, plan.occasion)?;
    let number = generations.next(directory)?;
    let active = generations.active(directory)?;
    active.root.check_validity(plan.occasion.at)?;
    let old_root_key = open_own_key(directory, &active.root, plan.unlock)?;
    plan.check_passphrase(directory, active)?;
    let issuing_key = Held::of(plan.issuing_key, "the new issuing key")?;
    let root_key = plan
        .root_key
        .map(|key| Held::of(key, "the new root key"))
        .transpose()?;
    check_new(&inventory, &issuing_key, root_key.as_ref())?;
    clear(directory, &inventory, number)?;
    let rollover = Rollover {
        directory,
        plan,
        inventory: &inventory,
        active,
        old_root_key: old_root_key.as_ref(),
        number,
    };
    let drafts = rollover.drafts(&issuing_key, root_key.as_ref(), random)?;
    let staged = rollover.stage(&issuing_key, root_key.as_ref())?;
    rollover.reserve(&drafts)?;
    let made = rollover.sign(&drafts, root_key.as_ref())?;
    rollover.complete(staged, &made)?;
    let now = Generations::read(directory, &inventory)?;
    let generation = now.in_state(GenerationState::Prepared).cloned();
    Ok(Prepared {
        generation: generation.ok_or(RolloverError::NothingPrepared)?,
        cross: made.cross,
        is_bundle_changed: root_key.is_some(),
        unwritten: now.write_bundle(directory, &inventory).err(),
    })
}

impl Generations {
    /// Checks that the next generation can be prepared.
    ///
    /// # Errors
    ///
    /// [`Error::Awaiting`] while the first one waits for its certificate,
    /// [`Error::RootAlone`], [`Error::NotActive`];
    /// [`RolloverError::UnderWay`] while another is pending or retiring.
    pub fn check_free(&self, directory: &Path) -> Result<(), Error> {
        self.next(directory).map(drop)
    }

    /// The number of the next generation.
    ///
    /// # Errors
    ///
    /// [`RolloverError::UnderWay`] while Roles Anywhere needs its two places for
    /// those that there are.
    pub(super) fn next(&self, directory: &Path) -> Result<u32, Error> {
        let under_way =
            |row: &&GenerationRow| row.state.is_pending() || row.state == GenerationState::Retiring;
        if self.alone.is_some() || self.in_state(GenerationState::Active).is_none() {
            // A root alone, and a CA that waits for its first certificate, say so.
            self.active(directory)?;
        }
        if let Some(row) = self.rows.iter().find(under_way) {
            return Err(RolloverError::UnderWay {
                number: row.number,
                state: row.state,
            }
            .into());
        }
        let newest = self.rows.iter().map(|row| row.number).max();
        newest
            .and_then(|newest| newest.checked_add(1))
            .ok_or_else(|| Error::NotActive {
                path: directory.to_owned(),
            })
    }
}

impl Preparation<'_> {
    /// New keys get the passphrase that the others have: one that was mistyped
    /// would be noticed only when the new ones are needed.
    fn check_passphrase(&self, directory: &Path, active: &Generation) -> Result<(), Error> {
        let makes_key = [Some(self.issuing_key), self.root_key]
            .into_iter()
            .flatten()
            .any(|key| matches!(key, OwnKey::New(_)));
        let is_known = |name: AuthorityName| -> Result<bool, Error> {
            Ok(key_file(directory, name)?.is_some())
        };
        if makes_key && !is_known(active.root.name)? && is_known(active.issuing.name)? {
            open_own_key(directory, &active.issuing, self.unlock)?;
        }
        Ok(())
    }
}

/// Refuses a key that is or was one of this CA's: its lists and what it has issued
/// are found by the key.
pub(super) fn check_new(
    inventory: &Inventory,
    issuing: &Held<'_>,
    root: Option<&Held<'_>>,
) -> Result<(), Error> {
    let issuing = issuing.signer().public_key();
    let root = root.map(|root| root.signer().public_key());
    for key in [Some(issuing), root].into_iter().flatten() {
        let fingerprint = key.fingerprint();
        let reason = if is_own(inventory, key)? {
            "it is a key of this CA already"
        } else if root.is_some_and(|root| root.is_same_key(issuing)) {
            "root and issuing CA need a key each"
        } else {
            continue;
        };
        return Err(Error::KeyRefused {
            fingerprint,
            reason: reason.to_owned(),
        });
    }
    Ok(())
}

/// Removes what a run that was cut short has left of the generation of this
/// number. Nothing was issued under it: otherwise the inventory would know it.
pub(super) fn clear(directory: &Path, inventory: &Inventory, number: u32) -> Result<(), Error> {
    // Whoever gives a directory its name holds this until the inventory knows it.
    let turn = inventory.write()?;
    for role in [Role::Issuing, Role::Root] {
        let name = AuthorityName::new(role, number);
        let path = name.directory(directory);
        let known = inventory.generations()?;
        let is_named = |row: &GenerationRow| {
            let name = name.to_string();
            row.issuing == name || row.root == name
        };
        if !path.exists() || known.iter().any(is_named) {
            continue;
        }
        if !is_unused(&directory.join(name.certificate_file()), inventory)? {
            return Err(Error::Foreign {
                path,
                reason: "the inventory does not know its generation",
            });
        }
        store::remove_tree(&path)?;
    }
    drop(turn);
    Ok(())
}

/// Whether a certificate was never stored, and so never used.
fn is_unused(path: &Path, inventory: &Inventory) -> Result<bool, Error> {
    let content = match store::read_bounded(path, crate::limits::MAX_FILE) {
        Ok(content) => content,
        Err(error) if error.is_not_found() => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    for certificate in read_certificates(&content, &path.display().to_string())? {
        let record = inventory.get(certificate.serial().magnitude())?;
        if record.is_none_or(|record| record.state == State::Issued) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A generation on its way.
struct Rollover<'a> {
    directory: &'a Path,
    plan: &'a Preparation<'a>,
    inventory: &'a Inventory,
    active: &'a Generation,
    old_root_key: &'a dyn Signer,
    /// Of the new generation.
    number: u32,
}

/// The certificates of a generation before they are signed.
struct Drafts<'a> {
    /// The new root and its cross-certificate, when there is a new one.
    root: Option<(OwnDraft<'a>, Option<OwnDraft<'a>>)>,
    issuing: OwnDraft<'a>,
    /// The identifiers of the keys that sign: the old root's, and that of the root
    /// of this generation.
    old_id: Vec<u8>,
    root_id: Vec<u8>,
}

/// The same when they are.
struct Made {
    root: Option<Certificate>,
    cross: Option<Certificate>,
    issuing: Certificate,
}

/// The directories under construction.
struct Staged {
    issuing: Staging,
    root: Option<Staging>,
}

impl Rollover<'_> {
    /// Fixes everything but the signatures.
    fn drafts<'k>(
        &self,
        issuing_key: &'k Held<'_>,
        root_key: Option<&'k Held<'_>>,
        random: &dyn SecureRandom,
    ) -> Result<Drafts<'k>, Error> {
        let at = self.plan.occasion.at;
        let old_root = &self.active.root.certificate;
        let organisation = self.active.organisation();
        let own_serial = self.active.issuing.certificate.serial().magnitude();
        let drawn = (random, own_serial.first().copied().unwrap_or(1));
        let mut root_end = old_root.not_after();
        let mut root = None;
        let old_id = old_root.key_identifier();
        let mut root_id = old_id.clone();
        if let Some(key) = root_key {
            let key = key.signer().public_key();
            root_id = key.key_identifier().to_vec();
            let cross_end = root_end;
            root_end = years_after(at, self.plan.root_years, "the root")?;
            let draft = |kind, end| {
                let subject = subject_of(&organisation, Role::Root, self.number);
                OwnDraft::new(subject, key, (kind, end), at, drawn)
            };
            let length = old_root
                .basic_constraints()
                .and_then(|constraints| constraints.path_length);
            let cross = match length.is_none_or(|length| length >= CROSS_PATH) {
                true => Some(draft(Kind::Cross, root_end.min(cross_end))?),
                false => None,
            };
            root = Some((draft(Kind::Root, root_end)?, cross));
        }
        let end = years_after(at, self.plan.issuing_years, "the issuing CA")?.min(root_end);
        let issuing = OwnDraft::new(
            subject_of(&organisation, Role::Issuing, self.number),
            issuing_key.signer().public_key(),
            (Kind::Issuing, end),
            at,
            drawn,
        )?;
        Ok(Drafts {
            root,
            issuing,
            old_id,
            root_id,
        })
    }

    /// Begins the directories, with their keys.
    fn stage(&self, issuing_key: &Held<'_>, root_key: Option<&Held<'_>>) -> Result<Staged, Error> {
        let begin = |role, key: &Held<'_>| -> Result<Staging, Error> {
            let name = AuthorityName::new(role, self.number);
            let passphrase = match key {
                Held::Generated(_) => self.plan.unlock.passphrase()?,
                Held::Device(_) => None,
            };
            let staging = match Staging::begin(&name.directory(self.directory)) {
                Err(error @ store::Error::Exists { .. }) => return Err(self.overtaken(error)?),
                begun => begun?,
            };
            for (file, content) in key.files(passphrase.as_ref(), self.plan.cost)? {
                staging.write(file, &content)?;
            }
            Ok(staging)
        };
        Ok(Staged {
            issuing: begin(Role::Issuing, issuing_key)?,
            root: root_key.map(|key| begin(Role::Root, key)).transpose()?,
        })
    }

    /// Why the name of a directory is taken that was free: another process is as
    /// far, and says in the inventory what it does when its turn is over.
    fn overtaken(&self, error: store::Error) -> Result<Error, Error> {
        drop(self.inventory.write()?);
        let now = Generations::read(self.directory, self.inventory)?;
        Ok(now
            .check_free(self.directory)
            .err()
            .unwrap_or_else(|| error.into()))
    }

    /// Begins to write, when nobody else has begun a rollover meanwhile.
    fn write(&self) -> Result<Writer<'_>, Error> {
        let writer = self.inventory.write()?;
        let now = Generations::read(self.directory, self.inventory)?;
        let number = now.next(self.directory)?;
        let active = now.active(self.directory)?;
        if number == self.number && active.number == self.active.number {
            return Ok(writer);
        }
        Err(Error::Rollover(RolloverError::RolledOver {
            name: self.active.issuing.name,
        }))
    }

    fn reserve(&self, drafts: &Drafts<'_>) -> Result<(), Error> {
        let writer = self.write()?;
        let occasion = self.plan.occasion;
        if let Some((root, cross)) = &drafts.root {
            root.reserve(&drafts.root_id, &writer, occasion)?;
            if let Some(cross) = cross {
                cross.reserve(&drafts.old_id, &writer, occasion)?;
            }
        }
        drafts.issuing.reserve(&drafts.root_id, &writer, occasion)?;
        Ok(writer.commit()?)
    }

    fn sign(&self, drafts: &Drafts<'_>, root_key: Option<&Held<'_>>) -> Result<Made, Error> {
        let at = self.plan.occasion.at;
        let old = IssuerRef {
            name: self.active.root.certificate.subject(),
            signer: self.old_root_key,
            key_identifier: &drafts.old_id,
        };
        let Some(((root, cross), key)) = drafts.root.as_ref().zip(root_key) else {
            return Ok(Made {
                root: None,
                cross: None,
                issuing: drafts.issuing.sign(&old, at)?,
            });
        };
        let new = IssuerRef {
            name: root.subject(),
            signer: key.signer(),
            key_identifier: &drafts.root_id,
        };
        let root = root.sign(&new, at)?;
        let cross = cross.as_ref().map(|cross| cross.sign(&old, at));
        Ok(Made {
            root: Some(root),
            cross: cross.transpose()?,
            issuing: drafts.issuing.sign(&new, at)?,
        })
    }

    /// Lets the directories appear and stores everything, in one transaction.
    fn complete(&self, staged: Staged, made: &Made) -> Result<(), Error> {
        let certificate = |certificate: &Certificate| encode_pem([certificate]).into_bytes();
        staged
            .issuing
            .write(CERTIFICATE, &certificate(&made.issuing))?;
        if let Some((staging, root)) = staged.root.as_ref().zip(made.root.as_ref()) {
            staging.write(CERTIFICATE, &certificate(root))?;
            if let Some(cross) = &made.cross {
                staging.write(CROSS, &certificate(cross))?;
            }
        }
        let mut writer = self.write()?;
        if let Some(root) = staged.root {
            root.publish()?;
        }
        staged.issuing.publish()?;
        let occasion = self.plan.occasion;
        let own = [made.root.as_ref(), made.cross.as_ref(), Some(&made.issuing)];
        for certificate in own.into_iter().flatten() {
            store_own(certificate, &mut writer, occasion)?;
        }
        let row = self.row(made);
        writer.add_generation(&row)?;
        let detail = json!({
            "generation": row.number,
            "root": row.root,
            "issuing": row.issuing,
            "rootFingerprintSha256": made.root.as_ref().map(Certificate::fingerprint),
            "issuingFingerprintSha256": made.issuing.fingerprint(),
            "crossSerialNumber": made.cross.as_ref().map(|cross| cross.serial().hex()),
        });
        occasion.log(&mut writer, Action::Prepare, None, &detail)?;
        Ok(writer.commit()?)
    }

    fn row(&self, made: &Made) -> GenerationRow {
        let old = &self.active.root;
        let root = made.root.as_ref();
        let name = root.map_or(old.name, |_| AuthorityName::new(Role::Root, self.number));
        let serial = |certificate: &Certificate| Some(certificate.serial().magnitude().to_vec());
        GenerationRow {
            number: self.number,
            state: GenerationState::Prepared,
            root: name.to_string(),
            issuing: AuthorityName::new(Role::Issuing, self.number).to_string(),
            root_serial: serial(root.unwrap_or(&old.certificate)),
            issuing_serial: serial(&made.issuing),
            prepared_at: Some(self.plan.occasion.at),
            activated_at: None,
            retired_at: None,
        }
    }
}
