//! What exists in the emulated account: one value, which the control plane
//! changes and every session is judged against.

mod anchor;
mod crl;
mod facts;
mod head;
mod kept;
mod profile;
mod role;
mod subject;
mod written;

use serde::{Deserialize, Serialize};

use crate::random;
use crate::rolesanywhere::Region;

pub(super) use self::anchor::{Bundle, BundleError, Notification, Source, TrustAnchor};
pub(super) use self::crl::{CrlData, RevocationList};
pub(super) use self::head::{Alias, AliasError, Head, Kind, Resource, Tag};
pub(super) use self::kept::Kept;
pub use self::kept::{StateError, StateFile};
pub(super) use self::profile::Profile;
pub use self::role::PolicyText;
pub(super) use self::role::Role;
pub(super) use self::subject::{SeenCertificate, SeenProperties, Subject, Visit, subject_id};

/// Where all resources are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Place {
    /// The region.
    #[serde(with = "written::text")]
    pub(super) region: Region,
    /// The account, twelve digits.
    pub(super) account: String,
}

impl Place {
    /// The ARN of a resource by its id.
    pub(super) fn arn(&self, kind: Kind, id: &str) -> String {
        format!("{}:{}/{id}", self.prefix(), kind.segment())
    }

    /// The ARN of a resource by its alias.
    pub(super) fn alias_arn(&self, kind: Kind, alias: &str) -> String {
        format!("{}:alias/{}/{alias}", self.prefix(), kind.segment())
    }

    fn prefix(&self) -> String {
        format!(
            "arn:{}:rolesanywhere:{}:{}",
            self.region.partition().name(),
            self.region,
            self.account
        )
    }
}

/// Everything that exists.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct State {
    /// Where.
    pub(super) place: Place,
    /// The number of the next resource.
    next: u64,
    /// Trust anchors, in the order in which they were made, as all lists are.
    pub(super) anchors: Vec<TrustAnchor>,
    /// Profiles.
    pub(super) profiles: Vec<Profile>,
    /// Revocation lists.
    pub(super) crls: Vec<RevocationList>,
    /// Who has asked for sessions.
    pub(super) subjects: Vec<Subject>,
    /// IAM roles.
    pub(super) roles: Vec<Role>,
}

impl State {
    /// An account in which nothing exists.
    pub(super) const fn empty(place: Place) -> Self {
        Self {
            place,
            next: 1,
            anchors: Vec::new(),
            profiles: Vec::new(),
            crls: Vec::new(),
            subjects: Vec::new(),
            roles: Vec::new(),
        }
    }

    /// The number of a resource that is made now.
    pub(super) const fn take_number(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }

    /// The resource that an id, an ARN or an alias ARN names.
    pub(super) fn find<'a, R: Resource>(&self, among: &'a [R], identifier: &str) -> Option<&'a R> {
        self.position(among, identifier)
            .and_then(|index| among.get(index))
    }

    /// Where in the list the resource stands that an id, an ARN or an alias ARN
    /// names.
    pub(super) fn position<R: Resource>(&self, among: &[R], identifier: &str) -> Option<usize> {
        let by_arn = identifier.starts_with("arn:");
        among.iter().position(|resource| {
            let head = resource.head();
            match (by_arn, &head.alias) {
                (false, _) => head.id == identifier,
                (true, alias) => {
                    self.place.arn(R::KIND, &head.id) == identifier
                        || alias.as_ref().is_some_and(|alias| {
                            self.place.alias_arn(R::KIND, alias.as_str()) == identifier
                        })
                }
            }
        })
    }

    /// The ARN of a resource.
    pub(super) fn arn_of<R: Resource>(&self, resource: &R) -> String {
        self.place.arn(R::KIND, &resource.head().id)
    }

    /// Takes over what is not here yet.
    pub(super) fn add(&mut self, other: Self) {
        fn missing<R: Resource>(known: &mut Vec<R>, next: &mut u64, given: Vec<R>) {
            for mut resource in given {
                if !is_taken(known, resource.head()) {
                    resource.head_mut().number = *next;
                    *next += 1;
                    known.push(resource);
                }
            }
        }
        missing(&mut self.anchors, &mut self.next, other.anchors);
        missing(&mut self.profiles, &mut self.next, other.profiles);
        missing(&mut self.crls, &mut self.next, other.crls);
        for role in other.roles {
            if self.role(role.arn.as_str()).is_none() {
                self.roles.push(role);
            }
        }
    }

    /// The role of an ARN.
    pub(super) fn role(&self, arn: &str) -> Option<&Role> {
        self.roles.iter().find(|role| role.arn.as_str() == arn)
    }
}

/// Whether one of these has the id or the alias already.
pub(super) fn is_taken<R: Resource>(among: &[R], head: &Head) -> bool {
    among.iter().any(|known| {
        let known = known.head();
        known.id == head.id || (known.alias.is_some() && known.alias == head.alias)
    })
}

/// A new id: a UUID of version 4 (RFC 9562). `None` without randomness.
pub(super) fn new_id() -> Option<String> {
    let mut octets = random::octets::<16>()?;
    octets[6] = octets[6] & 0x0f | 0x40;
    octets[8] = octets[8] & 0x3f | 0x80;
    Some(uuid_text(octets))
}

/// Sixteen octets as the text of a UUID.
pub(super) fn uuid_text(octets: [u8; 16]) -> String {
    let text = hex::encode(octets);
    format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..]
    )
}
