//! Whether what was issued for a row of a batch is where the batch delivers it.

use std::path::Path;

use crate::key::Signer;
use crate::limits;
use crate::pki::read_certificates;
use crate::store::{self, Record};

use super::RowId;
use super::files::kept_key;
use super::known::row_of;

/// What a batch's directory has of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::authority) enum Delivered {
    /// The certificate, in the directory of its row.
    There,
    /// Its key, which is kept until the certificate is delivered.
    KeyKept,
    /// Neither.
    Nowhere,
}

/// Looks for a certificate in a batch's directory. What cannot be read there is
/// not there.
pub(in crate::authority) fn look(out: &Path, record: &Record) -> Delivered {
    let request = record.request_id.as_deref();
    let Some(id) = request.and_then(|request| row_of(request).parse::<RowId>().ok()) else {
        return Delivered::Nowhere;
    };
    let path = out.join(id.as_str()).join("cert.pem");
    let found = store::read_with_metadata(&path, limits::MAX_FILE);
    let found = found.ok().and_then(|(content, _)| {
        let certificates = read_certificates(&content, &path.display().to_string());
        certificates.ok()?.first().map(|one| one.fingerprint())
    });
    if found.is_some() && found == record.fingerprint {
        return Delivered::There;
    }
    let kept = kept_key(out, &id).ok().flatten();
    match kept.map(|kept| kept.key.public_key().fingerprint()) {
        Some(kept) if kept == record.key_fingerprint => Delivered::KeyKept,
        _ => Delivered::Nowhere,
    }
}
