//! `windlass ca sign`: requests of other tools for every type of key, and
//! requests of people who want more than they get.

use std::fs;
use std::process::Command;

use windlass::der;

use crate::harness::{Run, Sandbox, capture, client_script, tool};

fn openssl(sandbox: &Sandbox, arguments: &[&str]) -> Run {
    let mut command = Command::new("openssl");
    sandbox.scrub(&mut command);
    let run = capture(command.args(arguments));
    assert_eq!(run.code, 0, "{arguments:?}: {run:#?}");
    run
}

/// Makes `NAME.csr` and `NAME.key` with OpenSSL.
fn request(sandbox: &Sandbox, name: &str, options: &[&str]) {
    let (key, csr) = (format!("{name}.key"), format!("{name}.csr"));
    let has = |option: &str| options.contains(&option);
    let mut arguments = vec!["req", "-new", "-nodes", "-keyout", &key, "-out", &csr];
    if !has("-newkey") {
        arguments.extend(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    }
    if !has("-subj") {
        arguments.extend(["-subj", "/CN=app"]);
    }
    arguments.extend(options);
    openssl(sandbox, &arguments);
}

fn sign(sandbox: &Sandbox, csr: &str, out: &str, options: &[&str]) -> Run {
    let fixed = ["ca", "sign", "--dir", "ca", "--csr", csr, "--out", out];
    let secret = ["--passphrase-file", "passphrase"];
    sandbox.run(&[&fixed[..], &secret, options].concat())
}

/// The certificate leads to the root for OpenSSL, and has the request's key.
fn assert_certifies(sandbox: &Sandbox, out: &str, csr: &str) {
    let (cert, chain) = (format!("{out}/cert.pem"), format!("{out}/chain.pem"));
    let anchor = ["-CAfile", "ca/trust-anchor.pem", "-untrusted", &chain];
    let verify = ["verify", "-x509_strict", "-purpose", "sslclient"];
    openssl(sandbox, &[&verify[..], &anchor, &[&cert]].concat());
    let certified = openssl(sandbox, &["x509", "-in", &cert, "-noout", "-pubkey"]);
    let asked = openssl(sandbox, &["req", "-in", csr, "-noout", "-pubkey"]);
    assert_eq!(certified.stdout, asked.stdout);
    assert!(!sandbox.path(out).join("key.pem").exists());
}

/// Whoever has the factors of a modulus signs under every exponent of it.
#[test]
fn another_exponent_does_not_make_a_compromised_key_new() {
    use rsa::pkcs8::{DecodePrivateKey, EncodePrivateKey, EncodePublicKey, LineEnding};
    use rsa::traits::{PrivateKeyParts, PublicKeyParts};
    let sandbox = Sandbox::new();
    sandbox.ca(&["--key-type", "rsa3072"]);
    request(&sandbox, "app", &["-newkey", "rsa:2048"]);
    assert_eq!(sign(&sandbox, "app.csr", "app", &[]).code, 0);
    let key = rsa::RsaPrivateKey::from_pkcs8_pem(&sandbox.read("app.key")).unwrap();
    let [p, q] = key.primes() else {
        panic!("it has two primes")
    };
    let number = |value: u32| rsa::BoxedUint::from(value);
    // Not every exponent has an inverse.
    let other = [65_539, 65_543, 65_551, 65_557]
        .into_iter()
        .find_map(|exponent| {
            let (p, q) = (p.clone().get(), q.clone().get());
            rsa::RsaPrivateKey::from_p_q(p, q, number(exponent)).ok()
        })
        .unwrap();
    assert!(key.n() == other.n() && key.e() != other.e());
    sandbox.write("other.key", other.to_pkcs8_pem(LineEnding::LF).unwrap());
    let made = [
        "req",
        "-new",
        "-key",
        "other.key",
        "-subj",
        "/CN=other",
        "-out",
        "other.csr",
    ];
    openssl(&sandbox, &made);
    // As long as nothing is known of it, it is a key as good as any.
    assert_eq!(sign(&sandbox, "other.csr", "before", &[]).code, 0);
    let revoke = ["ca", "revoke", "--dir", "ca", "--cn", "app"];
    sandbox.ok(&[&revoke[..], &["--reason", "keyCompromise"]].concat());
    let refused = sign(&sandbox, "other.csr", "after", &[]);
    assert_eq!(refused.code, 3, "{refused:#?}");
    assert!(
        refused.stderr.contains("because the key was compromised"),
        "{refused:#?}"
    );
    // Nor are the CA's own keys somebody else's under another exponent.
    let root = sandbox.read("ca/trust-anchor.pem");
    let root = windlass::pki::read_certificates(root.as_bytes(), "").unwrap();
    let modulus = root[0].public_key().modulus().unwrap();
    let modulus = rsa::BoxedUint::from_be_slice_vartime(modulus);
    let own = rsa::RsaPublicKey::new(modulus, number(65_539)).unwrap();
    let own = own.to_public_key_pem(LineEnding::LF).unwrap();
    let batch = |public_key: &str| {
        let row = serde_json::json!({ "id": "a", "cn": "web-a", "public_key": public_key });
        sandbox.write("rows", format!("{row}\n"));
        let batch = ["ca", "issue", "--dir", "ca", "--batch", "rows", "--json"];
        sandbox.run(&[&batch[..], &["--passphrase-file", "passphrase"]].concat())
    };
    let run = batch(&own);
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(
        run.stdout.contains("it is a key of this CA itself"),
        "{run:#?}"
    );
    // What would break a rule when it is signed is refused before.
    let weak = rsa::RsaPublicKey::new(key.n().as_ref().clone(), number(17)).unwrap();
    let run = batch(&weak.to_public_key_pem(LineEnding::LF).unwrap());
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(
        run.stdout.contains("its exponent is below 65537"),
        "{run:#?}"
    );
}

#[test]
fn requests_of_openssl_are_granted_for_every_key_and_hash() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    for curve in ["P-256", "P-384", "P-521"] {
        for hash in ["-sha256", "-sha384", "-sha512"] {
            let name = format!("{curve}{hash}");
            let curve = format!("ec_paramgen_curve:{curve}");
            request(
                &sandbox,
                &name,
                &["-newkey", "ec", "-pkeyopt", &curve, hash],
            );
        }
    }
    for hash in ["-sha256", "-sha384", "-sha512"] {
        let pss = [
            "-sigopt",
            "rsa_padding_mode:pss",
            "-sigopt",
            "rsa_pss_saltlen:-1",
        ];
        request(
            &sandbox,
            &format!("rsa{hash}"),
            &["-newkey", "rsa:2048", hash],
        );
        let options = [&["-newkey", "rsa:2048", hash][..], &pss].concat();
        request(&sandbox, &format!("pss{hash}"), &options);
    }
    let mut granted = 0;
    for entry in fs::read_dir(sandbox.root()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix(".csr") else {
            continue;
        };
        let run = sign(&sandbox, &file, name, &[]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{name}: {run:#?}");
        assert_certifies(&sandbox, name, &file);
        granted += 1;
    }
    assert_eq!(granted, 15);
}

#[test]
fn requests_of_python_are_granted_for_every_key_and_hash() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let mut command = Command::new(tool("python"));
    sandbox.scrub(&mut command);
    let script = client_script("certificate_requests.py");
    let run = capture(command.arg(script).arg(sandbox.root()));
    assert_eq!(run.code, 0, "{run:#?}");
    let mut granted = 0;
    for entry in fs::read_dir(sandbox.root()).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let Some(name) = file.strip_suffix(".csr") else {
            continue;
        };
        let run = sign(&sandbox, &file, name, &["--json"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{name}: {run:#?}");
        let shown: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(shown["subject"], format!("O=Corp, CN={name}"));
        let names = [
            format!("DNS:{name}.example.com"),
            format!("URI:spiffe://a/{name}"),
        ];
        assert_eq!(shown["subjectAlternativeNames"], serde_json::json!(names));
        assert!(shown.get("privateKey").is_none());
        granted += 1;
    }
    assert_eq!(granted, 18);
}

#[test]
fn names_come_from_the_request_unless_options_override_them() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let subject = ["-subj", "/O=Corp/OU=b/OU=a/CN=app"];
    let san = [
        "-addext",
        "subjectAltName=DNS:A.example.com,IP:10.0.0.1,email:o@a.b",
    ];
    request(&sandbox, "app", &[&subject[..], &san].concat());
    let shown = |options: &[&str]| -> (String, Vec<String>) {
        let arguments = [
            "ca",
            "sign",
            "--dir",
            "ca",
            "--csr",
            "app.csr",
            "--dry-run",
            "--json",
        ];
        let run = sandbox.ok(&[&arguments[..], options].concat());
        let shown: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let names = shown["subjectAlternativeNames"].clone();
        let subject = shown["subject"].as_str().unwrap().to_owned();
        (subject, serde_json::from_value(names).unwrap())
    };
    let (subject, names) = shown(&[]);
    assert_eq!(subject, "O=Corp, OU=b, OU=a, CN=app");
    assert_eq!(names, ["DNS:a.example.com", "IP:10.0.0.1", "email:o@a.b"]);
    let other = [
        "--cn",
        "other",
        "--organization",
        "X",
        "--ou",
        "c",
        "--san",
        "b.example.com",
    ];
    let (subject, names) = shown(&other);
    assert_eq!(subject, "O=X, OU=c, CN=other");
    assert_eq!(names, ["DNS:b.example.com"]);
    // Nothing was written by that: the CA has its own two certificates only.
    let listed = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]).stdout;
    assert_eq!(listed.matches("serialNumber").count(), 2);
}

#[test]
fn a_file_gets_the_chain_and_is_not_replaced() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    request(&sandbox, "app", &[]);
    assert_eq!(sign(&sandbox, "app.csr", "app.crt", &[]).code, 0);
    let written = sandbox.read("app.crt");
    assert_eq!(written.matches("BEGIN CERTIFICATE").count(), 2);
    let again = sign(&sandbox, "app.csr", "app.crt", &[]);
    assert_eq!(again.code, 2, "{again:#?}");
    assert_eq!(sandbox.read("app.crt"), written);
    let listed = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]).stdout;
    assert_eq!(listed.matches("serialNumber").count(), 3);
}

/// What is asked for beyond names is never granted, and is said.
#[test]
fn extensions_are_not_taken_from_a_request() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let options = [
        "-addext",
        "basicConstraints=critical,CA:TRUE",
        "-addext",
        "keyUsage=keyCertSign,cRLSign",
        "-addext",
        "extendedKeyUsage=serverAuth,clientAuth",
        "-addext",
        "subjectAltName=DNS:a.example.com,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:root@corp,dirName:x",
        "-addext",
        "certificatePolicies=1.2.3.4",
        "-subj",
        "/C=CH/CN=app",
    ];
    sandbox.write("x.cnf", "[req]\ndistinguished_name=d\n[d]\n[x]\nCN=root\n");
    request(
        &sandbox,
        "app",
        &[&["-config", "x.cnf"][..], &options].concat(),
    );
    let run = sign(&sandbox, "app.csr", "app", &[]);
    assert_eq!(run.code, 0, "{run:#?}");
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("sign_ignored", run.stderr);
    });
    let text = openssl(
        &sandbox,
        &["x509", "-in", "app/cert.pem", "-noout", "-text"],
    )
    .stdout;
    assert!(
        text.contains("CA:FALSE") && text.contains("Digital Signature\n"),
        "{text}"
    );
    assert!(
        !text.contains("Certificate Sign") && !text.contains("otherName"),
        "{text}"
    );
    assert!(
        !text.contains("Policies") && !text.contains("Server Authentication"),
        "{text}"
    );
    assert!(text.contains("Subject: CN = app\n"), "{text}");
}

/// Replaces a part of the request's info by what the function makes of it.
fn altered(der: &[u8], index: usize, change: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let parts = der::sequence(der).unwrap();
    let info = der::sequence(parts[0].encoded).unwrap();
    let changed: Vec<Vec<u8>> = info
        .iter()
        .enumerate()
        .map(|(at, part)| match at == index {
            true => change(part.encoded),
            false => part.encoded.to_vec(),
        })
        .collect();
    let info = der::write(der::SEQUENCE, &changed.concat());
    der::write_all(der::SEQUENCE, &[&info, parts[1].encoded, parts[2].encoded])
}

#[test]
fn hostile_requests_are_refused_with_the_reason() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    request(&sandbox, "good", &[]);
    request(&sandbox, "rsa", &["-newkey", "rsa:2048"]);
    request(&sandbox, "short", &["-newkey", "rsa:1024"]);
    request(&sandbox, "sha1", &["-sha1"]);
    request(&sandbox, "ed25519", &["-newkey", "ed25519"]);
    request(
        &sandbox,
        "curve",
        &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
    );
    request(&sandbox, "empty", &["-subj", "/"]);
    request(&sandbox, "twice", &["-subj", "/CN=a/CN=b"]);
    request(&sandbox, "beside", &["-subj", "/CN=a+CN=b"]);
    request(
        &sandbox,
        "long",
        &["-subj", &format!("/CN={}", "a".repeat(62))],
    );
    request(&sandbox, "mark", &["-subj", "/CN=a(b)"]);
    request(
        &sandbox,
        "name",
        &["-addext", "subjectAltName=DNS:a_b..example.com"],
    );
    let names: Vec<String> = (0..101).map(|n| format!("DNS:n{n}.example.com")).collect();
    let names = format!("subjectAltName={}", names.join(","));
    request(&sandbox, "names", &["-addext", &names]);
    let decoded = |name: &str| {
        let text = sandbox.read(&format!("{name}.csr"));
        pem::parse(text).unwrap().into_contents()
    };
    let good = decoded("good");
    let mut wrong = good.clone();
    *wrong.last_mut().unwrap() ^= 1;
    let spki = |der: &[u8]| {
        let parts = der::sequence(der).unwrap();
        der::sequence(parts[0].encoded).unwrap()[2].encoded.to_vec()
    };
    let rsa_key = spki(&decoded("rsa"));
    let mut off_curve = spki(&good);
    *off_curve.last_mut().unwrap() ^= 1;
    let sandbox = &sandbox;
    let files: [(&str, Vec<u8>); 9] = [
        ("signature", wrong),
        ("subject", altered(&good, 1, |_| vec![0x30, 0])),
        ("swapped", altered(&good, 2, |_| rsa_key.clone())),
        ("point", altered(&good, 2, |_| off_curve.clone())),
        ("version", altered(&good, 0, |_| vec![2, 1, 2])),
        ("trailing", [&good[..], b"\n"].concat()),
        ("megabyte", vec![0x30; 1024 * 1024]),
        ("nothing", Vec::new()),
        ("several", sandbox.read("good.csr").repeat(2).into_bytes()),
    ];
    for (name, content) in &files {
        sandbox.write(&format!("{name}.csr"), content);
    }
    fs::copy(sandbox.path("good.key"), sandbox.path("key.csr")).unwrap();
    fs::copy(
        sandbox.path("ca/trust-anchor.pem"),
        sandbox.path("certificate.csr"),
    )
    .unwrap();
    let mut told = String::new();
    for name in [
        "short",
        "sha1",
        "ed25519",
        "curve",
        "empty",
        "twice",
        "beside",
        "long",
        "mark",
        "name",
        "names",
        "signature",
        "subject",
        "swapped",
        "point",
        "version",
        "trailing",
        "megabyte",
        "nothing",
        "several",
        "key",
        "certificate",
        "missing",
    ] {
        let run = sign(sandbox, &format!("{name}.csr"), "out", &[]);
        assert!(matches!(run.code, 2 | 4), "{name}: {run:#?}");
        assert!(!sandbox.path("out").exists(), "{name}");
        told.push_str(&format!("{name} ({})\n{}", run.code, run.stderr));
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("sign_refused", told);
    });
    let listed = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]).stdout;
    assert_eq!(listed.matches("serialNumber").count(), 2);
}

#[test]
fn keys_of_the_ca_and_compromised_ones_are_not_certified() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let from = |key: &str, csr: &str, options: &[&str]| {
        let fixed = ["req", "-new", "-key", key, "-subj", "/CN=app", "-out", csr];
        openssl(&sandbox, &[&fixed[..], options].concat());
    };
    let secret = ["-passin", "file:passphrase"];
    from("ca/root/key.pem", "root.csr", &secret);
    from("ca/issuing/key.pem", "issuing.csr", &secret);
    for csr in ["root.csr", "issuing.csr"] {
        let run = sign(&sandbox, csr, "out", &[]);
        assert_eq!(run.code, 3, "{run:#?}");
        assert!(
            run.stderr.contains("it is a key of this CA itself"),
            "{run:#?}"
        );
    }
    sandbox.issue("web", &[]);
    from("web/key.pem", "web.csr", &[]);
    assert_eq!(sign(&sandbox, "web.csr", "again", &[]).code, 0);
    let database = rusqlite::Connection::open(sandbox.path("ca/inventory.db")).unwrap();
    let revoke = "UPDATE certificate SET revoked_at = 1, revocation = 1 WHERE id = \
                  (SELECT min(id) FROM certificate WHERE kind = 'leaf')";
    assert_eq!(database.execute(revoke, []).unwrap(), 1);
    let run = sign(&sandbox, "web.csr", "out", &[]);
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(
        run.stderr.contains("because the key was compromised"),
        "{run:#?}"
    );
    let refusals = "SELECT count(*) FROM audit WHERE action = 'refuse' \
                    AND detail ->> 'rule' = 'key'";
    let count: i64 = database.query_row(refusals, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 3);
}

/// As certreq and PowerShell write them.
#[test]
fn requests_of_windows_are_read() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    request(&sandbox, "app", &[]);
    let pem = sandbox.read("app.csr");
    let units = |pem: &str| {
        pem.replace('\n', "\r\n")
            .encode_utf16()
            .collect::<Vec<u16>>()
    };
    let little: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(units(&pem))
        .flat_map(u16::to_le_bytes)
        .collect();
    let big: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(units(&pem))
        .flat_map(u16::to_be_bytes)
        .collect();
    let bare: String = pem
        .lines()
        .filter(|line| !line.contains("-----"))
        .collect::<Vec<_>>()
        .join("\r\n");
    let marked = format!("\u{feff}{pem}");
    for (number, content) in [little, big, bare.into_bytes(), marked.into_bytes()]
        .iter()
        .enumerate()
    {
        sandbox.write("other.csr", content);
        let out = format!("out-{number}");
        let run = sign(&sandbox, "other.csr", &out, &[]);
        assert_eq!(run.code, 0, "{number}: {run:#?}");
        assert_certifies(&sandbox, &out, "app.csr");
    }
    let run = sign(&sandbox, "-", "none", &[]);
    assert_eq!(run.code, 4, "{run:#?}");
    assert!(run.stderr.contains("it is empty"), "{run:#?}");
}

/// Nothing is reserved for it, and nobody is told that windlass is at fault.
#[test]
fn a_key_with_a_small_exponent_is_refused_as_the_key_that_it_is() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let small = ["-newkey", "rsa:2048", "-pkeyopt", "rsa_keygen_pubexp:3"];
    request(&sandbox, "small", &small);
    let before = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]);
    let run = sign(&sandbox, "small.csr", "small", &[]);
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(
        run.stderr
            .contains("is not certified: its exponent is below 65537"),
        "{run:#?}"
    );
    assert!(!run.stderr.contains("fault of windlass"), "{run:#?}");
    let after = sandbox.ok(&["ca", "list", "--dir", "ca", "--json"]);
    assert_eq!(after.stdout, before.stdout);
}
