//! What the options of a command name: files and directories, and programs that are run.

use std::path::{Path, PathBuf};

use crate::cli::{Command, RotationArgs, SelectorArgument, SessionArgs, TypedPassphrase};
use crate::key::{KeySource, Source};
use crate::process::CommandLine;

/// What ends a path in a command line that a shell may be given as one word.
const ENDS: &[char] = &[
    ' ', '\t', '\n', '\'', '"', '=', ':', ',', ';', '(', ')', '|', '&', '<', '>',
];

/// What the options of a command name.
#[derive(Default)]
pub(super) struct Named {
    /// Files and directories as they are said: `~` may stand before them.
    pub(super) paths: Vec<PathBuf>,
    /// Whether programs are run, which nobody knows here.
    pub(super) programs: bool,
}

impl Named {
    /// By this command, with what a profile said behind it.
    pub(super) fn by(command: &Command) -> Self {
        let mut named = Self::default();
        if let Some((session, _)) = command.session() {
            named.session(session);
        }
        match command {
            Command::Rotate(asked) => named.rotation(&asked.rotation),
            Command::Serve(asked) => {
                named.files([&asked.unix_socket, &asked.token_file, &asked.ready_file]);
                if let Some(source) = &asked.authorization_token_from {
                    named.source(source);
                }
            }
            Command::Update(asked) => named.files([&asked.credentials_file]),
            _ => {}
        }
        named
    }

    fn session(&mut self, session: &SessionArgs) {
        let identity = &session.identity;
        self.files([
            &session.ca_bundle,
            &session.cache.cache_dir,
            &session.chain.session_policy,
            &session.config,
            &identity.certificate.pkcs11_lib,
            &identity.identity,
            &identity.key.tpm_device,
        ]);
        if let Some(SelectorArgument::File(path)) = &identity.certificate.cert_selector {
            self.paths.push(path.clone());
        }
        let sources = [
            &identity.certificate.certificate,
            &identity.key.private_key,
            &identity.intermediates,
        ];
        for source in sources.into_iter().flatten() {
            match source {
                KeySource::Material(source) => self.source(source),
                KeySource::Token(uri) => {
                    let uri = uri.as_ref().as_ref().ok();
                    let module = uri.and_then(|uri| uri.module_path().map(Path::to_owned));
                    self.paths.extend(module);
                    self.paths.extend(uri.and_then(|uri| uri.pin_file()));
                }
                KeySource::Tpm(_) => {}
            }
        }
        if let Some(TypedPassphrase::Source(source)) = identity.unlock.passphrase.source() {
            self.source(&source);
        }
        self.programs(&identity.key.signer_command);
    }

    fn rotation(&mut self, rotation: &RotationArgs) {
        self.files([
            &rotation.ca_dir,
            &rotation.cert_file,
            &rotation.chain_file,
            &rotation.fullchain_file,
            &rotation.key_file,
            &rotation.trust_anchor,
        ]);
        self.programs(&rotation.issuer_command);
        self.programs(rotation.before_hook.iter().chain(&rotation.after_hook));
    }

    fn source(&mut self, source: &Source) {
        match source {
            Source::Command(line) => self.programs([line]),
            Source::File(path) => self.paths.push(path.clone()),
            Source::Credential(_) | Source::Environment(_) | Source::Fd(_) | Source::Stdin => {}
        }
    }

    fn files<'a>(&mut self, files: impl IntoIterator<Item = &'a Option<PathBuf>>) {
        self.paths.extend(files.into_iter().flatten().cloned());
    }

    /// A program reads what it is told to: each part of its words that is a path is one.
    fn programs<'a>(&mut self, lines: impl IntoIterator<Item = &'a CommandLine>) {
        for line in lines {
            self.programs = true;
            let parts = line.words().flat_map(|word| word.split(ENDS));
            let paths = parts.filter(|part| part.starts_with(['/', '~']));
            self.paths.extend(paths.map(PathBuf::from));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;
    use crate::commands::invocation::Invocation;
    use crate::environment::Environment;

    fn named(words: &[&str]) -> Named {
        let all = ["windlass"].iter().chain(words).map(OsString::from);
        let parsed = Invocation::later(all).parse(&Environment::default());
        let command = parsed.ok().unwrap_or_else(|| panic!("{words:?}")).command;
        Named::by(&command)
    }

    /// A path that is forgotten here is one that the service cannot read.
    #[test]
    fn every_option_that_names_a_path_is_known() {
        let mut tried = 0;
        let definition = Cli::<Command>::command();
        for verb in ["rotate", "serve", "update"] {
            let definition = definition.find_subcommand(verb).unwrap();
            for argument in definition.get_arguments() {
                let value = argument.get_value_names().unwrap_or_default().first();
                let kinds = ["COMMAND", "DIR", "FILE", "PATH", "SELECTOR", "SOURCE"];
                let is_it = value.is_some_and(|value| kinds.contains(&value.as_str()));
                // The first is read at once; the others say how a run speaks, and are
                // options of the installation itself.
                let others = ["config", "log-file", "syslog"];
                let Some(long) = argument.get_long().filter(|long| !others.contains(long)) else {
                    continue;
                };
                if !is_it {
                    continue;
                }
                let path = match long {
                    "cert-selector" => "file:///home/a/b",
                    _ => "/home/a/b",
                };
                let named = named(&[verb, &format!("--{long}={path}")]);
                assert_eq!(named.paths, [Path::new("/home/a/b")], "{verb} --{long}");
                tried += 1;
            }
        }
        assert!(tried > 30, "{tried}");
    }

    #[test]
    fn programs_are_known_by_what_an_option_is() {
        for (option, programs, paths) in [
            ("--certificate=cmd:cat /srv/c", true, &["/srv/c"][..]),
            ("--signer-command=sh -c 'sign -k=~/k'", true, &["~/k"]),
            ("--passphrase-from=cmd:ask", true, &[]),
            ("--passphrase-file=/etc/p", false, &["/etc/p"]),
            ("--identity=/srv/xcmd:y", false, &["/srv/xcmd:y"]),
            ("--region=cmd:/home/x", false, &[]),
            (
                "--private-key=pkcs11:object=k?module-path=/opt/m.so&pin-source=file:/etc/pin",
                false,
                &["/opt/m.so", "/etc/pin"],
            ),
        ] {
            let named = named(&["serve", option]);
            let found: Vec<&str> = named
                .paths
                .iter()
                .filter_map(|path| path.to_str())
                .collect();
            assert_eq!((named.programs, &found[..]), (programs, paths), "{option}");
        }
    }
}
