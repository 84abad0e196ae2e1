//! What `windlass configure` looks at before it writes, and what it says after.

use std::fs;
use std::time::Duration;

use super::{AWS, OWN, arguments, configure, home, line, section};
use crate::harness::{Sandbox, program, testdata};

/// Nothing was written by it.
#[track_caller]
fn refused(sandbox: &Sandbox, options: &[&str]) -> String {
    // The last of an option that is given twice does not hold, so it is replaced.
    let mut all = arguments(&[]);
    for pair in options.chunks(2) {
        match all.iter().position(|word| *word == pair[0]) {
            Some(at) => all[at + 1] = pair[1],
            None => all.extend(pair),
        }
    }
    let run = sandbox.run(&all);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:#?}");
    for name in [".aws", ".config"] {
        assert!(!sandbox.path(name).exists(), "{run:#?}");
    }
    let home = sandbox.root().display().to_string();
    run.stderr.replace(&home, "~")
}

#[test]
fn what_an_sdk_would_not_find_is_not_written() {
    let sandbox = home();
    fs::create_dir(sandbox.path("directory")).unwrap();
    for (name, options) in [
        ("stdin", ["--certificate", "-"]),
        ("descriptor", ["--private-key", "fd:3"]),
        ("passphrase_descriptor", ["--passphrase-fd", "3"]),
        ("substitution", ["--certificate", "/dev/fd/0"]),
        ("standard_input", ["--passphrase-file", "/dev/stdin"]),
        ("process_descriptor", ["--private-key", "/proc/self/fd/0"]),
        ("missing_certificate", ["--certificate", "~/no.pem"]),
        ("directory", ["--private-key", "directory"]),
        ("missing_selector", ["--cert-selector", "file://no.json"]),
        ("missing_ca_bundle", ["--ca-bundle", "no.pem"]),
        ("proxy_of_another_kind", ["--proxy", "socks5://proxy:1080"]),
        ("missing_passphrase_file", ["--passphrase-file", "no"]),
        (
            "pin",
            ["--private-key", "pkcs11:token=a?pin-value=hunter22"],
        ),
        (
            "pin_of_a_certificate",
            ["--certificate", "pkcs11:object=a?pin-value=hunter22"],
        ),
    ] {
        let told = refused(&sandbox, &options);
        assert!(!told.contains("hunter22"), "{told}");
        insta::assert_snapshot!(name, told);
    }
}

/// As far as files tell; nobody is asked for a passphrase, and none is guessed.
#[test]
fn a_key_and_a_certificate_of_different_identities_are_not_written() {
    let sandbox = Sandbox::new();
    for (name, source) in [
        ("fullchain.pem", "certs/leaf.pem"),
        ("key.pem", "keys/p256-other.pem"),
        ("right.pem", "keys/p256.pem"),
        // Of the certificate of neither.
        ("locked.pem", "keys/p256-encrypted.pem"),
        ("other.pem", "certs/leaf-p384.pem"),
    ] {
        sandbox.write(name, fs::read(testdata(source)).unwrap());
    }
    sandbox.write("unlock", "testdata\n");
    insta::assert_snapshot!("mismatch", refused(&sandbox, &[]));
    let locked = ["--private-key", "locked.pem", "--certificate", "other.pem"];
    let unlocked = [&locked[..], &["--passphrase-file", "unlock"]].concat();
    let told = refused(&sandbox, &unlocked);
    assert!(told.contains("do not belong together"), "{told}");
    let written = |options: &[&str]| {
        let both: Vec<&str> = options.chunks(2).map(|pair| pair[0]).collect();
        let mut all = arguments(&["--print"]);
        for name in ["--certificate", "--private-key"] {
            let at = all.iter().position(|word| *word == name).unwrap();
            if both.contains(&name) {
                all.drain(at..at + 2);
            }
        }
        sandbox.ok(&[&all[..], options].concat());
    };
    written(&["--no-check"]);
    written(&["--private-key", "right.pem"]);
    written(&locked);
    written(&[&locked[..], &["--passphrase-from", "tty"]].concat());
    written(&[&locked[..], &["--passphrase-from", "cmd:touch asked"]].concat());
    assert!(!sandbox.path("asked").exists());
}

#[test]
fn files_that_are_made_later_are_named_on_request_and_descriptors_never() {
    let sandbox = Sandbox::new();
    let run = configure(&sandbox, &["--no-check"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(sandbox.read(OWN).contains("/key.pem"));
    let run = configure(&sandbox, &["--no-check", "--passphrase-fd", "3"]);
    assert_eq!(run.code, 2, "{run:#?}");
}

/// `aws configure` and the like are not seen when it begins.
#[test]
fn what_is_put_there_while_it_waits_for_its_turn_is_not_replaced() {
    let sandbox = home();
    fs::create_dir(sandbox.path(".aws")).unwrap();
    sandbox.write(AWS, "");
    sandbox.write(".aws/.config.windlass-lock", "");
    let lock = fs::File::open(sandbox.path(".aws/.config.windlass-lock")).unwrap();
    lock.lock().unwrap();
    let other = "[profile backup]\ncredential_process = /bin/other x\n";
    let run = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| configure(&sandbox, &[]));
        // It has looked at both, and written the first one.
        while !sandbox.path(OWN).exists() && !waiting.is_finished() {
            std::thread::sleep(Duration::from_millis(5));
        }
        sandbox.write(AWS, other);
        drop(lock);
        waiting.join().unwrap()
    });
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr.contains("of another program on line 2 of "),
        "{run:#?}"
    );
    assert_eq!(sandbox.read(AWS), other);
}

/// What is replaced is no danger any more, and what stays is.
#[test]
fn force_warns_of_what_stays_and_tells_what_was_replaced() {
    let sandbox = home();
    fs::create_dir(sandbox.path(".aws")).unwrap();
    let other = "[profile backup]\ncredential_process = /bin/other x\n";
    sandbox.write(AWS, other);
    let run = configure(&sandbox, &["--force"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(!run.stderr.contains("warning"), "{run:#?}");
    assert!(
        run.stderr
            .contains("note: replaced: credential_process of another program on line 2 of "),
        "{run:#?}"
    );
    assert_eq!(sandbox.read(AWS), section());

    sandbox.write(AWS, format!("{other}sso_session = x\n"));
    let run = configure(&sandbox, &["--force"]);
    let warnings: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning: "))
        .collect();
    assert_eq!(warnings.len(), 1, "{run:#?}");
    assert!(
        warnings[0].contains("sso_session") && !warnings[0].contains("credential_process"),
        "{run:#?}"
    );
}

#[test]
fn each_file_that_was_written_is_named() {
    let sandbox = home();
    let told = configure(&sandbox, &[]).stderr;
    for name in [OWN, AWS] {
        assert!(told.contains(name), "{told}");
    }
    assert_eq!(told.lines().count(), 2, "{told}");
    assert_eq!(configure(&sandbox, &[]).stderr, "", "nothing was done");
}

/// The region is that of the services, and the user knows better.
#[test]
fn a_region_that_is_there_stays() {
    let sandbox = home();
    fs::create_dir(sandbox.path(".aws")).unwrap();
    sandbox.write(AWS, "[profile backup]\nregion = eu-west-1\n");
    let run = configure(&sandbox, &[]);
    assert_eq!(run.code, 0, "{run:#?}");
    let expected = format!("[profile backup]\nregion = eu-west-1\n{}", line(program()));
    assert_eq!(sandbox.read(AWS), expected);
}
