//! Processes that issue while another one activates, and several that prepare.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{SECRET, assert_audited, bundle, done, states, status, verifies, with_old};
use crate::ca_state::{
    LEAF_FILES, assert_inventoried, certificates_below, hidden_directories, inventory,
    issue_arguments,
};
use crate::harness::{Sandbox, program};

const PROCESSES: usize = 8;
const ROUNDS: usize = 4;

fn spawn(sandbox: &Sandbox, arguments: &[&str]) -> Child {
    let mut command = Command::new(arguments[0]);
    sandbox.scrub(&mut command);
    command
        .args(&arguments[1..])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The exit code of a process that ends in time, and what it said.
fn ended(child: Child) -> (i32, String) {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), said)
}

/// Every success is in the inventory and verifies; nothing that the log has after
/// the activation is of the old key.
#[test]
fn nobody_issues_for_the_old_generation_after_the_activation() {
    let sandbox = with_old();
    done(&sandbox, "prepare", &["--of", "root"]);
    let activated = std::thread::scope(|scope| {
        for process in 0..PROCESSES {
            let sandbox = &sandbox;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let out = format!("web-{process}-{round}");
                    let (code, said) = ended(spawn(sandbox, &issue_arguments("ca", &out)));
                    let rolled_over = code == 5 && said.contains("the CA rolled over meanwhile");
                    assert!(code == 0 || rolled_over, "{out}: {code} {said}");
                    assert_eq!(sandbox.path(&out).exists(), code == 0, "{out}");
                }
            });
        }
        // While they are at work: the first have been given what they asked for.
        let deadline = Instant::now() + Duration::from_secs(120);
        while !sandbox.path("web-0-0").exists() {
            assert!(Instant::now() < deadline, "nobody issues");
            std::thread::sleep(Duration::from_millis(5));
        }
        done(&sandbox, "activate", &["--bundle-installed"])
    });
    assert!(activated.stdout.starts_with("activated generation 2"));
    let database = rusqlite::Connection::open(sandbox.path("ca/inventory.db")).unwrap();
    let issued = |comparison: &str, issuer: &str| -> i64 {
        let sql = format!(
            "SELECT count(*) FROM audit JOIN certificate ON audit.serial = certificate.serial \
             WHERE action = 'issue' AND kind = 'leaf' \
             AND sequence {comparison} (SELECT sequence FROM audit WHERE action = 'activate') \
             AND issuer_key_id = (SELECT issuer_key_id FROM certificate WHERE kind = 'leaf' \
             AND common_name = '{issuer}')"
        );
        database.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    sandbox.issue("new", &[]);
    assert!(issued("<", "old") > 1);
    assert!(issued(">", "new") > 1);
    assert_eq!(issued(">", "old"), 0);
    assert_eq!(issued("<", "new"), 0);
    let rows = inventory(&sandbox, "ca");
    assert_inventoried(sandbox.root(), &rows);
    assert!(
        rows.values().all(|row| row.state != "reserved"),
        "{rows:#?}"
    );
    for process in 0..PROCESSES {
        for round in 0..ROUNDS {
            let out = format!("web-{process}-{round}");
            if !sandbox.path(&out).exists() {
                continue;
            }
            assert_eq!(
                certificates_below(&sandbox.path(&out)).len(),
                LEAF_FILES.len()
            );
            let chain = format!("{out}/chain.pem");
            assert!(
                verifies(&sandbox, &out, "ca/trust-anchor.pem", &[&chain]),
                "{out}"
            );
        }
    }
    assert_audited(&sandbox);
    assert_eq!(hidden_directories(sandbox.root()), [""; 0]);
}

/// Of several that prepare at once one has its way; the others say what is so.
#[test]
fn of_several_that_prepare_one_does() {
    let sandbox = with_old();
    let prepare = [
        program(),
        "ca",
        "rollover",
        "prepare",
        "--dir",
        "ca",
        "--of",
        "root",
    ];
    let prepare = [&prepare[..], &SECRET].concat();
    let children: Vec<Child> = (0..4).map(|_| spawn(&sandbox, &prepare)).collect();
    let mut codes = Vec::new();
    for child in children {
        let (code, said) = ended(child);
        let is_late = code == 1 && said.contains("generation 2 of the CA is still prepared");
        assert!(code == 0 || is_late, "{code} {said}");
        codes.push(code);
    }
    assert_eq!(
        codes.iter().filter(|code| **code == 0).count(),
        1,
        "{codes:?}"
    );
    assert_eq!(states(&sandbox), ["active", "prepared"]);
    assert_eq!(
        bundle(&sandbox),
        status(&sandbox)["bundle"]["pem"].as_str().unwrap()
    );
    done(&sandbox, "activate", &["--bundle-installed"]);
    sandbox.issue("new", &[]);
    assert!(verifies(
        &sandbox,
        "new",
        "ca/trust-anchor.pem",
        &["new/chain.pem"]
    ));
    assert_eq!(hidden_directories(&sandbox.path("ca")), [""; 0]);
    assert_audited(&sandbox);
}
