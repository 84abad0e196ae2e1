//! What the rules for paths need of a certificate, beyond what [`Certificate`]
//! has read: names in the form in which they are compared, and the extensions
//! that restrict other certificates.

use crate::der;
use crate::pki::Certificate;

use super::constraints::{Constraints, GeneralName};
use super::names::{CanonicalName, text_of};
use super::policies::PolicyFacts;

/// Last arcs of `id-ce` (RFC 5280 section 4.2.1).
const SUBJECT_ALTERNATIVE_NAME: u8 = 17;
const NAME_CONSTRAINTS: u8 = 30;
const CERTIFICATE_POLICIES: u8 = 32;
const POLICY_MAPPINGS: u8 = 33;
const POLICY_CONSTRAINTS: u8 = 36;
const INHIBIT_ANY_POLICY: u8 = 54;

/// `emailAddress` (RFC 2985 section 5.2.1).
const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];

/// Of one certificate.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) subject: CanonicalName,
    pub(super) issuer: CanonicalName,
    /// All names to which constraints apply: the subject's and the alternative
    /// ones (RFC 5280 section 4.2.1.10).
    pub(super) names: Vec<GeneralName>,
    pub(super) constraints: Option<Constraints>,
    pub(super) policies: PolicyFacts,
    /// What is malformed, in words that follow the certificate's name.
    pub(super) malformed: Option<&'static str>,
}

impl Facts {
    pub(super) fn read(certificate: &Certificate) -> Self {
        let mut facts = Self::default();
        facts.malformed = facts.fill(certificate).err();
        facts
    }

    fn fill(&mut self, certificate: &Certificate) -> Result<(), &'static str> {
        self.subject = CanonicalName::of(certificate.subject()).ok_or("a malformed subject")?;
        self.issuer = CanonicalName::of(certificate.issuer()).ok_or("a malformed issuer")?;
        if !self.subject.is_empty() {
            self.names.push(GeneralName::Directory {
                name: self.subject.clone(),
                shown: format!("{}", certificate.subject()),
            });
        }
        for (arc, value) in extensions(certificate).ok_or("malformed extensions")? {
            self.take(arc, value)?;
        }
        // A certificate without an address among its alternative names may have it
        // in its subject, as old ones do (RFC 5280 section 4.2.1.10).
        let is_email = |name: &GeneralName| matches!(name, GeneralName::Email(_));
        if !self.names.iter().any(is_email) {
            self.names.extend(addresses(certificate));
        }
        Ok(())
    }

    fn take(&mut self, arc: u8, value: &[u8]) -> Result<(), &'static str> {
        match arc {
            SUBJECT_ALTERNATIVE_NAME => {
                let names = der::sequence(value).ok_or("a malformed subjectAltName")?;
                self.names.extend(names.iter().map(GeneralName::read));
            }
            NAME_CONSTRAINTS => {
                let read = Constraints::read(value).ok_or("malformed nameConstraints")?;
                self.constraints = Some(read);
            }
            CERTIFICATE_POLICIES => {
                self.policies
                    .add_policies(value)
                    .ok_or("malformed certificatePolicies")?;
            }
            POLICY_MAPPINGS => {
                self.policies
                    .add_mappings(value)
                    .ok_or("malformed policyMappings")?;
            }
            POLICY_CONSTRAINTS => {
                self.policies
                    .add_constraints(value)
                    .ok_or("malformed policyConstraints")?;
            }
            INHIBIT_ANY_POLICY => {
                self.policies
                    .add_inhibit_any(value)
                    .ok_or("a malformed inhibitAnyPolicy")?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The last arc and the value of each extension below `id-ce`.
fn extensions(certificate: &Certificate) -> Option<Vec<(u8, &[u8])>> {
    let fields = der::sequence(certificate.to_be_signed())?;
    let Some(last) = fields.last().filter(|last| last.tag == 0xa3) else {
        return Some(Vec::new());
    };
    let mut found = Vec::new();
    for extension in der::sequence(last.content)? {
        let parts = der::children(extension.content)?;
        let (oid, value) = match parts.as_slice() {
            [oid, value] | [oid, _, value] if value.tag == der::OCTET_STRING => (oid, value),
            _ => return None,
        };
        if let [0x55, 0x1d, arc] = oid.content {
            found.push((*arc, value.content));
        }
    }
    Some(found)
}

/// Every emailAddress of the subject.
fn addresses(certificate: &Certificate) -> Vec<GeneralName> {
    let rdns = der::sequence(certificate.subject().der()).unwrap_or_default();
    let mut found = Vec::new();
    for rdn in rdns {
        for pair in der::children(rdn.content).unwrap_or_default() {
            let parts = der::children(pair.content).unwrap_or_default();
            if let [kind, value] = parts.as_slice()
                && kind.content == EMAIL_ADDRESS
            {
                found.push(match text_of(value) {
                    Some(text) => GeneralName::email(text.as_bytes()),
                    None => GeneralName::email(value.content),
                });
            }
        }
    }
    found
}
