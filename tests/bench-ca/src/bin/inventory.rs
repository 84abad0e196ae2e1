//! How fast the inventory is: the times of its steps beside those of bare SQLite
//! commits on the same disk, and those of a nearly empty inventory beside those of
//! a full one. It prints a table and judges nothing.
//!
//! `inventory DIR COUNT`: works in DIR, which must be empty, and fills one of two
//! inventories with COUNT certificates.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, params};
use windlass::random;
use windlass::store::{AuditEntry, Inventory, Kind, Order, Query, Reservation, Revocation, Writer};

type Failure = Box<dyn std::error::Error>;

/// How many of each durable step are measured.
const STEPS: usize = 3000;

/// How many of each query are.
const QUERIES: usize = 2000;

/// How often the inventory is opened, as each command does it once.
const OPENINGS: usize = 500;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, directory, count] = arguments.as_slice() else {
        return Err("usage: inventory DIR COUNT".into());
    };
    let (directory, count) = (Path::new(directory), count.parse::<usize>()?);
    let bare = Bare::create(&directory.join("bare.db"))?;
    let mut small = Bench::create(directory.join("small.db"))?;
    let mut full = Bench::create(directory.join("full.db"))?;
    let begun = Instant::now();
    full.fill(count)?;
    println!(
        "filled to {count} certificates, {:.0} per second, 100 a transaction",
        count as f64 / begun.elapsed().as_secs_f64()
    );
    println!("microseconds, lower quartile and median of {STEPS} in turns");
    let [yardstick, ours, ours_full] = in_turns(
        STEPS,
        [
            &mut || bare.two_commits(),
            &mut || small.issue(),
            &mut || full.issue(),
        ],
    )?;
    yardstick.show("two bare SQLite commits");
    ours.show("reserve and store, inventory nearly empty");
    yardstick.show_ratio("  bare / ours", "0.80", ours);
    ours_full.show("  the same, full");
    yardstick.show_ratio("  bare / ours", "0.80", ours_full);
    ours.show_ratio("  empty / full", "0.90", ours_full);
    let bare_pages = pages_a_step(&bare.path(directory), || bare.two_commits())?;
    let pages = pages_a_step(&small.path.clone(), || small.issue())?;
    println!(
        "{:<44} {pages:>8.1}, bare {bare_pages:.1}",
        "pages that one writes"
    );
    let (few, many) = (small.known()?, full.known()?);
    for verb in Verb::ALL {
        let (mut few, mut many) = (few.iter().cycle(), many.iter().cycle());
        let [before, after] = in_turns(
            verb.steps(),
            [
                &mut || verb.run(&small, few.next().ok_or("no rows")?),
                &mut || verb.run(&full, many.next().ok_or("no rows")?),
            ],
        )?;
        before.show(verb.name());
        after.show("  the same, full");
        before.show_ratio("  empty / full", "0.90", after);
    }
    Ok(())
}

/// What steps have taken, in microseconds. The lower quartile is what is compared:
/// whatever else a machine does only ever adds to a step.
#[derive(Clone, Copy)]
struct Taken {
    quartile: f64,
    median: f64,
}

impl Taken {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort();
        let at = |place: usize| times[place].as_secs_f64() * 1e6;
        Self {
            quartile: at(times.len() / 4),
            median: at(times.len() / 2),
        }
    }

    fn show(self, what: &str) {
        println!("{what:<44} {:>8.1} {:>8.1}", self.quartile, self.median);
    }

    fn show_ratio(self, what: &str, aim: &str, other: Self) {
        println!(
            "{what:<44} {:>8.2} {:>8.2}  (aim: at least {aim})",
            self.quartile / other.quartile,
            self.median / other.median
        );
    }
}

/// One step of what is measured.
type Step<'a> = &'a mut dyn FnMut() -> Result<(), Failure>;

/// Every side, a step of each in turns: a machine that slows down slows them all.
fn in_turns<const N: usize>(steps: usize, mut sides: [Step<'_>; N]) -> Result<[Taken; N], Failure> {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..steps {
        for (side, times) in sides.iter_mut().zip(&mut times) {
            let begun = Instant::now();
            side()?;
            times.push(begun.elapsed());
        }
    }
    Ok(times.map(Taken::of))
}

/// How many pages a step writes into the write-ahead log: a count, which no other
/// program on the machine changes.
fn pages_a_step(
    path: &Path,
    mut step: impl FnMut() -> Result<(), Failure>,
) -> Result<f64, Failure> {
    // So few that the log is not folded into the database meanwhile.
    const FEW: usize = 50;
    let other = Connection::open(path)?;
    let page: u32 = other.pragma_query_value(None, "page_size", |row| row.get(0))?;
    other.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    for _ in 0..FEW {
        step()?;
    }
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    // A head of 32 octets, and one of 24 before each page.
    let pages = (std::fs::metadata(log)?.len() - 32) / u64::from(page + 24);
    Ok(pages as f64 / FEW as f64)
}

/// What two durable commits cost with nothing around them.
struct Bare(Connection);

impl Bare {
    fn create(path: &Path) -> Result<Self, Failure> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch("CREATE TABLE t (k BLOB PRIMARY KEY, v BLOB)")?;
        Ok(Self(connection))
    }

    fn path(&self, directory: &Path) -> PathBuf {
        directory.join(self.0.path().unwrap_or_default())
    }

    fn two_commits(&self) -> Result<(), Failure> {
        let key = octets();
        self.0
            .prepare_cached("INSERT INTO t VALUES (?1, NULL)")?
            .execute(params![key])?;
        self.0
            .prepare_cached("UPDATE t SET v = ?2 WHERE k = ?1")?
            .execute(params![key, vec![0_u8; 600]])?;
        Ok(())
    }
}

struct Bench {
    inventory: Inventory,
    path: PathBuf,
    next: usize,
}

/// What one certificate of the bench has.
struct Row {
    serial: [u8; 16],
    name: String,
    names: [String; 2],
    fingerprint: String,
    der: Vec<u8>,
    detail: String,
    not_after: DateTime<Utc>,
}

impl Bench {
    fn create(path: PathBuf) -> Result<Self, Failure> {
        Ok(Self {
            inventory: Inventory::create(&path)?,
            path,
            next: 0,
        })
    }

    fn row(&mut self) -> Row {
        self.next += 1;
        let (serial, fingerprint) = (octets(), two_octets());
        let name = format!("host-{}", self.next);
        Row {
            serial,
            names: [
                format!("DNS:{name}.example.com"),
                format!("IP:10.{}", self.next),
            ],
            detail: format!(
                "{{\"fingerprintSha256\":\"{fingerprint}\",\"subject\":\"CN={name}\",\"notAfter\":\"2026-12-01T00:00:00Z\"}}"
            ),
            name,
            fingerprint,
            der: vec![7; 480],
            not_after: now() + TimeDelta::days(30),
        }
    }

    fn issue(&mut self) -> Result<(), Failure> {
        let row = self.row();
        let writer = self.inventory.write()?;
        row.reserve(&writer)?;
        writer.commit()?;
        let mut writer = self.inventory.write()?;
        row.store(&mut writer)?;
        writer.commit()?;
        Ok(())
    }

    fn fill(&mut self, count: usize) -> Result<(), Failure> {
        let mut left = count;
        while left > 0 {
            let rows: Vec<Row> = (0..left.min(100)).map(|_| self.row()).collect();
            left -= rows.len();
            let mut writer = self.inventory.write()?;
            for row in &rows {
                row.reserve(&writer)?;
                row.store(&mut writer)?;
            }
            writer.commit()?;
        }
        Ok(())
    }

    /// Stores what the queries look for: rows, and one that ends at another time than
    /// all others.
    fn known(&mut self) -> Result<Vec<Row>, Failure> {
        let rows: Vec<Row> = (0..STEPS).map(|_| self.row()).collect();
        let ending = Row {
            not_after: now() + TimeDelta::days(3),
            ..self.row()
        };
        let mut writer = self.inventory.write()?;
        for row in rows.iter().chain([&ending]) {
            row.reserve(&writer)?;
            row.store(&mut writer)?;
        }
        writer.commit()?;
        Ok(rows)
    }
}

/// The verbs of which it is asked that they stay as fast as they were.
#[derive(Clone, Copy)]
enum Verb {
    Serial,
    SerialOpening,
    Name,
    Ending,
    Revoke,
}

impl Verb {
    const ALL: [Self; 5] = [
        Self::Serial,
        Self::SerialOpening,
        Self::Name,
        Self::Ending,
        Self::Revoke,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Serial => "show by serial number",
            Self::SerialOpening => "show by serial number, opening included",
            Self::Name => "show by name",
            Self::Ending => "list what ends soon",
            Self::Revoke => "revoke, durable",
        }
    }

    fn steps(self) -> usize {
        match self {
            Self::SerialOpening => OPENINGS,
            Self::Revoke => STEPS,
            _ => QUERIES,
        }
    }

    fn run(self, bench: &Bench, row: &Row) -> Result<(), Failure> {
        let inventory = &bench.inventory;
        match self {
            Self::Serial => Ok(inventory.get(&row.serial).map(drop)?),
            Self::SerialOpening => {
                let opened = Inventory::open_to_read(&bench.path)?;
                Ok(opened.get(&row.serial).map(drop)?)
            }
            Self::Name => Ok(inventory.newest_named(&row.name).map(drop)?),
            Self::Ending => {
                let expiring = Query {
                    ends_before: Some(now() + TimeDelta::days(4)),
                    order: Order::End,
                    limit: Some(1),
                    now: now(),
                    ..Query::default()
                };
                Ok(inventory.find(&expiring, |_| Ok::<_, windlass::store::Error>(()))?)
            }
            Self::Revoke => revoke(inventory, row),
        }
    }
}

/// As 'ca revoke' does it: the row, and its entry in the log.
fn revoke(inventory: &Inventory, row: &Row) -> Result<(), Failure> {
    let revocation = Revocation {
        at: now(),
        reason: 4,
        invalid_since: None,
    };
    let mut writer = inventory.write()?;
    writer.revoke(&row.serial, Some(&revocation), now())?;
    writer.record(&AuditEntry {
        at: now(),
        actor: "alice@ca-1",
        action: AuditEntry::REVOKE,
        serial: Some(&row.serial),
        detail: "{\"reason\":\"superseded\"}",
        comment: None,
    })?;
    Ok(writer.commit()?)
}

impl Row {
    fn reserve(&self, writer: &Writer<'_>) -> Result<(), Failure> {
        Ok(writer.reserve(&Reservation {
            serial: &self.serial,
            kind: Kind::Leaf,
            issuer_key_id: &[1; 20],
            subject: &format!("CN={}", self.name),
            common_name: &self.name,
            names: &self.names,
            key_fingerprint: &self.fingerprint,
            not_before: now(),
            not_after: self.not_after,
            at: now(),
            profile: None,
            requester: Some("alice@ca-1"),
            request_id: None,
        })?)
    }

    fn store(&self, writer: &mut Writer<'_>) -> Result<(), Failure> {
        writer.store(&self.serial, &self.der, &self.fingerprint, now())?;
        Ok(writer.record(&AuditEntry {
            at: now(),
            actor: "alice@ca-1",
            action: AuditEntry::ISSUE,
            serial: Some(&self.serial),
            detail: &self.detail,
            comment: None,
        })?)
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).unwrap_or_default()
}

fn octets() -> [u8; 16] {
    random::octets().unwrap_or_default()
}

fn two_octets() -> String {
    octets()
        .iter()
        .chain(&octets())
        .map(|octet| format!("{octet:02x}"))
        .collect()
}
