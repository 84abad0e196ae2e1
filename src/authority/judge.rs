//! What is to be signed is judged first.

use chrono::{DateTime, Utc};

use crate::pki::lint::{Level, lint_certificate};
use crate::pki::{Certificate, ToBeSigned};

use super::Error;

/// Why a key is refused that the linter would not let pass.
pub(super) const SMALL_EXPONENT: &str =
    "its exponent is below 65537; CA/Browser Forum Baseline Requirements section 6.1.6";

/// Refuses to sign what breaks a rule of the linter: an error or a warning, for
/// everything that is asked of a CA is checked where it is typed, and what is
/// left is a fault of this program. Gives the certificate as it will be, with a
/// signature of zeros.
///
/// # Errors
///
/// [`Error::Lint`] with the first finding, [`Error::Pki`] when what was built is
/// not what was asked for.
pub(super) fn judge(
    to_be_signed: &ToBeSigned<'_>,
    at: DateTime<Utc>,
) -> Result<Certificate, Error> {
    let preview = to_be_signed.preview()?;
    refuse(preview.der(), at)?;
    Ok(preview)
}

fn refuse(encoded: &[u8], at: DateTime<Utc>) -> Result<(), Error> {
    let worst = lint_certificate(encoded, at)
        .into_iter()
        .filter(|finding| finding.rule().level() >= Level::Warning)
        .max_by_key(|finding| finding.rule().level());
    match worst {
        None => Ok(()),
        Some(finding) => Err(Error::Lint {
            finding: finding.to_string(),
        }),
    }
}
