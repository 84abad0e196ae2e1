//! Answers that are no session: what the user is told, and with which exit
//! code. Refusals of AWS, answers that something else gave in its place,
//! and answers of success that are unusable.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::fault_server::{Fault, FaultServer, http};
use crate::workload::{
    ROLE_ARN, SECRET_KEY, TOKEN, Workload, created, failure_of, granting, session,
};

const JSON: (&str, &str) = ("Content-Type", "application/json");
const HTML: (&str, &str) = ("Content-Type", "text/html; charset=utf-8");
const REQUEST_ID: (&str, &str) = ("x-amzn-RequestId", "5b1f3a54-1111-4222-8333-444455556666");

fn answered(status: &str, headers: &[(&str, &str)], body: &str) -> String {
    failure_of(Fault::Answer(http(status, headers, body)))
}

fn denied(message: &str, headers: &[(&str, &str)]) -> String {
    let mut all = vec![
        JSON,
        REQUEST_ID,
        ("x-amzn-ErrorType", "AccessDeniedException"),
    ];
    all.extend(headers);
    answered(
        "403 Forbidden",
        &all,
        &json!({ "message": message }).to_string(),
    )
}

/// The failure after an answer of success whose credentials were changed.
fn unusable(change: impl FnOnce(&mut Value)) -> String {
    failure_of(Fault::Answer(session(|answer| {
        change(&mut answer["credentialSet"][0]["credentials"]);
    })))
}

#[test]
fn service_out_of_order() {
    assert_snapshot!(answered(
        "503 Service Unavailable",
        &[JSON, ("x-amzn-ErrorType", "ServiceUnavailableException")],
        r#"{"message":"Service is unavailable","retryAfterSeconds":7}"#,
    ), @"
    exit 5
    error: after 4 attempts: 127.0.0.1:[PORT] answered 503: ServiceUnavailableException: Service is unavailable
    hint: try again later
    ");
    assert_snapshot!(answered("503 Service Unavailable", &[], ""), @"
    exit 5
    error: after 4 attempts: 127.0.0.1:[PORT] answered 503: an empty body
    hint: try again later
    ");
    assert_snapshot!(answered(
        "500 Internal Server Error",
        &[JSON],
        r#"{"__type":"com.amazon.coral.service#InternalFailure"}"#,
    ), @"
    exit 5
    error: after 4 attempts: 127.0.0.1:[PORT] answered 500: InternalFailure
    hint: try again later
    ");
    assert_snapshot!(answered(
        "502 Bad Gateway",
        &[HTML],
        "<html>\r\n<head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
    ), @"
    exit 5
    error: after 4 attempts: 127.0.0.1:[PORT] answered 502: an HTML page titled '502 Bad Gateway'
    hint: try again later
    ");
}

#[test]
fn throttled() {
    assert_snapshot!(answered(
        "429 Too Many Requests",
        &[JSON],
        r#"{"message":"Rate exceeded"}"#,
    ), @"
    exit 5
    error: after 4 attempts: AWS answered 429, too many requests: Rate exceeded
    hint: try again later; CreateSession allows about 10 requests a second for an account and region
    ");
    assert_snapshot!(answered(
        "400 Bad Request",
        &[JSON, ("x-amzn-ErrorType", "ThrottlingException:http://internal.amazon.com/")],
        r#"{"Message":"Rate exceeded"}"#,
    ), @"
    exit 5
    error: after 4 attempts: AWS answered 400, too many requests: Rate exceeded
    hint: try again later; CreateSession allows about 10 requests a second for an account and region
    ");
}

#[test]
fn answers_of_something_in_between() {
    assert_snapshot!(answered(
        "407 Proxy Authentication Required",
        &[HTML, ("Proxy-Authenticate", "Basic realm=\"office\"")],
        "<!DOCTYPE html><title>Please log in</title>",
    ), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 407 with an HTML page titled 'Please log in', which is not an answer of AWS
    hint: the proxy asks for credentials: put them into $HTTPS_PROXY, as in http://USER:PASSWORD@HOST:PORT
    ");
    assert_snapshot!(answered(
        "403 Forbidden",
        &[HTML],
        "<html><head><title>\u{1b}[31mBlocked\u{1b}[0m by policy</title></head></html>",
    ), @r"
    exit 1
    error: 127.0.0.1:[PORT] answered 403 with an HTML page titled '\u{1b}[31mBlocked\u{1b}[0m by policy', which is not an answer of AWS
    hint: a proxy or firewall answered in AWS's place; ask for its rules, or set $HTTPS_PROXY and $NO_PROXY
    ");
    assert_snapshot!(answered("200 OK", &[HTML], "<html><title>Guest Wi-Fi</title></html>"), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 200 with an HTML page titled 'Guest Wi-Fi', which is not an answer of AWS
    hint: a proxy or firewall answered in AWS's place; ask for its rules, or set $HTTPS_PROXY and $NO_PROXY
    ");
    assert_snapshot!(answered("200 OK", &[("Content-Type", "text/plain")], "it works"), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 200 but its body is not JSON
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
    assert_snapshot!(answered("404 Not Found", &[("Content-Type", "text/plain")], "nothing here"), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 404 with 12 bytes of text/plain, which is not an answer of AWS
    hint: a proxy or firewall answered in AWS's place; ask for its rules, or set $HTTPS_PROXY and $NO_PROXY
    ");
}

#[test]
fn redirect_is_not_followed() {
    let target = granting(1);
    let location = format!("{}/sessions", target.url());
    for status in [
        "302 Found",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let shown = answered(status, &[("Location", &location)], "");
        assert!(shown.starts_with("exit 1\n"), "{shown}");
        assert!(shown.contains(&status[..3]), "{shown}");
    }
    assert!(target.seen().is_empty(), "followed");
    assert_snapshot!(answered("302 Found", &[("Location", &location)], ""), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 302 with an empty body, which is not an answer of AWS
    hint: a proxy or firewall answered in AWS's place; ask for its rules, or set $HTTPS_PROXY and $NO_PROXY
    ");
}

#[test]
fn refusals_by_header_and_by_body() {
    assert_snapshot!(answered(
        "403 Forbidden",
        &[
            JSON,
            REQUEST_ID,
            ("x-amzn-ErrorType", "AccessDeniedException:http://internal.amazon.com/coral/"),
        ],
        r#"{"message":"Certificate revoked"}"#,
    ), @"
    exit 3
    error: AWS refused with 403 AccessDeniedException: Certificate revoked (request id 5b1f3a54-1111-4222-8333-444455556666)
    hint: the certificate is on an imported revocation list; issue a new one
    ");
    assert_snapshot!(answered(
        "403 Forbidden",
        &[JSON],
        r#"{"__type":"com.amazonaws.rolesanywhere#AccessDeniedException","Message":"Certificate revoked"}"#,
    ), @"
    exit 3
    error: AWS refused with 403 AccessDeniedException: Certificate revoked
    hint: the certificate is on an imported revocation list; issue a new one
    ");
    assert_snapshot!(answered(
        "400 Bad Request",
        &[JSON],
        r#"{"code":"ValidationException","message":"1 validation error detected"}"#,
    ), @"
    exit 3
    error: AWS refused with 400 ValidationException: 1 validation error detected
    ");
    assert_snapshot!(answered("403 Forbidden", &[JSON], r#"{"message":"Forbidden"}"#), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 403 with 23 bytes of application/json, which is not an answer of AWS
    hint: a proxy or firewall answered in AWS's place; ask for its rules, or set $HTTPS_PROXY and $NO_PROXY
    ");
    // A sentence of AWS's own is taken for its answer, whatever is missing.
    assert_snapshot!(answered("403 Forbidden", &[JSON], r#"{"message":"Certificate revoked"}"#), @"
    exit 3
    error: AWS refused with 403 (no error type): Certificate revoked
    hint: the certificate is on an imported revocation list; issue a new one
    ");
    assert_snapshot!(answered("403 Forbidden", &[("x-amzn-ErrorType", "AccessDeniedException")], ""), @"
    exit 3
    error: AWS refused with 403 AccessDeniedException: (no message)
    ");
}

/// Every sentence that was seen from the service: it is shown as it is, and
/// something is said about what to do.
#[test]
fn every_known_refusal_is_shown_with_a_hint() {
    let unable = format!("Unable to assume role for {ROLE_ARN}");
    let too_long = format!(
        "{unable} The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    );
    let unmapped = format!(
        "{unable}. Some attributes failed to be mapped into session tags. \
         Issuer: [  ]; Subject: [  ]; SAN: [ DNS/2 ]"
    );
    // What the hint must speak of, beside each sentence.
    let known = [
        ("Invalid signature", "clock"),
        ("Specified Trust Anchor wasn't found.", "--trust-anchor-arn"),
        ("Specified Trust Anchor is disabled.", "enable-trust-anchor"),
        ("Untrusted signing certificate", "--intermediates"),
        ("Untrusted Signing Certificate", "--intermediates"),
        (
            "Untrusted certificate. Insufficient certificate",
            "digitalSignature",
        ),
        ("Certificate revoked", "revocation list"),
        ("Invalid or empty profile provided.", "--profile-arn"),
        (
            "Requested Role isn't one of those listed in the Profile.",
            "--role-arn",
        ),
        (
            "Not authorized to set roleSessionName.",
            "--role-session-name",
        ),
        (&unable, "trust policy"),
        (&too_long, "--session-duration"),
        (&unmapped, "trust policy"),
    ];
    for (message, remedy) in known {
        let shown = denied(message, &[]);
        let expected = format!(
            "exit 3\nerror: AWS refused with 403 AccessDeniedException: {message} (request id {})\nhint: ",
            REQUEST_ID.1
        );
        let hint = shown.strip_prefix(&expected);
        assert!(hint.is_some_and(|hint| hint.contains(remedy)), "{shown}");
    }
    assert_snapshot!(denied("Something that AWS has never said before", &[]), @"
    exit 3
    error: AWS refused with 403 AccessDeniedException: Something that AWS has never said before (request id 5b1f3a54-1111-4222-8333-444455556666)
    ");
}

#[test]
fn success_without_credentials() {
    assert_snapshot!(failure_of(Fault::Answer(created(r#"{"credentialSet":[]}"#))), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 201 but its credential set is empty
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
    assert_snapshot!(failure_of(Fault::Answer(created("{}"))), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 201 but its JSON lacks the credentials
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
    assert_snapshot!(failure_of(Fault::Answer(created(r#"{"credentialSet":null}"#))), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 201 but its JSON lacks the credentials
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
    assert_snapshot!(failure_of(Fault::Answer(created(r#"{"credentialSet":[{"credentials":"#))), @"
    exit 5
    error: after 4 attempts: the connection to 127.0.0.1:[PORT] broke before the answer was complete: its JSON ends too early
    hint: try again; if it persists, look at what is between here and AWS
    ");
    assert_snapshot!(failure_of(Fault::Answer(created(""))), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 201 but its body is empty
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
    assert_snapshot!(answered("204 No Content", &[], ""), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 204 but its body is empty
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
}

#[test]
fn unusable_credentials() {
    for name in ["accessKeyId", "secretAccessKey", "sessionToken"] {
        let empty = unusable(|credentials| credentials[name] = json!(""));
        assert!(
            empty.contains("a part of its credentials is empty"),
            "{empty}"
        );
        let null = unusable(|credentials| credentials[name] = Value::Null);
        assert!(null.contains("its JSON lacks the credentials"), "{null}");
    }
    assert_snapshot!(unusable(|credentials| credentials["sessionToken"] = json!("")), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 201 but a part of its credentials is empty
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
    assert_snapshot!(unusable(|credentials| {
        credentials.as_object_mut().unwrap().remove("sessionToken");
    }), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 201 but its JSON lacks the credentials
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
}

#[test]
fn unusable_expiration() {
    let with = |expiration: Value| unusable(|credentials| credentials["expiration"] = expiration);
    // What a zero time looks like when a Go program writes it.
    assert_snapshot!(with(json!("0001-01-01T00:00:00Z")), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 201 but its credentials have expired already, on 0001-01-01T00:00:00Z
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
    assert_snapshot!(with(json!("2024-01-16T00:02:43Z")), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 201 but its credentials have expired already, on 2024-01-16T00:02:43Z
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
    assert_snapshot!(with(json!("tomorrow")), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 201 but the expiration of its credentials is not a date
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
    assert_snapshot!(with(json!("")), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 201 but the expiration of its credentials is not a date
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
    assert_snapshot!(with(json!(1_900_000_000)), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 201 but its JSON lacks the credentials
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
}

/// Secrets that came before the damage must not be repeated by the parser's
/// message about it, at any verbosity.
#[test]
fn secrets_of_a_damaged_answer_stay_unsaid() {
    let whole = String::from_utf8(session(|_| ())).unwrap();
    let body = whole.split("\r\n\r\n").nth(1).unwrap();
    let damaged = [
        session(|answer| answer["credentialSet"] = json!(SECRET_KEY)),
        session(|answer| answer["credentialSet"][0]["credentials"] = json!(TOKEN)),
        session(|answer| answer["credentialSet"][0]["credentials"]["expiration"] = json!(TOKEN)),
        session(|answer| answer["credentialSet"][0] = json!({ SECRET_KEY: TOKEN })),
        created(&body.replace("AROAEXAMPLE", "\\q")),
        created(&format!("{body}{SECRET_KEY}")),
        created(&body[..body.len() - 10]),
        http("403 Forbidden", &[JSON], body),
        http("500 Oops", &[], body),
        http("200 OK", &[HTML], body),
    ];
    for answer in damaged {
        for verbosity in ["--verbose", "--debug"] {
            let server = FaultServer::start(vec![Fault::Answer(answer.clone())]);
            let run = Workload::new().ask(&["--endpoint", &server.url(), verbosity]);
            assert_ne!(run.code, 0, "{run:#?}");
            assert_eq!(run.stdout, "");
            assert!(run.stderr.starts_with("note: asking "), "{run:#?}");
            assert!(run.stderr.contains("\nerror: "), "{run:#?}");
        }
    }
}

#[test]
fn secrets_of_a_good_answer_go_to_stdout_alone() {
    let server = granting(1);
    let run = Workload::new().ask(&["--endpoint", &server.url(), "--verbose", "--debug"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["SecretAccessKey"], SECRET_KEY);
    assert_eq!(document["SessionToken"], TOKEN);
    let said = run
        .stderr
        .replace(&format!(":{}", server.port()), ":[PORT]");
    // What follows is when the session ends.
    assert_snapshot!(said.split(" until ").next().unwrap(), @"
    note: asking http://127.0.0.1:[PORT] for a session as arn:aws:iam::123456789012:role/backup
    note: got a session as arn:aws:iam::123456789012:role/backup
    ");
    assert_eq!(said.lines().count(), 2, "{said}");
}

#[test]
fn oversized_answers_are_cut_off() {
    let two_megabytes = format!(r#"{{"credentialSet":[],"x":"{}"}}"#, "x".repeat(2 << 20));
    assert_snapshot!(failure_of(Fault::Answer(created(&two_megabytes))), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 201 but with more than 1048576 bytes
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
    // Without a length, there is only the counting.
    let mut endless = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\r\n".to_vec();
    endless.extend(two_megabytes.as_bytes());
    assert_snapshot!(failure_of(Fault::Answer(endless)), @"
    exit 1
    error: 127.0.0.1:[PORT] answered 201 but with more than 1048576 bytes
    hint: the service or something before it is out of order; try again, and look at what --endpoint leads to
    ");
    let mut headers = b"HTTP/1.1 201 Created\r\n".to_vec();
    for number in 0..20_000 {
        headers.extend(format!("x-filler-{number}: {}\r\n", "x".repeat(60)).bytes());
    }
    let shown = failure_of(Fault::Answer(headers));
    assert!(shown.starts_with("exit 5\nerror: "), "{shown}");
    assert!(shown.len() < 400, "{shown}");
}

#[test]
fn foreign_text_cannot_steer_the_terminal() {
    let hostile = "\u{1b}]0;owned\u{7}\u{1b}[2J\r\nerror: all is well\u{9b}31m\u{202e}\u{0}";
    let shown = [
        denied(hostile, &[]),
        answered(
            "503 Oops",
            &[JSON],
            &json!({ "message": hostile }).to_string(),
        ),
        answered(
            "429 Oops",
            &[JSON],
            &json!({ "message": hostile }).to_string(),
        ),
        answered(
            "403 Oops",
            &[JSON],
            &json!({ "__type": hostile }).to_string(),
        ),
        answered("403 Oops", &[HTML], &format!("<title>{hostile}</title>")),
        answered("403 Oops", &[("Content-Type", "a\tb")], "x"),
        answered("403 Oops", &[JSON, ("x-amzn-ErrorType", "a\tb")], "{}"),
        answered(
            "403 Oops",
            &[JSON, ("x-amzn-RequestId", "a\tb")],
            r#"{"message":"m"}"#,
        ),
    ];
    for text in &shown {
        let raw = text.chars().find(|character| {
            (character.is_control() && *character != '\n') || *character == '\u{202e}'
        });
        assert_eq!(raw, None, "{text:?}");
        // The exit code, the error and perhaps a hint: no forged line.
        assert!(!text.contains("\nerror: all is well"), "{text}");
    }
    assert_snapshot!(shown[0], @r"
    exit 3
    error: AWS refused with 403 AccessDeniedException: \u{1b}]0;owned\u{7}\u{1b}[2J\r\nerror: all is well\u{9b}31m\u{202e}\u{0} (request id 5b1f3a54-1111-4222-8333-444455556666)
    ");
}

#[test]
fn long_messages_are_cut() {
    let shown = denied(&"long ".repeat(10_000), &[]);
    assert!(shown.len() < 600, "{} bytes", shown.len());
    assert!(shown.contains('…'), "{shown}");
}

#[test]
fn broken_connections() {
    let whole = session(|_| ());
    let half = || whole[..whole.len() - 100].to_vec();
    assert_snapshot!(failure_of(Fault::Reset(Vec::new())), @"
    exit 5
    error: after 4 attempts: the connection to 127.0.0.1:[PORT] broke before the answer was complete: Connection reset by peer (os error 104)
    hint: try again; if it persists, look at what is between here and AWS
    ");
    assert_snapshot!(failure_of(Fault::Reset(half())), @"
    exit 5
    error: after 4 attempts: the connection to 127.0.0.1:[PORT] broke before the answer was complete: Connection reset by peer (os error 104)
    hint: try again; if it persists, look at what is between here and AWS
    ");
    assert_snapshot!(failure_of(Fault::Answer(half())), @"
    exit 5
    error: after 4 attempts: the connection to 127.0.0.1:[PORT] broke before the answer was complete: end of file before message length reached
    hint: try again; if it persists, look at what is between here and AWS
    ");
    assert_snapshot!(failure_of(Fault::Answer(Vec::new())), @"
    exit 5
    error: after 4 attempts: the connection to 127.0.0.1:[PORT] broke before the answer was complete: connection closed before message completed
    hint: try again; if it persists, look at what is between here and AWS
    ");
    assert_snapshot!(failure_of(Fault::Answer(b"HTTP/1.1 201 Cre".to_vec())), @"
    exit 5
    error: after 4 attempts: the connection to 127.0.0.1:[PORT] broke before the answer was complete: connection closed before message completed
    hint: try again; if it persists, look at what is between here and AWS
    ");
    assert_snapshot!(failure_of(Fault::Answer(
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{\"credentialSet\"".to_vec(),
    )), @"
    exit 5
    error: after 4 attempts: the connection to 127.0.0.1:[PORT] broke before the answer was complete: end of file before message length reached
    hint: try again; if it persists, look at what is between here and AWS
    ");
    assert_snapshot!(failure_of(Fault::Answer(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec())), @"
    exit 1
    error: 127.0.0.1:[PORT] does not answer in HTTP: invalid HTTP version parsed
    hint: something else answers there; is the endpoint's port right, or should it be https://?
    ");
}

/// Slow is no fault as long as the deadlines hold.
#[test]
fn a_slow_answer_is_read_to_its_end() {
    let answer = session(|_| ());
    let server = FaultServer::start(vec![Fault::Trickle(answer, Duration::from_micros(200))]);
    let run = Workload::new().ask(&["--endpoint", &server.url()]);
    assert_eq!(run.code, 0, "{run:#?}");
}

/// A full disk behind stdout: the SDK got nothing, so this is no success.
#[test]
fn unwritable_stdout_is_a_failure() {
    let server = granting(1);
    let workload = Workload::new();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut command = workload.command();
    command.args(["--role-arn", ROLE_ARN, "--endpoint", &server.url()]);
    command.stdout(full).stderr(std::process::Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        !stderr.contains(SECRET_KEY) && !stderr.contains(TOKEN),
        "{stderr}"
    );
    assert_eq!(output.status.code(), Some(1));
    assert_snapshot!(stderr, @"
    error: stdout cannot be written
    because: No space left on device (os error 28)
    ");
}
