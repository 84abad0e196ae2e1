//! Many certificates in one go, by requests that have names of their own.
//!
//! Serial numbers are reserved and certificates stored in transactions of a
//! hundred, and while one is written the next hundred is signed by all cores.
//! What a name was given once is given again and not issued anew, so that a batch
//! that was cut short is simply run again.

mod files;
mod spread;

pub use files::RowId;
pub use spread::spread;

use std::path::Path;

use ring::rand::SecureRandom;

use crate::limits;
use crate::pki::{Certificate, SerialNumber};
use crate::store::{self, DirectoryLock, Record, State as Stored, Writer};

use self::files::Files;
use self::spread::{Flight, Signed};
use super::checkpoint::checkpoint_when_due;
use super::draft::{Draft, abandon_in};
use super::policy::Profile;
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
    /// What would become of each row: `None` where nothing is in its way. Nothing
    /// is written.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the inventory cannot be read.
    pub fn check_batch(&self, rows: &[BatchRow]) -> Result<Vec<Option<Error>>, Error> {
        let check = |row: &BatchRow| match self.find(row)? {
            Found::Issued(_) => Ok(None),
            Found::Nothing | Found::Leftover(_) => match self.judge(&row.request) {
                Err(Error::Store(error)) => Err(Error::Store(error)),
                judged => Ok(judged.err()),
            },
            Found::Other(error) => Ok(Some(error)),
        };
        rows.iter().map(check).collect()
    }

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
            delivered: Vec::new(),
        };
        let done = run.carry_out();
        let settled = run.settle();
        done.and(settled)?;
        Ok(run.outcomes)
    }

    /// What the inventory knows of a row.
    fn find(&self, row: &BatchRow) -> Result<Found, Error> {
        let Some(record) = self.inventory.by_request(row.id.as_str())? else {
            return Ok(Found::Nothing);
        };
        Ok(match (&record.der, record.state) {
            (Some(der), Stored::Issued) if is_same(&record, &row.request) => {
                Found::Issued(Box::new(Certificate::from_der(der, "the inventory")?))
            }
            (None, Stored::Reserved) => Found::Leftover(record.serial),
            _ => Found::Other(Error::Store(store::Error::RequestTaken {
                request_id: row.id.as_str().to_owned(),
            })),
        })
    }
}

/// What the inventory knows of a row.
enum Found {
    Issued(Box<Certificate>),
    /// A serial number that a process reserved which has died.
    Leftover(Vec<u8>),
    Nothing,
    /// The name was given to another request.
    Other(Error),
}

/// Whether a record is of this very request.
fn is_same(record: &Record, request: &IssueRequest) -> bool {
    let names: Vec<String> = request.names.iter().map(ToString::to_string).collect();
    let is_key = match &request.key {
        RequestedKey::New(_) => true,
        RequestedKey::Given(key) => key.fingerprint() == record.key_fingerprint,
    };
    is_key && record.common_name == request.common_name.as_str() && record.names == names
}

/// A row that is to be issued, and the profile under which.
type Fresh<'a> = (usize, &'a Profile);

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
    /// Serial numbers whose delivery is to be noted.
    delivered: Vec<SerialNumber>,
}

impl<'a> Run<'a> {
    fn carry_out(&mut self) -> Result<(), Error> {
        let (fresh, leftovers) = self.sort()?;
        if self.has_to_stop() {
            return Ok(());
        }
        for some in leftovers.chunks(limits::BATCH_TRANSACTION) {
            let serials = some.iter().map(Vec::as_slice);
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

    /// Finds what was issued before and judges the others: every row, before
    /// anything is reserved.
    fn sort(&mut self) -> Result<(Vec<Fresh<'a>>, Vec<Vec<u8>>), Error> {
        let (mut fresh, mut leftovers) = (Vec::new(), Vec::new());
        for (index, row) in self.batch.rows.iter().enumerate() {
            match self.authority.find(row)? {
                Found::Issued(certificate) => {
                    self.set(index, RowOutcome::Again(*certificate));
                    continue;
                }
                Found::Other(error) => {
                    self.set(index, RowOutcome::Failed(error));
                    continue;
                }
                Found::Leftover(serial) => leftovers.push(serial),
                Found::Nothing => {}
            }
            let free = self.files.as_ref().map(|files| files.check_free(&row.id));
            if let Some(Err(error)) = free {
                self.set(index, RowOutcome::Failed(error));
                continue;
            }
            let judged = self.authority.judge(&row.request);
            match self.authority.logged(judged, &row.request, self.occasion) {
                Ok(profile) => fresh.push((index, profile)),
                Err(Error::Store(error)) => return Err(Error::Store(error)),
                Err(error) => self.set(index, RowOutcome::Failed(error)),
            }
        }
        Ok((fresh, leftovers))
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
        let jobs = self.batch.jobs;
        std::thread::scope(|scope| {
            let mut flight: Option<Flight<'_, 'a>> = None;
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
                if let Some(flight) = flight.take() {
                    held.extend(self.land(flight)?);
                }
                flight = Some(Flight::start(scope, press, reserved, jobs));
            }
            if let Some(flight) = flight.take() {
                held.extend(self.land(flight)?);
            }
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
                next.iter().map(|(row, _)| *row),
                self.batch.jobs,
            )?;
        }
        for (row, profile) in next {
            let Some(asked) = self.batch.rows.get(*row) else {
                continue;
            };
            let key = match &asked.request.key {
                RequestedKey::Given(key) => Some(key.clone()),
                RequestedKey::New(_) => {
                    self.files.as_ref().and_then(|files| files.public_key(*row))
                }
            };
            let Some(key) = key else {
                return Err(Error::BatchWithoutDirectory);
            };
            let draft = self
                .authority
                .draft(&asked.request, profile, key, self.occasion.at)?;
            drafts.push((*row, draft));
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
    fn land(&mut self, flight: Flight<'_, 'a>) -> Result<Vec<Signed<'a>>, Error> {
        let mut signed = flight.land();
        for one in &mut signed {
            if let Some(error) = one.error.take() {
                self.set(one.row, RowOutcome::Failed(error));
            }
        }
        // The path from the issuing certificate on is the same for all.
        if let Some(first) = signed.iter().find_map(|one| one.product.as_ref()) {
            let press = self.authority.press(self.occasion.at);
            press.check_path(&first.certificate)?;
        }
        Ok(signed)
    }

    /// Delivers what rows have got, durably.
    fn hand_over(&mut self, rows: &[usize]) -> Result<(), Error> {
        if let Some(files) = &mut self.files {
            let given = rows.iter().filter_map(|row| {
                let asked = self.batch.rows.get(*row)?;
                match self.outcomes.get(*row)? {
                    RowOutcome::Issued(certificate) => Some((*row, asked, certificate, true)),
                    RowOutcome::Again(certificate) => Some((*row, asked, certificate, false)),
                    _ => None,
                }
            });
            let failures = files.deliver(given, self.authority)?;
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
