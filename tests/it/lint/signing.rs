//! Nothing is signed that breaks a rule.

use ring::rand::SystemRandom;
use windlass::authority::{Authority, Delivery, Error, IssueRequest, Occasion, RequestedKey};
use windlass::environment::Environment;
use windlass::key::KeyType;
use windlass::pki::GeneralName;
use windlass::store::{self, Query, Record, State};

use crate::ca_state::unlock;
use crate::harness::Sandbox;

fn rows(authority: &Authority) -> Vec<Record> {
    let mut rows = Vec::new();
    let collect = |row| -> Result<(), store::Error> {
        rows.push(row);
        Ok(())
    };
    let inventory = authority.inventory();
    inventory.find(&Query::default(), collect).unwrap();
    rows
}

/// A name that could not be typed reaches the CA all the same: by a mistake of
/// ours. It is refused before the key is used, and the inventory and the log say
/// what became of the serial number.
#[test]
fn what_breaks_a_rule_is_settled_and_logged_and_not_signed() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let passphrase = sandbox.read("passphrase").trim_end().to_owned();
    let environment = Environment::default();
    let unlock = unlock(&passphrase, &environment);
    let authority = Authority::open(&sandbox.path("ca"), &unlock).unwrap();
    let request = |uri: &str| IssueRequest {
        common_name: "web-1".parse().unwrap(),
        organization: None,
        organizational_units: Vec::new(),
        names: vec![GeneralName::Uri(uri.to_owned())],
        key: RequestedKey::New(KeyType::P256),
        days: None,
        profile: None,
        request_id: None,
    };
    let occasion = Occasion {
        actor: "tester@here",
        comment: None,
        at: chrono::Utc::now(),
        accept_clock: false,
    };
    let issue = |uri: &str| {
        let delivery = Delivery::directory(&sandbox.path("web-1")).unwrap();
        authority.issue(&request(uri), delivery, &occasion, &SystemRandom::new())
    };
    let before = rows(&authority).len();
    let error = issue("relative").unwrap_err();
    let Error::Lint { finding } = &error else {
        panic!("{error:?}");
    };
    assert!(
        finding.contains("'relative' is relative (san_uri, "),
        "{finding}"
    );
    assert!(!sandbox.path("web-1").exists());

    let records = rows(&authority);
    assert_eq!(records.len(), before + 1);
    let record = records
        .iter()
        .find(|record| record.common_name == "web-1")
        .unwrap();
    assert_eq!(record.state, State::Abandoned);
    assert_eq!(record.der, None);
    let log = authority.inventory().log_of(&record.serial).unwrap();
    let entry = log.last().unwrap();
    assert_eq!(entry.action, "abandon");
    assert!(entry.detail.contains("san_uri"), "{}", entry.detail);

    // The same with a good name is signed.
    issue("urn:a:b").unwrap();
}
