//! Where passphrases come from, what is wrong with some of them, and that they
//! are seen nowhere: not on either output, not in an argument, not in a file.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use p256::pkcs8::DecodePrivateKey;

use crate::ca_state::{bounded, files_below, hidden_directories};
use crate::harness::{PASSPHRASE, Run, Sandbox, program};

/// Issues a certificate with these options and environment variables; the
/// passphrase may be on standard input, which is file descriptor 9 too.
fn issue(
    sandbox: &Sandbox,
    options: &[&str],
    variables: &[(&str, &str)],
    input: Option<&[u8]>,
) -> Run {
    let out = format!("out-{}", fs::read_dir(sandbox.root()).unwrap().count());
    let mut arguments = vec!["ca", "issue", "--dir", "ca", "--cn", "web", "--out", &out];
    arguments.extend(options);
    let run = watched(sandbox, &arguments, variables, input);
    assert_eq!(sandbox.path(&out).exists(), run.code == 0, "{run:#?}");
    assert_eq!(hidden_directories(sandbox.root()), [""; 0], "{run:#?}");
    run
}

/// Runs the program and looks at its arguments, as any process could, until it
/// ends.
fn watched(
    sandbox: &Sandbox,
    arguments: &[&str],
    variables: &[(&str, &str)],
    input: Option<&[u8]>,
) -> Run {
    let mut command = Command::new("/bin/sh");
    sandbox.scrub(&mut command);
    // The shell becomes the program, so its process id is the program's.
    let script = match input {
        Some(_) => "exec \"$0\" \"$@\" 9<&0",
        None => "exec \"$0\" \"$@\"",
    };
    command
        .args(["-c", script, program()])
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(input.map_or_else(Stdio::null, |_| Stdio::piped()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    if let Some(input) = input {
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(input).unwrap();
    }
    let path = format!("/proc/{}/cmdline", child.id());
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut seen = false;
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline || end(&mut child), "no end");
        let line = fs::read(&path).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        assert!(!line.contains(PASSPHRASE), "in the arguments: {line}");
        seen |= line.starts_with(program());
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output().unwrap();
    // What is refused at once may be over before it is seen.
    assert!(seen || !output.status.success(), "{arguments:?} not seen");
    let run = Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains(PASSPHRASE), "in the output: {run:#?}");
    }
    run
}

/// Ends a child that takes too long; false, for the assertion that asks.
fn end(child: &mut Child) -> bool {
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// A refusal: the exit code, an error with these words, no result.
#[track_caller]
fn assert_refused(run: &Run, code: i32, words: &str) {
    assert_eq!(run.code, code, "{run:#?}");
    assert!(run.stderr.starts_with("error: "), "{run:#?}");
    assert!(run.stderr.contains(words), "no '{words}': {run:#?}");
    assert_eq!(run.stdout, "", "{run:#?}");
}

#[test]
fn every_source_gives_the_passphrase() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    fs::create_dir(sandbox.path("credentials")).unwrap();
    sandbox.write("credentials/ca-pass", format!("{PASSPHRASE}\n"));
    let credentials = sandbox.path("credentials").display().to_string();
    let line = format!("{PASSPHRASE}\n");
    let input = Some(line.as_bytes());
    for (options, variables, input) in [
        (vec!["--passphrase-file", "passphrase"], vec![], None),
        (vec!["--passphrase-fd", "9"], vec![], input),
        (vec!["--passphrase-fd", "0"], vec![], input),
        (
            vec!["--passphrase-env", "PASS"],
            vec![("PASS", PASSPHRASE)],
            None,
        ),
        (
            vec!["--passphrase-credential", "ca-pass"],
            vec![("CREDENTIALS_DIRECTORY", credentials.as_str())],
            None,
        ),
        (
            vec![],
            vec![("WINDLASS_PASSPHRASE_FILE", "passphrase")],
            None,
        ),
        // What is said on the command line goes before the environment.
        (
            vec!["--passphrase-file", "passphrase"],
            vec![("WINDLASS_PASSPHRASE_FILE", "missing")],
            None,
        ),
    ] {
        let run = issue(&sandbox, &options, &variables, input);
        assert_eq!(run.code, 0, "{options:?} {variables:?}: {run:#?}");
        assert_eq!(run.stderr, "", "{options:?}");
    }
}

#[test]
fn a_file_descriptor_may_be_a_regular_file() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    for (file, code) in [("passphrase", 0), ("wrong", 4)] {
        sandbox.write("wrong", "incorrect horse\n");
        let script = "exec \"$0\" ca issue --dir ca --cn web --out \"$1-out\" \
                      --passphrase-fd 9 9<\"$1\"";
        let run = bounded(&sandbox, "077", &["/bin/sh", "-c", script, program(), file]);
        assert_eq!(run.code, code, "{file}: {run:#?}");
    }
}

/// Exactly one line ending is not part of the passphrase, and nothing else is
/// taken away.
#[test]
fn one_line_ending_is_stripped_and_no_more() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    for (end, code) in [
        ("", 0),
        ("\n", 0),
        ("\r\n", 0),
        ("\n\n", 4),
        ("\r\n\r\n", 4),
        ("\r\r\n", 4),
        ("\r", 4),
        (" \n", 4),
    ] {
        let content = format!("{PASSPHRASE}{end}");
        sandbox.write("given", &content);
        let run = issue(&sandbox, &["--passphrase-file", "given"], &[], None);
        assert_eq!(run.code, code, "file with {end:?}: {run:#?}");
        let input = Some(content.as_bytes());
        let run = issue(&sandbox, &["--passphrase-fd", "9"], &[], input);
        assert_eq!(run.code, code, "pipe with {end:?}: {run:#?}");
    }
    // A variable has no line ending: all of it is the passphrase.
    let line = format!("{PASSPHRASE}\n");
    let variables = [("PASS", line.as_str())];
    let run = issue(&sandbox, &["--passphrase-env", "PASS"], &variables, None);
    assert_eq!(run.code, 4, "{run:#?}");
}

/// The second line ending is a character like any other, for init too.
#[test]
fn a_passphrase_may_end_with_a_line_ending() {
    let sandbox = Sandbox::new();
    sandbox.write("passphrase", format!("{PASSPHRASE}\n\n"));
    sandbox.ca(&[]);
    let whole = issue(&sandbox, &["--passphrase-file", "passphrase"], &[], None);
    assert_eq!(whole.code, 0, "{whole:#?}");
    sandbox.write("shorter", format!("{PASSPHRASE}\n"));
    let shorter = issue(&sandbox, &["--passphrase-file", "shorter"], &[], None);
    assert_refused(&shorter, 4, "passphrase");
}

#[test]
fn a_wrong_passphrase_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("wrong", "incorrect horse battery\n");
    let run = issue(&sandbox, &["--passphrase-file", "wrong"], &[], None);
    assert_refused(&run, 4, "ca/issuing/key.pem");
    assert!(run.stderr.contains("\nhint: "), "{run:#?}");
    assert!(!run.stderr.contains("incorrect horse"), "{run:#?}");
}

#[test]
fn a_source_that_gives_nothing_is_a_usage_error() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("empty", "");
    sandbox.write("line", "\n");
    sandbox.write("long", "x".repeat(4097));
    fs::create_dir(sandbox.path("credentials")).unwrap();
    sandbox.write("credentials/empty", "\r\n");
    let credentials = sandbox.path("credentials").display().to_string();
    let directory = ("CREDENTIALS_DIRECTORY", credentials.as_str());
    for (options, variables, words) in [
        (["--passphrase-file", "empty"], vec![], "empty"),
        (["--passphrase-file", "line"], vec![], "empty"),
        (["--passphrase-file", "long"], vec![], "longer than 4096"),
        (["--passphrase-file", "missing"], vec![], "missing"),
        (["--passphrase-file", "credentials"], vec![], "credentials"),
        (["--passphrase-fd", "97"], vec![], "file descriptor 97"),
        (["--passphrase-fd", "-1"], vec![], "-1"),
        (["--passphrase-fd", "x"], vec![], "--passphrase-fd"),
        (["--passphrase-env", "PASS"], vec![], "PASS"),
        (["--passphrase-env", "PASS"], vec![("PASS", "")], "PASS"),
        (
            ["--passphrase-credential", "ca-pass"],
            vec![],
            "CREDENTIALS_DIRECTORY",
        ),
        (
            ["--passphrase-credential", "missing"],
            vec![directory],
            "missing",
        ),
        (
            ["--passphrase-credential", "empty"],
            vec![directory],
            "empty",
        ),
        (
            ["--passphrase-credential", "../passphrase"],
            vec![directory],
            "slash",
        ),
        (
            ["--passphrase-credential", "/etc/hostname"],
            vec![directory],
            "slash",
        ),
        (["--passphrase-credential", ".."], vec![directory], "dot"),
    ] {
        let run = issue(&sandbox, &options, &variables, None);
        assert_refused(&run, 2, words);
    }
    let run = issue(&sandbox, &["--passphrase-fd", "9"], &[], Some(b""));
    assert_refused(&run, 2, "empty");
    let variables = [("WINDLASS_PASSPHRASE_FILE", "missing")];
    assert_refused(&issue(&sandbox, &[], &variables, None), 2, "missing");
}

#[test]
fn two_sources_at_once_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let sources = [
        ["--passphrase-file", "passphrase"],
        ["--passphrase-fd", "9"],
        ["--passphrase-env", "PASS"],
        ["--passphrase-credential", "ca-pass"],
    ];
    for (index, one) in sources.iter().enumerate() {
        for other in &sources[index + 1..] {
            let run = issue(&sandbox, &[one.as_slice(), other].concat(), &[], None);
            assert_refused(&run, 2, "cannot be used with");
        }
    }
}

#[test]
fn init_refuses_a_short_passphrase_and_makes_nothing() {
    let sandbox = Sandbox::new();
    let arguments = ["ca", "init", "--dir", "ca", "--name", "Example Corp"];
    let arguments = [arguments.as_slice(), &["--passphrase-file", "given"]].concat();
    // Seven characters, however many bytes and whatever the line ending.
    for short in ["1234567", "1234567\r\n", "äöüÄÖÜß\n"] {
        sandbox.write("given", short);
        let run = watched(&sandbox, &arguments, &[], None);
        assert_refused(&run, 2, "7 characters");
        assert!(!sandbox.path("ca").exists());
        assert_eq!(hidden_directories(sandbox.root()), [""; 0]);
    }
    sandbox.write("given", "12345678\n");
    let run = watched(&sandbox, &arguments, &[], None);
    assert_eq!(run.code, 0, "{run:#?}");
}

/// A passphrase need not be text; then its bytes count.
#[test]
fn a_passphrase_may_be_any_bytes() {
    let sandbox = Sandbox::new();
    sandbox.write("passphrase", b"\xff\x00\xfe\x01\xfd\x02\xfc\x03\n");
    sandbox.ca(&[]);
    let run = issue(&sandbox, &["--passphrase-file", "passphrase"], &[], None);
    assert_eq!(run.code, 0, "{run:#?}");
}

#[test]
fn openssl_opens_the_keys_of_a_ca_with_the_passphrase_only() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web", &[]);
    let mut secrets = Vec::new();
    for path in ["ca/root/key.pem", "ca/issuing/key.pem"] {
        let open = |source: &str| {
            let arguments = ["openssl", "pkey", "-in", path, "-passin", source];
            let arguments = [arguments.as_slice(), &["-out", "opened"]].concat();
            bounded(&sandbox, "077", &arguments).code
        };
        assert_eq!(open("file:passphrase"), 0, "{path}");
        let opened = sandbox.read("opened");
        let key = p256::SecretKey::from_pkcs8_pem(&opened).unwrap();
        secrets.push(key.to_bytes().to_vec());
        secrets.push(opened.lines().nth(1).unwrap().as_bytes().to_vec());
        fs::remove_file(sandbox.path("opened")).unwrap();
        for wrong in ["pass:", "pass:incorrect horse"] {
            assert_ne!(open(wrong), 0, "{path} with {wrong}");
        }
    }
    // In no form, in no file: neither as PEM nor as the bare number.
    for path in files_below(&sandbox.path("ca")) {
        let content = fs::read(&path).unwrap();
        for label in [
            "-BEGIN PRIVATE KEY",
            "-BEGIN EC PRIVATE KEY",
            "-BEGIN RSA PRIVATE KEY",
            PASSPHRASE,
        ] {
            assert!(!holds(&content, label.as_bytes()), "{}", path.display());
        }
        for secret in &secrets {
            assert!(!holds(&content, secret), "{}", path.display());
        }
    }
    for path in files_below(&sandbox.path("web")) {
        let content = fs::read(&path).unwrap();
        assert!(!holds(&content, PASSPHRASE.as_bytes()));
    }
}

#[test]
fn an_encrypted_workload_key_is_used_with_its_passphrase() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web", &[]);
    sandbox.write("wrong", "incorrect horse\n");
    let emulator = sandbox.emulate(&["--tls", "--trust-anchor", "ca/trust-anchor.pem"]);
    for (name, scheme) in [
        ("pbkdf2", ["-v2", "aes-256-cbc"].as_slice()),
        ("scrypt", &["-scrypt"]),
    ] {
        fs::create_dir(sandbox.path(name)).unwrap();
        fs::copy(
            sandbox.path("web/fullchain.pem"),
            sandbox.path(&format!("{name}/fullchain.pem")),
        )
        .unwrap();
        let key = format!("{name}/key.pem");
        let arguments = ["openssl", "pkcs8", "-topk8", "-in", "web/key.pem", "-out"];
        let arguments = [&arguments, [key.as_str()].as_slice(), scheme].concat();
        let arguments = [arguments.as_slice(), &["-passout", "file:passphrase"]].concat();
        let made = bounded(&sandbox, "077", &arguments);
        assert_eq!(made.code, 0, "{made:#?}");
        assert!(sandbox.read(&key).contains("-BEGIN ENCRYPTED PRIVATE KEY"));
        let arguments = emulator.arguments(name);
        let credentials = |options: &[&str]| {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            watched(&sandbox, &[&arguments, options].concat(), &[], None)
        };
        let run = credentials(&["--passphrase-file", "passphrase"]);
        assert_eq!(run.code, 0, "{name}: {run:#?}");
        assert!(run.stdout.contains("\"AccessKeyId\""), "{name}: {run:#?}");
        let run = credentials(&["--passphrase-file", "wrong"]);
        assert_refused(&run, 4, &key);
        // An SDK runs it where nobody can answer, so it does not ask.
        let run = credentials(&[]);
        assert_refused(&run, 4, &key);
        assert!(run.stderr.contains("--passphrase-file"), "{run:#?}");
    }
}

#[test]
fn without_a_terminal_the_options_are_named() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let issue = ["ca", "issue", "--dir", "ca", "--cn", "web", "--out", "web"];
    let init = ["ca", "init", "--dir", "new", "--name", "Example Corp"];
    for arguments in [issue.as_slice(), &init] {
        let arguments = [["setsid", "-w", program()].as_slice(), arguments].concat();
        let run = bounded(&sandbox, "077", &arguments);
        assert_refused(&run, 2, "terminal");
        assert!(run.stderr.contains("\nhint: "), "{run:#?}");
        assert!(run.stderr.contains("--passphrase-file"), "{run:#?}");
    }
    assert!(!sandbox.path("web").exists() && !sandbox.path("new").exists());
    assert_eq!(hidden_directories(sandbox.root()), [""; 0]);
}

#[test]
fn a_terminal_is_asked_twice_for_a_new_ca_and_once_for_an_old_one() {
    let sandbox = Sandbox::new();
    let init = "ca init --dir ca --name Example";
    let (code, shown) = on_terminal(
        &sandbox,
        &format!("{} {init}", program()),
        false,
        &[
            ("new CA: ", PASSPHRASE),
            ("new CA, once more: ", PASSPHRASE),
        ],
    );
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("trust anchor"), "{shown}");
    assert!(!shown.contains(PASSPHRASE), "echoed: {shown}");
    // What was typed is what a file says.
    let run = issue(&sandbox, &["--passphrase-file", "passphrase"], &[], None);
    assert_eq!(run.code, 0, "{run:#?}");
    for (answer, expected) in [(PASSPHRASE, 0), ("incorrect horse", 4), ("", 2)] {
        let issue = format!(
            "{} ca issue --dir ca --cn web --out web-{expected}",
            program()
        );
        let (code, shown) = on_terminal(&sandbox, &issue, false, &[("the CA in ca: ", answer)]);
        assert_eq!(code, expected, "{shown}");
        assert!(answer.is_empty() || !shown.contains(answer), "{shown}");
    }
    // Two entries that differ make nothing.
    let differing = format!("{} ca init --dir other --name Example", program());
    let (code, shown) = on_terminal(
        &sandbox,
        &differing,
        false,
        &[("new CA: ", PASSPHRASE), ("once more: ", "something else")],
    );
    assert_eq!(code, 2, "{shown}");
    assert!(shown.contains("the two entries differ"), "{shown}");
    assert!(!shown.contains(PASSPHRASE), "echoed: {shown}");
    assert!(!shown.contains("something else"), "echoed: {shown}");
    assert!(!sandbox.path("other").exists());
}

/// That the terminal of these tests would show an echo.
#[test]
fn the_terminal_of_these_tests_echoes() {
    let sandbox = Sandbox::new();
    let shell = "printf 'name: '; read -r name";
    let (code, shown) = on_terminal(&sandbox, shell, true, &[("name: ", PASSPHRASE)]);
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains(PASSPHRASE), "{shown}");
}

/// Runs a command line on a terminal of its own and answers what it asks; its
/// exit code and all that the terminal showed after its own name.
pub(crate) fn on_terminal(
    sandbox: &Sandbox,
    line: &str,
    echo: bool,
    answers: &[(&str, &str)],
) -> (i32, String) {
    let mut command = Command::new("script");
    sandbox.scrub(&mut command);
    let line = format!("tty; {line}");
    let mut child = command
        .args(["-qec", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let shown = Arc::new(Mutex::new(String::new()));
    let mut output = child.stdout.take().unwrap();
    let reader = std::thread::spawn({
        let shown = Arc::clone(&shown);
        move || {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                shown.lock().unwrap().push_str(&text);
            }
        }
    });
    let mut keyboard = child.stdin.take().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    let pause = |child: &mut Child, what: &str| {
        let text = shown.lock().unwrap().clone();
        let in_time = Instant::now() < deadline || end(child);
        assert!(in_time, "{what} did not come: {text}");
        std::thread::sleep(Duration::from_millis(5));
    };
    let mut from = 0;
    for (prompt, answer) in answers {
        let place = loop {
            let place = shown.lock().unwrap()[from..].find(prompt);
            match place {
                Some(place) => break place,
                None => pause(&mut child, prompt),
            }
        };
        from += place + prompt.len();
        // The prompt may stand there a moment before the echo is off.
        let terminal = shown.lock().unwrap().lines().next().unwrap().to_owned();
        while echoes(&terminal) != echo {
            pause(&mut child, "the end of the echo");
        }
        writeln!(keyboard, "{answer}").unwrap();
    }
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None => pause(&mut child, "the end"),
        }
    };
    reader.join().unwrap();
    let text = shown.lock().unwrap().clone();
    (status.code().unwrap_or(-1), text)
}

/// Whether a terminal shows what is typed on it.
fn echoes(terminal: &str) -> bool {
    let output = Command::new("stty")
        .args(["-a", "-F", terminal.trim()])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    match text.split_whitespace().find(|word| word.ends_with("echo")) {
        Some(word) => word == "echo",
        None => panic!("stty says nothing of {terminal}: {text}"),
    }
}

fn holds(content: &[u8], part: &[u8]) -> bool {
    content.windows(part.len()).any(|window| window == part)
}
