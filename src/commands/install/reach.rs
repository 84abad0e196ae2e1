//! What a service needs of its host, from the options of its profiles.

use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::cli::{Command, InstallSystemd, Rotate, SessionArgs};
use crate::commands::{Context, Error, InstallationError};
use crate::installation::{GroupName, Reach, Service, StateDirectory, is_home, plain};
use crate::key::{KeySource, Source};
use crate::store::read_start;
use crate::text::printable;

use super::Asked;
use super::asked::absolute;
use super::named::Named;

/// Where systemd makes directories for services (`StateDirectory=`).
const STATE: &str = "/var/lib";

/// The devices of a TPM where none is named.
const TPM: [&str; 2] = ["/dev/tpmrm0", "/dev/tpm0"];

/// The place of identities that the documentation names.
const IDENTITIES: &str = "/var/lib/windlass";

/// The least that a run of all profiles is given.
const LEAST_DEADLINE: Duration = Duration::from_secs(900);

/// What it is given where nothing is known of the profiles.
const UNKNOWN_DEADLINE: Duration = Duration::from_secs(7200);

/// How long everything may take that has no deadline of its own in the options: waiting
/// for a lock, the session that is tried out, with its attempts.
const BESIDES: Duration = Duration::from_secs(300);

/// What it needs.
///
/// # Errors
///
/// A group that cannot be named in a unit.
pub(super) fn of(
    asked: &Asked,
    arguments: &InstallSystemd,
    context: &Context,
) -> Result<Reach, Error> {
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
            deadline += rotation(asked_for, asked, &mut reach)?;
        }
        if let Some((session, _)) = command.session() {
            of_session(session, asked, &mut reach, &mut read);
        }
    }
    let written = directories(asked, arguments, context);
    if let Some(wide) = written.iter().find(|path| is_systems(path)) {
        return Err(InstallationError::TooWide { path: wide.clone() }.into());
    }
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
    // The usual one is ssh, which finds its key and the hosts that it knows there.
    reach.homes |= asked.commands.iter().any(has_issuer);
    reach.state = state(asked);
    reach.writable = written.into_iter().filter(|path| is_known(path)).collect();
    for list in [&mut reach.writable, &mut reach.devices] {
        list.sort();
        list.dedup();
    }
    reach.groups.sort();
    reach.groups.dedup();
    Ok(reach)
}

fn has_issuer(command: &Command) -> bool {
    matches!(command, Command::Rotate(rotate) if rotate.rotation.issuer_command.is_some())
}

/// Directories of identities that systemd makes for the service: it sees only those
/// that are there when it starts, and can make none itself. systemd also gives them
/// their owner and mode each time, and so it is left away from those that others read.
fn state(asked: &Asked) -> Vec<StateDirectory> {
    let below = |path: &Path| {
        let path = absolute(&asked.environment.path(path));
        let rest = path.strip_prefix(STATE).ok()?.to_owned();
        let is_plain = rest
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        (is_plain && !rest.as_os_str().is_empty()).then_some(rest)
    };
    if asked.commands.is_empty() {
        let is_it = asked.job.service == Service::Rotate && asked.job.user.is_root();
        let usual = below(Path::new(IDENTITIES)).filter(|_| is_it);
        return usual.into_iter().map(StateDirectory::shared).collect();
    }
    let rotations = asked.commands.iter().filter_map(|command| match command {
        Command::Rotate(rotate) if rotate.rotation.group.is_none() => Some(rotate),
        _ => None,
    });
    let identities = rotations.filter_map(|rotate| rotate.session.identity.identity.as_deref());
    let is_own = |path: &Path| {
        let place = asked.on_disk(&absolute(&asked.environment.path(path)));
        match std::fs::symlink_metadata(place) {
            Ok(found) => {
                let is_private = found.is_dir() && found.mode() & 0o7777 == 0o700;
                is_private && Some(found.uid()) == asked.uid && Some(found.gid()) == asked.gid
            }
            Err(_) => true,
        }
    };
    let own = identities.filter(|path| is_own(path)).filter_map(below);
    own.map(StateDirectory::private).collect()
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

/// Whether it is a directory from which the system is started or changed, or that of all
/// services and users.
fn is_systems(path: &Path) -> bool {
    const SYSTEMS: [&str; 30] = [
        "/",
        "/bin",
        "/boot",
        "/dev",
        "/etc",
        "/etc/cron.d",
        "/etc/init.d",
        "/etc/pam.d",
        "/etc/profile.d",
        "/etc/ssh",
        "/etc/sudoers.d",
        "/etc/systemd",
        "/etc/systemd/system",
        "/home",
        "/lib",
        "/lib64",
        "/proc",
        "/root",
        "/run",
        "/sbin",
        "/sys",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/usr/local",
        "/usr/local/bin",
        "/usr/sbin",
        "/var",
        "/var/lib",
        "/var/run",
    ];
    let plain = plain(path);
    SYSTEMS.iter().any(|system| plain == Path::new(system))
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
        found.push(PathBuf::from(IDENTITIES));
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

/// What a rotation needs; and how long it may take. Which groups it gives files to its
/// profile says: the group of what is there may be one that opens more than a key.
fn rotation(rotate: &Rotate, asked: &Asked, reach: &mut Reach) -> Result<Duration, Error> {
    let rotation = &rotate.rotation;
    let hooks = rotation.before_hook.len() + rotation.after_hook.len();
    for (key, group) in [
        ("group", &rotation.group),
        ("file_group", &rotation.file_group),
    ] {
        if let Some(group) = group {
            reach.groups.push(group_word(key, group, asked)?);
        }
    }
    if let Some(owner) = &rotation.file_owner {
        reach.keeps_others |= asked
            .accounts
            .uid(owner)
            .is_none_or(|uid| Some(uid) != asked.uid);
    }
    let places = fixed(rotate).chain(&rotate.session.identity.identity);
    for path in places {
        let path = asked.environment.path(path);
        let above = path.parent().map(Path::to_owned);
        for path in [Some(path), above].into_iter().flatten() {
            reach.keeps_others |= is_others(&asked.on_disk(&path), asked.uid);
        }
    }
    let hooks = u32::try_from(hooks).unwrap_or(u32::MAX);
    let hooks = rotation.hook_timeout.saturating_mul(hooks);
    let issuer = rotation.issuer_timeout;
    Ok(hooks.saturating_add(issuer).saturating_add(BESIDES))
}

/// A group as a unit has it: a name with a blank, as directory services have, would be
/// two there.
fn group_word(key: &'static str, group: &str, asked: &Asked) -> Result<GroupName, Error> {
    if let Ok(name) = group.parse() {
        return Ok(name);
    }
    let number = asked.accounts.gid(group).map(|number| number.to_string());
    let no_name = || InstallationError::NoGroupName {
        key,
        group: group.to_owned(),
    };
    Ok(number
        .and_then(|number| number.parse().ok())
        .ok_or_else(no_name)?)
}

/// The group that a new file is given where nothing says it: root gives it to whom its
/// directory belongs.
fn given_group(path: &Path, asked: &Asked) -> u32 {
    const SETGID: u32 = 0o2000;
    let above = path
        .parent()
        .and_then(|above| std::fs::metadata(above).ok());
    let above = above.filter(|found| asked.job.user.is_root() && found.mode() & SETGID == 0);
    above.map_or(0, |found| found.gid())
}

/// Files that keep a group which the profile does not name, so that the service may not
/// be able to give it to new ones.
pub(super) fn group_warnings(asked: &Asked) -> Vec<String> {
    let mut found = Vec::new();
    for command in &asked.commands {
        let Command::Rotate(rotate) = command else {
            continue;
        };
        let rotation = &rotate.rotation;
        let identity = rotate.session.identity.identity.iter();
        let of_files = fixed(rotate).map(|path| (path, "file_group", &rotation.file_group));
        let of_identity = identity.map(|path| (path, "group", &rotation.group));
        for (path, key, named) in of_files.chain(of_identity) {
            let place = asked.on_disk(&asked.environment.path(path));
            let group = match std::fs::metadata(&place) {
                Ok(found) => found.gid(),
                Err(_) if key == "file_group" => given_group(&place, asked),
                Err(_) => 0,
            };
            let is_had = group == 0 || asked.accounts.is_member(&asked.job.user, group);
            if is_had || named.is_some() {
                continue;
            }
            let name = printable(&asked.accounts.group_name(group), 80);
            found.push(format!(
                "{} has the group '{name}', or would get it from its directory, and the service is not in it: say {key} = '{name}' in the profile if new files are to have it, or another group",
                path.display(),
            ));
        }
    }
    found
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
