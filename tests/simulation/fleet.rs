//! All hosts of a seed, run through their days.

use std::sync::Arc;
use std::thread;

use super::judge::Judge;
use super::sketch::{Act, Sketch};
use super::world::{Host, LASTS, LIVES, Moment, Outages};

/// How many hosts there are.
pub const HOSTS: u64 = 10_000;

/// What became of one host.
#[derive(Debug)]
pub struct Course {
    pub host: Host,
    pub judge: Judge,
    pub renewals: Vec<Moment>,
    pub asked: Vec<Moment>,
}

/// A host on its way.
pub struct Walk {
    pub sketch: Sketch,
    pub judge: Judge,
    at: Moment,
    /// Whether it is let rest while there is nothing to be done.
    rests: bool,
}

impl Walk {
    /// A host with its first certificate. One that `rests` is run from the first
    /// moment on at which its certificate may be due, and not each hour before.
    pub fn of(host: &Host, rests: bool) -> Self {
        let sketch = Sketch::enrolled(host);
        Self {
            judge: Judge::of(&sketch.in_force),
            sketch,
            at: host.enrolled,
            rests,
        }
    }

    /// The next run.
    pub fn next(&mut self, host: &Host) -> Option<Moment> {
        let mut from = self.at;
        if self.rests && self.sketch.is_at_rest() && host.is_right(from) {
            let earliest = self.judge.earliest() - host.ahead(from) - 2;
            let step = host.next_step(from).unwrap_or(Moment::MAX) - 1;
            from = from.max(earliest.min(step));
        }
        self.at = host.next_run(from);
        (self.at < LASTS).then_some(self.at)
    }
}

/// Runs one host through its days.
pub fn course(host: Host, rests: bool) -> Course {
    let mut walk = Walk::of(&host, rests);
    let (mut renewals, mut asked) = (Vec::new(), Vec::new());
    while let Some(at) = walk.next(&host) {
        let had_begun = walk.sketch.next.is_some();
        let ran = walk.sketch.run(&host, at);
        walk.judge.look(&host, &walk.sketch, had_begun, (at, ran));
        if ran.act == Act::Renewed {
            renewals.push(at);
        }
        if ran.asked {
            asked.push(at);
        }
    }
    Course {
        judge: walk.judge,
        host,
        renewals,
        asked,
    }
}

/// What befalls everybody with a certificate of the same life.
pub fn outages(seed: u64) -> [Arc<Outages>; 4] {
    LIVES.map(|life| Arc::new(Outages::drawn(seed, life)))
}

/// Runs hosts on all cores.
pub fn courses(hosts: Vec<Host>, rests: bool) -> Vec<Course> {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    let mut shares: Vec<Vec<Host>> = (0..cores).map(|_| Vec::new()).collect();
    for (host, share) in hosts.into_iter().zip((0..cores).cycle()) {
        shares[share].push(host);
    }
    thread::scope(|scope| {
        let runs = shares.into_iter().map(|share| {
            scope.spawn(move || -> Vec<Course> {
                share.into_iter().map(|host| course(host, rests)).collect()
            })
        });
        let runs: Vec<_> = runs.collect();
        let done = runs.into_iter().flat_map(|run| run.join().unwrap());
        done.collect()
    })
}

/// The hosts of a seed.
pub fn hosts(seed: u64, count: u64) -> Vec<Host> {
    let outages = outages(seed);
    (0..count)
        .map(|number| Host::drawn(seed, number, &outages))
        .collect()
}
