//! `NO_PROXY` lists, and the host of a URL: what is listed itself is covered,
//! and more entries never cover less. Behind the first line break comes the host.
#![no_main]

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use windlass::rolesanywhere::{NoProxy, ProxyUrl};

fuzz_target!(|text: &str| {
    let _ = text.parse::<ProxyUrl>();
    let (list, host) = text.split_once('\n').unwrap_or((text, text));
    let covered = NoProxy::read(list).covers(host, 443);
    if covered {
        let longer = format!("x.example,{list},192.0.2.0/24");
        assert!(NoProxy::read(&longer).covers(host, 443), "{longer}");
    }
    if host.parse::<IpAddr>().is_ok() {
        let own = NoProxy::read(host);
        assert!(own.covers(host, 443), "an address covers itself");
        assert!(own.covers(&format!("[{host}]"), 443), "in brackets too");
    } else if is_name(host) {
        let own = NoProxy::read(host);
        assert!(own.covers(host, 443), "a name covers itself");
        assert!(
            own.covers(&format!("sub.{host}"), 443),
            "and what is below it"
        );
        assert!(!own.covers(&format!("sub{host}"), 443), "but no other name");
    }
});

/// Whether these are labels of a name, the last of which is no number: as the
/// host of a URL that would be an address.
fn is_name(host: &str) -> bool {
    let labels: Vec<&str> = host.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
    };
    labels.iter().all(is_label)
        && labels
            .last()
            .is_some_and(|last| last.bytes().any(|octet| octet.is_ascii_alphabetic()))
}
