//! What a wrong clock has left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use chrono::{TimeDelta, Utc};
use windlass::clock::rfc3339;

use super::{Host, answer, letter, unavailable};
use crate::fault_server::FaultServer;

/// Obtained by a clock that was ten hours ahead, or before it was set back.
#[test]
fn l14_a_session_from_the_future_is_replaced_and_helps_out_for_its_own_length() {
    let host = Host::new();
    let mut script = ['A', 'B', 'C'].map(answer).to_vec();
    script.extend((0..8).map(|_| unavailable()));
    let server = FaultServer::start(script);
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    host.age(TimeDelta::hours(-10), TimeDelta::hours(11));
    assert_eq!(letter(&host.ask(&server, &[])), 'B');
    assert_eq!(letter(&host.ask(&server, &[])), 'B');
    // By one that was two hours behind: an hour was asked for.
    host.age(TimeDelta::minutes(40), TimeDelta::minutes(140));
    assert_eq!(letter(&host.ask(&server, &[])), 'C');
    host.age(TimeDelta::hours(-10), TimeDelta::hours(11));
    let run = host.ask(&server, &[]);
    assert_eq!(letter(&run), 'C');
    assert!(
        run.stderr.contains(", for 59 min") || run.stderr.contains(", for 1 h\n"),
        "{run:#?}"
    );
    assert!(server.seen().len() > 3, "a new one was asked for");
}

/// A failure that a clock has dated ten hours ahead keeps nobody from trying.
#[test]
fn l14_a_failure_from_the_future_is_not_waited_for() {
    let host = Host::new();
    let server = FaultServer::start(vec![answer('A'), answer('B')]);
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    let failure = host.file("session").with_extension("failure");
    let known = serde_json::json!({
        "failure": { "message": "no", "hint": null, "cause": "refused" },
        "at": rfc3339(Utc::now() + TimeDelta::hours(10)), "count": 9,
        "next": rfc3339(Utc::now() + TimeDelta::hours(11)),
    });
    fs::write(&failure, known.to_string()).unwrap();
    fs::set_permissions(&failure, fs::Permissions::from_mode(0o600)).unwrap();
    fs::remove_file(host.file("session")).unwrap();
    assert_eq!(letter(&host.ask(&server, &[])), 'B');
}
