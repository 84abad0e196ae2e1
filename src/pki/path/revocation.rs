//! Revocation by lists (RFC 5280 section 6.3).
//!
//! The two questions are kept apart. *Listed* is whoever an issuer's key has put
//! on a list, however irregular that is: what it has revoked is not trusted.
//! *Covered* is only what a list answers for that counts in every respect.

use crate::pki::{Certificate, Crl, SignatureHash};

use super::budget::Spent;
use super::build::Search;
use super::names::CanonicalName;
use super::{ListFlaw, PathFinding, PathFlaw, Revocation};

/// removeFromCRL: of a delta list, who is not revoked any more.
const REMOVED: u8 = 8;

/// A certificate whose status is asked for: where it stands on the path.
#[derive(Clone, Copy)]
struct Asked<'p> {
    path: &'p [usize],
    place: usize,
}

impl<'a> Search<'_, 'a> {
    /// Looks every certificate below the anchor up.
    pub(super) fn revocation(&mut self, path: &[usize]) -> Result<Vec<PathFinding>, Spent> {
        let is_needed = matches!(self.query.revocation, Revocation::Covered(_));
        let mut findings = Vec::new();
        for place in 0..path.len().saturating_sub(1) {
            let asked = Asked { path, place };
            let listed = self.listed(asked)?;
            let is_listed = listed.is_some();
            findings.extend(listed.map(|flaw| PathFinding { place, flaw }));
            if is_needed && !is_listed {
                let flaw = self.uncovered(asked)?;
                findings.extend(flaw.map(|flaw| PathFinding { place, flaw }));
            }
        }
        Ok(findings)
    }

    /// Whether a list has the certificate.
    fn listed(&mut self, asked: Asked<'_>) -> Result<Option<PathFlaw>, Spent> {
        let certificate = self.certificate(asked);
        let lists = self.query.revocation.lists();
        self.budget.steps(lists.len())?;
        for (number, list) in lists.iter().enumerate() {
            let is_removed = list.form().is_delta && list.has_reason(certificate.serial(), REMOVED);
            // An entry of an indirect list may be about another issuer's.
            if !list.revokes(certificate.serial()) || is_removed || list.form().is_indirect {
                continue;
            }
            if self.signer(asked, number)?.is_some() {
                return Ok(Some(PathFlaw::Revoked {
                    subject: certificate.subject().to_string(),
                    serial: *certificate.serial(),
                    issuer: list.issuer().clone(),
                    reason: list.stated_reason(certificate.serial()),
                }));
            }
        }
        Ok(None)
    }

    /// Why no list covers the certificate, where none does.
    fn uncovered(&mut self, asked: Asked<'_>) -> Result<Option<PathFlaw>, Spent> {
        let certificate = self.certificate(asked);
        let lists = self.query.revocation.lists();
        let issuer = &self.pool[asked.path[asked.place]].facts.issuer;
        let issuer = issuer.clone();
        self.budget.steps(lists.len())?;
        let mut first = None;
        for (number, list) in lists.iter().enumerate() {
            if CanonicalName::of(list.issuer()).as_ref() != Some(&issuer) {
                continue;
            }
            let flaw = match self.flaw_of_list(list, certificate) {
                Some(flaw) => flaw,
                None => match self.signer(asked, number)? {
                    None => ListFlaw::BadSignature,
                    Some(signer) if !may_sign_lists(self.pool[signer].certificate) => {
                        ListFlaw::NoCrlSign
                    }
                    Some(_) => return Ok(None),
                },
            };
            first.get_or_insert(flaw);
        }
        Ok(Some(PathFlaw::NotCovered {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            flaw: first,
        }))
    }

    /// Why a list does not count for the certificate, whoever has signed it.
    fn flaw_of_list(&self, list: &Crl, certificate: &Certificate) -> Option<ListFlaw> {
        let (form, head, at) = (list.form(), list.head(), self.query.at);
        let is_other = form.only_attributes
            || (form.only_users && certificate.is_ca())
            || (form.only_authorities && !certificate.is_ca());
        let is_weak = form.signature_hash != SignatureHash::Strong || form.has_two_algorithms;
        let stale = |next_update| crate::clock::whole_seconds(at) > next_update;
        [
            form.is_delta.then_some(ListFlaw::Delta),
            form.is_indirect.then_some(ListFlaw::Indirect),
            form.is_of_point.then_some(ListFlaw::OfPoint),
            form.only_some_reasons.then_some(ListFlaw::SomeReasons),
            form.unknown.clone().map(|oid| ListFlaw::Unhandled { oid }),
            is_other.then_some(ListFlaw::OtherKind),
            (!form.is_version_2).then_some(ListFlaw::Version),
            is_weak.then_some(ListFlaw::WeakSignature),
            (at < head.this_update).then_some(ListFlaw::NotYet {
                this_update: head.this_update,
            }),
            match head.next_update {
                None => Some(ListFlaw::NoNextUpdate),
                Some(next_update) => stale(next_update).then_some(ListFlaw::Stale { next_update }),
            },
        ]
        .into_iter()
        .flatten()
        .next()
    }

    /// Who has signed a list, if that is somebody who may speak for the issuer of
    /// the certificate: the issuer on the path, or another key of the same name
    /// that leads to the same anchor (section 6.3.3 (f)), as after a change of the
    /// key and where lists are signed with a key of their own.
    fn signer(&mut self, asked: Asked<'_>, list: usize) -> Result<Option<usize>, Spent> {
        let issuer = asked.path[asked.place.saturating_add(1)];
        if self.is_list_signed(list, issuer)? {
            return Ok(Some(issuer));
        }
        let own = &self.pool[asked.path[asked.place]];
        let lists = self.query.revocation.lists();
        let name = lists
            .get(list)
            .and_then(|list| CanonicalName::of(list.issuer()));
        if name.as_ref() != Some(&own.facts.issuer) {
            return Ok(None);
        }
        let (wanted, known) = (own.issuer, self.pool[issuer].key);
        self.budget.steps(self.pool.len())?;
        let others: Vec<usize> = (1..self.pool.len())
            .filter(|index| {
                let one = &self.pool[*index];
                one.subject == wanted && one.key != known
            })
            .collect();
        for other in others {
            if self.is_list_signed(list, other)? && self.is_of_same_anchor(asked, other)? {
                return Ok(Some(other));
            }
        }
        Ok(None)
    }

    fn is_list_signed(&mut self, list: usize, signer: usize) -> Result<bool, Spent> {
        let key = (list, self.pool[signer].key);
        if let Some(known) = self.signed_lists.get(&key) {
            return Ok(*known);
        }
        self.budget.signature()?;
        let public_key = self.pool[signer].certificate.public_key();
        let lists = self.query.revocation.lists();
        let is_signed = lists
            .get(list)
            .is_some_and(|list| list.is_signed_by(public_key));
        self.signed_lists.insert(key, is_signed);
        Ok(is_signed)
    }

    /// Whether a signer of lists leads to the anchor of the path: by standing on
    /// it, or by a path of its own, for which no such signer is looked for again.
    fn is_of_same_anchor(&mut self, asked: Asked<'_>, signer: usize) -> Result<bool, Spent> {
        if asked.path.contains(&signer) {
            return Ok(true);
        }
        let anchor = asked.path.last().copied();
        let one = &self.pool[signer];
        if self.target.is_some() || one.is_anchor || !self.common_flaws(one).is_empty() {
            return Ok(false);
        }
        let was_explaining = std::mem::replace(&mut self.is_explaining, false);
        self.target = anchor;
        let found = self.extend(&mut vec![signer], &mut Vec::new());
        self.target = None;
        self.is_explaining = was_explaining;
        found
    }

    fn certificate(&self, asked: Asked<'_>) -> &'a Certificate {
        self.pool[asked.path[asked.place]].certificate
    }
}

/// Section 6.3.3 (f): by the extension, where it is there.
fn may_sign_lists(signer: &Certificate) -> bool {
    signer.key_usage().is_none_or(|usage| usage.crl_sign)
}
