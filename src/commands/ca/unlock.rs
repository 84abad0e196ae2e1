//! What opens the keys of a CA.

use std::path::Path;

use crate::authority::Unlock;
use crate::cli::PassphraseArgs;
use crate::commands::{Context, material};

/// As the options say; a passphrase about which they say nothing is asked for.
pub(super) fn unlock<'a>(
    directory: &Path,
    arguments: &PassphraseArgs,
    context: &'a Context,
) -> Unlock<'a> {
    let prompt = format!("Passphrase of the CA in {}", directory.display());
    let said = material::passphrase_source(arguments, context, &prompt);
    Unlock::new(said, prompt, &context.environment)
}
