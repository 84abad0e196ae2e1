//! The files that a new certificate is handed over as.

use crate::key::GeneratedKey;
use crate::pki::{Certificate, encode_pem};
use crate::store::Staging;

use super::Error;

/// Writes the four files that other tools know from ACME clients.
pub(super) fn deliver(
    staging: &Staging,
    key: &GeneratedKey,
    certificate: &Certificate,
    issuing: &Certificate,
) -> Result<(), Error> {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    let key_pem = zeroize::Zeroizing::new(pem::encode_config(
        &pem::Pem::new("PRIVATE KEY", key.pkcs8.expose()),
        config,
    ));
    staging.write("key.pem", key_pem.as_bytes())?;
    staging.write("cert.pem", encode_pem([certificate]).as_bytes())?;
    staging.write("chain.pem", encode_pem([issuing]).as_bytes())?;
    staging.write(
        "fullchain.pem",
        encode_pem([certificate, issuing]).as_bytes(),
    )?;
    Ok(())
}
