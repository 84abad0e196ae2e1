//! `read-certificate-data`, `sign-string` and `key show`: exact output, judged
//! by openssl where openssl can.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use windlass::key::Hash;

use crate::bad_input::compare;
use crate::clients::create_session;
use crate::harness::{Sandbox, testdata};
use crate::issuer::{self, LEAF, Wanted};

const EC: &str = r#"["ECSHA256","ECSHA384","ECSHA512"]"#;
const RSA: &str = r#"["RSASHA256","RSASHA384","RSASHA512"]"#;

#[test]
fn certificate_data_is_printed_byte_for_byte_as_the_official_helper_does() {
    let sandbox = Sandbox::new();
    for (name, key_type, serial, algorithms) in [
        ("leaf", "EC", "8193", EC),
        ("leaf-p384", "EC", "8194", EC),
        ("leaf-rsa", "RSA", "8195", RSA),
        ("leaf-p521", "EC", "8230", EC),
        // 2^159 - 1 and 2^160 - 1.
        (
            "leaf-20-octets",
            "EC",
            "730750818665451459101842416358141509827966271487",
            EC,
        ),
        (
            "leaf-20-octets-high-bit",
            "EC",
            "1461501637330902918203684832716283019655932542975",
            EC,
        ),
        // Of several certificates the first.
        ("leaf-issued-fullchain", "EC", "8196", EC),
    ] {
        let path = testdata("certs").join(format!("{name}.pem"));
        let text = fs::read_to_string(&path).unwrap();
        let der = pem::parse(&text).unwrap().into_contents();
        sandbox.write("cert.pem", &text);
        sandbox.write("cert.der", &der);
        let expected = format!(
            r#"{{"keyType":"{key_type}","certificateData":"{}","serialNumber":"{serial}","supportedAlgorithms":{algorithms}}}"#,
            STANDARD.encode(&der)
        );
        for file in ["cert.pem", "cert.der"] {
            if file == "cert.der" && name.ends_with("fullchain") {
                continue;
            }
            let run = sandbox.ok(&["read-certificate-data", "--certificate", file]);
            assert_eq!(run.stdout, expected, "{name}");
            assert_eq!(run.stderr, "", "{name}");
        }
    }
}

/// What `sign-string` signs, made anew from its description.
pub fn signed_text(sandbox: &Sandbox, key: &str) -> Vec<u8> {
    let fixed = [
        "pkey",
        "-in",
        key,
        "-pubout",
        "-outform",
        "DER",
        "-out",
        "public.der",
    ];
    issuer::openssl(sandbox, &fixed);
    let public = fs::read(sandbox.path("public.der")).unwrap();
    // The bit string at the end of a SubjectPublicKeyInfo is an EC key's point;
    // for RSA, openssl writes the PKCS#1 form of its own accord.
    let content = match public.len() {
        91 => public[91 - 65..].to_vec(),
        120 => public[120 - 97..].to_vec(),
        158 => public[158 - 133..].to_vec(),
        _ => {
            let form = ["-RSAPublicKey_out", "-outform", "DER", "-out", "rsa.der"];
            issuer::openssl(sandbox, &[&["rsa", "-in", key][..], &form].concat());
            fs::read(sandbox.path("rsa.der")).unwrap()
        }
    };
    let digest = Hash::Sha256.digest(&[b"IAM RA", content.as_slice()].concat());
    let text = b"AWS Roles Anywhere Credential Helper Signing Test1";
    [text.as_slice(), &digest].concat()
}

/// openssl takes the signature for the key's.
#[track_caller]
pub fn assert_verifies(sandbox: &Sandbox, key: &str, hash: &str, signature: &[u8]) {
    sandbox.write("text", signed_text(sandbox, key));
    sandbox.write("signature", signature);
    issuer::openssl(sandbox, &["pkey", "-in", key, "-pubout", "-out", "public"]);
    let hash = format!("-{}", hash.to_ascii_lowercase());
    let verify = [
        "dgst",
        &hash,
        "-verify",
        "public",
        "-signature",
        "signature",
        "text",
    ];
    assert_eq!(issuer::openssl(sandbox, &verify), "Verified OK\n");
}

#[test]
fn strings_are_signed_with_every_key_and_hash_in_every_form() {
    let sandbox = Sandbox::new();
    for key in ["p256", "p384", "p521", "rsa2048"] {
        let file = format!("{key}.key");
        sandbox.write(
            &file,
            fs::read(testdata("keys").join(format!("{key}.pem"))).unwrap(),
        );
        for (hash, typed) in [
            ("SHA256", &[][..]),
            ("SHA384", &["--digest", "SHA384"]),
            ("SHA512", &["--digest", "sha512"]),
        ] {
            let sign = |form: &[&str]| {
                let fixed = ["sign-string", "--private-key", &file];
                let mut command = sandbox.command();
                let output = command.args(fixed).args(typed).args(form).output().unwrap();
                assert!(
                    output.status.success() && output.stderr.is_empty(),
                    "{output:?}"
                );
                output.stdout
            };
            let signature = sign(&["--format", "bin"]);
            let text = hex::encode(&signature);
            assert_verifies(&sandbox, &file, hash, &signature);
            // The nonces are not random, so that every form has the same one.
            assert_eq!(sign(&["--format", "text"]), text.as_bytes());
            assert_eq!(sign(&[]), format!("\"{text}\"").as_bytes());
        }
    }
}

/// The certificates of [`a_key_is_shown_with_what_aws_makes_of_it`]: name,
/// serial number, subject and alternative names, and the source identity.
const SHOWN: [(&str, &str, &str, &str, &str); 8] = [
    (
        "plain",
        "5001",
        "/C=CH/O=Example Corp/OU=Security/OU=Engineering/OU=Research/CN=web-1",
        "DNS:web-1.example.com, DNS:web.example.com, IP:192.0.2.7, URI:spiffe://example.com/web-1, dirName:named",
        "CN=web-1",
    ),
    (
        "parentheses",
        "5002",
        "/O=Example Corp/OU=Web/CN=web (1)",
        "",
        "CN=web (1)",
    ),
    (
        "parentheses_with_uri",
        "5003",
        "/O=Example, Corp/CN=web (2)",
        "DNS:web-2.example.com, URI:spiffe://example.com/web-2",
        "CN=web (2)",
    ),
    (
        "cn_of_61",
        "5004",
        "/CN=1234567890123456789012345678901234567890123456789012345678901",
        "",
        "CN=1234567890123456789012345678901234567890123456789012345678901",
    ),
    (
        "cn_of_62",
        "5005",
        "/CN=12345678901234567890123456789012345678901234567890123456789012",
        "",
        "12345678901234567890123456789012345678901234567890123456789012",
    ),
    ("no_cn", "0123", "/O=Example Corp/OU=Backup", "", "ID=0123"),
    (
        "no_cn_with_dns",
        "5007",
        "/O=Example Corp",
        "DNS:backup.example.com",
        "ID=5007",
    ),
    (
        "further_attributes",
        "5008",
        "/DC=example/UID=u1/serialNumber=77/CN=first/CN=second/emailAddress=ops@example.com",
        "",
        "CN=first",
    ),
];

#[test]
fn a_key_is_shown_with_what_aws_makes_of_it() {
    let sandbox = Sandbox::new();
    issuer::root(&sandbox);
    let emulator = sandbox.emulate(&["--trust-anchor", "root.pem"]);
    for (name, serial, subject, alternatives, source_identity) in SHOWN {
        let mut extensions = LEAF.to_owned();
        if !alternatives.is_empty() {
            extensions.push_str(&format!(
                "subjectAltName = {alternatives}\n[named]\nO = Example Corp\n0.OU = A\n1.OU = B\nCN = named (1)\n"
            ));
        }
        issuer::issue(
            &sandbox,
            Wanted {
                name,
                key: "p256",
                subject,
                serial,
                extensions: &extensions,
                issuer: "root",
            },
        );
        let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
        let anchor = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555";
        let fixed = [
            "key",
            "show",
            "--certificate",
            &certificate,
            "--private-key",
            &key,
        ];
        let more: &[&str] = match name {
            "plain" => &["--trust-anchor-arn", anchor],
            _ => &[],
        };
        let text = sandbox.ok(&[&fixed[..], more].concat());
        let json = sandbox.ok(&[&fixed[..], more, &["--json"]].concat());
        assert_eq!(text.stderr + &json.stderr, "", "{name}");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("key_show_{name}"), text.stdout + &json.stdout);
        });
        let shown: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(shown["certificate"]["sourceIdentity"], source_identity);
        // Without its key the certificate tells as much.
        let alone = sandbox.ok(&[&fixed[..4], more, &["--json"]].concat());
        let alone: Value = serde_json::from_str(&alone.stdout).unwrap();
        assert_eq!(alone["certificate"], shown["certificate"]);
        assert!(alone["key"]["origin"].is_null());
        assert_eq!(
            shown["certificate"]["condition"].is_null(),
            ["parentheses", "no_cn"].contains(&name),
            "{name}"
        );

        // The emulator says the same of the session that it grants.
        fs::create_dir(sandbox.path(&format!("{name}.d"))).unwrap();
        for (from, to) in [(certificate.as_str(), "cert.pem"), (&key, "key.pem")] {
            sandbox.write(&format!("{name}.d/{to}"), sandbox.read(from));
        }
        sandbox.write(&format!("{name}.d/chain.pem"), sandbox.read("root.pem"));
        let answer = create_session(&sandbox, &emulator, &format!("{name}.d"), "nothing");
        if source_identity.contains('(') {
            // No source identity has this name, and nothing else is said of it.
            assert_eq!(answer.status, 403, "{answer:?}");
            let reason = answer.header("x-windlass-reason").unwrap();
            assert!(reason.ends_with("(rule source-identity-form)"), "{reason}");
            continue;
        }
        let session = &answer.body["credentialSet"][0];
        assert_eq!(session["sourceIdentity"], source_identity, "{answer:?}");
        let arn = session["assumedRoleUser"]["arn"].as_str().unwrap();
        let session_name = shown["certificate"]["roleSessionName"].as_str().unwrap();
        assert!(arn.ends_with(&format!("/{session_name}")), "{arn}");
    }
}

#[test]
fn a_key_is_shown_alone_with_its_certificate_and_encrypted() {
    let sandbox = sandbox();
    let show = |arguments: &[&str]| {
        let run = sandbox.ok(&[&["key", "show", "--json"][..], arguments].concat());
        let shown: Value = serde_json::from_str(&run.stdout).unwrap();
        (run, shown)
    };
    for (file, key_type, algorithm) in [
        ("key.pem", "EC P-256", "AWS4-X509-ECDSA-SHA256"),
        ("p384.pem", "EC P-384", "AWS4-X509-ECDSA-SHA256"),
        ("rsa.pem", "RSA 2048", "AWS4-X509-RSA-SHA256"),
    ] {
        let (_, shown) = show(&["--private-key", file]);
        assert_eq!(shown["certificate"], Value::Null);
        assert_eq!(shown["key"]["type"], key_type);
        assert_eq!(shown["key"]["signatureAlgorithm"], algorithm);
        let public = [
            "pkey",
            "-in",
            file,
            "-pubout",
            "-outform",
            "DER",
            "-out",
            "public.der",
        ];
        issuer::openssl(&sandbox, &public);
        let digest = issuer::openssl(&sandbox, &["dgst", "-sha256", "-r", "public.der"]);
        assert_eq!(
            shown["key"]["fingerprintSha256"],
            digest.split(' ').next().unwrap()
        );
    }
    let (_, apart) = show(&["--certificate", "cert.pem", "--private-key", "key.pem"]);
    for arguments in [
        &["--private-key", "both.pem"][..],
        &["--certificate", "both.pem"],
        &[
            "--certificate",
            "cert.pem",
            "--private-key",
            "encrypted.pem",
            "--passphrase-file",
            "secret",
        ],
    ] {
        let (run, shown) = show(arguments);
        assert!(!run.stdout.contains("testdata"), "passphrase in output");
        assert_eq!(run.stderr, "");
        assert_eq!(
            shown["key"]["fingerprintSha256"],
            apart["key"]["fingerprintSha256"]
        );
        for member in [
            "serialNumber",
            "fingerprintSha256",
            "principalTags",
            "condition",
        ] {
            assert_eq!(shown["certificate"][member], apart["certificate"][member]);
        }
    }
}

/// testdata under short names.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, source) in [
        ("cert.pem", "certs/leaf.pem"),
        ("key.pem", "keys/p256.pem"),
        ("p384.pem", "keys/p384.pem"),
        ("rsa.pem", "keys/rsa2048.pem"),
        ("encrypted.pem", "keys/p256-encrypted.pem"),
        ("ed25519.pem", "keys/ed25519.pem"),
    ] {
        sandbox.write(name, fs::read(testdata(source)).unwrap());
    }
    sandbox.write(
        "both.pem",
        sandbox.read("key.pem") + &sandbox.read("cert.pem"),
    );
    sandbox.write("secret", "testdata\n");
    sandbox
}

#[test]
fn what_is_wrong_with_what_is_to_be_inspected_is_said() {
    let sandbox = sandbox();
    let alias = "arn:aws:rolesanywhere:us-east-1:123456789012:alias/trust-anchor/main";
    for (name, words) in [
        ("data_of_nothing", "read-certificate-data"),
        ("data_without_option", "read-certificate-data cert.pem"),
        (
            "data_of_a_key",
            "read-certificate-data --certificate key.pem",
        ),
        (
            "data_of_a_key_alone",
            "read-certificate-data --private-key key.pem",
        ),
        (
            "data_of_a_missing_file",
            "read-certificate-data --certificate no-such.pem",
        ),
        (
            "data_of_no_certificate",
            "read-certificate-data --certificate secret",
        ),
        (
            "data_of_a_handle",
            "read-certificate-data --certificate handle:0x81000001",
        ),
        ("sign_nothing", "sign-string"),
        (
            "sign_with_a_certificate",
            "sign-string --private-key cert.pem",
        ),
        (
            "sign_with_a_certificate_alone",
            "sign-string --certificate cert.pem",
        ),
        (
            "sign_with_a_missing_file",
            "sign-string --private-key no-such.pem",
        ),
        ("sign_with_ed25519", "sign-string --private-key ed25519.pem"),
        (
            "sign_with_no_passphrase",
            "sign-string --private-key encrypted.pem",
        ),
        (
            "sign_with_sha1",
            "sign-string --private-key key.pem --digest SHA1",
        ),
        (
            "sign_as_base64",
            "sign-string --private-key key.pem --format base64",
        ),
        ("show_nothing", "key show"),
        ("show_without_option", "key show key.pem"),
        (
            "show_another_key",
            "key show --certificate cert.pem --private-key rsa.pem",
        ),
        ("show_no_passphrase", "key show --private-key encrypted.pem"),
        (
            "show_anchor_malformed",
            "key show --private-key key.pem --trust-anchor-arn main",
        ),
        ("show_unknown_verb", "key list"),
    ] {
        let arguments: Vec<&str> = words.split(' ').collect();
        compare(
            &sandbox,
            &format!("inspect_{name}"),
            &arguments,
            &sandbox.run(&arguments),
        );
    }
    let arguments = [
        "key",
        "show",
        "--certificate",
        "both.pem",
        "--trust-anchor-arn",
        alias,
    ];
    compare(
        &sandbox,
        "inspect_show_anchor_alias",
        &arguments,
        &sandbox.run(&arguments),
    );
}

/// An expired certificate, and one that may not sign, are shown with the reason
/// for which a session would be refused.
#[test]
fn what_aws_would_refuse_is_said() {
    let sandbox = Sandbox::new();
    for (file, reason) in [
        ("expired.pem", "it has expired"),
        ("not-yet-valid.pem", "it is not valid yet"),
        ("leaf-no-key-usage.pem", "keyUsage"),
        ("leaf.pem", ""),
    ] {
        sandbox.write("cert.pem", fs::read(testdata("certs").join(file)).unwrap());
        let text = sandbox
            .ok(&["key", "show", "--certificate", "cert.pem"])
            .stdout;
        let line = text.lines().find(|line| line.starts_with("refused by AWS"));
        assert_eq!(line.is_some(), !reason.is_empty(), "{file}: {text}");
        assert!(line.unwrap_or_default().contains(reason), "{file}: {text}");
        let json = sandbox.ok(&["key", "show", "--certificate", "cert.pem", "--json"]);
        let json: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(json["certificate"]["refused"].is_null(), reason.is_empty());
    }
}
