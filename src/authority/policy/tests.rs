//! Each rule with what it allows and what it refuses, and what it says then.

use super::*;
use crate::authority::{IssueRequest, RequestedKey};
use crate::key::{KeyAlgorithm, KeyType};

fn policy(rules: &str) -> Policy {
    let text = format!("[profiles.web]\n{rules}\n");
    let (profiles, default) = file::parse(&text).unwrap();
    Policy {
        profiles,
        default,
        digest: "digest".to_owned(),
    }
}

/// A request from words: `CN=`, `O=`, `OU=`, `days=`, else alternative names.
fn request(words: &str) -> IssueRequest {
    let mut request = IssueRequest {
        common_name: "web-1".parse().unwrap(),
        organization: None,
        organizational_units: Vec::new(),
        names: Vec::new(),
        key: RequestedKey::New(KeyType::P256),
        days: None,
        profile: None,
        request_id: None,
    };
    for word in words.split_whitespace() {
        match word.split_once('=') {
            Some(("CN", name)) => request.common_name = name.parse().unwrap(),
            Some(("O", name)) => request.organization = Some(name.parse().unwrap()),
            Some(("OU", name)) => request.organizational_units.push(name.parse().unwrap()),
            Some(("days", days)) => request.days = Some(days.parse().unwrap()),
            _ => request.names.push(word.parse().unwrap()),
        }
    }
    request
}

fn snapshot(name: &str, text: &str) {
    insta::with_settings!({
        snapshot_path => "../../../tests/it/snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn each_rule_allows_and_refuses_what_it_says() {
    use KeyAlgorithm as K;
    let (p256, rsa) = (K::EcP256, K::Rsa { bits: 2048 });
    let odd = K::Rsa { bits: 2304 };
    let mut refusals = String::new();
    for (rules, words, key, refused_by) in [
        (
            "",
            "OU=x a.example.com 10.0.0.1 spiffe://a/b o@a.b days=3650",
            p256,
            None,
        ),
        ("", "days=3651", p256, Some("max_days")),
        ("cn.allow = ['web-*']", "CN=web-9", p256, None),
        ("cn.allow = ['web-*']", "CN=db-1", p256, Some("cn.allow")),
        ("cn.allow = []", "CN=web-1", p256, Some("cn.allow")),
        (
            "cn.allow = ['*']\ncn.deny = ['admin*']",
            "CN=Administrator",
            p256,
            Some("cn.deny"),
        ),
        ("cn.allow = ['web']", "CN=WEB", p256, Some("cn.allow")),
        ("o.allow = ['Corp']", "O=Corp", p256, None),
        ("o.allow = ['Corp']", "", p256, None),
        ("o.allow = ['Corp']", "O=Evil", p256, Some("o.allow")),
        ("ou.allow = ['a', 'b']", "OU=a OU=b", p256, None),
        ("ou.allow = ['a', 'b']", "OU=a OU=c", p256, Some("ou.allow")),
        ("ou.deny = ['root']", "OU=root", p256, Some("ou.deny")),
        (
            "dns.allow = ['.example.com']",
            "DNS:a.example.com",
            p256,
            None,
        ),
        (
            "dns.allow = ['.example.com']",
            "DNS:example.com",
            p256,
            Some("dns.allow"),
        ),
        (
            "dns.allow = ['.example.com']",
            "DNS:a.example.com.evil.org",
            p256,
            Some("dns.allow"),
        ),
        ("dns.allow = []", "10.0.0.1", p256, None),
        (
            "dns.deny = ['admin.example.com']",
            "DNS:*.example.com",
            p256,
            Some("dns.deny"),
        ),
        (
            "dns.wildcards = false",
            "DNS:*.example.com",
            p256,
            Some("dns.wildcards"),
        ),
        (
            "ip.allow = ['10.0.0.0/8', '2001:db8::/32']",
            "10.9.9.9 2001:db8::9",
            p256,
            None,
        ),
        (
            "ip.allow = ['10.0.0.0/8']",
            "10.0.0.1 11.0.0.1",
            p256,
            Some("ip.allow"),
        ),
        (
            "ip.deny = ['10.0.0.0/8']",
            "::ffff:10.0.0.1",
            p256,
            Some("ip.deny"),
        ),
        (
            "uri.allow = ['spiffe://a/web']",
            "spiffe://a/web/1",
            p256,
            None,
        ),
        (
            "uri.allow = ['spiffe://a/web']",
            "spiffe://a/website",
            p256,
            Some("uri.allow"),
        ),
        (
            "uri.allow = ['spiffe://a/web']",
            "spiffe://a/web/../admin",
            p256,
            Some("uri.allow"),
        ),
        (
            "uri.deny = ['spiffe://a/admin']",
            "URI:SPIFFE://A/%61dmin/1",
            p256,
            Some("uri.deny"),
        ),
        (
            "email.allow = ['example.com']",
            "ops@EXAMPLE.com",
            p256,
            None,
        ),
        (
            "email.allow = ['example.com']",
            "ops@evil.org",
            p256,
            Some("email.allow"),
        ),
        ("keys.allow = ['p256', 'rsa2048']", "", rsa, None),
        (
            "keys.allow = ['p256', 'rsa2048']",
            "",
            odd,
            Some("keys.allow"),
        ),
        ("keys.allow = ['rsa']", "", odd, None),
        ("keys.deny = ['rsa']", "", rsa, Some("keys.deny")),
        ("max_days = 30", "days=30", p256, None),
        ("max_days = 30", "days=31", p256, Some("max_days")),
    ] {
        let judged = policy(rules)
            .profile(None)
            .unwrap()
            .judge(&request(words), key);
        let rule = judged.first().map(|refusal| refusal.rule.clone());
        let expected = refused_by.map(|rule| format!("profiles.web.{rule}"));
        assert_eq!(rule, expected, "{rules}: {words}");
        for refusal in judged {
            refusals.push_str(&format!(
                "{}: {words}\n  {refusal}\n",
                rules.replace('\n', "; ")
            ));
        }
    }
    snapshot("policy_refusals", &refusals);
}

#[test]
fn what_a_file_cannot_say_is_named_with_its_line() {
    let mut faults = String::new();
    for text in [
        "",
        "[profile.web]",
        "defualt = 'web'\n[profiles.web]",
        "default = 'db'\n[profiles.web]",
        "profiles = 1",
        "[profiles.web]\n\nmax_day = 3",
        "[profiles.web]\ncn.alow = ['a']",
        "[profiles.web]\ncn.allow = 'a'",
        "[profiles.web]\ncn.allow = [\n  'a',\n  7,\n]",
        "[profiles.web]\ncn = ['a']",
        "[profiles.web]\ncn.allow = ['']",
        "[profiles.web]\nsan.allow = ['a']",
        "[profiles.web]\ndns.allow = ['*.example.com']",
        "[profiles.web]\ndns.wildcards = 'no'",
        "[profiles.web]\nip.wildcards = true",
        "[profiles.web]\nip.allow = ['10.0.0.1/8']",
        "[profiles.web]\nuri.allow = ['/web']",
        "[profiles.web]\nkeys.allow = ['dsa']",
        "[profiles.web]\ndays = 31\nmax_days = 30",
        "[profiles.web]\nmax_days = 0",
        "[profiles.web]\nper_day = -1",
        "[profiles.'a b']",
        "[profiles.web]\ncn.allow = ['a']\ncn.allow = ['b']",
        "[profiles.web\n",
    ] {
        let (line, reason) = file::parse(text).unwrap_err();
        faults.push_str(&format!("{text:?}\n  line {line}: {reason}\n"));
    }
    snapshot("policy_faults", &faults);
}

#[test]
fn a_profile_is_found_by_name_or_is_the_default_or_the_only_one() {
    let read = |text: &str| {
        let (profiles, default) = file::parse(text).unwrap();
        Policy {
            profiles,
            default,
            digest: String::new(),
        }
    };
    let one = read("[profiles.a]\n");
    assert_eq!(one.profile(None).unwrap().name(), Some("a"));
    let two = read("[profiles.a]\n[profiles.b]\nmax_days = 7\n");
    assert!(
        matches!(two.profile(None), Err(Error::NoDefaultProfile { known }) if known == ["a", "b"])
    );
    assert_eq!(two.profile(Some("b")).unwrap().days(), 7);
    assert!(matches!(two.profile(Some("c")), Err(Error::NoProfile { name, .. }) if name == "c"));
    let three = read("default = 'b'\n[profiles.a]\n[profiles.b]\n");
    assert_eq!(three.profile(None).unwrap().name(), Some("b"));
    let none = Policy::built_in();
    assert_eq!(none.profile(None).unwrap().name(), None);
    assert!(none.profile(Some("a")).is_err());
}
