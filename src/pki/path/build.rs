//! Building paths: depth first from the leaf upwards, with what was learnt of
//! signatures kept, within a budget.

use std::collections::HashMap;

use crate::limits;
use crate::pki::Certificate;

use super::budget::{Budget, Spent};
use super::facts::Facts;
use super::names::CanonicalName;
use super::{PathError, PathFinding, PathFlaw, PathQuery, TriedPath};

/// A certificate that may stand on a path.
pub(super) struct Candidate<'a> {
    pub(super) certificate: &'a Certificate,
    pub(super) is_anchor: bool,
    pub(super) facts: Facts,
    /// Numbers that are the same for the same name, and for the same key.
    pub(super) subject: usize,
    pub(super) issuer: usize,
    pub(super) key: usize,
}

impl Candidate<'_> {
    /// Whether it is issued to the name that has issued it (RFC 5280 section 3.2).
    pub(super) const fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }
}

/// A search, and what it has learnt.
pub(super) struct Search<'q, 'a> {
    pub(super) query: &'q PathQuery<'a>,
    /// The leaf, the anchors, and the intermediates.
    pub(super) pool: Vec<Candidate<'a>>,
    pub(super) budget: Budget,
    /// Whether the key of the second made the signature of the first.
    signed: HashMap<(usize, usize), bool>,
    /// The same of a list and a key.
    pub(super) signed_lists: HashMap<(usize, usize), bool>,
    /// The only anchor at which a path may end, where the path to a list's signer
    /// is looked for.
    pub(super) target: Option<usize>,
    /// Whether it goes on past what is wrong, to tell everything.
    pub(super) is_explaining: bool,
    tried: Vec<TriedPath>,
}

/// Where the leaf stands in the pool.
const LEAF: usize = 0;

impl<'q, 'a> Search<'q, 'a> {
    pub(super) fn new(query: &'q PathQuery<'a>) -> Self {
        let mut names: HashMap<CanonicalName, usize> = HashMap::new();
        let mut keys: HashMap<&[u8], usize> = HashMap::new();
        let mut seen: HashMap<&[u8], ()> = HashMap::new();
        let mut pool = Vec::new();
        let anchors = query.anchors.iter().map(|anchor| (anchor, true));
        let others = query.intermediates.iter().map(|other| (other, false));
        let all = std::iter::once((query.leaf, false))
            .chain(anchors)
            .chain(others);
        for (index, (certificate, is_anchor)) in all.enumerate() {
            // The leaf may be among the others, which does no harm.
            if index > 0 && seen.insert(certificate.der(), ()).is_some() {
                continue;
            }
            let facts = Facts::read(certificate);
            let mut number = |name: &CanonicalName| {
                let next = names.len();
                *names.entry(name.clone()).or_insert(next)
            };
            let next = keys.len();
            pool.push(Candidate {
                subject: number(&facts.subject),
                issuer: number(&facts.issuer),
                key: *keys.entry(certificate.public_key().spki()).or_insert(next),
                certificate,
                is_anchor,
                facts,
            });
        }
        Self {
            query,
            pool,
            budget: Budget::new(),
            signed: HashMap::new(),
            signed_lists: HashMap::new(),
            target: None,
            is_explaining: false,
            tried: Vec::new(),
        }
    }

    pub(super) fn run(mut self) -> Result<Vec<&'a Certificate>, PathError> {
        let of_leaf = self.flaws_of_leaf(&self.pool[LEAF]);
        let mut path = vec![LEAF];
        if of_leaf.is_empty() {
            match self.extend(&mut path, &mut Vec::new()) {
                Ok(true) => {
                    let certificate = |index: &usize| self.pool[*index].certificate;
                    return Ok(path.iter().map(certificate).collect());
                }
                Ok(false) => {}
                Err(Spent) => return Err(self.spent()),
            }
        }
        self.is_explaining = true;
        let mut findings = Vec::new();
        findings.extend(
            of_leaf
                .into_iter()
                .map(|flaw| PathFinding { place: LEAF, flaw }),
        );
        path.truncate(1);
        match self.extend(&mut path, &mut findings) {
            // What was found before the budget was spent is told.
            Err(Spent) if self.tried.is_empty() => Err(self.spent()),
            _ => Err(PathError::new(self.tried)),
        }
    }

    fn spent(&self) -> PathError {
        let finding = PathFinding {
            place: LEAF,
            flaw: PathFlaw::Budget,
        };
        PathError::new(vec![TriedPath {
            certificates: vec![self.query.leaf.clone()],
            is_anchored: false,
            findings: vec![finding],
        }])
    }

    /// Extends the path until it ends in an anchor and is valid. `findings` is what
    /// is wrong with it so far, while everything is told.
    pub(super) fn extend(
        &mut self,
        path: &mut Vec<usize>,
        findings: &mut Vec<PathFinding>,
    ) -> Result<bool, Spent> {
        let Some(&current) = path.last() else {
            return Ok(false);
        };
        let candidates = self.candidates(path, current)?;
        let mut is_issued = false;
        for &issuer in &candidates {
            // The signature comes before all else, so that an old certificate of
            // the same name is not blamed for being expired when it is simply
            // another key's.
            if !self.is_signed(current, issuer)? {
                continue;
            }
            is_issued = true;
            let flaws = self.flaws_of_issuer(path, issuer);
            if !flaws.is_empty() && !self.is_explaining {
                continue;
            }
            let (place, before) = (path.len(), findings.len());
            findings.extend(flaws.into_iter().map(|flaw| PathFinding { place, flaw }));
            path.push(issuer);
            if self.follow(path, findings)? {
                return Ok(true);
            }
            path.pop();
            findings.truncate(before);
            if self.tried.len() >= limits::MAX_TRIED_PATHS {
                return Ok(false);
            }
        }
        if !is_issued {
            let certificate = self.pool[current].certificate;
            let flaw = match candidates.first() {
                Some(&first) => PathFlaw::BadSignature {
                    subject: certificate.subject().to_string(),
                    issuer: self.pool[first].certificate.subject().to_string(),
                },
                None => PathFlaw::UnknownIssuer {
                    issuer: certificate.issuer().to_string(),
                },
            };
            self.record(path, findings, Some(flaw));
        }
        Ok(false)
    }

    /// Goes on with a path at whose end stands a new issuer.
    fn follow(
        &mut self,
        path: &mut Vec<usize>,
        findings: &mut Vec<PathFinding>,
    ) -> Result<bool, Spent> {
        let is_anchor = path.last().is_some_and(|last| self.pool[*last].is_anchor);
        if is_anchor {
            let more = self.judge(path)?;
            if findings.is_empty() && more.is_empty() {
                return Ok(true);
            }
            if self.is_explaining {
                let all: Vec<PathFinding> = findings.iter().cloned().chain(more).collect();
                self.record(path, &all, None);
            }
            return Ok(false);
        }
        if path.len() >= limits::MAX_PATH_LENGTH {
            self.record(path, findings, Some(PathFlaw::TooManyCertificates));
            return Ok(false);
        }
        self.extend(path, findings)
    }

    /// Who may have issued `current`, the most promising first: those with the key
    /// that it names, anchors, and those that have not ended.
    ///
    /// No path has a name with the same key twice: what lies between the two could
    /// be left out (RFC 4158 section 2.4.2), and CAs that certify each other would
    /// make endless paths.
    fn candidates(&mut self, path: &[usize], current: usize) -> Result<Vec<usize>, Spent> {
        self.budget.steps(self.pool.len())?;
        let pool = &self.pool;
        let below = &pool[current];
        let wanted = below.certificate.authority_key_identifier();
        let is_on_path = |one: &Candidate<'_>| {
            path.iter()
                .map(|index| &pool[*index])
                .any(|other| (other.subject, other.key) == (one.subject, one.key))
        };
        let may_end = |index: usize| self.target.is_none_or(|target| target == index);
        let mut found: Vec<usize> = pool
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(index, one)| {
                one.subject == below.issuer
                    && (!one.is_anchor || may_end(*index))
                    && !is_on_path(one)
            })
            .map(|(index, _)| index)
            .collect();
        found.sort_by_key(|index| {
            let one = &pool[*index];
            let named = one.certificate.subject_key_identifier();
            let hint = match wanted.zip(named) {
                Some((wanted, named)) if wanted == named => 0,
                Some(_) => 2,
                None => 1,
            };
            (
                hint,
                !one.is_anchor,
                !one.certificate.is_valid_at(self.query.at),
            )
        });
        Ok(found)
    }

    /// Whether the key of `issuer` made the signature of `current`.
    fn is_signed(&mut self, current: usize, issuer: usize) -> Result<bool, Spent> {
        let key = (current, self.pool[issuer].key);
        if let Some(known) = self.signed.get(&key) {
            return Ok(*known);
        }
        self.budget.signature()?;
        let public_key = self.pool[issuer].certificate.public_key();
        let is_signed = self.pool[current].certificate.is_signed_by(public_key);
        self.signed.insert(key, is_signed);
        Ok(is_signed)
    }

    /// Keeps a path that is refused, when everything is to be told.
    fn record(&mut self, path: &[usize], findings: &[PathFinding], last: Option<PathFlaw>) {
        if !self.is_explaining || self.target.is_some() {
            return;
        }
        let certificate = |index: &usize| self.pool[*index].certificate.clone();
        let place = path.len().saturating_sub(1);
        let last = last.map(|flaw| PathFinding { place, flaw });
        self.tried.push(TriedPath {
            certificates: path.iter().map(certificate).collect(),
            is_anchored: path.last().is_some_and(|last| self.pool[*last].is_anchor),
            findings: findings.iter().cloned().chain(last).collect(),
        });
    }
}
