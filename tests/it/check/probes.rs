//! Each thing that is looked at, at each level that it can have.

use std::fs;

use chrono::TimeDelta;
use serde_json::json;

use super::{
    ago, alone, check, edit_state, obtained, profile, rotate, set_mode, told, with_identity,
};
use crate::harness::Sandbox;

const WEB: [&str; 2] = ["--identity", "web"];

#[test]
fn what_is_left_is_judged_by_the_schedule() {
    let sandbox = with_identity();
    // The jitter is the host's own: it is due after 45 to 60 days and more.
    let shown = (45..61).find_map(|days| {
        obtained(&sandbox, days);
        let shown = check(&sandbox, &WEB);
        shown.stdout.contains("; it is due since ").then_some(shown)
    });
    // That alone nobody minds.
    assert_eq!(shown.map(|run| run.code), Some(0));
    // 130 days: more than a quarter of the reserve is gone, and no run has tried.
    obtained(&sandbox, 100);
    let (code, worst) = told(&sandbox, &WEB);
    let probes: Vec<&str> = worst.iter().map(|(probe, ..)| probe.as_str()).collect();
    assert_eq!(
        (code, probes),
        (1, vec!["certificate", "runs"]),
        "{worst:#?}"
    );
    assert!(worst[0].2.contains("'windlass rotate --identity "));
    assert!(worst[1].2.contains("no run of windlass rotate has tried"));
    // 230 days: less than a sixth of it is left.
    obtained(&sandbox, 200);
    let (code, worst) = told(&sandbox, &WEB);
    assert_eq!((code, worst[0].1.as_str()), (2, "CRITICAL"), "{worst:#?}");
    // A renewal puts everything right.
    assert_eq!(rotate(&sandbox, &[]).code, 0);
    assert_eq!(told(&sandbox, &WEB), (0, vec![]));
}

#[test]
fn what_is_left_is_judged_by_thresholds_that_are_said() {
    let sandbox = with_identity();
    let with = |more: &[&str]| check(&sandbox, &[&WEB, more].concat()).code;
    for (options, code) in [
        (&["--warn", "31d"][..], 1),
        (&["--warn", "29d"], 0),
        (&["--critical", "31d"], 2),
        (&["--critical", "29d"], 0),
        (&["--warn", "100%"], 1),
        (&["--warn", "90%"], 0),
        (&["--warn", "31d", "--critical", "1d"], 1),
        (&["--warn", "100%", "--critical", "100%"], 2),
    ] {
        assert_eq!(with(options), code, "{options:?}");
    }
    // A warning that comes after what it is to warn of would never come.
    for (warn, critical) in [("3d", "7d"), ("10%", "20%")] {
        let options = [&WEB[..], &["--warn", warn, "--critical", critical]].concat();
        let run = check(&sandbox, &options);
        assert_eq!(run.code, 3, "{run:#?}");
        assert!(
            run.stdout.starts_with("WINDLASS IDENTITY UNKNOWN - "),
            "{run:#?}"
        );
        let says = "for '--warn': a warning comes before what is critical: give more than --critical, which is ";
        assert!(
            run.stderr.contains(says) && run.stdout.contains(says),
            "{run:#?}"
        );
    }
    // Which it was, is told, and a monitor draws where they are.
    for (options, says, drawn) in [
        (
            &["--warn", "31d"][..],
            "(WARNING below 31 days), on ",
            "s;2678400:;",
        ),
        (
            &["--critical", "100%"],
            "(CRITICAL below 30 days), on ",
            ":;2592000: ",
        ),
        (
            &["--warn", "7d", "--critical", "3d"],
            " CN=web-1, ",
            "s;604800:;259200: ",
        ),
    ] {
        let run = check(&sandbox, &[&WEB, options].concat());
        let first = run.stdout.lines().next().unwrap();
        let (said, numbers) = first.split_once(" | ").unwrap();
        assert!(said.contains(says) && numbers.contains(drawn), "{first}");
        assert!(
            numbers.contains("=0;0") && !numbers.contains(";;"),
            "{first}"
        );
    }
    // They go before the schedule, and never before the end.
    obtained(&sandbox, 200);
    let (_, worst) = told(
        &sandbox,
        &[&WEB[..], &["--warn", "1d", "--critical", "1h"]].concat(),
    );
    assert!(
        worst.iter().all(|(probe, ..)| probe != "certificate"),
        "{worst:#?}"
    );
    edit_state(&sandbox, |state| {
        state["inForce"]["issuerNotAfter"] = ago(TimeDelta::days(3));
    });
    let (code, worst) = told(
        &sandbox,
        &[&WEB[..], &["--warn", "1d", "--critical", "1h"]].concat(),
    );
    assert_eq!(
        (code, worst[0].0.as_str()),
        (2, "certificate"),
        "{worst:#?}"
    );
}

#[test]
fn after_the_end_it_says_since_when_and_what_to_type() {
    let sandbox = with_identity();
    sandbox.write("config.toml", profile(&sandbox, "web", ""));
    obtained(&sandbox, 60);
    edit_state(&sandbox, |state| {
        state["inForce"]["issuerNotAfter"] = ago(TimeDelta::days(3));
    });
    let by_profile = ["--config", "config.toml", "--profile", "web"];
    for (options, types) in [
        (&WEB[..], "'windlass rotate --identity "),
        (
            &by_profile,
            "'windlass rotate --config config.toml --profile web' renews it",
        ),
    ] {
        let (code, worst) = told(&sandbox, options);
        assert_eq!(code, 2);
        let said: Vec<&str> = worst.iter().map(|(probe, ..)| probe.as_str()).collect();
        assert_eq!(said, ["certificate", "issuer", "runs"], "{worst:#?}");
        assert!(worst[0].2.contains("expired 3 days ago, on "), "{worst:#?}");
        assert!(worst[0].2.contains(types), "{worst:#?}");
    }
    // While it is waited for the next try, the command does not wait.
    sandbox.write("ca/ca.toml", "[profiles.db]\ncn.allow = [\"db-*\"]\n");
    assert_eq!(rotate(&sandbox, &[]).code, 7);
    let (_, worst) = told(&sandbox, &by_profile);
    assert!(
        worst[0].2.contains("--profile web --force' renews it"),
        "{worst:#?}"
    );
    fs::remove_file(sandbox.path("ca/ca.toml")).unwrap();
    // The command is the one that brings it back.
    let typed = [
        "rotate",
        "--config",
        "config.toml",
        "--profile",
        "web",
        "--force",
    ];
    sandbox.ok(&typed);
    assert_eq!(told(&sandbox, &by_profile), (0, vec![]));
}

#[test]
fn key_and_certificate_are_read_and_compared() {
    let sandbox = with_identity();
    assert_eq!(rotate(&sandbox, &["--force"]).code, 0);
    let (own, other) = (
        sandbox.read("web/current/key.pem"),
        sandbox.read("web/v0001/key.pem"),
    );
    sandbox.write("web/current/key.pem", other);
    let said = alone(&sandbox, &WEB, 2, "key");
    assert!(said.contains("the key is not that of the certificate: 'windlass rotate"));
    sandbox.write("web/current/key.pem", "none");
    assert!(alone(&sandbox, &WEB, 2, "key").contains("cannot be used"));
    fs::remove_file(sandbox.path("web/current/key.pem")).unwrap();
    alone(&sandbox, &WEB, 2, "key");
    sandbox.write("web/current/key.pem", own);
    let chain = sandbox.read("web/current/fullchain.pem");
    sandbox.write("web/current/fullchain.pem", "nothing");
    let said = alone(&sandbox, &WEB, 2, "certificate");
    assert!(said.contains("cannot be read as a certificate: 'windlass rotate"));
    // Of an issuer of the same name, that has not signed it.
    let mut other = vec!["ca", "init", "--dir", "other", "--name", "Example Corp"];
    other.extend(["--passphrase-file", "passphrase"]);
    sandbox.ok(&other);
    sandbox.ok(&[
        "ca",
        "issue",
        "--dir",
        "other",
        "--cn",
        "db",
        "--out",
        "db",
        "--passphrase-file",
        "passphrase",
    ]);
    let leaf = sandbox.read("web/current/cert.pem");
    let strange = sandbox.read("db/chain.pem");
    let above = sandbox.read("web/current/chain.pem");
    sandbox.write("web/current/fullchain.pem", format!("{leaf}{strange}"));
    sandbox.write("web/current/chain.pem", strange);
    alone(&sandbox, &WEB, 2, "chain");
    sandbox.write("web/current/fullchain.pem", chain);
    sandbox.write("web/current/chain.pem", above);
    assert_eq!(told(&sandbox, &WEB), (0, vec![]));
    // With the roots of its profile the whole path is judged.
    let elsewhere = profile(&sandbox, "web", "trust_anchor = \"other/trust-anchor.pem\"");
    sandbox.write("config.toml", elsewhere);
    let said = alone(&sandbox, &["--config", "config.toml"], 2, "chain");
    assert!(said.contains("does not lead to the root"), "{said}");
}

/// As the CA beside it says, which a run asks too.
#[test]
fn a_certificate_that_its_issuer_has_revoked_is_told() {
    let sandbox = with_identity();
    sandbox.write("config.toml", profile(&sandbox, "web", ""));
    let config = ["--config", "config.toml"];
    assert_eq!(told(&sandbox, &config), (0, vec![]));
    let revoke = |reason: &str| {
        let base = ["ca", "revoke", "--dir", "ca", "--cn", "web-1"];
        sandbox.ok(&[&base[..], &["--reason", reason]].concat());
    };
    revoke("certificateHold");
    let said = alone(&sandbox, &config, 2, "certificate");
    assert!(said.contains("; its issuer has put it on hold"), "{said}");
    revoke("keyCompromise");
    let said = alone(&sandbox, &config, 2, "certificate");
    let says = "; its issuer has revoked it: 'windlass rotate --config config.toml --profile web' renews it";
    assert!(said.contains(says), "{said}");
    // Alone, nobody knows whom to ask.
    assert_eq!(told(&sandbox, &WEB), (0, vec![]));
    sandbox.ok(&["rotate", "--config", "config.toml", "--profile", "web"]);
    assert_eq!(told(&sandbox, &config), (0, vec![]));
}

#[test]
fn an_issuer_that_ends_sooner_is_told() {
    let sandbox = with_identity();
    edit_state(&sandbox, |state| {
        state["inForce"]["issuerNotAfter"] = ago(-TimeDelta::days(25));
    });
    let said = alone(&sandbox, &WEB, 1, "issuer");
    assert!(said.contains("ends before it does"), "{said}");
}

#[test]
fn failures_are_told_when_they_last_and_refusals_at_once() {
    let sandbox = with_identity();
    let fail = |count: u32, prospect: &str, refused: bool| {
        edit_state(&sandbox, |state| {
            state["failures"] = json!({
                "count": count, "last": ago(TimeDelta::seconds(10)), "prospect": prospect
            });
            state["lastFailure"] = json!({
                "at": ago(TimeDelta::seconds(10)), "step": "staged", "message": "no | route",
                "prospect": prospect, "refused": refused
            });
        });
    };
    fail(2, "passing", false);
    let run = check(&sandbox, &WEB);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(
        run.stdout
            .contains("the renewal failed 2 times, last on 20")
    );
    fail(3, "passing", false);
    let said = alone(&sandbox, &WEB, 1, "renewal");
    assert!(
        said.contains(
            "when the issuer was asked for a certificate: no | route; it is tried again from 20"
        ),
        "{said}"
    );
    // A bar would begin the numbers.
    let run = check(&sandbox, &WEB);
    assert_eq!(run.stdout.matches('|').count(), 1, "{run:#?}");
    fail(1, "lasting", false);
    alone(&sandbox, &WEB, 1, "renewal");
    fail(1, "lasting", true);
    let said = alone(&sandbox, &WEB, 2, "renewal");
    assert!(
        said.contains("was refused")
            && said.contains("; once what failed is mended, 'windlass rotate ")
            && said.contains("--force' renews it"),
        "{said}"
    );
    // Once it is overdue, each of them.
    fail(1, "passing", false);
    obtained(&sandbox, 100);
    let (code, worst) = told(&sandbox, &WEB);
    let probes: Vec<&str> = worst.iter().map(|(probe, ..)| probe.as_str()).collect();
    assert_eq!(
        (code, probes),
        (1, vec!["certificate", "renewal"]),
        "{worst:#?}"
    );
}

#[test]
fn a_real_failure_and_a_real_refusal_are_told() {
    let sandbox = with_identity();
    let issuer = ["--trust-anchor", "ca/trust-anchor.pem", "--issuer-command"];
    let base = ["rotate", "--identity", "web", "--cn", "web-1", "--force"];
    for _ in 0..3 {
        let run = sandbox.run(&[&base[..], &issuer, &["sh -c 'exit 75'"]].concat());
        assert_eq!(run.code, 5, "{run:#?}");
    }
    let said = alone(&sandbox, &WEB, 1, "renewal");
    assert!(said.contains("failed 3 times"), "{said}");
    sandbox.write("ca/ca.toml", "[profiles.db]\ncn.allow = [\"db-*\"]\n");
    assert_eq!(rotate(&sandbox, &["--force"]).code, 3);
    let said = alone(&sandbox, &WEB, 2, "renewal");
    assert!(said.contains("cn.allow"), "{said}");
}

#[test]
fn runs_that_stay_away_are_told_and_those_that_wait_are_not() {
    let sandbox = with_identity();
    // Due since days, and no failure is known.
    obtained(&sandbox, 68);
    let said = alone(&sandbox, &WEB, 1, "runs");
    assert!(said.contains("crontab"), "{said}");
    // One that was held up by a window did not have to.
    let closed = [&WEB[..], &["--window", "0 0 29 2 * 1m UTC"]].concat();
    assert_eq!(told(&sandbox, &closed).0, 0);
    // A failure and no try since.
    edit_state(&sandbox, |state| {
        state["failures"] = json!({
            "count": 1, "last": ago(TimeDelta::days(3)), "prospect": "passing"
        });
    });
    alone(&sandbox, &WEB, 1, "runs");
    // A schedule that says more is due later.
    let within = [&WEB[..], &["--within", "7d"]].concat();
    assert_eq!(told(&sandbox, &within).0, 0);
}

#[test]
fn a_window_that_opens_in_time_keeps_what_is_overdue_from_being_told() {
    let sandbox = with_identity();
    obtained(&sandbox, 100);
    // It opens tomorrow, in any case at another time than now.
    let opens = chrono::Utc::now() + TimeDelta::hours(24) - TimeDelta::minutes(2);
    let window = format!("{} 1m UTC", opens.format("%-M %-H * * *"));
    let (_, worst) = told(&sandbox, &[&WEB[..], &["--window", &window]].concat());
    assert!(
        worst.iter().all(|(probe, ..)| probe != "certificate"),
        "{worst:#?}"
    );
    let run = check(&sandbox, &[&WEB[..], &["--window", &window]].concat());
    assert!(
        run.stdout.contains("its change window opens on "),
        "{run:#?}"
    );
    let (_, worst) = told(
        &sandbox,
        &[&WEB[..], &["--window", "0 0 29 2 * 1m UTC"]].concat(),
    );
    assert_eq!(worst[0].0, "certificate", "{worst:#?}");
}

#[test]
fn hooks_that_are_owed_are_told() {
    let sandbox = with_identity();
    assert_eq!(
        rotate(&sandbox, &["--force", "--after-hook", "false"]).code,
        1
    );
    let said = alone(&sandbox, &WEB, 1, "hooks");
    assert!(said.contains("false"), "{said}");
    // Of a run that died nobody knows which; one that runs still is waited for.
    edit_state(&sandbox, |state| state["owed"] = "all".into());
    assert_eq!(told(&sandbox, &WEB), (0, vec![]));
    edit_state(&sandbox, |state| {
        state["lastSuccess"] = ago(TimeDelta::hours(2))
    });
    alone(&sandbox, &WEB, 1, "hooks");
}

#[test]
fn a_renewal_that_stands_still_is_told() {
    let sandbox = with_identity();
    let begun = |days: i64| {
        edit_state(&sandbox, |state| {
            state["next"] = json!({
                "version": 2, "step": "staged", "begun": ago(TimeDelta::days(days)),
                "keyMade": ago(TimeDelta::days(days)), "obtained": null,
                "issuerNotAfter": null, "replaces": null
            });
        });
    };
    begun(1);
    let run = check(&sandbox, &WEB);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(
        run.stdout
            .contains("is not through: the issuer has answered"),
        "{run:#?}"
    );
    begun(3);
    alone(&sandbox, &WEB, 1, "begun");
}

#[test]
fn a_clock_that_cannot_be_right_is_told() {
    let sandbox = with_identity();
    obtained(&sandbox, -3);
    let said = alone(&sandbox, &WEB, 1, "clock");
    assert!(said.contains("is the clock right?"), "{said}");
}

#[test]
fn modes_that_others_could_use_are_told() {
    let sandbox = with_identity();
    set_mode(&sandbox, "web/current/key.pem", 0o644);
    let said = alone(&sandbox, &WEB, 2, "modes");
    assert!(said.contains("(mode 0644)"), "{said}");
    set_mode(&sandbox, "web/current/key.pem", 0o660);
    alone(&sandbox, &WEB, 1, "modes");
    set_mode(&sandbox, "web/current/key.pem", 0o600);
    // Of every version, as a run narrows them.
    assert_eq!(rotate(&sandbox, &["--force"]).code, 0);
    for (name, open, narrowed) in [
        ("web/v0002/key.pem", 0o644, 0o600),
        ("web/v0001/key.pem", 0o666, 0o600),
        ("web/v0002", 0o777, 0o755),
    ] {
        set_mode(&sandbox, name, open);
        let said = alone(&sandbox, &WEB, 2, "modes");
        let says = format!("/{name} can be ");
        assert!(said.contains(&says), "{said}");
        let says = format!(" by others (mode {open:04o}); the next run makes it {narrowed:04o}");
        assert!(said.contains(&says), "{said}");
        assert_eq!(rotate(&sandbox, &[]).code, 0);
        assert_eq!(told(&sandbox, &WEB), (0, vec![]), "{name}");
    }
    set_mode(&sandbox, "web", 0o777);
    let said = alone(&sandbox, &WEB, 2, "modes");
    assert!(said.contains("can be written by others"), "{said}");
    set_mode(&sandbox, "web", 0o700);
    assert_eq!(told(&sandbox, &WEB), (0, vec![]));
}

#[test]
fn names_that_are_not_those_of_the_profile_are_told() {
    let sandbox = with_identity();
    let other = profile(&sandbox, "web", "san = [\"www.example.com\"]");
    sandbox.write("config.toml", other);
    let config = ["--config", "config.toml"];
    let said = alone(&sandbox, &config, 1, "names");
    assert!(said.contains("lacks DNS:www.example.com"), "{said}");
    // Alone, nobody knows which they are to be.
    assert_eq!(told(&sandbox, &WEB), (0, vec![]));
}

#[test]
fn what_is_no_identity_is_told_with_what_to_do() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let missing = ["--identity", "nowhere"];
    let said = alone(&sandbox, &missing, 3, "identity");
    assert!(said.contains("is the path right?"), "{said}");
    fs::create_dir(sandbox.path("theirs")).unwrap();
    sandbox.write("theirs/data", "");
    alone(&sandbox, &["--identity", "theirs"], 3, "identity");
    alone(&sandbox, &["--identity", "passphrase"], 3, "identity");
    // A profile says that there is to be one.
    sandbox.write("config.toml", profile(&sandbox, "web", ""));
    let config = ["--config", "config.toml"];
    let said = alone(&sandbox, &config, 2, "identity");
    let typed = "'windlass rotate --config config.toml --profile web' renews it";
    assert!(said.contains(typed), "{said}");
    // One that could not be obtained yet, and why.
    let run = sandbox.run(&[
        "rotate",
        "--identity",
        "web",
        "--cn",
        "web-1",
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--issuer-command",
        "false",
    ]);
    assert_ne!(run.code, 0);
    let (code, worst) = told(&sandbox, &WEB);
    let probes: Vec<&str> = worst.iter().map(|(probe, ..)| probe.as_str()).collect();
    assert_eq!(
        (code, probes),
        (2, vec!["identity", "renewal"]),
        "{worst:#?}"
    );
    assert!(worst[0].2.contains("no version yet"), "{worst:#?}");
    // What would fail again is not to be typed yet.
    let (_, worst) = told(&sandbox, &config);
    let says = format!("once what failed is mended, {typed}");
    assert!(worst[0].2.contains(&says), "{worst:#?}");
    sandbox.ok(&["rotate", "--config", "config.toml", "--profile", "web"]);
    assert_eq!(told(&sandbox, &config), (0, vec![]));
    // The link was lost.
    fs::remove_file(sandbox.path("web/current")).unwrap();
    let said = alone(&sandbox, &config, 2, "identity");
    assert!(said.contains("ln -s v0001 "), "{said}");
    std::os::unix::fs::symlink("/etc", sandbox.path("web/current")).unwrap();
    alone(&sandbox, &config, 2, "identity");
}
