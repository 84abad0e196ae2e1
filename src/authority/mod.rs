//! The certificate authority as an institution: bootstrap, issue, inventory.
//!
//! A CA lives in one directory:
//!
//! ```text
//! DIR/trust-anchor.pem    the bundle to give to Roles Anywhere
//! DIR/root/{cert,key}.pem         key encrypted
//! DIR/issuing/{cert,key}.pem      key encrypted
//! DIR/{root,issuing}/device.json  where the key is, when it is in a device
//! DIR/{root,issuing}-2/           those of the second generation, and so on
//! DIR/issuing/request.pem         what was asked of a root that is elsewhere
//! DIR/crl/{issuing,root}.pem      revocation lists, once they were made
//! DIR/inventory.db        every serial number ever reserved
//! DIR/ca.toml             the policy, where there is one
//! ```

mod admit;
mod apart;
mod assess;
mod backup;
mod batch;
mod bootstrap;
mod ceremony;
mod checkpoint;
mod content;
mod deliver;
mod draft;
mod error;
mod flaw;
mod generation;
mod health;
mod install;
mod issue;
mod judge;
mod known_key;
mod layout;
mod list_error;
mod log;
mod name;
mod occasion;
mod opened;
mod own_key;
mod passphrase;
mod policy;
mod prepare;
mod publish;
mod reconcile;
mod record;
mod restore;
mod revoke;
mod rollover;
mod rollover_error;
mod sign_ca;
mod subject;
mod tally;

pub use admit::Admitted;
pub use apart::{
    NextRequest, Requested, create_requesting, create_root, is_root_apart, request_next,
};
pub use assess::{Assessment, ListFacts, ListState, assess, assess_file};
pub use backup::{BackupReport, backup};
pub use batch::{Batch, BatchRow, RenewalTime, RowId, RowOutcome, lock_batches, spread};
pub use bootstrap::{Bootstrap, CaName, Founding, create};
pub use ceremony::OwnKey;
pub use checkpoint::KeptCheckpoint;
pub use deliver::Delivery;
pub use error::Error;
pub use flaw::{Flaw, Part};
pub use generation::{Generation, Generations, OwnAuthority, generations};
pub use health::{HealthPlan, health};
pub use install::{Installed, Installer};
pub use issue::{IssueRequest, Issued, Preview, RequestedKey};
pub use list_error::ListError;
pub use log::{CheckpointFault, LogFault, LogReport, LogWitness, log_export, verify_log};
pub use name::{AuthorityName, Role};
pub use occasion::{Action, Occasion, check_clock, note_export};
pub use opened::Authority;
pub use own_key::{DeviceKey, DeviceOptions, Unlock};
pub use passphrase::{NewPassphrase, Reencrypted, change_passphrase};
pub use policy::{Policy, Profile, Refusal, Refusals};
pub use prepare::{Preparation, Prepared, prepare};
pub use publish::{ListPlan, ListSigner, Published};
pub use reconcile::{Reconciled, Reconciliation, reconcile};
pub use restore::{RestorePlan, Restored, restore};
pub use revoke::{Revoked, Selection, reason_of, release, revoke};
pub use rollover::{
    Activated, GenerationStatus, NextStep, Retired, RolloverStatus, activate, cancel, retire,
    rollover_status,
};
pub use rollover_error::RolloverError;
pub use sign_ca::{CaRequest, CertifiedCa, RootSigner};
pub use subject::{CommonName, TagValue};

use std::path::Path;

use ring::rand::SecureRandom;

use crate::pki::SerialNumber;
use crate::store;

use layout::{INVENTORY, TRUST_ANCHOR, names_of_ca};

/// How far certificates are backdated, in seconds: hosts whose clock is a few
/// minutes behind would refuse them otherwise, and SigV4 forgives no more.
const BACKDATE_SECONDS: i64 = 300;

/// Opens the inventory of the CA in `directory`, which nobody else may be able to
/// write.
///
/// # Errors
///
/// [`Error::NoAuthority`] or [`Error::Incomplete`] when there is none,
/// [`Error::Store`] otherwise.
pub fn open_inventory(directory: &Path) -> Result<store::Inventory, Error> {
    check_alone(directory)?;
    store::Inventory::open(&directory.join(INVENTORY))
        .map_err(|source| not_found(directory, source))
}

/// Checks that nobody but root and this user can write the CA in `directory`, or
/// put another in its place.
fn check_alone(directory: &Path) -> Result<(), Error> {
    if !directory.exists() {
        return Ok(());
    }
    store::check_trusted(directory)?;
    for name in names_of_ca(directory)? {
        store::check_entry(&directory.join(name))?;
    }
    Ok(())
}

/// The same of the place in which a CA is made.
fn check_place(path: &Path) -> Result<(), Error> {
    let real = path.canonicalize();
    let real = real.as_deref().unwrap_or(path);
    Ok(store::check_trusted(real.parent().unwrap_or(real))?)
}

/// Opens the inventory of the CA in `directory` to look at it, for whoever may
/// read it.
///
/// # Errors
///
/// As [`open_inventory`].
pub fn read_inventory(directory: &Path) -> Result<store::Inventory, Error> {
    store::Inventory::open_to_read(&directory.join(INVENTORY))
        .map_err(|source| not_found(directory, source))
}

/// Tells a directory without a CA from one whose CA lacks a part.
fn not_found(directory: &Path, source: store::Error) -> Error {
    if !source.is_not_found() {
        return Error::Store(source);
    }
    let own = [AuthorityName::ISSUING, AuthorityName::ROOT];
    let mut parts = vec![INVENTORY.to_owned(), TRUST_ANCHOR.to_owned()];
    parts.extend(own.map(AuthorityName::certificate_file));
    parts.extend(own.map(AuthorityName::key_file));
    let path = directory.to_owned();
    if parts.iter().any(|part| directory.join(part).exists()) {
        return Error::Incomplete { path, source };
    }
    let occupied = std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    Error::NoAuthority {
        path,
        occupied,
        source,
    }
}

/// Draws a serial number: an instance byte 0x01–0x7f, then 15 random bytes.
///
/// Sixteen octets fit every limit and keep CRLs small; a positive first byte
/// needs no padding; 120 random bits are far above the 64 that the CA/Browser
/// Forum asks for. The instance byte keeps several servers of one CA apart.
fn draw_serial(random: &dyn SecureRandom, instance: u8) -> Result<SerialNumber, Error> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes).map_err(|_| Error::Random)?;
    bytes[0] = instance.clamp(0x01, 0x7f);
    SerialNumber::from_magnitude(&bytes).ok_or(Error::Random)
}

/// Reads a CA file, with the directory in the error when it is missing.
fn read_ca_file(directory: &Path, name: &str) -> Result<Vec<u8>, Error> {
    store::read_with_metadata(&directory.join(name), crate::limits::MAX_FILE)
        .map(|(content, _)| content)
        .map_err(|source| not_found(directory, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_sixteen_octets_and_start_with_the_instance() {
        let random = ring::rand::SystemRandom::new();
        let first = draw_serial(&random, 0x2a).unwrap();
        let second = draw_serial(&random, 0x2a).unwrap();
        assert_ne!(first, second);
        for serial in [first, second] {
            assert_eq!(serial.magnitude().len(), 16);
            assert_eq!(serial.magnitude()[0], 0x2a);
        }
        assert_eq!(draw_serial(&random, 0xff).unwrap().magnitude()[0], 0x7f);
        assert_eq!(draw_serial(&random, 0).unwrap().magnitude()[0], 0x01);
    }
}
