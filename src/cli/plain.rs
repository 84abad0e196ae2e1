//! The plain form of the verb that SDKs call, read without the parser.

use std::ffi::OsString;
use std::str::FromStr;

use crate::rolesanywhere::SessionDuration;

use super::{CredentialProcess, ProfileArgs, SessionArgs};

impl CredentialProcess {
    /// Reads what follows the verb in the form that stands in AWS config files:
    /// certificate, or managed identity, and ARNs, each option once and with a value that is none
    /// itself. `None` for everything else, also for what is wrong: that is the
    /// parser's. Where this gives a value, the parser gives the same.
    ///
    /// SDKs start the program for every session, and most of what such a run
    /// costs before the first file is opened is making the definition of some
    /// fifty options of which it uses six.
    #[must_use]
    pub fn plain(arguments: &[OsString]) -> Option<Self> {
        let mut session = SessionArgs::default();
        let mut duration: Option<SessionDuration> = None;
        let mut rest = arguments.iter().map(|argument| argument.to_str());
        while let Some(argument) = rest.next() {
            let option = argument?.strip_prefix("--")?;
            if let Some(switch) = switch(&mut session, option) {
                if std::mem::replace(switch, true) {
                    return None;
                }
                continue;
            }
            let (name, value) = match option.split_once('=') {
                Some(both) => both,
                None => (option, rest.next()??),
            };
            if value.is_empty() || value.starts_with('-') {
                return None;
            }
            match name {
                "ca-bundle" => once(&mut session.ca_bundle, value),
                "cache-dir" => once(&mut session.cache.cache_dir, value),
                "certificate" => once(&mut session.identity.certificate.certificate, value),
                "endpoint" => once(&mut session.endpoint, value),
                "identity" => once(&mut session.identity.identity, value),
                "intermediates" => once(&mut session.identity.intermediates, value),
                "private-key" => once(&mut session.identity.key.private_key, value),
                "profile-arn" => once(&mut session.profile_arn, value),
                "region" => once(&mut session.region, value),
                "role-arn" => once(&mut session.role_arn, value),
                "role-session-name" => once(&mut session.role_session_name, value),
                "session-duration" => once(&mut duration, value),
                "trust-anchor-arn" => once(&mut session.trust_anchor_arn, value),
                _ => None,
            }?;
        }
        session.session_duration = duration.unwrap_or_default();
        // Without an ARN the session may come from the profile `default`.
        let identity = &session.identity;
        let is_identity = match &identity.identity {
            None => identity.certificate.certificate.is_some(),
            // Beside it these are a mistake.
            Some(_) => {
                identity.certificate.certificate.is_none()
                    && identity.key.private_key.is_none()
                    && identity.intermediates.is_none()
            }
        };
        let is_complete = is_identity
            && session.trust_anchor_arn.is_some()
            && session.profile_arn.is_some()
            && session.role_arn.is_some();
        is_complete.then(|| Self {
            profile: ProfileArgs::default(),
            session,
        })
    }
}

/// The options without a value that stand in such lines.
fn switch<'a>(session: &'a mut SessionArgs, option: &str) -> Option<&'a mut bool> {
    match option {
        "no-cache" => Some(&mut session.no_cache),
        "with-proxy" => Some(&mut session.with_proxy),
        _ => None,
    }
}

fn once<T: FromStr>(place: &mut Option<T>, value: &str) -> Option<()> {
    if place.is_some() {
        return None;
    }
    *place = Some(value.parse().ok()?);
    Some(())
}

#[cfg(test)]
mod tests {
    use clap::{Args, CommandFactory, Parser};
    use proptest::prelude::*;

    use super::*;
    use crate::cli::{Cli, HotCommand, Reporting};

    const ANCHOR: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/a";
    const PROFILE: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:profile/b";
    const ROLE: &str = "arn:aws:iam::123456789012:role/c";

    /// What has to be there.
    const COMPLETE: [&str; 8] = [
        "--certificate",
        "web-1/fullchain.pem",
        "--trust-anchor-arn",
        ANCHOR,
        "--profile-arn",
        PROFILE,
        "--role-arn",
        ROLE,
    ];

    fn plain(arguments: &[&str]) -> Option<String> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        CredentialProcess::plain(&arguments).map(|asked| format!("{asked:?}"))
    }

    /// The same with a managed identity.
    fn managed() -> Vec<&'static str> {
        let mut line = COMPLETE.to_vec();
        line.splice(..2, ["--identity", "identities/web"]);
        line
    }

    /// The same arguments, read by the parser.
    fn parsed(arguments: &[&str]) -> Option<String> {
        let line = ["windlass", HotCommand::NAME].iter().chain(arguments);
        let cli = Cli::<HotCommand>::try_parse_from(line).ok()?;
        let HotCommand::CredentialProcess(asked) = cli.command;
        let reporting = format!("{:?}", cli.reporting);
        (reporting == format!("{:?}", Reporting::default())).then(|| format!("{asked:?}"))
    }

    #[test]
    fn what_stands_in_config_files_is_plain() {
        let all = [
            "--private-key",
            "web-1/key.pem",
            "--intermediates=cmd:cat chain.pem",
            "--session-duration",
            "900",
            "--role-session-name=web",
            "--region",
            "us-east-1",
            "--endpoint",
            "http://127.0.0.1:9910/?a=b",
            "--ca-bundle",
            "root.pem",
            "--cache-dir",
            "~/cache",
            "--with-proxy",
            "--no-cache",
        ];
        for more in [&[][..], &all] {
            let line = [&COMPLETE, more].concat();
            assert!(plain(&line).is_some(), "{line:?}");
            assert_eq!(plain(&line), parsed(&line));
        }
        // That needs neither key nor chain.
        let line = [&managed(), &all[3..]].concat();
        assert!(plain(&line).is_some(), "{line:?}");
        assert_eq!(plain(&line), parsed(&line));
    }

    #[test]
    fn everything_else_is_left_to_the_parser() {
        for more in [
            &["--verbose"][..],
            &["--help"],
            &["--region"],
            &["--region", ""],
            &["--region="],
            &["--region", "-"],
            &["--region", "--no-cache"],
            &["--region", "a", "--region=a"],
            &["--no-cache", "--no-cache"],
            &["--no-cache=true"],
            &["--session-duration", "1"],
            &["--profile", "web"],
            &["--"],
            &["stray"],
        ] {
            assert_eq!(plain(&[&COMPLETE, more].concat()), None, "{more:?}");
        }
        for more in [
            ["--certificate", "web-1/cert.pem"],
            ["--private-key", "web-1/key.pem"],
            ["--intermediates", "web-1/chain.pem"],
            ["--identity", "identities/api"],
        ] {
            let line = [&managed()[..], &more].concat();
            assert_eq!((plain(&line), parsed(&line)), (None, None), "{more:?}");
        }
        for missing in [0, 2, 4, 6] {
            let mut line = COMPLETE.to_vec();
            line.drain(missing..missing + 2);
            assert_eq!(plain(&line), None, "{line:?}");
        }
    }

    /// The caller looks whether one of them is set, and has no other names.
    #[test]
    fn every_variable_of_an_option_begins_with_the_name_of_the_program() {
        let definition = Cli::<HotCommand>::command();
        let definition = CredentialProcess::augment_args(definition);
        let variables: Vec<&str> = definition
            .get_arguments()
            .filter_map(|argument| argument.get_env()?.to_str())
            .collect();
        assert!(variables.len() > 10);
        for variable in variables {
            assert!(variable.starts_with("WINDLASS_"), "{variable}");
        }
    }

    proptest! {
        #[test]
        fn what_is_plain_means_the_same_to_the_parser(
            more in proptest::collection::vec(piece(), 0..5),
            at in 0..5_usize,
            is_managed: bool,
        ) {
            let mut line: Vec<&str> = if is_managed { managed() } else { COMPLETE.to_vec() };
            let more: Vec<&str> = more.iter().flatten().map(String::as_str).collect();
            line.splice(2 * at..2 * at, more);
            if let Some(asked) = plain(&line) {
                prop_assert_eq!(Some(asked), parsed(&line));
            }
        }
    }

    /// Any option of the verb or the like, with or without a value.
    fn piece() -> impl Strategy<Value = Vec<String>> {
        let definition = CredentialProcess::augment_args(Cli::<HotCommand>::command());
        let options: Vec<String> = definition
            .get_arguments()
            .filter_map(|argument| Some(format!("--{}", argument.get_long()?)))
            .chain(["--".to_owned(), "--cert".to_owned(), "stray".to_owned()])
            .collect();
        let values = [
            "",
            "-",
            "--",
            "-v",
            "=",
            "a=b",
            "900",
            "+900",
            " 900",
            "web",
            "env:KEY",
            "~/a b",
            "é",
            "handle:0x81000001",
            "pkcs11:token=a",
            "http://127.0.0.1:1",
            ANCHOR,
            PROFILE,
            ROLE,
        ];
        (
            proptest::sample::select(options),
            proptest::sample::select(values.to_vec()),
            0..4_u8,
        )
            .prop_map(|(option, value, form)| match form {
                0 => vec![option],
                1 => vec![format!("{option}={value}")],
                _ => vec![option, value.to_owned()],
            })
    }
}
