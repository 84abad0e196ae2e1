//! A root that is kept apart from the issuing CA: each has a directory of its own,
//! on a machine of its own, and only a request and a certificate go between them.

use std::path::Path;

use ring::rand::SecureRandom;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::key::Cost;
use crate::pki::{Certificate, CertificateRequest, encode_pem};
use crate::store::{GenerationRow, GenerationState, Inventory, Staging, Writer};

use super::bootstrap::{Ceremony, Founding, write_key};
use super::ceremony::{Held, subject_of};
use super::generation::open_generations;
use super::layout::REQUEST;
use super::own_key::{Unlock, has_key, key_file, open_own_key};
use super::prepare::{check_new, clear};
use super::{
    Action, AuthorityName, Error, Generations, INVENTORY, Occasion, OwnKey, Role, RolloverError,
    TRUST_ANCHOR, check_clock,
};

/// The request of an issuing CA, as a path in the CA's directory.
pub(super) fn request_file(name: AuthorityName) -> String {
    format!("{name}/{REQUEST}")
}

/// The request of a generation, if one was made for it.
pub(super) fn requested(
    directory: &Path,
    inventory: &Inventory,
    generation: u32,
) -> Result<Option<CertificateRequest>, Error> {
    let Some(der) = inventory.request_of(generation)? else {
        return Ok(None);
    };
    let origin = directory.join(INVENTORY).display().to_string();
    Ok(Some(CertificateRequest::read(&der, &origin)?))
}

/// The next generation of a CA whose root is elsewhere.
#[derive(Debug)]
pub struct NextRequest<'a> {
    /// The new issuing CA's key.
    pub key: &'a OwnKey,
    /// Opens the issuing key that is in use; its passphrase encrypts a new one.
    pub unlock: &'a Unlock<'a>,
    /// Work factor of that encryption.
    pub cost: Cost,
    /// Who, when and why.
    pub occasion: &'a Occasion<'a>,
}

/// What was asked for, and where it is.
#[derive(Debug)]
pub struct Requested {
    /// The number of the generation.
    pub generation: u32,
    /// The request.
    pub request: CertificateRequest,
    /// The file, as a path in the CA's directory.
    pub file: String,
}

/// Begins the next generation of the CA in `directory`, whose root is elsewhere: its
/// key and its request. It can be activated once its certificate was installed.
///
/// # Errors
///
/// [`RolloverError::UnderWay`] while another generation is pending or retiring,
/// [`Error::KeyRefused`] for a key that this CA has already, those of
/// [`check_clock`] and of the keys, or [`Error::Store`]. Then there is no new
/// generation.
pub fn request_next(directory: &Path, plan: &NextRequest<'_>) -> Result<Requested, Error> {
    plan.unlock.read_descriptor()?;
    let (inventory, generations) = open_generations(directory)?;
    generations.write_bundle(directory, &inventory)?;
    check_clock(&inventory, plan.occasion)?;
    let number = generations.next(directory)?;
    let active = generations.active(directory)?;
    let key = Held::of(plan.key, "the new issuing key")?;
    let passphrase = match plan.key {
        OwnKey::Device(_) => None,
        OwnKey::New(_) => {
            // A passphrase that was mistyped would be noticed only when the new key
            // is needed.
            if key_file(directory, active.issuing.name)?.is_some() {
                open_own_key(directory, &active.issuing, plan.unlock)?;
            }
            plan.unlock.passphrase()?
        }
    };
    check_new(&inventory, &key, None)?;
    clear(directory, &inventory, number)?;
    let name = AuthorityName::new(Role::Issuing, number);
    let subject = subject_of(&active.organisation(), Role::Issuing, number);
    let request = CertificateRequest::of_authority(&subject, key.signer())?;
    let staging = Staging::begin(&name.directory(directory))?;
    for (file, content) in key.files(passphrase.as_ref(), plan.cost)? {
        staging.write(file, &content)?;
    }
    staging.write(REQUEST, request.to_pem().as_bytes())?;
    let mut writer = inventory.write()?;
    // Somebody else may have begun a rollover meanwhile.
    let now = Generations::read(directory, &inventory)?;
    if now.next(directory)? != number {
        return Err(RolloverError::RolledOver {
            name: active.issuing.name,
        }
        .into());
    }
    staging.publish()?;
    let row = GenerationRow {
        number,
        root: active.root.name.to_string(),
        issuing: name.to_string(),
        ..requested_row()
    };
    record_request(&row, &request, &mut writer, plan.occasion)?;
    writer.commit()?;
    Ok(Requested {
        generation: number,
        request,
        file: request_file(name),
    })
}

/// Whether the key of the root under which the CA in `directory` issues is
/// elsewhere.
///
/// # Errors
///
/// As [`super::generations`], or when none issues.
pub fn is_root_apart(directory: &Path) -> Result<bool, Error> {
    let (_, generations) = open_generations(directory)?;
    Ok(!has_key(
        directory,
        generations.active(directory)?.root.name,
    ))
}

/// The row of a first generation that waits for its certificate.
fn requested_row() -> GenerationRow {
    GenerationRow {
        number: 1,
        state: GenerationState::Requested,
        root: AuthorityName::ROOT.to_string(),
        issuing: AuthorityName::ISSUING.to_string(),
        root_serial: None,
        issuing_serial: None,
        prepared_at: None,
        activated_at: None,
        retired_at: None,
    }
}

/// Adds a generation whose certificate is asked of a root elsewhere.
pub(super) fn record_request(
    row: &GenerationRow,
    request: &CertificateRequest,
    writer: &mut Writer<'_>,
    occasion: &Occasion<'_>,
) -> Result<(), Error> {
    writer.add_generation(row)?;
    let fingerprint = request.public_key().fingerprint();
    writer.add_request(row.number, &fingerprint, request.der())?;
    let detail = json!({
        "generation": row.number,
        "subject": request.subject().to_string(),
        "keyFingerprintSha256": fingerprint,
        "requestSha256": hex::encode(Sha256::digest(request.der())),
    });
    occasion.log(writer, Action::Request, None, &detail)
}

/// Makes a root without an issuing CA, in the directory that `staging` will
/// become, and gives its certificate.
///
/// # Errors
///
/// [`Error`]; the directory is then as it was.
pub fn create_root(
    staging: Staging,
    founding: Founding<'_>,
    key: &OwnKey,
    years: u32,
    random: &dyn SecureRandom,
) -> Result<Certificate, Error> {
    let root = {
        let inventory = Inventory::create(&staging.path().join(INVENTORY))?;
        let key = Held::of(key, "the new root key")?;
        Ceremony::new(founding, &inventory, random)?.root(&key, years)?
        // The inventory is closed here, which folds its WAL into the file
        // before the directory is renamed.
    };
    root.write(&staging, AuthorityName::ROOT)?;
    staging.write(TRUST_ANCHOR, encode_pem([&root.certificate]).as_bytes())?;
    staging.publish()?;
    Ok(root.certificate)
}

/// Makes an issuing CA whose root is elsewhere: its key and its request. It issues
/// nothing until it was given its certificate.
///
/// # Errors
///
/// [`Error`]; the directory is then as it was.
pub fn create_requesting(
    staging: Staging,
    founding: Founding<'_>,
    key: &OwnKey,
    random: &dyn SecureRandom,
) -> Result<CertificateRequest, Error> {
    let (request, key_files) = {
        let inventory = Inventory::create(&staging.path().join(INVENTORY))?;
        let key = Held::of(key, "the new issuing key")?;
        Ceremony::new(founding, &inventory, random)?;
        let subject = subject_of(&founding.name.0, Role::Issuing, 1);
        let request = CertificateRequest::of_authority(&subject, key.signer())?;
        let row = requested_row();
        let mut writer = inventory.write()?;
        record_request(&row, &request, &mut writer, founding.occasion)?;
        writer.commit()?;
        (request, key.files(founding.passphrase, founding.cost)?)
    };
    write_key(&staging, AuthorityName::ISSUING, &key_files)?;
    staging.write(
        &request_file(AuthorityName::ISSUING),
        request.to_pem().as_bytes(),
    )?;
    staging.publish()?;
    Ok(request)
}
