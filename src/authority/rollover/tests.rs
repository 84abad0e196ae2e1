//! What was opened before another generation was activated.

use std::path::Path;
use std::sync::{Arc, Mutex};

use ring::rand::SystemRandom;

use super::*;
use crate::authority::{
    Authority, Batch, BatchRow, Bootstrap, Delivery, IssueRequest, OwnKey, Preparation,
    RequestedKey, RolloverError, RowOutcome, create, lock_batches, prepare, verify_log,
};
use crate::environment::Environment;
use crate::key::{self, Cost, KeyType, PassphraseSource, PublicKey, Scheme, Signer};
use crate::secret::Secret;
use crate::store::{Staging, State};

const NEW: OwnKey = OwnKey::New(KeyType::P256);

fn occasion() -> Occasion<'static> {
    Occasion {
        actor: "test",
        comment: None,
        at: "2026-11-20T08:00:00Z".parse().unwrap(),
        accept_clock: false,
    }
}

fn unlock(environment: &Environment) -> Unlock<'_> {
    let secret = Arc::new(Secret::new(b"passphrase".to_vec()));
    let said = Some(PassphraseSource::Given(secret));
    Unlock::new(said, String::new(), environment)
}

fn with_ca(directory: &Path, prepared: bool) {
    let bootstrap = Bootstrap {
        name: &"Example".parse().unwrap(),
        root_key: &NEW,
        issuing_key: &NEW,
        root_years: 10,
        issuing_years: 3,
        passphrase: Some(&Secret::new(b"passphrase".to_vec())),
        cost: Cost::Normal,
        occasion: &occasion(),
    };
    let random = SystemRandom::new();
    create(Staging::begin(directory).unwrap(), &bootstrap, &random).unwrap();
    if prepared {
        next(directory, None);
    }
}

/// A CA with a certificate for a workload, which is delivered beside it.
fn with_leaf(directory: &Path) -> (Authority, Certificate) {
    with_ca(directory, false);
    let environment = Environment::default();
    let authority = Authority::open(directory, &unlock(&environment)).unwrap();
    let delivery = Delivery::directory(&directory.with_file_name("web")).unwrap();
    let random = SystemRandom::new();
    let issued = authority.issue(&request("web", None), delivery, &occasion(), &random);
    (authority, issued.unwrap().certificate)
}

fn next(directory: &Path, root_key: Option<&OwnKey>) {
    let environment = Environment::default();
    let plan = Preparation {
        root_key,
        issuing_key: &NEW,
        root_years: 10,
        issuing_years: 3,
        unlock: &unlock(&environment),
        cost: Cost::Normal,
        occasion: &occasion(),
    };
    let prepared = prepare(directory, &plan, &SystemRandom::new()).unwrap();
    assert!(prepared.unwritten.is_none());
}

fn request(name: &str, request_id: Option<&str>) -> IssueRequest {
    IssueRequest {
        common_name: name.parse().unwrap(),
        organization: None,
        organizational_units: Vec::new(),
        names: Vec::new(),
        key: RequestedKey::New(KeyType::P256),
        days: Some(7),
        profile: None,
        request_id: request_id.map(str::to_owned),
    }
}

/// Signs, and lets something happen before its first signature is used.
struct Meanwhile<F> {
    key: Box<dyn Signer>,
    act: Mutex<Option<F>>,
}

impl<F: FnOnce() + Send> Signer for Meanwhile<F> {
    fn origin(&self) -> &str {
        self.key.origin()
    }

    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, key::Error> {
        if let Some(act) = self.act.lock().unwrap().take() {
            act();
        }
        self.key.sign(scheme, message)
    }
}

/// Opens the CA and activates the next generation while the first signature is
/// made.
fn overtaken(directory: &Path) -> Authority {
    let environment = Environment::default();
    let mut authority = Authority::open(directory, &unlock(&environment)).unwrap();
    let place = directory.to_owned();
    let act = move || {
        let environment = Environment::default();
        activate(&place, false, &unlock(&environment), &occasion()).unwrap();
    };
    let nothing = no_key(&authority);
    let key = std::mem::replace(&mut authority.issuing_key, nothing);
    authority.issuing_key = Box::new(Meanwhile {
        key,
        act: Mutex::new(Some(act)),
    });
    authority
}

/// Something to hold the place of a key for a moment.
fn no_key(authority: &Authority) -> Box<dyn Signer> {
    struct Nothing(PublicKey);
    impl Signer for Nothing {
        fn origin(&self) -> &str {
            "nothing"
        }
        fn public_key(&self) -> &PublicKey {
            &self.0
        }
        fn sign(&self, _: Scheme, _: &[u8]) -> Result<Vec<u8>, key::Error> {
            unreachable!("nobody signs with it")
        }
    }
    Box::new(Nothing(authority.issuing().public_key().clone()))
}

/// Whoever reserved under the old generation and comes back too late stores
/// nothing, hands out nothing, and the reservation is settled.
#[test]
fn nothing_is_stored_for_a_generation_that_was_replaced_meanwhile() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("ca");
    with_ca(&directory, true);
    let authority = overtaken(&directory);
    let issue = |out: &str| {
        let delivery = Delivery::directory(&home.path().join(out)).unwrap();
        let random = SystemRandom::new();
        authority.issue(&request("web", None), delivery, &occasion(), &random)
    };
    for out in ["late", "later"] {
        let refused = issue(out);
        assert!(
            matches!(
                refused,
                Err(Error::Rollover(RolloverError::RolledOver { .. }))
            ),
            "{refused:?}"
        );
        assert!(!home.path().join(out).exists());
    }
    let rows = authority.inventory().named("web").unwrap();
    let states: Vec<State> = rows.iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Abandoned]);
    assert_eq!(
        verify_log(
            &directory,
            authority.inventory(),
            crate::authority::LogWitness::default()
        )
        .unwrap()
        .faults,
        []
    );
}

/// A batch that is overtaken settles what it has not done. Run again, it gives
/// what was issued before with the chain of its own issuer.
#[test]
fn a_batch_that_is_overtaken_is_run_again() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("ca");
    with_ca(&directory, true);
    let row = |name: &str| BatchRow {
        id: name.parse().unwrap(),
        request: request(name, Some(name)),
    };
    let (first, both) = ([row("web-1")], [row("web-1"), row("web-2")]);
    let issue = |authority: &Authority, rows: &[BatchRow], out: &str| {
        let lock = lock_batches(&directory).unwrap();
        let out = home.path().join(out);
        let batch = Batch {
            rows,
            keep_going: true,
            jobs: 2,
            renew: None,
            out: Some(&out),
            progress: &|_| {},
        };
        authority.issue_batch(&batch, &lock, &occasion(), &SystemRandom::new())
    };
    let environment = Environment::default();
    let open = || Authority::open(&directory, &unlock(&environment)).unwrap();
    assert!(issue(&open(), &first, "out").is_ok());
    let refused = issue(&overtaken(&directory), &both, "out");
    assert!(
        matches!(
            refused,
            Err(Error::Rollover(RolloverError::RolledOver { .. }))
        ),
        "{refused:?}"
    );
    let authority = open();
    assert_eq!(authority.inventory().unsettled().unwrap().len(), 0);
    std::fs::remove_file(home.path().join("out/web-1/chain.pem")).unwrap();
    let outcomes = issue(&authority, &both, "out").unwrap();
    assert!(matches!(outcomes[0], RowOutcome::Again(_)), "{outcomes:?}");
    assert!(matches!(outcomes[1], RowOutcome::Issued(_)), "{outcomes:?}");
    for (name, issuer) in [("web-1", "issuing"), ("web-2", "issuing-2")] {
        let chain = std::fs::read_to_string(home.path().join(format!("out/{name}/chain.pem")));
        let own = std::fs::read_to_string(directory.join(issuer).join("cert.pem"));
        assert_eq!(chain.unwrap(), own.unwrap(), "{name}");
    }
}

/// To the second: refused while a verifier whose clock is behind may accept it.
#[test]
fn a_generation_is_retired_when_the_last_certificate_has_ended_everywhere() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("ca");
    let environment = Environment::default();
    let (_, leaf) = with_leaf(&directory);
    let end = leaf.not_after();
    next(&directory, Some(&NEW));
    activate(&directory, true, &unlock(&environment), &occasion()).unwrap();
    let at = |at| Occasion { at, ..occasion() };
    let status = rollover_status(&directory, end).unwrap();
    let NextStep::Retire { safe_from } = status.next else {
        panic!("{status:?}")
    };
    assert_eq!(safe_from, end + TimeDelta::seconds(301));
    let early = retire(&directory, false, &at(safe_from - TimeDelta::seconds(1)));
    let Err(Error::Rollover(RolloverError::LeavesStranded {
        count: 1,
        last_end,
        safe_from: told,
        ..
    })) = early
    else {
        panic!("{early:?}")
    };
    assert_eq!((last_end, told), (end, safe_from));
    let before = std::fs::read(directory.join("trust-anchor.pem")).unwrap();
    let retired = retire(&directory, false, &at(safe_from)).unwrap();
    assert!(retired.is_bundle_changed && retired.stranded.count == 0);
    let after = std::fs::read(directory.join("trust-anchor.pem")).unwrap();
    assert!(before.ends_with(&after) && before.len() > after.len());
    let again = retire(&directory, false, &at(safe_from));
    assert!(
        matches!(again, Err(Error::Rollover(RolloverError::NothingRetiring))),
        "{again:?}"
    );
}

/// A certificate on hold may be released, and counts; one that is finally revoked
/// does not. Only the list of its issuing CA keeps it from being accepted, so that
/// it is waited for, unless the root has revoked that CA.
#[test]
fn what_is_on_hold_would_be_stranded_and_what_is_revoked_unlisted() {
    use crate::authority::{Selection, revoke};
    use crate::pki::RevocationReason;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("ca");
    let environment = Environment::default();
    let (authority, leaf) = with_leaf(&directory);
    let serial = *leaf.serial();
    next(&directory, None);
    activate(&directory, false, &unlock(&environment), &occasion()).unwrap();
    for (reason, stranded) in [
        (RevocationReason::CertificateHold, 1),
        (RevocationReason::Superseded, 0),
    ] {
        let selection = Selection::Serial(serial);
        revoke(authority.inventory(), &selection, reason, None, &occasion()).unwrap();
        let status = rollover_status(&directory, occasion().at).unwrap();
        assert_eq!(status.generations[0].leaves.count, stranded, "{reason}");
        let refused = retire(&directory, false, &occasion());
        let Err(refused) = refused else {
            panic!("{reason}: {refused:?}")
        };
        let is_stranded = matches!(
            refused,
            Error::Rollover(RolloverError::LeavesStranded {
                is_root_staying: true,
                ..
            })
        );
        let is_unlisted = matches!(
            refused,
            Error::Rollover(RolloverError::LeavesUnlisted { count: 1, .. })
        );
        let expected = (stranded == 1, stranded == 0);
        assert_eq!((is_stranded, is_unlisted), expected, "{refused:?}");
    }
    let safe_from = leaf.not_after() + TimeDelta::seconds(301);
    let status = rollover_status(&directory, occasion().at).unwrap();
    assert_eq!(status.next, NextStep::Retire { safe_from });
    let at = |at| Occasion { at, ..occasion() };
    let early = retire(&directory, false, &at(safe_from - TimeDelta::seconds(1)));
    assert!(
        matches!(
            early,
            Err(Error::Rollover(RolloverError::LeavesUnlisted { .. }))
        ),
        "{early:?}"
    );
    let issuing = *authority.issuing().serial();
    let reason = RevocationReason::CessationOfOperation;
    let issuing = Selection::Authority(Box::new(Selection::Serial(issuing)));
    revoke(authority.inventory(), &issuing, reason, None, &occasion()).unwrap();
    // A list that nobody has made tells nobody.
    let unsaid = retire(&directory, false, &occasion());
    assert!(
        matches!(
            unsaid,
            Err(Error::Rollover(RolloverError::LeavesUnlisted { .. }))
        ),
        "{unsaid:?}"
    );
    let root = authority.inventory();
    let list = crate::store::CrlRecord {
        issuer_key_id: crate::authority::generations(&directory).unwrap().roots()[0]
            .certificate
            .key_identifier(),
        number: 1,
        this_update: occasion().at,
        next_update: occasion().at + TimeDelta::days(30),
        entries: 1,
        size: 1,
        fingerprint: "aa".repeat(32),
    };
    let writer = root.write().unwrap();
    writer.add_crl(&list).unwrap();
    writer.commit().unwrap();
    let retired = retire(&directory, false, &occasion()).unwrap();
    assert_eq!((retired.stranded.count, retired.unlisted.count), (0, 0));
}

/// What is retired by force although only its list tells of revocations is told.
#[test]
fn a_generation_that_is_retired_by_force_tells_what_is_unlisted() {
    use crate::authority::{Selection, revoke};
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("ca");
    let environment = Environment::default();
    let (authority, leaf) = with_leaf(&directory);
    let selection = Selection::Serial(*leaf.serial());
    let reason = crate::pki::RevocationReason::KeyCompromise;
    revoke(authority.inventory(), &selection, reason, None, &occasion()).unwrap();
    next(&directory, None);
    activate(&directory, false, &unlock(&environment), &occasion()).unwrap();
    let retired = retire(&directory, true, &occasion()).unwrap();
    assert_eq!((retired.stranded.count, retired.unlisted.count), (0, 1));
}
