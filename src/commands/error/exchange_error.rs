//! Failures of an exchange with AWS: their exit codes and what to try.

use crate::clock::off_by;
use crate::rolesanywhere::{self, ShownProxy, TlsProblem};

use super::super::Outcome;
use super::super::remedy::{remedy, remedy_of_sts};
use super::key_error::{hint_key, of_key};
use super::pki_error::{hint_pki, of_pki};

pub(super) fn of_exchange(error: &rolesanywhere::Error) -> Outcome {
    use rolesanywhere::Error as E;
    match error {
        E::Connect { .. }
        | E::Dns { .. }
        | E::Interrupted { .. }
        | E::Throttled { .. }
        | E::Timeout { .. }
        | E::Unavailable { .. } => Outcome::Temporary,
        // What it answers beside that is a rule of its own.
        E::Proxy { status, .. } if status.is_none_or(|status| status >= 500) => Outcome::Temporary,
        E::NotAws { status, .. } if *status >= 500 => Outcome::Temporary,
        E::BadResponse { .. }
        | E::NotAws { .. }
        | E::NotHttp { .. }
        | E::Proxy { .. }
        | E::Setup { .. }
        | E::Tls { .. } => Outcome::Failed,
        E::CaBundle => Outcome::Usage,
        E::Chained { error, .. } | E::Repeated { error, .. } => of_exchange(error),
        E::Denied { .. } => Outcome::Refused,
        E::Pki(error) => of_pki(error),
        E::Signing(rolesanywhere::SigningError::Algorithm(_)) => Outcome::Unusable,
        E::Signing(rolesanywhere::SigningError::Key(error)) => of_key(error),
    }
}

pub(in crate::commands) fn hint_exchange(error: &rolesanywhere::Error) -> Option<String> {
    hint_of(error, "--endpoint")
}

/// `option` names another endpoint of the service that was called.
fn hint_of(error: &rolesanywhere::Error, option: &str) -> Option<String> {
    use rolesanywhere::Error as E;
    let text = match error {
        E::BadResponse { .. } => {
            return Some(format!(
                "the service or something before it is out of order; try again, and look at what {option} leads to"
            ));
        }
        E::CaBundle => {
            "give the CA's certificate to --ca-bundle (or $AWS_CA_BUNDLE, $SSL_CERT_FILE)"
        }
        E::Connect { .. } => {
            return Some(format!(
                "is the endpoint reachable from here? $HTTPS_PROXY is honoured; {option} names another"
            ));
        }
        E::Chained { hop, role, error } => {
            return match error.root() {
                E::Denied { message, .. } if error.skew_to_blame().is_none() => {
                    Some(remedy_of_sts(message, *hop, role))
                }
                _ => hint_of(error, "--sts-endpoint"),
            };
        }
        E::Denied { message, .. } => {
            return match error.skew_to_blame() {
                Some(ahead) => Some(hint_skew(ahead)),
                None => remedy(message).map(str::to_owned),
            };
        }
        E::Dns { .. } if option == "--endpoint" => {
            "check the region in the ARNs and this host's DNS; Roles Anywhere does not exist in every region"
        }
        E::Dns { .. } => {
            return Some(format!(
                "check this host's DNS; it is the name of STS in the trust anchor's region, and {option} names another, as that of a VPC endpoint"
            ));
        }
        E::Interrupted { .. } => "try again; if it persists, look at what is between here and AWS",
        E::NotAws { status: 407, .. } => {
            "the proxy asks for credentials: put them into $HTTPS_PROXY, as in http://USER:PASSWORD@HOST:PORT"
        }
        E::NotAws { .. } => {
            "a proxy or firewall answered in AWS's place; ask for its rules, or set $HTTPS_PROXY and $NO_PROXY"
        }
        E::NotHttp { .. } => {
            "something else answers there; is the endpoint's port right, or should it be https://?"
        }
        E::Pki(error) => return hint_pki(error),
        E::Proxy {
            host,
            proxy,
            status,
            ..
        } => return Some(hint_proxy(host, proxy, *status)),
        E::Repeated { error, .. } => return hint_of(error, option),
        E::Setup { .. } => return None,
        E::Signing(rolesanywhere::SigningError::Algorithm(_)) => {
            "use an RSA key, an EC key on P-256, P-384 or P-521, or an ML-DSA key"
        }
        E::Signing(rolesanywhere::SigningError::Key(error)) => return hint_key(error),
        E::Throttled { .. } => {
            "try again later; CreateSession allows about 10 requests a second for an account and region"
        }
        E::Timeout { .. } => {
            "is the endpoint reachable from here, or does a firewall drop packets? $HTTPS_PROXY is honoured"
        }
        E::Tls { problem, .. } => match problem {
            TlsProblem::CaAsServer => {
                "the server uses a CA's certificate as its own; give it one that its CA has issued, and that CA's certificate to --ca-bundle"
            }
            TlsProblem::NotTls => {
                "what answers there does not speak TLS; is the endpoint's port right, or should it be http://?"
            }
            TlsProblem::Other => "is the endpoint's host name right, and this host's clock?",
            TlsProblem::Untrusted => {
                "if this network inspects TLS and is meant to, give the certificate of that CA to --ca-bundle or $AWS_CA_BUNDLE"
            }
        },
        E::Unavailable { .. } => "try again later",
    };
    Some(text.to_owned())
}

fn hint_proxy(host: &str, proxy: &ShownProxy, status: Option<u16>) -> String {
    let origin = &proxy.origin;
    match status {
        Some(407) if proxy.has_user => format!(
            "it does not take the user and password in {origin}; what is no letter or digit in them is written as %40 for an @"
        ),
        Some(407) => format!(
            "it asks for user and password: give them in the URL of {origin}, as in http://USER:PASSWORD@HOST:PORT, best in $WINDLASS_PROXY"
        ),
        Some(status) if status < 500 => format!(
            "it does not allow this: ask whoever runs it to let this host reach {host}; $NO_PROXY names hosts that are reached without it"
        ),
        Some(_) => format!(
            "it, or what is behind it, is out of order: try again later; can it resolve and reach {host}?"
        ),
        None => format!(
            "is the proxy in {origin} right, and does it allow this host? $NO_PROXY names hosts that are reached without it"
        ),
    }
}

fn hint_skew(ahead: chrono::TimeDelta) -> String {
    format!(
        "this host's clock is {} the service's, which alone makes signatures invalid; set the clock (chronyd, ntpd)",
        off_by(ahead)
    )
}
