//! The main job against the emulator: a certificate becomes credentials.

use crate::harness::Sandbox;

#[test]
fn a_certificate_becomes_credentials_over_tls() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web-1", &[]);
    let emulator = sandbox.emulate(&["--tls", "--trust-anchor", "ca/trust-anchor.pem"]);
    let arguments = emulator.arguments("web-1");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = sandbox.ok(&arguments);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["Version"], 1);
    assert!(
        document["AccessKeyId"]
            .as_str()
            .unwrap()
            .starts_with("ASIA0EMULATED0")
    );
    assert_eq!(run.stderr, "");
}
