//! A request and an account, made of what a case describes. Whatever it does not
//! describe is such that the session is granted.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use windlass::admission::policy::TrustPolicy;
use windlass::admission::{
    Anchor, AnchorFacts, AttributeMapping, CertificateField, Known, Profile, Role, RoleFacts,
    Situation, StaleLists,
};
use windlass::pki::{Certificate, Crl};
use windlass::rolesanywhere::{ProfileArn, Region, RoleArn, SessionDuration, TrustAnchorArn};

use crate::lint::build::{
    BC, Cert, EKU, KU, NC, OU, SAN, common_name, ec_key, entry, ext, ia5, modulus, name, oid, pair,
    point, printable, purposes, rsa_key, seq, spki, tlv, usage, utc, utf8,
};
use crate::paths::make::{Ca, basic};

const ANCHOR: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555";
const PROFILE: &str =
    "arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-9999-aaaaaaaaaaaa";
const ROLE: &str = "arn:aws:iam::123456789012:role/app";

pub struct Scenario {
    now: DateTime<Utc>,
    region: Region,
    clock_ahead: TimeDelta,
    signed_region: String,
    signature: Result<(), String>,
    leaf: Certificate,
    chain: Vec<Certificate>,
    anchor_arn: TrustAnchorArn,
    profile_arn: ProfileArn,
    role_arn: RoleArn,
    duration: Option<i64>,
    session_name: Option<String>,
    properties: Option<BTreeMap<String, String>>,
    anchor: Option<Anchor>,
    crls: Vec<Crl>,
    stale_lists: StaleLists,
    profile: Option<Profile>,
    role: Option<Role>,
}

/// What a case has there, or else this.
fn text<'a>(value: &'a Value, default: &'a str) -> &'a str {
    value.as_str().unwrap_or(default)
}

fn list(value: &Value) -> Vec<String> {
    let each = value.as_array().into_iter().flatten();
    each.map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn duration(value: &Value) -> SessionDuration {
    let seconds = value.as_u64().unwrap_or(3600);
    SessionDuration::try_from(u32::try_from(seconds).unwrap()).unwrap()
}

impl Scenario {
    pub fn read(case: &Value) -> Self {
        let site = Site::read(case);
        let request = &case["request"];
        let properties = request["instance_properties"].as_object().map(|pairs| {
            let pairs = pairs.iter();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            pairs
                .map(|(name, value)| (name.clone(), text(value)))
                .collect()
        });
        Self {
            now: text(&case["now"], "2026-06-01T00:00:00Z").parse().unwrap(),
            region: text(&request["region"], "us-east-1").parse().unwrap(),
            clock_ahead: TimeDelta::seconds(request["clock_ahead"].as_i64().unwrap_or(0)),
            signed_region: text(
                &request["signed_region"],
                text(&request["region"], "us-east-1"),
            )
            .to_owned(),
            signature: match request["signature"].as_str() {
                Some(reason) => Err(reason.to_owned()),
                None => Ok(()),
            },
            anchor_arn: text(&request["anchor_arn"], ANCHOR).parse().unwrap(),
            profile_arn: text(&request["profile_arn"], PROFILE).parse().unwrap(),
            role_arn: text(&request["role_arn"], ROLE).parse().unwrap(),
            duration: request["duration"].as_i64(),
            session_name: request["session_name"].as_str().map(str::to_owned),
            properties,
            anchor: anchor(case, &site),
            crls: site.crls(&case["crls"]),
            stale_lists: match case["stale_lists"].as_str() {
                Some("refuse") => StaleLists::Refuse,
                _ => StaleLists::Honoured,
            },
            profile: profile(case),
            role: role(case),
            leaf: site.leaf,
            chain: site.chain,
        }
    }

    /// Gives the situation, which borrows from here.
    pub fn with<T>(&self, look: impl FnOnce(&Situation<'_>) -> T) -> T {
        look(&Situation {
            now: Some(self.now),
            region: Some(&self.region),
            clock_ahead: Some(self.clock_ahead),
            clock_window: None,
            signed_region: Some(&self.signed_region),
            signature: Some(self.signature.as_ref().copied().map_err(String::as_str)),
            leaf: Some(&self.leaf),
            chain: Some(&self.chain),
            anchor_arn: Some(&self.anchor_arn),
            profile_arn: Some(&self.profile_arn),
            role_arn: Some(&self.role_arn),
            duration: Known::of(self.duration),
            session_name: Known::of(self.session_name.as_deref()),
            instance_properties: Known::of(self.properties.as_ref()),
            anchor: Known::of(self.anchor.as_ref().map(AnchorFacts::from)),
            crls: Some(&self.crls),
            stale_lists: self.stale_lists,
            profile: Known::of(self.profile.as_ref()),
            role: Known::of(self.role.as_ref().map(RoleFacts::from)),
        })
    }
}

fn is_absent(value: &Value) -> bool {
    value.as_str() == Some("absent")
}

fn anchor(case: &Value, site: &Site) -> Option<Anchor> {
    let described = &case["anchor"];
    if is_absent(described) {
        return None;
    }
    let names = match described["certificates"].as_array() {
        Some(_) => list(&described["certificates"]),
        None => vec!["root".to_owned()],
    };
    Some(Anchor {
        arn: ANCHOR.parse().unwrap(),
        certificates: names.iter().map(|name| site.certificate(name)).collect(),
        enabled: described["enabled"].as_bool().unwrap_or(true),
    })
}

fn profile(case: &Value) -> Option<Profile> {
    let described = &case["profile"];
    if is_absent(described) {
        return None;
    }
    let mut mapping = AttributeMapping::default();
    for (field, specifiers) in described["mapping"].as_object().into_iter().flatten() {
        let specifiers = list(specifiers);
        let specifiers = specifiers.iter().map(|one| one.parse().unwrap());
        mapping.put(
            CertificateField::named(field).unwrap(),
            specifiers.collect(),
        );
    }
    let roles = match described["roles"].as_array() {
        Some(_) => list(&described["roles"]),
        None => vec![text(&case["request"]["role_arn"], ROLE).to_owned()],
    };
    Some(Profile {
        arn: PROFILE.parse().unwrap(),
        roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        duration: duration(&described["duration"]),
        accepts_session_name: described["accepts_session_name"].as_bool().unwrap_or(false),
        require_instance_properties: false,
        mapping,
        enabled: described["enabled"].as_bool().unwrap_or(true),
    })
}

fn role(case: &Value) -> Option<Role> {
    let described = &case["role"];
    if is_absent(described) {
        return None;
    }
    let document = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": described.get("statements").cloned().unwrap_or_else(|| {
            serde_json::json!([{
                "Effect": "Allow",
                "Principal": { "Service": "rolesanywhere.amazonaws.com" },
                "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
                "Condition": described.get("condition").cloned().unwrap_or_else(|| serde_json::json!({})),
            }])
        }),
    });
    Some(Role {
        arn: text(&case["request"]["role_arn"], ROLE).parse().unwrap(),
        max_duration: duration(&described["max_duration"]),
        trust_policy: Some(TrustPolicy::read(document.to_string().as_bytes()).unwrap()),
    })
}

/// The CAs of a case: a root, those below it, and two that are none of its own.
struct Site {
    cas: Vec<(String, Ca, Certificate)>,
    leaf: Certificate,
    chain: Vec<Certificate>,
}

impl Site {
    fn read(case: &Value) -> Self {
        let root = named("Test Root", &case["root"]);
        let certificate = root.root_with(|cert| edit_ca(cert, &case["root"]));
        let mut cas = vec![("root".to_owned(), root, certificate)];
        for (index, described) in case["intermediates"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let ca = named(&format!("Test CA {index}"), described);
            let (_, above, _) = cas.last().unwrap();
            let certificate = above.certify(&ca, |cert| edit_ca(cert, described));
            cas.push((format!("ca-{index}"), ca, certificate));
        }
        let lowest = cas.len() - 1;
        // Of another name; and of the same name, with another key.
        for (label, common) in [("stranger", "Another Root"), ("namesake", "Test Root")] {
            let ca = Ca::named(common);
            let certificate = ca.root();
            cas.push((label.to_owned(), ca, certificate));
        }
        let described = &case["leaf"];
        let signer = match described["issued_by"].as_str() {
            Some(label) => cas.iter().position(|(name, ..)| name == label).unwrap(),
            None => lowest,
        };
        let leaf = cas[signer].1.leaf(|cert| edit_leaf(cert, described));
        let mut site = Self {
            cas,
            leaf,
            chain: Vec::new(),
        };
        site.chain = match case["chain"].as_array() {
            Some(_) => list(&case["chain"])
                .iter()
                .map(|label| site.certificate(label))
                .collect(),
            None => site.cas[1..=lowest].iter().map(|ca| ca.2.clone()).collect(),
        };
        site
    }

    fn certificate(&self, label: &str) -> Certificate {
        if label == "leaf" {
            return self.leaf.clone();
        }
        let found = self.cas.iter().find(|(name, ..)| name == label);
        found
            .unwrap_or_else(|| panic!("no certificate {label}"))
            .2
            .clone()
    }

    fn crls(&self, described: &Value) -> Vec<Crl> {
        let each = described.as_array().into_iter().flatten();
        each.map(|one| {
            let by = one["by"].as_str().unwrap();
            let (_, ca, _) = self.cas.iter().find(|(name, ..)| name == by).unwrap();
            let serials = one["revoked"].as_array().into_iter().flatten();
            let serials: Vec<u8> = serials
                .map(|serial| u8::try_from(serial.as_u64().unwrap()).unwrap())
                .collect();
            ca.list(&serials, |list| {
                if let Some(end) = one["next_update"].as_str() {
                    list.next_update = utc(end);
                    list.this_update = utc("260401000000Z");
                }
                if let Some(count) = one["entries"].as_u64() {
                    let serial = |number: u64| [&[0x51], &number.to_be_bytes()[..]].concat();
                    let entries: Vec<Vec<u8>> = (0..count)
                        .map(|number| entry(&serial(number), utc("260401000000Z"), &[]))
                        .collect();
                    list.entries = seq(&entries);
                }
            })
        })
        .collect()
    }
}

/// A CA, with the name that is described or else this.
fn named(default: &str, described: &Value) -> Ca {
    match described["subject"].as_array() {
        Some(_) => Ca::new(subject(&described["subject"])),
        None => Ca::new(common_name(default)),
    }
}

fn edit_ca(cert: &mut Cert, described: &Value) {
    let length = described["path_length"].as_u64();
    let is_ca = described["ca"].as_bool().unwrap_or(true);
    cert.set(match is_ca {
        true => ext(
            BC,
            true,
            basic(length.map(|length| u8::try_from(length).unwrap())),
        ),
        false => ext(BC, true, seq(&[])),
    });
    // A permitted subtree of DNS names.
    if let Some(domain) = described["permitted_dns"].as_str() {
        let subtree = seq(&[tlv(0x82, domain.as_bytes())]);
        cert.set(ext(NC, true, seq(&[tlv(0xa0, &subtree)])));
    }
    // requireExplicitPolicy of 0.
    if described["demands_policy"] == true {
        let constraints = seq(&[tlv(0x80, &[0])]);
        cert.set(ext("2.5.29.36", true, constraints));
    }
    edit(cert, described);
}

fn edit_leaf(cert: &mut Cert, described: &Value) {
    cert.not_before = utc("260101000000Z");
    if described["ca"] == true {
        cert.set(ext(BC, true, basic(None)));
    }
    if let Some(purpose) = described["purpose"].as_str() {
        cert.set(ext(EKU, false, purposes(&[purpose])));
    }
    if described["without_purposes"] == true {
        cert.drop(EKU);
    }
    // certificatePolicies with one that is any.
    if described["policy"].is_string() {
        let policies = seq(&[seq(&[oid(described["policy"].as_str().unwrap())])]);
        cert.set(ext("2.5.29.32", false, policies));
    }
    edit(cert, described);
}

/// What can be said of every certificate.
fn edit(cert: &mut Cert, described: &Value) {
    if described["version"] == 1 {
        cert.version = Vec::new();
        cert.without_extensions = true;
    }
    match described["key_usage"].as_str() {
        None => {}
        Some("none") => cert.drop(KU),
        Some("digitalSignature") => cert.set(usage(&[7, 0x80])),
        Some("keyEncipherment") => cert.set(usage(&[5, 0x20])),
        Some("both") => cert.set(usage(&[5, 0xa0])),
        Some(other) => panic!("no usage {other}"),
    }
    match described["key"].as_str() {
        None => {}
        Some("rsa1024") => cert.key = rsa_key(&modulus(1024), &[1, 0, 1]),
        Some("rsa2048") => cert.key = rsa_key(&modulus(2048), &[1, 0, 1]),
        Some("ed25519") => cert.key = spki(&[oid("1.3.101.112")], &[9; 32]),
        Some("p384") => cert.key = ec_key("1.3.132.0.34", &point(4, 96)),
        Some(other) => panic!("no key {other}"),
    }
    // ecdsa-with-SHA1, in the name alone.
    if described["hash"] == "sha1" {
        let algorithm = seq(&[oid("1.2.840.10045.4.1")]);
        (cert.inner, cert.outer) = (algorithm.clone(), algorithm);
    }
    if described["subject"].is_array() {
        cert.subject = subject(&described["subject"]);
    }
    let names = list(&described["san"]);
    if !names.is_empty() {
        let names: Vec<Vec<u8>> = names.iter().map(|name| general_name(name)).collect();
        let critical = described["subject"].as_array().is_some_and(Vec::is_empty);
        cert.set(ext(SAN, critical, seq(&names)));
    }
    for (field, time) in [
        ("not_before", &mut cert.not_before),
        ("not_after", &mut cert.not_after),
    ] {
        if let Some(text) = described[field].as_str() {
            *time = utc(text);
        }
    }
    if let Some(id) = described["critical"].as_str() {
        cert.set(ext(id, true, tlv(5, &[])));
    }
    if let Some(id) = described["extension"].as_str() {
        cert.set(ext(id, false, tlv(5, &[])));
    }
}

/// A name of pairs: type, value.
fn subject(pairs: &Value) -> Vec<u8> {
    let attribute = |one: &Value| {
        let (kind, value) = (one[0].as_str().unwrap(), one[1].as_str().unwrap());
        let encoded = match kind {
            "C" => pair("2.5.4.6", printable(value)),
            "CN" => pair("2.5.4.3", utf8(value)),
            "O" => pair("2.5.4.10", utf8(value)),
            "OU" => pair(OU, utf8(value)),
            "L" => pair("2.5.4.7", utf8(value)),
            "ST" => pair("2.5.4.8", utf8(value)),
            "UID" => pair("0.9.2342.19200300.100.1.1", utf8(value)),
            other => panic!("no attribute {other}"),
        };
        tlv(0x31, &encoded)
    };
    let rdns: Vec<Vec<u8>> = pairs.as_array().unwrap().iter().map(attribute).collect();
    match rdns.as_slice() {
        [] => name(&[]),
        rdns => seq(rdns),
    }
}

fn general_name(text: &str) -> Vec<u8> {
    let (kind, value) = text.split_once(':').unwrap();
    let tag = match kind {
        "DNS" => 0x82,
        "URI" => 0x86,
        "email" => 0x81,
        other => panic!("no name {other}"),
    };
    let content = ia5(value);
    // The tag is implicit: the octets are the same.
    let octets = &content[content.len() - value.len()..];
    tlv(tag, octets)
}
