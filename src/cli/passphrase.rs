//! The options that say where a passphrase comes from.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::key::Source;

use super::value;

/// The kernel has none above (fs.nr_open, proc(5)).
const MAX_DESCRIPTOR: u32 = 0x7fff_ffff;

/// Where the passphrase of a private key is read. It is never an argument: any
/// process of the machine can read those.
#[derive(Args, Clone, Debug, Default)]
pub struct PassphraseArgs {
    /// Passphrase: FILE, -, env:NAME, fd:N, cmd:COMMAND, credential:NAME or tty
    ///
    /// It is read there; it is never the argument itself. A command is run
    /// without a shell, and what it prints is the passphrase; tty asks on the
    /// terminal
    #[arg(long, value_name = "SOURCE", group = "passphrase")]
    passphrase_from: Option<TypedPassphrase>,

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
    #[arg(
        long,
        value_name = "NUMBER",
        group = "passphrase",
        value_parser = value::number("a descriptor", 0..=MAX_DESCRIPTOR, "3")
    )]
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
    pub fn source(&self) -> Option<TypedPassphrase> {
        let source = |source| Some(TypedPassphrase::Source(source));
        if let Some(from) = &self.passphrase_from {
            return Some(from.clone());
        }
        if let Some(path) = &self.passphrase_file {
            return source(Source::File(path.clone()));
        }
        if let Some(number) = self.passphrase_fd {
            return source(Source::Fd(number));
        }
        if let Some(name) = &self.passphrase_env {
            return source(Source::Environment(name.clone()));
        }
        let name = self.passphrase_credential.as_ref()?;
        source(Source::Credential(name.clone()))
    }
}

/// Where a passphrase is read that is being chosen.
#[derive(Args, Clone, Debug, Default)]
pub struct NewPassphraseArgs {
    /// New passphrase: FILE, -, env:NAME, fd:N, cmd:COMMAND, credential:NAME or tty
    ///
    /// Read there as --passphrase-from reads the old one. Without this option and
    /// --new-passphrase-file it is asked for on the terminal, twice
    #[arg(long, value_name = "SOURCE", group = "new_passphrase")]
    new_passphrase_from: Option<TypedPassphrase>,

    /// Read the new passphrase from this file
    #[arg(long, value_name = "FILE", group = "new_passphrase")]
    new_passphrase_file: Option<PathBuf>,
}

impl NewPassphraseArgs {
    /// Where the new passphrase is, when an option says so.
    #[must_use]
    pub fn source(&self) -> Option<TypedPassphrase> {
        let from_file = |path: &PathBuf| TypedPassphrase::Source(Source::File(path.clone()));
        let from = self.new_passphrase_from.clone();
        from.or_else(|| self.new_passphrase_file.as_ref().map(from_file))
    }
}

/// What can be typed for a passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypedPassphrase {
    /// A place that holds it.
    Source(Source),
    /// `tty`: it is asked for.
    Terminal,
}

impl FromStr for TypedPassphrase {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "tty" {
            return Ok(Self::Terminal);
        }
        text.parse().map(Self::Source)
    }
}
