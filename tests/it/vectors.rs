//! testdata/sigv4-x509: every intermediate product of a signature compared with
//! the vector, by the client, and the recorded request judged by the emulator.

mod encodings;
mod forged;
mod wire;

use std::fs;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use serde_json::Value;
use windlass::emulator::{Received, World, WorldPlan};
use windlass::key;
use windlass::pki::{Identity, Sourced, read_certificates};
use windlass::rolesanywhere::{SessionDuration, SignedRequest, Unsigned, sign};

use crate::harness::testdata;

const CASES: [&str; 3] = [
    "chain-two-intermediates",
    "p256-query-sdk-headers",
    "rsa-2048-body",
];

/// One folder of testdata/sigv4-x509.
struct Vector {
    name: String,
    context: Value,
}

impl Vector {
    fn all() -> Vec<Self> {
        let mut names: Vec<String> = fs::read_dir(testdata("sigv4-x509"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, CASES, "the folders and the list differ");
        names
            .into_iter()
            .map(|name| {
                let path = testdata("sigv4-x509").join(&name).join("context.json");
                let context = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
                Self { name, context }
            })
            .collect()
    }

    fn bytes(&self, file: &str) -> Vec<u8> {
        fs::read(testdata("sigv4-x509").join(&self.name).join(file)).unwrap()
    }

    fn text(&self, file: &str) -> String {
        String::from_utf8(self.bytes(file)).unwrap()
    }

    fn string(&self, key: &str) -> &str {
        self.context[key].as_str().unwrap()
    }

    fn at(&self) -> DateTime<Utc> {
        NaiveDateTime::parse_from_str(self.string("amz_date"), "%Y%m%dT%H%M%SZ")
            .unwrap()
            .and_utc()
    }

    fn identity(&self, key_file: &str) -> Identity {
        let key = key::open_software(&self.bytes(key_file), key_file, || Ok(None)).unwrap();
        // The chain in reverse and the root among it: what is sent must not
        // depend on the files' order.
        let files = ["anchor.pem", "chain.pem", "cert.pem"];
        let mut certificates: Vec<Sourced> = files
            .iter()
            .filter(|file| !self.bytes(file).is_empty())
            .flat_map(|file| read_certificates(&self.bytes(file), file).unwrap())
            .map(|certificate| Sourced {
                origin: "vector".to_owned(),
                certificate,
            })
            .collect();
        certificates.reverse();
        Identity::new(Box::new(key), certificates).unwrap()
    }

    fn sign(&self, identity: &Identity) -> SignedRequest {
        let query: Vec<(String, String)> =
            serde_json::from_value(self.context["query_params"].clone()).unwrap();
        let added = ["x-amz-date", "x-amz-x509", "x-amz-x509-chain"];
        let headers: Vec<(String, String)> = self.context["headers"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| !added.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        sign(
            &Unsigned {
                region: &self.string("region").parse().unwrap(),
                query: &query,
                headers: &headers,
                body: self.string("body"),
                at: self.at(),
            },
            identity,
        )
        .unwrap()
    }

    fn world(&self) -> World {
        let anchors = read_certificates(&self.bytes("anchor.pem"), "anchor").unwrap();
        World::new(WorldPlan {
            anchors: vec![(
                Some(self.string("trust_anchor_arn").parse().unwrap()),
                "anchor.pem".to_owned(),
                anchors,
            )],
            crls: Vec::new(),
            profiles: vec![self.string("profile_arn").parse().unwrap()],
            roles: vec![self.string("role_arn").parse().unwrap()],
            region: None,
            profile_duration: SessionDuration::try_from(3600).unwrap(),
            role_max_duration: SessionDuration::try_from(3600).unwrap(),
            accepts_session_name: false,
            disabled: Vec::new(),
            clock_window: TimeDelta::minutes(5),
        })
        .unwrap()
    }

    /// The recorded request, taken apart by hand.
    fn received(&self) -> Received {
        let raw = self.text("request.txt");
        let (head, body) = raw.split_once("\r\n\r\n").unwrap();
        let mut lines = head.split("\r\n");
        let request_line: Vec<&str> = lines.next().unwrap().split(' ').collect();
        let (path, query) = request_line[1]
            .split_once('?')
            .unwrap_or((request_line[1], ""));
        Received {
            method: request_line[0].to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: lines
                .map(|line| line.split_once(':').unwrap())
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().as_bytes().to_vec()))
                .collect(),
            body: body.as_bytes().to_vec(),
        }
    }
}

#[test]
fn every_intermediate_product_is_that_of_the_vector() {
    for vector in Vector::all() {
        let name = &vector.name;
        for key_file in ["key.pem", "key-traditional.pem"] {
            let signed = vector.sign(&vector.identity(key_file));
            assert_eq!(
                signed.canonical_query,
                vector.text("canonical-query.txt"),
                "{name}"
            );
            assert_eq!(
                signed.canonical_request,
                vector.text("canonical-request.txt"),
                "{name}"
            );
            assert_eq!(
                signed.string_to_sign,
                vector.text("string-to-sign.txt"),
                "{name}"
            );
            // RSA PKCS#1 v1.5 and ECDSA by RFC 6979 are both deterministic.
            assert_eq!(signed.signature, vector.text("signature.txt"), "{name}");
            let header = |wanted: &str| {
                signed
                    .headers
                    .iter()
                    .find(|(name, _)| name == wanted)
                    .map(|(_, value)| value.as_str())
            };
            assert_eq!(
                header("authorization").unwrap(),
                vector.text("authorization.txt"),
                "{name}"
            );
            for (expected, value) in vector.context["headers"].as_object().unwrap() {
                assert_eq!(header(expected), value.as_str(), "{name}: {expected}");
            }
        }
    }
}

#[test]
fn the_emulator_grants_every_vector_as_it_is_recorded() {
    for vector in Vector::all() {
        let outcome = vector.world().answer(&vector.received(), vector.at());
        let expect: Value = serde_json::from_str(&vector.text("expect.json")).unwrap();
        assert_eq!(outcome.status, 201, "{}: {:?}", vector.name, outcome.reason);
        let set = &outcome.body["credentialSet"][0];
        assert_eq!(set["sourceIdentity"], expect["source_identity"]);
        let session = set["assumedRoleUser"]["arn"].as_str().unwrap();
        let name = expect["default_role_session_name"].as_str().unwrap();
        assert!(
            session.ends_with(&format!("assumed-role/app-role/{name}")),
            "{session}"
        );
    }
}

#[test]
fn the_principal_of_every_vector_is_derived_as_it_is_recorded() {
    for vector in Vector::all() {
        let pem = vector.text("cert.pem");
        let leaf = &read_certificates(pem.as_bytes(), &vector.name).unwrap()[0];
        let principal = windlass::admission::Principal::of(
            leaf,
            &windlass::admission::AttributeMapping::default(),
        );
        let expect: Value = serde_json::from_str(&vector.text("expect.json")).unwrap();
        assert_eq!(principal.source_identity, expect["source_identity"]);
        assert_eq!(principal.session_name, expect["default_role_session_name"]);
        let tags = principal
            .tags
            .into_iter()
            .map(|tag| (tag.key, tag.value.into()));
        let tags = Value::Object(tags.collect());
        assert_eq!(
            tags, expect["principal_tags_default_mapping"],
            "{}",
            vector.name
        );
    }
}

/// Flips one bit at a time: of the body, of every header that is signed, of the
/// query, of the signature and of the credential. Nothing may pass.
#[test]
fn the_emulator_refuses_every_vector_with_one_bit_changed() {
    for vector in Vector::all() {
        let world = vector.world();
        let original = vector.received();
        let mut changed = Vec::new();
        for index in 0..original.body.len() {
            let mut request = original.clone();
            request.body[index] ^= 1;
            changed.push((format!("body byte {index}"), request));
        }
        for (number, (name, value)) in original.headers.iter().enumerate() {
            if name == "content-length" || name == "user-agent" {
                continue;
            }
            let step = (value.len() / 40).max(1);
            for index in (0..value.len()).step_by(step) {
                let mut request = original.clone();
                request.headers[number].1[index] ^= 1;
                changed.push((format!("{name} byte {index}"), request));
            }
        }
        for index in 0..original.query.len() {
            let mut request = original.clone();
            let mut query = request.query.into_bytes();
            query[index] ^= 1;
            request.query = String::from_utf8(query).unwrap();
            changed.push((format!("query byte {index}"), request));
        }
        assert!(changed.len() > 100);
        for (what, request) in changed {
            let outcome = world.answer(&request, vector.at());
            assert!(
                outcome.status >= 400,
                "{}: {what}: {outcome:?}",
                vector.name
            );
            assert_eq!(outcome.body["message"], "Invalid signature", "{what}");
            assert!(outcome.reason.is_some(), "{what}");
        }
    }
}

/// Nearly the date is not the date.
#[test]
fn the_emulator_takes_dates_in_one_form_only() {
    for text in [
        "20260115T12000Z",
        "2026011 T120000Z",
        "20260115T12 0 0Z",
        "20260115t120000z",
        "2026-01-15T12:00:00Z",
        "20260115T120060Z",
    ] {
        let vector = &Vector::all()[1];
        let mut request = vector.received();
        for (name, value) in &mut request.headers {
            if name == "x-amz-date" {
                *value = text.as_bytes().to_vec();
            }
        }
        let outcome = vector.world().answer(&request, vector.at());
        let reason = outcome.reason.unwrap();
        assert!(reason.contains("X-Amz-Date is not"), "{text}: {reason}");
    }
}

#[test]
fn the_emulator_holds_the_clock_to_its_window() {
    let vector = &Vector::all()[1];
    let world = vector.world();
    let at = |seconds: i64| {
        let now = vector.at() + TimeDelta::seconds(seconds);
        world.answer(&vector.received(), now)
    };
    assert_eq!(at(300).status, 201);
    assert_eq!(at(-300).status, 201);
    for seconds in [301, -301, 86_400] {
        let outcome = at(seconds);
        assert_eq!(outcome.body["message"], "Invalid signature");
        assert!(outcome.reason.unwrap().contains("clock"));
    }
}
