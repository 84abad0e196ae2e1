//! How long a revocation list takes: `revocation_list ENTRIES [SERIALS-FILE]`.
//!
//! It fills the inventory of a throw-away CA with so many revoked certificates
//! and prints the time of each part of a list over them, the least and the
//! median of several: reading them from the inventory, building with the
//! comparison, signing with the verification, and everything together with the
//! record, the PEM and the two files. Beside it SHA-256 over the same bytes,
//! without which there is no signature. `scripts/bench crl` runs it.
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use ring::rand::{SecureRandom as _, SystemRandom};
use sha2::{Digest, Sha256};
use windlass::authority::{
    self, AuthorityName, Bootstrap, CaName, ListPlan, ListSigner, Occasion, OwnKey, Unlock,
    reason_of,
};
use windlass::environment::Environment;
use windlass::key::{Cost, KeyType, PassphraseSource, generate};
use windlass::pki::{Certificate, CrlTemplate, IssuerRef, RevokedEntry, SerialNumber};
use windlass::secret::Secret;
use windlass::store::{Inventory, Kind, Reservation, Revocation, Staging};

/// How often each part is measured.
const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let count: u32 = arguments.next().ok_or("ENTRIES is missing")?.parse()?;
    let serials_file = arguments.next();
    let scratch = tempfile::tempdir()?;
    let directory = scratch.path().join("ca");
    let now = DateTime::from_timestamp(Utc::now().timestamp(), 0).ok_or("no time")?;
    let passphrase = || Secret::new(b"correct horse battery staple".to_vec());
    let name: CaName = "Example Corp".parse()?;
    let occasion = Occasion {
        actor: "bench",
        comment: None,
        at: now,
        accept_clock: false,
    };
    let plan = Bootstrap {
        name: &name,
        root_key: &OwnKey::New(KeyType::P256),
        issuing_key: &OwnKey::New(KeyType::P256),
        root_years: 10,
        issuing_years: 3,
        passphrase: Some(&passphrase()),
        cost: Cost::Testing,
        occasion: &occasion,
    };
    let random = SystemRandom::new();
    let (_, issuing) = authority::create(Staging::begin(&directory)?, &plan, &random)?;
    let inventory = Inventory::open(&directory.join("inventory.db"))?;
    let serials = fill(&inventory, &issuing, count, now)?;
    if let Some(file) = serials_file {
        std::fs::write(file, serials.join("\n"))?;
    }
    let key = generate(KeyType::P256, "the bench's key")?;
    let key_identifier = issuing.public_key().key_identifier();
    let issuer = IssuerRef {
        name: issuing.subject(),
        signer: &key.key,
        key_identifier: &key_identifier,
    };

    let (mut read, mut build, mut sign, mut made, mut hash) = <(T, T, T, T, T)>::default();
    let mut published = T::default();
    let environment = Environment::default();
    let said = Some(PassphraseSource::Given(Arc::new(passphrase())));
    let unlock = Unlock::new(said, String::new(), &environment);
    let signer = ListSigner::open(&directory, AuthorityName::ISSUING, &unlock)?;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let entries = entries(&inventory, &key_identifier)?;
        read.push(start.elapsed());
        let template = CrlTemplate {
            number: 1_790_000_000,
            this_update: now,
            next_update: now + TimeDelta::days(10),
            entries,
        };
        let built_from = Instant::now();
        let built = template.build(&issuer)?;
        build.push(built_from.elapsed());
        let signed_from = Instant::now();
        let signed = built.sign()?;
        sign.push(signed_from.elapsed());
        made.push(start.elapsed());
        let hashed_from = Instant::now();
        let digest = Sha256::digest(signed.der());
        hash.push(hashed_from.elapsed());
        assert_eq!(hex::encode(digest), signed.fingerprint());
        drop((template, signed));

        let start = Instant::now();
        signer.publish(&ListPlan {
            days: 10,
            out: None,
            force: false,
            occasion: &occasion,
        })?;
        published.push(start.elapsed());
    }
    println!("{count} entries");
    for (what, times) in [
        ("read from the inventory", read),
        ("build, read back, compare", build),
        ("sign, verify", sign),
        ("these three: the list", made),
        ("all of 'ca crl' but the key", published),
        ("yardstick: SHA-256 of the list", hash),
    ] {
        let mut times = times;
        times.sort();
        let shown = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64) * 1000.0;
        println!(
            "{what:<32} least {:>9.1} ms  median {:>9.1} ms",
            shown(times.first()),
            shown(times.get(times.len() / 2))
        );
    }
    Ok(())
}

/// The times of one part.
type T = Vec<Duration>;

/// So many revoked certificates, with the reason keyCompromise; their serial
/// numbers in hex.
fn fill(
    inventory: &Inventory,
    issuing: &Certificate,
    count: u32,
    now: DateTime<Utc>,
) -> Result<Vec<String>, Box<dyn Error>> {
    let issuer_key_id = issuing.public_key().key_identifier();
    let random = SystemRandom::new();
    let mut serials = Vec::new();
    let mut left = count;
    while left > 0 {
        let part = left.min(50_000);
        let writer = inventory.write()?;
        for index in 0..part {
            let mut serial = [0; 16];
            random.fill(&mut serial).map_err(|_| "no randomness")?;
            serial[0] = 0x42;
            let common_name = format!("host-{}", left - index);
            writer.reserve(&Reservation {
                serial: &serial,
                kind: Kind::Leaf,
                issuer_key_id: &issuer_key_id,
                subject: &format!("CN={common_name}"),
                common_name: &common_name,
                names: &[],
                key_fingerprint: &hex::encode([serial, serial].concat()),
                not_before: now,
                not_after: now + TimeDelta::seconds(i64::from(86_400 + (left - index) % 2_000_000)),
                at: now,
                profile: None,
                requester: None,
                request_id: None,
            })?;
            let revocation = Revocation {
                at: now,
                reason: 1,
                invalid_since: None,
            };
            writer.revoke(&serial, Some(&revocation), now)?;
            serials.push(hex::encode(serial));
        }
        writer.commit()?;
        left -= part;
    }
    Ok(serials)
}

fn entries(
    inventory: &Inventory,
    key_identifier: &[u8],
) -> Result<Vec<RevokedEntry>, windlass::store::Error> {
    let mut entries = Vec::new();
    inventory.revoked(
        key_identifier,
        DateTime::UNIX_EPOCH,
        |serial, revocation| {
            entries.extend(
                SerialNumber::from_magnitude(serial).map(|serial| RevokedEntry {
                    serial,
                    at: revocation.at,
                    reason: reason_of(revocation),
                    invalid_since: revocation.invalid_since,
                }),
            );
            Ok::<(), windlass::store::Error>(())
        },
    )?;
    Ok(entries)
}
