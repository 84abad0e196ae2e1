//! Which of several certificates is the one that is meant.

use crate::commands::Error;
use crate::key::{KeySource, Pkcs11Uri};
use crate::limits;
use crate::pki::{CertificateSelector, Sourced};
use crate::text::printable;

/// A certificate, and its place in a token if it has one.
pub(super) type Candidate = (Sourced, Option<Pkcs11Uri>);

/// The certificates of one source.
pub(super) struct Candidates {
    /// Those of which one is the leaf.
    pub(super) named: Vec<Candidate>,
    /// Those that may belong to the chain.
    pub(super) others: Vec<Sourced>,
}

/// What the options say about the leaf.
pub(super) struct Wanted<'a> {
    /// What it must have.
    pub(super) selector: Option<&'a CertificateSelector>,
    /// Whether the one that ends last is taken of several.
    pub(super) latest: bool,
}

impl Candidates {
    /// Keeps the one that is wanted among the named ones, and the rest for the
    /// chain. `source` is for messages.
    pub(super) fn choose(self, wanted: &Wanted<'_>, source: &KeySource) -> Result<Self, Error> {
        let Self { named, mut others } = self;
        let is_selected = |(sourced, _): &Candidate| {
            wanted
                .selector
                .is_none_or(|selector| selector.matches(&sourced.certificate))
        };
        let (mut chosen, rest): (Vec<_>, Vec<_>) = named.into_iter().partition(is_selected);
        others.extend(rest.into_iter().map(|(sourced, _)| sourced));
        if chosen.is_empty() {
            return Err(Error::NothingSelected {
                origin: source.to_string(),
                held: listed(others.iter()),
            });
        }
        // A CA's certificate is not the one that is meant, if there is another.
        let (authorities, leaves): (Vec<_>, Vec<_>) = chosen
            .into_iter()
            .partition(|(sourced, _)| sourced.certificate.is_ca());
        chosen = if leaves.is_empty() {
            authorities
        } else {
            others.extend(authorities.into_iter().map(|(sourced, _)| sourced));
            leaves
        };
        if wanted.latest {
            chosen.sort_by_key(|(sourced, _)| std::cmp::Reverse(sourced.certificate.not_after()));
            chosen.truncate(1);
        }
        let candidates = Self {
            named: chosen,
            others,
        };
        match candidates.sole_leaf() {
            Some(_) => Ok(candidates),
            None => Err(candidates.several()),
        }
    }

    /// The leaf, when the certificates that are not CAs' have one key: the same
    /// key in several (a renewal) is one identity. Where there are only CAs' the
    /// first of them.
    pub(super) fn sole_leaf(&self) -> Option<&Candidate> {
        let mut leaves = self
            .named
            .iter()
            .filter(|(sourced, _)| !sourced.certificate.is_ca());
        let Some(first) = leaves.next() else {
            return self.named.first();
        };
        let key = first.0.certificate.public_key();
        leaves
            .all(|(other, _)| other.certificate.public_key() == key)
            .then_some(first)
    }

    /// That nothing says which of them is meant.
    pub(super) fn several(&self) -> Error {
        Error::SeveralSelected {
            certificates: listed(self.named.iter().map(|(sourced, _)| sourced)),
        }
    }
}

/// Certificates with their names as a selector has to write them.
fn listed<'a>(certificates: impl ExactSizeIterator<Item = &'a Sourced>) -> String {
    let more = certificates.len().saturating_sub(limits::MAX_LISTED);
    let shown = certificates.take(limits::MAX_LISTED).map(|one| {
        let certificate = &one.certificate;
        let name = printable(&certificate.subject().go_string(), limits::MAX_SHOWN_NAME);
        format!("'{name}' (serial {}, {})", certificate.serial(), one.origin)
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    match more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
