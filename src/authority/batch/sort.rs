//! Everything that is known of the rows of a batch before anything is reserved.

use std::collections::HashSet;
use std::collections::btree_map::{BTreeMap, Entry};

use serde_json::json;

use crate::authority::draft::shown_names;
use crate::authority::occasion::foresee_clock;
use crate::authority::policy::Profile;
use crate::authority::{Action, Authority, Error, Occasion};
use crate::limits;
use crate::pki::Certificate;
use crate::store::Record;

use super::files::{check_free, holds_earlier};
use super::known::Found;
use super::{Batch, BatchRow, RowOutcome};

/// How many rows an entry of the log names.
const MOST_NAMED: usize = 10;

/// A row that is to be issued.
pub(super) struct Fresh<'a> {
    pub(super) row: usize,
    pub(super) profile: &'a Profile,
    /// The name of the request, where it is not the row's.
    pub(super) renewal: Option<String>,
}

/// The rows of a batch, sorted.
pub(super) struct Sorted<'a> {
    pub(super) outcomes: Vec<RowOutcome>,
    pub(super) fresh: Vec<Fresh<'a>>,
    /// Serial numbers that processes have reserved which have died.
    pub(super) leftovers: Vec<Record>,
}

impl Authority {
    /// What would become of each row: [`RowOutcome::Untouched`] where nothing is
    /// in its way. Nothing is written.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the inventory cannot be read; those of
    /// [`check_clock`](crate::authority::check_clock) and [`Error::CaNotValid`].
    pub fn check_batch(
        &self,
        batch: &Batch<'_>,
        occasion: &Occasion<'_>,
    ) -> Result<Vec<RowOutcome>, Error> {
        foresee_clock(&self.inventory, occasion)?;
        self.check_own_validity(occasion.at)?;
        Ok(self.sort(batch, occasion)?.outcomes)
    }

    /// Finds what was issued before and judges the others: every row, limits
    /// included.
    pub(super) fn sort<'a>(
        &'a self,
        batch: &Batch<'_>,
        occasion: &Occasion<'_>,
    ) -> Result<Sorted<'a>, Error> {
        let mut sorted = Sorted {
            outcomes: Vec::with_capacity(batch.rows.len()),
            fresh: Vec::new(),
            leftovers: Vec::new(),
        };
        for rows in batch.rows.chunks(limits::BATCH_TRANSACTION) {
            // Otherwise each statement takes and gives back a lock of its own, which
            // costs more than what it reads.
            self.inventory
                .at_one_moment(|_| self.sort_some(batch, rows, occasion, &mut sorted))?;
        }
        self.judge_all(&mut sorted, occasion)?;
        Ok(sorted)
    }

    fn sort_some<'a>(
        &'a self,
        batch: &Batch<'_>,
        rows: &[BatchRow],
        occasion: &Occasion<'_>,
        sorted: &mut Sorted<'a>,
    ) -> Result<(), Error> {
        for row in rows {
            let outcome = match self.sort_one(batch, row, occasion, &mut sorted.leftovers) {
                Ok(Sorting::Again(certificate)) => RowOutcome::Again(*certificate),
                Ok(Sorting::Fresh(profile, renewal)) => {
                    sorted.fresh.push(Fresh {
                        row: sorted.outcomes.len(),
                        profile,
                        renewal,
                    });
                    RowOutcome::Untouched
                }
                // Whoever cannot read the inventory cannot judge any row.
                Err(Error::Store(error))
                    if !matches!(error, crate::store::Error::Exists { .. }) =>
                {
                    return Err(Error::Store(error));
                }
                Err(error) => RowOutcome::Failed(error),
            };
            sorted.outcomes.push(outcome);
        }
        Ok(())
    }

    fn sort_one(
        &self,
        batch: &Batch<'_>,
        row: &BatchRow,
        occasion: &Occasion<'_>,
        leftovers: &mut Vec<Record>,
    ) -> Result<Sorting<'_>, Error> {
        let mut renewal = None;
        match self.find(row, batch.renew, occasion.at)? {
            Found::Issued(certificate) => {
                return Ok(Sorting::Again(certificate));
            }
            Found::Other(error) => return Err(error),
            Found::Due(name) => renewal = Some(name),
            Found::Leftover(record) => {
                // One that was to be a renewal is begun anew as one.
                renewal = record
                    .request_id
                    .clone()
                    .filter(|name| *name != row.id.as_str());
                leftovers.push(*record);
            }
            Found::Nothing => {}
        }
        if let Some(out) = batch.out
            && let Err(error) = check_free(out, &row.id)
            && !(renewal.is_some() && holds_earlier(&self.inventory, out, &row.id)?)
        {
            return Err(error);
        }
        Ok(Sorting::Fresh(self.judge(&row.request)?, renewal))
    }

    /// Counts the limits of each profile for all rows together: those beyond one
    /// are refused before anything is reserved.
    fn judge_all(&self, sorted: &mut Sorted<'_>, occasion: &Occasion<'_>) -> Result<(), Error> {
        let mut tallies = BTreeMap::new();
        let mut refused = Vec::new();
        for fresh in &sorted.fresh {
            let profile = fresh.profile;
            if profile.per_day().is_none() && profile.valid().is_none() {
                continue;
            }
            let tally = match tallies.entry(profile.name()) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let died = sorted.leftovers.iter().filter(|record| {
                        record.profile.as_deref() == profile.name()
                            && record.requester.as_deref() == Some(occasion.actor)
                    });
                    entry.insert(self.tally_without(profile, died.count(), occasion)?)
                }
            };
            match Self::judge_limits(profile, tally, occasion.actor) {
                Ok(()) => tally.add_one(),
                Err(refusal) => refused.push((fresh.row, refusal)),
            }
        }
        let rows: HashSet<usize> = refused.iter().map(|(row, _)| *row).collect();
        sorted.fresh.retain(|fresh| !rows.contains(&fresh.row));
        for (row, refusal) in refused {
            if let Some(place) = sorted.outcomes.get_mut(row) {
                *place = RowOutcome::Failed(refusal);
            }
        }
        Ok(())
    }

    /// Puts the refusals of a batch into the audit log: an entry for the rows
    /// that the same rules refuse, in one transaction.
    pub(super) fn log_refused(
        &self,
        rows: &[BatchRow],
        outcomes: &[RowOutcome],
        occasion: &Occasion<'_>,
    ) -> Result<(), Error> {
        let mut rules: BTreeMap<Vec<&str>, Vec<(&BatchRow, String)>> = BTreeMap::new();
        for (row, outcome) in rows.iter().zip(outcomes) {
            let (rules_of_row, why) = match outcome {
                RowOutcome::Failed(Error::Refused(refusals)) => {
                    (refusals.rules(), refusals.to_string())
                }
                RowOutcome::Failed(Error::KeyRefused { reason, .. }) => {
                    (vec!["key"], reason.clone())
                }
                _ => continue,
            };
            rules.entry(rules_of_row).or_default().push((row, why));
        }
        if rules.is_empty() {
            return Ok(());
        }
        let mut writer = self.inventory.write()?;
        for (rules, refused) in rules {
            let Some((first, why)) = refused.first() else {
                continue;
            };
            let named = refused.iter().take(MOST_NAMED);
            let detail = json!({
                "rule": rules.first(),
                "rules": rules,
                "refused": why,
                "rows": refused.len(),
                "requestIds": named.map(|(row, _)| row.id.as_str()).collect::<Vec<_>>(),
                "subject": super::super::draft::subject_of(&first.request).to_string(),
                "subjectAlternativeNames": shown_names(&first.request),
                "profile": first.request.profile,
            });
            occasion.log(&mut writer, Action::Refuse, None, &detail)?;
        }
        Ok(writer.commit()?)
    }
}

enum Sorting<'a> {
    Again(Box<Certificate>),
    Fresh(&'a Profile, Option<String>),
}
