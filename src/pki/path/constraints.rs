//! Name constraints (RFC 5280 section 4.2.1.10): which names a CA may certify.
//!
//! What is malformed is never passed over. A constraint that cannot be read makes
//! the CA's certificate unusable; a name that cannot be read lies in no permitted
//! subtree, and in every excluded one, of its form.

mod forms;

use crate::der;
use crate::pki::certificate::show_raw_name;

use super::budget::{Budget, Spent};
use super::names::CanonicalName;

use forms::Subtree;

/// A name to which constraints may apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GeneralName {
    /// In lowercase; `None` for what is no DNS name.
    Dns(Named<String>),
    Email(Named<Mailbox>),
    /// The host in lowercase; `None` where there is none, or an address.
    Uri(Named<String>),
    /// 4 or 16 octets.
    Ip(Named<Vec<u8>>),
    Directory {
        name: CanonicalName,
        shown: String,
    },
    /// A form for which nobody has said how constraints are evaluated, by its tag.
    Other {
        tag: u8,
        shown: String,
    },
}

/// What a name says, if it can be read, and how it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named<T> {
    pub(super) value: Option<T>,
    pub(super) shown: String,
}

/// An address of email. Hosts are compared without regard to case, mailboxes with
/// it (RFC 5280 section 7.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mailbox {
    pub(super) local: String,
    pub(super) host: String,
}

impl GeneralName {
    pub(super) fn read(element: &der::Element<'_>) -> Self {
        let shown = || show_raw_name(element);
        let content = element.content;
        match element.tag {
            0x81 => Self::Email(Named {
                value: forms::mailbox(content),
                shown: shown(),
            }),
            0x82 => Self::Dns(Named {
                value: forms::dns_name(content),
                shown: shown(),
            }),
            0x86 => Self::Uri(Named {
                value: forms::uri_host(content),
                shown: shown(),
            }),
            0x87 => Self::Ip(Named {
                value: matches!(content.len(), 4 | 16).then(|| content.to_vec()),
                shown: shown(),
            }),
            0xa4 => match CanonicalName::read(content) {
                Some(name) => Self::Directory {
                    name,
                    shown: shown(),
                },
                None => Self::Other {
                    tag: element.tag,
                    shown: shown(),
                },
            },
            tag => Self::Other {
                tag,
                shown: shown(),
            },
        }
    }

    /// An address that stands in a subject.
    pub(super) fn email(content: &[u8]) -> Self {
        let encoded = der::write(0x81, content);
        der::read(&encoded).map_or_else(
            || Self::Other {
                tag: 0x81,
                shown: String::new(),
            },
            |(element, _)| Self::read(&element),
        )
    }

    /// How it is shown.
    fn shown(&self) -> String {
        let shown = match self {
            Self::Dns(named) | Self::Uri(named) => &named.shown,
            Self::Email(named) => &named.shown,
            Self::Ip(named) => &named.shown,
            Self::Directory { shown, .. } | Self::Other { shown, .. } => shown,
        };
        shown.clone()
    }
}

/// A nameConstraints extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Constraints {
    permitted: Vec<Subtree>,
    excluded: Vec<Subtree>,
}

/// Why a name is refused, with the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    Excluded(String),
    NotPermitted(String),
    /// Constraints of this form are not evaluated, and there is a name of it.
    Unhandled(String),
}

impl Constraints {
    /// Reads the extension's value. `None` for one that is empty or malformed, has
    /// a minimum or a maximum, or a base that is none of its form.
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let parts = der::sequence(value)?;
        let mut read = Self::default();
        for (index, part) in parts.iter().enumerate() {
            let subtrees = match (part.tag, index) {
                (0xa0, 0) => &mut read.permitted,
                (0xa1, _) if index + 1 == parts.len() => &mut read.excluded,
                _ => return None,
            };
            let elements = der::children(part.content)?;
            if elements.is_empty() {
                return None;
            }
            for element in elements {
                subtrees.push(Subtree::read(&element)?);
            }
        }
        (!parts.is_empty()).then_some(read)
    }

    /// How many subtrees there are.
    fn len(&self) -> usize {
        self.permitted.len().saturating_add(self.excluded.len())
    }

    /// Looks every name up in every subtree, and gives the first that may not be.
    pub(super) fn first_violation(
        &self,
        names: &[GeneralName],
        budget: &mut Budget,
    ) -> Result<Option<Violation>, Spent> {
        budget.pairs(names.len(), self.len())?;
        Ok(names.iter().find_map(|name| self.violation(name)))
    }

    fn violation(&self, name: &GeneralName) -> Option<Violation> {
        let of_form = |subtrees: &[Subtree]| subtrees.iter().any(|one| one.is_of_form(name));
        if !of_form(&self.permitted) && !of_form(&self.excluded) {
            return None;
        }
        if matches!(name, GeneralName::Other { .. }) {
            return Some(Violation::Unhandled(name.shown()));
        }
        if self.excluded.iter().any(|one| one.excludes(name)) {
            return Some(Violation::Excluded(name.shown()));
        }
        let is_permitted =
            !of_form(&self.permitted) || self.permitted.iter().any(|one| one.permits(name));
        (!is_permitted).then(|| Violation::NotPermitted(name.shown()))
    }
}
