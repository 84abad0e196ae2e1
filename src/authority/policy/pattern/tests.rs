use super::*;

#[test]
fn stars_stand_for_any_run_of_characters() {
    for (pattern, text, allowed, denied) in [
        ("web-*", "web-1", true, true),
        ("web-*", "web-", true, true),
        ("web-*", "Web-1", false, true),
        ("*.example.com", "a.example.com", true, true),
        ("a*b*c", "a-b-b-c", true, true),
        ("a*b*c", "a-b-b-d", false, false),
        ("web", "web-1", false, false),
        ("", "", true, true),
        ("*", "", true, true),
        ("**a", "ba", true, true),
    ] {
        assert_eq!(
            text_matches(pattern, text, false),
            allowed,
            "{pattern} {text}"
        );
        assert_eq!(
            text_matches(pattern, text, true),
            denied,
            "{pattern} {text}"
        );
    }
    // No pattern takes exponential time.
    assert!(!text_matches(&"a*".repeat(30), &"a".repeat(29), false));
}

#[test]
fn a_wildcard_name_is_denied_with_what_it_stands_for() {
    for (pattern, name, allowed, denied) in [
        ("example.com", "example.com", true, true),
        ("example.com", "a.example.com", false, false),
        (".example.com", "a.example.com", true, true),
        (".example.com", "example.com", false, false),
        (".example.com", "aexample.com", false, false),
        (".example.com", "*.example.com", true, true),
        ("admin.example.com", "*.example.com", false, true),
        ("x.admin.example.com", "*.example.com", false, false),
        (".admin.example.com", "*.example.com", false, false),
    ] {
        assert_eq!(
            domain_matches(pattern, name, false),
            allowed,
            "{pattern} {name}"
        );
        assert_eq!(
            domain_matches(pattern, name, true),
            denied,
            "{pattern} {name}"
        );
    }
    assert!(domain("*.example.com").is_err());
    assert_eq!(domain(".Example.com").unwrap(), ".example.com");
    assert!(email_matches("example.com", "ops@Example.com"));
    assert!(!email_matches("example.com", "ops@a.example.com"));
}

#[test]
fn ranges_end_where_their_bits_do() {
    for (range, address, inside) in [
        ("10.0.0.0/8", "10.255.255.255", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ("0.0.0.0/0", "255.255.255.255", true),
        ("0.0.0.0/0", "2001:db8::1", false),
        ("10.0.0.7", "10.0.0.7", true),
        ("10.0.0.7", "10.0.0.6", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::1", false),
        ("::/0", "::1", true),
        ("::ffff:10.0.0.0/104", "10.1.2.3", true),
    ] {
        let network = Network::parse(range).unwrap();
        assert_eq!(
            network.contains(address.parse().unwrap()),
            inside,
            "{range} {address}"
        );
    }
    let denied = Network::parse("10.0.0.0/8").unwrap();
    for address in [
        "10.1.2.3",
        "::ffff:10.1.2.3",
        "::10.1.2.3",
        "64:ff9b::10.1.2.3",
        "2002:a01:203::1",
    ] {
        assert!(denied.denies(address.parse().unwrap()), "{address}");
    }
    for (range, address, is_denied) in [
        ("::/0", "::ffff:11.1.1.1", true),
        ("::ffff:0:0/96", "::ffff:11.1.1.1", true),
        ("2001:db8::/32", "::ffff:11.1.1.1", false),
        ("::/0", "11.1.1.1", false),
    ] {
        let network = Network::parse(range).unwrap();
        let denies = network.denies(address.parse().unwrap());
        assert_eq!(denies, is_denied, "{range} {address}");
    }
    for address in [
        "11.0.0.0",
        "64:ff9b::11.0.0.0",
        "2002:b00::",
        "2001:db8::a01:203",
    ] {
        assert!(!denied.denies(address.parse().unwrap()), "{address}");
    }
    for bad in [
        "",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/",
        "a/8",
    ] {
        assert!(Network::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn prefixes_of_uris_end_at_borders_and_spelling_does_not_matter() {
    let deny = |prefix: &str, uri: &str| uri_matches(&uri_prefix(prefix).unwrap(), uri, true);
    for uri in [
        "https://ADMIN.example.com/x",
        "HTTPS://admin.example.com./x",
        "https://admin.example.com:8443/x",
    ] {
        assert!(deny("https://admin.example.com", uri), "{uri}");
    }
    for uri in [
        "https://admin.example.com",
        "https://admin.example.com?x",
        "https://admin.example.com/#x",
        "https://admin.example.com:443/x",
        "https://admin.example.com.:443",
    ] {
        assert!(deny("https://admin.example.com/", uri), "{uri}");
    }
    for (prefix, uri, fits) in [
        ("https://a/x", "https://a:443/x/y", true),
        ("https://a/x", "https://a:/x/y", true),
        ("http://a/x", "http://a:80/x", true),
        ("https://a/x", "https://a:80/x", false),
        ("https://a:443/x", "https://a/x", true),
        ("https://[::1]/x", "https://[::1]:443/x", true),
        ("https://a/?x", "https://a?x", true),
        ("urn:secret:", "URN:Secret:x", true),
        ("urn:secret:x", "urn:secret:X", false),
    ] {
        assert_eq!(deny(prefix, uri), fits, "{prefix} {uri}");
    }
    assert!(!deny(
        "https://admin.example.com",
        "https://admin.example.com.evil.org/"
    ));
    let matches = |prefix: &str, uri: &str| uri_matches(&uri_prefix(prefix).unwrap(), uri, false);
    for (prefix, uri, fits) in [
        ("spiffe://a/web", "spiffe://a/web", true),
        ("spiffe://a/web", "spiffe://a/web/1", true),
        ("spiffe://a/web", "spiffe://a/website", false),
        ("spiffe://a/web/", "spiffe://a/web/1", true),
        ("spiffe://a", "spiffe://a.evil.org/web", false),
        ("spiffe://a", "spiffe://a@evil.org/web", false),
        ("spiffe://a", "spiffe://a:1/web", false),
        ("spiffe://a/admin", "SPIFFE://A/%61dmin", true),
        ("spiffe://a/admin", "spiffe://a/Admin", false),
        ("urn:example:", "urn:example:1", true),
    ] {
        assert_eq!(matches(prefix, uri), fits, "{prefix} {uri}");
    }
    for bad in ["", "web", "spiffe:", "spiffe://", "spiffe://a/*"] {
        assert!(uri_prefix(bad).is_err(), "{bad}");
    }
}
