//! Judging what was built: one certificate at a time, and the path as a whole.

use crate::pki::{Certificate, Policy, SignatureHash};

use super::budget::Spent;
use super::build::{Candidate, Search};
use super::constraints::Violation;
use super::policies::Policies;
use super::{LeafFlaw, PathFinding, PathFlaw, leaf_flaws};

/// Critical extensions that are evaluated here, or restrict nothing of what is
/// asked (RFC 5280 section 4.2): the identifiers of keys, key usage, alternative
/// names, basic constraints, name constraints, policies with their mappings and
/// constraints, extended key usage.
const HANDLED: [&str; 11] = [
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.19",
    "2.5.29.30",
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.35",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.54",
];

/// id-kp-clientAuth and anyExtendedKeyUsage.
const FOR_CLIENTS: [&str; 2] = ["1.3.6.1.5.5.7.3.2", "2.5.29.37.0"];

impl Search<'_, '_> {
    /// What is wrong with the leaf, whatever stands above it.
    pub(super) fn flaws_of_leaf(&self, leaf: &Candidate<'_>) -> Vec<PathFlaw> {
        let certificate = leaf.certificate;
        let subject = || certificate.subject().to_string();
        let mut flaws = self.common_flaws(leaf);
        let san = "2.5.29.17";
        if certificate.subject().is_empty() && !certificate.critical().iter().any(|oid| oid == san)
        {
            let serial = *certificate.serial();
            flaws.push(PathFlaw::Nameless { serial });
        }
        if leaf.facts.constraints.is_some() && !certificate.is_ca() {
            flaws.push(PathFlaw::ConstraintsOfLeaf { subject: subject() });
        }
        if self.query.policy == Policy::RolesAnywhere {
            // These two hold for every certificate of the path.
            let is_common = |flaw: &LeafFlaw| {
                matches!(flaw, LeafFlaw::Version { .. } | LeafFlaw::SignatureHash)
            };
            let own = leaf_flaws(certificate);
            flaws.extend(
                own.into_iter()
                    .filter(|flaw| !is_common(flaw))
                    .map(PathFlaw::Leaf),
            );
        }
        flaws
    }

    /// What is wrong with a certificate that stands above `path`, whose last one
    /// it has signed.
    pub(super) fn flaws_of_issuer(&self, path: &[usize], issuer: usize) -> Vec<PathFlaw> {
        let candidate = &self.pool[issuer];
        let certificate = candidate.certificate;
        let subject = || certificate.subject().to_string();
        let mut flaws = Vec::new();
        let constraints = certificate.basic_constraints().filter(|found| found.ca);
        if constraints.is_none() {
            flaws.push(PathFlaw::NotACa { subject: subject() });
        }
        let may_sign = match certificate.key_usage() {
            Some(usage) => usage.key_cert_sign,
            None => self.query.policy == Policy::Rfc5280,
        };
        if !may_sign {
            flaws.push(PathFlaw::NoKeyCertSign { subject: subject() });
        }
        flaws.extend(self.common_flaws(candidate));
        if certificate.subject().is_empty() {
            flaws.push(PathFlaw::EmptyName {
                subject: format!("the CA with serial number {}", certificate.serial()),
                whose: "subject",
            });
        }
        // RFC 5280 section 4.2.1.9: self-issued intermediates do not count, and
        // neither does the leaf.
        let below = path.iter().skip(1);
        let count = below
            .filter(|index| !self.pool[**index].is_self_issued())
            .count();
        let allowed = constraints.and_then(|constraints| constraints.path_length);
        if let Some(allowed) = allowed
            && u32::try_from(count).unwrap_or(u32::MAX) > allowed
        {
            flaws.push(PathFlaw::PathTooLong {
                subject: subject(),
                allowed,
            });
        }
        flaws
    }

    /// What holds for every certificate of a path.
    pub(super) fn common_flaws(&self, candidate: &Candidate<'_>) -> Vec<PathFlaw> {
        let certificate = candidate.certificate;
        let subject = || certificate.subject().to_string();
        let mut flaws = Vec::new();
        flaws.extend(self.validity(certificate));
        if certificate.signature_hash() != SignatureHash::Strong {
            flaws.push(PathFlaw::WeakSignature { subject: subject() });
        }
        let version = certificate.version();
        if version != 3 {
            flaws.push(PathFlaw::Version {
                subject: subject(),
                version,
            });
        }
        if let Some(what) = candidate.facts.malformed {
            flaws.push(PathFlaw::Malformed {
                subject: subject(),
                what,
            });
        }
        let is_handled = |oid: &&String| HANDLED.contains(&oid.as_str());
        for oid in certificate.critical().iter().filter(|oid| !is_handled(oid)) {
            let oid = oid.clone();
            flaws.push(PathFlaw::UnhandledCritical {
                subject: subject(),
                oid,
            });
        }
        if certificate.issuer().is_empty() {
            let whose = "issuer";
            flaws.push(PathFlaw::EmptyName {
                subject: subject(),
                whose,
            });
        }
        // RFC 5280 section 4.2.1.12 is about leaves; of a CA, what validates paths
        // takes it for what its leaves may be used for.
        let purposes = certificate.extended_key_usage();
        let is_for_clients = |purposes: &[String]| {
            purposes
                .iter()
                .any(|oid| FOR_CLIENTS.contains(&oid.as_str()))
        };
        if let Some(purposes) = purposes.filter(|purposes| !is_for_clients(purposes)) {
            let found = match purposes {
                [] => "nothing".to_owned(),
                purposes => purposes.join(", "),
            };
            flaws.push(PathFlaw::NotForClients {
                subject: subject(),
                found,
            });
        }
        flaws
    }

    fn validity(&self, certificate: &Certificate) -> Option<PathFlaw> {
        let at = self.query.at;
        let subject = certificate.subject().to_string();
        if at < certificate.not_before() {
            let not_before = certificate.not_before();
            return Some(PathFlaw::NotYetValid {
                subject,
                not_before,
            });
        }
        let not_after = certificate.not_after();
        (!certificate.is_valid_at(at)).then_some(PathFlaw::Expired { subject, not_after })
    }

    /// What is wrong with a path that ends in an anchor, beyond what is wrong with
    /// one of its certificates.
    pub(super) fn judge(&mut self, path: &[usize]) -> Result<Vec<PathFinding>, Spent> {
        let mut findings = self.constraints(path)?;
        findings.extend(self.policies(path)?);
        findings.extend(self.revocation(path)?);
        findings.sort_by_key(|finding| finding.place);
        Ok(findings)
    }

    /// RFC 5280 section 6.1.3 (b), (c): what stands above restricts the names of
    /// all below, but for self-issued intermediates.
    fn constraints(&mut self, path: &[usize]) -> Result<Vec<PathFinding>, Spent> {
        let mut findings = Vec::new();
        for (above, issuer) in path.iter().enumerate().skip(1) {
            let issuer = &self.pool[*issuer];
            let Some(constraints) = &issuer.facts.constraints else {
                continue;
            };
            for (place, index) in path.iter().enumerate().take(above) {
                let below = &self.pool[*index];
                if place > 0 && below.is_self_issued() {
                    continue;
                }
                let names = &below.facts.names;
                let Some(violation) = constraints.first_violation(names, &mut self.budget)? else {
                    continue;
                };
                let subject = below.certificate.subject().to_string();
                let by = issuer.certificate.subject().to_string();
                let flaw = match violation {
                    Violation::Excluded(name) => PathFlaw::NameExcluded { subject, name, by },
                    Violation::NotPermitted(name) => {
                        PathFlaw::NameNotPermitted { subject, name, by }
                    }
                    Violation::Unhandled(name) => PathFlaw::NameUnhandled { subject, name, by },
                };
                findings.push(PathFinding { place, flaw });
            }
        }
        Ok(findings)
    }

    /// Whether there is a policy wherever a CA demands one, from the anchor down.
    fn policies(&mut self, path: &[usize]) -> Result<Option<PathFinding>, Spent> {
        let Some((anchor, below)) = path.split_last() else {
            return Ok(None);
        };
        let lost = |search: &Self, place: usize| {
            let subject = search.pool[path[place]].certificate.subject().to_string();
            let flaw = PathFlaw::NoPolicy { subject };
            Ok(Some(PathFinding { place, flaw }))
        };
        let mut state = Policies::new(below.len());
        state.begin(&self.pool[*anchor].facts.policies);
        for (place, index) in below.iter().enumerate().skip(1).rev() {
            let one = &self.pool[*index];
            if !state.pass(&one.facts.policies, one.is_self_issued(), &mut self.budget)? {
                return lost(self, place);
            }
        }
        match below.first() {
            Some(leaf) => {
                let holds = state.end(&self.pool[*leaf].facts.policies, &mut self.budget)?;
                if holds { Ok(None) } else { lost(self, 0) }
            }
            None => Ok(None),
        }
    }
}
