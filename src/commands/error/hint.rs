//! What to try next after each error. The hints of what a room below says stand
//! in the files beside this one.

use crate::rolesanywhere::ProxyUrlError;

use super::Error;
use super::authority::hint_authority;
use super::configure::hint_configure;
use super::doctor::hint_doctor;
use super::emulator_error::{hint_server, hint_state, hint_world, hint_world_file};
use super::endpoint::hint_endpoint;
use super::exchange_error::hint_exchange;
use super::identity::hint_identity;
use super::key_error::hint_key;
use super::pki_error::hint_pki;
use super::profile::{hint_config, hint_missing, no_profile};
use super::serve::hint_serve;
use super::shared_file::{hint_credentials_file, hint_refusal};
use super::store_error::hint_store;

impl Error {
    /// What to try next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let fixed = |text: &str| Some(text.to_owned());
        match self {
            Self::AnchorAlias { .. } => {
                fixed("give the trust anchor's ARN, which ends in trust-anchor/ID")
            }
            Self::Authority(error) => hint_authority(error),
            Self::Batch(failed) => Some(failed.hint()),
            Self::Chain(_) => None,
            Self::ChainedTooLong { .. } => fixed(
                "ask for 3600 s or less (--session-duration); what the role allows by itself does not matter",
            ),
            Self::Config { problem, .. } => hint_config(problem),
            Self::ConfigExposed { path, mode, .. } => {
                let remedy = match mode & 0o022 {
                    0 => "chown root",
                    _ => "chmod go-w",
                };
                Some(format!(
                    "it may name programs to run, so only root or the user who runs this may own and write it: {remedy} {}",
                    path.display()
                ))
            }
            Self::Configure(error) => Some(hint_configure(error)),
            Self::Conflict { .. } => fixed(
                "AWS's files were not changed; remove them, name another --profile, or give --force",
            ),
            Self::CredentialsFile { reason, .. } => hint_credentials_file(reason),
            Self::Daemon(_) => None,
            Self::Doctor(error) => Some(hint_doctor(error)),
            Self::Elsewhere(failure) => failure.hint.clone(),
            Self::Ended { .. }
            | Self::NotText
            | Self::Stdout(_)
            | Self::TlsSetup(_)
            | Self::Verdict(_) => None,
            Self::Unread(error) => error.hint(),
            Self::Endpoint(error) => hint_endpoint(error),
            Self::EmulatorState(error) => hint_state(error),
            Self::EmulatorWorld(error) => hint_world_file(error),
            Self::Exchange(error) => hint_exchange(error),
            Self::Identity(error) => hint_identity(error),
            Self::Installation(error) => error.hint(),
            Self::InTheWay { .. } => fixed("nothing was changed; name a new file"),
            Self::Key(error) => hint_key(error),
            Self::Lint { .. } => {
                fixed("each finding says what the fix is; --level error prints the errors alone")
            }
            Self::Missing {
                option, profile, ..
            } => Some(hint_missing(option, profile.as_ref())),
            Self::NoCache => fixed(
                "neither $XDG_RUNTIME_DIR nor $XDG_CACHE_HOME nor $HOME names a directory of this user; give --cache-dir",
            ),
            Self::NoChain { .. } => fixed("it applies to the last role of --assume-role"),
            Self::NoCommandLine { .. } => fixed("give it a path of ordinary characters"),
            Self::NoHome { variable } => Some(format!("set ${variable}, or $HOME")),
            Self::NoIdentity => fixed("give --identity, --certificate, or --private-key"),
            Self::NoNewPassphrase => fixed(concat!(
                "give --new-passphrase-file FILE, or --new-passphrase-from with ",
                passphrase_sources!()
            )),
            Self::NoProfile {
                name,
                places,
                known,
            } => Some(no_profile(name, places, known)),
            Self::NoProfiles { places } => Some(no_profile("", places, &[])),
            Self::NoRoot { .. } => fixed(
                "nothing was written; give --root the self-signed certificate, and --intermediates all that lie between",
            ),
            Self::NotInInventory { .. } => fixed("'windlass ca list' shows what there is"),
            Self::NotStarted(_) => {
                fixed("the command stands behind --, its name first; it is run without a shell")
            }
            Self::NothingSelected { .. } => fixed(
                "names are compared as text: write all of one, as it is listed here (as RFC 2253 does, the last attribute first)",
            ),
            Self::OfProfile { source, .. } | Self::Variable { source, .. } => source.hint(),
            Self::Pipe { .. } => fixed(
                "it is left to the program that asks for the session; what the cache has of it is shown by 'windlass cache list'",
            ),
            Self::Pki(error) => hint_pki(error),
            Self::ProxyUrl { source, .. } => fixed(match source {
                ProxyUrlError::Malformed | ProxyUrlError::Scheme => {
                    "write it as http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with %40 for an @ in a password"
                }
                ProxyUrlError::Socks => {
                    "name an HTTP proxy with --proxy or $HTTPS_PROXY, or list the endpoint's host in $NO_PROXY and unset the variable"
                }
            }),
            Self::ReadTwice { .. } => fixed("give one of the sources as a file, fd:N or env:NAME"),
            Self::RegionMismatch { .. } => {
                fixed("leave it out: the trust anchor's ARN names the region")
            }
            Self::Rotate(error) => error.hint(),
            Self::SecretInConfig { option } if option == "proxy" => fixed(
                "nothing was written; put user and password of the proxy into $WINDLASS_PROXY",
            ),
            Self::SecretInConfig { .. } => fixed("nothing was written; give --passphrase-file"),
            Self::Section { .. } => fixed("give the profile another name"),
            Self::Selector { .. } => {
                fixed(r#"write it as [{"Key": "x509Subject", "Value": "CN=NAME"}]"#)
            }
            Self::Serve(error) => hint_serve(error),
            Self::Server(error) => hint_server(error),
            Self::SessionPolicy { .. } => {
                fixed("give a file with one IAM policy as JSON to --session-policy")
            }
            Self::SeveralSelected { .. } => fixed(
                "add x509Serial to --cert-selector, name one by its PKCS#11 URI, or give --use-latest-expiring-certificate",
            ),
            Self::SharedFile { reason, .. } => hint_refusal(reason),
            Self::Store(error) => hint_store(error),
            Self::Target(_) => fixed(
                "trust anchor, profile and role of one session live in one account, anchor and profile in one region; check --trust-anchor-arn, --profile-arn and --role-arn",
            ),
            Self::Unconfirmed { option, .. } => Some(format!(
                "give --{option} HEX with the SHA-256 from there, not from the file that came along"
            )),
            Self::Unwritable(_) => fixed("use another --format"),
            Self::Value { origin, .. } if origin.key() == "region" => {
                fixed("leave it out: the trust anchor's ARN names the region")
            }
            Self::Value { .. } | Self::OptionNotText { .. } => None,
            Self::WeakPassphrase { .. } => fixed(
                "choose a longer one, for example: (umask 077; openssl rand -base64 24 > FILE)",
            ),
            Self::World(error) => hint_world(error),
        }
    }
}
