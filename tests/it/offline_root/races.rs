//! Several processes that install at once: one does, and the others see it.

use super::{Apart, issue, json};
use crate::ca_state::assert_owner_only;
use crate::harness::Run;

const PROCESSES: usize = 8;

fn race(apart: &Apart, certificate: impl Fn(usize) -> String + Sync) -> Vec<Run> {
    std::thread::scope(|scope| {
        let certificate = &certificate;
        let running: Vec<_> = (0..PROCESSES)
            .map(|index| scope.spawn(move || apart.install(&certificate(index), &["--json"])))
            .collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

#[test]
fn of_eight_that_install_the_same_one_does() {
    let apart = Apart::new();
    assert_eq!(apart.sign_ca("issuing.pem", &[]).code, 0);
    let runs = race(&apart, |_| "issuing.pem".to_owned());
    let changed = runs.iter().filter(|run| {
        assert_eq!(run.code, 0, "{run:#?}");
        json(run)["changed"] == true
    });
    assert_eq!(changed.count(), 1);
    check(&apart);
}

/// The root has signed twice: whichever comes first is the CA's, and its files are
/// those of the same one.
#[test]
fn of_eight_that_install_two_certificates_one_wins() {
    let apart = Apart::new();
    for out in ["0.pem", "1.pem"] {
        assert_eq!(apart.sign_ca(out, &[]).code, 0);
    }
    let runs = race(&apart, |index| format!("{}.pem", index % 2));
    let installed: Vec<usize> = (0..PROCESSES)
        .filter(|index| runs[*index].code == 0 && json(&runs[*index])["changed"] == true)
        .collect();
    assert_eq!(installed.len(), 1, "{runs:#?}");
    let winner = installed[0] % 2;
    for (index, run) in runs.iter().enumerate() {
        match index % 2 == winner {
            true => assert_eq!(run.code, 0, "{run:#?}"),
            false => {
                assert_eq!(run.code, 2, "{run:#?}");
                let said = "error: the CA in site waits for no certificate\n";
                assert!(run.stderr.starts_with(said), "{}", run.stderr);
            }
        }
    }
    let own = apart.sandbox.read("site/issuing/cert.pem");
    let file = apart.sandbox.read(&format!("{winner}.pem"));
    assert!(file.starts_with(&own));
    check(&apart);
}

fn check(apart: &Apart) {
    assert_eq!(apart.state(), "active");
    assert_eq!(issue(&apart.sandbox, "web").code, 0);
    let verified = apart
        .sandbox
        .ok(&["ca", "audit", "verify", "--dir", "site"]);
    assert!(verified.stdout.contains("intact"), "{verified:#?}");
    let log = apart.sandbox.ok(&["ca", "audit", "list", "--dir", "site"]);
    assert_eq!(log.stdout.matches(" install ").count(), 1, "{}", log.stdout);
    assert_owner_only(&apart.sandbox.path("site"));
}
