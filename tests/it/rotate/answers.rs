//! Answers that are certificates, for the key that was asked for, and still of no
//! use: what an issuer would have to sign that means ill or is mistaken.

use chrono::{DateTime, TimeDelta, Utc};
use windlass::key::{KeyType, Signer, SoftwareKey, generate, open_software};
use windlass::pki::{
    Certificate, CertificateRequest, DistinguishedName, IssuerRef, Kind, SerialNumber, Template,
    encode_pem, read_certificates,
};
use windlass::secret::Secret;

use crate::harness::{Emulator, PASSPHRASE, Run, Sandbox};

use super::{in_force, kept, signs, with_identity};

/// An identity, an emulator that trusts its CA, and the CA's own key.
struct Scene {
    sandbox: Sandbox,
    emulator: Emulator,
    key: SoftwareKey,
    issuing: Certificate,
}

fn key_of(sandbox: &Sandbox, ca: &str) -> (SoftwareKey, Certificate) {
    let pem = sandbox.read(&format!("{ca}/issuing/key.pem"));
    let passphrase = || Ok(Some(Secret::new(PASSPHRASE.as_bytes().to_vec())));
    let key = open_software(pem.as_bytes(), "key", passphrase).unwrap();
    let pem = sandbox.read(&format!("{ca}/issuing/cert.pem"));
    let issuing = read_certificates(pem.as_bytes(), "issuing").unwrap();
    (key, issuing[0].clone())
}

/// What an answer says otherwise than it should.
struct Said {
    from: TimeDelta,
    lasts: TimeDelta,
    kind: Kind,
}

impl Scene {
    fn new() -> Self {
        let sandbox = with_identity();
        let (key, issuing) = key_of(&sandbox, "ca");
        let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
        Self {
            sandbox,
            emulator,
            key,
            issuing,
        }
    }

    fn rotate(&self, command: &str, more: &[&str]) -> Run {
        let mut arguments = vec!["rotate", "--identity", "web", "--cn", "web-1"];
        arguments.extend(["--trust-anchor", "ca/trust-anchor.pem"]);
        arguments.extend(["--issuer-command", command]);
        arguments.extend(more);
        self.sandbox.run(&arguments)
    }

    /// The request of the next renewal: its key is kept for the try after this one.
    fn request(&self) -> CertificateRequest {
        let run = self.rotate("sh -c 'cat >asked.csr; exit 75'", &["--force"]);
        assert_eq!(run.code, 5, "{run:#?}");
        let asked = self.sandbox.read("asked.csr");
        CertificateRequest::read(asked.as_bytes(), "request").unwrap()
    }

    fn certify(&self, request: &CertificateRequest, said: Said) -> Certificate {
        let not_before = now() + said.from;
        Template {
            subject: request.subject(),
            public_key: request.public_key(),
            serial: &SerialNumber::from_magnitude(&[0x5a; 16]).unwrap(),
            not_before,
            not_after: not_before + said.lasts,
            kind: said.kind,
        }
        .sign(&IssuerRef {
            name: self.issuing.subject(),
            signer: &self.key,
            key_identifier: &self.key.public_key().key_identifier(),
        })
        .unwrap()
    }

    /// The next try gets this answer.
    fn answer(&self, certificates: &[&Certificate]) -> Run {
        self.sandbox
            .write("answer.pem", encode_pem(certificates.iter().copied()));
        self.rotate("cat answer.pem", &["--force"])
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap()
}

fn leaf() -> Kind {
    Kind::Leaf { names: Vec::new() }
}

/// O1: whatever the CA signs, the old key and certificate stay as they are, octet
/// for octet, and obtain a session.
#[test]
fn certificates_for_the_key_that_are_of_no_use_change_nothing() {
    let scene = Scene::new();
    let sandbox = &scene.sandbox;
    let before = kept(&sandbox.path("web"));
    let (minute, month) = (TimeDelta::minutes(5), TimeDelta::days(90));
    let cases = [
        (
            "expired on",
            TimeDelta::days(-30),
            TimeDelta::days(29),
            leaf(),
        ),
        ("not valid before", TimeDelta::days(1), month, leaf()),
        ("CA:TRUE", -minute, month, Kind::Issuing),
    ];
    for (says, from, lasts, kind) in cases {
        let made = scene.certify(&scene.request(), Said { from, lasts, kind });
        let run = scene.answer(&[&made, &scene.issuing]);
        assert_eq!(run.code, 1, "{says}: {run:#?}");
        assert!(run.stderr.contains(says), "{says}: {run:#?}");
        assert_eq!(kept(&sandbox.path("web")), before, "{says}");
        signs(sandbox, &scene.emulator, says);
    }
}

/// What comes with the certificate is not put in force with it; and a chain that
/// misses what is between is noticed.
#[test]
fn of_several_certificates_the_one_that_was_asked_for_is_used() {
    let scene = Scene::new();
    let sandbox = &scene.sandbox;
    sandbox.issue("somebody", &[]);
    let theirs = sandbox.read("somebody/cert.pem");
    let theirs = read_certificates(theirs.as_bytes(), "theirs").unwrap();
    let old = in_force(&sandbox.path("web"));
    let said = |from| Said {
        from,
        lasts: TimeDelta::days(90),
        kind: leaf(),
    };
    let from = TimeDelta::minutes(-5);
    let alone = scene.certify(&scene.request(), said(from));
    let run = scene.answer(&[&alone]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert_eq!(in_force(&sandbox.path("web")), old);
    let made = scene.certify(&scene.request(), said(from));
    let run = scene.answer(&[&theirs[0], &made, &theirs[0], &scene.issuing]);
    assert_eq!(run.code, 0, "{run:#?}");
    // Two certificates: it and the one above it.
    assert_eq!(in_force(&sandbox.path("web")), made.serial().hex());
    signs(sandbox, &scene.emulator, "several");
}

/// A CA of the same name with another key, whose root it sends along.
#[test]
fn a_chain_to_another_root_of_the_same_name_changes_nothing() {
    let mut scene = Scene::new();
    let mut other = vec!["ca", "init", "--dir", "other", "--name", "Example Corp"];
    other.extend(["--passphrase-file", "passphrase"]);
    scene.sandbox.ok(&other);
    let before = kept(&scene.sandbox.path("web"));
    let root = scene.sandbox.read("other/trust-anchor.pem");
    let root = read_certificates(root.as_bytes(), "root").unwrap();
    (scene.key, scene.issuing) = key_of(&scene.sandbox, "other");
    let said = Said {
        from: TimeDelta::minutes(-5),
        lasts: TimeDelta::days(90),
        kind: leaf(),
    };
    let made = scene.certify(&scene.request(), said);
    let run = scene.answer(&[&made, &scene.issuing, &root[0]]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert_eq!(kept(&scene.sandbox.path("web")), before);
    signs(&scene.sandbox, &scene.emulator, "another root");
}

/// Somebody removes what is made while the issuer is asked.
#[test]
fn a_key_that_is_removed_in_between_is_made_anew() {
    let scene = Scene::new();
    let sandbox = &scene.sandbox;
    let before = kept(&sandbox.path("web"));
    let good = format!(
        "{} ca sign --dir ca --csr - --out - --passphrase-file passphrase --days 60",
        crate::harness::program()
    );
    for removed in ["web/.v*.next", "web/.v*.next/key.pem"] {
        let run = scene.rotate(&format!("sh -c '{good}; rm -r {removed}'"), &["--force"]);
        assert_ne!(run.code, 0, "{run:#?}");
        assert!(run.stderr.starts_with("error: "), "{run:#?}");
        assert_eq!(kept(&sandbox.path("web")), before, "{removed}");
        signs(sandbox, &scene.emulator, removed);
    }
    let run = scene.rotate(&good, &["--force"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert_ne!(kept(&sandbox.path("web")), before);
    signs(sandbox, &scene.emulator, "anew");
}

/// A key and a certificate of the sandbox's CA that has ended, both PEM.
pub(super) fn ended_pair(sandbox: &Sandbox) -> (Vec<u8>, String) {
    let (signer, issuing) = key_of(sandbox, "ca");
    let made = generate(KeyType::P256, "key").unwrap();
    let certificate = Template {
        subject: &DistinguishedName::of_workload(None, std::iter::empty(), "web-1"),
        public_key: made.key.public_key(),
        serial: &SerialNumber::from_magnitude(&[0x5b; 16]).unwrap(),
        not_before: now() - TimeDelta::days(2),
        not_after: now() - TimeDelta::days(1),
        kind: leaf(),
    }
    .sign(&IssuerRef {
        name: issuing.subject(),
        signer: &signer,
        key_identifier: &signer.public_key().key_identifier(),
    })
    .unwrap();
    let chain = encode_pem([&certificate, &issuing]);
    (made.to_pem().expose().to_vec(), chain)
}
