//! TPMs that are slow, busy, broken or lie, and what passes over the bus.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use windlass::key::{self, Signer, TpmDevice, TpmKey, open_tpm_handle, open_tss2};

use crate::harness::Sandbox;

use super::fake::{FakeTpm, Relay, Reply, command_code, refusal};
use super::software::{MESSAGE, SoftwareTpm, scheme, secret, sign};

const CREATE_PRIMARY: u32 = 0x131;
const LOAD: u32 = 0x157;
const SIGN: u32 = 0x15d;
const FLUSH_CONTEXT: u32 = 0x165;
const START_AUTH_SESSION: u32 = 0x176;
const P256: &str = "-algorithm EC -pkeyopt group:P-256";

/// Long enough to be found among other bytes.
const PASSWORD: &str = "a password that nobody else has";

fn open(der: &[u8], device: &TpmDevice, password: Option<&str>) -> TpmKey {
    open_tss2(der, "key.pem", device, &mut |_| Ok(secret(password))).unwrap()
}

fn closed_key(tpm: &SoftwareTpm) -> Vec<u8> {
    tpm.sandbox.write("auth", PASSWORD);
    tpm.persistent_parent("-G ecc");
    tpm.create("key", "0x81000001", "-G ecc -p file:auth");
    tpm.wrapped("key", &[], 0x8100_0001)
}

#[test]
fn the_password_never_crosses_the_bus() {
    let tpm = SoftwareTpm::new();
    let der = closed_key(&tpm);
    let seen = Arc::new(Mutex::new(Vec::<Vec<u8>>::new()));
    let record = Arc::clone(&seen);
    let mut relay = Relay::new(&tpm.socket());
    let fake = FakeTpm::new(tpm.sandbox.path("fake.sock"), move |command| {
        record.lock().unwrap().push(command.to_vec());
        Reply::Answer(relay.pass(command))
    });
    let key = open(&der, &fake.device(), Some(PASSWORD));
    sign(&key).unwrap();
    assert!(!format!("{key:?}").contains(PASSWORD));
    drop(fake);

    let seen = seen.lock().unwrap();
    let hidden = |bytes: &[u8]| {
        let all = seen.concat();
        !all.windows(bytes.len()).any(|window| window == bytes)
    };
    assert!(hidden(PASSWORD.as_bytes()));
    // The message is hashed before; the search itself finds what passes.
    assert!(hidden(MESSAGE) && !hidden(&[0x80, 2, 0, 0]));
    let start = seen
        .iter()
        .find(|command| command_code(command) == START_AUTH_SESSION)
        .unwrap();
    // Salted with the parent, bound to nothing.
    assert_eq!(start[10..18], [0x81, 0, 0, 1, 0x40, 0, 0, 7]);
    tpm.assert_empty();
}

#[test]
fn an_answer_that_was_changed_on_the_bus_is_not_believed() {
    let tpm = SoftwareTpm::new();
    let der = closed_key(&tpm);
    let length = {
        let lengths = Arc::new(Mutex::new(0));
        let record = Arc::clone(&lengths);
        let mut relay = Relay::new(&tpm.socket());
        let fake = FakeTpm::new(tpm.sandbox.path("fake.sock"), move |command| {
            let answer = relay.pass(command);
            if command_code(command) == SIGN {
                *record.lock().unwrap() = answer.len();
            }
            Reply::Answer(answer)
        });
        sign(&open(&der, &fake.device(), Some(PASSWORD))).unwrap();
        *lengths.lock().unwrap()
    };
    assert!(length > 100);
    for place in (0..length).step_by(9) {
        let mut relay = Relay::new(&tpm.socket());
        let fake = FakeTpm::new(tpm.sandbox.path("fake.sock"), move |command| {
            let mut answer = relay.pass(command);
            if command_code(command) == SIGN {
                answer[place] ^= 0x10;
            }
            Reply::Last(answer).keep(command_code(command) != SIGN)
        });
        let key = open(&der, &fake.device(), Some(PASSWORD));
        assert!(key.sign(scheme(&key), MESSAGE).is_err(), "{place}");
        drop(fake);
        // The connection was cut, so that nothing could be given back.
        tpm.run("tpm2_flushcontext -t");
    }
}

impl Reply {
    /// The same answer, with the connection kept open after it.
    fn keep(self, keep: bool) -> Self {
        match self {
            Self::Last(bytes) if keep => Self::Answer(bytes),
            other => other,
        }
    }
}

#[test]
fn a_busy_tpm_is_asked_again() {
    let tpm = SoftwareTpm::new();
    tpm.genpkey("key.pem", P256);
    let der = tpm.der("key.pem");
    for code in [0x922, 0x908, 0x90a] {
        let mut relay = Relay::new(&tpm.socket());
        let mut count = 0;
        let fake = FakeTpm::new(tpm.sandbox.path("fake.sock"), move |command| {
            count += 1;
            if count % 3 == 0 {
                Reply::Answer(relay.pass(command))
            } else {
                Reply::Answer(refusal(code))
            }
        });
        sign(&open(&der, &fake.device(), None)).unwrap();
    }
    tpm.assert_empty();
}

#[test]
fn a_tpm_that_stays_busy_or_silent_is_left_in_time() {
    let tpm = SoftwareTpm::new();
    tpm.genpkey("key.pem", P256);
    let der = tpm.der("key.pem");
    let pause = Duration::from_millis(30);
    for kind in 0..4 {
        let fake = FakeTpm::new(tpm.sandbox.path("fake.sock"), move |_| match kind {
            0 => Reply::Silence,
            1 => Reply::Answer(refusal(0x922)),
            // The rest of the answer never comes.
            2 => Reply::Answer(vec![0x80, 1, 0, 0, 0, 20, 0]),
            _ => Reply::Drip([&[0x80, 1, 0, 0, 0xf, 0][..], &[0; 200]].concat(), pause),
        });
        let device = fake.device().with_deadline(Duration::from_millis(300));
        let key = open(&der, &device, None);
        let began = Instant::now();
        let error = sign(&key).unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(5), "{kind}");
        match (kind, &error) {
            (1, key::Error::TpmRefused { code: 0x922, .. }) => {}
            (0 | 2 | 3, key::Error::TpmTimeout { .. }) => {}
            _ => panic!("{kind}: {error:?}"),
        }
    }
}

/// Whatever command fails, everything that was loaded before it is given back.
#[test]
fn a_failure_at_any_command_leaves_nothing_in_the_tpm() {
    let tpm = SoftwareTpm::new();
    tpm.genpkey("key.pem", &format!("{P256} -pkeyopt user-auth:abc"));
    let der = tpm.der("key.pem");
    let failed = Arc::new(Mutex::new(BTreeSet::new()));
    for failing in 0..20 {
        let mut relay = Relay::new(&tpm.socket());
        let record = Arc::clone(&failed);
        let mut count = 0;
        let fake = FakeTpm::new(tpm.sandbox.path("fake.sock"), move |command| {
            let now = count == failing && command_code(command) != FLUSH_CONTEXT;
            count += 1;
            Reply::Answer(if now {
                record.lock().unwrap().insert(command_code(command));
                refusal(0x101)
            } else {
                relay.pass(command)
            })
        });
        let outcome = sign(&open(&der, &fake.device(), Some("abc")));
        drop(fake);
        if let Err(error) = outcome {
            assert!(
                matches!(error, key::Error::TpmRefused { code: 0x101, .. }),
                "{error:?}"
            );
        }
        tpm.assert_empty();
    }
    let failed = failed.lock().unwrap().iter().copied().collect::<Vec<_>>();
    assert_eq!(failed, [CREATE_PRIMARY, LOAD, SIGN, START_AUTH_SESSION]);
}

#[test]
fn answers_cut_off_or_with_false_lengths_are_errors() {
    let tpm = SoftwareTpm::new();
    tpm.genpkey("key.pem", P256);
    let der = tpm.der("key.pem");
    let recorded = Arc::new(Mutex::new(Vec::<Vec<u8>>::new()));
    let record = Arc::clone(&recorded);
    let mut relay = Relay::new(&tpm.socket());
    let fake = FakeTpm::new(tpm.sandbox.path("fake.sock"), move |command| {
        let answer = relay.pass(command);
        // swtpm itself asks to try again while it tests its algorithms.
        if answer[6..10] == [0; 4] {
            record.lock().unwrap().push(answer.clone());
        }
        Reply::Answer(answer)
    });
    sign(&open(&der, &fake.device(), None)).unwrap();
    drop(fake);
    let recorded = recorded.lock().unwrap().clone();

    // Replays what was recorded, with the answer at `place` changed.
    let replay = |place: usize, change: &dyn Fn(&mut Vec<u8>)| {
        let mut answers = recorded.clone();
        change(&mut answers[place]);
        let mut next = answers.into_iter();
        let fake = FakeTpm::new(tpm.sandbox.path("fake.sock"), move |_| {
            Reply::Last(next.next().unwrap_or_else(|| refusal(0))).keep(next.len() > 0)
        });
        let device = fake.device().with_deadline(Duration::from_millis(500));
        sign(&open(&der, &device, None))
    };
    assert!(replay(0, &|_| ()).is_ok(), "the replay itself signs");

    // The last command gives the key back, when there is a signature already.
    let (last, before) = recorded.split_last().unwrap();
    assert_eq!(last.len(), 10);
    for (place, whole) in before.iter().enumerate() {
        for length in (10..whole.len()).step_by(3) {
            let outcome = replay(place, &|answer| {
                answer.truncate(length);
                let stated = u32::try_from(length).unwrap().to_be_bytes();
                answer[2..6].copy_from_slice(&stated);
            });
            assert!(
                matches!(outcome, Err(key::Error::TpmAnswer { .. })),
                "{place} {length}: {outcome:?}"
            );
        }
        for stated in [0, 9, 4097, u32::MAX] {
            let outcome = replay(place, &|answer| {
                answer[2..6].copy_from_slice(&stated.to_be_bytes());
            });
            assert!(
                matches!(outcome, Err(key::Error::TpmAnswer { .. })),
                "{place} {stated}: {outcome:?}"
            );
        }
        let longer = replay(place, &|answer| answer.push(0));
        assert!(
            matches!(longer, Err(key::Error::TpmAnswer { .. })),
            "{place}: {longer:?}"
        );
        let other_tag = replay(place, &|answer| answer[1] = 0xc4);
        assert!(
            matches!(other_tag, Err(key::Error::TpmAnswer { .. })),
            "{place}: {other_tag:?}"
        );
    }
    // Any octet changed: an error, or a signature that verifies all the same,
    // because `sign` asserts that.
    for (place, whole) in recorded.iter().enumerate() {
        for octet in (10..whole.len()).step_by(7) {
            for bit in [0x01, 0x80] {
                let _ = replay(place, &|answer| answer[octet] ^= bit);
            }
        }
    }
}

#[test]
fn a_tpm_that_hangs_up_gives_an_error_and_not_the_end_of_the_program() {
    let sandbox = Sandbox::new();
    for answer in [vec![], vec![0x80], vec![0x80, 1, 0, 0, 0, 10, 0, 0, 0]] {
        let fake = FakeTpm::new(sandbox.path("fake.sock"), move |_| {
            Reply::Last(answer.clone())
        });
        let handle = "0x81000001".parse().unwrap();
        let opened = open_tpm_handle(handle, &fake.device(), &mut |_| Ok(None));
        assert!(
            matches!(opened, Err(key::Error::TpmAnswer { .. })),
            "{opened:?}"
        );
    }
}

#[test]
fn a_tpm_1_2_is_recognised() {
    let sandbox = Sandbox::new();
    let fake = FakeTpm::new(sandbox.path("fake.sock"), |_| {
        Reply::Answer(vec![0, 0xc4, 0, 0, 0, 10, 0, 0, 0, 0x1e])
    });
    let handle = "0x81000001".parse().unwrap();
    let error = open_tpm_handle(handle, &fake.device(), &mut |_| Ok(None)).unwrap_err();
    assert!(error.to_string().contains("TPM 1.2"), "{error}");
}

#[test]
fn damaged_key_files_never_end_the_program() {
    let tpm = SoftwareTpm::new();
    // Nothing is sent to a TPM when a file is opened.
    let device = TpmDevice::new(Some("/dev/null".as_ref()));
    for kind in ["EC -pkeyopt group:P-384", "RSA -pkeyopt bits:2048"] {
        tpm.genpkey("key.pem", &format!("-algorithm {kind}"));
        let der = tpm.der("key.pem");
        let open = |der: &[u8]| open_tss2(der, "key.pem", &device, &mut |_| Ok(None));
        assert!(open(&der).is_ok());
        for length in 0..der.len() {
            let cut = open(&der[..length]);
            assert!(
                matches!(cut, Err(key::Error::Damaged { .. })),
                "{length}: {cut:?}"
            );
        }
        for place in 0..der.len() {
            for bit in [0x01, 0x40, 0x80, 0xff] {
                let mut changed = der.clone();
                changed[place] ^= bit;
                if let Err(error) = open(&changed) {
                    assert!(
                        matches!(
                            error,
                            key::Error::Damaged { .. } | key::Error::Unsupported { .. }
                        ),
                        "{place}: {error:?}"
                    );
                }
            }
        }
    }
}
