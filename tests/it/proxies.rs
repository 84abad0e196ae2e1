//! Proxies: which one is asked, what it is told, what it is not, and who sits in
//! between.

use insta::assert_snapshot;

use crate::fault_server::{Fault, FaultServer, TlsRoot, http};
use crate::harness::Run;
use crate::workload::{Workload, failure, grant};

const HOST: &str = "rolesanywhere.us-east-1.amazonaws.com";

/// A server of the region's name behind a proxy, and a client that trusts it.
struct Office {
    workload: Workload,
    server: FaultServer,
    proxy: FaultServer,
}

impl Office {
    fn new() -> Self {
        let root = TlsRoot::new();
        let workload = Workload::new();
        workload.sandbox.write("roots.pem", root.pem());
        let names = [HOST, "vpce.example"];
        let server = FaultServer::start_tls(vec![grant()], root.server(&names, |_| ()));
        let proxy = FaultServer::start(vec![Fault::Tunnel(server.port())]);
        Self {
            workload,
            server,
            proxy,
        }
    }

    fn ask(&self, environment: &[(&str, &str)], options: &[&str]) -> Run {
        let all = [&["--ca-bundle", "roots.pem"], options].concat();
        self.workload.ask_in(environment, &all)
    }

    /// The line with which the proxy was asked.
    fn connect(&self) -> String {
        let seen = self.proxy.seen();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen[0].lines().next().unwrap().to_owned()
    }
}

#[test]
fn the_option_goes_before_the_variables_and_those_have_an_order() {
    const ORDER: [&str; 5] = [
        "WINDLASS_PROXY",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    let dead = "http://127.0.0.1:1";
    for first in 0..=ORDER.len() {
        let office = Office::new();
        let url = office.proxy.url();
        // What comes before is not set, what comes behind leads nowhere.
        let mut environment = Vec::new();
        let mut options = Vec::new();
        match first.checked_sub(1) {
            None => {
                options = vec!["--proxy", &url];
                environment.extend(ORDER.map(|name| (name, dead)));
            }
            Some(first) => {
                environment.push((ORDER[first], url.as_str()));
                environment.extend(ORDER[first + 1..].iter().map(|name| (*name, dead)));
            }
        }
        let run = office.ask(&environment, &options);
        assert_eq!(run.code, 0, "{environment:?}: {run:#?}");
        assert_eq!(run.stderr, "");
        assert_eq!(office.connect(), format!("CONNECT {HOST}:443 HTTP/1.1"));
    }
}

#[test]
fn a_proxy_without_a_scheme_is_an_http_proxy() {
    let office = Office::new();
    let url = office.proxy.url();
    let bare = url.trim_start_matches("http://");
    let run = office.ask(&[("HTTPS_PROXY", bare)], &[]);
    assert_eq!(run.code, 0, "{run:#?}");
    office.connect();
}

#[test]
fn connect_names_the_port_of_the_endpoint() {
    let office = Office::new();
    let url = office.proxy.url();
    let endpoint = "https://vpce.example:8443/base";
    let run = office.ask(&[], &["--proxy", &url, "--endpoint", endpoint]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(office.connect(), "CONNECT vpce.example:8443 HTTP/1.1");
    let request = &office.server.seen()[0];
    assert!(request.starts_with("POST /base/sessions?"), "{request}");
}

/// What is reached without the proxy does not exist, so that nobody is asked.
#[test]
fn no_proxy_by_name_port_address_and_network() {
    let proxy = FaultServer::start(Vec::new());
    let url = proxy.url();
    for (endpoint, list) in [
        ("https://a.no-such.invalid", "no-such.invalid"),
        ("https://a.no-such.invalid", ".no-such.invalid"),
        ("https://a.no-such.invalid", "x.example, a.no-such.invalid"),
        ("https://a.no-such.invalid:8443", "no-such.invalid:8443"),
        ("https://a.no-such.invalid", "*"),
        // Addresses at which nothing answers: loopback, but not to the eye of
        // who decides about proxies.
        ("https://[::ffff:127.0.0.1]:1", "127.0.0.0/8"),
        ("https://0.0.0.0:1", "0.0.0.0"),
        ("https://0.0.0.0:1", "0.0.0.0/8"),
        ("https://0.0.0.0:1", "0.0.0.0:1"),
    ] {
        for name in ["NO_PROXY", "no_proxy", "WINDLASS_NO_PROXY"] {
            let environment = [("HTTPS_PROXY", url.as_str()), (name, list)];
            let run = Workload::new().ask_in(&environment, &["--endpoint", endpoint]);
            assert_eq!(run.code, 5, "{endpoint} {list}: {run:#?}");
        }
        assert!(proxy.seen().is_empty(), "{endpoint} {list}");
    }
    // The option goes before the variables.
    let run = Workload::new().ask_in(
        &[("HTTPS_PROXY", &url), ("NO_PROXY", "*")],
        &[
            "--no-proxy",
            "other.example",
            "--endpoint",
            "https://a.no-such.invalid",
        ],
    );
    assert_eq!(run.code, 5, "{run:#?}");
    assert!(proxy.seen()[0].is_empty() || proxy.seen()[0].starts_with("CONNECT "));
}

#[test]
fn no_proxy_of_another_port_or_host_changes_nothing() {
    for list in [
        "amazonaws.com:8443",
        "notamazonaws.com",
        "us-east-1.amazonaws.co",
    ] {
        let office = Office::new();
        let url = office.proxy.url();
        let run = office.ask(&[("HTTPS_PROXY", &url), ("NO_PROXY", list)], &[]);
        assert_eq!(run.code, 0, "{list}: {run:#?}");
        office.connect();
    }
}

#[test]
fn a_password_is_used_and_never_shown() {
    let office = Office::new();
    let url = office
        .proxy
        .url()
        .replace("http://", "http://mole:hu%3Ash%40@");
    let run = office.ask(&[], &["--proxy", &url, "--verbose"]);
    assert_eq!(run.code, 0, "{run:#?}");
    // mole:hu:sh@
    let seen = office.proxy.seen();
    assert!(
        seen[0].to_ascii_lowercase().contains(
            "proxy-authorization: basic bw9szTpodTpzaEA="
                .to_ascii_lowercase()
                .as_str()
        ),
        "{seen:?}"
    );
    assert!(
        !run.stderr.contains("hu%3Ash") && !run.stderr.contains("hu:sh"),
        "{run:#?}"
    );
    let warning = "warning: --proxy: others may read the password in it, in the list of processes or the config file; put the URL into $WINDLASS_PROXY\n";
    assert!(run.stderr.contains(warning), "{run:#?}");
}

#[test]
fn no_message_repeats_a_password() {
    for (url, code) in [
        ("http://mole:hush@h h:3128", 2),
        ("ftp://mole:hush@h", 2),
        ("socks5://mole:hush@h", 2),
        ("http://mole:hush@:3128", 2),
        ("http://mole:hush@127.0.0.1:1", 5),
        ("https://mole:hush@127.0.0.1:1", 5),
    ] {
        for (environment, options) in [
            (vec![("HTTPS_PROXY", url)], vec!["--verbose"]),
            (vec![], vec!["--verbose", "--proxy", url]),
        ] {
            let run = Workload::new().ask_in(&environment, &options);
            assert_eq!(run.code, code, "{url}: {run:#?}");
            assert!(!run.stderr.contains("hush"), "{run:#?}");
        }
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_named_by_its_source() {
    let with = |environment: &[(&str, &str)], options: &[&str]| {
        failure(&Workload::new().ask_in(environment, options), &[])
    };
    assert_snapshot!(with(&[("ALL_PROXY", "socks5h://proxy:1080")], &[]), @"
    exit 2
    error: $ALL_PROXY cannot be used
    because: the proxy is a SOCKS proxy, and only HTTP proxies are spoken to
    hint: name an HTTP proxy with --proxy or $HTTPS_PROXY, or list the endpoint's host in $NO_PROXY and unset the variable
    ");
    assert_snapshot!(with(&[], &["--proxy", "ftp://proxy"]), @"
    exit 2
    error: --proxy cannot be used
    because: the proxy's URL begins neither with http:// nor with https://
    hint: write it as http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with %40 for an @ in a password
    ");
}

/// Who inspects TLS is named, so that its CA can be asked for.
#[test]
fn an_intercepting_proxy_is_named() {
    let company = TlsRoot::named("Example Corp TLS Inspection \u{1b}[31m");
    let server = FaultServer::start_tls(vec![grant()], company.server(&[HOST], |_| ()));
    let proxy = FaultServer::start(vec![Fault::Tunnel(server.port())]);
    let run = Workload::new().ask(&["--proxy", &proxy.url()]);
    assert_snapshot!(failure(&run, &[&proxy]), @r"
    exit 1
    error: TLS with rolesanywhere.us-east-1.amazonaws.com failed: invalid peer certificate: UnknownIssuer; the certificate shown is that of CN=rcgen self signed cert, issued by CN=Example Corp TLS Inspection \u{1b}[31m
    hint: if this network inspects TLS and is meant to, give the certificate of that CA to --ca-bundle or $AWS_CA_BUNDLE
    ");
    assert_eq!(server.seen(), [""], "nothing was sent");
}

#[test]
fn a_long_name_of_who_sits_in_between_is_cut() {
    let company = TlsRoot::named(&"x".repeat(3000));
    let server = FaultServer::start_tls(vec![grant()], company.server(&["127.0.0.1"], |_| ()));
    let run = Workload::new().ask(&["--endpoint", &server.url()]);
    assert_eq!(run.code, 1);
    let shown = format!("issued by CN={}…", "x".repeat(117));
    assert!(run.stderr.contains(&shown), "{run:#?}");
    assert!(!run.stderr.contains(&"x".repeat(118)), "{run:#?}");
}

#[test]
fn a_proxy_that_wants_a_password_is_asked_once() {
    let status = "407 Proxy Authentication Required";
    let proxy = FaultServer::start(vec![Fault::Answer(http(status, &[], "")); 2]);
    let run = Workload::new().ask(&["--proxy", &proxy.url()]);
    assert_eq!((run.code, proxy.seen().len()), (1, 1), "{run:#?}");
    assert!(
        run.stderr.contains("it asks for user and password"),
        "{run:#?}"
    );
}

/// Which proxy, by whose word, what it answered, and no password.
#[test]
fn a_proxy_that_refuses_is_named_with_where_it_is_configured() {
    for (status, code, hint) in [
        (
            "403 Forbidden",
            1,
            "it does not allow this: ask whoever runs it to let this host reach rolesanywhere.us-east-1.amazonaws.com",
        ),
        (
            "407 Proxy Authentication Required",
            1,
            "it does not take the user and password in ",
        ),
        ("503 Service Unavailable", 5, "is out of order"),
    ] {
        for by in ["--proxy", "profile", "HTTPS_PROXY"] {
            let workload = Workload::new();
            let answers = vec![Fault::Answer(http(status, &[], "")); 8];
            let proxy = FaultServer::start(answers);
            let url = proxy.url().replace("http://", "http://mole:hush%40@");
            let (run, origin) = match by {
                "--proxy" => (workload.ask(&["--proxy", &url]), "--proxy".to_owned()),
                "profile" => {
                    let config = format!("[profile.office]\nproxy = '{url}'\n");
                    workload.sandbox.write("config.toml", config);
                    let options = ["--config", "config.toml", "--profile", "office"];
                    (workload.ask(&options), "config.toml, line 2".to_owned())
                }
                name => (workload.ask_in(&[(name, &url)], &[]), format!("${name}")),
            };
            assert_eq!(run.code, code, "{run:#?}");
            let named = format!(
                "the proxy {} ({origin}) gives no connection to {HOST}: it answered {} to CONNECT\n",
                proxy.url(),
                &status[..3]
            );
            assert!(run.stderr.contains(&named), "{named}: {run:#?}");
            assert!(run.stderr.contains(hint), "{run:#?}");
            assert!(!run.stderr.contains("hush"), "{run:#?}");
            // What is asked to learn the status says who one is, too.
            for seen in proxy.seen() {
                let seen = seen.to_ascii_lowercase();
                assert!(
                    seen.contains(
                        "proxy-authorization: basic bw9szTpodXNoQA=="
                            .to_ascii_lowercase()
                            .as_str()
                    ),
                    "{seen}"
                );
            }
        }
    }
}

/// Only its status is not known then, and no try is held up for that.
#[test]
fn a_proxy_that_refuses_and_then_is_silent_holds_nothing_up() {
    let workload = Workload::new();
    let down = || Fault::Answer(http("503 Service Unavailable", &[], ""));
    let forbids = Fault::Answer(http("403 Forbidden", &[], ""));
    let proxy = FaultServer::start(vec![down(), Fault::Stall(Vec::new()), down(), forbids]);
    let begun = std::time::Instant::now();
    let run = workload.ask(&["--proxy", &proxy.url()]);
    let took = begun.elapsed();
    assert!(
        run.stderr.contains("it answered 403 to CONNECT"),
        "{run:#?}"
    );
    assert_eq!(proxy.seen().len(), 4);
    assert!(took < std::time::Duration::from_secs(8), "{took:?}");
}

/// A firewall that drops what goes to the proxy looks like one before AWS.
#[test]
fn a_proxy_that_is_silent_is_named_too() {
    use windlass::clock::SystemClock;
    use windlass::rolesanywhere::{Error, Proxy, TransportSettings};

    let silent = FaultServer::start(vec![Fault::Stall(Vec::new()); 4]);
    let settings = TransportSettings {
        proxy: Some(Proxy {
            url: silent.url().replace("//", "//mole:hush@").parse().unwrap(),
            origin: "$HTTPS_PROXY".to_owned(),
        }),
        connect_deadline: std::time::Duration::from_millis(300),
        ..TransportSettings::default()
    };
    let url = format!("https://{HOST}");
    let error = crate::workload::obtain(&url, &settings, &SystemClock).unwrap_err();
    assert!(matches!(error.root(), Error::Timeout { .. }), "{error:?}");
    let expected = format!(", through the proxy {} ($HTTPS_PROXY)", silent.url());
    assert!(error.to_string().ends_with(&expected), "{error}");
}

#[test]
fn config_show_says_which_proxy_and_not_its_password() {
    let workload = Workload::new();
    for proxy in ["http://mole:hush@proxy:3128", "mole:hush@proxy:3128"] {
        for name in ["HTTPS_PROXY", "all_proxy", "--proxy"] {
            let mut command = workload.sandbox.command();
            command.args(["config", "show", "--json"]);
            match name {
                "--proxy" => command.args([name, proxy]),
                name => command.env(name, proxy),
            };
            let run = workload.sandbox.finish(command);
            assert_eq!(run.code, 0, "{run:#?}");
            assert!(!format!("{run:?}").contains("hush"), "{run:#?}");
            assert!(run.stdout.contains("***@proxy:3128"), "{run:#?}");
        }
    }
}

/// `--with-proxy` takes no URL, and who has given it one must not find the
/// password in a log.
#[test]
fn a_url_where_none_is_expected_is_not_repeated() {
    let run = Workload::new().ask(&["--with-proxy", "http://mole:hush@proxy:3128"]);
    assert_snapshot!(failure(&run, &[]), @"
    exit 2
    error: an argument is a URL with a user name or password, where none is expected
    hint: it is not repeated here; a proxy is given as --proxy URL, or better in $WINDLASS_PROXY
    ");
}
