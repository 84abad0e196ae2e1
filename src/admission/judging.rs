//! A situation while it is judged, with what several rules need of it: it is made
//! once, since building a path and judging a policy are work.

use std::cell::OnceCell;

use chrono::{DateTime, Utc};

use crate::pki::{
    Certificate, LeafFlaw, PathFinding, PathFlaw, PathQuery, Policy, Revocation, TriedPath,
    leaf_flaws, validate_path,
};
use crate::rolesanywhere::{RoleArn, TrustAnchorArn};

use super::rule::{Checked, Finding};
use super::trust::Trust;
use super::{
    AnchorFacts, Answer, AttributeMapping, Known, MissingInput, Principal, Profile, Situation,
};

/// What the rules look at.
pub(super) struct Judging<'s, 'a> {
    /// The facts.
    pub(super) situation: &'s Situation<'a>,
    path: OnceCell<Result<Option<TriedPath>, MissingInput>>,
    principal: OnceCell<Option<Principal>>,
    trust: OnceCell<Result<Trust, MissingInput>>,
}

impl<'s, 'a> Judging<'s, 'a> {
    pub(super) const fn of(situation: &'s Situation<'a>) -> Self {
        Self {
            situation,
            path: OnceCell::new(),
            principal: OnceCell::new(),
            trust: OnceCell::new(),
        }
    }

    pub(super) fn leaf(&self) -> Result<&'a Certificate, MissingInput> {
        self.situation.leaf.ok_or(MissingInput::Leaf)
    }

    pub(super) fn chain(&self) -> Result<&'a [Certificate], MissingInput> {
        self.situation.chain.ok_or(MissingInput::Chain)
    }

    pub(super) fn now(&self) -> Result<DateTime<Utc>, MissingInput> {
        self.situation.now.ok_or(MissingInput::Now)
    }

    pub(super) fn role_arn(&self) -> Result<&'a RoleArn, MissingInput> {
        self.situation.role_arn.ok_or(MissingInput::RoleArn)
    }

    /// The ARN of the trust anchor: its own, where that is known.
    pub(super) fn anchor_arn(&self) -> Result<&'a TrustAnchorArn, MissingInput> {
        let own = self.situation.anchor.is().and_then(|anchor| anchor.arn);
        own.or(self.situation.anchor_arn)
            .ok_or(MissingInput::AnchorArn)
    }

    pub(super) fn anchor(&self) -> Result<AnchorFacts<'a>, MissingInput> {
        self.situation.anchor.is().ok_or(MissingInput::Anchor)
    }

    pub(super) fn anchor_certificates(&self) -> Result<&'a [Certificate], MissingInput> {
        let certificates = self.situation.anchor.is().and_then(|it| it.certificates);
        certificates.ok_or(MissingInput::AnchorCertificates)
    }

    pub(super) fn profile(&self) -> Result<&'a Profile, MissingInput> {
        self.situation.profile.is().ok_or(MissingInput::Profile)
    }

    /// What the certificate makes of a session. Without a profile it is with the
    /// default mapping.
    pub(super) fn principal(&self) -> Result<&Principal, MissingInput> {
        let made = self.principal.get_or_init(|| {
            let default = AttributeMapping::default();
            let profile = self.situation.profile.is();
            let mapping = profile.map_or(&default, |profile| &profile.mapping);
            let leaf = self.situation.leaf?;
            Some(Principal::of(leaf, mapping))
        });
        made.as_ref().ok_or(MissingInput::Leaf)
    }

    /// What the role's trust policy says.
    pub(super) fn trust(&self) -> Result<&Trust, MissingInput> {
        let made = self.trust.get_or_init(|| Trust::of(self));
        made.as_ref().map_err(Clone::clone)
    }

    /// What AWS answers where AssumeRole is refused: with the attributes that could
    /// not become tags, where there are such.
    pub(super) fn unable(&self) -> Result<Answer, MissingInput> {
        let role_arn = self.role_arn()?.to_string();
        let unmapped = match (self.situation.leaf, self.principal()) {
            (Some(leaf), Ok(principal)) => principal.failed(leaf),
            _ => None,
        };
        Ok(match unmapped {
            Some(attributes) => Answer::UnmappedAttributes {
                role_arn,
                attributes,
            },
            None => Answer::UnableToAssumeRole {
                role_arn,
                duration: false,
            },
        })
    }

    /// Denies for these flaws of the leaf alone.
    pub(super) fn without_leaf_flaw(&self, is_mine: fn(&LeafFlaw) -> bool) -> Checked {
        let flaws = leaf_flaws(self.leaf()?);
        match flaws.iter().find(|flaw| is_mine(flaw)) {
            Some(flaw) => {
                let reason = flaw.to_string();
                Err(Finding::new(Answer::InsufficientCertificate, reason).into())
            }
            None => Ok(()),
        }
    }

    /// Denies for these flaws of the path that comes closest. `answer` is AWS's.
    pub(super) fn without_path_flaw(
        &self,
        answer: Answer,
        is_mine: fn(&TriedPath, &PathFinding) -> bool,
    ) -> Checked {
        let Some(path) = self.path()? else {
            return Ok(());
        };
        if let Some(finding) = path.findings.iter().find(|one| is_mine(path, one)) {
            return Err(Finding::new(answer, finding.flaw.to_string()).into());
        }
        // What lies above the end of a path that leads nowhere is not known.
        if path.is_anchored {
            Ok(())
        } else {
            Err(MissingInput::Path.into())
        }
    }

    /// The path that came closest, with what refuses it; nothing when there is a
    /// valid one.
    pub(super) fn path(&self) -> Result<Option<&TriedPath>, MissingInput> {
        let made = self.path.get_or_init(|| {
            let query = PathQuery {
                leaf: self.leaf()?,
                intermediates: self.chain()?,
                anchors: self.anchor_certificates()?,
                revocation: self
                    .situation
                    .crls
                    .map_or(Revocation::Unchecked, Revocation::Listed),
                at: self.now()?,
                policy: Policy::RolesAnywhere,
            };
            let Err(error) = validate_path(&query) else {
                return Ok(None);
            };
            // A refusal without a path says nothing of any, and is no valid one.
            let tried = error.tried().first().cloned();
            tried.map(Some).ok_or(MissingInput::Path)
        });
        made.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }
}

/// Whether a path ends at a certificate that names itself as its issuer: the root
/// of somebody else.
pub(super) fn ends_at_a_root(path: &TriedPath) -> bool {
    path.certificates
        .last()
        .is_some_and(Certificate::is_self_issued)
}

/// The flaws that are about names.
pub(super) const fn is_of_names(flaw: &PathFlaw) -> bool {
    matches!(
        flaw,
        PathFlaw::NameExcluded { .. }
            | PathFlaw::NameNotPermitted { .. }
            | PathFlaw::NameUnhandled { .. }
    )
}

/// Whether it is there, for those who know.
pub(super) fn is_there<T>(known: &Known<T>, missing: MissingInput) -> Result<bool, MissingInput> {
    match known {
        Known::Is(_) => Ok(true),
        Known::Absent => Ok(false),
        Known::Unknown => Err(missing),
    }
}
