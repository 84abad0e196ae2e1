//! What other renewal scripts get wrong, by the numbers of the list of their bugs:
//! O1, O2 and O4 are in `issuers.rs` and `answers.rs`, O1 also in `traces.rs`.

use std::fs;
use std::process::Command;

use rustls::pki_types::{CertificateDer, UnixTime};
use windlass::host::{Part, Shelf};
use windlass::store::{CERTIFICATE, FULLCHAIN, KEY, VersionNumber, Versions};
use x509_cert::der::{Decode, DecodePem, Encode};

use crate::crash::straced;
use crate::harness::{Sandbox, capture, program};

use super::{LOCAL, in_force, json, kept, rotate, with_ca, with_identity};

/// O3: whatever the umask, a file that holds a key is the owner's alone from its
/// first moment, hidden and fixed ones too, and no mode is widened later.
#[test]
fn o3_every_file_with_a_key_is_owner_only_from_its_first_moment() {
    let fixed = [
        "--key-file",
        "etc/tls.key",
        "--fullchain-file",
        "etc/tls.pem",
    ];
    for more in [&["--force"][..], &["--force", "--reuse-key"]] {
        for umask in ["000", "022"] {
            let sandbox = with_identity();
            fs::create_dir(sandbox.path("etc")).unwrap();
            let command = [&[program()], &LOCAL[..], &fixed, more].concat();
            let traced = "trace=open,openat,openat2,creat,mkdir,mkdirat,link,linkat,chmod,fchmod,\
                          fchmodat,umask,write,rename";
            let run = straced(&sandbox, umask, &command).run(&["trace", "-s", "64", "-e", traced]);
            assert_eq!(run.code, 0, "{run:#?}");
            let trace = sandbox.read("trace");
            // Files into which a key was written, by what strace calls them.
            let mut with_keys = Vec::new();
            for line in trace
                .lines()
                .filter(|line| line.contains("PRIVATE KEY-----"))
            {
                let path = line.split(['<', '>']).nth(1).unwrap();
                with_keys.push(path.rsplit('/').next().unwrap().to_owned());
            }
            assert!(with_keys.len() >= 2, "{trace}");
            for line in trace.lines().filter(|line| line.contains("O_CREAT")) {
                let is_of_key = with_keys.iter().any(|name| line.contains(name.as_str()));
                let is_private = line.contains(", 0600)");
                assert!(is_private || !is_of_key, "{umask}: {line}");
            }
            for name in &with_keys {
                let opened = |line: &&str| line.contains("O_CREAT") && line.contains(name.as_str());
                assert!(trace.lines().any(|line| opened(&line)), "{name}: {trace}");
            }
            for line in trace.lines().filter(|line| line.contains(" mkdir")) {
                assert!(line.contains(", 0700)"), "{umask}: {line}");
            }
            for line in trace.lines().filter(|line| line.contains("chmod")) {
                let is_of_key = with_keys.iter().any(|name| line.contains(name.as_str()));
                assert!(!is_of_key || line.contains(", 0600)"), "{umask}: {line}");
            }
        }
    }
}

/// O5: nothing is downloaded: no connection but to the endpoint that was named,
/// and none at all where nobody is asked for a session.
#[test]
fn o5_nothing_is_fetched_from_anywhere() {
    let sandbox = with_identity();
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    let session = emulator.arguments("web/current");
    let from = session.iter().position(|word| word == "--trust-anchor-arn");
    let session: Vec<&str> = session[from.unwrap()..]
        .iter()
        .map(String::as_str)
        .collect();
    let port = emulator
        .url
        .rsplit(':')
        .next()
        .unwrap()
        .trim_end_matches('/');
    for (more, asks) in [(&[][..], false), (&session[..], true)] {
        let command = [&[program()], &LOCAL[..], &["--force"], more].concat();
        let traced = "trace=connect,sendto,sendmsg,bind,execve";
        let run = straced(&sandbox, "077", &command).run(&["trace", "-e", traced]);
        assert_eq!(run.code, 0, "{run:#?}");
        let trace = sandbox.read("trace");
        let network = |line: &&str| line.contains("AF_INET") || line.contains("AF_UNIX");
        let connections: Vec<&str> = trace.lines().filter(network).collect();
        assert_eq!(connections.is_empty(), !asks, "{trace}");
        for line in connections {
            let is_named = line.contains("127.0.0.1") && line.contains(&format!("htons({port})"));
            assert!(is_named, "{line}");
        }
        let runs = trace.lines().filter(|line| line.contains("execve("));
        assert_eq!(runs.count(), 1, "{trace}");
    }
}

/// O6: the request proves that this host has its key, a request of which one octet
/// of the signature is another is refused, and the CA's policy says which names
/// there may be.
#[test]
fn o6_requests_prove_possession_and_names_are_under_a_policy() {
    let sandbox = with_identity();
    let run = sandbox.run(&issuer_arguments("sh -c 'cat >asked.csr; exit 75'"));
    assert_eq!(run.code, 5, "{run:#?}");
    let mut command = Command::new("openssl");
    sandbox.scrub(&mut command);
    command.args(["req", "-in", "asked.csr", "-verify", "-noout", "-subject"]);
    let run = capture(&mut command);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!((run.stdout + &run.stderr).contains("OK"));
    let sign = |csr: &str| {
        let arguments = ["ca", "sign", "--dir", "ca", "--csr", csr, "--out", "-"];
        sandbox.run(&[&arguments[..], &["--passphrase-file", "passphrase"]].concat())
    };
    let asked = sandbox.read("asked.csr");
    let request = pem::parse(&asked).unwrap();
    let mut altered = request.contents().to_vec();
    *altered.last_mut().unwrap() ^= 1;
    let altered = pem::Pem::new(request.tag(), altered);
    sandbox.write("altered.csr", pem::encode(&altered));
    let run = sign("altered.csr");
    assert_eq!(run.code, 4, "{run:#?}");
    assert!(run.stderr.contains("signature"), "{run:#?}");
    sandbox.write("ca/ca.toml", "[profiles.db]\ncn.allow = [\"db-*\"]\n");
    let run = sign("asked.csr");
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(run.stderr.contains("cn.allow"), "{run:#?}");
}

fn issuer_arguments(command: &str) -> Vec<&str> {
    let mut arguments = vec!["rotate", "--identity", "web", "--cn", "web-1", "--force"];
    arguments.extend(["--trust-anchor", "ca/trust-anchor.pem"]);
    arguments.extend(["--issuer-command", command]);
    arguments
}

/// O7: nothing is written into the directory in which it is run.
#[test]
fn o7_the_working_directory_does_not_matter() {
    let sandbox = with_ca();
    fs::create_dir(sandbox.path("elsewhere")).unwrap();
    let path = |name: &str| sandbox.path(name).display().to_string();
    let (identity, ca, passphrase) = (path("web"), path("ca"), path("passphrase"));
    for force in [None, Some("--force")] {
        let mut command = sandbox.command();
        command.current_dir(sandbox.path("elsewhere"));
        command.args(["rotate", "--identity", &identity, "--cn", "web-1"]);
        command.args(["--ca-dir", &ca, "--passphrase-file", &passphrase]);
        command.args(force);
        let run = sandbox.finish(command);
        assert_eq!(run.code, 0, "{run:#?}");
        assert_eq!(fs::read_dir(sandbox.path("elsewhere")).unwrap().count(), 0);
    }
    in_force(&sandbox.path("web"));
}

/// O7: paths with spaces and quotes, of files and of hooks and issuers.
#[test]
fn o7_paths_may_hold_spaces() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let place = "a b/it's \"c\"";
    fs::create_dir_all(sandbox.path(place)).unwrap();
    let at = |name: &str| format!("{place}/{name}");
    fs::rename(sandbox.path("ca"), sandbox.path(&at("ca"))).unwrap();
    let told = at("told me");
    let hook = shlex::try_join(["touch", &told]).unwrap();
    let (identity, ca, key) = (at("my web"), at("ca"), at("tls key.pem"));
    let mut arguments = vec!["rotate", "--identity", &identity, "--cn", "web-1"];
    arguments.extend(["--ca-dir", &ca, "--passphrase-file", "passphrase"]);
    arguments.extend(["--after-hook", &hook, "--key-file", &key]);
    sandbox.ok(&arguments);
    in_force(&sandbox.path(&identity));
    assert!(sandbox.path(&told).exists());
    let version = sandbox.read(&format!("{identity}/current/key.pem"));
    assert_eq!(sandbox.read(&key), version);
}

/// O7: an identity is the directory that is named, and no name of a certificate
/// becomes a path.
#[test]
fn o7_names_are_no_paths() {
    let sandbox = with_ca();
    fs::create_dir(sandbox.path("elsewhere")).unwrap();
    let before = fs::read_dir(sandbox.root()).unwrap().count();
    let run = |identity: &str, cn: &str| {
        let mut command = sandbox.command();
        command.current_dir(sandbox.path("elsewhere"));
        command.args(["rotate", "--identity", identity, "--cn", cn]);
        command.args(["--ca-dir", "../ca", "--passphrase-file", "../passphrase"]);
        sandbox.finish(command)
    };
    let named = run("web", "../../x/../y");
    assert_eq!(named.code, 0, "{named:#?}");
    in_force(&sandbox.path("elsewhere/web"));
    assert_eq!(fs::read_dir(sandbox.path("elsewhere")).unwrap().count(), 1);
    // It is a path that somebody has typed: it is where it says, and nowhere else.
    let beside = run("../x", "web-1");
    assert_eq!(beside.code, 0, "{beside:#?}");
    in_force(&sandbox.path("x"));
    assert_eq!(fs::read_dir(sandbox.root()).unwrap().count(), before + 1);
    // What is no identity is not made one.
    let taken = run("..", "web-1");
    assert_eq!(taken.code, 2, "{taken:#?}");
    assert!(!sandbox.path("current").exists());
}

/// O8: version 3, digitalSignature and clientAuth, no CA.
/// O9: three parsers that are not ours read what was issued, and agree.
#[test]
fn o8_o9_what_is_put_in_force_is_what_three_other_parsers_read() {
    let sandbox = with_ca();
    let names = ["--san", "web.example.com", "--ou", "Ops"];
    let run = rotate(&sandbox, &names);
    assert_eq!(run.code, 0, "{run:#?}");
    let serial = in_force(&sandbox.path("web"));
    // OpenSSL.
    let mut command = Command::new("openssl");
    sandbox.scrub(&mut command);
    command.args(["x509", "-in", "web/current/cert.pem", "-noout", "-text"]);
    command.args(["-serial", "-nameopt", "RFC2253"]);
    let run = capture(&mut command);
    for says in [
        "Version: 3 (0x2)",
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "TLS Web Client Authentication",
        "CA:FALSE",
        "DNS:web.example.com",
        "CN=web-1",
    ] {
        assert!(run.stdout.contains(says), "{says}: {}", run.stdout);
    }
    let shown = run.stdout.to_lowercase();
    assert!(shown.contains(&format!("serial={serial}")), "{shown}");
    // RustCrypto's.
    let pem = sandbox.read("web/current/cert.pem");
    let theirs = x509_cert::Certificate::from_pem(&pem).unwrap();
    let tbs = theirs.tbs_certificate();
    assert_eq!(tbs.version(), x509_cert::Version::V3);
    assert_eq!(tbs.subject().to_string(), "CN=web-1,OU=Ops");
    let number = hex::encode(tbs.serial_number().as_bytes());
    assert_eq!(
        number.trim_start_matches('0'),
        serial.trim_start_matches('0')
    );
    let der = theirs.to_der().unwrap();
    assert_eq!(x509_cert::Certificate::from_der(&der).unwrap(), theirs);
    // webpki's, which also walks the path.
    let chain = sandbox.read("web/current/chain.pem");
    let [issuing, root] = [chain, sandbox.read("ca/trust-anchor.pem")].map(|pem| rustls_pki(&pem));
    let leaf = rustls_pki(&pem);
    let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
    let above = [issuing];
    let end_entity = webpki::EndEntityCert::try_from(&leaf).unwrap();
    let start = tbs.validity().not_before.to_unix_duration();
    let verified = end_entity.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        &anchors,
        &above,
        UnixTime::since_unix_epoch(start),
        webpki::KeyUsage::client_auth(),
        None,
        None,
    );
    assert!(verified.is_ok());
}

fn rustls_pki(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from(pem::parse(pem).unwrap().into_contents())
}

/// L15: cron sends on what is printed: a renewal that fails is told, and once the
/// certificate has ended that is told, and each run ends with 7, until one brings it
/// back.
#[test]
fn l15_runs_that_fail_are_told_and_louder_once_it_has_ended() {
    let sandbox = with_identity();
    let out = "sh -c 'echo CA is down >&2; exit 75'";
    let failed = sandbox.run(&issuer_arguments(out));
    assert_eq!(failed.code, 5, "{failed:#?}");
    assert!(failed.stderr.contains("CA is down"), "{failed:#?}");
    assert!(
        failed
            .stderr
            .contains("the certificate in force is good until")
    );
    expire(&sandbox);
    let mut unforced = issuer_arguments(out);
    unforced.retain(|word| *word != "--force");
    let runs: Vec<(i32, String)> = (0..3)
        .map(|_| {
            let run = sandbox.run(&unforced);
            (run.code, run.stderr)
        })
        .collect();
    // One that tries, and others that wait for the next try.
    assert!(runs.iter().all(|(code, _)| *code == 7), "{runs:#?}");
    let (_, told) = &runs[0];
    assert!(
        told.starts_with("error: ") && told.contains("expired"),
        "{told}"
    );
    // Within the same hour that is known.
    assert!(
        runs[1..].iter().all(|(_, told)| told.is_empty()),
        "{runs:#?}"
    );
    let shown = sandbox.run(&[&unforced[..], &["--json"]].concat());
    assert_eq!(json(&shown)["urgency"], "expired");
    assert_eq!(shown.code, 7);
    let before = kept(&sandbox.path("web"));
    let back = rotate(&sandbox, &["--force"]);
    assert_eq!(back.code, 0, "{back:#?}");
    assert_ne!(kept(&sandbox.path("web")), before);
    let quiet = rotate(&sandbox, &[]);
    assert_eq!(
        (quiet.code, quiet.stdout + &quiet.stderr),
        (0, String::new())
    );
}

/// Puts a pair in force whose certificate has ended.
fn expire(sandbox: &Sandbox) {
    let (key, certificate) = super::answers::ended_pair(sandbox);
    let versions = Versions::open(&sandbox.path("web")).unwrap();
    let disk = windlass::host::Disk::new(versions, None, 2);
    disk.discard(None).unwrap();
    let number = VersionNumber::new(40).unwrap();
    for (part, content) in [
        (Part::Key, key.as_slice()),
        (Part::Certificate, certificate.as_bytes()),
        (Part::Chain, b"".as_slice()),
        (Part::Fullchain, certificate.as_bytes()),
    ] {
        disk.put(number, part, content).unwrap();
    }
    disk.switch(number).unwrap();
    // They have the names that readers know.
    assert_eq!(
        [
            Part::Key.file(),
            Part::Certificate.file(),
            Part::Fullchain.file()
        ],
        [KEY, CERTIFICATE, FULLCHAIN]
    );
}
