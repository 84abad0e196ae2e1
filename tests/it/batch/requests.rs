//! An id that is given again for something else.

use super::{batch, lines, outcomes, rows, states};
use crate::harness::Sandbox;

#[test]
fn an_id_that_is_given_again_with_other_content_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write(
        "ca/ca.toml",
        "default = 'web'\n[profiles.web]\n[profiles.db]\n",
    );
    let first = "id,cn,san,ou,organization,days\na,web,a.example.com,x,Corp,7\n";
    sandbox.write("rows", first);
    assert_eq!(batch(&sandbox, "rows", &[]).code, 0);
    for (row, options, says) in [
        (
            "a,web,a.example.com,y,Corp,7",
            [""; 0].as_slice(),
            "the subject was O=Corp, OU=x",
        ),
        (
            "a,web,a.example.com,x,Other,7",
            &[],
            "the subject was O=Corp",
        ),
        (
            "a,web,,x,Corp,7",
            &[],
            "names was DNS:a.example.com, and is none",
        ),
        (
            "a,web,a.example.com,x,Corp,8",
            &[],
            "the life was 7 days, and is 8 days",
        ),
        (
            "a,web,a.example.com,x,Corp,7",
            &["--key-type", "p384"],
            "the type of the key was EC P-256",
        ),
        (
            "a,web,a.example.com,x,Corp,7",
            &["--profile", "db"],
            "the profile was web, and is db",
        ),
    ] {
        let heading = first.split_once('\n').unwrap().0;
        sandbox.write("other", format!("{heading}\n{row}\n"));
        for dry in [&["--dry-run"][..], &[]] {
            let run = batch(&sandbox, "other", &[options, dry].concat());
            assert_eq!(run.code, 2, "{row} {run:#?}");
            assert!(run.stderr.contains(says), "{row} {run:#?}");
        }
    }
    // What the row leaves to the policy stays the same when that changes.
    sandbox.write("rows", "id,cn\nb,db\n");
    assert_eq!(batch(&sandbox, "rows", &[]).code, 0);
    sandbox.write("ca/ca.toml", "[profiles.web]\ndays = 3\n");
    assert_eq!(batch(&sandbox, "rows", &[]).code, 0);
    assert_eq!(states(&sandbox), ["valid"; 2]);
}

/// What ends with its CA asks for the same as before.
#[test]
fn a_life_that_was_shortened_is_the_same_request() {
    let sandbox = Sandbox::new();
    sandbox.ca(&["--issuing-years", "1"]);
    sandbox.write("rows", "id,cn,days\na,web,3000\n");
    assert_eq!(batch(&sandbox, "rows", &[]).code, 0);
    assert_eq!(batch(&sandbox, "rows", &[]).code, 0);
}

#[test]
fn an_id_whose_certificate_was_revoked_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("rows", rows(&sandbox, 2));
    assert_eq!(batch(&sandbox, "rows", &[]).code, 0);
    let revoke = [
        "ca",
        "revoke",
        "--dir",
        "ca",
        "--cn",
        "host-1",
        "--reason",
        "superseded",
    ];
    sandbox.ok(&revoke);
    let run = batch(&sandbox, "rows", &["--json", "--keep-going"]);
    assert_eq!(run.code, 2);
    assert_eq!(outcomes(&run), ["again", "failed"]);
    let error = lines(&run)[1]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("which was revoked on"), "{error}");
    assert!(run.stderr.contains("give the row another id"), "{run:#?}");
}

/// Which of the two would count is luck.
#[test]
fn a_column_stands_there_once() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("rows", "id,cn,san,cn\na,web-1,,admin\n");
    let run = batch(&sandbox, "rows", &[]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr
            .contains("rows, line 1: the column 'cn' is there twice"),
        "{run:#?}"
    );
}
