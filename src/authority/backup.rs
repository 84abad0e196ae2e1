//! Backups: the whole CA in one file, made while it works, and read back before
//! it is called one.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::rfc3339;
use crate::limits;
use crate::store::{self, Archived, AuditEntry, Expected, Inventory, Packer, Staging};
use crate::text::printable;

use super::layout::{DEVICE, Found, is_file_of_ca};
use super::own_key::{has_key, look_at_key};
use super::{
    Action, AuthorityName, Error, Generations, INVENTORY, LogWitness, Occasion, Policy, Role,
    check_clock, open_inventory, read_inventory, verify_log,
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
    pub(super) files: Vec<ManifestFile>,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ManifestFile {
    pub(super) path: String,
    size: u64,
    pub(super) sha256: String,
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
    /// What is in the CA's directory and not in the backup: no file of a CA.
    pub left_out: Vec<String>,
    /// Keys that are in it, or should be, and of no use, and why.
    pub unusable_keys: Vec<(AuthorityName, Error)>,
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
/// file `out`: its inventory as it is at one moment, and its other files. Keys
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
    let left_out = pack(&staging, directory, &inventory, occasion)?;
    let archive = staging.path().join(ARCHIVE);
    staging.create_directory("check")?;
    let manifest =
        unpack(&archive, &staging.path().join("check")).map_err(|error| of_target(error, out))?;
    let size = std::fs::metadata(&archive).map_or(0, |metadata| metadata.len());
    staging.publish_file(ARCHIVE)?;
    let detail = json!({
        "file": out.display().to_string(),
        "logEntries": manifest.log_entries,
        "logHead": manifest.log_head,
    });
    // It is there: that the note of it failed must not look as if it were not.
    let note_backup = || -> Result<(), Error> {
        let mut writer = inventory.write()?;
        occasion.log(&mut writer, Action::Backup, None, &detail)?;
        Ok(writer.commit()?)
    };
    Ok(BackupReport {
        unrecorded: note_backup().err(),
        unusable_keys: unusable_keys(directory, &inventory)?,
        files: manifest.files.into_iter().map(|file| file.path).collect(),
        left_out,
        size,
        log_entries: manifest.log_entries,
        log_head: manifest.log_head,
    })
}

/// Names the backup as the user does: until it is found whole it has another name.
fn of_target(error: Error, out: &Path) -> Error {
    match error {
        Error::BackupUnfit { reason, source, .. } => Error::BackupUnfit {
            path: out.to_owned(),
            reason,
            source,
        },
        other => other,
    }
}

/// The keys with which nothing could be signed after the backup was restored. What
/// is encrypted cannot be compared with its certificate.
fn unusable_keys(
    directory: &Path,
    inventory: &Inventory,
) -> Result<Vec<(AuthorityName, Error)>, Error> {
    let generations = Generations::read(directory, inventory)?;
    let own = generations.authorities().into_iter().map(|one| one.name);
    // A root's may be elsewhere.
    let here = own.filter(|name| name.role() == Role::Issuing || has_key(directory, *name));
    let looked = here.map(|name| (name, look_at_key(directory, name)));
    Ok(looked
        .filter_map(|(name, looked)| Some((name, looked.err()?)))
        .collect())
}

/// Writes the archive. The files come before the inventory: what a file says is
/// in the inventory before the file is there, so the inventory then knows of all
/// of them.
fn pack(
    staging: &Staging,
    directory: &Path,
    inventory: &Inventory,
    occasion: &Occasion<'_>,
) -> Result<Vec<String>, Error> {
    let time = u64::try_from(occasion.at.timestamp()).unwrap_or(0);
    let mut packer = Packer::begin(staging, ARCHIVE, time)?;
    let mut files = Vec::new();
    let found = Found::below(directory)?;
    for name in found.files {
        let path = directory.join(&name);
        let (content, _) = match store::read_with_metadata(&path, limits::MAX_CRL_FILE) {
            // Somebody has tidied up meanwhile.
            Err(error) if error.is_not_found() => continue,
            read => read?,
        };
        let content = zeroize::Zeroizing::new(content);
        files.push(packer.add(&name, &content)?.into());
    }
    note(inventory, &files, occasion)?;
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
    packer.finish()?;
    Ok(found.others)
}

/// Takes a backup apart into an empty directory and judges everything in it: each
/// file by its hash, the inventory's pages and indexes, the log, and whether the
/// CA's certificates are those of the inventory.
pub(super) fn unpack(archive: &Path, directory: &Path) -> Result<Manifest, Error> {
    let limit_of = |name: &str| match name {
        MANIFEST => Some(limits::MAX_FILE),
        INVENTORY => Some(u64::MAX),
        name => is_file_of_ca(name).then_some(limits::MAX_CRL_FILE),
    };
    let expected = Expected {
        last: MANIFEST,
        limit_of: &limit_of,
    };
    let (found, content) = store::unpack(archive, directory, &expected)?;
    let content = content.ok_or_else(|| unfit(archive, &"it is not complete"))?;
    let manifest: Manifest =
        serde_json::from_slice(&content).map_err(|error| unfit(archive, &error))?;
    if chrono::DateTime::parse_from_rfc3339(&manifest.made_at).is_err() {
        return Err(unfit(archive, &"the time at which it was made is none"));
    }
    if manifest.format != FORMAT {
        return Err(unfit(archive, &"its format is not known"));
    }
    let found: Vec<ManifestFile> = found.into_iter().map(ManifestFile::from).collect();
    let differs = found
        .iter()
        .find(|file| !manifest.files.contains(file))
        .or_else(|| manifest.files.iter().find(|file| !found.contains(file)));
    if let Some(file) = differs {
        let reason = format!("{} is not as it was backed up", printable(&file.path, 80));
        return Err(unfit(archive, &reason));
    }
    let judged = || -> Result<super::LogReport, Error> {
        let inventory = read_inventory(directory)?;
        Generations::read(directory, &inventory)?;
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
    let packed = deciding(
        found
            .iter()
            .map(|file| (file.path.as_str(), file.sha256.as_str())),
    );
    if let Some(noted) = noted(&Inventory::open(&directory.join(INVENTORY))?)? {
        let names = packed.keys().chain(noted.keys());
        let other = names
            .into_iter()
            .find(|name| packed.get(*name) != noted.get(*name));
        if let Some(name) = other {
            let reason = format!("{name} is not the one of which the audit log tells");
            return Err(unfit(archive, &reason));
        }
    }
    if hex::encode(report.head) != manifest.log_head {
        return Err(unfit(archive, &"its audit log is not the one it was"));
    }
    Ok(manifest)
}

fn unfit(path: &Path, reason: &dyn std::fmt::Display) -> Error {
    Error::BackupUnfit {
        path: path.to_owned(),
        reason: printable(&reason.to_string(), 300),
        source: None,
    }
}

/// The files that decide what is issued and what is loaded to reach a key, with
/// the SHA-256 of each.
pub(super) fn deciding<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<String, String> {
    files
        .into_iter()
        .filter(|(name, _)| *name == Policy::FILE || is_device(name))
        .map(|(name, digest)| (name.to_owned(), digest.to_owned()))
        .collect()
}

fn is_device(name: &str) -> bool {
    name.split_once('/').is_some_and(|(_, file)| file == DEVICE)
}

/// What the log says that these files are; `None` when it never said.
pub(super) fn noted(inventory: &Inventory) -> Result<Option<BTreeMap<String, String>>, Error> {
    let Some(entry) = inventory.last_of(AuditEntry::NOTE_FILES)? else {
        return Ok(None);
    };
    let files = entry.facts().get("files").cloned().unwrap_or_default();
    Ok(serde_json::from_value(files).ok())
}

/// Puts into the log which these files are, when it does not say so yet: then
/// whoever changes one in the backup is found out when it is restored.
fn note(
    inventory: &Inventory,
    files: &[ManifestFile],
    occasion: &Occasion<'_>,
) -> Result<(), Error> {
    let files = deciding(
        files
            .iter()
            .map(|file| (file.path.as_str(), file.sha256.as_str())),
    );
    // That there are none is noted too: one that somebody adds is another.
    if noted(inventory)?.as_ref() == Some(&files) {
        return Ok(());
    }
    let mut writer = inventory.write()?;
    occasion.log(
        &mut writer,
        Action::NoteFiles,
        None,
        &json!({ "files": files }),
    )?;
    Ok(writer.commit()?)
}
