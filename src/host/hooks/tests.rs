//! Hooks that are run, with what they are told.

use super::super::Fault;
use super::*;

fn facts() -> HookFacts {
    let serial = |octets: &[u8]| SerialNumber::from_magnitude(octets).unwrap();
    let current = PathBuf::from("/var/lib/windlass/a web/current");
    HookFacts {
        certificate: Some(current.join("cert.pem")),
        private_key: Some(current.join("key.pem")),
        chain: Some(current.join("chain.pem")),
        fullchain: Some(current.join("fullchain.pem")),
        identity: PathBuf::from("/var/lib/windlass/a web"),
        version: "v0007".to_owned(),
        serial: serial(&[0x0a, 0xbc]),
        old_serial: Some(serial(&[9])),
        not_after: DateTime::from_timestamp(1_800_000_000, 0).unwrap(),
    }
}

fn hooks(before: &[&str], after: &[&str]) -> CommandHooks {
    let lines = |lines: &[&str]| lines.iter().map(|line| line.parse().unwrap()).collect();
    CommandHooks {
        before: lines(before),
        after: lines(after),
        deadline: Duration::from_secs(20),
        withheld: vec!["HOME".to_owned()],
    }
}

const SHOW: &str = r#"sh -c 'env | grep -e ^WINDLASS_ -e ^HOME= | sort | tr "\n" ";"'"#;

#[test]
fn a_hook_is_told_all_facts_and_nothing_that_is_withheld() {
    let outcomes = hooks(&[SHOW], &[]).run(When::Before, Which::All, &facts());
    let [outcome] = &outcomes[..] else {
        panic!("{outcomes:?}");
    };
    assert_eq!((outcome.program.as_str(), &outcome.failure), ("sh", &None));
    let expected = [
        "WINDLASS_HOOK=before",
        "WINDLASS_HOOK_CERTIFICATE=/var/lib/windlass/a web/current/cert.pem",
        "WINDLASS_HOOK_CHAIN=/var/lib/windlass/a web/current/chain.pem",
        "WINDLASS_HOOK_FULLCHAIN=/var/lib/windlass/a web/current/fullchain.pem",
        "WINDLASS_HOOK_IDENTITY=/var/lib/windlass/a web",
        "WINDLASS_HOOK_NOT_AFTER=2027-01-15T08:00:00Z",
        "WINDLASS_HOOK_OLD_SERIAL=09",
        "WINDLASS_HOOK_PRIVATE_KEY=/var/lib/windlass/a web/current/key.pem",
        "WINDLASS_HOOK_SERIAL=0abc",
        "WINDLASS_HOOK_VERSION=v0007;",
    ];
    assert_eq!(outcome.output, expected.join(";"));
}

#[test]
fn what_there_is_not_is_not_set() {
    let facts = HookFacts {
        chain: None,
        old_serial: None,
        ..facts()
    };
    let [outcome] = &hooks(&[], &[SHOW]).run(When::After, Which::All, &facts)[..] else {
        panic!();
    };
    assert!(
        outcome.output.contains("WINDLASS_HOOK=after"),
        "{outcome:?}"
    );
    assert!(
        !outcome.output.contains("WINDLASS_HOOK_CHAIN"),
        "{outcome:?}"
    );
    assert!(!outcome.output.contains("OLD_SERIAL"), "{outcome:?}");
}

#[test]
fn no_shell_reads_the_command() {
    let hooks = hooks(&[], &["printf %s '$HOME;`id`' >x"]);
    let [outcome] = &hooks.run(When::After, Which::All, &facts())[..] else {
        panic!();
    };
    assert_eq!(outcome.output, "$HOME;`id`>x");
}

#[test]
fn only_what_failed_is_run_again() {
    let lines = [
        "printf one",
        "sh -c 'printf two; exit 3'",
        "printf three",
        "false",
    ];
    let hooks = hooks(&[], &lines);
    let outcomes = hooks.run(When::After, Which::All, &facts());
    let said: Vec<&str> = outcomes.iter().map(|o| o.output.as_str()).collect();
    assert_eq!(said, ["one", "two", "three", ""]);
    let failed: Vec<HookId> = outcomes
        .iter()
        .filter(|outcome| outcome.failure.is_some())
        .map(|outcome| outcome.id.clone())
        .collect();
    assert_eq!(failed.len(), 2);
    assert_eq!(
        outcomes[1].failure.as_deref(),
        Some("it ended with exit status: 3")
    );
    // Also after one that failed was taken away, and the others have other places.
    let fewer = CommandHooks {
        after: vec![hooks.after[1].clone(), hooks.after[0].clone()],
        ..hooks.clone()
    };
    let again = fewer.run(When::After, Which::Only(&failed), &facts());
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].id, outcomes[1].id);
    assert_eq!(again[0].failure, outcomes[1].failure);
    // Which of those that one shell runs it is.
    assert!(outcomes[1].program.ends_with(" (2 of 4)"), "{outcomes:?}");
    assert!(again[0].program.ends_with(" (1 of 2)"), "{again:?}");
}

#[test]
fn a_hook_before_the_switch_that_fails_stops_the_others() {
    let before = ["printf one", "false", "printf three"];
    let outcomes = hooks(&before, &[]).run(When::Before, Which::All, &facts());
    let failed: Vec<bool> = outcomes.iter().map(|o| o.failure.is_some()).collect();
    assert_eq!(failed, [false, true]);
}

#[test]
fn a_hook_that_hangs_or_is_missing_fails_and_the_next_one_is_run() {
    let hooks = CommandHooks {
        deadline: Duration::from_secs(2),
        ..hooks(
            &[],
            &[
                "sh -c 'printf begun; sleep 60'",
                "/nonexistent/hook",
                "true",
            ],
        )
    };
    let outcomes = hooks.run(When::After, Which::All, &facts());
    let failure = |place: usize| outcomes[place].failure.as_deref().unwrap_or_default();
    assert_eq!(failure(0), "it did not end in time");
    assert!(
        failure(1).starts_with("it cannot be started"),
        "{outcomes:?}"
    );
    assert_eq!(failure(2), "");
    let bearings = outcomes.iter().map(|outcome| outcome.bearing);
    let missing = Bearing::lasting(Some(Fault::Setup));
    assert!(bearings.eq([Some(Bearing::PASSING), Some(missing), None]));
}

#[test]
fn an_outcome_is_kept_and_shows_no_arguments() {
    let hooks = hooks(&[], &["sh -c 'exit 3' SECRET"]);
    let mut outcomes = hooks.run(When::After, Which::All, &facts());
    let bearing = outcomes[0].bearing.take();
    assert_eq!(bearing, Some(Bearing::lasting(None)));
    let kept = serde_json::to_string(&outcomes).unwrap();
    assert!(!kept.contains("SECRET") && !format!("{hooks:?}").contains("SECRET"));
    assert_eq!(
        serde_json::from_str::<Vec<HookOutcome>>(&kept).unwrap(),
        outcomes
    );
    // Another word is another hook, and so is another division into words.
    let id = |line: &str| HookId::of(&line.parse().unwrap());
    assert_eq!(id("a b c"), id("a 'b' c"));
    assert_ne!(id("a b c"), id("a 'b c'"));
    assert_eq!(id("a b c").to_string().len(), 16);
}
