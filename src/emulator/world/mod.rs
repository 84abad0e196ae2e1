//! The emulated account: its resources, and how its services behave.

mod error;
mod file;
mod plan;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use crate::rolesanywhere::{ProfileArn, Region, RoleArn, TrustAnchorArn};
use crate::store;

pub use self::error::WorldError;
pub use self::file::{WorldFile, WorldFileError};
use self::plan::Built;
pub use self::plan::WorldPlan;
use super::rates::{RateGroup, Rates};
use super::sessions::{AdministratorKeys, Sessions};
use super::state::{Kept, Place, PolicyText, Resource, State, StateError, StateFile, uuid_text};
use super::sts::Assumable;

/// The emulated account.
#[derive(Debug)]
pub struct World {
    /// Where it is, which does not change.
    pub(super) place: Place,
    kept: Mutex<Kept>,
    pub(super) clock_window: TimeDelta,
    pub(super) sessions: Sessions,
    pub(super) assumable: Vec<Assumable>,
    pub(super) session_seconds: Option<u32>,
    pub(super) rates: Option<Rates>,
    given: Given,
}

/// The ARNs that options gave, in their form.
#[derive(Debug)]
struct Given {
    anchors: Vec<TrustAnchorArn>,
    profiles: Vec<ProfileArn>,
}

impl World {
    /// Builds the account in memory. Its resources were made in 1970.
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn new(plan: WorldPlan) -> Result<Self, WorldError> {
        Self::made(plan, None, None, DateTime::UNIX_EPOCH)
    }

    /// Builds the account as options describe it, made at a time; where they do
    /// not say in which region and account, in those of a state file.
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn made(
        plan: WorldPlan,
        described: Option<WorldFile>,
        file: Option<&StateFile>,
        at: DateTime<Utc>,
    ) -> Result<Self, WorldError> {
        let clock_window = plan.clock_window;
        let before = file.and_then(StateFile::state).map(|state| &state.place);
        let before = described.as_ref().map(WorldFile::place).or(before);
        let Built {
            mut state,
            anchors,
            profiles,
        } = plan.build(before, at)?;
        if let Some(described) = described {
            let place = described.place();
            if *place != state.place {
                return Err(WorldError::Elsewhere {
                    region: place.region.clone(),
                    account: place.account.clone(),
                });
            }
            state.add(described.into_state());
        }
        Ok(Self {
            place: state.place.clone(),
            kept: Mutex::new(Kept::in_memory(state)),
            clock_window,
            sessions: Sessions::default(),
            assumable: Vec::new(),
            session_seconds: None,
            rates: None,
            given: Given { anchors, profiles },
        })
    }

    /// The same account with roles that sessions may assume. An external id
    /// stands behind the ARN of its role and a `=`.
    ///
    /// # Errors
    ///
    /// [`WorldError::ExternalIdUnknown`] for an external id of another role.
    pub fn with_assumable(
        mut self,
        roles: Vec<RoleArn>,
        external_ids: &[String],
    ) -> Result<Self, WorldError> {
        self.assumable = roles
            .into_iter()
            .map(|role| Assumable {
                role,
                external_id: None,
            })
            .collect();
        for given in external_ids {
            // An ARN may hold a `=` as well.
            let found = self.assumable.iter_mut().find_map(|assumable| {
                let rest = given.strip_prefix(assumable.role.as_str())?;
                Some((rest.strip_prefix('=')?.to_owned(), assumable))
            });
            match found {
                Some((id, assumable)) => assumable.external_id = Some(id),
                None => {
                    return Err(WorldError::ExternalIdUnknown {
                        given: given.clone(),
                    });
                }
            }
        }
        Ok(self)
    }

    /// The file of a trust policy, and the role whose it is: with an ARN and a
    /// `=` before the file, one role's; without, every role's.
    ///
    /// # Errors
    ///
    /// [`WorldError::PolicyRoleUnknown`] for the ARN of another role.
    pub fn policy_file<'a>(
        &self,
        given: &'a str,
    ) -> Result<(Option<RoleArn>, &'a str), WorldError> {
        if !given.starts_with("arn:") {
            return Ok((None, given));
        }
        // An ARN may hold a `=` as well.
        let state = self.state();
        let found = state.roles.iter().find_map(|role| {
            let file = given.strip_prefix(role.arn.as_str())?.strip_prefix('=')?;
            Some((Some(role.arn.clone()), file))
        });
        found.ok_or_else(|| WorldError::PolicyRoleUnknown {
            given: given.to_owned(),
        })
    }

    /// The same account with trust policies of its roles: those of one role, and
    /// one of all others.
    ///
    /// # Errors
    ///
    /// [`WorldError::PolicyTwice`].
    pub fn with_trust_policies(
        mut self,
        policies: &[(Option<RoleArn>, PolicyText)],
    ) -> Result<Self, WorldError> {
        for (index, (role, _)) in policies.iter().enumerate() {
            if policies[..index].iter().any(|(other, _)| other == role) {
                let every = || "every role without one of its own".to_owned();
                let role = role.as_ref().map_or_else(every, ToString::to_string);
                return Err(WorldError::PolicyTwice { role });
            }
        }
        let kept = self.kept.get_mut().unwrap_or_else(PoisonError::into_inner);
        kept.prepare(|state| {
            for role in &mut state.roles {
                let of = |arn: Option<&RoleArn>| {
                    let found = policies.iter().find(|(other, _)| other.as_ref() == arn);
                    found.map(|(_, policy)| policy.clone())
                };
                let given = of(Some(&role.arn)).or_else(|| of(None));
                role.trust_policy = given.or_else(|| role.trust_policy.take());
            }
        });
        Ok(self)
    }

    /// The same account whose sessions last for so many seconds, whatever was
    /// asked for.
    #[must_use]
    pub fn with_session_seconds(mut self, seconds: Option<u32>) -> Self {
        self.session_seconds = seconds;
        self
    }

    /// The same account with the service's rate limits.
    #[must_use]
    pub fn with_rate_limits(mut self, limited: bool) -> Self {
        self.rates = limited.then(Rates::default);
        self
    }

    /// Whether one more request of a group is let through.
    pub(super) fn admits(&self, group: RateGroup, now: DateTime<Utc>) -> bool {
        let rates = self.rates.as_ref();
        rates.is_none_or(|rates| rates.admit(group, now))
    }

    /// The same account, kept in a file from now on: what the file holds stays as
    /// it is, and what it does not hold of this account is added.
    ///
    /// # Errors
    ///
    /// [`StateError`] when it cannot be written or is of another account.
    pub fn kept_in(self, file: StateFile) -> Result<Self, StateError> {
        let kept = self.kept.into_inner();
        let kept = kept.unwrap_or_else(PoisonError::into_inner);
        Ok(Self {
            kept: Mutex::new(kept.into_file(file)?),
            ..self
        })
    }

    /// The resources as they are now.
    pub(super) fn state(&self) -> Arc<State> {
        self.kept().snapshot()
    }

    /// Changes the resources, all of it or nothing.
    pub(super) fn change<T, E: From<store::Error>>(
        &self,
        how: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        self.kept().change(how)
    }

    /// Writes down what has happened already.
    pub(super) fn note(&self, what: impl FnOnce(&mut State)) -> Result<(), store::Error> {
        self.kept().note(what)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The region.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.place.region
    }

    /// Lets an administrator use STS and the control plane.
    #[must_use]
    pub fn with_administrator(mut self, keys: AdministratorKeys) -> Self {
        let partition = self.place.region.partition().name();
        self.sessions.admit(keys, partition, &self.place.account);
        self
    }

    /// The ARNs of the trust anchors: those that options named, as they did, and
    /// then all others.
    #[must_use]
    pub fn anchor_arns(&self) -> Vec<String> {
        let state = self.state();
        let given = self.given.anchors.iter().map(ToString::to_string).collect();
        arns(&state, &state.anchors, given)
    }

    /// The ARNs of the profiles, in the same order.
    #[must_use]
    pub fn profile_arns(&self) -> Vec<String> {
        let state = self.state();
        let given = self.given.profiles.iter();
        arns(
            &state,
            &state.profiles,
            given.map(ToString::to_string).collect(),
        )
    }

    /// The ARNs of the roles.
    #[must_use]
    pub fn role_arns(&self) -> Vec<String> {
        let state = self.state();
        let all = state.roles.iter().map(|role| role.arn.to_string());
        all.collect()
    }
}

/// The ARNs that were given, and those of all other resources.
fn arns<R: Resource>(state: &State, resources: &[R], given: Vec<String>) -> Vec<String> {
    let named: Vec<usize> = given
        .iter()
        .filter_map(|arn| state.position(resources, arn))
        .collect();
    let others = resources
        .iter()
        .enumerate()
        .filter(|(index, _)| !named.contains(index))
        .map(|(_, resource)| state.arn_of(resource));
    given.iter().cloned().chain(others).collect()
}

/// A UUID of version 8 (RFC 9562) from a hash.
pub(super) fn uuid(seed: impl AsRef<[u8]>) -> String {
    let digest = Sha256::digest(seed.as_ref());
    let mut octets = [0; 16];
    octets.copy_from_slice(&digest[..16]);
    octets[6] = octets[6] & 0x0f | 0x80;
    octets[8] = octets[8] & 0x3f | 0x80;
    uuid_text(octets)
}
