//! What opens the keys of a CA.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::authority::Unlock;
use crate::cli::PassphraseArgs;
use crate::commands::{Context, Error, material};
use crate::key::{PassphraseSource, Source};
use crate::store;

/// As the options say; a passphrase about which they say nothing is asked for.
///
/// # Errors
///
/// [`store::Error::NotPrivate`] for a file that others can write: they would
/// choose what opens the key, or learn of it that it does not.
pub(in crate::commands) fn unlock<'a>(
    directory: &Path,
    arguments: &PassphraseArgs,
    context: &'a Context,
) -> Result<Unlock<'a>, Error> {
    let prompt = format!("Passphrase of the CA in {}", directory.display());
    let said = material::passphrase_source(arguments, context, &prompt);
    if let Some(PassphraseSource::Source(Source::File(path))) = &said {
        look_at_mode(path, context)?;
    }
    Ok(Unlock::new(said, prompt, &context.environment))
}

/// What opens the CA's keys is as secret as they are.
fn look_at_mode(path: &Path, context: &Context) -> Result<(), Error> {
    let Some(metadata) = std::fs::metadata(path).ok().filter(|found| found.is_file()) else {
        return Ok(());
    };
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 {
        return Err(Error::Store(store::Error::NotPrivate {
            path: path.to_owned(),
        }));
    }
    if mode & 0o044 != 0 {
        let path = path.display();
        context.printer.warning(&format!(
            "others can read the passphrase in {path} (mode {mode:04o}): chmod go= {path}"
        ));
    }
    Ok(())
}
