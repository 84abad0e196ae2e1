//! Key and certificate: whether they open, belong together, and are valid now.

use crate::clock::rfc3339;
use crate::commands::Error;
use crate::commands::identity::Opening;
use crate::pki::{self, Identity};
use crate::text::{printable, with_causes};
use crate::{key, limits};

use super::super::case::Case;
use super::super::finding::{Finding, Standing};

/// What became of opening it.
pub(in crate::commands::doctor) enum Opened {
    /// It can be used.
    Ready(Box<Identity>),
    /// Nothing is named, or what is cannot be opened.
    Not,
}

impl Opened {
    pub(in crate::commands::doctor) fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Ready(identity) => Some(identity),
            Self::Not => None,
        }
    }
}

const PLACES: [&str; 5] = [
    "identity",
    "certificate",
    "private_key",
    "intermediates",
    "cert_selector",
];

pub(super) fn check(case: &Case<'_>) -> (Vec<Finding>, Opened) {
    let opened =
        Opening::new(&case.session.identity, case.context).and_then(|opening| opening.identity());
    let identity = match opened {
        Ok(identity) => identity,
        Err(error) => return (vec![refused(case, &error)], Opened::Not),
    };
    let leaf = identity.leaf();
    let subject = printable(&leaf.subject().to_string(), limits::MAX_SHOWN_NAME);
    let what = format!("the key and the certificate of {subject} belong together");
    let mut findings = vec![
        Finding::new("key-match", Standing::Well, what)
            .shows_all(case.said(&PLACES))
            .shows("serial number", leaf.serial().hex()),
    ];
    findings.push(chain(case, &identity));
    findings.extend(ending(case, &identity));
    (findings, Opened::Ready(Box::new(identity)))
}

/// Why it does not open, under the name of what is wrong.
fn refused(case: &Case<'_>, error: &Error) -> Finding {
    let id = match error {
        Error::Pki(pki::Error::KeyMismatch { .. }) => "key-match",
        Error::Pki(_) => "certificate",
        Error::Store(_) | Error::Key(key::Error::TooOpen { .. } | key::Error::Read { .. }) => {
            "files"
        }
        Error::Key(_) => "key",
        _ => "identity",
    };
    Finding::new(id, Standing::Certain, with_causes(error))
        .shows_all(case.said(&PLACES))
        .next_if(error.hint())
}

/// What is sent, and what of the files is not.
fn chain(case: &Case<'_>, identity: &Identity) -> Finding {
    let short =
        |name: &pki::DistinguishedName| printable(&name.to_string(), limits::MAX_SHOWN_NAME);
    let chain = identity.chain();
    let top = chain.last().unwrap_or_else(|| identity.leaf());
    let what = match chain.len() {
        0 => "the certificate is sent alone, without intermediates".to_owned(),
        count => format!(
            "the certificate is sent with {}",
            crate::text::counted(count, "intermediate")
        ),
    };
    let what = format!(
        "{what}; the trust anchor has to hold the certificate of {}",
        short(top.issuer())
    );
    let dropped = identity.dropped().iter().map(|dropped| {
        let place = dropped.origin.clone();
        let subject = short(dropped.certificate.subject());
        (
            place,
            format!("{subject} is no part of the chain and is left out"),
        )
    });
    Finding::new("chain", Standing::Well, what)
        .shows_all(case.said(&["intermediates"]))
        .shows_all(dropped)
}

/// A certificate that has not ended, and soon will.
fn ending(case: &Case<'_>, identity: &Identity) -> Option<Finding> {
    let leaf = identity.leaf();
    let now = case.context.clock.now();
    let (life, left) = (leaf.not_after() - leaf.not_before(), leaf.not_after() - now);
    if now < leaf.not_before() || left <= chrono::TimeDelta::zero() || left > life / 10 {
        return None;
    }
    let what = format!(
        "the certificate ends on {}, and nine tenths of its life are over",
        rfc3339(leaf.not_after())
    );
    let renew = match &case.session.identity.identity {
        Some(directory) => format!("windlass check --identity {}", directory.display()),
        None => "have it renewed; 'windlass rotate' does that by itself".to_owned(),
    };
    Some(
        Finding::new("validity", Standing::Warning, what)
            .shows(
                identity.leaf_origin(),
                format!("not after {}", rfc3339(leaf.not_after())),
            )
            .next(renew),
    )
}
