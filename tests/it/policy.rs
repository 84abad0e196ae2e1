//! The policy in a CA's directory: what is refused is in the log, a change of
//! policy is, and limits hold however many processes ask at once.

use crate::harness::{Run, Sandbox};
use crate::issuer::openssl;

fn issue(sandbox: &Sandbox, name: &str, options: &[&str]) -> Run {
    let fixed = ["ca", "issue", "--dir", "ca", "--cn", name, "--out", name];
    let secret = ["--passphrase-file", "passphrase"];
    sandbox.run(&[&fixed[..], &secret, options].concat())
}

/// Action and detail of the log's entries of these actions.
fn logged(sandbox: &Sandbox, actions: &str) -> Vec<(String, serde_json::Value)> {
    let database = rusqlite::Connection::open(sandbox.path("ca/inventory.db")).unwrap();
    let mut statement = database
        .prepare("SELECT action, detail FROM audit WHERE instr(?1, action) ORDER BY sequence")
        .unwrap();
    let rows = statement.query_map([actions], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.unwrap()
        .map(|row: rusqlite::Result<(String, String)>| row.unwrap())
        .map(|(action, detail)| (action, serde_json::from_str(&detail).unwrap()))
        .collect()
}

fn count(sandbox: &Sandbox) -> usize {
    let listed = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]).stdout;
    listed.matches("serialNumber").count() - 2
}

/// Makes a request with OpenSSL.
fn request_of(sandbox: &Sandbox, key: &[&str], name: &str, out: &str) {
    let subject = format!("/CN={name}");
    let fixed = ["req", "-new", "-nodes", "-subj", &subject, "-out", out];
    openssl(sandbox, &[&fixed[..], key].concat());
}

#[test]
fn a_policy_is_checked_by_its_ca_or_its_file() {
    let sandbox = Sandbox::new();
    let run = sandbox.run(&["ca", "policy", "check"]);
    assert_eq!(run.code, 2, "{run:#?}");
    for option in ["--dir <DIR>", "--file <FILE>"] {
        assert!(run.stderr.contains(option), "{run:#?}");
    }
    sandbox.write("new.toml", "[profiles.web]\n");
    sandbox.ok(&["ca", "policy", "check", "--file", "new.toml"]);
    sandbox.ca(&[]);
    sandbox.ok(&["ca", "policy", "check", "--file", "new.toml", "--dir", "ca"]);
}

#[test]
fn what_a_hint_says_can_be_typed_as_it_stands() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    std::fs::rename(sandbox.path("ca"), sandbox.path("my ca")).unwrap();
    sandbox.write("my ca/ca.toml", "[profiles.web]\ncn.allow = ['web-*']\n");
    let dry = ["ca", "issue", "--cn", "db", "--dry-run"];
    let typed = sandbox.run(&[&dry[..], &["--dir", "my ca"]].concat());
    assert_eq!(typed.code, 3, "{typed:#?}");
    let hint = typed
        .stderr
        .lines()
        .find(|line| line.starts_with("hint: "))
        .unwrap();
    let shown = "windlass ca policy show --dir 'my ca'";
    assert!(hint.contains(shown), "{hint}");
    let words = shlex::split(shown).unwrap();
    let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    sandbox.ok(&words);
    // Whoever has the variable types nothing of it.
    let mut command = sandbox.command();
    command.args(dry).env("WINDLASS_CA_DIR", "my ca");
    let set = sandbox.finish(command);
    assert!(set.stderr.contains("'windlass ca policy show'"), "{set:#?}");
    // So it is with warnings, and with what is printed.
    let status = ["ca", "rollover", "cancel", "--dir", "my ca"];
    let run = sandbox.run(&status);
    for verb in ["prepare", "status"] {
        let command = format!("windlass ca rollover {verb} --dir 'my ca'");
        assert!(run.stderr.contains(&command), "{run:#?}");
    }
}

#[test]
fn everything_that_is_refused_is_told_at_once() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let rules = "cn.allow = ['web-*']\ndns.deny = ['.example.com']\nmax_days = 7\n";
    sandbox.write(
        "ca/ca.toml",
        format!("[profiles.web]\n{rules}per_day = 1\nvalid = 1\n"),
    );
    let names = ["--san", "a.example.com", "--san", "b.example.com"];
    let asked = [&names[..], &["--days", "8"]].concat();
    let dry = [
        "ca",
        "issue",
        "--dir",
        "ca",
        "--cn",
        "db-1",
        "--dry-run",
        "--json",
    ];
    let foretold = sandbox.run(&[&dry[..], &asked].concat());
    assert_eq!(foretold.code, 3);
    let shown: serde_json::Value = serde_json::from_str(&foretold.stdout).unwrap();
    assert_eq!(
        (&shown["dryRun"], &shown["allowed"]),
        (&true.into(), &false.into())
    );
    let rules_of = |value: &serde_json::Value| -> Vec<String> {
        let refusals = value["refusals"].as_array().unwrap();
        let rule = |refusal: &serde_json::Value| refusal["rule"].as_str().unwrap().to_owned();
        refusals.iter().map(rule).collect()
    };
    let all =
        ["cn.allow", "dns.deny", "dns.deny", "max_days"].map(|rule| format!("profiles.web.{rule}"));
    assert_eq!(rules_of(&shown), all);
    assert_eq!(shown["refusals"][1]["asked"], "the name DNS:a.example.com");
    // The log has the rules of a certificate that was really asked for.
    let run = issue(&sandbox, "db-1", &asked);
    assert_eq!(run.code, 3);
    for name in ["'db-1'", "DNS:a.example.com", "DNS:b.example.com", "8 days"] {
        assert!(
            run.stderr.lines().next().unwrap().contains(name),
            "{run:#?}"
        );
    }
    let entry = logged(&sandbox, "refuse").remove(0).1;
    assert_eq!(entry["rules"], serde_json::json!([all[0], all[1], all[3]]));
    // So does a request, and a row of a batch.
    request_of(
        &sandbox,
        &[
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-keyout",
            "k.pem",
        ],
        "db-2",
        "r.pem",
    );
    let sign = [
        "ca",
        "sign",
        "--dir",
        "ca",
        "--csr",
        "r.pem",
        "--dry-run",
        "--json",
    ];
    let foretold = sandbox.run(&[&sign[..], &asked].concat());
    let shown: serde_json::Value = serde_json::from_str(&foretold.stdout).unwrap();
    assert_eq!((foretold.code, rules_of(&shown)), (3, all.to_vec()));
    sandbox.write(
        "rows",
        "id,cn,san,days\na,db-3,a.example.com;b.example.com,8\n",
    );
    let batch = [
        "ca",
        "issue",
        "--dir",
        "ca",
        "--batch",
        "rows",
        "--dry-run",
        "--json",
        "--out",
        "out",
    ];
    let foretold = sandbox.run(&batch);
    let shown: serde_json::Value = serde_json::from_str(&foretold.stdout).unwrap();
    assert_eq!((foretold.code, rules_of(&shown)), (3, all.to_vec()));
    // And so are the limits, of which each is counted.
    assert_eq!(issue(&sandbox, "web-1", &["--days", "7"]).code, 0);
    let dry = [
        "ca",
        "issue",
        "--dir",
        "ca",
        "--cn",
        "web-2",
        "--days",
        "7",
        "--dry-run",
        "--json",
    ];
    let shown: serde_json::Value = serde_json::from_str(&sandbox.run(&dry).stdout).unwrap();
    assert_eq!(
        rules_of(&shown),
        ["profiles.web.per_day", "profiles.web.valid"]
    );
    // A key that is not certified is no other refusal for programs.
    sandbox.ok(&[
        "ca",
        "revoke",
        "--dir",
        "ca",
        "--cn",
        "web-1",
        "--reason",
        "keyCompromise",
    ]);
    request_of(&sandbox, &["-key", "web-1/key.pem"], "web-3", "again.pem");
    sandbox.write("ca/ca.toml", "[profiles.web]\n");
    let sign = [
        "ca",
        "sign",
        "--dir",
        "ca",
        "--csr",
        "again.pem",
        "--dry-run",
        "--json",
    ];
    let shown: serde_json::Value = serde_json::from_str(&sandbox.run(&sign).stdout).unwrap();
    assert_eq!(rules_of(&shown), ["key"]);
}

#[test]
fn a_refusal_names_the_rule_and_is_in_the_log_and_nothing_was_issued() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write(
        "ca/ca.toml",
        "[profiles.web]\ncn.allow = ['web-*']\nmax_days = 7\n",
    );
    let run = issue(&sandbox, "db-1", &["--san", "a.example.com"]);
    assert_eq!(run.code, 3);
    assert_eq!(
        run.stderr.lines().next().unwrap(),
        "error: the policy refuses the common name 'db-1': profiles.web.cn.allow does not list it"
    );
    let run = issue(&sandbox, "web-1", &["--days", "8"]);
    assert_eq!(run.code, 3);
    assert_eq!(count(&sandbox), 0);
    assert!(!sandbox.path("db-1").exists() && !sandbox.path("web-1").exists());
    let refusals = logged(&sandbox, "refuse");
    assert_eq!(refusals.len(), 2);
    assert_eq!(refusals[0].1["rule"], "profiles.web.cn.allow");
    assert_eq!(refusals[0].1["subject"], "CN=db-1");
    assert_eq!(
        refusals[0].1["subjectAlternativeNames"][0],
        "DNS:a.example.com"
    );
    assert_eq!(refusals[1].1["rule"], "profiles.web.max_days");
    // A dry run says the same and writes nothing.
    let dry = ["ca", "issue", "--dir", "ca", "--cn", "db-1", "--dry-run"];
    assert_eq!(sandbox.run(&dry).code, 3);
    assert_eq!(logged(&sandbox, "refuse").len(), 2);
    assert_eq!(issue(&sandbox, "web-1", &[]).code, 0);
}

/// Whoever calls this tells a refusal, which no repetition mends, from a typing
/// mistake.
#[test]
fn every_refusal_ends_with_the_code_of_refusals() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let request = |name: &str, options: &[&str]| {
        let (key, csr) = (format!("{name}.key"), format!("{name}.csr"));
        let subject = format!("/CN={name}");
        let fixed = [
            "req", "-new", "-nodes", "-keyout", &key, "-out", &csr, "-subj", &subject,
        ];
        openssl(&sandbox, &[&fixed[..], options].concat());
    };
    let curve = |name| ["-newkey", "ec", "-pkeyopt", name];
    request("web-csr", &curve("ec_paramgen_curve:P-256"));
    request("web-384", &curve("ec_paramgen_curve:P-384"));
    request("db-csr", &curve("ec_paramgen_curve:P-256"));
    let secret = ["--passphrase-file", "passphrase"];
    let signed = |csr: &str, out: &str| {
        let fixed = ["ca", "sign", "--dir", "ca", "--csr", csr, "--out", out];
        sandbox.run(&[&fixed[..], &secret].concat())
    };
    assert_eq!(signed("web-csr.csr", "compromised").code, 0);
    let revoke = ["ca", "revoke", "--dir", "ca", "--cn", "web-csr"];
    sandbox.ok(&[&revoke[..], &["--reason", "keyCompromise"]].concat());
    assert_eq!(issue(&sandbox, "web-limit", &["--days", "1"]).code, 0);
    sandbox.write(
        "ca/ca.toml",
        "default = 'web'\n[profiles.web]\ncn.allow = ['web-*']\nkeys.allow = ['p256']\n\
         [profiles.few]\nvalid = 0\n",
    );
    sandbox.write("refused", "id,cn\na,db-a\nb,db-b\n");
    sandbox.write("mixed", "id,cn\na,db-a\nb,web(b)\n");
    sandbox.write("mistyped", "id,cn\na,web(a)\nb,web(b)\n");
    let issued = |options: &[&str]| {
        let fixed = ["ca", "issue", "--dir", "ca", "--out", "out"];
        sandbox.run(&[&fixed[..], &secret, options].concat())
    };
    let batch = |file, options: &[&str]| issued(&[&["--batch", file], options].concat());
    for (what, run, code) in [
        ("a name", issued(&["--cn", "db-1"]), 3),
        (
            "a type of key",
            issued(&["--cn", "web-1", "--key-type", "rsa2048"]),
            3,
        ),
        ("a limit", issued(&["--cn", "web-1", "--profile", "few"]), 3),
        (
            "a limit, foreseen",
            issued(&["--cn", "x", "--profile", "few", "--dry-run"]),
            3,
        ),
        ("a dry run", issued(&["--cn", "db-1", "--dry-run"]), 3),
        ("a requested name", signed("db-csr.csr", "x"), 3),
        ("a requested key's type", signed("web-384.csr", "x"), 3),
        ("a compromised key", signed("web-csr.csr", "x"), 3),
        ("rows", batch("refused", &[]), 3),
        ("rows beside others", batch("refused", &["--keep-going"]), 3),
        ("rows, foreseen", batch("refused", &["--dry-run"]), 3),
        (
            "rows of several kinds",
            batch("mixed", &["--keep-going"]),
            1,
        ),
        (
            "rows of several kinds, foreseen",
            batch("mixed", &["--dry-run"]),
            1,
        ),
        (
            "rows that say nothing sensible",
            batch("mistyped", &["--keep-going"]),
            2,
        ),
        (
            "a profile that is not there",
            issued(&["--cn", "web-1", "--profile", "no"]),
            2,
        ),
        ("a name that is none", issued(&["--cn", "web(1)"]), 2),
    ] {
        assert_eq!(run.code, code, "{what}: {run:#?}");
        assert!(
            run.stderr.contains("\nhint: ") || code == 2,
            "{what}: {run:#?}"
        );
    }
    assert!(!sandbox.path("x").exists() && !sandbox.path("out/a").exists());
}

#[test]
fn a_change_of_policy_is_in_the_log_with_the_next_certificate() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let issued = |name: &str| assert_eq!(issue(&sandbox, name, &[]).code, 0, "{name}");
    issued("a");
    assert!(logged(&sandbox, "policy").is_empty());
    sandbox.write("ca/ca.toml", "[profiles.web]\n");
    issued("b");
    issued("c");
    sandbox.write("ca/ca.toml", "[profiles.web]\n[profiles.db]\n");
    // Several profiles and none of them the default.
    assert_eq!(issue(&sandbox, "d", &[]).code, 2);
    assert_eq!(issue(&sandbox, "d", &["--profile", "dbs"]).code, 2);
    assert_eq!(issue(&sandbox, "d", &["--profile", "db"]).code, 0);
    std::fs::remove_file(sandbox.path("ca/ca.toml")).unwrap();
    issued("e");
    issued("f");
    let entries = logged(&sandbox, "policy issue");
    let words: Vec<&str> = entries.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(
        // Root and issuing CA, a | b, c | d | e, f.
        words,
        [
            "issue", "issue", "issue", "policy", "issue", "issue", "policy", "issue", "policy",
            "issue", "issue"
        ]
    );
    assert_eq!(entries[3].1["digestBefore"], serde_json::Value::Null);
    assert_eq!(entries[6].1["digestBefore"], entries[3].1["digestSha256"]);
    assert_eq!(entries[6].1["profiles"], serde_json::json!(["web", "db"]));
    assert_eq!(entries[8].1["digestSha256"], serde_json::Value::Null);
    assert_eq!(entries[7].1["profile"], "db");
}

#[test]
fn a_file_that_others_can_write_or_that_is_damaged_stops_everything() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("ca/ca.toml", "[profiles.web]\ncn.alow = ['web-*']\n");
    let run = issue(&sandbox, "a", &[]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr
            .contains("ca.toml, line 2: 'cn.alow' is no rule; did you mean 'allow'?"),
        "{run:#?}"
    );
    sandbox.write("ca/ca.toml", "[profiles.web]\n");
    let open = std::fs::Permissions::from_mode(0o620);
    std::fs::set_permissions(sandbox.path("ca/ca.toml"), open).unwrap();
    let run = issue(&sandbox, "a", &[]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("can be written by others (mode 0620)"),
        "{run:#?}"
    );
    // A link to what is not mounted, say, is no word that everything is allowed.
    std::fs::remove_file(sandbox.path("ca/ca.toml")).unwrap();
    std::os::unix::fs::symlink("/not/mounted/ca.toml", sandbox.path("ca/ca.toml")).unwrap();
    let run = issue(&sandbox, "a", &[]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stderr.contains("ca.toml cannot be read"), "{run:#?}");
    assert_eq!(count(&sandbox), 0);
}

#[test]
fn what_is_in_force_can_be_looked_at() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let show = ["ca", "policy", "show", "--dir", "ca"];
    assert!(sandbox.ok(&show).stdout.starts_with("the built-in rules"));
    let rules = "default = 'web'\n[profiles.db]\n[profiles.web]\ncn.allow = ['web-*', 'w']\n\
                 dns.wildcards = false\nip.deny = ['10.0.0.0/8']\nmax_days = 7\nvalid = 5\n";
    sandbox.write("ca/ca.toml", rules);
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("policy_show", sandbox.ok(&show).stdout);
        let json = sandbox.ok(&[&show[..], &["--json"]].concat()).stdout;
        insta::assert_snapshot!("policy_show_json", json);
    });
    let check = sandbox.ok(&["ca", "policy", "check", "--dir", "ca"]).stdout;
    assert_eq!(check, "ca/ca.toml is a policy with 2 profiles: db, web\n");
}

/// Eight processes want the last certificates of a limit: exactly as many get
/// one as it says.
#[test]
fn racing_processes_cannot_pass_a_limit() {
    for (rule, most) in [("per_day = 3", 3), ("valid = 5", 5)] {
        let sandbox = Sandbox::new();
        sandbox.ca(&[]);
        sandbox.write("ca/ca.toml", format!("[profiles.web]\n{rule}\n"));
        let codes: Vec<i32> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8)
                .map(|number| {
                    let sandbox = &sandbox;
                    scope.spawn(move || issue(sandbox, &format!("web-{number}"), &[]).code)
                })
                .collect();
            racers
                .into_iter()
                .map(|racer| racer.join().unwrap())
                .collect()
        });
        let granted = codes.iter().filter(|code| **code == 0).count();
        let refused = codes.iter().filter(|code| **code == 3).count();
        assert_eq!((granted, refused), (most, 8 - most), "{rule}: {codes:?}");
        assert_eq!(count(&sandbox), most, "{rule}");
        assert_eq!(logged(&sandbox, "refuse").len(), 8 - most, "{rule}");
    }
}

/// As long as every certificate has its full life nothing is said.
#[test]
fn a_ca_that_ends_sooner_than_what_it_issues_says_so_once() {
    let sandbox = Sandbox::new();
    sandbox.ca(&["--issuing-years", "1"]);
    let policy = |days| format!("[profiles.web]\ncn.allow = ['web-*']\nmax_days = {days}\n");
    for (name, days, said) in [("web-1", 360, 0), ("web-2", 370, 1)] {
        sandbox.write("ca/ca.toml", policy(days));
        let run = issue(&sandbox, name, &[]);
        assert_eq!(run.code, 0, "{run:#?}");
        let warned = run
            .stderr
            .matches("warning: the CA itself ends on ")
            .count();
        assert_eq!(warned, said, "{run:#?}");
        assert_eq!(run.stderr.lines().count(), said, "{run:#?}");
        // A list is made of nothing, of which it warns too.
        let list = || {
            sandbox.ok(&[
                "ca",
                "crl",
                "--dir",
                "ca",
                "--passphrase-file",
                "passphrase",
            ])
        };
        let told = list().stderr;
        let warned = told.matches("warning: the CA itself ends on ").count();
        assert_eq!(warned, said, "{told}");
        assert_eq!(told.lines().count(), said + 1, "{told}");
        // Whatever the policy says, who must revoke can.
        sandbox.write("ca/ca.toml", "nonsense");
        assert!(!list().stderr.contains("ends on"));
    }
}

#[test]
fn a_policy_that_cannot_be_meant_is_doubted() {
    let sandbox = Sandbox::new();
    let check = ["ca", "policy", "check", "--file", "new.toml"];
    sandbox.write(
        "new.toml",
        "[profiles.a]\ncn.allow = ['^web-.*$', 'web-*']\nper_day = 0\n[profiles.b]\nou.deny = ['Ops *']\n",
    );
    let run = sandbox.ok(&check);
    assert_eq!(run.stderr.matches("warning: ").count(), 3, "{run:#?}");
    assert!(
        run.stderr
            .contains("no default: every request has to name one"),
        "{run:#?}"
    );
    assert!(
        run.stderr.contains("'^web-.*$' matches nothing"),
        "{run:#?}"
    );
    assert!(run.stderr.contains("profiles.a.per_day is 0"), "{run:#?}");
    sandbox.write("new.toml", "[profiles.a]\ncn.allw = ['web-*']\n");
    let run = sandbox.run(&check);
    assert_eq!(run.code, 2);
    assert!(!run.stderr.contains("policy check --file"), "{run:#?}");
}

#[test]
fn a_wildcard_is_refused_with_the_name_that_it_would_cover() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write(
        "ca/ca.toml",
        "[profiles.web]\ndns.deny = ['admin.example.com']\n",
    );
    let run = issue(&sandbox, "web-1", &["--san", "*.example.com"]);
    assert_eq!(run.code, 3);
    let says = "profiles.web.dns.deny lists admin.example.com, which it would cover";
    assert!(run.stderr.contains(says), "{run:#?}");
}

/// Letters that look like those that are denied.
#[test]
fn names_that_are_ruled_are_ascii_unless_the_policy_says_otherwise() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let rules = "[profiles.web]\ncn.deny = ['admin']\n";
    sandbox.write("ca/ca.toml", rules);
    // A Cyrillic a, and fullwidth letters.
    for name in ["\u{430}dmin", "\u{ff41}dmin"] {
        let run = issue(&sandbox, name, &["--dry-run"]);
        assert_eq!(run.code, 3, "{run:#?}");
        assert!(run.stderr.contains("profiles.web.cn.unicode"), "{run:#?}");
    }
    sandbox.write("ca/ca.toml", format!("{rules}cn.unicode = true\n"));
    assert_eq!(issue(&sandbox, "Z\u{fc}rich", &["--dry-run"]).code, 0);
    sandbox.write("ca/ca.toml", "[profiles.web]\n");
    assert_eq!(issue(&sandbox, "Z\u{fc}rich", &["--dry-run"]).code, 0);
}

/// Whoever finds an issuer by its name would find a workload.
#[test]
fn no_workload_has_the_name_of_the_ca() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let whole = ["--organization", "Example Corp"];
    for name in ["Example Corp Issuing CA", "Example Corp Root CA"] {
        let run = issue(&sandbox, name, &whole);
        assert_eq!(run.code, 3, "{run:#?}");
        assert!(
            run.stderr.contains("the CA's own names have it already"),
            "{run:#?}"
        );
    }
    assert_eq!(count(&sandbox), 0);
    let refusals = logged(&sandbox, "'refuse'");
    assert_eq!(refusals.len(), 2, "{refusals:?}");
    let run = issue(&sandbox, "Example Corp Issuing CA", &[]);
    assert_eq!(run.code, 0, "{run:#?}");
}

#[test]
fn nothing_is_delivered_into_the_directory_of_the_ca() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    std::os::unix::fs::symlink(sandbox.path("ca"), sandbox.path("link")).unwrap();
    sandbox.write("rows", "id,cn\na,web-a\n");
    let secret = ["--passphrase-file", "passphrase"];
    for out in ["ca/web", "ca", "link/new/web", "./ca/../ca/x"] {
        for first in [
            &["ca", "issue", "--dir", "ca", "--cn", "a", "--out", out][..],
            &[
                "ca", "issue", "--dir", "ca", "--batch", "rows", "--out", out,
            ],
            &["ca", "backup", "--dir", "ca", "--out", out],
            &["ca", "report", "--dir", "ca", "--html", out],
            &["ca", "export", "--dir", "ca", "--csv", out],
            &["ca", "audit", "export", "--dir", "ca", "--out", out],
            &["ca", "audit", "checkpoint", "--dir", "ca", "--out", out],
        ] {
            let secret = if first[1] == "issue" {
                &secret[..]
            } else {
                &[]
            };
            let run = sandbox.run(&[first, secret].concat());
            assert_eq!(run.code, 2, "{out} {run:#?}");
            assert!(
                run.stderr.contains("is inside of the directory of the CA"),
                "{out} {run:#?}"
            );
        }
    }
    assert_eq!(count(&sandbox), 0);
}

#[test]
fn a_passphrase_that_others_can_read_is_told_and_one_that_they_can_write_refused() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    for (mode, code) in [(0o600, 0), (0o644, 0), (0o660, 2)] {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(sandbox.path("passphrase"), permissions).unwrap();
        let run = issue(&sandbox, &format!("web-{mode}"), &[]);
        assert_eq!(run.code, code, "{run:#?}");
        let warned = run
            .stderr
            .contains("others can read the passphrase in passphrase (mode 0644)");
        assert_eq!(warned, mode == 0o644, "{run:#?}");
    }
}
