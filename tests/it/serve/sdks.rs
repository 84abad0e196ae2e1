//! The AWS SDKs of Python, JavaScript and Rust and the AWS CLI, as they find
//! credentials by themselves: instance metadata, and the container endpoint.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::server::{Server, aws};
use super::service::{Mood, Service};
use crate::clients::sts::Sts;
use crate::harness::{Run, Sandbox, client_script, tool};
use crate::workload::Workload;

/// What the environment names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Imds,
    Container,
}

const PLACES: [Place; 2] = [Place::Imds, Place::Container];

fn below_root(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let shown = path.display();
    assert!(
        path.exists(),
        "{shown} is missing: run scripts/setup-test first"
    );
    path
}

/// A program whose environment has nothing but the place, as `serve` prints it.
fn client(
    program: impl AsRef<Path>,
    sandbox: &Sandbox,
    server: &Server<'_>,
    place: Place,
) -> Command {
    let mut command = Command::new(program.as_ref());
    sandbox.scrub(&mut command);
    command.env("NO_PROXY", "*");
    match place {
        Place::Imds => command.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", &server.url),
        Place::Container => command
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                format!("{}/profile/default", server.url),
            )
            .env(
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                sandbox.path("token"),
            ),
    };
    command
}

fn boto3(sandbox: &Sandbox, server: &Server<'_>, place: Place) -> Run {
    let mut command = client(tool("python"), sandbox, server, place);
    command.arg(client_script("found_credentials.py"));
    sandbox.finish(command)
}

/// The script for the SDK for JavaScript, where scripts/setup-test has installed
/// that.
pub(crate) fn javascript_program() -> PathBuf {
    let installed = below_root("target/test-tools/js/node_modules");
    let script = installed.with_file_name("credentials.mjs");
    // Modules are looked for beside the script.
    let source = std::fs::read(client_script("js/credentials.mjs")).unwrap();
    if std::fs::read(&script).ok() != Some(source.clone()) {
        let new = installed.with_file_name(format!("credentials.{}.mjs", std::process::id()));
        std::fs::write(&new, source).unwrap();
        std::fs::rename(new, &script).unwrap();
    }
    script
}

/// The client with the SDK for Rust.
pub(crate) fn rust_program() -> PathBuf {
    below_root("target/sdk/debug/windlass-test-sdk")
}

fn javascript(sandbox: &Sandbox, server: &Server<'_>, place: Place, way: &str) -> Run {
    let mut command = client("node", sandbox, server, place);
    command.arg(javascript_program()).arg(way);
    sandbox.finish(command)
}

fn rust(sandbox: &Sandbox, server: &Server<'_>, place: Place) -> Run {
    sandbox.finish(client(rust_program(), sandbox, server, place))
}

/// The client has the emulator's credentials, whole, for the better part of an
/// hour.
#[track_caller]
fn assert_found(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{run:#?}");
    let found: Value = serde_json::from_str(run.stdout.trim()).unwrap();
    let key_id = found["keyId"].as_str().unwrap();
    assert!(key_id.starts_with("ASIA0EMULATED0"), "{run:#?}");
    assert_eq!(found["secretLength"], 40, "{run:#?}");
    assert!(found["tokenLength"].as_u64() > Some(100), "{run:#?}");
    let left = found["secondsLeft"].as_i64().unwrap();
    assert!((3400..=3600).contains(&left), "{run:#?}");
    found
}

fn with_aws(check: impl Fn(&Sandbox, &Server<'_>)) {
    let workload = Workload::new();
    let aws = aws(&workload, &[]);
    let server = Server::start(&workload, &aws.url, &["--token-file", "token"]);
    check(&workload.sandbox, &server);
    // However many clients there were.
    assert_eq!(aws.log().matches("POST /sessions").count(), 1);
}

#[test]
fn boto3_finds_credentials() {
    with_aws(|sandbox, server| {
        for place in PLACES {
            let found = assert_found(&boto3(sandbox, server, place));
            let method = match place {
                Place::Imds => "iam-role",
                Place::Container => "container-role",
            };
            assert_eq!(found["method"], method);
        }
    });
}

#[test]
fn the_aws_cli_signs_with_what_it_finds() {
    with_aws(|sandbox, server| {
        for place in PLACES {
            let sts = Sts::start();
            let mut command = client(tool("aws"), sandbox, server, place);
            command
                .env("AWS_PAGER", "")
                .args(["sts", "get-caller-identity"]);
            command.args(["--region=us-east-1", "--endpoint-url", &sts.url]);
            let run = sandbox.finish(command);
            assert_eq!(run.code, 0, "{place:?} {run:#?}");
            let authorization = sts.request().header("authorization");
            assert!(
                authorization.contains("Credential=ASIA0EMULATED0"),
                "{authorization}"
            );
        }
    });
}

#[test]
fn the_sdk_for_javascript_finds_credentials() {
    with_aws(|sandbox, server| {
        for (place, way) in [
            (Place::Imds, "chain"),
            (Place::Imds, "imds"),
            (Place::Container, "chain"),
            (Place::Container, "http"),
        ] {
            assert_found(&javascript(sandbox, server, place, way));
        }
    });
}

#[test]
fn the_sdk_for_rust_finds_credentials() {
    with_aws(|sandbox, server| {
        for place in PLACES {
            assert_found(&rust(sandbox, server, place));
        }
    });
}

/// Their time-outs are one second; AWS answers after none of them.
#[test]
fn sdks_find_credentials_while_aws_hangs() {
    let workload = Workload::new();
    let service = Service::start(Mood::Grants(30));
    let server = Server::start(&workload, &service.url(), &["--token-file", "token"]);
    service.set(Mood::Hangs);
    server.until("it asks again", |_| service.calls() == 2);
    let sandbox = &workload.sandbox;
    for place in PLACES {
        let runs = [
            boto3(sandbox, &server, place),
            javascript(sandbox, &server, place, "chain"),
            rust(sandbox, &server, place),
        ];
        for run in runs {
            assert!(
                run.stdout.contains("ASIA0000000000000001"),
                "{place:?} {run:#?}"
            );
        }
    }
    assert_eq!(service.calls(), 2);
}

/// They say that there is nothing, and take nothing for credentials.
#[test]
fn f15_sdks_are_told_when_there_is_nothing() {
    let workload = Workload::new();
    let service = Service::start(Mood::IsOut);
    let server = Server::start(&workload, &service.url(), &["--token-file", "token"]);
    let sandbox = &workload.sandbox;
    for place in PLACES {
        for run in [
            boto3(sandbox, &server, place),
            javascript(sandbox, &server, place, "chain"),
            rust(sandbox, &server, place),
        ] {
            assert_eq!(
                (run.code, run.stdout.as_str()),
                (1, ""),
                "{place:?} {run:#?}"
            );
        }
    }
    // The container endpoint's clients show the reason.
    let run = boto3(sandbox, &server, Place::Container);
    assert!(run.stderr.contains("answered 503"), "{run:#?}");
}
