//! The places from which certificate, key, intermediates and passphrase come.

use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::time::Duration;

use crate::harness::PASSPHRASE;

use super::bench::{Bench, granted, refused};
use super::material::Material;

/// The forms of a source: what is prepared for the file `FILE`, what is typed,
/// and which redirection it needs.
const SOURCES: [(&str, &str, &str, &str); 8] = [
    ("file", "", "FILE", ""),
    ("file:", "", "file:FILE", ""),
    ("stdin", "", "-", "<FILE"),
    ("env", "export V=\"$(cat FILE)\"", "env:V", ""),
    ("fd of a file", "", "fd:3", "3<FILE"),
    ("fd of a pipe", "mkfifo $o; cat FILE >$o &", "fd:3", "3<$o"),
    ("cmd", "", "'cmd:sh -c \"cat FILE\"'", ""),
    (
        "credential",
        "mkdir $o.d; cp FILE $o.d/one; export CREDENTIALS_DIRECTORY=\"$PWD/$o.d\"",
        "credential:one",
        "",
    ),
];

#[test]
fn everything_comes_from_every_source() {
    const LOCK: &str = "openssl pkcs8 -topk8 -in p256.pem -passout file:passphrase -out locked";
    const LEAF: &str = "p256";
    const CHAIN: &str = "p256 < issuing < policy";
    let roles = [
        (
            "certificate",
            "p256.crt",
            "--private-key p256.pem --certificate",
            LEAF,
        ),
        (
            "key",
            "p256.pem",
            "--certificate p256.crt --private-key",
            LEAF,
        ),
        (
            "intermediates",
            "chain",
            "--certificate p256.crt --private-key p256.pem --intermediates",
            CHAIN,
        ),
        (
            "passphrase",
            "passphrase",
            "--certificate p256.crt --private-key locked --passphrase-from",
            LEAF,
        ),
        (
            "locked key",
            "locked",
            "--certificate p256.crt --passphrase-file passphrase --private-key",
            LEAF,
        ),
        ("whole", "whole", "--certificate", CHAIN),
    ];
    let bench = Bench::new();
    for (role, file, options, identity) in roles {
        bench.grants(SOURCES.map(|(source, recipe, typed, redirection)| {
            let [recipe, typed, redirection] =
                [recipe, typed, redirection].map(|text| text.replace("FILE", file));
            granted(
                format!("{role} {source}"),
                format!("{LOCK}; cat p256.pem p256.crt chain >whole; {recipe}"),
                format!("{options} {typed} {redirection}"),
                identity,
            )
        }));
    }
}

#[rustfmt::skip]
#[test]
fn sources_are_combined() {
    const LOCK: &str =
        "openssl pkcs8 -topk8 -in p256.pem -passout file:passphrase -out locked";
    const WHOLE: &str = "cat chain p256.crt p256.pem >$o";
    const LOCKED: &str = "--certificate p256.crt --private-key locked";
    const BOTH: &str = "p256 < issuing < policy";
    let bench = Bench::new();
    bench.grants([
        granted("certificate and key from stdin", WHOLE, "--certificate - --private-key - <$o", BOTH),
        granted("all three from stdin", WHOLE, "--certificate - --private-key - --intermediates - <$o", BOTH),
        granted("PKCS#12 from stdin", "openssl pkcs12 -export -inkey p256.pem -in p256.crt -passout file:passphrase -out $o", "--certificate - --passphrase-file passphrase <$o", "p256"),
        granted("PKCS#12 from a pipe", "openssl pkcs12 -export -inkey p256.pem -in p256.crt -passout file:passphrase -out $o", "--certificate cmd:\"cat $o\" --passphrase-from fd:4 4<passphrase", "p256"),
        granted("DER from stdin", "openssl x509 -in p256.crt -outform DER -out $o", "--certificate - --private-key p256.pem <$o", "p256"),
        granted("one variable, twice", format!("{WHOLE}; export V=\"$(cat $o)\""), "--certificate env:V --private-key env:V", BOTH),
        granted("one command, twice", format!("{WHOLE}; : >ran"), "--certificate \"cmd:sh -c 'echo . >>ran; cat $o'\" --private-key \"cmd:sh -c 'echo . >>ran; cat $o'\"", BOTH),
        granted("three descriptors", LOCK, "--certificate fd:5 --private-key fd:3 --passphrase-from fd:4 5<p256.crt 3<locked 4<passphrase", "p256"),
        granted("passphrase from stdin", LOCK, format!("{LOCKED} --passphrase-from - <passphrase"), "p256"),
        granted("--passphrase-fd", LOCK, format!("{LOCKED} --passphrase-fd 3 3<passphrase"), "p256"),
        granted("--passphrase-env", format!("{LOCK}; export P=\"$(cat passphrase)\""), format!("{LOCKED} --passphrase-env P"), "p256"),
        granted("--passphrase-credential", format!("{LOCK}; export CREDENTIALS_DIRECTORY=\"$PWD\""), format!("{LOCKED} --passphrase-credential passphrase"), "p256"),
        granted("$WINDLASS_PASSPHRASE_FILE", format!("{LOCK}; export WINDLASS_PASSPHRASE_FILE=passphrase"), LOCKED, "p256"),
        granted("options in the environment", format!("{LOCK}; export WINDLASS_CERTIFICATE=p256.crt WINDLASS_PRIVATE_KEY=locked WINDLASS_INTERMEDIATES=chain"), "--passphrase-file passphrase", BOTH),
        granted("a file that looks like a source", "cp p256.pem env:HOME", "--certificate p256.crt --private-key ./env:HOME", "p256"),
        granted("file: before such a name", "cp p256.pem env:USER", "--certificate p256.crt --private-key file:env:USER", "p256"),
        granted("a name with spaces", "cp p256.pem 'a key.pem'", "--certificate p256.crt --private-key 'a key.pem'", "p256"),
        granted("a command with quotes", "cp p256.pem 'a \"key\".pem'", "--certificate p256.crt --private-key 'cmd:cat \"a \\\"key\\\".pem\"'", "p256"),
    ]);
    assert_eq!(bench.sandbox.read("ran"), ".\n", "the command ran once");
}

#[rustfmt::skip]
#[test]
fn a_source_that_gives_nothing_is_named() {
    const LOCK: &str =
        "openssl pkcs8 -topk8 -in p256.pem -passout file:passphrase -out locked";
    const KEY: &str = "--certificate p256.crt --private-key";
    let bench = Bench::new();
    let key = |source: &str| format!("{KEY} {source}");
    bench.refuses(Duration::from_secs(3), [
        refused("passphrase and key from stdin", LOCK, key("- --passphrase-from - <locked"), 2, "can be read only once"),
        refused("passphrase and certificate from stdin", LOCK, "--certificate - --private-key locked --passphrase-from - <p256.crt", 2, "can be read only once"),
        refused("passphrase and intermediates from stdin", LOCK, "--certificate p256.crt --private-key locked --intermediates - --passphrase-from - <chain", 2, "can be read only once"),
        refused("no such variable", "", key("env:NONE"), 2, "environment variable NONE"),
        refused("empty variable", "export NONE=", key("env:NONE"), 2, "environment variable NONE"),
        refused("closed descriptor", "", key("fd:7"), 2, "file descriptor 7: it is not open"),
        refused("output descriptor", "", key("fd:1"), 2, "for output"),
        refused("empty stdin", "", key("- </dev/null"), 4, "the file is empty"),
        refused("missing program", "", key("cmd:/nonexistent/program"), 2, "cannot be started"),
        refused("failing program", "", key("'cmd:sh -c \"echo no card >&2; exit 3\"'"), 1, "no card"),
        refused("silent program", "", key("cmd:true"), 4, "the command true holds no private key"),
        refused("endless program", "", key("'cmd:cat /dev/zero'"), 1, "printed more than"),
        refused("endless device", "", key("/dev/zero"), 2, "larger than"),
        refused("no credentials directory", "", key("credential:one"), 2, "CREDENTIALS_DIRECTORY"),
        refused("no such credential", "export CREDENTIALS_DIRECTORY=$PWD", key("credential:none"), 2, "systemd credential 'none'"),
        refused("credential elsewhere", "export CREDENTIALS_DIRECTORY=$PWD", key("credential:../p256.pem"), 2, "no slash"),
        refused("missing file", "", key("file:none"), 2, "none"),
        refused("empty passphrase file", format!("{LOCK}; : >$o"), key("locked --passphrase-file $o"), 2, "it is empty"),
        refused("missing passphrase file", LOCK, key("locked --passphrase-file $o"), 2, "case-missing-passphrase-file"),
        refused("endless passphrase", LOCK, key("locked --passphrase-file /dev/zero"), 2, "longer than 4096 bytes"),
        refused("passphrase program fails", LOCK, key("locked --passphrase-from cmd:false"), 1, "exit status: 1"),
        refused("no terminal", format!("{LOCK}; command -v setsid"), key("locked --passphrase-from tty"), 2, "no terminal"),
    ]);
}

/// While the program waits for another, neither shows in /proc what they are
/// entrusted with.
#[test]
fn no_process_shows_a_secret_while_it_runs() {
    let bench = Bench::new();
    let recipe = "openssl pkcs8 -topk8 -in p256.pem -passout file:passphrase -out locked";
    for (name, options, identity) in [
        (
            "slow passphrase",
            "--certificate p256.crt --private-key locked --passphrase-from 'cmd:sh -c \"sleep 0.3; cat passphrase\"'",
            "p256",
        ),
        (
            "slow key",
            "--certificate p256.crt --private-key 'cmd:sh -c \"sleep 0.3; cat locked\"' --passphrase-file passphrase",
            "p256",
        ),
        (
            "slow certificate after the passphrase",
            "--certificate p256.p12 --passphrase-file passphrase --intermediates 'cmd:sh -c \"sleep 0.3; cat chain\"'",
            "p256 < issuing < policy",
        ),
        (
            "slow signer",
            "--certificate p256.crt --signer-command 'sh -c \"sleep 0.3; openssl pkeyutl -sign -inkey p256.pem\"'",
            "p256",
        ),
    ] {
        let recipe = format!(
            "{recipe}; openssl pkcs12 -export -inkey p256.pem -in p256.crt -passout file:passphrase -out p256.p12"
        );
        let mut command = bench.command(name, &recipe, options);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut sleeping = 0;
        while child.try_wait().unwrap().is_none() {
            for process in descendants(child.id()) {
                let [arguments, variables] =
                    ["cmdline", "environ"].map(|file| read_proc(process, file));
                sleeping += usize::from(arguments.starts_with(b"sleep\x000.3"));
                for shown in [&arguments, &variables] {
                    Material::get().secrets.scan(shown, name);
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(sleeping > 0, "{name}: the program never waited");
        let output = child.wait_with_output().unwrap();
        let run = crate::harness::Run {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert_eq!(bench.identity_of(&run).unwrap(), identity, "{name}");
        assert!(!run.stdout.contains(PASSPHRASE) && run.stderr.is_empty());
    }
}

/// A process and all below it.
fn descendants(process: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let stat = String::from_utf8_lossy(&read_proc(id, "stat")).into_owned();
        // The name in parentheses may hold anything; the parent is the second
        // field behind it.
        let parent = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1))
            .and_then(|parent| parent.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (id, parent)));
    }
    let mut found = vec![process];
    let mut next = 0;
    while let Some(&current) = found.get(next) {
        let children = parents.iter().filter(|(_, parent)| *parent == current);
        found.extend(children.map(|(id, _)| *id));
        next += 1;
    }
    found
}

/// A file of /proc; nothing when the process has ended meanwhile.
fn read_proc(process: u32, file: &str) -> Vec<u8> {
    let mut content = Vec::new();
    if let Ok(mut file) = fs::File::open(format!("/proc/{process}/{file}")) {
        let _ = file.read_to_end(&mut content);
    }
    content
}
