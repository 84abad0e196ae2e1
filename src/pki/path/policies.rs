//! Certificate policies (RFC 5280 section 6.1, as RFC 9618 amends it).
//!
//! Nobody here asks for a policy: the initial set is any policy, and none has to
//! be there. What is left is what a CA itself demands: with policyConstraints that
//! the rest of the path has one. Of the tree of valid policies only the nodes of
//! the depth that was reached last matter for that, so no other is kept.

use std::collections::{BTreeMap, BTreeSet};

use crate::der;

use super::budget::{Budget, Spent};

/// `anyPolicy`, content octets.
const ANY: &[u8] = &[0x55, 0x1d, 0x20, 0x00];

/// A policy by the content octets of its identifier.
type Id = Vec<u8>;

/// What a certificate says of policies.
#[derive(Debug, Default)]
pub(super) struct PolicyFacts {
    /// `None` without certificatePolicies.
    policies: Option<BTreeSet<Id>>,
    /// The subject's policies that stand for one of the issuer's.
    mappings: BTreeMap<Id, BTreeSet<Id>>,
    /// requireExplicitPolicy.
    explicit: Option<usize>,
    /// inhibitPolicyMapping.
    inhibit_mapping: Option<usize>,
    /// inhibitAnyPolicy.
    inhibit_any: Option<usize>,
}

impl PolicyFacts {
    /// Each of these takes the value of one extension, and gives `None` for one
    /// that is malformed.
    pub(super) fn add_policies(&mut self, value: &[u8]) -> Option<()> {
        let mut found = BTreeSet::new();
        for information in der::sequence(value)? {
            let parts = der::children(information.content)?;
            let id = parts
                .first()
                .filter(|id| id.tag == der::OBJECT_IDENTIFIER)?;
            // None may stand there twice (RFC 5280 section 4.2.1.4).
            found.insert(id.content.to_vec()).then_some(())?;
        }
        self.policies = Some(found);
        Some(())
    }

    pub(super) fn add_mappings(&mut self, value: &[u8]) -> Option<()> {
        for mapping in der::sequence(value)? {
            let parts = der::children(mapping.content)?;
            let [issuer, subject] = parts.as_slice() else {
                return None;
            };
            // Section 6.1.4 (a).
            if issuer.content == ANY || subject.content == ANY {
                return None;
            }
            let mapped = self.mappings.entry(issuer.content.to_vec());
            mapped.or_default().insert(subject.content.to_vec());
        }
        Some(())
    }

    pub(super) fn add_constraints(&mut self, value: &[u8]) -> Option<()> {
        let parts = der::sequence(value)?;
        for part in &parts {
            match part.tag {
                0x80 => self.explicit = Some(count(part.content)?),
                0x81 => self.inhibit_mapping = Some(count(part.content)?),
                _ => return None,
            }
        }
        (!parts.is_empty()).then_some(())
    }

    pub(super) fn add_inhibit_any(&mut self, value: &[u8]) -> Option<()> {
        match der::read(value)? {
            (number, []) if number.tag == der::INTEGER => {
                self.inhibit_any = Some(count(number.content)?);
                Some(())
            }
            _ => None,
        }
    }
}

/// How many certificates a constraint skips. More than anybody has are as many as
/// can be counted.
fn count(content: &[u8]) -> Option<usize> {
    if content.first()? & 0x80 != 0 {
        return None;
    }
    Some(content.iter().fold(0_usize, |sum, octet| {
        sum.saturating_mul(0x100)
            .saturating_add(usize::from(*octet))
    }))
}

/// The state of section 6.1.2.
pub(super) struct Policies {
    /// The policies that are valid at this depth, each with those that are
    /// expected for it in the next certificate.
    valid: BTreeMap<Id, BTreeSet<Id>>,
    explicit: usize,
    mapping: usize,
    any: usize,
}

impl Policies {
    /// The state above a path of so many certificates, the anchor not counted.
    pub(super) fn new(length: usize) -> Self {
        let after = length.saturating_add(1);
        Self {
            valid: BTreeMap::from([(ANY.to_vec(), BTreeSet::from([ANY.to_vec()]))]),
            explicit: after,
            mapping: after,
            any: after,
        }
    }

    /// Takes what the anchor demands: of policies it has no say (RFC 5937 section
    /// 3.2 has more, which needs an anchor with policies).
    pub(super) fn begin(&mut self, anchor: &PolicyFacts) {
        self.tighten(anchor);
    }

    /// Goes through an intermediate, the topmost first. Whether a policy is there
    /// as far as one has to be.
    pub(super) fn pass(
        &mut self,
        facts: &PolicyFacts,
        is_self_issued: bool,
        budget: &mut Budget,
    ) -> Result<bool, Spent> {
        self.process(facts, is_self_issued, budget)?;
        if !self.holds() {
            return Ok(false);
        }
        self.map(facts, budget)?;
        if !is_self_issued {
            self.explicit = self.explicit.saturating_sub(1);
            self.mapping = self.mapping.saturating_sub(1);
            self.any = self.any.saturating_sub(1);
        }
        self.tighten(facts);
        Ok(true)
    }

    /// Ends with the leaf (sections 6.1.3 and 6.1.5).
    pub(super) fn end(mut self, facts: &PolicyFacts, budget: &mut Budget) -> Result<bool, Spent> {
        self.process(facts, false, budget)?;
        if !self.holds() {
            return Ok(false);
        }
        self.explicit = self.explicit.saturating_sub(1);
        if facts.explicit == Some(0) {
            self.explicit = 0;
        }
        Ok(self.holds())
    }

    fn holds(&self) -> bool {
        self.explicit > 0 || !self.valid.is_empty()
    }

    /// Section 6.1.3 (d) and (e).
    fn process(
        &mut self,
        facts: &PolicyFacts,
        is_self_issued: bool,
        budget: &mut Budget,
    ) -> Result<(), Spent> {
        let Some(policies) = &facts.policies else {
            self.valid.clear();
            return Ok(());
        };
        budget.pairs(policies.len(), self.valid.len().saturating_add(1))?;
        let was_any = self.valid.contains_key(ANY);
        let is_expected = |id: &Id| self.valid.values().any(|expected| expected.contains(id));
        let mut next: BTreeSet<Id> = policies
            .iter()
            .filter(|id| *id != ANY && (was_any || is_expected(id)))
            .cloned()
            .collect();
        if policies.contains(ANY) && (self.any > 0 || is_self_issued) {
            budget.steps(self.valid.values().map(BTreeSet::len).sum())?;
            next.extend(self.valid.values().flatten().cloned());
        }
        self.valid = next
            .into_iter()
            .map(|id| (id.clone(), BTreeSet::from([id])))
            .collect();
        Ok(())
    }

    /// Section 6.1.4 (b).
    fn map(&mut self, facts: &PolicyFacts, budget: &mut Budget) -> Result<(), Spent> {
        budget.steps(facts.mappings.values().map(BTreeSet::len).sum())?;
        for (issuer, subject) in &facts.mappings {
            if self.mapping == 0 {
                self.valid.remove(issuer);
            } else if self.valid.contains_key(issuer) || self.valid.contains_key(ANY) {
                self.valid.insert(issuer.clone(), subject.clone());
            }
        }
        Ok(())
    }

    /// Section 6.1.4 (i) and (j).
    fn tighten(&mut self, facts: &PolicyFacts) {
        let least = |state: usize, said: Option<usize>| said.map_or(state, |said| state.min(said));
        self.explicit = least(self.explicit, facts.explicit);
        self.mapping = least(self.mapping, facts.inhibit_mapping);
        self.any = least(self.any, facts.inhibit_any);
    }
}
