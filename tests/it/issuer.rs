//! Certificates of every shape from the test root, made by openssl in the
//! sandbox of one test. Their dates are fixed and the root signs with RSA, so
//! that what it signs is the same in every run.

use std::fs;
use std::process::Command;

use crate::harness::{Sandbox, capture, testdata};

/// The extensions of a workload's certificate.
pub const LEAF: &str = "basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
";

/// The extensions of a CA's certificate.
pub const AUTHORITY: &str = "basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
";

const CONFIGURATION: &str = "[ca]
default_ca = here
[here]
database = index
serial = serial
new_certs_dir = .
policy = anything
default_md = sha256
unique_subject = no
[anything]
commonName = optional
[req]
distinguished_name = dn
prompt = no
[dn]
CN = unused
";

/// A certificate to be made.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// `NAME.pem` and, for a key of testdata/keys, `NAME.key` are written.
    pub name: &'a str,
    /// A key of testdata/keys.
    pub key: &'a str,
    /// As openssl's `-subj` takes it, in UTF-8.
    pub subject: &'a str,
    /// In hex.
    pub serial: &'a str,
    /// Lines of an extension file.
    pub extensions: &'a str,
    /// The name of a certificate that was made before, or `root`.
    pub issuer: &'a str,
}

/// Puts the test root into the sandbox as `root.pem` and `root.key`.
pub fn root(sandbox: &Sandbox) {
    sandbox.write("root.pem", fs::read(testdata("certs/root.pem")).unwrap());
    sandbox.write("root.key", fs::read(testdata("keys/root.pem")).unwrap());
    sandbox.write("ca.cnf", CONFIGURATION);
}

/// Makes a certificate and writes it and its key into the sandbox.
pub fn issue(sandbox: &Sandbox, wanted: Wanted<'_>) {
    let name = |extension: &str| format!("{}.{extension}", wanted.name);
    let key = testdata("keys").join(format!("{}.pem", wanted.key));
    sandbox.write(&name("key"), fs::read(key).unwrap());
    sandbox.write("index", "");
    sandbox.write("serial", format!("{}\n", wanted.serial));
    sandbox.write("extensions", wanted.extensions);
    let issuer = |extension: &str| format!("{}.{extension}", wanted.issuer);
    openssl(
        sandbox,
        &[
            ["req", "-new", "-config", "ca.cnf"].as_slice(),
            &["-key", &name("key"), "-out", "request"],
        ]
        .concat(),
    );
    openssl(
        sandbox,
        &[
            ["ca", "-batch", "-notext", "-config", "ca.cnf", "-utf8"].as_slice(),
            &["-in", "request", "-subj", wanted.subject, "-preserveDN"],
            &["-startdate", "20250101000000Z"],
            &["-enddate", "20950101000000Z"],
            &["-extfile", "extensions", "-out", &name("pem")],
            &["-keyfile", &issuer("key"), "-cert", &issuer("pem")],
        ]
        .concat(),
    );
}

/// Runs openssl in the sandbox and expects success.
pub fn openssl(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let mut command = Command::new("openssl");
    sandbox.scrub(&mut command);
    let run = capture(command.args(arguments));
    assert_eq!(run.code, 0, "openssl {arguments:?}: {run:#?}");
    run.stdout
}
