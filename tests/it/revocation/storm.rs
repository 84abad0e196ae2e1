//! Many processes that revoke and publish at once: numbers rise, and nothing is
//! lost.

use std::collections::BTreeSet;

use windlass::store::Inventory;

use super::{LIST, crl, number, read_list, revoke, serial_of, status};
use crate::harness::Sandbox;

const PROCESSES: usize = 8;

/// Certificates that each of them revokes, one after the other.
const ROUNDS: usize = 3;

#[test]
fn numbers_rise_and_nothing_is_lost_when_many_publish_at_once() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let names: Vec<Vec<String>> = (0..PROCESSES)
        .map(|process| {
            (0..ROUNDS)
                .map(|round| format!("web-{process}-{round}"))
                .collect()
        })
        .collect();
    for name in names.iter().flatten() {
        sandbox.issue(name, &[]);
    }
    let made: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = names
            .iter()
            .map(|names| {
                let sandbox = &sandbox;
                scope.spawn(move || {
                    let publish = |name: &String| {
                        let run = revoke(sandbox, name, "keyCompromise", &[]);
                        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
                        let run = crl(sandbox, &["--json"]);
                        assert_eq!(run.code, 0, "{run:#?}");
                        // What was revoked before is in what is published after.
                        let serial = serial_of(sandbox, name);
                        let there = read_list(sandbox, LIST);
                        assert!(there.reason_of(&serial).is_some(), "{name}");
                        let told: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
                        let own = told["number"].as_str().unwrap().parse::<u64>().unwrap();
                        assert!(number(&there) >= own, "{name}");
                        own
                    };
                    names.iter().map(publish).collect::<Vec<u64>>()
                })
            })
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined
            .flat_map(|numbers| {
                assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
                numbers
            })
            .collect()
    });
    let distinct: BTreeSet<u64> = made.iter().copied().collect();
    assert_eq!(
        distinct.len(),
        PROCESSES * ROUNDS,
        "a number was taken twice"
    );
    let list = read_list(&sandbox, LIST);
    assert_eq!(Some(&number(&list)), distinct.last(), "not the last one");
    assert_eq!(list.entries(), PROCESSES * ROUNDS);
    let (code, judged) = status(&sandbox);
    assert_eq!(code, 0, "{judged:#?}");
    let inventory = Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
    assert_eq!(inventory.verify_log().unwrap().faults, []);
    // In the order of the log, which is that of the transactions.
    let mut numbers = Vec::new();
    let mut revoked = 0;
    inventory
        .read_log(1, |entry| {
            revoked += usize::from(entry.action == "revoke");
            if entry.action == "sign-crl" {
                let detail: serde_json::Value = serde_json::from_str(&entry.detail).unwrap();
                numbers.push(detail["number"].as_u64().unwrap());
                // A list has all that was revoked before it.
                assert_eq!(detail["entries"], revoked);
            }
            Ok::<bool, windlass::store::Error>(true)
        })
        .unwrap();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    assert_eq!(numbers.len(), PROCESSES * ROUNDS);
}
