//! The rules of Roles Anywhere with files about AWS's side: which cause it is, and
//! what cannot be told.

use serde_json::{Value, json};

use super::{Host, Told};
use crate::harness::{Sandbox, testdata};

const POLICY: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"Service": "rolesanywhere.amazonaws.com"},
    "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]}]}"#;

impl Host {
    /// Writes what the AWS CLI prints of the host's trust anchor, profile, role and
    /// revocation lists, changed as asked, and gives the options that name the files.
    pub(super) fn files(&self, change: &dyn Fn(&mut Value)) -> Vec<String> {
        let emulator = &self.emulator;
        let policy: Value = serde_json::from_str(POLICY).unwrap();
        let mut all = json!({
            "trustAnchor": {
                "trustAnchorArn": emulator.trust_anchor_arn,
                "enabled": true,
                "source": {
                    "sourceType": "CERTIFICATE_BUNDLE",
                    "sourceData": {"x509CertificateData": self.sandbox.read("ca/trust-anchor.pem")},
                },
            },
            "profile": {
                "profileArn": emulator.profile_arn,
                "enabled": true,
                "durationSeconds": 3600,
                "roleArns": [emulator.role_arn],
                "attributeMappings": [
                    {"certificateField": "x509Subject", "mappingRules": [{"specifier": "*"}]},
                    {"certificateField": "x509Issuer", "mappingRules": [{"specifier": "*"}]},
                ],
            },
            "Role": {
                "Arn": emulator.role_arn,
                "MaxSessionDuration": 3600,
                "AssumeRolePolicyDocument": policy,
            },
            "crls": [],
        });
        change(&mut all);
        let mut options = Vec::new();
        for (option, name) in [
            ("--trust-anchor-file", "trustAnchor"),
            ("--profile-file", "profile"),
            ("--role-file", "Role"),
            ("--crl-file", "crls"),
        ] {
            let file = format!("{name}.json");
            self.sandbox
                .write(&file, json!({ name: all[name] }).to_string());
            options.extend([option.to_owned(), file]);
        }
        options
    }

    /// Judges with those files at this moment, without AWS.
    pub(super) fn judged(&self, changes: &[(&str, &str)], change: &dyn Fn(&mut Value)) -> Told {
        let files = self.files(change);
        let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let mut more: Vec<&str> = files.iter().map(String::as_str).collect();
        more.extend(["--at", &now]);
        self.doctor(changes, &more)
    }

    /// The same, asking AWS.
    fn asked(&self, changes: &[(&str, &str)], change: &dyn Fn(&mut Value)) -> Told {
        let files = self.files(change);
        let more: Vec<&str> = files.iter().map(String::as_str).collect();
        self.doctor(changes, &more)
    }
}

/// The verdict on a rule.
fn verdict<'t>(told: &'t Told, id: &str) -> &'t str {
    let rules = told.json["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["id"] == id);
    rule.unwrap_or_else(|| panic!("{id}"))["verdict"]
        .as_str()
        .unwrap()
}

#[test]
fn with_everything_known_it_would_be_granted() {
    let host = Host::new(&[]);
    let told = host.judged(&[], &|_| {});
    assert_eq!(told.code, 0, "{told:#?}");
    assert_eq!(told.json["verdict"], "would be granted");
    let rules = told.json["rules"].as_array().unwrap();
    assert!(rules.len() > 50 && rules.iter().all(|rule| rule["verdict"] == "pass"));
}

#[test]
fn what_is_not_known_is_no_pass_and_says_how_to_get_it() {
    let host = Host::new(&[]);
    let told = host.doctor(&[], &["--offline"]);
    assert_eq!(told.code, 6, "{told:#?}");
    assert_eq!(told.json["verdict"], "cannot be told");
    for rule in [
        "chain-to-anchor",
        "profile-disabled",
        "action-tag-session",
        "revoked",
        "clock-skew",
    ] {
        assert_eq!(verdict(&told, rule), "unknown", "{rule}");
    }
    let text = told.json["findings"].to_string();
    let id = |arn: &str| arn.rsplit('/').next().unwrap().to_owned();
    for command in [
        format!(
            "get-trust-anchor --region us-east-1 --trust-anchor-id {}",
            id(&host.emulator.trust_anchor_arn)
        ),
        format!(
            "get-profile --region us-east-1 --profile-id {}",
            id(&host.emulator.profile_arn)
        ),
        "aws iam get-role --role-name emulated-role".to_owned(),
        "aws rolesanywhere list-crls --region us-east-1".to_owned(),
        "without --offline".to_owned(),
    ] {
        assert!(text.contains(&command), "{command}: {told:#?}");
    }
}

#[test]
fn each_cause_is_told_before_aws_is_asked() {
    let host = Host::new(&[]);
    let other = Sandbox::new();
    other.ca(&[]);
    let foreign = other.read("ca/trust-anchor.pem");
    host.judged(&[("--certificate", "web-1/cert.pem")], &|_| {})
        .blames("intermediates-missing", "certain", "Issuing CA");
    host.judged(&[], &|all| {
        all["trustAnchor"]["source"]["sourceData"]["x509CertificateData"] = foreign.clone().into();
    })
    .blames("chain-to-anchor", "certain", "");
    host.judged(&[], &|all| all["trustAnchor"]["enabled"] = false.into())
        .blames("anchor-disabled", "certain", "disabled");
    host.judged(&[], &|all| all["profile"]["enabled"] = false.into())
        .blames("profile-disabled", "certain", "disabled");
    host.judged(&[], &|all| {
        all["profile"]["roleArns"] = json!(["arn:aws:iam::123456789012:role/x"])
    })
    .blames("role-not-in-profile", "certain", "");
    host.judged(&[("--role-session-name", "nightly")], &|_| {})
        .blames(
            "session-name-not-accepted",
            "certain",
            "acceptRoleSessionName",
        );
    host.judged(&[("--session-duration", "7200")], &|all| {
        all["profile"]["durationSeconds"] = 43200.into();
    })
    .blames("duration-role-maximum", "certain", "7200");
    host.judged(&[], &|all| {
        all["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Action"] =
            json!(["sts:AssumeRole", "sts:SetSourceIdentity"]);
    })
    .blames("action-tag-session", "certain", "sts:TagSession");
    host.judged(&[], &|all| {
        all["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] =
            json!({"Service": "ec2.amazonaws.com"});
    })
    .blames("trust-policy-principal", "certain", "");
    host.judged(&[], &|all| {
        all["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"] =
            json!({"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "web-2"}});
    })
    .blames("condition-subject", "certain", "web-2");
    // As other clients than the CLI leave it.
    host.judged(&[], &|all| {
        let text = all["Role"]["AssumeRolePolicyDocument"].to_string();
        let text = text.replace("sts:SetSourceIdentity", "sts:Other");
        let encoded: String = text.bytes().map(|octet| format!("%{octet:02X}")).collect();
        all["Role"]["AssumeRolePolicyDocument"] = encoded.into();
    })
    .blames(
        "action-set-source-identity",
        "certain",
        "sts:SetSourceIdentity",
    );
}

#[test]
fn a_certificate_is_judged_for_the_time_that_is_asked() {
    let host = Host::new(&[]);
    let files = host.files(&|_| {});
    let mut more: Vec<&str> = files.iter().map(String::as_str).collect();
    more.extend(["--at", "2058-01-01T00:00:00Z"]);
    let told = host.doctor(&[], &more);
    told.blames("leaf-validity", "certain", "expired");
}

#[test]
fn a_revoked_certificate_is_found_on_the_list() {
    let host = Host::new(&[]);
    let passphrase = ["--dir", "ca", "--passphrase-file", "passphrase"];
    let run = |words: &[&str]| {
        let words: Vec<&str> = words.iter().chain(&passphrase).copied().collect();
        host.sandbox.ok(&words);
    };
    run(&["ca", "revoke", "--cn", "web-1", "--reason", "superseded"]);
    run(&["ca", "crl", "--out", "ca.crl.pem"]);
    let emulator = host.sandbox.emulate(&[
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--crl",
        "ca.crl.pem",
    ]);
    let endpoint = [("--endpoint", emulator.url.as_str())];
    host.doctor(&endpoint, &[])
        .blames("revoked", "certain", "serial number");
    host.doctor(
        &endpoint,
        &[
            "--crl-file",
            "ca.crl.pem",
            "--trust-anchor-file",
            "ca/trust-anchor.pem",
        ],
    )
    .blames("revoked", "certain", "");
}

/// A list counts for the trust anchor that it was imported for, and for no other.
#[test]
fn a_list_of_another_trust_anchor_does_not_count() {
    use base64::Engine as _;
    let host = Host::new(&[]);
    let passphrase = ["--dir", "ca", "--passphrase-file", "passphrase"];
    let run = |words: &[&str]| {
        let words: Vec<&str> = words.iter().chain(&passphrase).copied().collect();
        host.sandbox.ok(&words);
    };
    run(&["ca", "revoke", "--cn", "web-1", "--reason", "superseded"]);
    run(&["ca", "crl", "--out", "ca.crl.pem"]);
    let data = base64::engine::general_purpose::STANDARD.encode(host.sandbox.read("ca.crl.pem"));
    let own = host.emulator.trust_anchor_arn.clone();
    let other = own
        .replace("/", "/9")
        .chars()
        .take(own.len())
        .collect::<String>();
    let with = |anchor: &str| {
        let list = json!({"crlData": data, "enabled": true, "trustAnchorArn": anchor});
        host.judged(&[], &|all| all["crls"] = json!([list]))
    };
    with(&own).blames("revoked", "certain", "");
    let told = with(&other);
    assert_eq!(told.code, 0, "{told:#?}");
    assert!(told.message("files-of-aws").contains("other trust anchors"));
}

/// How a test spoils a document.
type Change<'a> = dyn Fn(&mut Value) + 'a;

/// What a file lacks, or has in another form, is no default.
#[test]
fn files_that_are_not_what_the_cli_prints_are_refused() {
    let host = Host::new(&[]);
    let cases: [(&str, &Change<'_>); 9] = [
        ("durationSeconds", &|all| {
            all["profile"]["durationSeconds"] = json!("43200")
        }),
        ("durationSeconds", &|all| {
            all["profile"]
                .as_object_mut()
                .unwrap()
                .remove("durationSeconds");
        }),
        ("acceptRoleSessionName", &|all| {
            all["profile"]["acceptRoleSessionName"] = json!("true")
        }),
        ("roleArns", &|all| all["profile"]["roleArns"] = json!([{}])),
        ("attributeMappings", &|all| {
            all["profile"]["attributeMappings"] = json!({"x": 1})
        }),
        ("specifier", &|all| {
            let rule = &mut all["profile"]["attributeMappings"][0]["mappingRules"][0];
            *rule = json!({"specifer": "OU"});
        }),
        ("MaxSessionDuration", &|all| {
            all["Role"]["MaxSessionDuration"] = json!("3600")
        }),
        ("Arn", &|all| {
            all["Role"].as_object_mut().unwrap().remove("Arn");
        }),
        ("trustAnchorArn", &|all| {
            all["trustAnchor"]
                .as_object_mut()
                .unwrap()
                .remove("trustAnchorArn");
        }),
    ];
    for (word, change) in cases {
        let mut command = host.sandbox.command();
        command
            .arg("doctor")
            .args(host.options(&[]))
            .args(host.files(change));
        let run = host.sandbox.finish(command);
        assert_eq!(run.code, 2, "{word}: {run:#?}");
        assert!(run.stderr.contains(word), "{word}: {run:#?}");
    }
    host.sandbox
        .write("page.json", r#"{"crls": [], "nextToken": "abc"}"#);
    let mut command = host.sandbox.command();
    command
        .arg("doctor")
        .args(host.options(&[("--crl-file", "page.json")]));
    let run = host.sandbox.finish(command);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stderr.contains("nextToken"), "{run:#?}");
}

/// Names that others have chosen do not move the cursor.
#[test]
fn what_is_told_is_printable() {
    let host = Host::new(&[]);
    let files = host.files(&|all| {
        let statement = &mut all["Role"]["AssumeRolePolicyDocument"]["Statement"];
        statement[0]["Condition"] =
            json!({"StringEquals": {"aws:PrincipalTag/x\u{1b}[31m": "\u{202e}a\u{7}"}});
    });
    let mut command = host.sandbox.command();
    command.args(["--verbose", "doctor", "--offline"]);
    command.args(host.options(&[])).args(files);
    let run = host.sandbox.finish(command);
    let is_hostile =
        |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
    assert!(run.stdout.contains("x\\u{1b}[31m"), "{run:#?}");
    assert!(!run.stdout.contains(is_hostile), "{run:#?}");
}

/// What AWS says and what the files say, together.
#[test]
fn a_refusal_and_a_file_make_one_cause() {
    let host = Host::new(&[]);
    let policy = POLICY.replace("\"sts:TagSession\", ", "");
    host.sandbox.write("policy.json", &policy);
    let emulator = host.sandbox.emulate(&[
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--role-policy",
        "policy.json",
    ]);
    let endpoint = [("--endpoint", emulator.url.as_str())];
    // Without the role it is the likeliest of several.
    host.doctor(&endpoint, &[])
        .blames("trust-policy", "likely", "sts:TagSession");
    let told = host.doctor(&endpoint, &["--trust-policy-file", "policy.json"]);
    told.blames("action-tag-session", "certain", "sts:TagSession");
    assert!(
        told.findings().iter().all(|(id, _)| *id != "trust-policy"),
        "{told:#?}"
    );
    // A file that is not what AWS has.
    host.asked(&endpoint, &|_| {})
        .blames("files-of-aws", "likely", "something else");
}

#[test]
fn a_file_that_aws_does_not_agree_with_is_not_believed() {
    let host = Host::new(&[]);
    let told = host.asked(&[], &|all| all["profile"]["enabled"] = false.into());
    assert_eq!(told.code, 0, "{told:#?}");
    assert!(
        told.findings().contains(&("profile-disabled", "warning")),
        "{told:#?}"
    );
    // Nor one that is about something else.
    let told = host.judged(&[], &|all| {
        let arn = &host.emulator.profile_arn;
        let id = arn.rsplit('/').next().unwrap();
        let other = arn.replace(id, "00000000-0000-4000-8000-000000000000");
        all["profile"]["profileArn"] = other.into();
    });
    assert_eq!(told.code, 6, "{told:#?}");
    assert!(
        told.message("files-of-aws").contains("--profile-file"),
        "{told:#?}"
    );
}

#[test]
fn disabled_resources_are_told_by_their_sentences() {
    let host = Host::new(&[]);
    let (anchor, profile) = (
        host.emulator.trust_anchor_arn.clone(),
        host.emulator.profile_arn.clone(),
    );
    let emulator = host.sandbox.emulate(&[
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--disable",
        &anchor,
    ]);
    let told = host.doctor(&[("--endpoint", &emulator.url)], &[]);
    told.blames("anchor", "certain", "disabled");
    assert!(
        told.json["findings"][0]["next"][0]
            .as_str()
            .unwrap()
            .contains("enable-trust-anchor")
    );
    let emulator = host.sandbox.emulate(&[
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--disable",
        &profile,
    ]);
    let endpoint = [("--endpoint", emulator.url.as_str())];
    host.doctor(&endpoint, &[])
        .blames("profile", "likely", "disabled");
    host.asked(&endpoint, &|all| all["profile"]["enabled"] = false.into())
        .blames("profile-disabled", "certain", "disabled");
}

#[test]
fn a_session_longer_than_the_role_allows_is_told() {
    let host = Host::new(&["--profile-duration", "7200", "--role-max-duration", "3600"]);
    host.doctor(&[("--session-duration", "7200")], &[]).blames(
        "duration",
        "certain",
        "MaxSessionDuration",
    );
}

#[test]
fn files_that_are_something_else_are_mistakes_of_use() {
    let host = Host::new(&[]);
    host.sandbox.write("empty.json", "{}");
    host.sandbox.write("list.json", "[1]");
    let mut text = String::new();
    for (option, file) in [
        ("--trust-anchor-file", "empty.json"),
        ("--trust-anchor-file", "web-1/key.pem"),
        ("--profile-file", "list.json"),
        ("--role-file", "empty.json"),
        ("--trust-policy-file", "empty.json"),
        ("--crl-file", "empty.json"),
        ("--crl-file", "missing.json"),
    ] {
        let mut command = host.sandbox.command();
        command
            .arg("doctor")
            .args(host.options(&[]))
            .args([option, file]);
        let run = host.sandbox.finish(command);
        text.push_str(&format!("{option} {file}: {}\n{}\n", run.code, run.stderr));
    }
    insta::assert_snapshot!(text);
}

/// What the certificate lacks stands in it, and needs no file.
#[test]
fn certificates_that_lack_something_are_told_by_what_it_is() {
    let host = Host::new(&[]);
    let path = |name: &str| testdata(name).display().to_string();
    let root = path("certs/root.pem");
    let emulator = host.sandbox.emulate(&["--trust-anchor", &root]);
    for (leaf, key, rule) in [
        ("leaf-v1.pem", "p256.pem", "leaf-version"),
        ("leaf-ca-true.pem", "p256.pem", "leaf-ca"),
        ("leaf-no-key-usage.pem", "p256.pem", "leaf-key-usage"),
        ("leaf-encipher-only.pem", "rsa2048.pem", "leaf-key-usage"),
        ("leaf-sha1.pem", "p256.pem", "leaf-signature-hash"),
    ] {
        let (leaf, key) = (path(&format!("certs/{leaf}")), path(&format!("keys/{key}")));
        let told = host.doctor(
            &[
                ("--certificate", &leaf),
                ("--private-key", &key),
                ("--trust-anchor-arn", &emulator.trust_anchor_arn),
                ("--endpoint", &emulator.url),
            ],
            &["--allow-insecure-key-permissions"],
        );
        told.blames(rule, "certain", "");
        assert_eq!(told.json["verdict"], "refused", "{told:#?}");
    }
}
