//! What the options say of files at fixed paths, and who the users and groups are
//! that they name.

use std::path::{Path, PathBuf};

use crate::cli::{Origin, Rotate, RotationArgs};
use crate::commands::error::RotateError;
use crate::commands::{Context, Error};
use crate::limits;
use crate::store::{FixedFile, FixedFiles, UnsafeMode, check_trusted, read_bounded};

/// Adds a file at a fixed path.
type With = fn(FixedFiles, FixedFile) -> Result<FixedFiles, UnsafeMode>;

/// The files at fixed paths, if there are any.
pub(in crate::commands) fn fixed(
    arguments: &Rotate,
    context: &Context,
) -> Result<Option<FixedFiles>, Error> {
    let rotation = &arguments.rotation;
    let absolute = |path: &PathBuf| {
        let path = context.path(path);
        std::path::absolute(&path).unwrap_or(path)
    };
    if let Some(key) = rotation.key_file.as_ref().map(absolute) {
        // Whoever can make files there would get the key.
        let trusted = check_trusted(key.parent().unwrap_or_else(|| Path::new("/")));
        trusted.map_err(|error| Error::OfProfile {
            origin: arguments.session.origin("key_file"),
            source: Box::new(error.into()),
        })?;
    }
    let of_key = ("key_file_mode", rotation.key_file_mode);
    let of_others = ("cert_file_mode", rotation.cert_file_mode);
    let asked: [(&Option<PathBuf>, _, With); 4] = [
        (&rotation.key_file, of_key, FixedFiles::with_key),
        (&rotation.cert_file, of_others, FixedFiles::with_certificate),
        (&rotation.chain_file, of_others, FixedFiles::with_chain),
        (
            &rotation.fullchain_file,
            of_others,
            FixedFiles::with_fullchain,
        ),
    ];
    let like = FixedFile {
        uid: match &rotation.file_owner {
            Some(user) => Some(uid(user, arguments.session.origin("file_owner"))?),
            None => None,
        },
        gid: match &rotation.file_group {
            Some(group) => Some(gid(group, arguments.session.origin("file_group"))?),
            None => None,
        },
        context: rotation.file_context.clone(),
        ..FixedFile::new(PathBuf::new())
    };
    let mut files = None;
    for (path, (key, mode), with) in asked {
        if let Some(path) = path.as_ref().map(absolute) {
            let before = files.unwrap_or_default();
            let file = FixedFile {
                path,
                mode,
                ..like.clone()
            };
            let of_mode = |reason| RotateError::Mode {
                origin: arguments.session.origin(key),
                reason,
            };
            files = Some(with(before, file).map_err(of_mode)?);
        }
    }
    refuse_idle(rotation, arguments)?;
    Ok(files)
}

/// Refuses what is said of files of which none is asked for: whoever says it believes
/// that there is one.
fn refuse_idle(rotation: &RotationArgs, arguments: &Rotate) -> Result<(), Error> {
    let has_other = [
        &rotation.cert_file,
        &rotation.chain_file,
        &rotation.fullchain_file,
    ];
    let has_other = has_other.iter().any(|path| path.is_some());
    let has_key = rotation.key_file.is_some();
    let mode = |mode: Option<u32>| mode.map(|mode| format!("{mode:04o}"));
    let said = [
        ("key_file_mode", mode(rotation.key_file_mode), has_key),
        ("cert_file_mode", mode(rotation.cert_file_mode), has_other),
        (
            "file_owner",
            rotation.file_owner.clone(),
            has_key || has_other,
        ),
        (
            "file_group",
            rotation.file_group.clone(),
            has_key || has_other,
        ),
        (
            "file_context",
            rotation.file_context.clone(),
            has_key || has_other,
        ),
    ];
    match said
        .into_iter()
        .find(|(_, said, is_of_use)| said.is_some() && !is_of_use)
    {
        None => Ok(()),
        Some((key, value, _)) => Err(Error::Value {
            origin: arguments.session.origin(key),
            value,
            reason: match key {
                "key_file_mode" => "there is no --key-file".to_owned(),
                "cert_file_mode" => {
                    "there is no --cert-file, --chain-file or --fullchain-file".to_owned()
                }
                _ => "there is no file at a fixed path, as --key-file names one".to_owned(),
            },
        }),
    }
}

/// The number of a user who is named or numbered (passwd(5)).
fn uid(user: &str, origin: Origin) -> Result<u32, RotateError> {
    number_in("/etc/passwd", user).ok_or_else(|| RotateError::NoUser {
        origin,
        user: user.to_owned(),
    })
}

/// The number of a group that is named or numbered (group(5)).
pub(super) fn gid(group: &str, origin: Origin) -> Result<u32, RotateError> {
    number_in("/etc/group", group).ok_or_else(|| RotateError::NoGroup {
        origin,
        group: group.to_owned(),
    })
}

/// The number itself, or that which the file has third for the name.
fn number_in(file: &str, name: &str) -> Option<u32> {
    // The last one means that nothing is changed (chown(2)).
    if name.bytes().all(|octet| octet.is_ascii_digit())
        && let Some(number) = name.parse().ok().filter(|number| *number != u32::MAX)
    {
        return Some(number);
    }
    let content = read_bounded(Path::new(file), limits::MAX_FILE).unwrap_or_default();
    let text = String::from_utf8_lossy(&content);
    let mut lines = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
    lines.find_map(|fields| match fields.as_slice() {
        [found, _, number, ..] if *found == name => number.parse().ok(),
        _ => None,
    })
}
