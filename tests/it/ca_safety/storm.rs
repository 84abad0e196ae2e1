//! Everything at once on one CA: nothing that was said to be done is lost.

use std::collections::BTreeSet;

use super::{SECRET, json, verify};
use crate::ca_state::{assert_owner_only, bounded, hidden_directories, inventory};
use crate::harness::{Sandbox, program};

const PROCESSES: usize = 32;

/// What each of the processes does, one verb after the other; `NAME` stands for a
/// name of its own. The verbs that sign are given the passphrase.
const VERBS: &[(&str, bool)] = &[
    ("issue --cn NAME --out NAME", true),
    ("show NAME", false),
    ("revoke --cn NAME --reason superseded", false),
    ("crl", true),
    ("list --json", false),
    ("audit verify", false),
    ("audit reconcile", false),
];

/// What only some of them do.
const SELDOM: &[(&str, bool)] = &[
    ("backup --out NAME.tar", false),
    ("audit checkpoint --out NAME.json", true),
    ("check --deep --format json", false),
];

#[test]
fn nothing_is_lost_in_a_storm_of_all_verbs() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let run = |name: &str, verb: &str, signs: bool| {
        let verb = verb.replace("NAME", name);
        let mut arguments = vec![program(), "ca"];
        arguments.extend(verb.split(' '));
        arguments.extend(["--dir", "ca"]);
        arguments.extend(SECRET.iter().filter(|_| signs));
        let run = bounded(&sandbox, "077", &arguments);
        // What a monitor is told may be a warning here.
        let most = i32::from(verb.starts_with("check"));
        assert!(
            run.code <= most && run.code >= 0,
            "{name}: {verb}: {run:#?}"
        );
    };
    std::thread::scope(|scope| {
        for process in 0..PROCESSES {
            let run = &run;
            scope.spawn(move || {
                let name = format!("web-{process}");
                for (verb, signs) in VERBS {
                    run(&name, verb, *signs);
                }
                let (verb, signs) = SELDOM[process % SELDOM.len()];
                run(&name, verb, signs);
            });
        }
    });
    let rows = inventory(&sandbox, "ca");
    // The root and the issuing CA are in it too.
    assert_eq!(rows.len(), PROCESSES + 2);
    let revoked = rows.values().filter(|row| row.state == "revoked").count();
    assert_eq!(revoked, PROCESSES);
    let serials: BTreeSet<_> = (0..PROCESSES)
        .flat_map(|process| {
            let directory = sandbox.path(&format!("web-{process}"));
            crate::ca_state::certificates_below(&directory)
        })
        .filter(|(path, _)| path.ends_with("cert.pem"))
        .map(|(_, serial)| serial)
        .collect();
    assert_eq!(serials.len(), PROCESSES);
    assert!(serials.iter().all(|serial| rows.contains_key(serial)));
    let database = rusqlite::Connection::open(sandbox.path("ca/inventory.db")).unwrap();
    let count = |sql: &str| -> usize {
        let count: i64 = database.query_row(sql, [], |row| row.get(0)).unwrap();
        usize::try_from(count).unwrap()
    };
    // A number is a key, so none was used twice; and they rise with the entries.
    assert_eq!(count("SELECT count(*) FROM crl"), PROCESSES);
    let falling = "SELECT count(*) FROM (SELECT json_extract(detail, '$.number') AS number, \
                   lag(json_extract(detail, '$.number')) OVER (ORDER BY sequence) AS before \
                   FROM audit WHERE action = 'sign-crl') WHERE number <= before";
    assert_eq!(count(falling), 0);
    let verified = verify(&sandbox, "ca", &["--json"]);
    assert_eq!(verified.code, 0, "{verified:#?}");
    assert!(json(&verified)["logEntries"].as_u64().unwrap() >= 3 * 32);
    for process in (0..PROCESSES).step_by(SELDOM.len()) {
        let (file, directory) = (format!("web-{process}.tar"), format!("again-{process}"));
        sandbox.ok(&["ca", "restore", &file, "--dir", &directory]);
    }
    for process in (1..PROCESSES).step_by(SELDOM.len()) {
        let kept = format!("web-{process}.json");
        assert_eq!(verify(&sandbox, "ca", &["--checkpoint", &kept]).code, 0);
    }
    assert_owner_only(&sandbox.path("ca"));
    assert_eq!(hidden_directories(sandbox.root()), [""; 0]);
}
