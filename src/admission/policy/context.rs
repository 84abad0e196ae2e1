//! What a request to assume a role holds, as far as it is known.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::admission::Principal;
use crate::clock::rfc3339;
use crate::rolesanywhere::{RoleArn, RoleSessionName, TrustAnchorArn};

/// The tags that a session may have under names of AWS's own, behind the field.
const DOCUMENTED_ATTRIBUTES: [&str; 7] = ["C", "CN", "L", "O", "OU", "ST", "UID"];

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// It is not in the request; and why, where that is worth telling.
    Absent(Option<String>),
    /// It has several values, or could have.
    Many(Vec<String>),
    /// It has one value.
    One(String),
    /// Only AWS knows; and why.
    Unknown(String),
}

/// Who asks for a role by AssumeRole, with credentials of AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The ARN of the user, or of the role's session.
    pub arn: String,
    /// The account.
    pub account: String,
    /// The role, where it is a role's session.
    pub role: Option<RoleArn>,
}

/// The keys of a request with their values. A key that is not told of is
/// unknown. The names of keys are the same in any case ("IAM JSON policy
/// elements: Condition").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestContext {
    facts: BTreeMap<String, Fact>,
    /// What is known of the tags that are not told of.
    other_tags: Option<Fact>,
    /// Whether the service principal's name is not documented.
    foreign_partition: bool,
    /// Who asks, where it is not Roles Anywhere.
    caller: Option<Caller>,
}

impl RequestContext {
    /// The same request, with a key.
    #[must_use]
    pub fn with(mut self, key: &str, fact: Fact) -> Self {
        self.facts.insert(key.to_lowercase(), fact);
        self
    }

    /// What Roles Anywhere asks for when it assumes a role: `aws:SourceArn`,
    /// `aws:SourceAccount` and the principal tags (user guide, "Trust model"),
    /// the session's name and source identity, and the time. Anything else that
    /// might be in the request is not documented, and unknown.
    #[must_use]
    pub fn of_session(
        anchor: &TrustAnchorArn,
        principal: &Principal,
        session_name: Option<&RoleSessionName>,
        at: DateTime<Utc>,
    ) -> Self {
        let known = |text: &str| Fact::One(text.to_owned());
        let documented = |text: &str, documented: bool| {
            if documented {
                known(text)
            } else {
                unknown("the user guide does not say what it is for this certificate")
            }
        };
        let source_arn = if anchor.is_alias() {
            unknown("it is the trust anchor's own ARN, and only an alias was given")
        } else {
            known(anchor.as_str())
        };
        let name = session_name.map_or_else(
            || documented(&principal.session_name, principal.session_name_documented),
            |name| known(name.as_str()),
        );
        let identity = documented(
            &principal.source_identity,
            principal.source_identity_documented,
        );
        let external_id = Fact::Absent(Some("CreateSession has no external id".to_owned()));
        let mut context = Self {
            foreign_partition: anchor.partition().name() != "aws",
            ..Self::default()
        }
        .with("aws:SourceArn", source_arn)
        .with("aws:SourceAccount", known(anchor.account()))
        .with("aws:CurrentTime", Fact::One(rfc3339(at)))
        .with("aws:EpochTime", Fact::One(at.timestamp().to_string()))
        .with("sts:RoleSessionName", name)
        .with("sts:SourceIdentity", identity)
        .with("sts:ExternalId", external_id);
        context.add_tags(principal);
        context
    }

    /// What AssumeRole asks for with a caller's own credentials (IAM user guide,
    /// "AWS global condition context keys" and "Available keys for AWS STS").
    #[must_use]
    pub fn of_caller(
        caller: Caller,
        session_name: &RoleSessionName,
        external_id: Option<&str>,
        at: DateTime<Utc>,
    ) -> Self {
        let known = |text: &str| Fact::One(text.to_owned());
        let no_service = || Fact::Absent(Some("no service asks".to_owned()));
        let principal = caller.role.as_ref().map_or(&*caller.arn, RoleArn::as_str);
        Self::default()
            .with("aws:PrincipalArn", known(principal))
            .with("aws:PrincipalAccount", known(&caller.account))
            .with("aws:SourceArn", no_service())
            .with("aws:SourceAccount", no_service())
            .with("aws:CurrentTime", Fact::One(rfc3339(at)))
            .with("aws:EpochTime", Fact::One(at.timestamp().to_string()))
            .with("sts:RoleSessionName", known(session_name.as_str()))
            .with(
                "sts:ExternalId",
                external_id.map_or(Fact::Absent(None), known),
            )
            .asked_by(caller)
    }

    fn asked_by(self, caller: Caller) -> Self {
        Self {
            caller: Some(caller),
            ..self
        }
    }

    /// Who asks, where it is not Roles Anywhere.
    pub(super) const fn caller(&self) -> Option<&Caller> {
        self.caller.as_ref()
    }

    /// The same request, of whose principal tags nothing is known.
    #[must_use]
    pub fn without_tags(mut self, why: &str) -> Self {
        let prefix = "aws:principaltag/";
        self.facts.retain(|key, _| !key.starts_with(prefix));
        self.other_tags = Some(unknown(why));
        self
    }

    fn add_tags(&mut self, principal: &Principal) {
        let key = |tag: &str| format!("aws:PrincipalTag/{tag}").to_lowercase();
        // An attribute for which AWS has no documented name may be set under
        // another one than ours: then only the documented names are certain.
        self.other_tags = Some(if principal.undocumented.is_empty() {
            Fact::Absent(None)
        } else {
            unknown("the certificate has attributes for whose types the user guide has no name")
        });
        for field in ["x509Subject", "x509Issuer", "x509SAN/Name"] {
            for attribute in DOCUMENTED_ATTRIBUTES {
                let name = key(&format!("{field}/{attribute}"));
                self.facts.insert(name, Fact::Absent(None));
            }
        }
        for name in ["x509SAN/DNS", "x509SAN/URI"] {
            self.facts.insert(key(name), Fact::Absent(None));
        }
        for tag in &principal.left_out {
            let why = "no tag may have this value's characters or length, so AWS leaves it out";
            self.facts
                .insert(key(&tag.key), Fact::Absent(Some(why.to_owned())));
        }
        for tag in &principal.unmapped {
            let why = "the profile's attribute mapping leaves it out";
            self.facts
                .insert(key(&tag.key), Fact::Absent(Some(why.to_owned())));
        }
        for tag in &principal.undocumented {
            let why = "the user guide has no name for this attribute";
            self.facts.insert(key(&tag.key), unknown(why));
        }
        for tag in &principal.tags {
            self.facts
                .insert(key(&tag.key), Fact::One(tag.value.clone()));
        }
    }

    /// What is known of a key, whatever case it is written in.
    #[must_use]
    pub fn fact(&self, key: &str) -> Fact {
        let lower = key.to_lowercase();
        let is_tag = lower.starts_with("aws:principaltag/");
        let fact = self.facts.get(&lower);
        let fact = fact.or_else(|| self.other_tags.as_ref().filter(|_| is_tag));
        fact.cloned()
            .unwrap_or_else(|| unknown("AWS does not document its value for Roles Anywhere"))
    }

    /// The service principal's name, where AWS documents it: it says nothing of
    /// partitions besides `aws`.
    pub(super) const fn has_documented_service(&self) -> bool {
        !self.foreign_partition
    }
}

fn unknown(why: &str) -> Fact {
    Fact::Unknown(why.to_owned())
}
