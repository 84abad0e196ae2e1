//! A command that issues the next certificate of a host, with a real authority
//! behind it.

use std::time::Duration;

use windlass::host::{CommandIssuer, Issuer, IssuerFailure, Prospect};
use windlass::process::CommandLine;

use crate::harness::{Sandbox, program};
use crate::issuer::openssl;

/// What an administrator may have in `authorized_keys` of the authority's host:
/// the certificate goes to stdout, and what is told about it to stderr.
const SCRIPT: &str = r#"cd "$0" && "$1" ca sign --dir ca --csr - --out "$2.pem" \
    --passphrase-file passphrase >&2 && cat "$2.pem""#;

fn issuer(sandbox: &Sandbox, out: &str) -> CommandIssuer {
    let directory = sandbox.root().to_str().unwrap();
    let words = ["sh", "-c", SCRIPT, directory, program(), out];
    CommandIssuer {
        command: CommandLine::from_words(words.map(str::to_owned).to_vec()).unwrap(),
        deadline: Duration::from_secs(60),
        withheld: Vec::new(),
    }
}

fn request(sandbox: &Sandbox, name: &str, key: &str) -> String {
    let (key_file, csr, subject) = (
        format!("{name}.key"),
        format!("{name}.csr"),
        format!("/CN={name}"),
    );
    openssl(
        sandbox,
        &[
            "req", "-new", "-nodes", "-newkey", key, "-keyout", &key_file, "-subj", &subject,
            "-out", &csr,
        ],
    );
    sandbox.read(&csr)
}

#[test]
fn an_authority_behind_a_command_gives_the_chain_or_its_reason() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let answer = issuer(&sandbox, "good").issue(&request(&sandbox, "web-1", "rsa:2048"));
    let chain = windlass::pki::read_certificates(&answer.unwrap(), "the answer").unwrap();
    assert_eq!(chain.len(), 2, "the certificate and the issuing CA");

    let short = issuer(&sandbox, "bad").issue(&request(&sandbox, "web-2", "rsa:1024"));
    let failure = short.unwrap_err();
    assert!(
        matches!(failure, IssuerFailure::Command { .. }),
        "{failure}"
    );
    assert_eq!(failure.bearing().prospect, Prospect::Lasting);
    let said = failure.to_string();
    assert!(said.contains("error: ") && said.contains("1024"), "{said}");
}
