//! Where a certificate comes from: those above it.

use chrono::{DateTime, Utc};

use crate::clock::{in_words, rfc3339};
use crate::finding::{Finding, Level};
use crate::pki::{Certificate, PathQuery, Policy, Revocation, Sourced, chain_of, validate_path};
use crate::text::{counted, printable};

/// Whether it leads to one of these roots; and without any, whether it was issued by
/// what stands with it.
pub(super) fn chain(
    leaf: &Certificate,
    others: &[Certificate],
    roots: &[Certificate],
    at: DateTime<Utc>,
) -> Finding {
    let found = match roots {
        [] => by_signatures(leaf, others),
        roots => {
            let query = PathQuery {
                leaf,
                intermediates: others,
                anchors: roots,
                revocation: Revocation::Unchecked,
                // That it has ended itself is told elsewhere.
                at: at.min(leaf.not_after()).max(leaf.not_before()),
                policy: Policy::RolesAnywhere,
            };
            match validate_path(&query) {
                Ok(path) => Ok(format!(
                    "it leads to the root over {}",
                    counted(path.len().saturating_sub(2), "certificate")
                )),
                Err(error) => Err(format!("it does not lead to the root: {error}")),
            }
        }
    };
    match found {
        Ok(text) => Finding::new("chain", Level::Ok, text),
        Err(text) => Finding::new("chain", Level::Critical, text),
    }
}

/// Those of them that stand above it, in order.
fn above(leaf: &Certificate, others: &[Certificate]) -> Vec<Certificate> {
    let sourced = others.iter().map(|one| Sourced {
        certificate: one.clone(),
        origin: String::new(),
    });
    chain_of(leaf, sourced.collect())
}

fn by_signatures(leaf: &Certificate, others: &[Certificate]) -> Result<String, String> {
    let above = above(leaf, others);
    let named = |one: &Certificate| printable(&one.subject().to_string(), 200);
    if above.is_empty() {
        return match others.len() {
            0 => Ok("no certificates stand with it".to_owned()),
            count => Err(format!(
                "of the {} that stand with it none is that of its issuer, {}",
                counted(count, "certificate"),
                printable(&leaf.issuer().to_string(), 200)
            )),
        };
    }
    let below = std::iter::once(leaf).chain(&above);
    for (one, issuer) in below.zip(&above) {
        if !one.is_signed_by(issuer.public_key()) {
            return Err(format!(
                "the signature on {} was not made by {}, which stands with it",
                named(one),
                named(issuer)
            ));
        }
    }
    Ok(format!(
        "{} above it stand with it",
        counted(above.len(), "certificate")
    ))
}

/// Whether those above it last as long as it does; `known` is the first end that
/// was found when it was obtained, the root's included.
pub(super) fn issuer(
    leaf: &Certificate,
    others: &[Certificate],
    known: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
) -> Option<Finding> {
    let above = above(leaf, others);
    let ends = above
        .iter()
        .map(Certificate::not_after)
        .chain(known)
        .min()?;
    let (level, text) = if ends <= at {
        let ago = in_words(at - ends);
        (
            Level::Critical,
            format!(
                "a certificate above it expired {ago} ago, on {}",
                rfc3339(ends)
            ),
        )
    } else if ends < leaf.not_after() {
        (
            Level::Warning,
            format!(
                "a certificate above it ends before it does, on {}: the CA needs another",
                rfc3339(ends)
            ),
        )
    } else {
        (
            Level::Ok,
            format!("those above it are good until {}", rfc3339(ends)),
        )
    };
    Some(Finding::new("issuer", level, text))
}
