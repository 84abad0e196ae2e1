//! The machine explored: every outcome of issuer, probe and hook, with a process
//! that dies before each call that changes something, over a shelf in memory. The
//! invariant: at every moment a whole, matching, valid pair is in force, it signs,
//! and runs that follow come to a renewed one by themselves.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::FixedClock;
use crate::key::{KeyType, Scheme, Signer, SoftwareKey, generate, open_software};
use crate::pki::{
    AttributeType, Certificate, CertificateRequest, DistinguishedName, GeneralName, IssuerRef,
    Kind, SerialNumber, Template, encode_pem, read_certificates,
};
use crate::secret::Secret;
use crate::store::{self, VersionNumber};

use super::*;

/// What lies on the disk.
#[derive(Clone, Default)]
struct Lying {
    state: State,
    building: Option<(u64, BTreeMap<Part, Vec<u8>>)>,
    published: BTreeMap<u64, BTreeMap<Part, Vec<u8>>>,
    in_force: Option<u64>,
    installed: Option<u64>,
}

/// A shelf in memory that stops before the n-th call that changes something, as a
/// process that is killed does.
struct Memory {
    lying: RefCell<Lying>,
    left: Cell<usize>,
    calls: Cell<usize>,
}

impl Memory {
    fn new() -> Self {
        Self {
            lying: RefCell::default(),
            left: Cell::new(usize::MAX),
            calls: Cell::new(0),
        }
    }

    /// One call that changes something, unless the process is dead.
    fn change<T>(&self, change: impl FnOnce(&mut Lying) -> T) -> Result<T, Error> {
        if self.left.get() == 0 {
            return Err(Error::Store(store::Error::Io {
                path: "memory".into(),
                action: store::Action::Write,
                source: std::io::Error::other("killed"),
            }));
        }
        self.left.set(self.left.get() - 1);
        self.calls.set(self.calls.get() + 1);
        let mut lying = self.lying.borrow_mut();
        let done = change(&mut lying);
        drop(lying);
        self.check();
        Ok(done)
    }

    /// What has to hold at every moment, once there is a pair.
    fn check(&self) {
        let lying = self.lying.borrow();
        let Some(number) = lying.in_force else {
            return;
        };
        let parts = &lying.published[&number];
        let key = open_software(&parts[&Part::Key], "key", || Ok(None)).unwrap();
        let chain = read_certificates(&parts[&Part::Fullchain], "chain").unwrap();
        assert_eq!(chain[0].public_key(), key.public_key());
        assert!(parts.contains_key(&Part::Certificate) && parts.contains_key(&Part::Chain));
        assert!(
            chain.len() == 1,
            "the issuer is the root, which is not sent"
        );
    }
}

impl Shelf for Memory {
    fn state(&self) -> Result<State, Error> {
        let written = self.lying.borrow().state.to_json();
        Ok(State::from_json(&written).unwrap())
    }

    fn keep(&self, state: &State) -> Result<(), Error> {
        self.change(|lying| lying.state = state.clone())
    }

    fn in_force(&self) -> Result<Option<Pair>, Error> {
        let lying = self.lying.borrow();
        Ok(lying.in_force.map(|number| {
            let parts = &lying.published[&number];
            Pair {
                number: VersionNumber::new(number).unwrap(),
                key: Secret::new(parts[&Part::Key].clone()),
                fullchain: parts[&Part::Fullchain].clone(),
            }
        }))
    }

    fn get(&self, number: VersionNumber, part: Part) -> Result<Option<Secret>, Error> {
        let lying = self.lying.borrow();
        let building = lying.building.as_ref();
        let building = building.filter(|(building, _)| *building == number.get());
        let parts = building.map(|(_, parts)| parts);
        let parts = parts.or_else(|| lying.published.get(&number.get()));
        let found = parts.and_then(|parts| parts.get(&part));
        Ok(found.map(|content| Secret::new(content.clone())))
    }

    fn put(&self, number: VersionNumber, part: Part, content: &[u8]) -> Result<(), Error> {
        self.change(|lying| {
            let building = lying
                .building
                .get_or_insert_with(|| (number.get(), BTreeMap::new()));
            assert_eq!(building.0, number.get(), "one version is made at a time");
            assert!(!lying.published.contains_key(&number.get()));
            building.1.insert(part, content.to_vec());
        })
    }

    fn discard(&self, begun: Option<VersionNumber>) -> Result<(), Error> {
        self.change(|lying| {
            lying.building = None;
            let begun = begun.map(VersionNumber::get);
            if begun > lying.in_force {
                lying.published.retain(|number, _| Some(*number) != begun);
            }
        })
    }

    fn newest(&self) -> Result<Option<VersionNumber>, Error> {
        let lying = self.lying.borrow();
        Ok(lying
            .published
            .keys()
            .last()
            .and_then(|number| VersionNumber::new(*number)))
    }

    fn switch(&self, number: VersionNumber) -> Result<(), Error> {
        // Two calls: on disk too a process may die in between.
        self.change(|lying| {
            if let Some((building, parts)) = lying.building.take() {
                assert_eq!(building, number.get());
                lying.published.insert(building, parts);
            }
        })?;
        self.change(|lying| lying.in_force = Some(number.get()))
    }

    fn install(&self) -> Result<Option<String>, Error> {
        let is_new = {
            let lying = self.lying.borrow();
            lying.installed != lying.in_force
        };
        if is_new {
            self.change(|lying| lying.installed = lying.in_force)?;
        }
        Ok(None)
    }

    fn retire(&self) -> Result<(), Error> {
        let is_old = {
            let lying = self.lying.borrow();
            let newest = lying.in_force.unwrap_or(0);
            lying.published.keys().any(|number| number + 1 < newest)
        };
        if is_old {
            self.change(|lying| {
                let newest = lying.in_force.unwrap_or(0);
                lying.published.retain(|number, _| number + 1 >= newest);
            })?;
        }
        Ok(())
    }
}

/// What an issuer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Issues {
    Good,
    Out,
    Refuses,
    Html,
    Nothing,
    OtherKey,
    OtherName,
    MoreNames,
    Expired,
    OtherRoot,
    Truncated,
    TheSameAgain,
}

const ALL_ISSUES: [Issues; 12] = [
    Issues::Good,
    Issues::Out,
    Issues::Refuses,
    Issues::Html,
    Issues::Nothing,
    Issues::OtherKey,
    Issues::OtherName,
    Issues::MoreNames,
    Issues::Expired,
    Issues::OtherRoot,
    Issues::Truncated,
    Issues::TheSameAgain,
];

/// Everything around the machine.
struct World {
    shelf: Memory,
    root: (SoftwareKey, Certificate),
    stranger: (SoftwareKey, Certificate),
    other_key: SoftwareKey,
    terms: Terms,
    now: Cell<DateTime<Utc>>,
    issues: Cell<Issues>,
    issued: RefCell<Vec<Vec<u8>>>,
    verdict: RefCell<Verdict>,
    hook_fails: Cell<Option<When>>,
    hooks_run: RefCell<Vec<(When, u64)>>,
}

const LIFE: TimeDelta = TimeDelta::days(30);

fn name(common: &str) -> DistinguishedName {
    DistinguishedName::build(&[(AttributeType::CommonName, common)])
}

fn begin() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn root(common: &str) -> (SoftwareKey, Certificate) {
    let key = generate(KeyType::P256, "root").unwrap().key;
    let identifier = key.public_key().key_identifier();
    let certificate = Template {
        subject: &name(common),
        public_key: key.public_key(),
        serial: &SerialNumber::from_magnitude(&[1]).unwrap(),
        not_before: begin() - TimeDelta::days(1),
        not_after: begin() + TimeDelta::days(3650),
        kind: Kind::Root,
    }
    .sign(&IssuerRef {
        name: &name(common),
        signer: &key,
        key_identifier: &identifier,
    })
    .unwrap();
    (key, certificate)
}

impl World {
    fn new() -> Self {
        let root_pair = root("Root");
        let roots = vec![root_pair.1.clone()];
        Self {
            shelf: Memory::new(),
            root: root_pair,
            // Of the same name: only the signature tells.
            stranger: root("Root"),
            other_key: generate(KeyType::P256, "other").unwrap().key,
            terms: Terms {
                common_name: "web".to_owned(),
                organization: None,
                units: vec!["Ops".to_owned()],
                names: vec!["DNS:web.example.com".parse::<GeneralName>().unwrap()],
                key_type: KeyType::P256,
                keys: KeyPolicy::New,
                roots,
                rule: Rule::Usual,
                windows: ChangeWindows::default(),
                host: "host".to_owned(),
            },
            now: Cell::new(begin()),
            issues: Cell::new(Issues::Good),
            issued: RefCell::default(),
            verdict: RefCell::new(Verdict::Granted),
            hook_fails: Cell::new(None),
            hooks_run: RefCell::default(),
        }
    }

    fn run(&self) -> Result<Report, Error> {
        Rotation {
            shelf: &self.shelf,
            issuer: self,
            probe: Some(self),
            hooks: self,
            terms: &self.terms,
            clock: &FixedClock(self.now.get()),
            places: &Places::of(Path::new("identity")),
        }
        .run(false)
    }

    /// A run that nothing goes wrong in, as late as the pause after a failure asks.
    fn run_well(&self) -> Report {
        self.issues.set(Issues::Good);
        *self.verdict.borrow_mut() = Verdict::Granted;
        self.hook_fails.set(None);
        self.shelf.left.set(usize::MAX);
        let report = self.run().unwrap();
        let Done::Held = report.done else {
            return report;
        };
        self.now.set(report.standing.next_try.unwrap());
        self.run().unwrap()
    }

    fn in_force(&self) -> Certificate {
        self.shelf
            .in_force()
            .unwrap()
            .unwrap()
            .certificate()
            .unwrap()
    }

    fn certify(&self, request: &CertificateRequest, how: Issues) -> Certificate {
        let (signer, common) = match how {
            Issues::OtherRoot => (&self.stranger.0, "Root"),
            _ => (&self.root.0, "Root"),
        };
        let number = u8::try_from(self.issued.borrow().len() + 2).unwrap();
        let mut names: Vec<GeneralName> = request
            .names()
            .iter()
            .map(|name| name.parse().unwrap())
            .collect();
        if how == Issues::MoreNames {
            names.push("DNS:admin.example.com".parse().unwrap());
        }
        let subject = match how {
            Issues::OtherName => name("somebody"),
            _ => request.subject().clone(),
        };
        let key = match how {
            Issues::OtherKey => self.other_key.public_key(),
            _ => request.public_key(),
        };
        let from = match how {
            Issues::Expired => self.now.get() - LIFE * 2,
            _ => self.now.get() - TimeDelta::minutes(5),
        };
        Template {
            subject: &subject,
            public_key: key,
            serial: &SerialNumber::from_magnitude(&[7, number]).unwrap(),
            not_before: from,
            not_after: from + LIFE,
            kind: Kind::Leaf { names },
        }
        .sign(&IssuerRef {
            name: &name(common),
            signer,
            key_identifier: &signer.public_key().key_identifier(),
        })
        .unwrap()
    }
}

impl Issuer for World {
    fn name(&self) -> String {
        "the issuer".to_owned()
    }

    fn issue(&self, request: &str) -> Result<Vec<u8>, IssuerFailure> {
        let how = self.issues.get();
        let (issuer, reason) = (self.name(), "it says no".to_owned());
        let request = CertificateRequest::read(request.as_bytes(), "request").unwrap();
        let answer = match how {
            Issues::Out => return Err(IssuerFailure::Unreachable { issuer, reason }),
            Issues::Refuses => return Err(IssuerFailure::Refused { issuer, reason }),
            Issues::Html => b"<html><body>502 Bad Gateway</body></html>".to_vec(),
            Issues::Nothing => Vec::new(),
            Issues::TheSameAgain => match self.issued.borrow().last() {
                Some(last) => last.clone(),
                None => Vec::new(),
            },
            how => {
                let made = self.certify(&request, how);
                let mut chain = encode_pem([&made, &self.root.1]);
                if how == Issues::Truncated {
                    chain.truncate(300);
                }
                chain.into_bytes()
            }
        };
        self.issued.borrow_mut().push(answer.clone());
        Ok(answer)
    }
}

impl Probe for World {
    fn probe(&self, pair: &Pair) -> Verdict {
        let key = open_software(pair.key.expose(), "key", || Ok(None)).unwrap();
        let signature = key.sign(Scheme::EcdsaSha256, b"request").unwrap();
        let certificate = pair.certificate().unwrap();
        let public = certificate.public_key();
        assert!(public.verify(Scheme::EcdsaSha256, b"request", &signature));
        self.verdict.borrow().clone()
    }
}

impl Hooks for World {
    fn wanted(&self, when: When) -> Vec<HookId> {
        vec![serde_json::from_value(when.name().into()).unwrap()]
    }

    fn run(&self, when: When, which: Which<'_>, facts: &HookFacts) -> Vec<HookOutcome> {
        let id: HookId = serde_json::from_value(when.name().into()).unwrap();
        if let Which::Only(ids) = which
            && !ids.contains(&id)
        {
            return Vec::new();
        }
        let fails = self.hook_fails.get() == Some(when);
        if !fails {
            let version: VersionNumber = facts.version.parse().unwrap();
            self.hooks_run.borrow_mut().push((when, version.get()));
        }
        vec![HookOutcome {
            id,
            program: when.name().to_owned(),
            failure: fails.then(|| "it failed".to_owned()),
            bearing: fails.then_some(Bearing::PASSING),
            output: String::new(),
        }]
    }
}

/// How many calls that change something a run makes at most.
const MOST_CALLS: usize = 40;

/// One outcome of everything around the machine.
#[derive(Clone, Copy, Debug)]
struct Outcomes {
    issues: Issues,
    verdict: usize,
    hook_fails: Option<When>,
}

fn outcomes() -> impl Iterator<Item = Outcomes> {
    let hooks = [None, Some(When::Before), Some(When::After)];
    ALL_ISSUES.into_iter().flat_map(move |issues| {
        // Who gets no certificate asks nobody.
        let verdicts = if issues == Issues::Good { 3 } else { 1 };
        (0..verdicts).flat_map(move |verdict| {
            hooks.into_iter().map(move |hook_fails| Outcomes {
                issues,
                verdict,
                hook_fails,
            })
        })
    })
}

fn set(world: &World, outcomes: Outcomes) {
    world.issues.set(outcomes.issues);
    world.hook_fails.set(outcomes.hook_fails);
    *world.verdict.borrow_mut() = match outcomes.verdict {
        0 => Verdict::Granted,
        1 => Verdict::Refused("no".to_owned()),
        _ => Verdict::Unreachable("nobody".to_owned()),
    };
}

/// A world with a certificate that is due.
fn due() -> World {
    let world = World::new();
    let first = world.run().unwrap();
    assert!(matches!(
        first.done,
        Done::Renewed {
            reason: Reason::First,
            ..
        }
    ));
    world.now.set(begin() + TimeDelta::days(21));
    world.hooks_run.borrow_mut().clear();
    world
}

/// After whatever happened, runs in a good world come to what is wanted.
fn recovers(world: &World, from: &Certificate, told: &str) {
    let report = world.run_well();
    let now = world.in_force();
    assert_ne!(now.serial(), from.serial(), "{told}: {:?}", report.done);
    let after = world.run_well();
    assert!(
        matches!(after.done, Done::Nothing),
        "{told}: {:?}",
        after.done
    );
    let number = after.standing.version.unwrap().get();
    let hooks = world.hooks_run.borrow();
    assert!(hooks.contains(&(When::After, number)), "{told}: {hooks:?}");
    let lying = world.shelf.lying.borrow();
    assert_eq!(lying.installed, lying.in_force, "{told}");
    assert!(lying.building.is_none(), "{told}");
    assert!(lying.published.len() <= 2, "{told}");
    assert_eq!(lying.state.next, None, "{told}");
    assert!(
        lying.state.owed == Owed::Nothing && lying.state.failures.is_none(),
        "{told}"
    );
}

#[test]
fn whatever_happens_and_wherever_it_is_killed_the_next_runs_recover() {
    let (mut states, mut killed) = (0, 0);
    for outcomes in outcomes() {
        for kill in 0..MOST_CALLS {
            let world = due();
            let before = world.in_force();
            set(&world, outcomes);
            world.shelf.left.set(kill);
            let died = world.run().is_err();
            killed += usize::from(died);
            states += 1;
            recovers(
                &world,
                &before,
                &format!("{outcomes:?}, killed before call {kill}"),
            );
            if !died {
                break;
            }
            assert!(kill + 1 < MOST_CALLS);
        }
    }
    // Were the calls not counted nobody would be killed.
    assert!(killed > 200, "{killed} of {states}");
}

#[test]
fn a_run_that_is_killed_twice_recovers_too() {
    for first in 0..MOST_CALLS {
        let world = due();
        let before = world.in_force();
        world.shelf.left.set(first);
        if world.run().is_ok() {
            break;
        }
        for second in 0..MOST_CALLS {
            let again = due();
            let before = again.in_force();
            again.shelf.left.set(first);
            assert!(again.run().is_err());
            again.shelf.left.set(second);
            let died = again.run().is_err();
            recovers(
                &again,
                &before,
                &format!("killed before {first}, then {second}"),
            );
            if !died {
                break;
            }
        }
        recovers(&world, &before, "killed once");
    }
}

#[test]
fn only_what_was_asked_for_is_put_in_force() {
    for issues in ALL_ISSUES {
        let world = due();
        let before = world.in_force();
        world.issues.set(issues);
        let report = world.run().unwrap();
        let is_good = issues == Issues::Good;
        assert_eq!(
            matches!(report.done, Done::Renewed { .. }),
            is_good,
            "{issues:?}"
        );
        assert_eq!(world.in_force() == before, !is_good, "{issues:?}");
        if let Done::Failed(failure) = report.done {
            assert!(!failure.message.is_empty());
            let passes = issues == Issues::Out;
            assert_eq!(failure.prospect == Prospect::Passing, passes, "{issues:?}");
            // The next run waits, and says for how long.
            let next = world.run().unwrap();
            assert!(matches!(next.done, Done::Held), "{issues:?}");
            assert!(next.standing.next_try.unwrap() > world.now.get());
        }
    }
}

#[test]
fn a_refusal_always_stops_and_silence_only_while_there_is_time() {
    let week = TimeDelta::days(7);
    for (verdict, late, is_renewed) in [
        (Verdict::Refused("403".to_owned()), false, false),
        (Verdict::Refused("403".to_owned()), true, false),
        (Verdict::Unreachable("down".to_owned()), false, false),
        (Verdict::Unreachable("down".to_owned()), true, true),
    ] {
        let world = due();
        if late {
            world.now.set(world.now.get() + week);
        }
        *world.verdict.borrow_mut() = verdict.clone();
        let report = world.run().unwrap();
        let done = matches!(report.done, Done::Renewed { .. });
        assert_eq!(done, is_renewed, "{verdict:?} {late}");
        // A refusal is not forgotten when nobody answers, however late it is.
        *world.verdict.borrow_mut() = Verdict::Unreachable("down".to_owned());
        world.now.set(world.now.get() + week);
        let is_refused = matches!(verdict, Verdict::Refused(_));
        let report = world.run().unwrap();
        let done = matches!(report.done, Done::Renewed { .. });
        assert_eq!(done || is_renewed, !is_refused, "{verdict:?} {late}");
        if !is_refused {
            continue;
        }
        let refusal = report.standing.state.refusal.as_ref().unwrap();
        assert_eq!(refusal.message, "403");
        assert_eq!(report.standing.state.last_failure.unwrap().message, "down");
        // What was certified is tried again and not certified anew.
        if !is_renewed {
            let issued = world.issued.borrow().len();
            let report = world.run_well();
            assert_eq!(world.issued.borrow().len(), issued);
            assert_eq!(report.standing.state.refusal, None);
        }
    }
}

#[test]
fn a_hook_that_fails_is_run_again_without_another_renewal() {
    let world = due();
    world.hook_fails.set(Some(When::After));
    let report = world.run().unwrap();
    assert!(matches!(report.done, Done::Renewed { .. }));
    assert_eq!(report.standing.state.owed.count(), Some(1));
    let report = world.run().unwrap();
    assert_eq!(report.standing.state.owed.count(), Some(1));
    assert_eq!(report.hooks.len(), 1);
    let issued = world.issued.borrow().len();
    let report = world.run_well();
    assert!(matches!(report.done, Done::Nothing));
    assert!(report.standing.state.owed == Owed::Nothing);
    assert_eq!(world.issued.borrow().len(), issued);
}

#[test]
fn keys_are_new_each_time_unless_they_are_to_be_used_again() {
    let limit = TimeDelta::days(30);
    for (keys, is_same) in [
        (KeyPolicy::New, [false, false]),
        (KeyPolicy::Reuse(None), [true, true]),
        (KeyPolicy::Reuse(Some(limit)), [true, false]),
    ] {
        let mut world = World::new();
        world.terms.keys = keys;
        let mut before = None;
        let mut same = Vec::new();
        for round in 0..3 {
            world.now.set(begin() + TimeDelta::days(21 * round));
            let report = world.run().unwrap();
            assert!(matches!(report.done, Done::Renewed { .. }));
            let key = world.in_force().public_key().clone();
            if let Some(before) = before.replace(key.clone()) {
                same.push(before == key);
            }
        }
        assert_eq!(same, is_same, "{keys:?}");
    }
}

#[test]
fn other_names_are_asked_for_at_once_and_closed_windows_hold_it_up() {
    let mut world = due();
    world.now.set(begin() + TimeDelta::days(1));
    assert!(matches!(world.run().unwrap().done, Done::Nothing));
    world
        .terms
        .names
        .push("DNS:www.example.com".parse().unwrap());
    world.terms.windows = ChangeWindows(vec!["0 2 29 2 * 1h UTC".parse().unwrap()]);
    let held = world.run().unwrap();
    assert!(matches!(held.done, Done::Held));
    assert!(held.standing.opens.unwrap() > world.now.get());
    world.terms.windows = ChangeWindows::default();
    let report = world.run().unwrap();
    assert!(matches!(
        report.done,
        Done::Renewed {
            reason: Reason::Names,
            ..
        }
    ));
    assert!(matches!(world.run().unwrap().done, Done::Nothing));
}
