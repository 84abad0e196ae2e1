//! What a service needs of its host, from the options of its profiles.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::{Command, InstallSystemd, Rotate, SessionArgs};
use crate::commands::Context;
use crate::environment::user_name;
use crate::installation::{Reach, Service, is_home};
use crate::key::{KeySource, Source};
use crate::limits;
use crate::store::{read_bounded, read_start};

use super::Asked;
use super::named::Named;

/// The devices of a TPM where none is named.
const TPM: [&str; 2] = ["/dev/tpmrm0", "/dev/tpm0"];

/// The least that a run of all profiles is given.
const LEAST_DEADLINE: Duration = Duration::from_secs(900);

/// What it is given where nothing is known of the profiles.
const UNKNOWN_DEADLINE: Duration = Duration::from_secs(7200);

/// How long everything may take that has no deadline of its own in the options: waiting
/// for a lock, the session that is tried out, with its attempts.
const BESIDES: Duration = Duration::from_secs(300);

/// What it needs.
pub(super) fn of(asked: &Asked, arguments: &InstallSystemd, context: &Context) -> Reach {
    let commands = asked.commands.iter();
    // Of profiles that are not there yet nobody knows more than the options.
    let typed = asked.typed.iter().filter(|_| asked.commands.is_empty());
    let named: Vec<Named> = commands.chain(typed).map(Named::by).collect();
    let mut reach = Reach {
        devices: arguments.device.clone(),
        programs: asked.commands.is_empty() || named.iter().any(|named| named.programs),
        ..Reach::default()
    };
    let mut read = Vec::new();
    let mut deadline = Duration::ZERO;
    for command in &asked.commands {
        if let Command::Rotate(asked_for) = command {
            deadline += rotation(asked_for, asked, &mut reach);
        }
        if let Some((session, _)) = command.session() {
            of_session(session, asked, &mut reach, &mut read);
        }
    }
    let written = directories(asked, arguments, context);
    reach.deadline = match asked.commands.is_empty() {
        true => UNKNOWN_DEADLINE,
        false => deadline.max(LEAST_DEADLINE),
    };
    reach.reads_others = read
        .iter()
        .any(|path| is_others(&asked.on_disk(path), asked.uid));
    let paths = named.iter().flat_map(|named| &named.paths);
    reach.homes = paths
        .chain(&written)
        .chain(&asked.configs)
        .chain([&asked.job.program])
        .any(|path| is_home(&asked.environment.path(path)));
    reach.writable = written.into_iter().filter(|path| is_known(path)).collect();
    for list in [&mut reach.writable, &mut reach.devices] {
        list.sort();
        list.dedup();
    }
    reach.groups.sort();
    reach.groups.dedup();
    reach
}

/// Directories that it is to write in, and that are not there.
pub(super) fn missing(
    asked: &Asked,
    arguments: &InstallSystemd,
    context: &Context,
) -> Vec<PathBuf> {
    let mut missing = directories(asked, arguments, context);
    missing.retain(|path| is_known(path) && !asked.on_disk(path).exists());
    missing.sort();
    missing.dedup();
    missing
}

/// Whether the place is known: `~` is left where nothing is known of the user.
fn is_known(path: &Path) -> bool {
    !path.starts_with("~")
}

/// Directories in which it writes.
fn directories(asked: &Asked, arguments: &InstallSystemd, context: &Context) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = arguments
        .write_path
        .iter()
        .map(|path| context.path(path))
        .collect();
    let mut files: Vec<PathBuf> = asked.job.log_file.iter().cloned().collect();
    if asked.commands.is_empty() && asked.job.service == Service::Rotate {
        // The place of identities that the documentation names.
        found.push(PathBuf::from("/var/lib/windlass"));
    }
    for command in &asked.commands {
        match command {
            Command::Rotate(rotate) => {
                let rotation = &rotate.rotation;
                found.extend(rotate.session.identity.identity.clone());
                found.extend(rotation.ca_dir.clone());
                files.extend(fixed(rotate).cloned());
            }
            Command::Serve(serve) => {
                let made = [&serve.token_file, &serve.ready_file, &serve.unix_socket];
                files.extend(made.into_iter().flatten().cloned());
            }
            Command::Update(update) => {
                let usual = || PathBuf::from("~/.aws/credentials");
                files.push(update.credentials_file.clone().unwrap_or_else(usual));
            }
            _ => {}
        }
        if let Some((session, _)) = command.session() {
            found.extend(session.cache.cache_dir.clone());
        }
    }
    let place = |path: &Path| absolute(&asked.environment.path(path));
    let mut all: Vec<PathBuf> = found.iter().map(|path| place(path)).collect();
    for file in files.iter().map(|path| place(path)) {
        // A new file takes the place of the old one, where a link leads to.
        let real = std::fs::canonicalize(asked.on_disk(&file)).ok();
        let real = real.filter(|_| asked.is_this_host());
        let above = [Some(file), real].into_iter().flatten();
        all.extend(above.filter_map(|path| Some(path.parent()?.to_owned())));
    }
    // systemd makes that one.
    let runtime = Path::new("/run").join(asked.job.name.as_str());
    all.retain(|path| *path != runtime);
    all
}

fn absolute(path: &Path) -> PathBuf {
    if path.starts_with("~") {
        return path.to_owned();
    }
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The files at fixed paths.
fn fixed(rotate: &Rotate) -> impl Iterator<Item = &PathBuf> {
    let rotation = &rotate.rotation;
    [
        &rotation.key_file,
        &rotation.cert_file,
        &rotation.chain_file,
        &rotation.fullchain_file,
    ]
    .into_iter()
    .flatten()
}

/// What a rotation needs; and how long it may take.
fn rotation(rotate: &Rotate, asked: &Asked, reach: &mut Reach) -> Duration {
    let rotation = &rotate.rotation;
    let hooks = rotation.before_hook.len() + rotation.after_hook.len();
    reach.groups.extend(rotation.group.clone());
    let places = fixed(rotate).chain(&rotate.session.identity.identity);
    for path in places {
        let path = asked.environment.path(path);
        let above = path.parent().map(Path::to_owned);
        for path in [Some(path), above].into_iter().flatten() {
            let path = asked.on_disk(&path);
            reach.keeps_others |= is_others(&path, asked.uid);
            let group = std::fs::metadata(&path).map_or(0, |metadata| metadata.gid());
            if group != 0 {
                reach.groups.push(group_name(group, asked));
            }
        }
    }
    let hooks = u32::try_from(hooks).unwrap_or(u32::MAX);
    let hooks = rotation.hook_timeout.saturating_mul(hooks);
    let issuer = rotation.issuer_timeout;
    hooks.saturating_add(issuer).saturating_add(BESIDES)
}

fn group_name(group: u32, asked: &Asked) -> String {
    let place = asked.on_disk(Path::new("/etc/group"));
    let groups = read_bounded(&place, limits::MAX_FILE).unwrap_or_default();
    // Name and number stand in the same fields as in passwd(5).
    user_name(&groups, group).unwrap_or_else(|| group.to_string())
}

/// Whether something that is there belongs to somebody else.
fn is_others(path: &Path, user: Option<u32>) -> bool {
    let owner = std::fs::metadata(path).map(|metadata| metadata.uid());
    owner.is_ok_and(|owner| user.is_some_and(|user| owner != user))
}

/// What getting a session needs.
fn of_session(session: &SessionArgs, asked: &Asked, reach: &mut Reach, read: &mut Vec<PathBuf>) {
    let identity = &session.identity;
    let place = |path: &Path| asked.environment.path(path);
    let named = identity.key.tpm_device.as_ref();
    let named = named.filter(|device| device.is_absolute());
    let mut is_tpm = named.is_some();
    reach.devices.extend(named.cloned());
    let sources = [
        &identity.certificate.certificate,
        &identity.key.private_key,
        &identity.intermediates,
    ];
    for source in sources.into_iter().flatten() {
        match source {
            KeySource::Tpm(_) => is_tpm = true,
            KeySource::Material(Source::File(path)) => {
                let path = place(path);
                let start = read_start(&asked.on_disk(&path), 200).unwrap_or_default();
                is_tpm |= start.windows(4).any(|word| word == b"TSS2");
                read.push(path);
            }
            KeySource::Material(_) | KeySource::Token(_) => {}
        }
    }
    if is_tpm && named.is_none() {
        reach.devices.extend(TPM.map(PathBuf::from));
    }
    read.extend(session.ca_bundle.as_deref().map(place));
    read.extend(identity.identity.as_deref().map(place));
}
