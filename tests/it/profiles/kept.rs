//! Which profiles lead to the sessions that the cache has.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{FILE, Host, granted};

#[test]
fn kept_sessions_are_listed_with_the_profiles_that_lead_to_them() {
    let host = Host::new("");
    let longer = format!("{}session_duration = 7200\n", host.profile("longer"));
    let elsewhere = format!("{}cache_dir = '~/elsewhere'\n", host.profile("elsewhere"));
    let uncached = format!("{}no_cache = true\n", host.profile("uncached"));
    // One that cannot be used keeps nobody from the list.
    let broken = "[profile.broken]\nrole_arn = 'x'\n";
    host.write(&format!(
        "{}{}{longer}{elsewhere}{uncached}{broken}",
        host.profile("backup"),
        host.profile("twin")
    ));
    for name in ["backup", "longer"] {
        let mut command = host.sandbox().command();
        command.args(["credential-process", "--profile", name]);
        granted(&host.sandbox().finish(command));
    }
    let list = || {
        let run = host.sandbox().ok(&["cache", "list", "--json"]);
        assert_eq!(run.stderr, "");
        let listed: Value = serde_json::from_str(&run.stdout).unwrap();
        let entries = listed.as_array().unwrap().iter();
        let named = entries.map(|entry| (entry["profiles"].to_string(), entry["isValid"].clone()));
        named.collect::<BTreeMap<_, _>>()
    };
    let expected = [
        (json!(["backup", "twin"]).to_string(), json!(true)),
        (json!(["longer"]).to_string(), json!(true)),
    ];
    assert_eq!(list(), BTreeMap::from(expected));
    let table = host.sandbox().ok(&["cache", "list"]).stdout;
    assert!(
        table.starts_with("PROFILE") || table.starts_with(" PROFILE"),
        "{table}"
    );
    assert!(table.contains("backup, twin"), "{table}");
    // The certificate is not read for it: the session of one that is gone is
    // listed.
    std::fs::remove_file(host.sandbox().path("fullchain.pem")).unwrap();
    assert_eq!(list().len(), 2);
    // Without the file they are nobody's.
    std::fs::rename(host.sandbox().path(FILE), host.sandbox().path("moved.toml")).unwrap();
    assert_eq!(list(), BTreeMap::from([("[]".to_owned(), json!(true))]));
    let mut command = host.sandbox().command();
    command
        .args(["cache", "list"])
        .env("WINDLASS_CONFIG", "moved.toml");
    let run = host.sandbox().finish(command);
    assert!(run.stdout.contains("longer"), "{run:#?}");
}

/// A name may be any text in TOML.
#[test]
fn a_name_of_a_profile_makes_no_line_and_moves_no_cursor() {
    let host = Host::new("");
    let section = host.profile("backup");
    let section = section.replace("profile.backup", r#"profile."a\u001b[2J\nb""#);
    assert!(section.contains("u001b"), "{section}");
    host.write(&section);
    let run = host.sandbox().ok(&["status"]);
    assert_eq!(run.stdout.lines().count(), 2, "{run:#?}");
    assert!(run.stdout.contains(r"a\u{1b}[2J\nb"), "{run:#?}");
}
