//! The request as it goes over the wire. The signature is judged elsewhere;
//! here it is the form, which the signature alone would not fix.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::workload::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN, Workload, granting};

/// A request, taken apart.
struct Request {
    line: String,
    /// In order, with names as they came.
    headers: Vec<(String, String)>,
    body: String,
    port: u16,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        let mut found = self
            .headers
            .iter()
            .filter(|(header, _)| header.eq_ignore_ascii_case(name));
        let first = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} twice");
        first
    }
}

/// What is sent to a server at `base`, for this role and with these options.
fn sent(workload: &Workload, base: &str, role: &str, options: &[&str]) -> Request {
    let server = granting(1);
    let mut command = workload.command();
    command.args(["--role-arn", role, "--endpoint"]);
    command.arg(format!("{}{base}", server.url())).args(options);
    let run = workload.sandbox.finish(command);
    assert_eq!(run.code, 0, "{run:#?}");
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    let (head, body) = seen[0].split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    Request {
        line: lines.next().unwrap().to_owned(),
        headers: lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        body: body.to_owned(),
        port: server.port(),
    }
}

/// The base64 of each certificate of a PEM file, without line ends.
fn certificates(pem: &str) -> Vec<String> {
    pem.split("-----BEGIN CERTIFICATE-----")
        .skip(1)
        .map(|block| block.split("-----END").next().unwrap())
        .map(|lines| lines.split_whitespace().collect())
        .collect()
}

#[test]
fn request_in_its_usual_form() {
    let workload = Workload::new();
    let request = sent(&workload, "", ROLE_ARN, &[]);
    assert_eq!(
        request.line,
        "POST /sessions?profileArn=arn%3Aaws%3Arolesanywhere%3Aus-east-1%3A123456789012%3A\
         profile%2F66666666-7777-4888-9999-aaaaaaaaaaaa\
         &roleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fbackup\
         &trustAnchorArn=arn%3Aaws%3Arolesanywhere%3Aus-east-1%3A123456789012%3A\
         trust-anchor%2F11111111-2222-4333-8444-555555555555 HTTP/1.1"
    );
    assert_eq!(request.body, r#"{"durationSeconds":3600}"#);
    assert_eq!(
        request.header("host"),
        Some(&*format!("127.0.0.1:{}", request.port))
    );
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("content-length"), Some("24"));
    assert_eq!(
        request.header("user-agent"),
        Some(concat!("windlass/", env!("CARGO_PKG_VERSION")))
    );
    let mut names: Vec<String> = request
        .headers
        .iter()
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort();
    // Neither cookies nor encodings nor anything that only some servers send
    // back in the same form; and no hash header, as with the official helper.
    assert_eq!(
        names,
        [
            "accept",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent",
            "x-amz-date",
            "x-amz-x509",
            "x-amz-x509-chain",
        ]
    );
}

#[test]
fn authorization_in_its_form() {
    let workload = Workload::new();
    let request = sent(&workload, "", ROLE_ARN, &[]);
    let date = request.header("x-amz-date").unwrap();
    assert!(
        chrono::NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").is_ok() && date.len() == 16,
        "{date}"
    );
    let authorization = request.header("authorization").unwrap();
    let rest = authorization
        .strip_prefix("AWS4-X509-ECDSA-SHA256 Credential=")
        .unwrap();
    let (serial, rest) = rest.split_once('/').unwrap();
    assert!(
        serial.bytes().all(|octet| octet.is_ascii_digit()),
        "{serial}"
    );
    let rest = rest
        .strip_prefix(&format!(
            "{}/us-east-1/rolesanywhere/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-x509;x-amz-x509-chain, Signature=",
            &date[..8]
        ))
        .unwrap();
    // DER: a SEQUENCE of two INTEGERs of a P-256 signature.
    assert!(
        rest.starts_with("30") && (136..=144).contains(&rest.len()),
        "{rest}"
    );
    assert!(
        rest.bytes()
            .all(|octet| b"0123456789abcdef".contains(&octet))
    );
}

#[test]
fn leaf_and_chain_whatever_the_order_of_the_file() {
    let workload = Workload::new();
    let chain = workload.sandbox.read("fullchain.pem");
    let root = workload.sandbox.read("root.pem");
    let parts = certificates(&chain);
    let [leaf, issuing] = parts.as_slice() else {
        panic!("{} certificates", parts.len());
    };
    let (leaf_pem, issuing_pem) = {
        let end = "-----END CERTIFICATE-----\n";
        let middle = chain.find(end).unwrap() + end.len();
        chain.split_at(middle)
    };
    for file in [
        format!("{leaf_pem}{issuing_pem}"),
        format!("{root}{issuing_pem}{leaf_pem}"),
        format!("{issuing_pem}{root}{issuing_pem}{leaf_pem}{root}"),
    ] {
        workload.sandbox.write("fullchain.pem", &file);
        let request = sent(&workload, "", ROLE_ARN, &[]);
        assert_eq!(request.header("x-amz-x509"), Some(leaf.as_str()));
        assert_eq!(request.header("x-amz-x509-chain"), Some(issuing.as_str()));
    }
    assert_eq!(BASE64.encode(BASE64.decode(leaf).unwrap()), *leaf);

    // The leaf alone, and the rest in a file of its own.
    workload.sandbox.write("fullchain.pem", leaf_pem);
    workload
        .sandbox
        .write("rest.pem", format!("{root}{issuing_pem}"));
    let request = sent(&workload, "", ROLE_ARN, &["--intermediates", "rest.pem"]);
    assert_eq!(request.header("x-amz-x509-chain"), Some(issuing.as_str()));
    // A leaf alone has no chain header at all, rather than an empty one.
    let request = sent(&workload, "", ROLE_ARN, &[]);
    assert_eq!(request.header("x-amz-x509"), Some(leaf.as_str()));
    assert_eq!(request.header("x-amz-x509-chain"), None);
    let authorization = request.header("authorization").unwrap();
    assert!(
        authorization.contains("x-amz-x509, Signature="),
        "{authorization}"
    );
}

#[test]
fn base_path_goes_in_front() {
    let workload = Workload::new();
    for base in ["/base", "/base/"] {
        let line = sent(&workload, base, ROLE_ARN, &[]).line;
        assert!(
            line.starts_with("POST /base/sessions?profileArn="),
            "{line}"
        );
    }
    let line = sent(&workload, "/", ROLE_ARN, &[]).line;
    assert!(line.starts_with("POST /sessions?profileArn="), "{line}");
}

#[test]
fn options_that_change_the_body() {
    let workload = Workload::new();
    let request = sent(
        &workload,
        "",
        ROLE_ARN,
        &[
            "--session-duration",
            "900",
            "--role-session-name",
            "nightly+1",
        ],
    );
    assert_eq!(
        request.body,
        r#"{"durationSeconds":900,"roleSessionName":"nightly+1"}"#
    );
}

/// A path and the characters that AWS allows in a role's name.
#[test]
fn role_is_encoded_once() {
    let workload = Workload::new();
    let role = "arn:aws:iam::123456789012:role/a/b/x+y,z.@-_";
    let line = sent(&workload, "", role, &[]).line;
    assert!(
        line.contains(
            "&roleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fa%2Fb%2Fx%2By%2Cz.%40-_&"
        ),
        "{line}"
    );
}

/// AWS's guide and the official helper disagree on how `=` is signed in a
/// query; in the body the question does not arise.
#[test]
fn role_with_an_equals_sign_moves_the_arns_into_the_body() {
    let workload = Workload::new();
    let role = "arn:aws:iam::123456789012:role/team=storage";
    let request = sent(&workload, "", role, &[]);
    assert_eq!(request.line, "POST /sessions HTTP/1.1");
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(
        body,
        serde_json::json!({
            "durationSeconds": 3600,
            "profileArn": PROFILE_ARN,
            "roleArn": role,
            "trustAnchorArn": TRUST_ANCHOR_ARN,
        })
    );
}
