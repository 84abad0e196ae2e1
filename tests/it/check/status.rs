//! How identities are shown to people.

use chrono::TimeDelta;
use serde_json::Value;

use super::{ago, edit_state, obtained, profile, rotate, with_identity};
use crate::harness::Sandbox;

fn status(sandbox: &Sandbox, options: &[&str]) -> String {
    sandbox.ok(&[&["status"], options].concat()).stdout
}

fn json(sandbox: &Sandbox, options: &[&str]) -> Value {
    serde_json::from_str(&status(sandbox, &[options, &["--json"]].concat())).unwrap()
}

/// The cells of the row that begins so, which are two blanks apart.
fn row(shown: &str, name: &str) -> Vec<String> {
    let line = shown
        .lines()
        .find(|line| line.trim_start().starts_with(name))
        .unwrap_or_else(|| panic!("{shown}"));
    let cells = line
        .split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty());
    cells.map(str::to_owned).collect()
}

#[test]
fn an_identity_is_shown_without_any_profile() {
    let sandbox = with_identity();
    let shown = status(&sandbox, &["--identity", "web"]);
    assert!(!shown.contains("PROFILE"), "{shown}");
    let web = sandbox.path("web").display().to_string();
    let cells = row(&shown, &web);
    assert_eq!(
        cells[1..5],
        ["healthy", "OK", "v0001", "CN=web-1"],
        "{shown}"
    );
    // Time left is told as by 'windlass check'.
    let left = ["30 days", "29 days"].contains(&cells[5].as_str());
    assert!(left && cells[6].starts_with("in "), "{shown}");
    assert_eq!(cells[7..], ["-", "-", "-"], "{shown}");
    // The members are those of rotate, but for what a run puts right besides.
    let of_status = json(&sandbox, &["--identity", "web"]);
    let of_rotate = rotate(&sandbox, &["--check", "--json"]).stdout;
    let mut of_rotate: Value = serde_json::from_str(&of_rotate).unwrap();
    for besides in ["fixedFiles", "fixedFilesCutShort", "tooOpen", "differs"] {
        assert!(of_rotate.as_object_mut().unwrap().remove(besides).is_some());
    }
    assert_eq!(of_status[0]["rotation"], of_rotate);
    assert_eq!(of_status[0]["profile"], Value::Null);
}

#[test]
fn identities_follow_the_sessions_of_their_profiles() {
    let sandbox = with_identity();
    let plain = "[profile.plain]\ncertificate = \"nowhere.pem\"\nprivate_key = \"nowhere.pem\"\n";
    sandbox.write("config.toml", profile(&sandbox, "web", "") + plain);
    let config = ["--config", "config.toml"];
    let shown = status(&sandbox, &config);
    let (sessions, identities) = shown.split_once("\n\n").unwrap();
    // One that is for the renewal alone has no session that could be unusable.
    assert!(
        sessions.contains("plain") && !sessions.contains("web"),
        "{shown}"
    );
    assert!(
        identities.contains("web") && !identities.contains("plain"),
        "{shown}"
    );
    let shown = json(&sandbox, &config);
    let of = |name: &str| {
        let mut all = shown.as_array().unwrap().iter();
        all.find(|one| one["profile"] == name).unwrap().clone()
    };
    assert_eq!(of("plain")["rotation"], Value::Null);
    assert_eq!(of("plain")["state"], "unusable");
    let web = of("web");
    assert_eq!((&web["state"], &web["error"]), (&Value::Null, &Value::Null));
    assert_eq!(web["rotation"]["urgency"], "healthy");
    assert_eq!(web["rotation"]["version"], "v0001");
    let shown = status(&sandbox, &[&config[..], &["--profile", "web"]].concat());
    assert!(shown.trim_start().starts_with("IDENTITY"), "{shown}");
}

#[test]
fn what_failed_what_is_owed_and_what_comes_next_is_shown() {
    let sandbox = with_identity();
    assert_eq!(
        rotate(&sandbox, &["--force", "--after-hook", "false"]).code,
        1
    );
    sandbox.write("ca/ca.toml", "[profiles.db]\ncn.allow = [\"db-*\"]\n");
    assert_eq!(rotate(&sandbox, &["--force"]).code, 3);
    let shown = status(&sandbox, &["--identity", "web"]);
    let cells = row(&shown, &sandbox.path("web").display().to_string());
    assert_eq!(cells[1..4], ["healthy", "CRITICAL", "v0002"], "{shown}");
    assert!(cells[7].starts_with("in "), "{shown}");
    assert!(
        cells[8].contains(" ago: ") && cells[8].contains("cn.allow"),
        "{shown}"
    );
    assert_eq!(cells[9], "1", "{shown}");
    // What is due, at the next run.
    obtained(&sandbox, 65);
    edit_state(&sandbox, |state| {
        state["failures"] = Value::Null;
        state["lastFailure"] = Value::Null;
    });
    let shown = status(&sandbox, &["--identity", "web"]);
    let cells = row(&shown, &sandbox.path("web").display().to_string());
    assert_eq!(
        (cells[1].as_str(), cells[7].as_str()),
        ("due", "at the next run"),
        "{shown}"
    );
    assert!(cells[6].starts_with("since "), "{shown}");
}

#[test]
fn after_the_end_it_says_since_when_and_what_to_type() {
    let sandbox = with_identity();
    obtained(&sandbox, 60);
    edit_state(&sandbox, |state| {
        state["inForce"]["issuerNotAfter"] = ago(TimeDelta::days(3));
    });
    sandbox.write(
        "config.toml",
        profile(&sandbox, "web", "") + &profile(&sandbox, "db", ""),
    );
    let shown = status(&sandbox, &["--config", "config.toml"]);
    let line = |begin: &str| shown.lines().find(|line| line.starts_with(begin)).unwrap();
    let of_web = line("CRITICAL web certificate: ");
    assert!(
        of_web.contains("expired 3 days ago, on ")
            && of_web.ends_with("'windlass rotate --config config.toml --profile web' renews it"),
        "{shown}"
    );
    assert!(
        line("CRITICAL db identity: ").contains("--profile db' renews it"),
        "{shown}"
    );
    assert_eq!(
        row(&shown, "web ")[1..3],
        ["expired", "CRITICAL"],
        "{shown}"
    );
    assert_eq!(
        row(&shown, "db ")[1..3],
        ["unusable", "CRITICAL"],
        "{shown}"
    );
    // A state that cannot be used hides nothing else.
    sandbox.write("web/state.json", "{");
    let shown = status(&sandbox, &["--identity", "web"]);
    assert!(
        shown.contains("CN=web-1") && shown.contains("state.json cannot be used"),
        "{shown}"
    );
    let shown = json(&sandbox, &["--identity", "web"]);
    assert_eq!(shown[0]["rotation"]["version"], "v0001");
    assert!(
        shown[0]["rotation"]["error"]
            .as_str()
            .unwrap()
            .contains("state.json")
    );
    let shown = json(&sandbox, &["--identity", "nowhere"]);
    assert!(
        shown[0]["rotation"]["error"]
            .as_str()
            .unwrap()
            .contains("cannot be read")
    );
}

/// One judgement in two forms: what a monitor is told, people are shown.
#[test]
fn what_check_finds_is_shown() {
    let sandbox = with_identity();
    sandbox.write("web/current/cert.pem", sandbox.read("ca/trust-anchor.pem"));
    super::set_mode(&sandbox, "web", 0o770);
    let run = sandbox.run(&["check", "--identity", "web"]);
    assert_eq!(run.code, 2, "{run:#?}");
    let shown = status(&sandbox, &["--identity", "web"]);
    for line in run
        .stdout
        .lines()
        .skip(1)
        .filter(|line| !line.starts_with("OK "))
    {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let of_check = sandbox.run(&["check", "--identity", "web", "--json"]);
    let of_check: Value = serde_json::from_str(&of_check.stdout).unwrap();
    let of_status = &json(&sandbox, &["--identity", "web"])[0]["check"];
    assert_eq!(of_status["level"], of_check["level"]);
    let probes = |shown: &Value| -> Vec<(Value, Value)> {
        let findings = shown["findings"].as_array().unwrap().iter();
        findings
            .map(|one| (one["probe"].clone(), one["level"].clone()))
            .collect()
    };
    assert_eq!(probes(of_status), probes(&of_check));
}

/// It has failed each time, and there is nothing in force.
#[test]
fn an_identity_without_any_version_shows_what_failed() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("ca/ca.toml", "[profiles.db]\ncn.allow = [\"db-*\"]\n");
    assert_eq!(rotate(&sandbox, &[]).code, 3);
    let shown = status(&sandbox, &["--identity", "web"]);
    let cells = row(&shown, &sandbox.path("web").display().to_string());
    assert_eq!(cells[1..4], ["none", "CRITICAL", "-"], "{shown}");
    assert!(cells[8].contains("cn.allow"), "{shown}");
    assert!(!shown.contains("expired"), "{shown}");
    assert!(
        shown.contains("\nCRITICAL ") && shown.contains(" renewal: the renewal was refused"),
        "{shown}"
    );
    assert_eq!(
        json(&sandbox, &["--identity", "web"])[0]["rotation"]["failures"],
        1
    );
}
