//! What a person reads.

use super::Host;

/// The text, with what changes from run to run named.
fn text(host: &Host, changes: &[(&str, &str)], more: &[&str]) -> String {
    let mut command = host.sandbox.command();
    command.arg("doctor").args(host.options(changes)).args(more);
    let run = host.sandbox.finish(command);
    let text = run
        .stdout
        .replace(&host.emulator.url, "URL")
        .replace(
            host.emulator.trust_anchor_arn.rsplit('/').next().unwrap(),
            "ANCHOR",
        )
        .replace(&host.sandbox.root().display().to_string(), "DIR");
    format!("exit {}\n{}", run.code, redacted(&text))
}

/// Without request ids and other numbers of this run.
fn redacted(text: &str) -> String {
    let mut shown = String::new();
    for line in text.lines() {
        let line = match line.find("(request id ") {
            Some(start) => {
                let (before, rest) = line.split_at(start);
                let after = rest.split_once(')').map_or("", |(_, after)| after);
                format!("{before}(request id ID){after}")
            }
            None => line.to_owned(),
        };
        shown.push_str(&line);
        shown.push('\n');
    }
    shown
}

#[test]
fn a_missing_intermediate() {
    let host = Host::new(&[]);
    let text = text(&host, &[("--certificate", "web-1/cert.pem")], &[]);
    insta::assert_snapshot!(text);
}

#[test]
fn a_granted_session() {
    let host = Host::new(&[]);
    insta::assert_snapshot!(text(&host, &[], &[]));
}

#[test]
fn a_missing_key() {
    let host = Host::new(&[]);
    insta::assert_snapshot!(text(&host, &[("--private-key", "web-1/keys.pem")], &[]));
}

#[test]
fn a_trust_policy_without_an_action() {
    let host = Host::new(&[]);
    let files = host.files(&|all| {
        all["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Action"] =
            serde_json::json!(["sts:AssumeRole", "sts:SetSourceIdentity"]);
    });
    let mut more: Vec<&str> = files.iter().map(String::as_str).collect();
    more.push("--offline");
    insta::assert_snapshot!(text(&host, &[], &more));
}

#[test]
fn nothing_is_known_of_aws() {
    let host = Host::new(&[]);
    insta::assert_snapshot!(text(&host, &[], &["--offline"]));
}
