//! From what the options say to the account as it is at the start.

use chrono::{DateTime, TimeDelta, Utc};

use crate::admission::AttributeMapping;
use crate::emulator::state::{
    Alias, Bundle, BundleError, CrlData, Head, Kind, Place, Profile, Resource, RevocationList,
    Role, Source, State, TrustAnchor,
};
use crate::pki::{Certificate, Crl};
use crate::rolesanywhere::{ProfileArn, Region, RoleArn, SessionDuration, TrustAnchorArn};

use super::{WorldError, uuid};

/// The account of ARNs that are made up: AWS's own example account.
const EXAMPLE_ACCOUNT: &str = "123456789012";

/// What is to exist; ARNs that are not given are made up.
#[derive(Debug)]
pub struct WorldPlan {
    /// Trust anchors: ARN, the file's name for messages, its certificates.
    pub anchors: Vec<(Option<TrustAnchorArn>, String, Vec<Certificate>)>,
    /// Revocation lists, all enabled: each for the trust anchors of its issuer,
    /// or, when that is none of them, for all.
    pub crls: Vec<Crl>,
    /// Profiles; each lists every role. One is made up when there are anchors
    /// and no profiles.
    pub profiles: Vec<ProfileArn>,
    /// Roles. One is made up when there are anchors and no roles.
    pub roles: Vec<RoleArn>,
    /// The region; by default that of the given ARNs, else `us-east-1`.
    pub region: Option<Region>,
    /// The profiles' session duration.
    pub profile_duration: SessionDuration,
    /// The roles' `MaxSessionDuration`.
    pub role_max_duration: SessionDuration,
    /// The profiles' `acceptRoleSessionName`.
    pub accepts_session_name: bool,
    /// ARNs of anchors and profiles that are disabled.
    pub disabled: Vec<String>,
    /// How far a request's date may be off, either way.
    pub clock_window: TimeDelta,
}

impl WorldPlan {
    /// Where the account is: where the ARNs say, else where it was before, else
    /// in the example account and region.
    fn place(&self, before: Option<&Place>) -> Place {
        let anchors = || self.anchors.iter().filter_map(|(arn, ..)| arn.as_ref());
        let regions = anchors()
            .map(TrustAnchorArn::region)
            .chain(self.profiles.iter().map(ProfileArn::region))
            .chain(before.map(|place| &place.region));
        let accounts = anchors()
            .map(TrustAnchorArn::account)
            .chain(self.profiles.iter().map(ProfileArn::account))
            .chain(self.roles.iter().map(RoleArn::account))
            .chain(before.map(|place| place.account.as_str()));
        let region = self.region.as_ref().or_else(|| regions.into_iter().next());
        Place {
            region: region.cloned().unwrap_or_else(default_region),
            account: accounts
                .into_iter()
                .next()
                .unwrap_or(EXAMPLE_ACCOUNT)
                .to_owned(),
        }
    }

    /// The account as the options describe it, and the ARNs of its trust anchors
    /// and profiles in the form in which they were given.
    pub(super) fn build(
        mut self,
        before: Option<&Place>,
        at: DateTime<Utc>,
    ) -> Result<Built, WorldError> {
        let place = self.place(before);
        self.make_up(&place);
        let builder = Builder {
            disabled: std::mem::take(&mut self.disabled),
            state: State::empty(place),
            known: Vec::new(),
            at,
        };
        builder.build(self)
    }

    /// Whoever names nothing but an anchor has a profile and a role, the same
    /// ones at every start, so that a configuration can be kept.
    fn make_up(&mut self, place: &Place) {
        if self.anchors.is_empty() {
            return;
        }
        if self.profiles.is_empty() {
            let id = uuid("windlass emulated profile");
            self.profiles
                .extend(place.arn(Kind::Profile, &id).parse::<ProfileArn>());
        }
        if self.roles.is_empty() {
            let partition = place.region.partition().name();
            let arn = format!("arn:{partition}:iam::{}:role/emulated-role", place.account);
            self.roles.extend(arn.parse::<RoleArn>());
        }
    }
}

/// What options became.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) state: State,
    pub(super) anchors: Vec<TrustAnchorArn>,
    pub(super) profiles: Vec<ProfileArn>,
}

struct Builder {
    disabled: Vec<String>,
    state: State,
    /// The ARNs so far.
    known: Vec<String>,
    at: DateTime<Utc>,
}

impl Builder {
    fn build(mut self, plan: WorldPlan) -> Result<Built, WorldError> {
        let mut anchors = Vec::new();
        for (arn, origin, certificates) in plan.anchors {
            let made_up = match arn {
                Some(arn) => arn.to_string(),
                None => {
                    let seed: String = certificates.iter().map(Certificate::fingerprint).collect();
                    self.state.place.arn(Kind::TrustAnchor, &uuid(seed))
                }
            };
            let certificates = Bundle::of(certificates).map_err(|error| unfit(&origin, &error))?;
            let head = self.head(Kind::TrustAnchor, &made_up)?;
            anchors.extend(made_up.parse::<TrustAnchorArn>());
            self.state.anchors.push(TrustAnchor {
                head,
                source: Source::Bundle { certificates },
                crl_dp_revocation_enabled: false,
                notifications: Vec::new(),
            });
        }
        self.roles(&plan.roles, plan.role_max_duration)?;
        for arn in &plan.profiles {
            let head = self.head(Kind::Profile, arn.as_str())?;
            self.state.profiles.push(Profile {
                head,
                role_arns: plan.roles.iter().map(ToString::to_string).collect(),
                duration: plan.profile_duration,
                accepts_session_name: plan.accepts_session_name,
                requires_instance_properties: false,
                mapping: AttributeMapping::default(),
                session_policy: None,
                managed_policy_arns: Vec::new(),
            });
        }
        let unknown = |arn: &&String| !self.known.contains(arn);
        if let Some(arn) = self.disabled.iter().find(unknown) {
            return Err(WorldError::DisabledUnknown { arn: arn.clone() });
        }
        for list in plan.crls {
            self.import(list);
        }
        Ok(Built {
            state: self.state,
            anchors,
            profiles: plan.profiles,
        })
    }

    /// Id or alias, from an ARN that was given or made up.
    fn head(&mut self, kind: Kind, arn: &str) -> Result<Head, WorldError> {
        let place = &self.state.place;
        let (own, alias) = (place.arn(kind, ""), place.alias_arn(kind, ""));
        if self.known.iter().any(|known| known == arn) {
            return Err(WorldError::Twice {
                arn: arn.to_owned(),
            });
        }
        let (id, alias) = match (arn.strip_prefix(&own), arn.strip_prefix(&alias)) {
            (Some(id), _) => (id.to_owned(), None),
            // A form that no alias has is another's ARN, which nothing finds.
            (None, Some(name)) => (uuid(arn), Alias::try_from(name.to_owned()).ok()),
            (None, None) => return Err(self.elsewhere(arn)),
        };
        let number = self.state.take_number();
        let name = alias.as_ref().map_or(id.as_str(), Alias::as_str).to_owned();
        let mut head = Head::new(id, number, name, self.at);
        head.alias = alias;
        head.enabled = !self.disabled.iter().any(|disabled| disabled == arn);
        self.known.push(arn.to_owned());
        Ok(head)
    }

    fn elsewhere(&self, arn: &str) -> WorldError {
        let place = &self.state.place;
        let arn = arn.to_owned();
        if arn.split(':').nth(3) == Some(place.region.as_str()) {
            let account = place.account.clone();
            return WorldError::Account { arn, account };
        }
        WorldError::Region {
            arn,
            region: place.region.clone(),
        }
    }

    fn roles(&mut self, arns: &[RoleArn], max_duration: SessionDuration) -> Result<(), WorldError> {
        for arn in arns {
            if arn.account() != self.state.place.account {
                return Err(WorldError::Account {
                    arn: arn.to_string(),
                    account: self.state.place.account.clone(),
                });
            }
            if self.state.role(arn.as_str()).is_none() {
                let role = Role::new(arn.clone(), max_duration, self.at);
                self.state.roles.push(role);
            }
        }
        Ok(())
    }

    fn import(&mut self, list: Crl) {
        let issued = |anchor: &&TrustAnchor| {
            let mut own = anchor.certificates().iter();
            own.any(|certificate| certificate.subject() == list.issuer())
        };
        let mut anchors: Vec<String> = self
            .state
            .anchors
            .iter()
            .filter(issued)
            .map(|anchor| anchor.head.id.clone())
            .collect();
        if anchors.is_empty() {
            let all = self.state.anchors.iter();
            anchors = all.map(|anchor| anchor.head().id.clone()).collect();
        }
        let fingerprint = list.fingerprint();
        let data = CrlData::of(list);
        for anchor in anchors {
            let id = uuid(format!("{anchor} {fingerprint}"));
            let number = self.state.take_number();
            let head = Head::new(id.clone(), number, id, self.at);
            self.state.crls.push(RevocationList {
                head,
                anchor,
                data: data.clone(),
            });
        }
    }
}

fn unfit(origin: &str, error: &BundleError) -> WorldError {
    let origin = origin.to_owned();
    match error {
        BundleError::TooMany(count) => WorldError::AnchorTooLarge {
            origin,
            count: *count,
        },
        BundleError::NotCa {
            subject, reason, ..
        } => WorldError::AnchorNotCa {
            origin,
            subject: subject.clone(),
            reason,
        },
        // Certificates that were read are readable.
        BundleError::Unreadable(_) => WorldError::AnchorTooLarge { origin, count: 0 },
    }
}

#[expect(clippy::expect_used, reason = "the text is a region name")]
fn default_region() -> Region {
    "us-east-1".parse().expect("a region name")
}
