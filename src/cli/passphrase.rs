//! The options that say where a passphrase comes from.

use std::path::PathBuf;

use clap::Args;

use crate::key::PassphraseSource;

/// Where the passphrase of a private key is read. It is never an argument: any
/// process of the machine can read those.
#[derive(Args, Clone, Debug)]
pub struct PassphraseArgs {
    /// Read the passphrase from this file
    ///
    /// One trailing line ending is not part of it. Without any of these options
    /// $WINDLASS_PASSPHRASE_FILE names the file
    #[arg(long, value_name = "FILE", group = "passphrase")]
    passphrase_file: Option<PathBuf>,

    /// Read the passphrase from this open file descriptor
    ///
    /// A pipe, a terminal, or a file that this user may open (it is opened anew
    /// through /proc/self/fd, and read from its beginning)
    #[arg(long, value_name = "NUMBER", group = "passphrase")]
    passphrase_fd: Option<u32>,

    /// Read the passphrase from this environment variable
    #[arg(long, value_name = "NAME", group = "passphrase")]
    passphrase_env: Option<String>,

    /// Read the passphrase from this systemd credential
    ///
    /// The unit's LoadCredential= puts it into $CREDENTIALS_DIRECTORY
    #[arg(long, value_name = "NAME", group = "passphrase")]
    passphrase_credential: Option<String>,
}

impl PassphraseArgs {
    /// The source that was chosen by an option, if one was.
    #[must_use]
    pub fn source(&self) -> Option<PassphraseSource> {
        let file = self.passphrase_file.clone().map(PassphraseSource::File);
        let fd = self.passphrase_fd.map(PassphraseSource::Fd);
        let variable = self
            .passphrase_env
            .clone()
            .map(PassphraseSource::Environment);
        let credential = self
            .passphrase_credential
            .clone()
            .map(PassphraseSource::Credential);
        file.or(fd).or(variable).or(credential)
    }
}
