//! Many certificates in one go, by requests that have names of their own.
//!
//! Serial numbers are reserved and certificates stored in transactions of a
//! hundred, and while one is written the next hundred is signed by all cores.
//! What a name was given once is given again and not issued anew, so that a batch
//! that was cut short is simply run again.

mod files;
mod known;
mod look;
mod sort;
mod spread;

pub use files::RowId;
pub use known::RenewalTime;
pub(super) use look::{Delivered, look};
pub use spread::spread;

use std::path::Path;

use ring::rand::SecureRandom;

use crate::limits;
use crate::pki::{Certificate, SerialNumber};
use crate::store::{self, DirectoryLock, Writer};

use self::files::Files;
use self::sort::{Fresh, Sorted};
use self::spread::{Crew, Signed};
use super::checkpoint::checkpoint_when_due;
use super::draft::{Draft, abandon_in};
use super::{Authority, Error, IssueRequest, Occasion, RequestedKey};

/// One row of a batch.
#[derive(Clone, Debug)]
pub struct BatchRow {
    /// The requester's name for it, under which nothing is issued twice.
    pub id: RowId,
    /// What is asked for.
    pub request: IssueRequest,
}

/// What is to be done.
pub struct Batch<'a> {
    /// The rows, each with a name of its own.
    pub rows: &'a [BatchRow],
    /// Whether a row that fails leaves the others alone. Otherwise no row is
    /// delivered unless all are issued.
    pub keep_going: bool,
    /// How many threads sign.
    pub jobs: usize,
    /// When rows that were issued before are issued anew; `None` for never.
    pub renew: Option<RenewalTime>,
    /// The directory in which each row gets one; `None` when the certificates
    /// are handed over in another way, which new keys cannot be.
    pub out: Option<&'a Path>,
    /// Told how many more rows are settled.
    pub progress: &'a dyn Fn(u64),
}

/// What has become of a row.
#[derive(Debug)]
pub enum RowOutcome {
    /// It was issued before, and is given again.
    Again(Certificate),
    /// It failed or was refused.
    Failed(Error),
    /// It was issued.
    Issued(Certificate),
    /// Nothing was done, because another row failed.
    Untouched,
}

/// Takes the lock under which one batch at a time is issued: reservations of
/// another can then only be those of a process that has died.
///
/// # Errors
///
/// [`Error::BatchRunning`] when another process holds it.
pub fn lock_batches(directory: &Path) -> Result<DirectoryLock, Error> {
    DirectoryLock::take(directory)?.ok_or_else(|| Error::BatchRunning {
        path: directory.to_owned(),
    })
}

impl Authority {
    /// Issues a batch. The answer has an outcome for each row, in order.
    ///
    /// # Errors
    ///
    /// [`Error`] when the CA, its inventory or the directory fails; what was
    /// reserved is settled then as far as the inventory lets it, and what was
    /// issued is given again by the next run.
    pub fn issue_batch(
        &self,
        batch: &Batch<'_>,
        _lock: &DirectoryLock,
        occasion: &Occasion<'_>,
        random: &dyn SecureRandom,
    ) -> Result<Vec<RowOutcome>, Error> {
        self.check_ready(occasion)?;
        self.inventory.expect_many()?;
        let mut run = Run {
            authority: self,
            batch,
            occasion,
            random,
            outcomes: batch.rows.iter().map(|_| RowOutcome::Untouched).collect(),
            files: batch.out.map(Files::begin).transpose()?,
            reserved: Vec::new(),
            is_path_checked: false,
            delivered: Vec::new(),
        };
        let done = run.carry_out();
        let settled = run.settle();
        done.and(settled)?;
        if let Some(files) = &run.files {
            files.sweep(&self.inventory)?;
        }
        Ok(run.outcomes)
    }
}

/// A batch while it is issued.
struct Run<'a> {
    authority: &'a Authority,
    batch: &'a Batch<'a>,
    occasion: &'a Occasion<'a>,
    random: &'a dyn SecureRandom,
    outcomes: Vec<RowOutcome>,
    files: Option<Files>,
    /// Serial numbers under which nothing is stored yet.
    reserved: Vec<SerialNumber>,
    /// Whether a certificate of this batch was seen to lead to the root.
    is_path_checked: bool,
    /// Serial numbers whose delivery is to be noted.
    delivered: Vec<SerialNumber>,
}

impl<'a> Run<'a> {
    fn carry_out(&mut self) -> Result<(), Error> {
        let Sorted {
            outcomes,
            fresh,
            leftovers,
        } = self.authority.sort(self.batch, self.occasion)?;
        self.outcomes = outcomes;
        self.authority
            .log_refused(self.batch.rows, &self.outcomes, self.occasion)?;
        if self.has_to_stop() {
            return Ok(());
        }
        for some in leftovers.chunks(limits::BATCH_TRANSACTION) {
            let serials = some.iter().map(|record| record.serial.as_slice());
            let why = "the batch was cut short before it was signed";
            self.authority.abandon(serials, why, self.occasion)?;
        }
        let again: Vec<usize> = self.rows_where(|outcome| matches!(outcome, RowOutcome::Again(_)));
        if self.batch.keep_going {
            self.hand_over(&again)?;
        }
        self.issue(&fresh)?;
        if !self.batch.keep_going && !self.has_to_stop() {
            let all: Vec<usize> = (0..self.outcomes.len()).collect();
            for some in all.chunks(limits::BATCH_TRANSACTION) {
                self.hand_over(some)?;
            }
        }
        Ok(())
    }

    fn rows_where(&self, fits: impl Fn(&RowOutcome) -> bool) -> Vec<usize> {
        let rows = self.outcomes.iter().enumerate();
        rows.filter(|(_, outcome)| fits(outcome))
            .map(|(row, _)| row)
            .collect()
    }

    /// Whether a row has failed that stops all others.
    fn has_to_stop(&self) -> bool {
        let failed = |outcome: &RowOutcome| matches!(outcome, RowOutcome::Failed(_));
        !self.batch.keep_going && self.outcomes.iter().any(failed)
    }

    fn set(&mut self, row: usize, outcome: RowOutcome) {
        if let Some(place) = self.outcomes.get_mut(row) {
            *place = outcome;
        }
    }

    /// Reserves, signs and stores. While a transaction is written, the rows that
    /// were reserved in the one before are signed.
    fn issue(&mut self, fresh: &[Fresh<'a>]) -> Result<(), Error> {
        let press = self.authority.press(self.occasion.at);
        let (jobs, actor) = (self.batch.jobs, self.occasion.actor);
        std::thread::scope(|scope| {
            let mut crew = Crew::new(scope, (press, actor), jobs);
            let mut held: Vec<Signed<'a>> = Vec::new();
            for some in fresh.chunks(limits::BATCH_TRANSACTION) {
                let ready = if self.batch.keep_going {
                    std::mem::take(&mut held)
                } else {
                    Vec::new()
                };
                let reserved = self.turn(ready, some)?;
                if self.has_to_stop() {
                    return Ok(());
                }
                held.extend(self.land(&mut crew)?);
                crew.start(reserved);
            }
            held.extend(self.land(&mut crew)?);
            if self.has_to_stop() {
                return Ok(());
            }
            self.turn(held, &[]).map(drop)
        })
    }

    /// One transaction: stores what is signed and reserves what comes next. Then
    /// what was stored is delivered, unless all has to be stored first.
    fn turn(
        &mut self,
        ready: Vec<Signed<'a>>,
        next: &[Fresh<'a>],
    ) -> Result<Vec<Signed<'a>>, Error> {
        let drafts = self.drafts(next)?;
        let mut reserver = self.authority.reserver()?;
        self.store_all(&mut reserver.writer, &ready)?;
        let (mut reserved, mut refused) = (Vec::new(), Vec::new());
        for (row, draft) in drafts {
            match reserver.reserve(&draft, self.occasion, self.random) {
                Ok(serial) => reserved.push(Signed::new(row, draft, serial)),
                Err(
                    error @ (Error::Refused(_) | Error::Store(store::Error::RequestTaken { .. })),
                ) => {
                    refused.push((row, draft, error));
                    if !self.batch.keep_going {
                        break;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        reserver.writer.commit()?;
        self.reserved.extend(reserved.iter().map(|one| one.serial));
        for (row, draft, error) in refused {
            let logged = self
                .authority
                .logged(Err::<(), _>(error), draft.request, self.occasion);
            logged
                .err()
                .into_iter()
                .for_each(|error| self.set(row, RowOutcome::Failed(error)));
        }
        self.note_stored(ready)?;
        Ok(reserved)
    }

    fn store_all(&mut self, writer: &mut Writer<'_>, ready: &[Signed<'a>]) -> Result<(), Error> {
        for serial in self.delivered.drain(..) {
            writer.note_delivered(serial.magnitude(), self.occasion.at)?;
        }
        for signed in ready {
            match &signed.product {
                Some(product) => product.store_in(writer, self.occasion)?,
                None => {
                    let why = "it could not be signed";
                    abandon_in(writer, signed.serial.magnitude(), why, self.occasion)?;
                }
            }
        }
        let authority = self.authority;
        let key = authority.issuing_key.as_ref();
        checkpoint_when_due(&authority.inventory, writer, key, self.occasion.at)
    }

    /// Fixes what comes next, with new keys that are kept already.
    fn drafts(&mut self, next: &[Fresh<'a>]) -> Result<Vec<(usize, Draft<'a>)>, Error> {
        let mut drafts = Vec::new();
        if let Some(files) = &mut self.files {
            files.prepare_keys(
                self.batch.rows,
                next.iter().map(|fresh| fresh.row),
                self.batch.jobs,
            )?;
        }
        for fresh in next {
            let Some(asked) = self.batch.rows.get(fresh.row) else {
                continue;
            };
            let key = match &asked.request.key {
                RequestedKey::Given(key) => Some(key.clone()),
                RequestedKey::New(_) => self
                    .files
                    .as_ref()
                    .and_then(|files| files.public_key(fresh.row)),
            };
            let Some(key) = key else {
                return Err(Error::BatchWithoutDirectory);
            };
            let (profile, at) = (fresh.profile, self.occasion.at);
            let mut draft = self.authority.draft(&asked.request, profile, key, at)?;
            if let Some(renewal) = &fresh.renewal {
                draft.request_id = Some(renewal.clone());
            }
            drafts.push((fresh.row, draft));
        }
        Ok(drafts)
    }

    /// What was signed is in the inventory now.
    fn note_stored(&mut self, stored: Vec<Signed<'a>>) -> Result<(), Error> {
        if stored.is_empty() {
            return Ok(());
        }
        let serials: std::collections::HashSet<&[u8]> =
            stored.iter().map(|one| one.serial.magnitude()).collect();
        self.reserved
            .retain(|serial| !serials.contains(serial.magnitude()));
        let mut rows = Vec::new();
        for signed in stored {
            if let Some(product) = signed.product {
                rows.push(signed.row);
                self.set(signed.row, RowOutcome::Issued(product.certificate));
            }
        }
        if self.batch.keep_going {
            self.hand_over(&rows)?;
        }
        Ok(())
    }

    /// Waits for what is being signed.
    fn land<'scope>(&mut self, crew: &mut Crew<'scope, '_, 'a>) -> Result<Vec<Signed<'a>>, Error>
    where
        'a: 'scope,
    {
        let mut signed = crew.land();
        for one in &mut signed {
            if let Some(error) = one.error.take() {
                self.set(one.row, RowOutcome::Failed(error));
            }
        }
        // The path from the issuing certificate on is the same for all.
        if !self.is_path_checked
            && let Some(first) = signed.iter().find_map(|one| one.product.as_ref())
        {
            let press = self.authority.press(self.occasion.at);
            press.check_path(&first.certificate)?;
            self.is_path_checked = true;
        }
        Ok(signed)
    }

    /// Delivers what rows have got, durably.
    fn hand_over(&mut self, rows: &[usize]) -> Result<(), Error> {
        let authority = self.authority;
        if let Some(files) = &mut self.files {
            let given = rows.iter().filter_map(|row| {
                let asked = self.batch.rows.get(*row)?;
                match self.outcomes.get(*row)? {
                    RowOutcome::Issued(certificate) => Some((*row, asked, certificate, true)),
                    RowOutcome::Again(certificate) => Some((*row, asked, certificate, false)),
                    _ => None,
                }
            });
            let failures = files.deliver(given, authority)?;
            for (row, error) in failures {
                self.set(row, RowOutcome::Failed(error));
            }
        }
        for row in rows {
            // What was issued before may have been delivered by a run that ended
            // before it could note it.
            if let Some(RowOutcome::Issued(certificate) | RowOutcome::Again(certificate)) =
                self.outcomes.get(*row)
            {
                self.delivered.push(*certificate.serial());
            }
        }
        (self.batch.progress)(u64::try_from(rows.len()).unwrap_or(0));
        Ok(())
    }

    /// Settles what is reserved and will not be signed any more, and notes the
    /// last deliveries.
    fn settle(&mut self) -> Result<(), Error> {
        for some in self.reserved.chunks(limits::BATCH_TRANSACTION) {
            let serials = some.iter().map(SerialNumber::magnitude);
            self.authority
                .abandon(serials, "the batch was not issued", self.occasion)?;
        }
        self.reserved.clear();
        if !self.delivered.is_empty() {
            let writer = self.authority.inventory.write()?;
            for serial in self.delivered.drain(..) {
                writer.note_delivered(serial.magnitude(), self.occasion.at)?;
            }
            writer.commit()?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch({} rows)", self.rows.len())
    }
}
