//! Roots that are not windlass: what other tools have signed is installed as it
//! is, and what is issued under it satisfies them.

use windlass::pki::read_certificates;

use super::{Apart, SECRET, install, issue, json};
use crate::harness::Sandbox;
use crate::issuer::openssl;

/// Makes a self-signed root of OpenSSL in `root.pem` and `root.key`.
pub(super) fn root(sandbox: &Sandbox, options: &[&str]) -> String {
    let fixed = [
        "req", "-x509", "-nodes", "-keyout", "root.key", "-out", "root.pem",
    ];
    let mut arguments = fixed.to_vec();
    if !options.contains(&"-newkey") {
        arguments.extend(["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    }
    if !options.contains(&"-subj") {
        arguments.extend(["-subj", "/C=CH/O=Old Corp/CN=Old Root"]);
    }
    if !options.contains(&"-extensions") {
        arguments.extend(["-addext", "keyUsage=critical,keyCertSign,cRLSign"]);
    }
    arguments.extend(["-days", "3650"]);
    openssl(sandbox, &[&arguments[..], options].concat());
    fingerprint(sandbox, "root.pem")
}

pub(super) fn fingerprint(sandbox: &Sandbox, file: &str) -> String {
    let found = read_certificates(sandbox.read(file).as_bytes(), file).unwrap();
    found[0].fingerprint()
}

/// Signs the request with OpenSSL's `x509`.
pub(super) fn grant(sandbox: &Sandbox, options: &[&str]) {
    let fixed = [
        "x509",
        "-req",
        "-in",
        "site/issuing/request.pem",
        "-out",
        "issuing.pem",
    ];
    let root = ["-CA", "root.pem", "-CAkey", "root.key", "-days", "1000"];
    openssl(sandbox, &[&fixed[..], &root, options].concat());
}

const AS_ASKED: [&str; 2] = ["-copy_extensions", "copyall"];

/// Installs, issues, and has OpenSSL, the emulator and our own linter judge it.
fn assert_installs(apart: &Apart, root: &str, options: &[&str]) {
    let sandbox = &apart.sandbox;
    let fixed = ["--cert", "issuing.pem", "--root-fingerprint", root];
    let installed = install(sandbox, &[&fixed[..], options].concat());
    assert_eq!(installed.code, 0, "{installed:#?}");
    assert_eq!(apart.state(), "active");
    assert_eq!(issue(sandbox, "web").code, 0);
    let chain = ["-CAfile", "root.pem", "-untrusted", "web/chain.pem"];
    let verify = ["verify", "-x509_strict", "-purpose", "sslclient"];
    openssl(sandbox, &[&verify[..], &chain, &["web/cert.pem"]].concat());
    let emulator = sandbox.emulate(&["--trust-anchor", "site/trust-anchor.pem"]);
    let arguments = emulator.arguments("web");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    sandbox.ok(&arguments);
    // What is revoked is revoked for OpenSSL: the list names the same key.
    let revoke = [
        "ca",
        "revoke",
        "--dir",
        "site",
        "--cn",
        "web",
        "--reason",
        "superseded",
    ];
    sandbox.ok(&[&revoke[..], &["--crl"], &SECRET].concat());
    let mut both = sandbox.read("site/crl/issuing.pem");
    both.push_str(&sandbox.read("root.pem"));
    both.push_str(&sandbox.read("web/chain.pem"));
    sandbox.write("lists.pem", both);
    let mut command = std::process::Command::new("openssl");
    sandbox.scrub(&mut command);
    command.args([
        "verify",
        "-crl_check",
        "-CAfile",
        "lists.pem",
        "web/cert.pem",
    ]);
    let judged = sandbox.finish(command);
    assert!(judged.stderr.contains("certificate revoked"), "{judged:#?}");
    let verified = sandbox.ok(&["ca", "audit", "verify", "--dir", "site"]);
    assert!(verified.stdout.contains("intact"), "{verified:#?}");
    sandbox.ok(&["ca", "backup", "--dir", "site", "--out", "site.tar"]);
    sandbox.ok(&["ca", "restore", "site.tar", "--dir", "again"]);
}

#[test]
fn a_root_of_openssl_whose_x509_gives_what_was_asked_for() {
    let apart = Apart::new();
    let root = root(&apart.sandbox, &[]);
    grant(&apart.sandbox, &AS_ASKED);
    assert_installs(&apart, &root, &["--root", "root.pem"]);
}

/// Key identifiers that were not computed as it is done here.
#[test]
fn a_root_of_openssl_that_computes_the_key_identifier_itself() {
    let apart = Apart::new();
    let rsa = ["-newkey", "rsa:2048", "-sha384"];
    let root = root(&apart.sandbox, &rsa);
    apart.sandbox.write(
        "extensions",
        "basicConstraints = critical, CA:TRUE, pathlen:0\n\
         keyUsage = critical, keyCertSign, cRLSign\n\
         subjectKeyIdentifier = hash\n\
         authorityKeyIdentifier = keyid, issuer\n",
    );
    grant(&apart.sandbox, &["-extfile", "extensions", "-sha512"]);
    assert_installs(&apart, &root, &["--root", "root.pem"]);
    let cert = [
        "x509",
        "-in",
        "web/cert.pem",
        "-noout",
        "-ext",
        "authorityKeyIdentifier",
    ];
    let issuing = [
        "x509",
        "-in",
        "issuing.pem",
        "-noout",
        "-ext",
        "subjectKeyIdentifier",
    ];
    let value = |arguments: &[&str]| {
        let text = openssl(&apart.sandbox, arguments);
        text.lines().nth(1).unwrap().trim().to_owned()
    };
    assert_eq!(value(&cert), value(&issuing));
}

/// Names besides the subject are names of the certificate like any other's.
#[test]
fn a_root_of_openssl_with_alternative_names() {
    let apart = Apart::new();
    let names = ["-addext", "subjectAltName=email:pki@example.com"];
    let root = root(&apart.sandbox, &names);
    apart.sandbox.write(
        "extensions",
        "basicConstraints = critical, CA:TRUE, pathlen:0\n\
         keyUsage = critical, keyCertSign, cRLSign\n\
         subjectKeyIdentifier = hash\n\
         authorityKeyIdentifier = keyid\n\
         subjectAltName = DNS:issuing.example.com, email:pki@example.com\n",
    );
    grant(&apart.sandbox, &["-extfile", "extensions"]);
    assert_installs(&apart, &root, &["--root", "root.pem"]);
}

/// `openssl ca`, with a policy of its own and a database; the bundle in one file,
/// DER, and with Windows' line endings.
#[test]
fn a_root_of_openssl_ca_in_every_form_of_file() {
    for form in ["bundle", "der", "crlf"] {
        let apart = Apart::new();
        let sandbox = &apart.sandbox;
        let root = root(
            sandbox,
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        );
        sandbox.write("index", "");
        sandbox.write("serial", "1000\n");
        sandbox.write(
            "ca.cnf",
            "[ca]\ndefault_ca = here\n[here]\ndatabase = index\nserial = serial\n\
             new_certs_dir = .\npolicy = any\ndefault_md = sha384\ncopy_extensions = copyall\n\
             [any]\norganizationName = supplied\ncommonName = supplied\n",
        );
        let ca = [
            "ca", "-batch", "-notext", "-config", "ca.cnf", "-days", "500",
        ];
        let files = ["-in", "site/issuing/request.pem", "-out", "issuing.pem"];
        let keys = ["-keyfile", "root.key", "-cert", "root.pem"];
        openssl(sandbox, &[&ca[..], &files, &keys].concat());
        let mut options = vec!["--root", "root.pem"];
        match form {
            "bundle" => {
                let both = sandbox.read("issuing.pem") + &sandbox.read("root.pem");
                sandbox.write("issuing.pem", both);
                options.clear();
            }
            "der" => {
                for file in ["issuing", "root"] {
                    let (from, to) = (format!("{file}.pem"), format!("{file}.der"));
                    openssl(
                        sandbox,
                        &["x509", "-in", &from, "-outform", "DER", "-out", &to],
                    );
                }
                std::fs::copy(sandbox.path("issuing.der"), sandbox.path("issuing.pem")).unwrap();
                options = vec!["--root", "root.der"];
            }
            _ => {
                let text = sandbox.read("issuing.pem").replace('\n', "\r\n");
                sandbox.write("issuing.pem", text);
            }
        }
        assert_installs(&apart, &root, &options);
    }
}

/// The log says whose root it is, and the inventory has both.
#[test]
fn what_another_ca_has_made_is_in_the_inventory_as_such() {
    let apart = Apart::new();
    let sandbox = &apart.sandbox;
    let root = root(sandbox, &[]);
    grant(sandbox, &AS_ASKED);
    let fixed = [
        "--cert",
        "issuing.pem",
        "--root",
        "root.pem",
        "--root-fingerprint",
        &root,
    ];
    assert_eq!(install(sandbox, &fixed).code, 0);
    let listed = json(&sandbox.ok(&["ca", "list", "--dir", "site", "--json"]));
    let kinds: Vec<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["issuing", "root"]);
    let undelivered = sandbox.ok(&["ca", "audit", "reconcile", "--dir", "site", "--json"]);
    assert_eq!(json(&undelivered)["undelivered"], serde_json::json!([]));
    let log = sandbox
        .ok(&["ca", "audit", "export", "--dir", "site", "--out", "-"])
        .stdout;
    assert!(log.contains("made elsewhere, and installed"), "{log}");
    assert!(log.contains(&root), "{log}");
}
