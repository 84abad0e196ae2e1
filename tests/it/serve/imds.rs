//! The instance metadata service, by the rules of EC2 and the habits of SDKs.

use chrono::{DateTime, TimeDelta, Utc};

use super::server::{Answer, Server, aws};
use crate::workload::{ROLE_ARN, SECRET_KEY, TOKEN, Workload, granting};

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials";

/// A server whose session is always the same.
fn with_server(options: &[&str], check: impl FnOnce(&Server<'_>)) {
    let workload = Workload::new();
    let service = granting(1);
    check(&Server::start(&workload, &service.url(), options));
}

#[test]
fn a_token_leads_to_the_role_and_the_role_to_credentials() {
    with_server(&[], |server| {
        let token = server.ask("PUT", "/latest/api/token", &[(TTL, "21600")]);
        assert_eq!(token.status, 200, "{token:?}");
        assert_eq!(token.header("content-type"), Some("text/plain"));
        // Rust's SDK refuses an answer without it, Go's cannot read one.
        assert_eq!(token.header(TTL), Some("21600"));
        // 64 octets in base64, nothing else.
        assert_eq!(token.body.len(), 86, "{token:?}");

        let with_token = [("X-aws-ec2-metadata-token", token.body.as_str())];
        for path in [CREDENTIALS.to_owned(), format!("{CREDENTIALS}/")] {
            let role = server.ask("GET", &path, &with_token);
            assert_eq!((role.status, role.body.as_str()), (200, "backup"));
            assert_eq!(role.header("content-type"), Some("text/plain"));
        }
        for path in [
            format!("{CREDENTIALS}/backup"),
            format!("{CREDENTIALS}/backup/"),
            format!("/{CREDENTIALS}/backup"),
        ] {
            let answer = server.ask("GET", &path, &with_token);
            assert_credentials(&answer);
            let document = answer.json();
            let members = document.as_object().unwrap().len();
            assert_eq!(members, 7, "{answer:?}");
        }
    });
}

/// The helper sets the header after the body was written, so that it is never
/// sent.
#[test]
fn f17_what_is_left_of_a_tokens_time_is_sent_with_every_answer() {
    with_server(&[], |server| {
        let token = server.ask("PUT", "/latest/api/token", &[(TTL, "300")]);
        assert_eq!(token.header(TTL), Some("300"));
        let with_token = [("X-aws-ec2-metadata-token", token.body.as_str())];
        for path in [format!("{CREDENTIALS}/"), format!("{CREDENTIALS}/backup")] {
            let answer = server.ask("GET", &path, &with_token);
            assert_eq!(answer.status, 200, "{answer:?}");
            let left: i64 = answer.header(TTL).unwrap().parse().unwrap();
            assert!((280..=300).contains(&left), "{left}");
        }
    });
}

#[track_caller]
fn assert_credentials(answer: &Answer) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let document = answer.json();
    for (key, value) in [
        ("Code", "Success"),
        ("Type", "AWS-HMAC"),
        ("AccessKeyId", "ASIAEXAMPLEEXAMPLE12"),
        ("SecretAccessKey", SECRET_KEY),
        ("Token", TOKEN),
    ] {
        assert_eq!(document[key], value, "{key}");
    }
    let now = Utc::now();
    for (key, from, to) in [("LastUpdated", -1, 1), ("Expiration", 58, 60)] {
        let text = document[key].as_str().unwrap();
        // botocore reads exactly this form.
        assert_eq!((text.len(), text.ends_with('Z')), (20, true), "{text}");
        let time: DateTime<Utc> = text.parse().unwrap();
        let (from, to) = (TimeDelta::minutes(from), TimeDelta::minutes(to));
        assert!((now + from..=now + to).contains(&time), "{key} {text}");
    }
}

#[test]
fn the_extended_form_names_the_account() {
    with_server(&[], |server| {
        let role = server.imds(&format!("{CREDENTIALS}-extended/"));
        assert_eq!(role.body, "backup");
        let answer = server.imds(&format!("{CREDENTIALS}-extended/backup"));
        assert_credentials(&answer);
        assert_eq!(answer.json()["AccountId"], "123456789012");
    });
}

#[test]
fn what_sdks_look_up_besides_credentials_is_there() {
    with_server(&[], |server| {
        for (path, body) in [
            ("/latest/meta-data/placement/region", "us-east-1"),
            (
                "/latest/meta-data/placement/availability-zone/",
                "us-east-1a",
            ),
            ("/latest", "dynamic\nmeta-data"),
            ("/latest/meta-data/", "iam/\nplacement/"),
            ("/latest/meta-data/iam/", "info\nsecurity-credentials/"),
        ] {
            let answer = server.imds(path);
            assert_eq!((answer.status, answer.body.as_str()), (200, body), "{path}");
        }
        let identity = server.imds("/latest/dynamic/instance-identity/document");
        assert_eq!(identity.json()["region"], "us-east-1");
        assert_eq!(identity.json()["accountId"], "123456789012");
        let info = server.imds("/latest/meta-data/iam/info").json();
        assert_eq!(
            (&info["Code"], &info["RoleArn"]),
            (&"Success".into(), &ROLE_ARN.into())
        );
    });
}

#[test]
fn a_token_asks_for_a_life_of_a_second_to_six_hours() {
    with_server(&[], |server| {
        for good in ["1", "300", "21600"] {
            let answer = server.ask("PUT", "/latest/api/token", &[(TTL, good)]);
            assert_eq!(answer.status, 200, "{good}");
            assert_eq!(answer.header(TTL), Some(good));
        }
        for bad in ["0", "21601", "-1", "+60", "6 0", "", "x", "99999999999999"] {
            let answer = server.ask("PUT", "/latest/api/token", &[(TTL, bad)]);
            assert_eq!(answer.status, 400, "{bad}");
        }
        assert_eq!(server.ask("PUT", "/latest/api/token", &[]).status, 400);
        let twice = [(TTL, "60"), (TTL, "60")];
        assert_eq!(server.ask("PUT", "/latest/api/token", &twice).status, 400);
    });
}

/// With 403, 404 or 405 SDKs fall back to version 1 and ask without a token.
#[test]
fn without_a_good_token_there_is_nothing_but_401() {
    with_server(&[], |server| {
        let token = server.token();
        let paths = [
            format!("{CREDENTIALS}/"),
            format!("{CREDENTIALS}/backup"),
            "/latest/meta-data/placement/region".to_owned(),
            "/latest/meta-data/nothing".to_owned(),
        ];
        let cut = &token[1..];
        let longer = format!("{token}A");
        for path in &paths {
            for bad in [None, Some(""), Some("x"), Some(cut), Some(longer.as_str())] {
                let header = bad.map(|bad| ("X-aws-ec2-metadata-token", bad));
                let answer = server.ask("GET", path, header.as_slice());
                assert_eq!(answer.status, 401, "{path} {bad:?}");
                assert!(!answer.body.contains("ASIA"), "{answer:?}");
            }
        }
        // A token ends: this one does so after a second.
        let short = server.ask("PUT", "/latest/api/token", &[(TTL, "1")]).body;
        let header = [("X-aws-ec2-metadata-token", short.as_str())];
        server.until("the token ends", |server| {
            server.ask("GET", &paths[0], &header).status == 401
        });
    });
}

#[test]
fn other_paths_and_methods_are_told_so() {
    with_server(&[], |server| {
        for path in [
            format!("{CREDENTIALS}/other"),
            format!("{CREDENTIALS}/Backup"),
            "/latest/meta-data/ami-id".to_owned(),
            "/latest/user-data".to_owned(),
        ] {
            assert_eq!(server.imds(&path).status, 404, "{path}");
        }
        for path in ["/", "/2021-03-23/meta-data/", "/index.html", "/latest/../x"] {
            let status = server.get(path).status;
            assert!(status == 404 || status == 401, "{path} {status}");
        }
        for method in ["GET", "HEAD", "POST", "DELETE", "OPTIONS"] {
            let answer = server.ask(method, "/latest/api/token", &[(TTL, "60")]);
            assert_eq!(answer.status, 405, "{method}");
            assert_eq!(answer.header("allow"), Some("PUT"), "{method}");
        }
        for method in ["PUT", "POST", "DELETE", "OPTIONS", "PATCH"] {
            let answer = server.ask(method, &format!("{CREDENTIALS}/"), &[]);
            assert_eq!(answer.status, 405, "{method}");
            assert_eq!(answer.header("allow"), Some("GET, HEAD"), "{method}");
        }
        let token = server.token();
        let header = [("X-aws-ec2-metadata-token", token.as_str())];
        let head = server.ask("HEAD", &format!("{CREDENTIALS}/backup"), &header);
        assert_eq!((head.status, head.body.as_str()), (200, ""));
    });
}

#[test]
fn what_a_proxy_hands_on_is_refused() {
    with_server(&[], |server| {
        let token = server.token();
        let forwarded = ("X-Forwarded-For", "10.0.0.1");
        let put = server.ask("PUT", "/latest/api/token", &[(TTL, "60"), forwarded]);
        assert_eq!(put.status, 403);
        let get = server.ask(
            "GET",
            &format!("{CREDENTIALS}/backup"),
            &[("X-aws-ec2-metadata-token", &token), forwarded],
        );
        assert_eq!((get.status, get.body.contains("ASIA")), (403, false));
    });
}

/// F14: the official helper remembers every token for ever. Here none is
/// remembered, so that nobody can crowd out another one's.
#[test]
fn f14_who_asks_for_many_tokens_takes_none_from_others() {
    with_server(&[], |server| {
        let first = server.token();
        for _ in 0..600 {
            server.token();
        }
        for token in [first, server.token()] {
            let header = [("X-aws-ec2-metadata-token", token.as_str())];
            let answer = server.ask("GET", &format!("{CREDENTIALS}/"), &header);
            assert_eq!(answer.status, 200);
        }
    });
}

#[test]
fn a_token_of_an_earlier_process_is_refused() {
    let mut earlier = String::new();
    with_server(&[], |server| earlier = server.token());
    with_server(&[], |server| {
        let header = [("X-aws-ec2-metadata-token", earlier.as_str())];
        let answer = server.ask("GET", &format!("{CREDENTIALS}/"), &header);
        assert_eq!(answer.status, 401);
    });
}

#[test]
fn it_can_be_switched_off() {
    let token = ["--no-imds", "--token-file", "token"];
    with_server(&token, |server| {
        let put = server.ask("PUT", "/latest/api/token", &[(TTL, "60")]);
        assert_eq!(put.status, 403);
        assert_eq!(server.get(&format!("{CREDENTIALS}/")).status, 403);
        assert_eq!(server.get("/healthz").status, 200);
        assert!(
            !server.log().contains("AWS_EC2_METADATA"),
            "{}",
            server.log()
        );
    });
}

/// F18: the helper asks for a session of 900 s anew at almost each request.
#[test]
fn f18_a_session_of_900_seconds_is_asked_for_once() {
    let workload = Workload::new();
    let aws = aws(&workload, &[]);
    let server = Server::start(&workload, &aws.url, &["--session-duration", "900"]);
    for _ in 0..50 {
        assert_eq!(server.imds(&format!("{CREDENTIALS}/backup")).status, 200);
    }
    assert_eq!(aws.log().matches("POST /sessions").count(), 1);
    let left = server.metric("windlass_session_remaining_seconds{profile=\"default\"}");
    assert!((880..=900).contains(&left), "{left}");
}
