//! Running the real program: scrubbed environment, a home of its own, a scan of
//! every output for the secrets of the case, and an emulator that is started
//! and stopped by its handle.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::secrets;

/// The passphrase of every CA that the tests make.
pub const PASSPHRASE: &str = "correct horse battery staple";

/// A directory of its own for one test, which is also its HOME.
pub struct Sandbox {
    directory: tempfile::TempDir,
}

impl Drop for Sandbox {
    /// What was logged, listed or left behind is looked through at the end.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            secrets::scan_files(self.root());
        }
    }
}

/// What a run of the program gave.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    pub fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("windlass-test-")
            .tempdir()
            .unwrap();
        let sandbox = Self { directory };
        sandbox.write("passphrase", format!("{PASSPHRASE}\n"));
        sandbox
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        use std::io::Write;
        use std::os::unix::fs::OpenOptionsExt;
        // As private as a key file has to be.
        let mut options = fs::OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(self.path(name)).unwrap();
        file.write_all(content.as_ref()).unwrap();
    }

    /// The program, in this directory, with nothing in its environment but what
    /// a cron job has.
    pub fn command(&self) -> Command {
        let mut command = Command::new(program());
        self.scrub(&mut command);
        command
    }

    /// Gives any program the sandbox's directory and bare environment.
    pub fn scrub(&self, command: &mut Command) {
        command
            .current_dir(self.root())
            .env_clear()
            .env("HOME", self.root())
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("TMPDIR", self.root())
            .stdin(Stdio::null());
    }

    /// Runs the program with these arguments.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let mut command = self.command();
        command.args(arguments);
        self.finish(command)
    }

    /// Runs the program and expects it to succeed.
    pub fn ok(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {run:#?}");
        run
    }

    /// Runs a prepared command to its end and scans what it printed.
    pub fn finish(&self, mut command: Command) -> Run {
        let delivers = secrets::delivers(&command);
        let output = command.output().unwrap();
        let run = Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        self.scan(&run.stderr);
        self.scan(&run.stdout);
        secrets::scan(&run.stderr, "stderr");
        if !delivers || run.code != 0 {
            secrets::scan(&run.stdout, "stdout");
        }
        run
    }

    /// Makes a CA in `ca` with the given further options.
    pub fn ca(&self, options: &[&str]) -> Run {
        let mut arguments = vec!["ca", "init", "--dir", "ca", "--name", "Example Corp"];
        arguments.extend(["--passphrase-file", "passphrase"]);
        arguments.extend(options);
        self.ok(&arguments)
    }

    /// Issues a certificate into the directory `name` with the given options.
    pub fn issue(&self, name: &str, options: &[&str]) -> Run {
        let mut arguments = vec!["ca", "issue", "--dir", "ca", "--cn", name, "--out", name];
        arguments.extend(["--passphrase-file", "passphrase"]);
        arguments.extend(options);
        self.ok(&arguments)
    }

    /// Starts an emulator on any free port and waits until it is ready.
    pub fn emulate(&self, options: &[&str]) -> Emulator {
        static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let (ready, log) = (format!("ready-{count}"), format!("emulator-{count}.log"));
        let mut command = self.command();
        command
            .args([
                "emulate",
                "--json",
                "--listen",
                "127.0.0.1:0",
                "--ready-file",
                &ready,
            ])
            .args(options)
            .stdout(fs::File::create(self.path("announced")).unwrap())
            .stderr(fs::File::create(self.path(&log)).unwrap());
        let mut child = command.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.path(&ready).exists() {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "emulator: {}", self.read(&log));
            assert!(Instant::now() < deadline, "emulator not ready");
            std::thread::sleep(Duration::from_millis(5));
        }
        let announced: serde_json::Value = serde_json::from_str(&self.read("announced")).unwrap();
        // An account may be empty.
        let first = |key: &str| announced[key][0].as_str().unwrap_or_default().to_owned();
        Emulator {
            url: self.read(&ready).trim().to_owned(),
            trust_anchor_arn: first("trustAnchorArns"),
            profile_arn: first("profileArns"),
            role_arn: first("roleArns"),
            ca_bundle: announced["caBundle"].as_str().map(PathBuf::from),
            log: self.path(&log),
            child,
        }
    }

    /// No output may hold a passphrase or a line of a private key.
    fn scan(&self, output: &str) {
        assert!(
            !output.contains(PASSPHRASE),
            "passphrase in output: {output}"
        );
        for key in find_keys(self.root()) {
            let content = fs::read_to_string(&key).unwrap_or_default();
            for line in lines_of(&content, "PRIVATE KEY") {
                // The public half stands in a key's last lines, and may stand
                // in a certificate in the same alignment.
                let found = output.contains(line) && !self.is_public(line);
                assert!(!found, "private key in output: {output}");
            }
        }
    }

    /// Whether the line is a part of a certificate's base64.
    fn is_public(&self, line: &str) -> bool {
        let files = fs::read_dir(self.root()).into_iter().flatten().flatten();
        let directories = files.map(|entry| entry.path()).filter(|path| path.is_dir());
        directories
            .chain([self.root().to_owned()])
            .flat_map(|directory| fs::read_dir(directory).into_iter().flatten().flatten())
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| fs::read_to_string(entry.path()).ok())
            .any(|content| lines_of(&content, "CERTIFICATE").concat().contains(line))
    }
}

/// The long lines of the PEM blocks whose label ends so.
fn lines_of<'a>(content: &'a str, label: &str) -> Vec<&'a str> {
    content
        .split("-----BEGIN ")
        .filter(|block| {
            block
                .split("-----")
                .next()
                .is_some_and(|found| found.ends_with(label))
        })
        .flat_map(str::lines)
        .filter(|line| line.len() >= 24 && !line.contains('-'))
        .collect()
}

/// A running emulator; dropping it ends its process.
pub struct Emulator {
    pub url: String,
    pub trust_anchor_arn: String,
    pub profile_arn: String,
    pub role_arn: String,
    pub ca_bundle: Option<PathBuf>,
    log: PathBuf,
    child: Child,
}

impl Emulator {
    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The arguments of `credential-process` for an identity in `directory`.
    pub fn arguments(&self, directory: &str) -> Vec<String> {
        let mut arguments: Vec<String> = [
            "credential-process",
            "--no-cache",
            "--certificate",
            &format!("{directory}/fullchain.pem"),
            "--private-key",
            &format!("{directory}/key.pem"),
            "--trust-anchor-arn",
            &self.trust_anchor_arn,
            "--profile-arn",
            &self.profile_arn,
            "--role-arn",
            &self.role_arn,
            "--endpoint",
            &self.url,
        ]
        .map(str::to_owned)
        .to_vec();
        if let Some(bundle) = &self.ca_bundle {
            arguments.push("--ca-bundle".to_owned());
            arguments.push(bundle.display().to_string());
        }
        arguments
    }

    /// Waits for the process to end by itself and gives its exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program under test.
pub fn program() -> &'static str {
    env!("CARGO_BIN_EXE_windlass")
}

/// A file below testdata/.
pub fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}

/// A script that plays a client, a server or a tool: a file of tests/clients.
pub fn client_script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(name)
}

/// A third-party program that scripts/setup-test has installed.
pub fn tool(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/test-tools/venv/bin")
        .join(name);
    assert!(
        path.exists(),
        "{} is missing: run scripts/setup-test first",
        path.display()
    );
    path
}

/// Runs any program to its end; its output, both streams, and its exit code.
pub fn capture(command: &mut Command) -> Run {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr_pipe = child.stderr.take().unwrap();
    let errors = std::thread::spawn(move || {
        let mut text = String::new();
        stderr_pipe.read_to_string(&mut text).map(|_| text)
    });
    let mut stdout = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut stdout)
        .unwrap();
    Run {
        code: child.wait().unwrap().code().unwrap_or(-1),
        stdout,
        stderr: errors.join().unwrap().unwrap(),
    }
}

fn find_keys(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(find_keys(&path));
        } else if path.is_file()
            // Nobody waits for a pipe here.
            && path
            .extension()
            .is_some_and(|extension| extension == "pem" || extension == "key")
        {
            found.push(path);
        }
    }
    found
}
