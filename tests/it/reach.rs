//! The way to the endpoint: names, TLS, proxies, and which of the environment's
//! variables have a say in it.

use insta::assert_snapshot;
use rcgen::date_time_ymd;

use crate::fault_server::{Fault, FaultServer, TlsRoot, http};
use crate::harness::Run;
use crate::workload::{ROLE_ARN, Workload, failure, grant, session};

const REGION_HOST: &str = "rolesanywhere.us-east-1.amazonaws.com";

fn succeeded(run: &Run) {
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.stdout.contains("\"Version\":1"), "{run:#?}");
}

/// A workload that has `roots.pem`, a TLS server of that root, and its URL.
fn over_tls(names: &[&str]) -> (Workload, FaultServer) {
    let root = TlsRoot::new();
    let workload = Workload::new();
    workload.sandbox.write("roots.pem", root.pem());
    let server = FaultServer::start_tls(vec![grant()], root.server(names, |_| ()));
    (workload, server)
}

#[test]
fn nobody_listens() {
    let port = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.local_addr().unwrap().port()
    };
    let with = |scheme: &str| {
        let run = Workload::new().ask(&["--endpoint", &format!("{scheme}://127.0.0.1:{port}")]);
        failure(&run, &[]).replace(&port.to_string(), "[PORT]")
    };
    assert_snapshot!(with("http"), @"
    exit 5
    error: after 4 attempts: no connection to 127.0.0.1:[PORT]: Connection refused (os error 111)
    hint: is the endpoint reachable from here? $HTTPS_PROXY is honoured; --endpoint names another
    ");
    assert_eq!(with("https"), with("http"));
}

#[test]
fn name_that_does_not_resolve() {
    let run = Workload::new().ask(&["--endpoint", "https://no-such-host.invalid"]);
    let shown = failure(&run, &[]);
    // The resolver's words differ between systems.
    let (before, after) = shown.split_once("does not resolve: ").unwrap();
    let (_, after) = after.split_once('\n').unwrap();
    assert_snapshot!(format!("{before}does not resolve: [WORDS]\n{after}"), @"
    exit 5
    error: after 4 attempts: the name no-such-host.invalid does not resolve: [WORDS]
    hint: check the region in the ARNs and this host's DNS; Roles Anywhere does not exist in every region
    ");
}

#[test]
fn tls_of_an_unknown_root() {
    let (workload, server) = over_tls(&["127.0.0.1"]);
    let run = workload.ask(&["--endpoint", &server.url()]);
    assert_snapshot!(failure(&run, &[&server]), @"
    exit 1
    error: TLS with 127.0.0.1:[PORT] failed: invalid peer certificate: UnknownIssuer; the certificate shown is that of CN=rcgen self signed cert, issued by CN=Fault Root
    hint: if this network inspects TLS and is meant to, give the certificate of that CA to --ca-bundle or $AWS_CA_BUNDLE
    ");
    assert_eq!(server.seen(), [""], "nothing was sent");
}

#[test]
fn tls_with_a_self_signed_certificate() {
    // As 'openssl req -x509' makes it: marked as a CA.
    let root = TlsRoot::new();
    let config = root.server(&["127.0.0.1"], |params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    let server = FaultServer::start_tls(vec![grant()], config);
    let run = Workload::new().ask(&["--endpoint", &server.url()]);
    assert_snapshot!(failure(&run, &[&server]), @"
    exit 1
    error: TLS with 127.0.0.1:[PORT] failed: the server's certificate is a CA's
    hint: the server uses a CA's certificate as its own; give it one that its CA has issued, and that CA's certificate to --ca-bundle
    ");
    assert_eq!(server.seen(), [""], "nothing was sent");
}

#[test]
fn tls_for_another_name() {
    let (workload, server) = over_tls(&["other.example", "127.0.0.2"]);
    let run = workload.ask(&["--endpoint", &server.url(), "--ca-bundle", "roots.pem"]);
    assert_snapshot!(failure(&run, &[&server]), @r#"
    exit 1
    error: TLS with 127.0.0.1:[PORT] failed: invalid peer certificate: certificate not valid for name "127.0.0.1"; certificate is only valid for DnsName("other.example") or IpAddress(127.0.0.2)
    hint: is the endpoint's host name right, and this host's clock?
    "#);
    assert_eq!(server.seen(), [""], "nothing was sent");
}

#[test]
fn tls_out_of_date() {
    let root = TlsRoot::new();
    let workload = Workload::new();
    workload.sandbox.write("roots.pem", root.pem());
    let config = root.server(&["127.0.0.1"], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let server = FaultServer::start_tls(vec![grant()], config);
    let run = workload.ask(&["--endpoint", &server.url(), "--ca-bundle", "roots.pem"]);
    assert_eq!(server.seen(), [""], "nothing was sent");
    let shown = failure(&run, &[&server]);
    assert!(shown.contains("expired"), "{shown}");
    // The rest of the line holds the current time.
    let shown: Vec<&str> = shown.split(": verification time ").collect();
    assert_snapshot!(shown[0], @"
    exit 1
    error: TLS with 127.0.0.1:[PORT] failed: invalid peer certificate: certificate expired
    ");
}

#[test]
fn plain_http_where_tls_is_expected() {
    // A web server that finds the client's hello malformed.
    let server = FaultServer::start(vec![Fault::Reset(http("400 Bad Request", &[], "no"))]);
    let url = server.url().replace("http://", "https://");
    let run = Workload::new().ask(&["--endpoint", &url]);
    assert_snapshot!(failure(&run, &[&server]), @"
    exit 1
    error: TLS with 127.0.0.1:[PORT] failed: received corrupt message of type InvalidContentType
    hint: what answers there does not speak TLS; is the endpoint's port right, or should it be http://?
    ");
}

#[test]
fn tls_where_plain_http_is_expected() {
    let (workload, server) = over_tls(&["127.0.0.1"]);
    let url = server.url().replace("https://", "http://");
    let run = workload.ask(&["--endpoint", &url]);
    let shown = failure(&run, &[&server]);
    assert!(
        shown.contains("does not answer in HTTP") && shown.contains("should it be https://?"),
        "{shown}"
    );
}

#[test]
fn tls_cut_in_the_handshake_and_in_the_body() {
    let refused = FaultServer::start(vec![Fault::Reset(Vec::new()); 4]);
    let url = refused.url().replace("http://", "https://");
    let run = Workload::new().ask(&["--endpoint", &url]);
    assert_snapshot!(failure(&run, &[&refused]), @"
    exit 5
    error: after 4 attempts: no connection to 127.0.0.1:[PORT]: Connection reset by peer (os error 104)
    hint: is the endpoint reachable from here? $HTTPS_PROXY is honoured; --endpoint names another
    ");

    let root = TlsRoot::new();
    let workload = Workload::new();
    workload.sandbox.write("roots.pem", root.pem());
    // No length: only TLS's own end could tell that this is all.
    let cut = b"HTTP/1.1 201 Created\r\n\r\n{\"credentialSet\":[]}".to_vec();
    let config = root.server(&["127.0.0.1"], |_| ());
    let server = FaultServer::start_tls(vec![Fault::Cut(cut); 4], config);
    let run = workload.ask(&["--endpoint", &server.url(), "--ca-bundle", "roots.pem"]);
    assert_snapshot!(failure(&run, &[&server]), @"
    exit 5
    error: after 4 attempts: the connection to 127.0.0.1:[PORT] broke before the answer was complete: peer closed connection without sending TLS close_notify
    hint: try again; if it persists, look at what is between here and AWS
    ");
}

#[test]
fn unverified_tls_works_with_a_warning() {
    let (workload, server) = over_tls(&["other.example"]);
    let run = workload.ask(&["--endpoint", &server.url(), "--no-verify-ssl"]);
    succeeded(&run);
    assert_snapshot!(run.stderr, @"warning: --no-verify-ssl: the server's certificate is not checked, whoever is in between can take the credentials");
}

#[test]
fn ca_bundle_from_option_and_environment() {
    for (environment, options) in [
        (None, vec!["--ca-bundle", "roots.pem"]),
        (Some(("AWS_CA_BUNDLE", "roots.pem")), vec![]),
        (Some(("WINDLASS_CA_BUNDLE", "roots.pem")), vec![]),
        (Some(("SSL_CERT_FILE", "roots.pem")), vec![]),
        // The option wins.
        (
            Some(("AWS_CA_BUNDLE", "missing.pem")),
            vec!["--ca-bundle", "roots.pem"],
        ),
    ] {
        let (workload, server) = over_tls(&["127.0.0.1"]);
        let url = server.url();
        let mut all = vec!["--endpoint", &url];
        all.extend(options);
        let run = workload.ask_in(environment.as_slice(), &all);
        succeeded(&run);
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn unusable_ca_bundle_is_named() {
    let server = FaultServer::start(vec![grant()]);
    let workload = Workload::new();
    workload.sandbox.write("garbage.pem", "no certificate");
    workload.sandbox.write(
        "broken.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    let url = server.url();
    let with = |name, path| {
        let run = workload.ask_in(&[(name, path)], &["--endpoint", &url]);
        failure(&run, &[&server])
    };
    assert_snapshot!(with("AWS_CA_BUNDLE", "missing.pem"), @"
    exit 2
    error: $AWS_CA_BUNDLE cannot be used
    because: missing.pem cannot be read
    because: No such file or directory (os error 2)
    hint: is the path right? missing.pem
    ");
    assert_snapshot!(with("AWS_CA_BUNDLE", "garbage.pem"), @"
    exit 2
    error: $AWS_CA_BUNDLE cannot be used
    because: garbage.pem holds no CA certificate
    hint: a CA bundle is one DER certificate, or any number of them in PEM
    ");
    assert_snapshot!(with("AWS_CA_BUNDLE", "broken.pem"), @"
    exit 2
    error: no certificate of the CA bundle can be a TLS root
    hint: give the CA's certificate to --ca-bundle (or $AWS_CA_BUNDLE, $SSL_CERT_FILE)
    ");
    assert!(server.seen().is_empty(), "nothing was sent");
    // This one is set for other programs.
    succeeded(&workload.ask_in(&[("SSL_CERT_FILE", "missing.pem")], &["--endpoint", &url]));
}

/// Whatever else of AWS's, the proxies' and the runtime's variables is set.
#[test]
fn hostile_environment_changes_nothing() {
    let root = TlsRoot::new();
    let answer = session(|_| ());
    let script = vec![Fault::Answer(answer.clone()), Fault::Answer(answer)];
    let server = FaultServer::start_tls(script, root.server(&["127.0.0.1"], |_| ()));
    let workload = Workload::new();
    workload.sandbox.write("roots.pem", root.pem());
    workload.sandbox.write("garbage", b"\xff[[[\0".as_slice());
    workload.sandbox.write("dead", "");
    let hostile = [
        ("ALL_PROXY", "http://127.0.0.1:1"),
        ("AWS_ACCESS_KEY_ID", "AKIAWRONG"),
        ("AWS_CONFIG_FILE", "garbage"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/"),
        ("AWS_DEFAULT_REGION", "mars-north-1"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1/"),
        ("AWS_MAX_ATTEMPTS", "many"),
        ("AWS_PROFILE", "no such profile"),
        ("AWS_REGION", "mars-north-1"),
        ("AWS_ROLE_ARN", "arn:aws:iam::999999999999:role/other"),
        ("AWS_SDK_LOAD_CONFIG", "1"),
        ("AWS_SECRET_ACCESS_KEY", "wrong"),
        ("AWS_SESSION_TOKEN", "wrong"),
        ("AWS_SHARED_CREDENTIALS_FILE", "garbage"),
        ("AWS_USE_FIPS_ENDPOINT", "yes"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "garbage"),
        ("HTTP_PROXY", "http://127.0.0.1:1"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("RUST_BACKTRACE", "full"),
        ("RUST_LOG", "trace"),
        ("SSLKEYLOGFILE", "keylog"),
        ("TZ", "Pacific/Kiritimati"),
    ];
    let url = server.url();
    let options = ["--endpoint", &url, "--ca-bundle", "roots.pem", "--verbose"];
    let plain = workload.ask(&options);
    let beset = workload.ask_in(&hostile, &options);
    succeeded(&plain);
    assert_eq!(
        (&plain.stdout, &plain.stderr),
        (&beset.stdout, &beset.stderr)
    );
    assert!(
        !workload.sandbox.path("keylog").exists(),
        "session keys were written to a file"
    );
    let seen = server.seen();
    let shape = |request: &str| -> Vec<String> {
        let signed = |line: &&str| !line.starts_with("x-amz-date") && !line.starts_with("auth");
        request.lines().filter(signed).map(str::to_owned).collect()
    };
    assert_eq!(shape(&seen[0]), shape(&seen[1]));
}

#[test]
fn endpoint_of_the_most_specific_source() {
    let wanted = FaultServer::start((0..4).flat_map(|_| vec![grant()]).collect());
    let other = FaultServer::start(Vec::new());
    let workload = Workload::new();
    let (url, wrong) = (wanted.url(), other.url());
    let all = |option: &str, specific: &str, general: &str| {
        let environment = [
            ("AWS_ENDPOINT_URL_ROLESANYWHERE", specific),
            ("AWS_ENDPOINT_URL", general),
        ];
        let option = ["--endpoint", option];
        let options = if option[1].is_empty() {
            &[][..]
        } else {
            &option
        };
        succeeded(&workload.ask_in(&environment, options));
    };
    all("", "", &url);
    all("", &url, &wrong);
    all(&url, &wrong, &wrong);
    succeeded(&workload.ask_in(
        &[("WINDLASS_ENDPOINT", &url), ("AWS_ENDPOINT_URL", &wrong)],
        &[],
    ));
    assert_eq!(wanted.seen().len(), 4);
    assert!(other.seen().is_empty());
}

/// As Go and curl have it: nothing on loopback is reached through a proxy.
#[test]
fn proxy_is_not_used_for_loopback() {
    let (workload, server) = over_tls(&["127.0.0.1"]);
    let proxy = FaultServer::start(Vec::new());
    let run = workload.ask_in(
        &[("HTTPS_PROXY", &proxy.url()), ("https_proxy", &proxy.url())],
        &["--endpoint", &server.url(), "--ca-bundle", "roots.pem"],
    );
    succeeded(&run);
    assert!(proxy.seen().is_empty());
}

/// The region's own endpoint, reached through a proxy that leads back here.
#[test]
fn proxy_carries_the_region_endpoint() {
    for (name, user, authorization) in [
        ("HTTPS_PROXY", "", None),
        ("https_proxy", "", None),
        (
            "HTTPS_PROXY",
            "mole:p%40ss@",
            Some("proxy-authorization: Basic bW9sZTpwQHNz"),
        ),
    ] {
        let (workload, server) = over_tls(&[REGION_HOST]);
        let proxy = FaultServer::start(vec![Fault::Tunnel(server.port())]);
        let url = proxy.url().replace("http://", &format!("http://{user}"));
        let run = workload.ask_in(
            &[(name, &url)],
            &["--ca-bundle", "roots.pem", "--with-proxy"],
        );
        succeeded(&run);
        assert_eq!(run.stderr, "");
        let connect = &proxy.seen()[0];
        assert!(
            connect.starts_with(&format!("CONNECT {REGION_HOST}:443 HTTP/1.1\r\n")),
            "{connect}"
        );
        let found = connect
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with("proxy-auth"));
        assert_eq!(
            found.map(str::to_ascii_lowercase),
            authorization.map(str::to_ascii_lowercase)
        );
        // What the proxy must not learn.
        assert!(!connect.contains("sessions") && !connect.contains(ROLE_ARN));
        assert!(server.seen()[0].starts_with("POST /sessions?"));
    }
}

/// The other endpoints of a region, by option, by variable, and by the old names
/// of regions; the scope of the signature always has the bare region.
#[test]
fn fips_and_dual_stack_endpoints_are_called() {
    const FIPS: &str = "rolesanywhere-fips.us-east-1.amazonaws.com";
    const DUAL: &str = "rolesanywhere.us-east-1.api.aws";
    const BOTH: &str = "rolesanywhere-fips.us-east-1.api.aws";
    for (host, environment, options) in [
        (FIPS, None, &["--fips"][..]),
        (FIPS, Some(("AWS_USE_FIPS_ENDPOINT", "true")), &[]),
        (FIPS, None, &["--region", "us-east-1-fips"]),
        (FIPS, None, &["--region", "fips-us-east-1"]),
        (DUAL, None, &["--dual-stack"]),
        (DUAL, Some(("AWS_USE_DUALSTACK_ENDPOINT", "True")), &[]),
        (BOTH, None, &["--fips", "--dual-stack"]),
    ] {
        let (workload, server) = over_tls(&[host]);
        let proxy = FaultServer::start(vec![Fault::Tunnel(server.port())]);
        let url = proxy.url();
        let variables: Vec<(&str, &str)> = environment
            .into_iter()
            .chain([("HTTPS_PROXY", url.as_str())])
            .collect();
        let run = workload.ask_in(
            &variables,
            &[&["--ca-bundle", "roots.pem"], options].concat(),
        );
        succeeded(&run);
        let connect = &proxy.seen()[0];
        assert!(
            connect.starts_with(&format!("CONNECT {host}:443 ")),
            "{connect}"
        );
        let request = &server.seen()[0];
        assert!(
            request.contains("/us-east-1/rolesanywhere/aws4_request"),
            "{request}"
        );
    }
}

#[test]
fn proxy_is_passed_by_for_no_proxy() {
    let proxy = FaultServer::start(Vec::new());
    for name in ["NO_PROXY", "no_proxy"] {
        let run = Workload::new().ask_in(
            &[
                ("HTTPS_PROXY", &proxy.url()),
                (name, "example.com,.invalid"),
            ],
            &["--endpoint", "https://no-such-host.invalid"],
        );
        assert_eq!(run.code, 5, "{run:#?}");
        assert!(
            run.stderr.contains("no-such-host.invalid does not resolve"),
            "{run:#?}"
        );
    }
    assert!(proxy.seen().is_empty());
}

#[test]
fn proxy_that_refuses() {
    let refused = |status: &str, attempts| {
        let proxy = FaultServer::start(vec![Fault::Answer(http(status, &[], "")); 4]);
        let url = proxy.url().replace("http://", "http://mole:hush-hush@");
        let run = Workload::new().ask_in(&[("HTTPS_PROXY", &url)], &[]);
        assert!(!run.stderr.contains("hush"), "{run:#?}");
        assert_eq!(proxy.seen().len(), attempts);
        failure(&run, &[&proxy])
    };
    assert_snapshot!(refused("407 Proxy Authentication Required", 1), @"
    exit 1
    error: the proxy http://127.0.0.1:[PORT] ($HTTPS_PROXY) gives no connection to rolesanywhere.us-east-1.amazonaws.com: it answered 407 to CONNECT
    hint: it does not take the user and password in $HTTPS_PROXY; what is no letter or digit in them is written as %40 for an @
    ");
    // Once for the session, and once more for the status.
    assert_snapshot!(refused("403 Forbidden", 2), @"
    exit 1
    error: the proxy http://127.0.0.1:[PORT] ($HTTPS_PROXY) gives no connection to rolesanywhere.us-east-1.amazonaws.com: it answered 403 to CONNECT
    hint: it does not allow this: ask whoever runs it to let this host reach rolesanywhere.us-east-1.amazonaws.com; $NO_PROXY names hosts that are reached without it
    ");
}

#[test]
fn proxy_that_is_not_there() {
    let port = {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.local_addr().unwrap().port()
    };
    let with = |proxy: &str| {
        let run = Workload::new().ask_in(&[("HTTPS_PROXY", proxy)], &[]);
        assert!(!run.stderr.contains("hush"), "{run:#?}");
        failure(&run, &[]).replace(&port.to_string(), "[PORT]")
    };
    assert_snapshot!(with(&format!("http://mole:hush@127.0.0.1:{port}")), @"
    exit 5
    error: after 4 attempts: the proxy http://127.0.0.1:[PORT] ($HTTPS_PROXY) gives no connection to rolesanywhere.us-east-1.amazonaws.com: Connection refused (os error 111)
    hint: is the proxy in $HTTPS_PROXY right, and does it allow this host? $NO_PROXY names hosts that are reached without it
    ");
    // The resolver's words differ between systems.
    let unknown = with("http://mole:hush@no-such-proxy.invalid:3128");
    let expected = format!(
        "exit 5\nerror: after 4 attempts: the proxy http://no-such-proxy.invalid:3128 ($HTTPS_PROXY) gives no connection to {REGION_HOST}: "
    );
    assert!(unknown.starts_with(&expected), "{unknown}");
    assert_snapshot!(with("http://mole:hush@no such proxy"), @"
    exit 2
    error: $HTTPS_PROXY cannot be used
    because: the proxy's URL is malformed
    hint: write it as http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with %40 for an @ in a password
    ");
}
