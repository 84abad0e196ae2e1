//! A request as octets before the emulator's verifier: begun with a recorded one
//! whose signature is right. Only what was signed may be granted.
#![no_main]

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use libfuzzer_sys::fuzz_target;
use windlass::emulator::{Received, World, WorldPlan};
use windlass::pki::read_certificates;

const RECORDED: &[u8] =
    include_bytes!("../../../testdata/sigv4-x509/p256-query-sdk-headers/request.txt");
const ANCHOR: &[u8] =
    include_bytes!("../../../testdata/sigv4-x509/p256-query-sdk-headers/anchor.pem");

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let arn = |kind: &str, id: &str| {
        format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/{id}")
    };
    let anchor = arn("trust-anchor", "11111111-2222-4333-8444-555555555555");
    let profile = arn("profile", "66666666-7777-4888-9999-aaaaaaaaaaaa");
    World::new(WorldPlan {
        anchors: vec![(
            Some(anchor.parse().unwrap()),
            "anchor".to_owned(),
            read_certificates(ANCHOR, "anchor").unwrap(),
        )],
        crls: Vec::new(),
        profiles: vec![profile.parse().unwrap()],
        roles: vec!["arn:aws:iam::123456789012:role/workloads/app-role".parse().unwrap()],
        region: None,
        profile_duration: 3600.try_into().unwrap(),
        role_max_duration: 3600.try_into().unwrap(),
        accepts_session_name: false,
        disabled: Vec::new(),
        clock_window: TimeDelta::minutes(5),
    })
    .unwrap()
});

/// The octets as a request, whatever a server would say of them.
fn received(bytes: &[u8]) -> Option<Received> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Some(Received {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().as_bytes().to_vec()))
            .collect(),
        body: bytes[end + 4..].to_vec(),
    })
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_768_478_400, 0).unwrap()
}

fuzz_target!(|bytes: &[u8]| {
    static RIGHT: LazyLock<Received> = LazyLock::new(|| {
        let right = received(RECORDED).unwrap();
        assert_eq!(WORLD.answer(&right, now()).status, 201);
        right
    });
    let Some(request) = received(bytes) else {
        return;
    };
    let outcome = WORLD.answer(&request, now());
    if outcome.status == 201 {
        assert_eq!(request.method, RIGHT.method);
        assert_eq!(request.path, RIGHT.path);
        assert_eq!(request.body, RIGHT.body);
        for name in ["host", "content-type", "x-amz-date", "x-amz-x509"] {
            assert!(request.values(name).eq(RIGHT.values(name)), "{name}");
        }
        assert_eq!(request.values("x-amz-x509-chain").count(), 0);
    } else {
        let reason = outcome.reason.expect("every refusal has its reason");
        assert!(!reason.chars().any(char::is_control), "{reason:?}");
    }
});
