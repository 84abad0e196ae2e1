//! `ca revoke --crl` killed, or failed by the operating system, at one system
//! call after another (see [`crate::crash`]): what was said to be revoked is, the
//! published list is always whole and never goes back, no number is used twice,
//! and the next run makes up for what is missing.

use windlass::store::Inventory;

use super::{LIST, crl, number, read_list, revoke, serial_of, status};
use crate::ca_state::{assert_owner_only, await_another_second, bounded, copy, files_below};
use crate::crash::{Call, FAULTS, Failing, POINTS, points_by_name, spread, straced};
use crate::harness::{Run, Sandbox, program};

/// A CA with a list that holds one certificate; another is revoked.
struct Scene {
    template: Sandbox,
    held: Vec<u8>,
    serial: Vec<u8>,
    /// The number of the list that is there.
    before: u64,
}

const COMMAND: [&str; 11] = [
    "ca",
    "revoke",
    "--dir",
    "ca",
    "--cn",
    "web",
    "--reason",
    "keyCompromise",
    "--crl",
    "--passphrase-file",
    "passphrase",
];

fn command() -> Vec<&'static str> {
    [&[program()][..], &COMMAND].concat()
}

impl Scene {
    fn new() -> Self {
        let template = Sandbox::new();
        template.ca(&[]);
        template.issue("web", &[]);
        template.issue("held", &[]);
        assert_eq!(revoke(&template, "held", "certificateHold", &[]).code, 0);
        assert_eq!(crl(&template, &[]).code, 0);
        await_another_second();
        Self {
            held: serial_of(&template, "held"),
            serial: serial_of(&template, "web"),
            before: number(&read_list(&template, LIST)),
            template,
        }
    }

    fn begin(&self) -> Sandbox {
        let sandbox = Sandbox::new();
        copy(&self.template.path("ca"), &sandbox.path("ca"));
        sandbox
    }

    fn trace(&self) -> Vec<Call> {
        straced(&self.begin(), "077", &command()).trace()
    }

    /// The promises, and that the same command then does its work. Says whether
    /// the new list was there.
    fn check(&self, sandbox: &Sandbox, run: &Run, context: &str) -> bool {
        let list = read_list(sandbox, LIST);
        assert!(number(&list) >= self.before, "{context}");
        assert!(list.reason_of(&self.held).is_some(), "{context}");
        let published = list.reason_of(&self.serial).is_some();
        assert_eq!(published, number(&list) > self.before, "{context}");
        let newest = {
            let inventory = Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
            let record = inventory.get(&self.serial).unwrap().unwrap();
            let revoked = record.revocation.is_some();
            // Durable before it is said, and before anybody is told.
            let said = run.stdout.starts_with("revoked CN=web\n");
            assert!(revoked || !(said || published), "{context}");
            assert_eq!(inventory.verify_log().unwrap().faults, [], "{context}");
            let newest = inventory.newest_crl(&record.issuer_key_id).unwrap();
            u64::try_from(newest.unwrap().number).unwrap()
        };
        assert!(
            newest >= number(&list),
            "published before recorded: {context}"
        );
        let again = bounded(sandbox, "000", &command());
        assert_eq!(again.code, 0, "{context}: {again:#?}");
        let list = read_list(sandbox, LIST);
        assert!(number(&list) > newest, "a number was used twice: {context}");
        assert!(list.reason_of(&self.serial).is_some(), "{context}");
        let (code, judged) = status(sandbox);
        assert_eq!(code, 0, "{context}: {judged:#?}");
        assert_owner_only(&sandbox.path("ca"));
        // What a run that was killed left unfinished is gone.
        let names: Vec<_> = files_below(&sandbox.path("ca/crl"))
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["issuing.pem"], "{context}");
        published
    }
}

#[test]
fn a_revocation_killed_at_any_call_is_made_up_for() {
    let scene = Scene::new();
    let calls = scene.trace();
    let by_name = points_by_name(&calls);
    for name in ["fsync", "openat", "pwrite64", "renameat", "write"] {
        assert!(by_name.contains_key(name), "the trace has no {name}");
    }
    let renamed = calls.iter().find(|call| call.name == "renameat").unwrap();
    let mut seen = [0, 0];
    let points = by_name.values().flat_map(|calls| spread(calls, POINTS));
    for (index, call) in points.enumerate() {
        let umask = if index.is_multiple_of(2) {
            "000"
        } else {
            "077"
        };
        let sandbox = scene.begin();
        let run = straced(&sandbox, umask, &command()).kill(call);
        let published = scene.check(&sandbox, &run, &format!("killed at {call:?}"));
        assert_eq!(published, call.position > renamed.position, "{call:?}");
        seen[usize::from(published)] += 1;
    }
    assert!(seen[0] > 10 && seen[1] > 0, "{seen:?}");
}

/// A full disk, which stays full, and a sync or a rename that fails once.
#[test]
fn a_revocation_on_a_failing_disk_says_so_and_is_made_up_for() {
    let scene = Scene::new();
    let calls = scene.trace();
    let mut failures = 0;
    for (name, error) in [
        ("fsync", Failing::Once("EIO")),
        ("pwrite64", Failing::FromThenOn("ENOSPC")),
        ("renameat", Failing::Once("EIO")),
        ("write", Failing::Once("ENOSPC")),
    ] {
        let of_name: Vec<&Call> = calls.iter().filter(|call| call.name == name).collect();
        assert!(!of_name.is_empty(), "the trace has no {name}");
        for call in spread(&of_name, FAULTS) {
            let sandbox = scene.begin();
            let run = straced(&sandbox, "000", &command()).fail(call, error);
            let context = format!("{error:?} at {call:?}: {run:#?}");
            if run.code == 0 {
                // SQLite tidying up, or the directory of its log.
                let path = call.line.split(['<', '>']).nth(1).unwrap_or_default();
                let of_database = path.contains("/inventory.db") || path.ends_with("/ca");
                assert!(of_database, "not noticed: {context}");
                assert!(read_list(&sandbox, LIST).reason_of(&scene.serial).is_some());
            } else {
                failures += 1;
                assert_eq!(run.code, 1, "{context}");
                assert!(run.stderr.contains("error: "), "{context}");
                assert!(run.stderr.contains("\nbecause: "), "{context}");
                assert!(!run.stderr.contains("panicked"), "{context}");
            }
            scene.check(&sandbox, &run, &context);
        }
    }
    assert!(failures > 8, "{failures}");
}
