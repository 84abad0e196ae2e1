//! A fleet that is renewed by the file that it was issued by.

use std::fs;

use super::{arguments, assert_log, batch, outcomes, rows, states};
use crate::ca_state::{KILLED, Target, bounded, leaf_target};
use crate::harness::{Sandbox, program};

#[test]
fn what_is_due_is_issued_anew_in_the_place_of_the_old_one() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("rows", "id,cn,days\na,web-a,10\nb,web-b,100\n");
    assert_eq!(batch(&sandbox, "rows", &[]).code, 0);
    let read = |name: &str| sandbox.read(&format!("out/{name}"));
    let before = (read("a/key.pem"), read("a/cert.pem"), read("b/key.pem"));
    // Nothing is due.
    let run = batch(&sandbox, "rows", &["--renew", "--json"]);
    assert_eq!(outcomes(&run), ["again", "again"]);
    let due = ["--renew", "--renew-before", "30d", "--json"];
    let run = batch(&sandbox, "rows", &[&due[..], &["--dry-run"]].concat());
    assert_eq!(outcomes(&run), ["allowed", "again"]);
    let run = batch(&sandbox, "rows", &due);
    assert_eq!(
        (run.code, outcomes(&run)),
        (0, vec!["issued".to_owned(), "again".to_owned()])
    );
    assert_ne!(
        (read("a/key.pem"), read("a/cert.pem")),
        (before.0, before.1)
    );
    assert_eq!(read("b/key.pem"), before.2);
    assert_eq!(leaf_target(&sandbox.path("out/a")), Target::Complete);
    assert_eq!(states(&sandbox), ["valid"; 3]);
    assert!(!sandbox.path("out/.windlass-keys").exists());
    // The newest is what is given again, and what is renewed next.
    let again = read("a/cert.pem");
    assert_eq!(
        outcomes(&batch(&sandbox, "rows", &["--json"])),
        ["again", "again"]
    );
    assert_eq!(read("a/cert.pem"), again);
    assert_eq!(batch(&sandbox, "rows", &due).code, 0);
    let listed = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]).stdout;
    assert!(listed.contains("\"a#3\""), "{listed}");
    assert_log(&sandbox);
}

#[test]
fn a_directory_with_other_files_is_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("rows", "id,cn\na,web-a\nb,web-b\nc,web-c\n");
    assert_eq!(batch(&sandbox, "rows", &[]).code, 0);
    sandbox.write("out/a/notes", "mine");
    fs::write(
        sandbox.path("out/b/cert.pem"),
        sandbox.read("out/c/cert.pem"),
    )
    .unwrap();
    let options = [
        "--renew",
        "--renew-before",
        "300d",
        "--json",
        "--keep-going",
    ];
    let run = batch(&sandbox, "rows", &options);
    assert_eq!(run.code, 2);
    assert_eq!(outcomes(&run), ["failed", "failed", "issued"]);
    let stray = "out/a has the file 'notes', which was not delivered there";
    assert!(run.stderr.contains(stray), "{run:#?}");
    assert_eq!(sandbox.read("out/a/notes"), "mine");
    assert_eq!(states(&sandbox), ["valid"; 4]);
}

/// Killed at one call after another: what is in the directory fits together at
/// every moment, and the next run does what is missing.
#[test]
fn a_renewal_that_is_killed_is_completed_by_the_next_run() {
    for mode in ["--keep-going", "--all-or-nothing"] {
        let sandbox = Sandbox::new();
        sandbox.ca(&[]);
        let new = "{\"id\":\"n0\",\"cn\":\"new-0\"}\n{\"id\":\"n1\",\"cn\":\"new-1\"}\n";
        sandbox.write("rows", rows(&sandbox, 2) + new);
        assert_eq!(batch(&sandbox, "rows", &[]).code, 0);
        let old = sandbox.read("out/n0/cert.pem");
        let due = ["--renew", "--renew-before", "20d", "--days", "30", mode];
        // Nobody has been renewed: 30 days are left.
        assert_eq!(batch(&sandbox, "rows", &due).code, 0);
        assert_eq!(sandbox.read("out/n0/cert.pem"), old);
        let due = ["--renew", "--renew-before", "31d", mode];
        for calls in ["fsync", "rename,renameat,renameat2"] {
            for call in [1, 2, 3] {
                let inject = format!("inject={calls}:signal=SIGKILL:when={call}");
                let trace = format!("trace={calls}");
                let mut line = vec!["strace", "-f", "-o", "/dev/null", "-e", &trace];
                line.extend(["-e", &inject, program()]);
                let arguments = arguments("rows");
                line.extend(arguments.iter().copied().chain(due));
                let run = bounded(&sandbox, "077", &line);
                let context = format!("{mode}, {calls} {call}: {run:#?}");
                assert!(run.code == KILLED || run.code == 0, "{context}");
                for name in ["n0", "n1"] {
                    let target = leaf_target(&sandbox.path(&format!("out/{name}")));
                    assert_eq!(target, Target::Complete, "{context}");
                }
            }
        }
        let run = batch(&sandbox, "rows", &["--json", mode]);
        assert_eq!(run.code, 0, "{run:#?}");
        assert_eq!(outcomes(&run), ["again"; 4]);
        assert_ne!(sandbox.read("out/n0/cert.pem"), old);
        assert_eq!(fs::read_dir(sandbox.path("out")).unwrap().count(), 4);
        assert!(states(&sandbox).iter().all(|state| state != "reserved"));
        assert_log(&sandbox);
    }
}
