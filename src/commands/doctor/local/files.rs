//! The files that the options name: whether they are there, and who may read
//! them.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::case::Case;
use super::super::finding::{Finding, Standing};
use crate::commands::configure::Named;

const ID: &str = "files";

/// The options that name files which have to be there.
const OPTIONS: [&str; 9] = [
    "ca_bundle",
    "cert_selector",
    "certificate",
    "intermediates",
    "passphrase_file",
    "passphrase_from",
    "pkcs11_lib",
    "private_key",
    "session_policy",
];

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut well = Vec::new();
    for (key, value, origin) in case.settings() {
        if !OPTIONS.contains(&key) {
            continue;
        }
        let Named::File(path) = Named::by(key, value) else {
            continue;
        };
        let path = case.context.path(&path);
        match look(&path) {
            Ok(metadata) => match exposed(key, &path, &metadata) {
                Some(finding) => findings.push(finding.shows(origin, shown(&path, &metadata))),
                None => well.push((origin.to_owned(), shown(&path, &metadata))),
            },
            Err(finding) => findings.push(finding.shows(origin, path.display().to_string())),
        }
    }
    if findings.is_empty() && !well.is_empty() {
        let what = "every file that is named is there and can be read";
        findings.push(Finding::new(ID, Standing::Well, what).shows_all(well));
    }
    findings
}

/// Opens the file, since modes are not the whole truth; a pipe is left alone.
fn look(path: &Path) -> Result<Metadata, Finding> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        let what = format!("{} is a directory, and a file is wanted", path.display());
        let finding = Finding::new(ID, Standing::Certain, what);
        return Err(finding.next(format!("ls -l {}", quoted(path))));
    }
    if metadata.is_file() {
        std::fs::File::open(path).map_err(|error| unreadable(path, &error))?;
    }
    Ok(metadata)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Finding {
    let shown = path.display();
    let user = rustix::process::geteuid().as_raw();
    match error.kind() {
        ErrorKind::NotFound => {
            let stop = first_missing(path);
            let what = match stop.as_path() == path {
                true => format!("{shown} does not exist"),
                false => format!("{shown} does not exist: there is no {}", stop.display()),
            };
            let relative = path.is_relative().then(|| {
                "write an absolute path: SDKs run windlass in whatever directory they are in"
                    .to_owned()
            });
            let above = stop.parent().filter(|above| !above.as_os_str().is_empty());
            Finding::new(ID, Standing::Certain, what)
                .next_if(relative)
                .next(format!(
                    "ls -l {}",
                    quoted(above.unwrap_or_else(|| Path::new(".")))
                ))
        }
        ErrorKind::PermissionDenied => {
            let closed = first_closed(path);
            let what = format!(
                "this user (uid {user}) may not read {shown}: {}",
                closed.map_or_else(
                    || "its mode does not allow it".to_owned(),
                    |directory| format!("{} may not be entered", directory.display())
                )
            );
            Finding::new(ID, Standing::Certain, what)
                .next(format!(
                    "run it as the file's owner: ls -l {}",
                    quoted(path)
                ))
                .next(format!("sudo chown {user} {}", quoted(path)))
        }
        _ => {
            let what = format!("{shown} cannot be read: {error}");
            Finding::new(ID, Standing::Certain, what).next(format!("stat {}", quoted(path)))
        }
    }
}

/// What of a path is missing first.
fn first_missing(path: &Path) -> PathBuf {
    let above = path
        .ancestors()
        .filter(|above| !above.as_os_str().is_empty());
    let missing = above.take_while(|above| !above.exists());
    missing.last().unwrap_or(path).to_owned()
}

/// The first directory on the way that may not be searched.
fn first_closed(path: &Path) -> Option<PathBuf> {
    let mut above: Vec<&Path> = path.ancestors().skip(1).collect();
    above.reverse();
    let enter = |directory: &&Path| {
        let inside = directory.join(".");
        let found = std::fs::metadata(inside);
        found.is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    above
        .into_iter()
        .filter(|directory| !directory.as_os_str().is_empty())
        .find(enter)
        .map(Path::to_owned)
}

/// Whether others may read a passphrase. A key of which that is so is refused when
/// it is opened.
fn exposed(key: &str, path: &Path, metadata: &Metadata) -> Option<Finding> {
    let is_secret = ["passphrase_file", "passphrase_from"].contains(&key);
    let mode = metadata.mode() & 0o7777;
    if !is_secret || mode & 0o077 == 0 || !metadata.is_file() {
        return None;
    }
    let what = format!(
        "others may read {}, which is secret (mode {mode:04o})",
        path.display()
    );
    let finding = Finding::new(ID, Standing::Warning, what);
    Some(finding.next(format!("chmod 600 {}", quoted(path))))
}

fn shown(path: &Path, metadata: &Metadata) -> String {
    format!(
        "{}, mode {:04o}, owner {}",
        path.display(),
        metadata.mode() & 0o7777,
        metadata.uid()
    )
}

fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    shlex::try_quote(&text).map_or_else(|_| text.clone(), |quoted| quoted.into_owned())
}
