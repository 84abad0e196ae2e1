//! From one generation of the CA to the next: activating it, retiring the one
//! before, giving one up, and what to do when.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::clock::rfc3339;
use crate::pki::{Certificate, encode_pem};
use crate::store::{GenerationRow, GenerationState, Inventory, Kind, LiveLeaves, Record, State};
use crate::text::{first_of, printable};

use super::checkpoint::sign_log;
use super::generation::open_generations;
use super::own_key::{Unlock, has_key, open_own_key};
use super::{
    Action, BACKDATE_SECONDS, Error, Generation, Generations, Occasion, RolloverError, check_clock,
};

/// How many certificates a message names.
const MOST_NAMED: u32 = 10;

/// A verifier's clock may be behind by so much: what has ended here has not there.
const MARGIN: TimeDelta = TimeDelta::seconds(BACKDATE_SECONDS);

/// A generation that issues now.
#[derive(Debug)]
pub struct Activated {
    /// The generation.
    pub generation: Generation,
    /// The one before it.
    pub retiring: Option<Generation>,
}

/// A generation that is over.
#[derive(Debug)]
pub struct Retired {
    /// Its row.
    pub row: GenerationRow,
    /// What it has issued and is in force.
    pub stranded: LiveLeaves,
    /// What it has issued and is revoked, of which no list tells any more, while
    /// its chain still leads to a root of the bundle.
    pub unlisted: LiveLeaves,
    /// Whether its root went with it, out of the trust anchor's bundle.
    pub is_bundle_changed: bool,
    /// Its certificates by a root that is still in the bundle: whoever has the key
    /// is a CA until they end or are revoked.
    pub still_certified: Vec<Record>,
    /// Why the bundle could not be written, if it could not. Whoever opens the CA
    /// next writes it.
    pub unwritten: Option<Error>,
}

/// Lets the prepared generation issue. Its key is opened and signs the log: one
/// that is of no use is noticed before it is needed.
///
/// # Errors
///
/// [`RolloverError::NothingPrepared`]; [`RolloverError::UnderWay`] while it has no
/// certificates; [`RolloverError::BundleNotInstalled`] when it has another root, unless
/// `is_bundle_installed`; [`Error::CaNotValid`]; those of [`check_clock`], of the
/// key and of the inventory. Then nothing has changed.
pub fn activate(
    directory: &Path,
    is_bundle_installed: bool,
    unlock: &Unlock<'_>,
    occasion: &Occasion<'_>,
) -> Result<Activated, Error> {
    unlock.read_descriptor()?;
    let (inventory, generations) = open_generations(directory)?;
    generations.write_bundle(directory, &inventory)?;
    check_clock(&inventory, occasion)?;
    let prepared = generations.prepared()?;
    let active = generations.in_state(GenerationState::Active);
    let is_new_root = active.is_some_and(|active| active.root.name != prepared.root.name);
    if is_new_root && !is_bundle_installed {
        return Err(RolloverError::BundleNotInstalled {
            number: prepared.number,
            root: prepared.root.name,
        }
        .into());
    }
    prepared.check_validity(occasion.at)?;
    let key = open_own_key(directory, &prepared.issuing, unlock)?;
    let mut writer = inventory.write()?;
    // Another process may have activated or cancelled it meanwhile.
    let now = Generations::read(directory, &inventory)?;
    if now.prepared()?.number != prepared.number {
        return Err(RolloverError::NothingPrepared.into());
    }
    writer.activate_generation(prepared.number, occasion.at)?;
    let detail = json!({
        "generation": prepared.number,
        "issuing": prepared.issuing.name.to_string(),
        "root": prepared.root.name.to_string(),
        "bundleInstalled": is_new_root.then_some(is_bundle_installed),
    });
    occasion.log(&mut writer, Action::Activate, None, &detail)?;
    sign_log(&writer, key.as_ref(), occasion.at)?;
    writer.commit()?;
    Ok(Activated {
        retiring: active.cloned(),
        generation: prepared.clone(),
    })
}

/// Ends the generation that is retiring.
///
/// # Errors
///
/// [`RolloverError::NothingRetiring`]; unless by `force`, [`RolloverError::LeavesStranded`] while
/// something that it has issued is in force and [`RolloverError::LeavesUnlisted`] while only
/// its list keeps something from being accepted; those of [`check_clock`] and of
/// the inventory. Then nothing has changed.
pub fn retire(directory: &Path, force: bool, occasion: &Occasion<'_>) -> Result<Retired, Error> {
    let (inventory, _) = open_generations(directory)?;
    check_clock(&inventory, occasion)?;
    let mut writer = inventory.write()?;
    let generations = Generations::read(directory, &inventory)?;
    let retiring = generations
        .in_state(GenerationState::Retiring)
        .ok_or(RolloverError::NothingRetiring)?;
    let stranded = live_leaves(&inventory, &retiring.issuing.certificate, occasion.at)?;
    if let Some(last_end) = stranded.last_end.filter(|_| !force) {
        return Err(RolloverError::LeavesStranded {
            name: retiring.issuing.name,
            count: stranded.count,
            last_end,
            safe_from: safe_from(last_end),
            certificates: named(&inventory, retiring, stranded.count, occasion.at)?,
            is_root_staying: generations.is_staying(retiring),
        }
        .into());
    }
    let unlisted = generations.unlisted(retiring, &inventory, occasion.at)?;
    if let Some(last_end) = unlisted.last_end.filter(|_| !force) {
        return Err(RolloverError::LeavesUnlisted {
            name: retiring.issuing.name,
            count: unlisted.count,
            last_end,
            safe_from: safe_from(last_end),
            serial: retiring.issuing.certificate.serial().hex(),
            root: has_key(directory, retiring.root.name).then_some(retiring.root.name),
        }
        .into());
    }
    writer.retire_generation(retiring.number, occasion.at)?;
    let detail = json!({
        "generation": retiring.number,
        "issuing": retiring.issuing.name.to_string(),
        "stranded": stranded.count,
        "strandedUntil": stranded.last_end.map(rfc3339),
        "unlisted": unlisted.count,
        "unlistedUntil": unlisted.last_end.map(rfc3339),
    });
    occasion.log(&mut writer, Action::Retire, None, &detail)?;
    writer.commit()?;
    Ok(Retired {
        stranded,
        unlisted,
        ..ended(directory, &inventory, retiring.number, occasion.at)?
    })
}

/// Gives up the generation that is pending. Its directories stay as they are.
///
/// # Errors
///
/// [`RolloverError::NothingPrepared`]; those of [`check_clock`] and of the inventory.
/// Then nothing has changed.
pub fn cancel(directory: &Path, occasion: &Occasion<'_>) -> Result<Retired, Error> {
    let (inventory, _) = open_generations(directory)?;
    check_clock(&inventory, occasion)?;
    let mut writer = inventory.write()?;
    let generations = Generations::read(directory, &inventory)?;
    let pending = generations
        .pending()
        .ok_or(RolloverError::NothingPrepared)?;
    writer.cancel_generation(pending.number, occasion.at)?;
    let detail = json!({ "generation": pending.number, "issuing": pending.issuing });
    occasion.log(&mut writer, Action::Cancel, None, &detail)?;
    writer.commit()?;
    ended(directory, &inventory, pending.number, occasion.at)
}

/// What has become of a generation that is over.
fn ended(
    directory: &Path,
    inventory: &Inventory,
    number: u32,
    at: DateTime<Utc>,
) -> Result<Retired, Error> {
    let now = Generations::read(directory, inventory)?;
    let row = now.rows.iter().find(|row| row.number == number).cloned();
    let row = row.ok_or(RolloverError::NothingPrepared)?;
    let roots = now.roots();
    let is_bundle_changed = roots.iter().all(|root| root.name.to_string() != row.root);
    Ok(Retired {
        still_certified: now.still_certified(&row, inventory, at)?,
        is_bundle_changed,
        row,
        stranded: LiveLeaves::default(),
        unlisted: LiveLeaves::default(),
        unwritten: now.write_bundle(directory, inventory).err(),
    })
}

impl Generations {
    /// Whether the root of a generation stays in the bundle without it.
    fn is_staying(&self, retiring: &Generation) -> bool {
        self.live
            .iter()
            .any(|other| other.number != retiring.number && other.root.name == retiring.root.name)
    }

    /// What a retiring generation has issued that only its list keeps from being
    /// accepted: revoked, not ended, under a root that stays and whose newest list
    /// does not revoke the issuing CA itself.
    fn unlisted(
        &self,
        retiring: &Generation,
        inventory: &Inventory,
        at: DateTime<Utc>,
    ) -> Result<LiveLeaves, Error> {
        let issuing = &retiring.issuing.certificate;
        let record = inventory.get(issuing.serial().magnitude())?;
        let revoked = record.and_then(|record| record.revocation);
        // A list that nobody has made says nothing.
        let root = retiring.root.certificate.key_identifier();
        let is_listed = match revoked {
            Some(revocation) => inventory
                .newest_crl(&root)?
                .is_some_and(|list| list.this_update >= revocation.at),
            None => false,
        };
        if is_listed || !self.is_staying(retiring) {
            return Ok(LiveLeaves::default());
        }
        Ok(inventory.revoked_leaves(&issuing.key_identifier(), at - MARGIN)?)
    }

    /// The generation that can be activated.
    fn prepared(&self) -> Result<&Generation, Error> {
        match self.pending() {
            Some(&GenerationRow { number, state, .. }) if state == GenerationState::Requested => {
                Err(RolloverError::UnderWay { number, state }.into())
            }
            _ => {
                let prepared = self.in_state(GenerationState::Prepared);
                Ok(prepared.ok_or(RolloverError::NothingPrepared)?)
            }
        }
    }

    /// The certificates of a generation that is over which a live root has issued:
    /// that of its issuing CA, or the cross-certificate of its root.
    fn still_certified(
        &self,
        row: &GenerationRow,
        inventory: &Inventory,
        at: DateTime<Utc>,
    ) -> Result<Vec<Record>, Error> {
        let roots = self.roots();
        let by_live_root = |record: &Record| {
            roots.iter().any(|root| {
                let key = root.certificate.public_key();
                key.key_identifier() == record.issuer_key_id.as_slice()
            })
        };
        let root = match &row.root_serial {
            Some(serial) => inventory.get(serial)?,
            None => None,
        };
        let of_generation = |record: &Record| match record.kind {
            Kind::Issuing => row.issuing_serial.as_ref() == Some(&record.serial),
            Kind::Cross => root
                .as_ref()
                .is_some_and(|root| root.key_fingerprint == record.key_fingerprint),
            Kind::Leaf | Kind::Root => false,
        };
        let is_live = roots.iter().any(|root| root.name.to_string() == row.root);
        let mut found = inventory.authorities()?;
        found.retain(|record| {
            record.state == State::Issued
                && record.revocation.is_none()
                && record.not_after >= at
                && by_live_root(record)
                && of_generation(record)
                && !(is_live && record.kind == Kind::Cross)
        });
        Ok(found)
    }

    /// What `trust-anchor.pem` will hold after the next step of a rollover, as
    /// PEM: activating changes nothing, retiring takes out a root that nobody else
    /// has.
    #[must_use]
    pub fn next_bundle(&self) -> String {
        let roots = self.roots_where(|one| one.state != GenerationState::Retiring);
        encode_pem(roots.into_iter().map(|root| &root.certificate))
    }
}

/// What an issuing CA has given out that is in force, or may be by a clock that is a
/// little behind.
fn live_leaves(
    inventory: &Inventory,
    issuing: &Certificate,
    at: DateTime<Utc>,
) -> Result<LiveLeaves, Error> {
    let key = issuing.key_identifier();
    Ok(inventory.live_leaves(&key, at - MARGIN)?)
}

/// When nothing is in force any more, also by a clock that is a little behind.
fn safe_from(last_end: DateTime<Utc>) -> DateTime<Utc> {
    // Beyond the last time of all there is nothing to wait for.
    last_end
        .checked_add_signed(MARGIN + TimeDelta::seconds(1))
        .unwrap_or(last_end)
}

/// Those that end last, for a message.
fn named(
    inventory: &Inventory,
    generation: &Generation,
    count: u64,
    at: DateTime<Utc>,
) -> Result<String, Error> {
    let key = generation.issuing.certificate.key_identifier();
    let records = inventory.last_live_leaves(&key, at - MARGIN, MOST_NAMED)?;
    let shown = |record: &Record| {
        format!(
            "{} ({}, until {})",
            printable(&record.common_name, 61),
            hex::encode(&record.serial),
            rfc3339(record.not_after)
        )
    };
    let shown: Vec<String> = records.iter().map(shown).collect();
    Ok(first_of(
        &shown,
        usize::try_from(count).unwrap_or(usize::MAX),
    ))
}

/// A generation as it is now.
#[derive(Debug)]
pub struct GenerationStatus {
    /// Its row.
    pub row: GenerationRow,
    /// Its root's certificate, once it is known.
    pub root: Option<Certificate>,
    /// Its issuing CA's.
    pub issuing: Option<Certificate>,
    /// What it has issued and is in force.
    pub leaves: LiveLeaves,
    /// What only its list keeps from being accepted, while it is retiring.
    pub unlisted: LiveLeaves,
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// Nothing is under way. A rollover is due at some time before the CA ends.
    Prepare {
        /// Whether the root has to be new too: it ends with the issuing CA.
        of_root: bool,
        /// The end.
        end: DateTime<Utc>,
    },
    /// The pending generation has to get its certificates.
    Import {
        /// Its number.
        number: u32,
    },
    /// The prepared generation can begin to issue.
    Activate {
        /// Whether Roles Anywhere has to be given the new bundle before.
        bundle_first: bool,
    },
    /// The retiring generation can be retired.
    Retire {
        /// From when on nothing is stranded.
        safe_from: DateTime<Utc>,
    },
    /// No generation issues, and none is under way.
    Nothing,
}

/// How far a rollover is.
#[derive(Debug)]
pub struct RolloverStatus {
    /// All generations, the oldest first.
    pub generations: Vec<GenerationStatus>,
    /// What the trust anchor has to be given at this step, as PEM.
    pub bundle: String,
    /// Number of certificates in it.
    pub bundle_certificates: usize,
    /// Whether `trust-anchor.pem` holds it.
    pub is_bundle_written: bool,
    /// How many revocation lists are in use: of authorities that are live, and not
    /// expired.
    pub lists: u64,
    /// What is to be done next.
    pub next: NextStep,
}

/// Says how far a rollover is at `at`. It needs no key and writes nothing.
///
/// # Errors
///
/// As [`super::generations`].
pub fn rollover_status(directory: &Path, at: DateTime<Utc>) -> Result<RolloverStatus, Error> {
    let inventory = super::read_inventory(directory)?;
    let now = Generations::read(directory, &inventory)?;
    if now.alone.is_some() {
        // It says so.
        now.active(directory)?;
    }
    let mut generations = Vec::new();
    for row in &now.rows {
        let root = certificate(&inventory, row.root_serial.as_deref())?;
        let issuing = certificate(&inventory, row.issuing_serial.as_deref())?;
        let leaves = match &issuing {
            Some(issuing) => live_leaves(&inventory, issuing, at)?,
            None => LiveLeaves::default(),
        };
        let retiring = now.in_state(GenerationState::Retiring);
        let unlisted = match retiring.filter(|retiring| retiring.number == row.number) {
            Some(retiring) => now.unlisted(retiring, &inventory, at)?,
            None => LiveLeaves::default(),
        };
        generations.push(GenerationStatus {
            row: row.clone(),
            root,
            issuing,
            leaves,
            unlisted,
        });
    }
    let mut next = now.next_step(&generations, at);
    // A root that is elsewhere is replaced there: what is prepared here is a
    // request, whichever root grants it.
    if let NextStep::Prepare { of_root, .. } = &mut next {
        *of_root &= has_key(directory, now.active(directory)?.root.name);
    }
    inventory.check_unwritten()?;
    Ok(RolloverStatus {
        generations,
        bundle: now.bundle(),
        bundle_certificates: now.roots().len(),
        is_bundle_written: now.is_bundle_written,
        lists: now.lists_in_use(&inventory, at)?,
        next,
    })
}

fn certificate(inventory: &Inventory, serial: Option<&[u8]>) -> Result<Option<Certificate>, Error> {
    let Some(serial) = serial else {
        return Ok(None);
    };
    let der = inventory.get(serial)?.and_then(|record| record.der);
    let read = der.map(|der| Certificate::from_der(&der, "the inventory"));
    Ok(read.transpose()?)
}

impl Generations {
    fn next_step(&self, generations: &[GenerationStatus], at: DateTime<Utc>) -> NextStep {
        let active = self.in_state(GenerationState::Active);
        if let Some(pending) = self.pending() {
            return match pending.state {
                GenerationState::Requested => NextStep::Import {
                    number: pending.number,
                },
                _ => NextStep::Activate {
                    bundle_first: active
                        .is_some_and(|active| active.root.name.to_string() != pending.root),
                },
            };
        }
        let is_retiring = |one: &&GenerationStatus| one.row.state == GenerationState::Retiring;
        if let Some(retiring) = generations.iter().find(is_retiring) {
            let last_end = retiring.leaves.last_end.max(retiring.unlisted.last_end);
            return NextStep::Retire {
                safe_from: last_end.map_or(at, safe_from),
            };
        }
        active.map_or(NextStep::Nothing, |active| NextStep::Prepare {
            of_root: active.root.certificate.not_after() <= active.issuing.certificate.not_after(),
            end: active.not_after(),
        })
    }
}

#[cfg(test)]
mod tests;
