//! How fast the inventory is: rates of its durable steps beside those of bare
//! SQLite commits on the same disk, and beside themselves after the inventory has
//! grown. It prints a table and judges nothing.
//!
//! `inventory DIR COUNT`: works in DIR, which must be empty, and fills
//! the inventory to COUNT certificates.

use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, params};
use windlass::random;
use windlass::store::{AuditEntry, Inventory, Kind, Reservation, Revocation, Writer};

type Failure = Box<dyn std::error::Error>;

/// How many of each durable step are measured at a time; the two sides take
/// turns, so that a machine that slows down slows both.
const STEPS: usize = 500;
const TURNS: usize = 6;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, directory, count] = arguments.as_slice() else {
        return Err("usage: inventory DIR COUNT".into());
    };
    let (directory, count) = (Path::new(directory), count.parse::<usize>()?);
    let inventory = Inventory::create(&directory.join("inventory.db"))?;
    let bare = Bare::create(&directory.join("bare.db"))?;
    let mut bench = Bench { inventory, next: 0 };
    println!("{:<44} {:>10}", "durable, one at a time", "per second");
    let mut rates = Vec::new();
    for _ in 0..TURNS {
        rates.push((
            rate(STEPS, || bare.two_commits())?,
            rate(STEPS, || bench.issue())?,
        ));
    }
    let yardstick = middle(rates.iter().map(|rate| rate.0));
    let empty = middle(rates.iter().map(|rate| rate.1));
    println!("{:<44} {yardstick:>10.0}", "two bare SQLite commits");
    println!(
        "{:<44} {empty:>10.0}",
        "reserve and store, inventory nearly empty"
    );
    println!(
        "{:<44} {:>10.2}  (aim: at least 0.8)",
        "ratio",
        empty / yardstick
    );
    let small = bench.queries()?;
    let begun = Instant::now();
    let missing = count.saturating_sub(bench.next);
    bench.fill(missing)?;
    println!(
        "filled to {} certificates, {:.0} per second, 100 a transaction",
        bench.next,
        missing as f64 / begun.elapsed().as_secs_f64()
    );
    let mut rates = Vec::new();
    for _ in 0..TURNS {
        rates.push((
            rate(STEPS, || bare.two_commits())?,
            rate(STEPS, || bench.issue())?,
        ));
    }
    let yardstick = middle(rates.iter().map(|rate| rate.0));
    let full = middle(rates.iter().map(|rate| rate.1));
    println!("{:<44} {yardstick:>10.0}", "two bare SQLite commits");
    println!("{:<44} {full:>10.0}", "reserve and store, inventory full");
    println!(
        "{:<44} {:>10.2}  (aim: at least 0.9)",
        "full / empty",
        full / empty
    );
    let large = bench.queries()?;
    for ((name, before), (_, after)) in small.iter().zip(&large) {
        println!("{name:<44} {before:>7.1} us, full {after:>7.1} us");
    }
    Ok(())
}

/// Steps a second.
fn rate(steps: usize, mut step: impl FnMut() -> Result<(), Failure>) -> Result<f64, Failure> {
    let begun = Instant::now();
    for _ in 0..steps {
        step()?;
    }
    Ok(steps as f64 / begun.elapsed().as_secs_f64())
}

fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
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
}

impl Bench {
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

    /// Microseconds of each query.
    fn queries(&mut self) -> Result<Vec<(&'static str, f64)>, Failure> {
        let row = self.row();
        let mut writer = self.inventory.write()?;
        row.reserve(&writer)?;
        row.store(&mut writer)?;
        writer.commit()?;
        let revocation = Revocation {
            at: now(),
            reason: 4,
            invalid_since: None,
        };
        let inventory = &self.inventory;
        let micro = |rate: f64| 1e6 / rate;
        Ok(vec![
            (
                "show by serial number",
                micro(rate(2000, || Ok(inventory.get(&row.serial).map(drop)?))?),
            ),
            (
                "show by name",
                micro(rate(2000, || {
                    Ok(inventory.newest_named(&row.name).map(drop)?)
                })?),
            ),
            (
                "revoke, durable",
                micro(rate(500, || {
                    let writer = inventory.write()?;
                    writer.revoke(&row.serial, Some(&revocation), now())?;
                    Ok(writer.commit()?)
                })?),
            ),
        ])
    }
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
            not_after: now() + TimeDelta::days(30),
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
