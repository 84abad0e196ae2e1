//! `windlass install`: what is written is what systemd, cron, sh and logrotate
//! read, and nobody's files are taken away.

mod cron;
mod files;
mod logrotate;
mod said;
mod systemd;
mod sysv;

use std::path::PathBuf;
use std::process::Command;

use crate::harness::{Emulator, Sandbox, capture, program};

/// A config file for a service, with one profile for rotation and sessions.
fn with_profile(sandbox: &Sandbox, emulator: Option<&Emulator>, more: &str) -> PathBuf {
    let root = sandbox.root().display();
    let session = emulator.map_or_else(String::new, |emulator| {
        format!(
            "trust_anchor_arn = '{}'\nprofile_arn = '{}'\nrole_arn = '{}'\nendpoint = '{}'\n",
            emulator.trust_anchor_arn, emulator.profile_arn, emulator.role_arn, emulator.url
        )
    });
    let content = format!(
        "[profile.web]\nidentity = '{root}/web'\ncn = 'web-1'\nca_dir = '{root}/ca'\n\
         passphrase_file = '{root}/passphrase'\n{session}{more}"
    );
    sandbox.write("config.toml", content);
    sandbox.path("config.toml")
}

/// What a program that has to be there prints, both streams.
fn tool(name: &str, arguments: &[&str]) -> String {
    let run = capture(Command::new(name).args(arguments));
    assert_eq!(run.code, 0, "{name} {arguments:?}: {run:#?}");
    run.stdout + &run.stderr
}

/// Installs below `root` of the sandbox.
fn installed(sandbox: &Sandbox, arguments: &[&str]) {
    let own = ["--root", "root", "--program", program()];
    let before = arguments.iter().position(|word| *word == "--");
    let (options, behind) = arguments.split_at(before.unwrap_or(arguments.len()));
    let all = [&["install"], options, &own[..], behind].concat();
    sandbox.ok(&all);
}
