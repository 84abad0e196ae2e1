//! What a service is kept from. `systemd-analyze security` gives each unit an exposure
//! below 2.0, as root too, without anything that it does being in the way; 2.1 where it
//! keeps files of others:
//!
//! - as root it has no capability, and so the rights of the owner of root's files, unless
//!   it keeps or reads files of others;
//! - hooks such as `systemctl reload nginx` need AF_UNIX and the numbers of root alone.

use std::fmt::Write as _;
use std::path::Path;

use crate::installation::job::Job;
use crate::installation::name::GroupName;
use crate::installation::quote::{self, Unwritable};

use super::Reach;

/// What is denied to every service: by groups that the oldest systemd which knows
/// groups knows, or ignores.
const DENIED: &str =
    "@clock @cpu-emulation @debug @module @mount @obsolete @raw-io @reboot @resources @swap";

/// Those that keep nothing from a service that it may need.
const ALWAYS: &str = "\
UMask=0077
NoNewPrivileges=yes
ProtectSystem=strict
PrivateTmp=yes
PrivateMounts=yes
ProtectProc=invisible
ProtectHostname=yes
ProtectClock=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
";

/// The settings of a service (systemd.exec(5), "Sandboxing").
pub(super) fn lines(job: &Job, reach: &Reach) -> Result<String, Unwritable> {
    let mut text =
        "# What it is kept from; further directories to write to: --write-path.\n".to_owned();
    text.push_str(ALWAYS);
    text.push_str(&writable(reach)?);
    // A path there cannot even be read otherwise.
    let _ = writeln!(
        text,
        "ProtectHome={}",
        if reach.homes { "read-only" } else { "yes" }
    );
    text.push_str(&owners(job, reach)?);
    text.push_str(&devices(reach)?);
    if reach.programs {
        text.push_str(
            "# It runs other programs, of which some make code as they run. One that looks for\n\
             # processes of others (pkill, pidof) needs ProtectProc=default in a file beside it.\n",
        );
    } else {
        text.push_str("MemoryDenyWriteExecute=yes\nProcSubset=pid\n");
    }
    Ok(text)
}

/// Directories that are missing are no error of the unit: the program says which one it
/// misses.
fn writable(reach: &Reach) -> Result<String, Unwritable> {
    let mut text = String::new();
    if !reach.state.is_empty() {
        // Below /var/lib, from 235 on; what an older one does not make is to be made by
        // hand.
        let mut words = Vec::new();
        for one in &reach.state {
            let path = one.path.to_str().ok_or_else(|| Unwritable::NotText {
                path: one.path.clone(),
            })?;
            words.push(quote::systemd_setting(path)?);
        }
        let mode = match reach.state.iter().all(|one| one.mode == "0755") {
            true => "0755",
            false => "0700",
        };
        let _ = writeln!(
            text,
            "StateDirectory={}\nStateDirectoryMode={mode}",
            words.join(" ")
        );
    }
    for path in &reach.writable {
        let word = format!("-{}", quote::path(path)?);
        let _ = writeln!(text, "ReadWritePaths={}", quote::systemd_setting(&word)?);
    }
    Ok(text)
}

/// What it may do with owners of files. To give a file to a group of its own, nobody
/// needs a capability.
fn owners(job: &Job, reach: &Reach) -> Result<String, Unwritable> {
    let mut text = String::new();
    let capabilities = match (job.user.is_root(), reach.keeps_others, reach.reads_others) {
        (true, true, _) => "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER",
        (true, false, true) => "CAP_DAC_READ_SEARCH",
        _ => "",
    };
    let _ = writeln!(text, "CapabilityBoundingSet={capabilities}");
    if !reach.groups.is_empty() {
        let groups: Vec<&str> = reach.groups.iter().map(GroupName::as_str).collect();
        let _ = writeln!(text, "SupplementaryGroups={}", groups.join(" "));
    }
    let gives = reach.keeps_others || !reach.groups.is_empty();
    let privileged = if gives || reach.programs {
        ""
    } else {
        " @privileged"
    };
    let _ = writeln!(text, "SystemCallFilter=~{DENIED}{privileged}");
    Ok(text)
}

fn devices(reach: &Reach) -> Result<String, Unwritable> {
    if reach.devices.is_empty() {
        return Ok("PrivateDevices=yes\n".to_owned());
    }
    let mut text = "DevicePolicy=closed\n".to_owned();
    for device in &reach.devices {
        let _ = writeln!(text, "DeviceAllow={} rw", word(device)?);
    }
    Ok(text)
}

fn word(path: &Path) -> Result<String, Unwritable> {
    quote::systemd_setting(quote::path(path)?)
}
