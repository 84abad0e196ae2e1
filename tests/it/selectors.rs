//! `--cert-selector`: names as Go prints them and as RFC 2253 writes them,
//! serial numbers in every form, and what is said of a selector that is none.

use serde_json::Value;

use crate::bad_input::compare;
use crate::harness::{Run, Sandbox};
use crate::issuer::{self, AUTHORITY, LEAF, Wanted};

/// Name, key, serial number and subject, as openssl takes it, of each leaf.
const LEAVES: [(&str, &str, &str, &str); 10] = [
    (
        "punctuation",
        "p256",
        "4001",
        r"/C=CH/O=Example, Inc./CN=web\+1",
    ),
    ("letters", "p256", "4002", "/O=Zürich/CN=Ünï"),
    ("pair", "p256", "4003", "/O=Example Corp/CN=pair+OU=Team"),
    (
        "mail",
        "p256",
        "4004",
        "/O=Example Corp/CN=mail/emailAddress=ops@example.com",
    ),
    (
        "domain",
        "p256",
        "4005",
        "/DC=com/DC=example/UID=u1/CN=domain",
    ),
    (
        "units",
        "p384",
        "4006",
        "/C=CH/OU=First/O=Example Corp/OU=Second/CN=units",
    ),
    ("spaces", "p256", "4007", "/O=#1 Corp /CN= x"),
    (
        "every",
        "p256",
        "4008",
        "/C=CH/ST=ZH/L=City/street=Road 1/postalCode=8000/O=Example Corp/serialNumber=77/CN=all/SN=Sur",
    ),
    ("twice", "p256", "4009", "/CN=first/CN=last"),
    (
        "below",
        "p256-other",
        "7FA1B2C3D4E5F60718293A4B5C6D7E8F90A1B2C3",
        "/O=Example Corp/CN=below",
    ),
];

/// Each form of name or number, with the serial number of the one leaf that it
/// selects. The names without a second form are the same in both.
const SELECTORS: [(&str, &str); 33] = [
    // pkix.Name.String: a backslash before , + " \ < > ;
    (
        r"Key=x509Subject,Value=CN=web\+1,O=Example\, Inc.,C=CH",
        "4001",
    ),
    ("Key=x509Subject,Value=CN=Ünï,O=Zürich", "4002"),
    // Go puts its known attributes into an order and RDNs of its own.
    (
        "Key=x509Subject,Value=CN=pair,OU=Team,O=Example Corp",
        "4003",
    ),
    (
        "Key=x509Subject,Value=CN=pair+OU=Team,O=Example Corp",
        "4003",
    ),
    // Other attributes come last, as an OID and the value's DER, which Go makes
    // anew: UTF8String where PrintableString does not suffice.
    (
        "Key=x509Subject,Value=CN=mail,O=Example Corp,1.2.840.113549.1.9.1=#0c0f6f7073406578616d706c652e636f6d",
        "4004",
    ),
    (
        "Key=x509Subject,Value=1.2.840.113549.1.9.1=#160f6f7073406578616d706c652e636f6d,CN=mail,O=Example Corp",
        "4004",
    ),
    (
        "Key=x509Subject,Value=CN=domain,0.9.2342.19200300.100.1.1=#13027531,0.9.2342.19200300.100.1.25=#13076578616d706c65,0.9.2342.19200300.100.1.25=#1303636f6d",
        "4005",
    ),
    (
        "Key=x509Subject,Value=CN=domain,UID=u1,DC=example,DC=com",
        "4005",
    ),
    (
        "Key=x509Subject,Value=CN=units,OU=First+OU=Second,O=Example Corp,C=CH",
        "4006",
    ),
    (
        "Key=x509Subject,Value=CN=units,OU=Second,O=Example Corp,OU=First,C=CH",
        "4006",
    ),
    // A backslash before # at the beginning, and a space at either end.
    (r"Key=x509Subject,Value=CN=\ x,O=\#1 Corp\ ", "4007"),
    (
        r"Key=x509Subject,Value=CN=\ x,O=\#1 Corp\  Key=x509Serial,Value=4007",
        "4007",
    ),
    (
        "Key=x509Subject,Value=SERIALNUMBER=77,CN=all,POSTALCODE=8000,STREET=Road 1,ST=ZH,L=City,O=Example Corp,C=CH,2.5.4.4=#1303537572",
        "4008",
    ),
    (
        "Key=x509Subject,Value=2.5.4.4=#0c03537572,CN=all,SERIALNUMBER=77,O=Example Corp,POSTALCODE=8000,STREET=Road 1,L=City,ST=ZH,C=CH",
        "4008",
    ),
    // Of several common names Go keeps the last.
    ("Key=x509Subject,Value=CN=last", "4009"),
    ("Key=x509Subject,Value=CN=last,CN=first", "4009"),
    (
        "Key=x509Issuer,Value=CN=one,O=Example Corp",
        "7fa1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3",
    ),
    (
        "Key=x509Serial,Value=7fa1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3",
        "7fa1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3",
    ),
    (
        "Key=x509Serial,Value=7FA1B2C3D4E5F60718293A4B5C6D7E8F90A1B2C3",
        "7fa1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3",
    ),
    (
        "Key=x509Serial,Value=7F:a1:B2:C3:D4:E5:F6:07:18:29:3A:4B:5C:6D:7E:8F:90:A1:B2:C3",
        "7fa1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3",
    ),
    ("Key=x509Serial,Value=0x4001", "4001"),
    ("Key=x509Serial,Value=0X4001", "4001"),
    ("Key=x509Serial,Value=00:40:01", "4001"),
    ("Key=x509Serial,Value=04001", "4001"),
    (
        "Key=x509Subject,Value=CN=last Key=x509Serial,Value=4009",
        "4009",
    ),
    (
        "  Key=x509Subject,Value=  CN=last  \t Key=x509Serial,Value=4009\n",
        "4009",
    ),
    (
        "Key=x509Serial,Value=4003 Key=x509Issuer,Value=CN=Test Root,O=Example Corp",
        "4003",
    ),
    // Nothing is taken in part, and case counts.
    ("Key=x509Subject,Value=CN=units", ""),
    ("Key=x509Subject,Value=cn=last", ""),
    ("Key=x509Subject,Value=CN=first", ""),
    (
        "Key=x509Subject,Value=CN=last Key=x509Serial,Value=4001",
        "",
    ),
    ("Key=x509Subject,Value=CN=mail,O=Example Corp", ""),
    ("Key=x509Serial,Value=1", ""),
];

/// All leaves and their issuer in `all.pem`; the keys beside them.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    issuer::root(&sandbox);
    let one = Wanted {
        name: "one",
        key: "issuing",
        subject: "/O=Example Corp/CN=one",
        serial: "3001",
        extensions: AUTHORITY,
        issuer: "root",
    };
    issuer::issue(&sandbox, one);
    let mut bundle = sandbox.read("one.pem");
    for (name, key, serial, subject) in LEAVES {
        let leaf = Wanted {
            name,
            key,
            subject,
            serial,
            extensions: LEAF,
            issuer: if name == "below" { "one" } else { "root" },
        };
        issuer::issue(&sandbox, leaf);
        bundle.push_str(&sandbox.read(&format!("{name}.pem")));
    }
    sandbox.write("all.pem", bundle);
    sandbox
}

/// The number of certificates that are listed, and the digest of the first.
fn listed(run: &Run) -> (usize, &str) {
    assert_eq!(run.code, 0, "{run:#?}");
    if run.stdout == "No matching identities\n" {
        return (0, "");
    }
    let entries = run.stdout.strip_prefix("Matching identities\n").unwrap();
    let first = entries.split(' ').nth(1).unwrap();
    (entries.lines().count(), first)
}

#[test]
fn names_and_numbers_are_compared_in_the_forms_in_which_tools_print_them() {
    let sandbox = sandbox();
    for (selector, serial) in SELECTORS {
        let list = ["read-certificate-data", "--certificate", "all.pem"];
        let typed = [&list[..], &["--cert-selector", selector]].concat();
        let run = sandbox.run(&typed);
        let wanted = LEAVES
            .iter()
            .find(|leaf| leaf.2.eq_ignore_ascii_case(serial));
        match wanted {
            None => assert_eq!(listed(&run), (0, ""), "{selector}"),
            Some((name, ..)) => {
                let certificate = pem::parse(sandbox.read(&format!("{name}.pem"))).unwrap();
                sandbox.write("der", certificate.contents());
                let digest = issuer::openssl(&sandbox, &["dgst", "-sha1", "-r", "der"]);
                let digest = digest.split(' ').next().unwrap();
                assert_eq!(listed(&run), (1, digest), "{selector}");
            }
        }

        // The same in a file, if each key stands once as JSON has it.
        let pairs: Vec<Value> = selector
            .split("Key=")
            .skip(1)
            .map(|pair| pair.split_once(",Value=").unwrap())
            .map(|(key, value)| serde_json::json!({ "Key": key, "Value": value }))
            .collect();
        sandbox.write("selector.json", Value::from(pairs).to_string());
        let absolute = format!("file://{}", sandbox.path("selector.json").display());
        for place in ["file://selector.json", &absolute] {
            let from_file = sandbox.run(&[&list[..], &["--cert-selector", place]].concat());
            assert_eq!(from_file.stdout, run.stdout, "{selector} in {place}");
        }
    }
}

#[test]
fn a_selector_and_not_the_key_says_which_certificate_is_used() {
    let sandbox = sandbox();
    let show = |key: &str, selector: &str| {
        let fixed = ["key", "show", "--json", "--certificate", "all.pem"];
        let more = ["--private-key", key, "--cert-selector", selector];
        sandbox.run(&[&fixed[..], &more].concat())
    };
    for (key, selector, serial) in [
        // Seven certificates have this key.
        ("mail.key", "Key=x509Serial,Value=4004", "4004"),
        ("mail.key", "Key=x509Subject,Value=CN=Ünï,O=Zürich", "4002"),
        ("units.key", "Key=x509Serial,Value=4006", "4006"),
        // Several of one key are one identity: the first of those that end last.
        (
            "mail.key",
            "Key=x509Issuer,Value=CN=Test Root,O=Example Corp Key=x509Serial,Value=4001",
            "4001",
        ),
    ] {
        let run = show(key, selector);
        assert_eq!(run.code, 0, "{run:#?}");
        let shown: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(shown["certificate"]["serialNumber"], serial, "{selector}");
    }
    // The chain is found among those that were not selected.
    let run = show("below.key", "Key=x509Subject,Value=CN=below,O=Example Corp");
    let shown: Value = serde_json::from_str(&run.stdout).unwrap();
    let chain = serde_json::json!(["O=Example Corp, CN=one"]);
    assert_eq!(shown["certificate"]["chain"], chain);

    // A certificate that fits the key but not the selector does not step in.
    let run = show("units.key", "Key=x509Serial,Value=4004");
    assert_eq!(run.code, 4, "{run:#?}");
    let wrong = "belongs to none of the certificates of all.pem (O=Example Corp, CN=mail, ";
    assert!(run.stderr.contains(wrong), "{}", run.stderr);

    // The environment names it as the option does.
    let mut command = sandbox.command();
    command
        .args(["key", "show", "--json", "--certificate", "all.pem"])
        .args(["--private-key", "units.key"])
        .env("WINDLASS_CERT_SELECTOR", "Key=x509Serial,Value=4006");
    assert_eq!(sandbox.finish(command).code, 0);
}

#[test]
fn what_is_wrong_with_a_selector_is_said() {
    let sandbox = sandbox();
    for (name, content) in [
        ("text", "CN=web\n"),
        ("object", r#"{"Key": "x509Subject", "Value": "CN=web"}"#),
        ("member", r#"[{"Key": "x509Subject", "Val": "CN=web"}]"#),
        ("number", r#"[{"Key": "x509Serial", "Value": 4001}]"#),
        ("empty", "[]"),
        ("key", r#"[{"Key": "subject", "Value": "CN=web"}]"#),
    ] {
        sandbox.write(&format!("{name}.json"), content);
    }
    for (name, selector) in [
        ("name_alone", "CN=web"),
        ("unknown_key", "Key=x509subject,Value=CN=web"),
        ("semicolon", "Key=x509Subject;Value=CN=web"),
        (
            "comma_between",
            "Key=x509Subject,Value=CN=web,Key=x509Serial,Value=4001",
        ),
        ("no_value", "Key=x509Subject,Value="),
        ("key_twice", "Key=x509Serial,Value=1 Key=x509Serial,Value=2"),
        ("serial_malformed", "Key=x509Serial,Value=40-01"),
        (
            "serial_too_long",
            "Key=x509Serial,Value=017fa1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3",
        ),
        ("file_without_name", "file://"),
        ("file_with_one_slash", "file:/selector.json"),
        ("file_missing", "file://no-such.json"),
        ("file_is_text", "file://text.json"),
        ("file_is_an_object", "file://object.json"),
        ("file_with_other_member", "file://member.json"),
        ("file_with_number", "file://number.json"),
        ("file_with_nothing", "file://empty.json"),
        ("file_with_unknown_key", "file://key.json"),
        ("nothing_fits", "Key=x509Subject,Value=CN=web"),
        (
            "several_fit",
            "Key=x509Issuer,Value=CN=Test Root,O=Example Corp",
        ),
    ] {
        let fixed = [
            "key",
            "show",
            "--certificate",
            "all.pem",
            "--private-key",
            "mail.key",
        ];
        let arguments = [&fixed[..], &["--cert-selector", selector]].concat();
        let run = sandbox.run(&arguments);
        assert_eq!(run.code, 2, "{name}: {run:#?}");
        compare(&sandbox, &format!("selector_{name}"), &arguments, &run);
    }
}
