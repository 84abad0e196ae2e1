//! The real rotation, with keys, requests and certificates, beside the sketch of
//! it: run by run both come to the same.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;

use windlass::clock::FixedClock;
use windlass::host::{
    Bearing, Done, Error, HookFacts, HookId, HookOutcome, Hooks, Issuer, IssuerFailure, KeyPolicy,
    Pair, Part, Places, Probe, Report, Rotation, Rule, Shelf, State, Terms, Verdict, When, Which,
};
use windlass::key::{KeyType, Signer, SoftwareKey, generate};
use windlass::pki::{
    AttributeType, Certificate, CertificateRequest, DistinguishedName, IssuerRef, Kind,
    SerialNumber, Template, encode_pem,
};
use windlass::secret::Secret;
use windlass::store::VersionNumber;

use super::fleet::Walk;
use super::sketch::Act;
use super::world::{BACKDATED, Ca, DAY, Host, Moment, Trial, wall};

/// An authority of which there is one for all hosts.
pub struct Authority {
    key: SoftwareKey,
    root: Certificate,
}

impl Authority {
    pub fn new() -> Self {
        let key = generate(KeyType::P256, "root").unwrap().key;
        let root = Template {
            subject: &name("Root"),
            public_key: key.public_key(),
            serial: &SerialNumber::from_magnitude(&[1]).unwrap(),
            not_before: wall(-200 * DAY),
            not_after: wall(3650 * DAY),
            kind: Kind::Root,
        }
        .sign(&IssuerRef {
            name: &name("Root"),
            signer: &key,
            key_identifier: &key.public_key().key_identifier(),
        })
        .unwrap();
        Self { key, root }
    }
}

fn name(common: &str) -> DistinguishedName {
    DistinguishedName::build(&[(AttributeType::CommonName, common)])
}

/// The parts of a version.
type Parts = BTreeMap<Part, Vec<u8>>;

/// What lies on the disk.
#[derive(Default)]
struct Lying {
    state: State,
    versions: BTreeMap<u64, Parts>,
    in_force: Option<u64>,
}

/// A host, and everything around it at a moment.
struct Real<'a> {
    host: &'a Host,
    authority: &'a Authority,
    terms: Terms,
    lying: RefCell<Lying>,
    at: Cell<Moment>,
    asked: Cell<bool>,
    issued: Cell<u64>,
}

impl<'a> Real<'a> {
    fn of(host: &'a Host, authority: &'a Authority) -> Self {
        Self {
            host,
            authority,
            terms: Terms {
                common_name: host.name.clone(),
                organization: None,
                units: Vec::new(),
                names: Vec::new(),
                key_type: KeyType::P256,
                keys: KeyPolicy::New,
                roots: vec![authority.root.clone()],
                rule: Rule::Usual,
                windows: host.windows.clone(),
                host: host.name.clone(),
            },
            lying: RefCell::default(),
            at: Cell::new(host.enrolled),
            asked: Cell::new(false),
            issued: Cell::new(0),
        }
    }

    fn run(&self, at: Moment) -> Report {
        self.at.set(at);
        self.asked.set(false);
        let rotation = Rotation {
            shelf: self,
            issuer: self,
            probe: Some(self),
            hooks: self,
            terms: &self.terms,
            clock: &FixedClock(wall(self.host.clock(at))),
            places: &Places::of(Path::new("identity")),
        };
        rotation.run(false).unwrap()
    }

    fn has_begun(&self) -> bool {
        self.at.get() > self.host.enrolled
    }
}

impl Shelf for Real<'_> {
    fn state(&self) -> Result<State, Error> {
        Ok(self.lying.borrow().state.clone())
    }

    fn keep(&self, state: &State) -> Result<(), Error> {
        self.lying.borrow_mut().state = state.clone();
        Ok(())
    }

    fn in_force(&self) -> Result<Option<Pair>, Error> {
        let lying = self.lying.borrow();
        Ok(lying.in_force.map(|number| {
            let parts = &lying.versions[&number];
            Pair {
                number: VersionNumber::new(number).unwrap(),
                key: Secret::new(parts[&Part::Key].clone()),
                fullchain: parts[&Part::Fullchain].clone(),
            }
        }))
    }

    fn get(&self, number: VersionNumber, part: Part) -> Result<Option<Secret>, Error> {
        let lying = self.lying.borrow();
        let parts = lying.versions.get(&number.get());
        let found = parts.and_then(|parts| parts.get(&part));
        Ok(found.map(|content| Secret::new(content.clone())))
    }

    fn put(&self, number: VersionNumber, part: Part, content: &[u8]) -> Result<(), Error> {
        let mut lying = self.lying.borrow_mut();
        let parts = lying.versions.entry(number.get()).or_default();
        parts.insert(part, content.to_vec());
        Ok(())
    }

    fn discard(&self, _: Option<VersionNumber>) -> Result<(), Error> {
        let mut lying = self.lying.borrow_mut();
        let in_force = lying.in_force;
        lying.versions.retain(|number, _| Some(*number) <= in_force);
        Ok(())
    }

    fn newest(&self) -> Result<Option<VersionNumber>, Error> {
        let lying = self.lying.borrow();
        let newest = lying
            .versions
            .keys()
            .rfind(|number| Some(**number) <= lying.in_force);
        Ok(newest.and_then(|number| VersionNumber::new(*number)))
    }

    fn switch(&self, number: VersionNumber) -> Result<(), Error> {
        self.lying.borrow_mut().in_force = Some(number.get());
        Ok(())
    }

    fn install(&self) -> Result<Option<String>, Error> {
        Ok(None)
    }

    fn retire(&self) -> Result<(), Error> {
        let mut lying = self.lying.borrow_mut();
        let in_force = lying.in_force;
        lying
            .versions
            .retain(|number, _| Some(*number + 1) >= in_force);
        Ok(())
    }
}

impl Issuer for Real<'_> {
    fn name(&self) -> String {
        "the authority".to_owned()
    }

    fn issue(&self, request: &str) -> Result<Vec<u8>, IssuerFailure> {
        self.asked.set(true);
        let at = self.at.get();
        let (issuer, reason) = (self.name(), "it says no".to_owned());
        if self.has_begun() {
            match self.host.ca(at) {
                Ca::Issues => {}
                Ca::Out => return Err(IssuerFailure::Unreachable { issuer, reason }),
                Ca::Refuses => return Err(IssuerFailure::Refused { issuer, reason }),
            }
        }
        let request = CertificateRequest::read(request.as_bytes(), "request").unwrap();
        let Authority { key, .. } = self.authority;
        let made = Template {
            subject: request.subject(),
            public_key: request.public_key(),
            serial: &self.host.serial(self.issued.get()),
            not_before: wall(at - BACKDATED),
            not_after: wall(at + self.host.life),
            kind: Kind::Leaf { names: Vec::new() },
        };
        let made = made.sign(&IssuerRef {
            name: &name("Root"),
            signer: key,
            key_identifier: &key.public_key().key_identifier(),
        });
        self.issued.set(self.issued.get() + 1);
        Ok(encode_pem([&made.unwrap()]).into_bytes())
    }
}

impl Probe for Real<'_> {
    fn probe(&self, _: &Pair) -> Verdict {
        match self.host.trial(self.at.get()) {
            _ if !self.has_begun() => Verdict::Granted,
            Trial::Grants => Verdict::Granted,
            Trial::Refuses => Verdict::Refused("no".to_owned()),
            Trial::Silent => Verdict::Unreachable("nobody".to_owned()),
        }
    }
}

impl Hooks for Real<'_> {
    fn wanted(&self, when: When) -> Vec<HookId> {
        vec![serde_json::from_value(when.name().into()).unwrap()]
    }

    fn run(&self, when: When, _: Which<'_>, _: &HookFacts) -> Vec<HookOutcome> {
        let at = self.at.get();
        let fails = self.has_begun()
            && match when {
                When::Before => self.host.before_fails(at),
                When::After => self.host.after_fails(at),
            };
        let id: HookId = serde_json::from_value(when.name().into()).unwrap();
        vec![HookOutcome {
            id,
            program: when.name().to_owned(),
            failure: fails.then(|| "it failed".to_owned()),
            bearing: fails.then_some(Bearing::PASSING),
            output: String::new(),
        }]
    }
}

fn act(done: &Done) -> Act {
    match done {
        Done::Nothing => Act::Nothing,
        Done::Held => Act::Held,
        Done::Renewed { .. } => Act::Renewed,
        Done::Failed(failure) => Act::Failed(failure.prospect),
    }
}

/// Runs a host both ways, and says how many runs and renewals there were.
pub fn compare(host: &Host, authority: &Authority, until: Moment, rests: bool) -> (usize, usize) {
    let real = Real::of(host, authority);
    let first = real.run(host.enrolled);
    assert!(matches!(first.done, Done::Renewed { .. }), "{first:#?}");
    let mut walk = Walk::of(host, rests);
    let (mut runs, mut renewals) = (0, 0);
    while let Some(at) = walk.next(host).filter(|at| *at < until) {
        let had_begun = walk.sketch.next.is_some();
        let ran = walk.sketch.run(host, at);
        walk.judge.look(host, &walk.sketch, had_begun, (at, ran));
        let report = real.run(at);
        let state = &report.standing.state;
        let found = (
            act(&report.done),
            real.asked.get(),
            state.failures,
            state.next.is_some(),
            state.owed.count() != Some(0),
            report
                .standing
                .certificate
                .as_ref()
                .map(|found| *found.serial()),
        );
        let sketch = &walk.sketch;
        let expected = (
            ran.act,
            ran.asked,
            sketch.failures,
            sketch.next.is_some(),
            sketch.owes,
            Some(sketch.in_force.serial),
        );
        assert_eq!(
            found, expected,
            "{} ({:?}), {at} s in: {report:#?}",
            host.name, host.kind
        );
        runs += 1;
        renewals += usize::from(ran.act == Act::Renewed);
    }
    (runs, renewals)
}
