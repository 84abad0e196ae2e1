//! What a monitor is told, with the exit codes of Nagios.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{json, tamper, with_web};
use crate::harness::{Run, Sandbox};

fn check(sandbox: &Sandbox, options: &[&str]) -> Run {
    sandbox.run(&[&["ca", "check", "--dir", "ca"], options].concat())
}

fn backed_up() -> Sandbox {
    let sandbox = with_web();
    sandbox.ok(&["ca", "backup", "--dir", "ca", "--out", "backup.tar"]);
    sandbox
}

#[test]
fn a_ca_in_order_is_ok_and_the_numbers_are_there() {
    let sandbox = with_web();
    let run = check(&sandbox, &[]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(
        run.stdout
            .starts_with("WINDLASS CA WARNING - no backup was ever made"),
        "{run:#?}"
    );
    sandbox.ok(&["ca", "backup", "--dir", "ca", "--out", "backup.tar"]);
    let options = ["--deep", "--textfile", "ca.prom"];
    let run = check(&sandbox, &options);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    let (first, rest) = run.stdout.split_once('\n').unwrap();
    assert!(first.starts_with("WINDLASS CA OK - "), "{first}");
    assert_eq!(first.matches('|').count(), 1, "{first}");
    for number in [
        "authority_ends_root=",
        "s;7776000:;2592000: ",
        "backup_age=0s;172800;345600",
        "unreplaced_certificates_critical=0",
        "log_entries=6",
    ] {
        assert!(first.contains(number), "{first}");
    }
    for probe in [
        "clock",
        "authorities",
        "crl",
        "leaves",
        "backup",
        "modes",
        "pages",
        "log",
    ] {
        assert!(rest.contains(&format!("OK {probe}: ")), "{rest}");
    }
    let metrics = sandbox.read("ca.prom");
    // Each says what it is.
    let families = metrics.lines().filter(|line| line.starts_with("# TYPE "));
    let helps = metrics.lines().filter(|line| line.starts_with("# HELP "));
    assert_eq!(families.count(), helps.count(), "{metrics}");
    for line in [
        "windlass_ca_level{probe=\"log\"} 0",
        "windlass_ca_unsettled_reservations 0",
        "windlass_ca_unreplaced_certificates{of=\"warning\"} 0",
    ] {
        assert!(
            metrics.lines().any(|other| other == line),
            "{line}: {metrics}"
        );
    }
    // The exporter runs as another user.
    let mode = fs::metadata(sandbox.path("ca.prom"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
    assert_eq!(check(&sandbox, &options).code, 0, "it is replaced");
    sandbox.write("mine.prom", "mine\n");
    assert_eq!(check(&sandbox, &["--textfile", "mine.prom"]).code, 3);
    assert_eq!(sandbox.read("mine.prom"), "mine\n");
    assert_eq!(
        metrics.lines().next(),
        check(&sandbox, &["--format", "prometheus"])
            .stdout
            .lines()
            .next()
    );
}

#[test]
fn what_is_wrong_is_told_and_how_bad_it_is() {
    let sandbox = backed_up();
    let told = |options: &[&str], probe: &str| -> (i32, String) {
        let run = check(&sandbox, &[&["--format", "json"], options].concat());
        let found = json(&run);
        let findings = found["findings"].as_array().unwrap().clone();
        let levels = findings.iter().filter(|finding| finding["probe"] == probe);
        let worst = levels
            .map(|finding| finding["level"].as_str().unwrap().to_owned())
            .find(|level| level != "OK");
        (run.code, worst.unwrap_or_default())
    };
    let is = |code: i32, level: &str| (code, level.to_owned());
    assert_eq!(told(&[], "leaves"), is(0, ""));
    assert_eq!(
        told(&["--leaf-critical", "100", "--leaf-warn", "100"], "leaves"),
        is(2, "CRITICAL")
    );
    assert_eq!(told(&["--warn", "1200d"], "authorities"), is(1, "WARNING"));
    let warned = check(&sandbox, &["--leaf-warn", "100"]);
    assert_eq!(warned.code, 1, "{warned:#?}");
    let says = "1 certificate without a successor ending soon, first that of web";
    assert!(warned.stdout.contains(says), "{warned:#?}");
    assert_eq!(told(&["--backup-age", "0s"], "backup").0, 2);
    // A revocation that no list tells.
    let revoke = [
        "ca",
        "revoke",
        "--dir",
        "ca",
        "--cn",
        "web",
        "--reason",
        "superseded",
    ];
    sandbox.ok(&revoke);
    assert_eq!(told(&[], "crl"), is(1, "WARNING"));
    let crl = [
        "ca",
        "crl",
        "--dir",
        "ca",
        "--passphrase-file",
        "passphrase",
    ];
    sandbox.ok(&crl);
    assert_eq!(told(&[], "crl"), is(0, ""));
    fs::remove_file(sandbox.path("ca/crl/issuing.pem")).unwrap();
    assert_eq!(told(&[], "crl"), is(2, "CRITICAL"));
    sandbox.ok(&crl);
    let key = sandbox.path("ca/issuing/key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(told(&[], "modes"), is(2, "CRITICAL"));
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    // As if a process had been killed an hour ago.
    let lost = "INSERT INTO certificate (serial, kind, issuer_key_id, subject, common_name, names, \
                key_fingerprint, not_before, not_after, reserved_at) SELECT x'11', kind, \
                issuer_key_id, subject, 'lost', names, key_fingerprint, not_before, not_after, \
                reserved_at - 3600 FROM certificate WHERE common_name = 'web'";
    tamper(&sandbox.path("ca/inventory.db"), lost);
    assert_eq!(told(&[], "reservations"), is(1, "WARNING"));
    sandbox.ok(&["ca", "audit", "reconcile", "--dir", "ca"]);
    assert_eq!(told(&[], "reservations"), is(0, ""));
    // The clock is behind.
    tamper(
        &sandbox.path("ca/inventory.db"),
        "UPDATE time_mark SET at = at + 100000",
    );
    assert_eq!(told(&[], "clock"), is(2, "CRITICAL"));
    tamper(
        &sandbox.path("ca/inventory.db"),
        "UPDATE time_mark SET at = at - 100000",
    );
    tamper(
        &sandbox.path("ca/inventory.db"),
        "UPDATE audit SET actor = 'mallory' WHERE sequence = 2",
    );
    assert_eq!(told(&[], "log"), is(0, ""));
    assert_eq!(told(&["--deep"], "log"), is(2, "CRITICAL"));
    sandbox.write("ca/inventory.db", "no database");
    assert_eq!(told(&[], "inventory").0, 3);
    let none = sandbox.run(&["ca", "check", "--dir", "nowhere"]);
    assert_eq!(none.code, 3, "{none:#?}");
    assert!(
        none.stdout.starts_with("WINDLASS CA UNKNOWN - "),
        "{none:#?}"
    );
}

/// A warning that comes after what it is to warn of would never come.
#[test]
fn thresholds_that_make_no_sense_judge_nothing() {
    let sandbox = backed_up();
    for (options, says) in [
        (
            ["--warn", "10d", "--critical", "20d"],
            "'10 days' for '--warn': a warning comes before what is critical: give more than --critical, which is 20 days",
        ),
        (
            ["--leaf-warn", "5", "--leaf-critical", "6"],
            "'5%' for '--leaf-warn'",
        ),
    ] {
        let run = check(&sandbox, &options);
        assert_eq!(run.code, 3, "{run:#?}");
        assert!(run.stdout.starts_with("WINDLASS CA UNKNOWN - "), "{run:#?}");
        assert!(run.stderr.contains(says), "{run:#?}");
    }
    assert_eq!(
        check(&sandbox, &["--warn", "20d", "--critical", "20d"]).code,
        0
    );
}

/// What a policy says is no secret; who may write it decides what is issued.
#[test]
fn a_policy_may_be_read_by_others_and_not_written() {
    let sandbox = backed_up();
    sandbox.write("ca/ca.toml", "[profiles.web]\n");
    let with_mode = |mode| {
        let policy = sandbox.path("ca/ca.toml");
        fs::set_permissions(policy, fs::Permissions::from_mode(mode)).unwrap();
        check(&sandbox, &[]).code
    };
    assert_eq!([0o600, 0o644, 0o664, 0o646].map(with_mode), [0, 0, 2, 2]);
}

/// A file of the CA that cannot be read is one finding among the others, however
/// deep is looked.
#[test]
fn a_damaged_certificate_hides_nothing_else() {
    let sandbox = backed_up();
    sandbox.write("ca/root/cert.pem", "damaged");
    for options in [&[][..], &["--deep"]] {
        let run = check(&sandbox, options);
        assert_eq!(run.code, 2, "{run:#?}");
        for line in ["CRITICAL authorities: ", "OK backup: ", "OK leaves: "] {
            assert!(run.stdout.contains(line), "{line}: {run:#?}");
        }
    }
    let deep = check(&sandbox, &["--deep"]);
    assert!(deep.stdout.contains("\nCRITICAL log: "), "{deep:#?}");
    assert!(deep.stdout.contains("\nOK pages: "), "{deep:#?}");
}
