//! Whether readers fail while an identity is rotated:
//! `rotation WINDLASS ROTATIONS READERS PAIRS OPTION...`
//!
//! PAIRS is a directory of pairs (`NAME/key.pem`, `NAME/fullchain.pem`), which are
//! put in force in turn; OPTION... are those of a session. Readers are processes,
//! 'windlass credential-process', one after the other in each of READERS loops, and
//! a loop that reads both files once, as programs do that do not try again. The
//! same is done with a pair of files that is overwritten in place. It prints a
//! table and judges nothing.
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use windlass::store::{CERTIFICATE, CHAIN, FULLCHAIN, KEY, VersionNumber, Versions};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// A rotation begins that long after the one before, or later: without it,
/// overwriting would be over before a process has started.
const INTERVAL: Duration = Duration::from_millis(5);

/// A key and its certificate with the chain.
struct Pair {
    key: Vec<u8>,
    fullchain: Vec<u8>,
}

/// What is measured, and with what.
struct Bench {
    windlass: String,
    rotations: u64,
    readers: usize,
    options: Vec<String>,
    pairs: Vec<Pair>,
}

/// What readers found.
#[derive(Default)]
struct Found {
    reads: AtomicU64,
    failures: AtomicU64,
    warnings: AtomicU64,
}

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = |what: &str| arguments.next().ok_or(format!("{what} is missing"));
    let windlass = next("WINDLASS")?;
    let rotations = next("ROTATIONS")?.parse()?;
    let readers = next("READERS")?.parse()?;
    let pairs = pairs(Path::new(&next("PAIRS")?))?;
    let bench = Bench {
        windlass,
        rotations,
        readers,
        pairs,
        options: arguments.collect(),
    };
    // On the disk that holds the repository: /tmp may be memory.
    let scratch = tempfile::tempdir_in(".")?;
    println!(
        "{:<50} {:>9} {:>7} {:>8} {:>9} {:>9} {:>9}",
        "", "rotations", "s", "reads", "failures", "of reads", "warnings"
    );

    let web = fs::canonicalize(scratch.path())?.join("web");
    let versions = Versions::create(&web, None)?;
    let put = |number: u64, pair: &Pair| rotate(&versions, number, pair);
    let current = || Ok(versions.current()?.ok_or("no version")?.1);
    bench.measure(
        "versions",
        &put,
        &["--identity".into(), web.clone()],
        // Resolved once, as a reader should; and by two paths through the link.
        &[
            ("read once, resolved once", &current),
            ("read once by DIR/current", &|| Ok(web.join("current"))),
        ],
    )?;

    let place = scratch.path().join("place");
    fs::create_dir(&place)?;
    let put = |_: u64, pair: &Pair| overwrite(&place, pair);
    let (key, certificate) = (place.join(KEY), place.join(FULLCHAIN));
    bench.measure(
        "overwritten in place",
        &put,
        &[
            "--certificate".into(),
            certificate,
            "--private-key".into(),
            key,
        ],
        &[("read once", &|| Ok(place.clone()))],
    )
}

/// Where a reader that does not try again finds both files.
type Find<'a> = (&'a str, &'a (dyn Fn() -> Outcome<PathBuf> + Sync));

impl Bench {
    /// Rotates while everybody reads.
    fn measure(
        &self,
        way: &str,
        put: &(dyn Fn(u64, &Pair) -> Outcome<()> + Sync),
        identity: &[PathBuf],
        finds: &[Find<'_>],
    ) -> Outcome<()> {
        put(1, &self.pairs[0])?;
        let is_over = AtomicBool::new(false);
        let processes = Found::default();
        let loops: Vec<Found> = finds.iter().map(|_| Found::default()).collect();
        let began = Instant::now();
        thread::scope(|scope| {
            for _ in 0..self.readers {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        self.run(identity, &processes);
                    }
                });
            }
            for ((_, find), found) in finds.iter().zip(&loops) {
                let is_over = &is_over;
                scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        found.count(find().is_ok_and(|place| self.is_whole(&place)));
                        // Else it would take a core from the others.
                        thread::sleep(Duration::from_micros(500));
                    }
                });
            }
            let rotated = self.rotate(put);
            is_over.store(true, Ordering::Relaxed);
            rotated
        })?;
        let took = began.elapsed().as_secs_f64();
        let names = finds.iter().map(|(name, _)| *name);
        let rows = [("windlass credential-process", &processes)];
        for (name, found) in rows.into_iter().chain(names.zip(&loops)) {
            let reads = found.reads.load(Ordering::Relaxed);
            let failures = found.failures.load(Ordering::Relaxed);
            // In parts of ten thousand, to print a percentage without a float.
            let rate = failures * 10_000 / reads.max(1);
            println!(
                "{:<50} {:>9} {took:>7.1} {reads:>8} {failures:>9} {:>9} {:>9}",
                format!("{way}: {name}"),
                self.rotations,
                format!("{}.{:02} %", rate / 100, rate % 100),
                found.warnings.load(Ordering::Relaxed),
            );
        }
        Ok(())
    }

    fn rotate(&self, put: &(dyn Fn(u64, &Pair) -> Outcome<()> + Sync)) -> Outcome<()> {
        for (pair, number) in self.pairs.iter().cycle().skip(1).zip(2..self.rotations + 2) {
            let began = Instant::now();
            put(number, pair)?;
            thread::sleep(INTERVAL.saturating_sub(began.elapsed()));
        }
        Ok(())
    }

    /// Asks for one session.
    fn run(&self, identity: &[PathBuf], found: &Found) {
        let output = Command::new(&self.windlass)
            .args(["credential-process", "--no-cache"])
            .args(identity)
            .args(&self.options)
            .stdin(Stdio::null())
            .output();
        let is_good = match &output {
            Ok(output) => output.status.success(),
            Err(_) => false,
        };
        if is_good && output.is_ok_and(|output| !output.stderr.is_empty()) {
            found.warnings.fetch_add(1, Ordering::Relaxed);
        }
        found.count(is_good);
    }

    /// Whether key and certificate are those of one pair.
    fn is_whole(&self, place: &Path) -> bool {
        let (Ok(key), Ok(fullchain)) = (fs::read(place.join(KEY)), fs::read(place.join(FULLCHAIN)))
        else {
            return false;
        };
        let mut pairs = self.pairs.iter();
        pairs.any(|pair| pair.key == key && pair.fullchain == fullchain)
    }
}

impl Found {
    fn count(&self, is_good: bool) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.failures
            .fetch_add(u64::from(!is_good), Ordering::Relaxed);
    }
}

fn pairs(directory: &Path) -> Outcome<Vec<Pair>> {
    let mut pairs = Vec::new();
    for entry in fs::read_dir(directory)? {
        let place = entry?.path();
        pairs.push(Pair {
            key: fs::read(place.join(KEY))?,
            fullchain: fs::read(place.join(FULLCHAIN))?,
        });
    }
    if pairs.len() < 2 {
        return Err("PAIRS has fewer than two".into());
    }
    Ok(pairs)
}

/// As 'windlass rotate' does it, when it has its certificate.
fn rotate(versions: &Versions, number: u64, pair: &Pair) -> Outcome<()> {
    let number = VersionNumber::new(number).ok_or("no number")?;
    let building = versions.begin(number)?;
    building.write(KEY, &pair.key)?;
    building.write(CERTIFICATE, &pair.fullchain)?;
    building.write(CHAIN, b"")?;
    building.write(FULLCHAIN, &pair.fullchain)?;
    building.publish()?;
    versions.switch(number)?;
    versions.retire(2)?;
    Ok(())
}

/// As scripts do it: one file after the other, into the file that is there.
fn overwrite(place: &Path, pair: &Pair) -> Outcome<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    for (name, content) in [(KEY, &pair.key), (FULLCHAIN, &pair.fullchain)] {
        let mut options = fs::OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        options.open(place.join(name))?.write_all(content)?;
    }
    Ok(())
}
