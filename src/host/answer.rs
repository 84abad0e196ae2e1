//! What an issuer answered, judged before it is trusted with anything: the
//! certificate has to be for the key and the names that were asked for, lead to the
//! pinned root, be valid now and be one that Roles Anywhere takes.

use chrono::{DateTime, Utc};

use crate::admission::check_leaf;
use crate::clock::rfc3339;
use crate::key::PublicKey;
use crate::pki::{
    self, Certificate, PathError, PathQuery, Policy, Revocation, SerialNumber, Sourced, chain_of,
    read_certificates, validate_path,
};
use crate::text::printable;

use super::terms::{Compared, Terms};

/// How much of an answer that is no certificate is shown, in characters.
const SHOWN: usize = 120;

/// What is asked for, and by what the answer is judged.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The key that was to be certified.
    pub key: &'a PublicKey,
    /// What the identity is to be: all of its names and no others, below one of its
    /// pinned roots.
    pub terms: &'a Terms,
    /// The certificate that is to be replaced.
    pub in_force: Option<&'a Certificate>,
    /// Whether it may end before that one: somebody asked for the change.
    pub may_end_sooner: bool,
    /// The time at which it has to be valid.
    pub at: DateTime<Utc>,
}

/// A certificate that is what was asked for.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The certificate.
    pub leaf: Certificate,
    /// Those above it in order, without the root.
    pub chain: Vec<Certificate>,
    /// The first end among those above it, the root's included.
    pub issuer_not_after: DateTime<Utc>,
}

/// Why an answer is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// It has other names.
    #[error("the certificate {}", other_names(missing, added))]
    Names {
        /// What was asked for and is not there, with its kind.
        missing: Vec<String>,
        /// What is there and was not asked for.
        added: Vec<String>,
    },
    /// It ends before the one that it is to replace.
    #[error(
        "the certificate ends on {}, before the one that it is to replace, on {}",
        rfc3339(*.not_after),
        rfc3339(*.in_force)
    )]
    NoLonger {
        /// Its end.
        not_after: DateTime<Utc>,
        /// The end of the one in force.
        in_force: DateTime<Utc>,
    },
    /// It is the certificate in force.
    #[error("the certificate {serial} is the one that it is to replace")]
    Same {
        /// Its serial number.
        serial: SerialNumber,
    },
    /// It does not lead to the pinned root, or is not valid now.
    #[error(transparent)]
    Path(PathError),
    /// Roles Anywhere would refuse it.
    #[error("Roles Anywhere would refuse it: {reason}")]
    Refused {
        /// Which of its rules.
        reason: String,
    },
    /// There is no certificate in it.
    #[error("{source}{}", begins(start))]
    Unreadable {
        /// What is wrong with it.
        source: pki::Error,
        /// How it begins; empty when nothing was answered.
        start: String,
    },
    /// No certificate in it is for the key.
    #[error(
        "none of its {count} certificates is for the key of the request; the first is for {subject}"
    )]
    WrongKey {
        /// How many there are.
        count: usize,
        /// Whose the first one is.
        subject: String,
    },
}

fn other_names(missing: &[String], added: &[String]) -> String {
    let lacks = match missing {
        [] => String::new(),
        missing => format!("lacks {}", missing.join(", ")),
    };
    let has = match added {
        [] => String::new(),
        added => format!("has {}, which was not asked for", added.join(", ")),
    };
    match (lacks.is_empty(), has.is_empty()) {
        (false, false) => format!("{lacks} and {has}"),
        _ => lacks + &has,
    }
}

fn begins(start: &str) -> String {
    match start {
        "" => "; it is empty".to_owned(),
        start => format!("; it begins with '{start}'"),
    }
}

impl Asked<'_> {
    /// Judges what was answered.
    ///
    /// # Errors
    ///
    /// [`Flaw`], the first that is found.
    pub fn judge(&self, answer: &[u8]) -> Result<Answer, Flaw> {
        let origin = "the issuer's answer";
        let found = read_certificates(answer, origin).map_err(|source| Flaw::Unreadable {
            source,
            start: printable(String::from_utf8_lossy(answer).trim(), SHOWN),
        })?;
        let is_asked_for = |one: &&Certificate| one.public_key() == self.key;
        let leaf = found.iter().find(is_asked_for).cloned();
        let leaf = leaf.ok_or_else(|| Flaw::WrongKey {
            count: found.len(),
            subject: found
                .first()
                .map(|first| first.subject().to_string())
                .unwrap_or_default(),
        })?;
        self.check_names(&leaf)?;
        check_leaf(&leaf).map_err(|refusal| Flaw::Refused {
            reason: refusal.reason,
        })?;
        let others: Vec<Certificate> = found.into_iter().filter(|one| *one != leaf).collect();
        let query = PathQuery {
            leaf: &leaf,
            intermediates: &others,
            anchors: &self.terms.roots,
            revocation: Revocation::Unchecked,
            at: self.at,
            policy: Policy::RolesAnywhere,
        };
        let path = validate_path(&query).map_err(Flaw::Path)?;
        let ends = path.iter().skip(1).map(|issuer| issuer.not_after());
        let issuer_not_after = ends.min().unwrap_or_else(|| leaf.not_after());
        self.check_progress(&leaf)?;
        let sourced = others.into_iter().map(|certificate| Sourced {
            certificate,
            origin: origin.to_owned(),
        });
        Ok(Answer {
            chain: chain_of(&leaf, sourced.collect()),
            leaf,
            issuer_not_after,
        })
    }

    fn check_names(&self, leaf: &Certificate) -> Result<(), Flaw> {
        let compared = self.terms.compare(leaf);
        if compared.is_same() {
            return Ok(());
        }
        let Compared { missing, added } = compared;
        Err(Flaw::Names { missing, added })
    }

    /// Whether it is worth the change: an issuer that answers with what it had
    /// answered before would be asked again at each run.
    fn check_progress(&self, leaf: &Certificate) -> Result<(), Flaw> {
        let Some(in_force) = self.in_force else {
            return Ok(());
        };
        if leaf.serial() == in_force.serial() && leaf.issuer() == in_force.issuer() {
            return Err(Flaw::Same {
                serial: *leaf.serial(),
            });
        }
        if leaf.not_after() < in_force.not_after() && !self.may_end_sooner {
            return Err(Flaw::NoLonger {
                not_after: leaf.not_after(),
                in_force: in_force.not_after(),
            });
        }
        Ok(())
    }
}
