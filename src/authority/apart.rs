//! A root that is kept apart from the issuing CA: each has a directory of its own,
//! on a machine of its own, and only a request and a certificate go between them.

use std::path::Path;

use ring::rand::SecureRandom;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::pki::{Certificate, CertificateRequest, encode_pem};
use crate::store::{GenerationRow, GenerationState, Inventory, Staging, Writer};

use super::bootstrap::{Ceremony, Founding, write_key};
use super::ceremony::{Held, subject_of};
use super::{Action, AuthorityName, Error, INVENTORY, Occasion, OwnKey, Role, TRUST_ANCHOR};

/// The request of an issuing CA, as a path in the CA's directory.
pub(super) fn request_file(name: AuthorityName) -> String {
    format!("{name}/request.pem")
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
        let row = GenerationRow {
            number: 1,
            state: GenerationState::Requested,
            root: AuthorityName::ROOT.to_string(),
            issuing: AuthorityName::ISSUING.to_string(),
            root_serial: None,
            issuing_serial: None,
            prepared_at: None,
            activated_at: None,
            retired_at: None,
        };
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
