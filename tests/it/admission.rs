//! What the emulator grants and refuses, with signatures that are valid: each
//! rule with a case of both kinds, the message of AWS and our reason.

use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use windlass::admission::RULES;
use windlass::emulator::{Outcome, Received, World, WorldError, WorldPlan};
use windlass::key::{self, SoftwareKey};
use windlass::pki::{Certificate, Crl, Identity, Sourced, read_certificates};
use windlass::rolesanywhere::{SessionDuration, Unsigned, sign};

use crate::harness::{capture, testdata};

const ANCHOR: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555";
const PROFILE: &str =
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-9999-aaaaaaaaaaaa";
const ROLE: &str = "arn:aws:iam::123456789012:role/app";

fn now() -> DateTime<Utc> {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn certificates(name: &str) -> Vec<Certificate> {
    let material = fs::read(testdata("certs").join(name)).unwrap();
    read_certificates(&material, name).unwrap()
}

fn plan() -> WorldPlan {
    WorldPlan {
        anchors: vec![(
            Some(ANCHOR.parse().unwrap()),
            "root.pem".to_owned(),
            certificates("root.pem"),
        )],
        crls: Vec::new(),
        profiles: vec![PROFILE.parse().unwrap()],
        roles: vec![ROLE.parse().unwrap()],
        region: None,
        profile_duration: SessionDuration::try_from(3600).unwrap(),
        role_max_duration: SessionDuration::try_from(3600).unwrap(),
        accepts_session_name: false,
        disabled: Vec::new(),
        clock_window: TimeDelta::minutes(5),
    }
}

/// A request that is signed as a good client does it, with everything open to
/// change before it is signed.
struct Call {
    key: &'static str,
    leaf: &'static str,
    chain: &'static [&'static str],
    body: Value,
}

impl Call {
    fn of(leaf: &'static str, key: &'static str) -> Self {
        Self {
            key,
            leaf,
            chain: &[],
            body: json!({
                "durationSeconds": 900,
                "profileArn": PROFILE,
                "roleArn": ROLE,
                "trustAnchorArn": ANCHOR,
            }),
        }
    }

    fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.body[member] = value.into();
        self
    }

    fn chain(mut self, chain: &'static [&'static str]) -> Self {
        self.chain = chain;
        self
    }

    fn request(&self) -> Received {
        let material = fs::read(testdata("keys").join(self.key)).unwrap();
        let key: SoftwareKey = key::open_software(&material, self.key, || Ok(None)).unwrap();
        let leaf = certificates(self.leaf).remove(0);
        let sourced = Sourced {
            origin: self.leaf.to_owned(),
            certificate: leaf,
        };
        // The chain header is made by hand, since a good client would not send
        // what some of the cases need.
        let identity = Identity::new(Box::new(key), vec![sourced]).unwrap();
        let mut headers = vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("host".to_owned(), "127.0.0.1:1".to_owned()),
        ];
        if !self.chain.is_empty() {
            use base64::Engine as _;
            let entries: Vec<String> = self
                .chain
                .iter()
                .flat_map(|name| certificates(name))
                .map(|one| base64::engine::general_purpose::STANDARD.encode(one.der()))
                .collect();
            headers.push(("x-amz-x509-chain".to_owned(), entries.join(",")));
        }
        let body = self.body.to_string();
        let signed = sign(
            &Unsigned {
                region: &"us-east-1".parse().unwrap(),
                query: &[],
                headers: &headers,
                body: &body,
                at: now(),
            },
            &identity,
        )
        .unwrap();
        Received {
            method: "POST".to_owned(),
            path: "/sessions".to_owned(),
            query: String::new(),
            headers: signed
                .headers
                .into_iter()
                .map(|(name, value)| (name, value.into_bytes()))
                .collect(),
            body: body.into_bytes(),
        }
    }

    fn answer(&self, world: &World) -> Outcome {
        world.answer(&self.request(), now())
    }
}

fn granted(outcome: &Outcome) {
    assert_eq!(outcome.status, 201, "{outcome:?}");
}

fn refused(outcome: &Outcome, status: u16, message: &str, reason: &str) {
    assert_eq!(outcome.status, status, "{outcome:?}");
    assert_eq!(outcome.body, json!({ "message": message }));
    let given = outcome.reason.as_deref().unwrap();
    assert!(given.contains(reason), "{given}");
    // What is malformed is refused before any rule is asked.
    if status == 403 {
        let named = given
            .rsplit_once(" (rule ")
            .unwrap()
            .1
            .trim_end_matches(')');
        assert!(RULES.iter().any(|rule| rule.id == named), "{given}");
    }
}

#[test]
fn leaves_that_aws_would_take_are_granted() {
    let world = World::new(plan()).unwrap();
    for (leaf, key) in [
        ("leaf.pem", "p256.pem"),
        ("leaf-p384.pem", "p384.pem"),
        ("leaf-rsa.pem", "rsa2048.pem"),
        ("leaf-20-octets.pem", "p256.pem"),
        ("leaf-20-octets-high-bit.pem", "p256.pem"),
    ] {
        granted(&Call::of(leaf, key).answer(&world));
    }
}

#[test]
fn leaves_that_lack_what_a_leaf_needs_are_insufficient() {
    let world = World::new(plan()).unwrap();
    for (leaf, key, reason) in [
        ("leaf-v1.pem", "p256.pem", "X.509 v1"),
        ("leaf-ca-true.pem", "p256.pem", "CA:TRUE"),
        ("leaf-no-key-usage.pem", "p256.pem", "no keyUsage"),
        (
            "leaf-encipher-only.pem",
            "rsa2048.pem",
            "lacks digitalSignature",
        ),
        ("leaf-sha1.pem", "p256.pem", "weaker than SHA-256"),
    ] {
        let outcome = Call::of(leaf, key).answer(&world);
        refused(
            &outcome,
            403,
            "Untrusted certificate. Insufficient certificate",
            reason,
        );
    }
}

#[test]
fn a_path_must_lead_to_the_anchor_and_be_valid() {
    let world = World::new(plan()).unwrap();
    const UNTRUSTED: &str = "Untrusted signing certificate";
    let call = |chain| Call::of("leaf-issued.pem", "p256.pem").chain(chain);
    granted(&call(&["issuing.pem"]).answer(&world));
    // Root, strays and the leaf itself in the chain do no harm, in any order.
    granted(&call(&["leaf-issued.pem", "root.pem", "leaf-rsa.pem", "issuing.pem"]).answer(&world));
    granted(&call(&["issuing-expired.pem", "issuing.pem"]).answer(&world));
    refused(&call(&[]).answer(&world), 403, UNTRUSTED, "no trust anchor");
    for (chain, reason) in [
        (&["issuing-expired.pem"][..], "expired on 2021-01-01"),
        (&["sub-issuing.pem"], "no trust anchor"),
    ] {
        refused(&call(chain).answer(&world), 403, UNTRUSTED, reason);
    }
    for (leaf, reason) in [
        ("expired.pem", "expired on 2021-01-01"),
        ("not-yet-valid.pem", "not valid before 2090-01-01"),
        ("leaf-unknown-critical.pem", "extension 1.3.6.1.4.1.99999.1"),
    ] {
        let outcome = Call::of(leaf, "p256.pem").answer(&world);
        refused(&outcome, 403, UNTRUSTED, reason);
    }
    // An intermediate may be the anchor.
    let mut partial = plan();
    partial.anchors[0].2 = certificates("issuing.pem");
    granted(&call(&[]).answer(&World::new(partial).unwrap()));
}

#[test]
fn six_certificates_in_the_chain_are_too_many() {
    let world = World::new(plan()).unwrap();
    let call = |chain| Call::of("leaf-issued.pem", "p256.pem").chain(chain);
    let five = &[
        "issuing.pem",
        "root.pem",
        "leaf.pem",
        "leaf-rsa.pem",
        "leaf-p384.pem",
    ];
    granted(&call(five).answer(&world));
    let six = &[
        "issuing.pem",
        "root.pem",
        "leaf.pem",
        "leaf-rsa.pem",
        "leaf-p384.pem",
        "expired.pem",
    ];
    refused(
        &call(six).answer(&world),
        403,
        "Invalid signature",
        "6 certificates",
    );
}

#[test]
fn a_revoked_certificate_is_refused_by_its_issuers_list_only() {
    let list_by = |cert: PathBuf, issuer: &str, serial: &str| -> Crl {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let key = testdata("keys").join(format!("{issuer}.pem"));
        fs::write(
            path("index"),
            format!("R\t950101000000Z\t250601000000Z,keyCompromise\t{serial}\tunknown\t/CN=x\n"),
        )
        .unwrap();
        fs::write(path("number"), "01\n").unwrap();
        fs::write(
            path("cnf"),
            format!(
                "[ca]\ndefault_ca=d\n[d]\ndatabase={}\ncrlnumber={}\ndefault_md=sha256\ndefault_crl_days=30\n",
                path("index").display(),
                path("number").display()
            ),
        )
        .unwrap();
        let run = capture(
            std::process::Command::new("openssl")
                .args(["ca", "-gencrl", "-config"])
                .arg(path("cnf"))
                .arg("-keyfile")
                .arg(key)
                .arg("-cert")
                .arg(cert)
                .arg("-out")
                .arg(path("crl.pem")),
        );
        assert_eq!(run.code, 0, "{run:?}");
        Crl::read(&fs::read(path("crl.pem")).unwrap(), "crl.pem").unwrap()
    };
    let list = |issuer: &str, serial: &str| {
        list_by(
            testdata("certs").join(format!("{issuer}.pem")),
            issuer,
            serial,
        )
    };
    let with = |crl: Crl| {
        let mut plan = plan();
        plan.crls = vec![crl];
        World::new(plan).unwrap()
    };
    let issued = || Call::of("leaf-issued.pem", "p256.pem").chain(&["issuing.pem"]);
    const REVOKED: &str = "Certificate revoked";
    let outcome = Call::of("leaf.pem", "p256.pem").answer(&with(list("root", "2001")));
    refused(&outcome, 403, REVOKED, "serial number 2001");
    refused(
        &issued().answer(&with(list("issuing", "2004"))),
        403,
        REVOKED,
        "2004",
    );
    // The intermediate itself is revoked by the root.
    refused(
        &issued().answer(&with(list("root", "1002"))),
        403,
        REVOKED,
        "1002",
    );
    // The same key, the same name in another string type.
    let directory = tempfile::tempdir().unwrap();
    let (config, renamed) = (
        directory.path().join("cnf"),
        directory.path().join("cert.pem"),
    );
    fs::write(&config, "[req]\ndistinguished_name=dn\nstring_mask=default\nprompt=no\n[dn]\nO=Example Corp\nCN=Test Root\n").unwrap();
    let run = capture(
        std::process::Command::new("openssl")
            .args(["req", "-x509", "-new", "-config"])
            .arg(&config)
            .arg("-key")
            .arg(testdata("keys/root.pem"))
            .arg("-out")
            .arg(&renamed),
    );
    assert_eq!(run.code, 0, "{run:?}");
    let outcome = Call::of("leaf.pem", "p256.pem").answer(&with(list_by(renamed, "root", "2001")));
    refused(&outcome, 403, REVOKED, "serial number 2001");
    granted(&issued().answer(&with(list("root", "2004"))));
    granted(&Call::of("leaf.pem", "p256.pem").answer(&with(list("root", "2002"))));
}

#[test]
fn anchors_profiles_and_roles_have_their_messages() {
    let call = || Call::of("leaf.pem", "p256.pem");
    let world = World::new(plan()).unwrap();
    let other = |arn: &str| arn.replace("1111", "9999").replace("6666", "9999");
    refused(
        &call().with("trustAnchorArn", other(ANCHOR)).answer(&world),
        403,
        "Specified Trust Anchor wasn't found.",
        "no trust anchor",
    );
    refused(
        &call().with("profileArn", other(PROFILE)).answer(&world),
        403,
        "Invalid or empty profile provided.",
        "no profile",
    );
    refused(
        &call().with("roleArn", format!("{ROLE}2")).answer(&world),
        403,
        "Requested Role isn't one of those listed in the Profile.",
        "does not list",
    );
    refused(
        &call().with("roleSessionName", "me").answer(&world),
        403,
        "Not authorized to set roleSessionName.",
        "acceptRoleSessionName",
    );
    let disabled = |arn: &str| {
        let mut plan = plan();
        plan.disabled = vec![arn.to_owned()];
        World::new(plan).unwrap()
    };
    refused(
        &call().answer(&disabled(ANCHOR)),
        403,
        "Specified Trust Anchor is disabled.",
        "disabled",
    );
    refused(
        &call().answer(&disabled(PROFILE)),
        403,
        "Invalid or empty profile provided.",
        "disabled",
    );
    let mut accepting = plan();
    accepting.accepts_session_name = true;
    let outcome = call()
        .with("roleSessionName", "me@here")
        .answer(&World::new(accepting).unwrap());
    granted(&outcome);
    let arn = outcome.body["credentialSet"][0]["assumedRoleUser"]["arn"].as_str();
    assert!(arn.unwrap().ends_with("assumed-role/app/me@here"));
}

#[test]
fn durations_are_lowered_to_the_profiles_and_held_to_the_roles() {
    let lasting = |world: &World, seconds: u32| {
        let outcome = Call::of("leaf.pem", "p256.pem")
            .with("durationSeconds", seconds)
            .answer(world);
        let text = outcome.body["credentialSet"][0]["credentials"]["expiration"]
            .as_str()
            .map(|text| text.parse::<DateTime<Utc>>().unwrap());
        (outcome, text.map(|end| (end - now()).num_seconds()))
    };
    let world = World::new(plan()).unwrap();
    assert_eq!(lasting(&world, 900).1, Some(900));
    assert_eq!(lasting(&world, 43_200).1, Some(3600));
    let mut long = plan();
    long.profile_duration = SessionDuration::try_from(7200).unwrap();
    let long = World::new(long).unwrap();
    assert_eq!(lasting(&long, 3600).1, Some(3600));
    refused(
        &lasting(&long, 3601).0,
        403,
        "Unable to assume role for arn:aws:iam::123456789012:role/app The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        "3601 s",
    );
    for (seconds, constraint) in [
        (899, "greater than or equal to 900"),
        (43_201, "less than or equal to 43200"),
    ] {
        refused(
            &lasting(&world, seconds).0,
            400,
            &format!(
                "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value {constraint}"
            ),
            "durationSeconds",
        );
    }
}

#[test]
fn malformed_members_are_validation_errors() {
    let world = World::new(plan()).unwrap();
    for (member, value) in [
        ("roleArn", json!(null)),
        ("roleArn", json!("x")),
        ("roleArn", json!(7)),
        ("profileArn", json!(ANCHOR)),
        ("durationSeconds", json!("900")),
        ("durationSeconds", json!(900.5)),
        ("roleSessionName", json!("a b")),
        ("instanceProperties", json!({ "": "x" })),
    ] {
        let outcome = Call::of("leaf.pem", "p256.pem")
            .with(member, value.clone())
            .answer(&world);
        assert_eq!(outcome.status, 400, "{member} {value}: {outcome:?}");
        assert_eq!(outcome.error_type, Some("ValidationException"));
    }
    let mut call = Call::of("leaf.pem", "p256.pem");
    call.body = json!([]);
    assert_eq!(call.answer(&world).status, 400);
}

#[test]
fn an_anchor_must_be_a_ca() {
    let with = |name: &str| {
        let mut plan = plan();
        plan.anchors[0].2 = certificates(name);
        World::new(plan).map(|_| ()).unwrap_err()
    };
    assert!(matches!(with("leaf.pem"), WorldError::AnchorNotCa { .. }));
    assert!(matches!(
        with("no-cert-sign.pem"),
        WorldError::AnchorNotCa { .. }
    ));
    let mut three = plan();
    three.anchors[0].2 = ["root.pem", "issuing.pem", "sub-issuing.pem"]
        .iter()
        .flat_map(|name| certificates(name))
        .collect();
    assert!(matches!(
        World::new(three),
        Err(WorldError::AnchorTooLarge { count: 3, .. })
    ));
}
