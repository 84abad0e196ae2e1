//! `ca sign-ca`: what the root certifies, and what not.

use std::process::Command;

use windlass::pki::{Certificate, CertificateRequest, encode_pem, read_certificates};

use super::{Apart, SECRET, json, sign_ca};
use crate::harness::Sandbox;
use crate::issued::pkilint;
use crate::issuer::openssl;
use crate::passphrases::on_terminal;

fn certificates(sandbox: &Sandbox, file: &str) -> Vec<Certificate> {
    read_certificates(sandbox.read(file).as_bytes(), file).unwrap()
}

/// How many certificates the root has issued, itself among them.
fn issued(sandbox: &Sandbox) -> usize {
    let listed = sandbox.ok(&["ca", "list", "--dir", "vault", "--json"]);
    json(&listed).as_array().unwrap().len()
}

#[test]
fn what_is_certified_satisfies_every_judge() {
    for key_type in ["p256", "p384", "rsa3072"] {
        let apart = Apart::with(&["--key-type", key_type]);
        let sandbox = &apart.sandbox;
        assert_eq!(apart.sign_ca("issuing.pem", &[]).code, 0);
        let both = certificates(sandbox, "issuing.pem");
        let root = certificates(sandbox, "vault/trust-anchor.pem");
        assert_eq!(both[1..], root);
        let request = sandbox.read("site/issuing/request.pem");
        let request = CertificateRequest::read(request.as_bytes(), "request").unwrap();
        assert_eq!(both[0].subject().der(), request.subject().der());
        assert_eq!(both[0].public_key().fingerprint(), apart.key);
        let file = ["alone.pem"];
        sandbox.write(file[0], encode_pem([&both[0]]));
        let verify = [
            "verify",
            "-x509_strict",
            "-CAfile",
            "vault/trust-anchor.pem",
        ];
        openssl(sandbox, &[&verify[..], &file].concat());
        let text = openssl(sandbox, &["x509", "-in", "issuing.pem", "-noout", "-text"]);
        assert!(text.contains("CA:TRUE, pathlen:0"), "{text}");
        assert!(text.contains("Certificate Sign, CRL Sign\n"), "{text}");
        let found = pkilint(sandbox, "lint_pkix_cert", &file);
        let bad = found
            .iter()
            .filter(|(severity, ..)| severity != "INFO" && severity != "NOTICE");
        assert_eq!(bad.count(), 0, "{found:#?}");
        let pair = ["vault/trust-anchor.pem", file[0]];
        let found = pkilint(sandbox, "lint_pkix_signer_signee_cert_chain", &pair);
        assert!(found.is_empty(), "{found:#?}");
        let linted = sandbox.ok(&["ca", "lint", "issuing.pem", "--level", "notice"]);
        assert!(
            linted.stdout.contains("0 errors, 0 warnings"),
            "{linted:#?}"
        );
    }
}

#[test]
fn nothing_is_certified_whose_key_was_not_compared() {
    let apart = Apart::new();
    let sandbox = &apart.sandbox;
    let silent = sign_ca(sandbox, &["--out", "issuing.pem"]);
    assert_eq!(silent.code, 2, "{silent:#?}");
    assert!(
        silent.stderr.contains("\nhint: give --key-fingerprint HEX"),
        "{}",
        silent.stderr
    );
    let other = apart.root.clone();
    let wrong = sign_ca(
        sandbox,
        &["--out", "issuing.pem", "--key-fingerprint", &other],
    );
    assert_eq!(wrong.code, 4, "{wrong:#?}");
    let said = format!(
        "error: the SHA-256 of the key in site/issuing/request.pem is {}, not {other}\n",
        apart.key
    );
    assert!(wrong.stderr.starts_with(&said), "{}", wrong.stderr);
    assert!(!sandbox.path("issuing.pem").exists());
    assert_eq!(issued(sandbox), 1);
    // As people copy it.
    let pairs: Vec<&str> = (0..32)
        .map(|index| &apart.key[2 * index..2 * index + 2])
        .collect();
    let colons = pairs.join(":").to_uppercase();
    let right = sign_ca(
        sandbox,
        &["--out", "issuing.pem", "--key-fingerprint", &colons],
    );
    assert_eq!(right.code, 0, "{right:#?}");
}

#[test]
fn a_person_is_shown_the_key_and_asked() {
    let apart = Apart::new();
    let sandbox = &apart.sandbox;
    let program = crate::harness::program();
    let line = format!(
        "{program} ca sign-ca --dir vault --csr site/issuing/request.pem --out issuing.pem \
         --passphrase-file passphrase"
    );
    let (code, shown) = on_terminal(sandbox, &line, true, &[("to go on: ", "no")]);
    assert_eq!(code, 2, "{shown}");
    assert!(shown.contains(&format!("SHA-256 {}", apart.key)), "{shown}");
    assert!(
        shown.contains("O=Example Corp, CN=Example Corp Issuing CA"),
        "{shown}"
    );
    assert!(!sandbox.path("issuing.pem").exists());
    let (code, shown) = on_terminal(sandbox, &line, true, &[("to go on: ", "yes")]);
    assert_eq!(code, 0, "{shown}");
    assert_eq!(certificates(sandbox, "issuing.pem").len(), 2);
    let line =
        format!("{program} ca install --dir site --cert issuing.pem --passphrase-file passphrase");
    let (code, shown) = on_terminal(sandbox, &line, true, &[("to go on: ", "yes")]);
    assert_eq!(code, 0, "{shown}");
    assert!(
        shown.contains(&format!("SHA-256 {}", apart.root)),
        "{shown}"
    );
}

/// A request of somebody else's making: whatever it asks for, it becomes an
/// issuing CA and no more, under its very name.
#[test]
fn of_a_request_the_name_and_the_key_are_taken() {
    let apart = Apart::new();
    let sandbox = &apart.sandbox;
    let csr = |name: &str, options: &[&str]| {
        let (key, out) = (format!("{name}.key"), format!("{name}.csr"));
        let fixed = ["req", "-new", "-nodes", "-keyout", &key, "-out", &out];
        let mut arguments = fixed.to_vec();
        if !options.contains(&"-newkey") {
            arguments.extend(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
        }
        if !options.contains(&"-subj") {
            arguments.extend(["-subj", "/C=CH/O=Ex/CN=Other CA"]);
        }
        openssl(sandbox, &[&arguments[..], options].concat());
        let request = sandbox.read(&out);
        CertificateRequest::read(request.as_bytes(), &out)
            .map(|read| read.public_key().fingerprint())
    };
    let sign = |name: &str, key: &str, options: &[&str]| {
        let (request, out) = (format!("{name}.csr"), format!("{name}.pem"));
        let fixed = [
            "ca", "sign-ca", "--dir", "vault", "--csr", &request, "--out", &out,
        ];
        let compared = ["--key-fingerprint", key];
        sandbox.run(&[&fixed[..], &compared, &SECRET, options].concat())
    };
    let extensions = [
        "-addext",
        "basicConstraints=critical,CA:TRUE,pathlen:7",
        "-addext",
        "nameConstraints=permitted;DNS:example.com",
        "-addext",
        "subjectAltName=DNS:example.com",
    ];
    let key = csr("wide", &extensions).unwrap();
    let signed = sign("wide", &key, &["--issuing-years", "50"]);
    assert_eq!(signed.code, 0, "{signed:#?}");
    let said = "warning: the certificate ends with its root, on ";
    assert!(signed.stderr.starts_with(said), "{}", signed.stderr);
    let both = certificates(sandbox, "wide.pem");
    assert_eq!(both[0].not_after(), both[1].not_after());
    assert_eq!(both[0].subject().to_string(), "C=CH, O=Ex, CN=Other CA");
    let text = openssl(sandbox, &["x509", "-in", "wide.pem", "-noout", "-text"]);
    assert!(text.contains("CA:TRUE, pathlen:0"), "{text}");
    assert!(
        !text.contains("Constraints: \n") && !text.contains("DNS:"),
        "{text}"
    );

    let before = issued(sandbox);
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521"];
    let p521 = csr("p521", &curve).unwrap();
    let nameless = csr("nameless", &["-subj", "/O=Ex"]).unwrap();
    let root = csr(
        "root",
        &["-subj", "/O=Example Corp/CN=Example Corp Root CA"],
    )
    .unwrap();
    for (name, key, code, said) in [
        (
            "p521",
            &p521,
            3,
            "the key of an issuing CA is EC P-256 or P-384, or RSA",
        ),
        ("nameless", &nameless, 2, "it has no CN"),
        ("root", &root, 2, "it is the root's own name"),
    ] {
        let run = sign(name, key, &["--force"]);
        assert_eq!(run.code, code, "{name}: {run:#?}");
        assert!(run.stderr.contains(said), "{name}: {}", run.stderr);
        assert!(!sandbox.path(&format!("{name}.pem")).exists());
    }
    assert_eq!(issued(sandbox), before);
    let log = sandbox
        .ok(&["ca", "audit", "list", "--dir", "vault"])
        .stdout;
    assert_eq!(log.matches(" refuse ").count(), 3, "{log}");
    // The key of one whose key was stolen is certified never again.
    let shown = sandbox.ok(&["ca", "show", "--dir", "vault", "Other CA", "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    let serial = shown["serialNumber"].as_str().unwrap();
    let named = [serial, "--ca", "--reason", "keyCompromise"];
    sandbox.ok(&[&["ca", "revoke", "--dir", "vault"][..], &named].concat());
    openssl(
        sandbox,
        &[
            "req",
            "-new",
            "-key",
            "wide.key",
            "-subj",
            "/CN=New",
            "-out",
            "again.csr",
        ],
    );
    let again = sign("again", &key, &["--force"]);
    assert_eq!(again.code, 3, "{again:#?}");
    assert!(
        again.stderr.contains("the key was compromised"),
        "{}",
        again.stderr
    );
}

/// Who asks must hold the key: the signature on the request is that of another.
/// Whoever takes the wrong file would make that host a CA.
#[test]
fn the_request_of_a_workload_is_refused_unless_it_is_meant() {
    let apart = Apart::with(&[]);
    let sandbox = &apart.sandbox;
    let made = [
        "req",
        "-new",
        "-nodes",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
    ];
    let names = [
        "-keyout",
        "web.key",
        "-out",
        "web.csr",
        "-subj",
        "/CN=web-1",
    ];
    openssl(sandbox, &[&made[..], &names].concat());
    let request = CertificateRequest::read(sandbox.read("web.csr").as_bytes(), "request").unwrap();
    let key = request.public_key().fingerprint();
    let before = issued(sandbox);
    let sign = |options: &[&str]| {
        let fixed = [
            "--csr",
            "web.csr",
            "--out",
            "web.pem",
            "--key-fingerprint",
            &key,
        ];
        let sign = ["ca", "sign-ca", "--dir", "vault"];
        sandbox.run(&[&sign[..], &fixed, &SECRET, options].concat())
    };
    let refused = sign(&[]);
    assert_eq!(refused.code, 2, "{refused:#?}");
    let said = "web.csr, the request of CN=web-1, does not ask for the certificate of a CA";
    assert!(refused.stderr.contains(said), "{refused:#?}");
    assert!(refused.stderr.contains("--force"), "{refused:#?}");
    assert_eq!(issued(sandbox), before);
    assert!(!sandbox.path("web.pem").exists());
    assert_eq!(sign(&["--force"]).code, 0);
    assert!(certificates(sandbox, "web.pem")[0].is_ca());
}

#[test]
fn a_request_that_was_changed_is_refused() {
    let apart = Apart::new();
    let sandbox = &apart.sandbox;
    let request = pem::parse(sandbox.read("site/issuing/request.pem")).unwrap();
    let mut changed = request.contents().to_vec();
    let place = changed
        .windows(7)
        .position(|part| part == b"Issuing")
        .unwrap();
    changed[place] = b'i';
    sandbox.write("changed.csr", &changed);
    let arguments = ["--csr", "changed.csr", "--out", "issuing.pem"];
    let fixed = [
        "ca",
        "sign-ca",
        "--dir",
        "vault",
        "--key-fingerprint",
        &apart.key,
    ];
    let run = sandbox.run(&[&fixed[..], &arguments, &SECRET].concat());
    assert_eq!(run.code, 4, "{run:#?}");
    assert!(
        run.stderr
            .contains("its signature is not that of its own key"),
        "{}",
        run.stderr
    );
    assert_eq!(issued(sandbox), 1);
}

/// A CA with both keys may certify a further issuing CA too; from the standard
/// input, and never over a file that is there.
#[test]
fn a_ca_with_its_root_certifies_another_issuing_ca() {
    let apart = Apart::new();
    let sandbox = &apart.sandbox;
    sandbox.ca(&[]);
    let program = crate::harness::program();
    let line = format!(
        "{program} ca sign-ca --dir ca --csr - --out issuing.pem --key-fingerprint {} \
         --passphrase-file passphrase <site/issuing/request.pem",
        apart.key
    );
    let mut command = Command::new("sh");
    sandbox.scrub(&mut command);
    command.args(["-c", &line]);
    let run = sandbox.finish(command);
    assert_eq!(run.code, 0, "{run:#?}");
    let fingerprint = certificates(sandbox, "ca/trust-anchor.pem")[0].fingerprint();
    let root = ["--cert", "issuing.pem", "--root-fingerprint", &fingerprint];
    assert_eq!(super::install(sandbox, &root).code, 0);
    assert_eq!(super::issue(sandbox, "web").code, 0);
    let there = apart.sign_ca("issuing.pem", &[]);
    assert_eq!(there.code, 2, "{there:#?}");
}

/// Otherwise it could not revoke what it has certified.
#[test]
fn a_root_that_is_restored_is_given_back_what_it_certified_since() {
    let apart = Apart::new();
    let sandbox = &apart.sandbox;
    sandbox.ok(&["ca", "backup", "--dir", "vault", "--out", "vault.tar"]);
    assert_eq!(apart.sign_ca("issuing.pem", &[]).code, 0);
    let restore = ["ca", "restore", "vault.tar", "--dir", "again"];
    sandbox.ok(&[&restore[..], &["--also", "issuing.pem"]].concat());
    let serial = certificates(sandbox, "issuing.pem")[0].serial().hex();
    let shown = json(&sandbox.ok(&["ca", "show", &serial, "--dir", "again", "--json"]));
    assert_eq!(shown["kind"], "issuing");
    let verified = sandbox.run(&["ca", "audit", "verify", "--dir", "again"]);
    assert_eq!(verified.code, 0, "{verified:#?}");
    let revoke = ["ca", "revoke", "--dir", "again", &serial, "--ca"];
    sandbox.ok(&[&revoke[..], &["--reason", "cACompromise"]].concat());
    let list = ["ca", "crl", "--dir", "again", "--issuer", "root", "--json"];
    let made = json(&sandbox.ok(&[&list[..], &SECRET].concat()));
    assert_eq!(made["entries"], 1, "{made}");
}
