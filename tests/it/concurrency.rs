//! Many processes on one CA: all get their certificate, or one of them gets
//! what only one can have, and nothing that any of them does is lost.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::ca_state::{
    Target, assert_inventoried, assert_owner_only, assert_works, bounded, ca_target,
    certificates_below, hidden_directories, inventory, issue_arguments, leaf_target,
};
use crate::harness::{Sandbox, program};

const PROCESSES: usize = 8;

/// Certificates that each of them issues, one after the other.
const ROUNDS: usize = 4;

#[test]
fn parallel_issues_all_succeed_with_serial_numbers_of_their_own() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    std::thread::scope(|scope| {
        for process in 0..PROCESSES {
            let sandbox = &sandbox;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let out = format!("web-{process}-{round}");
                    let run = bounded(sandbox, "000", &issue_arguments("ca", &out));
                    assert_eq!(run.code, 0, "{out}: {run:#?}");
                    assert_eq!(run.stderr, "", "{out}");
                }
            });
        }
    });
    let mut serials = BTreeSet::new();
    for process in 0..PROCESSES {
        for round in 0..ROUNDS {
            let out = sandbox.path(&format!("web-{process}-{round}"));
            assert_eq!(leaf_target(&out), Target::Complete);
            assert_owner_only(&out);
            let found = certificates_below(&out);
            let own = found.iter().find(|(path, _)| path.ends_with("cert.pem"));
            assert!(serials.insert(own.unwrap().1.clone()), "taken twice");
        }
    }
    let rows = inventory(&sandbox, "ca");
    // The root and the issuing CA are in it too.
    assert_eq!(rows.len(), PROCESSES * ROUNDS + 2);
    for serial in &serials {
        let row = &rows[serial];
        assert!(row.state == "valid" && row.delivered, "{serial}: {row:?}");
    }
    assert_inventoried(sandbox.root(), &rows);
    assert_owner_only(&sandbox.path("ca"));
    assert_eq!(hidden_directories(sandbox.root()), [""; 0]);
    assert_intact(&sandbox);
}

#[test]
fn of_two_parallel_inits_exactly_one_succeeds() {
    for round in 0..4 {
        let sandbox = Sandbox::new();
        let mut arguments = vec![program(), "ca", "init", "--dir", "ca"];
        arguments.extend(["--name", "Example Corp", "--passphrase-file", "passphrase"]);
        let (one, other) = std::thread::scope(|scope| {
            let init = || bounded(&sandbox, "000", &arguments);
            let first = scope.spawn(init);
            // The later rounds start further apart: while the first still
            // works, and around the moment at which it is done.
            std::thread::sleep(Duration::from_millis(round * 120));
            let second = init();
            (first.join().unwrap(), second)
        });
        let (winner, loser) = if one.code == 0 {
            (one, other)
        } else {
            (other, one)
        };
        assert_eq!(winner.code, 0, "{winner:#?} {loser:#?}");
        assert_ne!(loser.code, 0, "both: {winner:#?} {loser:#?}");
        assert!(loser.stderr.starts_with("error: "), "{loser:#?}");
        assert!(loser.stderr.contains("ca exists"), "{loser:#?}");
        assert_eq!(ca_target(&sandbox.path("ca")), Target::Complete);
        assert_owner_only(&sandbox.path("ca"));
        assert_eq!(hidden_directories(sandbox.root()), [""; 0]);
        assert_works(&sandbox, "ca", "web");
        assert_inventoried(sandbox.root(), &inventory(&sandbox, "ca"));
    }
}

/// Several processes want the same directory for their workload: one gets it,
/// and the others leave no key of theirs anywhere.
#[test]
fn of_parallel_issues_into_one_directory_exactly_one_succeeds() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let runs: Vec<_> = std::thread::scope(|scope| {
        let issue = || bounded(&sandbox, "077", &issue_arguments("ca", "web"));
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(issue)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let succeeded = runs.iter().filter(|run| run.code == 0).count();
    assert_eq!(succeeded, 1, "{runs:#?}");
    for run in runs.iter().filter(|run| run.code != 0) {
        assert!(run.stderr.contains("web exists"), "{run:#?}");
    }
    assert_eq!(leaf_target(&sandbox.path("web")), Target::Complete);
    assert_eq!(hidden_directories(sandbox.root()), [""; 0]);
    let rows = inventory(&sandbox, "ca");
    assert_inventoried(sandbox.root(), &rows);
    // Two of the CA, one delivered; those that came too late are undelivered.
    assert_eq!(rows.values().filter(|row| row.delivered).count(), 3);
}

#[test]
fn the_inventory_survives_kills_during_a_storm() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    // How long one takes alone, on this machine.
    let alone = Instant::now();
    sandbox.issue("alone", &[]);
    let alone = alone.elapsed();
    let started = Instant::now();
    let mut killed = 0;
    let mut issued = 0;
    let mut number: u32 = 0;
    let mut running: Vec<(Child, Duration, String)> = Vec::new();
    while number < 48 || !running.is_empty() {
        assert!(started.elapsed() < Duration::from_secs(120), "stuck");
        while number < 48 && running.len() < PROCESSES {
            let out = format!("web-{number}");
            // Every third process is left alone. The others are killed after
            // times that sweep over the life of a process, in a fixed order
            // that is not that of their start.
            let life = match number % 3 {
                0 => Duration::from_secs(60),
                _ => alone * (number * 37 % 48) / 40,
            };
            running.push((spawn(&sandbox, &out), started.elapsed() + life, out));
            number += 1;
        }
        running.retain_mut(|(child, end, out)| {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{out}: {status}");
                issued += 1;
                return false;
            }
            if started.elapsed() < *end {
                return true;
            }
            child.kill().unwrap();
            let status = child.wait().unwrap();
            if status.success() {
                issued += 1;
            } else {
                assert_eq!(status.signal(), Some(9), "{out}: {status}");
                killed += 1;
            }
            false
        });
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(
        killed > 0 && issued >= 16,
        "{killed} killed, {issued} issued"
    );
    assert_intact(&sandbox);
    let rows = inventory(&sandbox, "ca");
    assert_inventoried(sandbox.root(), &rows);
    assert_owner_only(&sandbox.path("ca"));
    let complete = (0..48)
        .map(|number| leaf_target(&sandbox.path(&format!("web-{number}"))))
        .filter(|target| *target == Target::Complete)
        .count();
    assert!(complete >= issued, "{complete} of {issued}");
    for name in hidden_directories(sandbox.root()) {
        assert_owner_only(&sandbox.path(&name));
    }
    // Each that was killed can be done again, and then nothing is left over.
    for number in 0..48 {
        let out = format!("web-{number}");
        if leaf_target(&sandbox.path(&out)) == Target::Absent {
            assert_works(&sandbox, "ca", &out);
        }
    }
    assert_eq!(hidden_directories(sandbox.root()), [""; 0]);
    assert_inventoried(sandbox.root(), &inventory(&sandbox, "ca"));
}

fn spawn(sandbox: &Sandbox, out: &str) -> Child {
    let arguments = issue_arguments("ca", out);
    let mut command = Command::new(arguments[0]);
    sandbox.scrub(&mut command);
    command
        .args(&arguments[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// SQLite finds nothing wrong with the database, whoever left it behind.
fn assert_intact(sandbox: &Sandbox) {
    let path = sandbox.path("ca/inventory.db");
    let connection = rusqlite::Connection::open(path).unwrap();
    let mut statement = connection.prepare("PRAGMA integrity_check").unwrap();
    let answers: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(answers, ["ok"]);
}
