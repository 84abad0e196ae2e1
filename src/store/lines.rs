//! A new file of many lines, which appears whole or not at all.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::files::new_file;
use super::{Action, Error, Staging};

/// The file's name until it has its own.
const NAME: &str = "lines";

/// A file that is being written, line by line.
#[derive(Debug)]
pub struct LineFile {
    staging: Staging,
    target: PathBuf,
    file: BufWriter<File>,
}

impl LineFile {
    /// Begins a file that will become `target`, which must not exist.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] or [`Error::Io`].
    pub fn begin(target: &Path) -> Result<Self, Error> {
        let staging = Staging::begin(target)?;
        let file = new_file(&staging.path().join(NAME)).map_err(failed(target))?;
        Ok(Self {
            staging,
            target: target.to_owned(),
            file: BufWriter::new(file),
        })
    }

    /// Adds a line.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn add(&mut self, line: &str) -> Result<(), Error> {
        writeln!(self.file, "{line}").map_err(failed(&self.target))
    }

    /// Makes the file durable and gives it its name; it is its owner's alone.
    ///
    /// # Errors
    ///
    /// As [`Staging::publish_file`].
    pub fn publish(mut self) -> Result<(), Error> {
        self.file.flush().map_err(failed(&self.target))?;
        self.staging.publish_file(NAME)
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io {
        path: path.clone(),
        action: Action::Write,
        source,
    }
}
