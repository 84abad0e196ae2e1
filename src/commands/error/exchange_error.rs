//! Failures of an exchange with AWS: their exit codes and what to try.

use crate::clock::off_by;
use crate::rolesanywhere::{self, TlsProblem};

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
        | E::Proxy {
            wants_credentials: false,
            ..
        }
        | E::Throttled { .. }
        | E::Timeout { .. }
        | E::Unavailable { .. } => Outcome::Temporary,
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

pub(super) fn hint_exchange(error: &rolesanywhere::Error) -> Option<String> {
    use rolesanywhere::Error as E;
    let text = match error {
        E::BadResponse { .. } => {
            "the service or something before it is out of order; try again, and look at what --endpoint leads to"
        }
        E::CaBundle => {
            "give the CA's certificate to --ca-bundle (or $AWS_CA_BUNDLE, $SSL_CERT_FILE)"
        }
        E::Connect { .. } => {
            "is the endpoint reachable from here? $HTTPS_PROXY is honoured; --endpoint names another"
        }
        E::Chained { hop, role, error } => {
            return match error.root() {
                E::Denied { message, .. } if error.skew_to_blame().is_none() => {
                    Some(remedy_of_sts(message, *hop, role))
                }
                _ => hint_exchange(error),
            };
        }
        E::Denied { message, .. } => {
            return match error.skew_to_blame() {
                Some(ahead) => Some(hint_skew(ahead)),
                None => remedy(message).map(str::to_owned),
            };
        }
        E::Dns { .. } => {
            "check the region in the ARNs and this host's DNS; Roles Anywhere does not exist in every region"
        }
        E::Interrupted { .. } => "try again; if it persists, look at what is between here and AWS",
        E::NotAws { status: 407, .. }
        | E::Proxy {
            wants_credentials: true,
            ..
        } => {
            "the proxy asks for credentials: put them into $HTTPS_PROXY, as in http://USER:PASSWORD@HOST:PORT"
        }
        E::NotAws { .. } => {
            "a proxy or firewall answered in AWS's place; ask for its rules, or set $HTTPS_PROXY and $NO_PROXY"
        }
        E::NotHttp { .. } => {
            "something else answers there; is the endpoint's port right, or should it be https://?"
        }
        E::Pki(error) => return hint_pki(error),
        E::Proxy { .. } => {
            "is the proxy of --proxy or $HTTPS_PROXY right, and does it allow this host? $NO_PROXY names hosts that are reached without it"
        }
        E::Repeated { error, .. } => return hint_exchange(error),
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

fn hint_skew(ahead: chrono::TimeDelta) -> String {
    format!(
        "this host's clock is {} the service's, which alone makes signatures invalid; set the clock (chronyd, ntpd)",
        off_by(ahead)
    )
}
