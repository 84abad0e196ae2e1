//! Backups: the whole CA in one file, made while it works, and read back before
//! it is called one.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::rfc3339;
use crate::limits;
use crate::store::{self, Archived, Inventory, Packer, Staging};

use super::opened::{check_known, read_own_certificates};
use super::{
    Action, Error, INVENTORY, LogWitness, Occasion, check_clock, open_inventory, verify_log,
};

/// What the manifest says that it is.
const FORMAT: &str = "windlass-ca-backup-1";

/// The manifest's name in the archive, where it comes last: an archive that was
/// cut has none.
const MANIFEST: &str = "manifest.json";

/// The archive's name until it has its own.
const ARCHIVE: &str = "backup.tar";

/// What a backup holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Manifest {
    format: String,
    /// RFC 3339.
    pub(super) made_at: String,
    /// The version that made it.
    windlass: String,
    /// Number of entries of the audit log.
    pub(super) log_entries: u64,
    /// The hash of its last entry, lowercase hex.
    pub(super) log_head: String,
    files: Vec<ManifestFile>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ManifestFile {
    path: String,
    size: u64,
    sha256: String,
}

impl From<Archived> for ManifestFile {
    fn from(archived: Archived) -> Self {
        Self {
            path: archived.name,
            size: archived.size,
            sha256: archived.sha256,
        }
    }
}

/// A backup that was made.
#[derive(Debug)]
pub struct BackupReport {
    /// The paths of its files in the CA's directory.
    pub files: Vec<String>,
    /// Size of the backup, in bytes.
    pub size: u64,
    /// Number of entries of the audit log in it.
    pub log_entries: u64,
    /// The hash of the last of them, lowercase hex.
    pub log_head: String,
    /// Why the log could not note the backup, if it could not.
    pub unrecorded: Option<Error>,
}

/// Makes a backup of the CA in `directory`, which goes on working, as the new
/// file `out`: its inventory as it is at one moment, and every other file. Keys
/// in tokens and TPMs are not in files, and so not in it.
///
/// # Errors
///
/// [`Error::BackupUnfit`] when what was written cannot be read back whole, those
/// of [`check_clock`], or [`Error::Store`]; nothing is there then.
pub fn backup(
    directory: &Path,
    out: &Path,
    occasion: &Occasion<'_>,
) -> Result<BackupReport, Error> {
    let inventory = open_inventory(directory)?;
    check_clock(&inventory, occasion)?;
    let staging = Staging::begin(out)?;
    pack(&staging, directory, &inventory, occasion)?;
    let archive = staging.path().join(ARCHIVE);
    staging.create_directory("check")?;
    let manifest = unpack(&archive, &staging.path().join("check"))?;
    let size = std::fs::metadata(&archive).map_or(0, |metadata| metadata.len());
    staging.publish_file(ARCHIVE)?;
    let detail = json!({
        "file": out.display().to_string(),
        "logEntries": manifest.log_entries,
        "logHead": manifest.log_head,
    });
    // It is there: that the note of it failed must not look as if it were not.
    let note = || -> Result<(), Error> {
        let mut writer = inventory.write()?;
        occasion.log(&mut writer, Action::Backup, None, &detail)?;
        Ok(writer.commit()?)
    };
    Ok(BackupReport {
        unrecorded: note().err(),
        files: manifest.files.into_iter().map(|file| file.path).collect(),
        size,
        log_entries: manifest.log_entries,
        log_head: manifest.log_head,
    })
}

/// Writes the archive. The files come before the inventory: what a file says is
/// in the inventory before the file is there, so the inventory then knows of all
/// of them.
fn pack(
    staging: &Staging,
    directory: &Path,
    inventory: &Inventory,
    occasion: &Occasion<'_>,
) -> Result<(), Error> {
    let time = u64::try_from(occasion.at.timestamp()).unwrap_or(0);
    let mut packer = Packer::begin(staging, ARCHIVE, time)?;
    let mut files = Vec::new();
    for name in files_below(directory, Path::new(""))? {
        let content = store::read_bounded(&directory.join(&name), limits::MAX_CRL_FILE)?;
        let content = zeroize::Zeroizing::new(content);
        files.push(packer.add(&name, &content)?.into());
    }
    let copy = staging.path().join(INVENTORY);
    inventory.copy_to(&copy)?;
    files.push(packer.add_file(INVENTORY, &copy)?.into());
    let (entries, head) = Inventory::open(&copy)?.log_end()?;
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        made_at: rfc3339(occasion.at),
        windlass: env!("CARGO_PKG_VERSION").to_owned(),
        log_entries: u64::try_from(entries).unwrap_or(0),
        log_head: hex::encode(head),
        files,
    };
    let manifest = serde_json::to_string_pretty(&manifest).map_err(|error| unfit(&copy, &error))?;
    packer.add(MANIFEST, manifest.as_bytes())?;
    Ok(packer.finish()?)
}

/// Takes a backup apart into an empty directory and judges everything in it: each
/// file by its hash, the inventory's pages and indexes, the log, and whether the
/// CA's certificates are those of the inventory.
pub(super) fn unpack(archive: &Path, directory: &Path) -> Result<Manifest, Error> {
    let (found, content) = store::unpack(archive, directory, (MANIFEST, limits::MAX_FILE))?;
    let content = content.ok_or_else(|| unfit(archive, &"it is not complete"))?;
    let manifest: Manifest =
        serde_json::from_slice(&content).map_err(|error| unfit(archive, &error))?;
    if manifest.format != FORMAT {
        return Err(unfit(archive, &"its format is not known"));
    }
    let found: Vec<ManifestFile> = found.into_iter().map(ManifestFile::from).collect();
    let differs = found
        .iter()
        .find(|file| !manifest.files.contains(file))
        .or_else(|| manifest.files.iter().find(|file| !found.contains(file)));
    if let Some(file) = differs {
        let reason = format!("{} is not as it was backed up", file.path);
        return Err(unfit(archive, &reason));
    }
    let judged = || -> Result<super::LogReport, Error> {
        let inventory = open_inventory(directory)?;
        let (root, issuing) = read_own_certificates(directory)?;
        check_known(directory, &inventory, [&root, &issuing])?;
        verify_log(directory, &inventory, LogWitness::default())
    };
    let report = judged().map_err(|source| Error::BackupUnfit {
        path: archive.to_owned(),
        reason: "what it holds is no whole CA".to_owned(),
        source: Some(Box::new(source)),
    })?;
    if let Some(fault) = report.faults.first() {
        return Err(unfit(archive, fault));
    }
    if hex::encode(report.head) != manifest.log_head {
        return Err(unfit(archive, &"its audit log is not the one it was"));
    }
    Ok(manifest)
}

fn unfit(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    Error::BackupUnfit {
        path: path.to_owned(),
        reason: reason.to_string(),
        source: None,
    }
}

/// The files below a CA's directory that are backed up, as paths in it: not the
/// inventory, which is copied otherwise, and nothing that is not finished.
fn files_below(directory: &Path, below: &Path) -> Result<Vec<String>, Error> {
    let path = directory.join(below);
    let unreadable = |source| store::Error::Io {
        path: path.clone(),
        action: store::Action::Read,
        source,
    };
    let mut names: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(unreadable)? {
        names.push(below.join(entry.map_err(unreadable)?.file_name()));
    }
    names.sort();
    let mut files = Vec::new();
    for name in names {
        let shown = name.to_string_lossy();
        let last = name.file_name().unwrap_or_default().to_string_lossy();
        if last.starts_with('.') || shown.starts_with(INVENTORY) {
            continue;
        }
        let metadata = match std::fs::metadata(directory.join(&name)) {
            // Somebody has tidied up meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            found => found.map_err(unreadable)?,
        };
        if metadata.is_dir() {
            files.extend(files_below(directory, &name)?);
        } else if metadata.is_file() {
            files.push(shown.into_owned());
        }
    }
    Ok(files)
}
