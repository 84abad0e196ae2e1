//! The container credentials endpoint, and several profiles in one process.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::server::{Server, aws};
use crate::workload::{
    PROFILE_ARN, ROLE_ARN, SECRET_KEY, TOKEN, TRUST_ANCHOR_ARN, Workload, granting,
};

/// L8: an endpoint for credentials that asks nobody who they are.
#[test]
fn l8_without_the_token_there_is_401_and_with_another_403() {
    let workload = Workload::new();
    let service = granting(1);
    let server = Server::start(&workload, &service.url(), &["--token-file", "token"]);
    let token = workload.sandbox.read("token");

    let answer = server.ask("GET", "/profile/default", &[("Authorization", &token)]);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document = answer.json();
    assert_eq!(document["AccessKeyId"], "ASIAEXAMPLEEXAMPLE12");
    assert_eq!(document["SecretAccessKey"], SECRET_KEY);
    assert_eq!(document["Token"], TOKEN);
    assert_eq!(document["AccountId"], "123456789012");
    assert_eq!(document["Expiration"].as_str().unwrap().len(), 20);
    assert_eq!(document.as_object().unwrap().len(), 5);

    let none = server.get("/profile/default");
    assert_eq!(none.status, 401);
    let bearer = format!("Bearer {token}");
    for wrong in ["", "x", &token[1..], &bearer] {
        let answer = server.ask("GET", "/profile/default", &[("Authorization", wrong)]);
        assert_eq!(answer.status, 403, "{wrong}");
        assert_eq!(answer.json()["code"], "Forbidden");
        assert!(!answer.body.contains("ASIA"), "{answer:?}");
    }
    let twice = [("Authorization", token.as_str()), ("Authorization", "x")];
    assert_eq!(server.ask("GET", "/profile/default", &twice).status, 403);
    // Which profiles there are is nobody's business without it.
    assert_eq!(server.get("/profile/other").status, 401);
    let other = server.ask("GET", "/profile/other", &[("Authorization", &token)]);
    assert_eq!(other.status, 404);
    let post = server.ask("POST", "/profile/default", &[("Authorization", &token)]);
    assert_eq!(
        (post.status, post.header("allow")),
        (405, Some("GET, HEAD"))
    );
}

#[test]
fn without_any_token_the_endpoint_says_what_is_missing() {
    let workload = Workload::new();
    let service = granting(1);
    let server = Server::start(&workload, &service.url(), &[]);
    let answer = server.ask("GET", "/profile/default", &[("Authorization", "")]);
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("--token-file"), "{answer:?}");
}

/// botocore and Rust's SDK send a newline of the file as part of the header.
#[test]
fn the_token_file_is_the_owners_has_no_newline_and_lasts() {
    let workload = Workload::new();
    let sandbox = &workload.sandbox;
    let options = ["--token-file", "token"];
    let first = {
        let service = granting(1);
        let _server = Server::start(&workload, &service.url(), &options);
        let metadata = fs::metadata(sandbox.path("token")).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        sandbox.read("token")
    };
    assert_eq!(first.len(), 64);
    assert!(first.bytes().all(|octet| octet.is_ascii_hexdigit()));
    let again = |mode: u32| {
        let path = sandbox.path("token");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let service = granting(1);
        let _server = Server::start(&workload, &service.url(), &options);
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        (sandbox.read("token"), mode)
    };
    // A group that was let in stays so; a token that all could read or others
    // could write is not one any more.
    assert_eq!(again(0o640), (first.clone(), 0o640));
    let (second, mode) = again(0o644);
    assert!(second != first && mode == 0o600, "{mode:o}");
    let (third, _) = again(0o620);
    assert_ne!(third, second);
}

#[test]
fn another_file_is_not_overwritten_by_a_token() {
    let workload = Workload::new();
    let before = workload.sandbox.read("key.pem");
    let session = Server::session("http://127.0.0.1:9");
    let mut all: Vec<&str> = vec!["serve", "--port", "0", "--token-file", "key.pem"];
    all.extend(session.iter().map(String::as_str));
    let run = workload.sandbox.run(&all);
    insta::assert_snapshot!(crate::workload::failure(&run, &[]));
    assert_eq!(workload.sandbox.read("key.pem"), before);
}

#[test]
fn the_token_may_come_from_elsewhere() {
    const GIVEN: &str = "c2VjcmV0LXRva2VuLW9mLXRoZS10ZXN0";
    let workload = Workload::new();
    workload.sandbox.write("given", format!("{GIVEN}\n"));
    let service = granting(1);
    let options = ["--authorization-token-from", "given"];
    let server = Server::start(&workload, &service.url(), &options);
    let answer = server.ask("GET", "/profile/default", &[("Authorization", GIVEN)]);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!server.log().contains(GIVEN));
    drop(server);
    for weak in ["short", "with a blank in the middle of it"] {
        workload.sandbox.write("given", weak);
        let session = Server::session("http://127.0.0.1:9");
        let mut all: Vec<&str> = vec!["serve", "--port", "0"];
        all.extend(options);
        all.extend(session.iter().map(String::as_str));
        let run = workload.sandbox.run(&all);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(
            run.stderr.contains("given does not hold a token"),
            "{run:?}"
        );
        assert!(!run.stderr.contains(weak), "{run:?}");
    }
}

/// A config file with two profiles for this endpoint, and one that fails.
fn write_config(workload: &Workload, url: &str, other_role: &str) {
    let root = workload.sandbox.root().display();
    let profile = |name: &str, role: &str| {
        format!(
            "[profile.{name}]\ncertificate = \"{root}/fullchain.pem\"\n\
             private_key = \"{root}/key.pem\"\ntrust_anchor_arn = \"{TRUST_ANCHOR_ARN}\"\n\
             profile_arn = \"{PROFILE_ARN}\"\nrole_arn = \"{role}\"\nendpoint = \"{url}\"\n\n"
        )
    };
    let text = profile("backup", ROLE_ARN) + &profile("web", other_role);
    workload.sandbox.write("config.toml", text);
}

#[test]
fn several_profiles_are_served_and_imds_has_one_of_them() {
    let workload = Workload::new();
    let other = "arn:aws:iam::123456789012:role/site/web";
    let aws = aws(&workload, &["--role-arn", other]);
    write_config(&workload, &aws.url, other);
    let role = |options: &[&str]| {
        let mut all = vec!["--config", "config.toml", "--port", "0", "--no-cache"];
        all.extend(["--token-file", "token"]);
        all.extend(options);
        let command = Server::command(&workload.sandbox, &all);
        let server = Server::run(&workload.sandbox, command);
        let token = workload.sandbox.read("token");
        let status = |name: &str| {
            let path = format!("/profile/{name}");
            let answer = server.ask("GET", &path, &[("Authorization", &token)]);
            answer.status
        };
        let found = (status("backup"), status("web"));
        let role = server.imds("/latest/meta-data/iam/security-credentials/");
        (found, role.body)
    };
    // The one called default is everybody's choice, the first of all nobody's.
    let named = workload.sandbox.read("config.toml");
    workload.sandbox.write(
        "config.toml",
        named.replace("profile.web", "profile.default"),
    );
    let found = role(&["--all"]);
    assert_eq!(found, ((200, 404), "web".to_owned()));
    workload.sandbox.write("config.toml", named);
    let options = ["serve", "--config", "config.toml", "--all", "--port", "0"];
    let run = workload.sandbox.run(&options);
    insta::assert_snapshot!(
        "imds_of_several_profiles",
        crate::workload::failure(&run, &[])
    );
    assert_eq!(
        role(&["--profile", "web", "--profile", "backup"]),
        ((200, 200), "web".to_owned())
    );
    assert_eq!(role(&["--profile", "web"]), ((404, 200), "web".to_owned()));
    assert_eq!(
        role(&["--all", "--imds-profile", "web"]),
        ((200, 200), "web".to_owned())
    );
}

/// One profile that is refused must not take the others with it.
#[test]
fn a_profile_that_is_refused_does_not_stop_the_others() {
    let workload = Workload::new();
    let refused = "arn:aws:iam::123456789012:role/gone";
    let aws = aws(&workload, &[]);
    write_config(&workload, &aws.url, refused);
    let all = [
        "--config",
        "config.toml",
        "--all",
        "--imds-profile",
        "backup",
        "--port",
        "0",
        "--no-cache",
    ];
    let mut command = Server::command(&workload.sandbox, &all);
    command.args(["--token-file", "token"]);
    let server = Server::run(&workload.sandbox, command);
    let token = workload.sandbox.read("token");
    let ask = |name: &str| {
        server.ask(
            "GET",
            &format!("/profile/{name}"),
            &[("Authorization", &token)],
        )
    };
    assert_eq!(ask("backup").status, 200);
    let answer = ask("web");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["code"], "CredentialsUnavailable");
    let reason = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(reason.contains("AWS refused with 403"), "{reason}");
    let health = server.get("/healthz");
    assert_eq!(health.status, 503);
    assert_eq!(health.json()["profiles"][0]["status"], "ok");
    assert_eq!(health.json()["profiles"][1]["status"], "unavailable");
    let log = server.log();
    assert!(
        log.contains("warning: no new session for web: AWS refused"),
        "{log}"
    );
}

/// Without a token there is only IMDS.
#[test]
fn what_nobody_could_get_is_told() {
    let workload = Workload::new();
    let aws = aws(&workload, &[]);
    write_config(&workload, &aws.url, ROLE_ARN);
    let usual = ["serve", "--config", "config.toml", "--port", "0"];
    let nothing = [&usual[..], &["--profile", "web", "--no-imds"]].concat();
    let run = workload.sandbox.run(&nothing);
    insta::assert_snapshot!(
        "nothing_would_be_served",
        crate::workload::failure(&run, &[])
    );
    let options = ["--config", "config.toml", "--port", "0", "--no-cache"];
    let mut command = Server::command(&workload.sandbox, &options);
    command.args(["--profile", "backup", "--profile", "web"]);
    let server = Server::run(&workload.sandbox, command);
    assert!(
        server.log().contains("nobody gets the credentials of: web"),
        "{}",
        server.log()
    );
}

#[test]
fn an_imds_profile_that_is_not_served_is_an_error() {
    let workload = Workload::new();
    write_config(&workload, "http://127.0.0.1:9", ROLE_ARN);
    let run = workload.sandbox.run(&[
        "serve",
        "--config",
        "config.toml",
        "--all",
        "--imds-profile",
        "wbe",
        "--port",
        "0",
    ]);
    insta::assert_snapshot!(crate::workload::failure(&run, &[]));
}
