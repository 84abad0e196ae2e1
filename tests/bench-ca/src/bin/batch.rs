//! How fast a batch with given keys is: `batch ROWS [JOBS]`.
//!
//! Beside it what no batch can do without: ring signing on one core, and ring
//! verifying, since every certificate is verified before it is stored. The work
//! of a row is given too as the time of all cores together, which says what more
//! cores would make of it. It prints a table and judges nothing.
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use windlass::authority::{
    self, Authority, Batch, BatchRow, Bootstrap, CaName, IssueRequest, Occasion, OwnKey,
    RequestedKey, Unlock, lock_batches,
};
use windlass::environment::Environment;
use windlass::key::{Cost, KeyType, PassphraseSource, PublicKey, Signer as _, generate};
use windlass::secret::Secret;
use windlass::store::Staging;

/// How often each side is measured, in turns.
const ROUNDS: usize = 5;

/// As long as what is signed of a certificate.
const MESSAGE: [u8; 420] = [7; 420];

/// Keys that the rows share: to make one for each would take longer than
/// everything else.
const KEYS: usize = 256;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let rows: usize = arguments.next().ok_or("ROWS is missing")?.parse()?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = arguments.next().map_or(Ok(cores), |jobs| jobs.parse())?;
    // On the disk that holds the repository: /tmp may be memory.
    let scratch = tempfile::tempdir_in(".")?;
    let directory = scratch.path().join("ca");
    let now = DateTime::from_timestamp(Utc::now().timestamp(), 0).ok_or("no time")?;
    let occasion = Occasion {
        actor: "bench",
        comment: None,
        at: now,
        accept_clock: false,
    };
    let random = SystemRandom::new();
    let authority = create(&directory, &occasion, &random)?;
    let keys = (0..KEYS)
        .map(|_| Ok(generate(KeyType::P256, "a key")?.key.public_key().clone()))
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let pair = Pair::new(&random)?;
    let lock = lock_batches(&directory)?;
    let (mut signed, mut verified) = (Vec::new(), Vec::new());
    let (mut issued, mut worked) = ([Vec::new(), Vec::new()], Vec::new());
    for round in 0..2 * ROUNDS {
        signed.push(rate(rows, || pair.sign(&random))?);
        let signature = pair.sign(&random)?;
        verified.push(rate(rows / 2, || pair.verify(&signature))?);
        let some = requests(&keys, round * rows..(round + 1) * rows)?;
        let keep_going = round % 2 == 0;
        let before = processor_time()?;
        let begun = Instant::now();
        let outcomes = authority.issue_batch(
            &Batch {
                rows: &some,
                keep_going,
                jobs,
                out: None,
                renew: None,
                progress: &|_| {},
            },
            &lock,
            &occasion,
            &random,
        )?;
        let taken = begun.elapsed();
        issued[round % 2].push(rows as f64 / taken.as_secs_f64());
        worked.push((processor_time()? - before).as_secs_f64() * 1e6 / rows as f64);
        let is_issued = |outcome: &_| matches!(outcome, authority::RowOutcome::Issued(_));
        assert!(outcomes.iter().all(is_issued));
    }
    let best = |rates: &[f64]| rates.iter().copied().fold(0.0, f64::max);
    let sign = best(&signed);
    println!(
        "{rows} rows with given keys, {jobs} threads sign, {cores} cores; the best of {ROUNDS}"
    );
    println!("{:<44} {:>10}", "", "per second");
    println!("{:<44} {sign:>10.0}", "yardstick: ring signs, one core");
    println!(
        "{:<44} {:>10.0}",
        "ring verifies, one core",
        best(&verified)
    );
    for (what, rates) in ["each stored soon", "all or none"].iter().zip(&issued) {
        println!("certificates, {what:<30} {:>10.0}", best(rates));
        println!(
            "{:<44} {:>10.2}  (aim: at least 0.7)",
            "ratio",
            best(rates) / sign
        );
    }
    // Were there nothing else to do for a certificate than to sign and to verify.
    let crypto = 1.0 / sign + 1.0 / best(&verified);
    println!(
        "{:<44} {:>10.2}",
        "ratio, were every core at these two alone",
        cores as f64 / crypto / sign
    );
    let least = worked.iter().copied().fold(f64::MAX, f64::min);
    println!(
        "{:<44} {least:>10.1}  ({:.1} of them ring's)",
        "microseconds of all cores for a row",
        1e6 * crypto
    );
    Ok(())
}

fn create(
    directory: &std::path::Path,
    occasion: &Occasion<'_>,
    random: &SystemRandom,
) -> Result<Authority, Box<dyn Error>> {
    let passphrase = || Secret::new(b"correct horse battery staple".to_vec());
    let name: CaName = "Example Corp".parse()?;
    let plan = Bootstrap {
        name: &name,
        root_key: &OwnKey::New(KeyType::P256),
        issuing_key: &OwnKey::New(KeyType::P256),
        root_years: 10,
        issuing_years: 3,
        passphrase: Some(&passphrase()),
        cost: Cost::Testing,
        occasion,
    };
    authority::create(Staging::begin(directory)?, &plan, random)?;
    let environment = Environment::default();
    let said = Some(PassphraseSource::Given(Arc::new(passphrase())));
    let unlock = Unlock::new(said, String::new(), &environment);
    Ok(Authority::open(directory, &unlock)?)
}

fn requests(
    keys: &[PublicKey],
    numbers: std::ops::Range<usize>,
) -> Result<Vec<BatchRow>, Box<dyn Error>> {
    numbers
        .map(|number| {
            let id = format!("request-{number}");
            let name = format!("host-{number}");
            Ok(BatchRow {
                request: IssueRequest {
                    names: vec![format!("dns:{name}.example.com").parse()?],
                    common_name: name.parse()?,
                    organization: None,
                    organizational_units: Vec::new(),
                    key: RequestedKey::Given(keys[number % keys.len()].clone()),
                    days: None,
                    profile: None,
                    request_id: Some(id.clone()),
                },
                id: id.parse()?,
            })
        })
        .collect()
}

/// A key of ring's own.
struct Pair(EcdsaKeyPair);

impl Pair {
    fn new(random: &SystemRandom) -> Result<Self, Box<dyn Error>> {
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, random).map_err(|_| "no key")?;
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), random);
        Ok(Self(pair.map_err(|_| "no key")?))
    }

    fn sign(&self, random: &SystemRandom) -> Result<ring::signature::Signature, Box<dyn Error>> {
        Ok(self.0.sign(random, &MESSAGE).map_err(|_| "no signature")?)
    }

    fn verify(&self, signature: &ring::signature::Signature) -> Result<(), Box<dyn Error>> {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, self.0.public_key());
        let verified = key.verify(&MESSAGE, signature.as_ref());
        Ok(verified.map_err(|_| "no good signature")?)
    }
}

/// Steps a second.
fn rate<T>(
    steps: usize,
    mut step: impl FnMut() -> Result<T, Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let begun = Instant::now();
    for _ in 0..steps {
        std::hint::black_box(step()?);
    }
    Ok(steps as f64 / begun.elapsed().as_secs_f64())
}

/// What this process has taken of all cores so far, its system calls included.
fn processor_time() -> Result<Duration, Box<dyn Error>> {
    // Run time in nanoseconds stands first (proc_pid_schedstat(5)), for each
    // thread; ended ones are only in the sum, in ticks of 10 ms.
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let behind = stat.rsplit(')').next().ok_or("no fields")?;
    let ticks: Vec<u64> = behind
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks.iter().sum::<u64>() * 10))
}
