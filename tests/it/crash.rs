//! The program killed, or failed by the operating system, at one system call
//! after another: what it writes is there as a whole or not at all, and the
//! inventory misses no certificate.
//!
//! A run under `strace` first lists the calls that change the disk. Then the
//! run is repeated, once for each chosen call, with a SIGKILL (or an error)
//! injected at that call. A SIGKILL arrives at the entry of the call, so the
//! call itself does not happen: the points before all calls together are all
//! states that the disk can be in. Of a call that occurs more than [`POINTS`]
//! times, that many occurrences are taken, the first and the last and the
//! others evenly between them.
//!
//! The umask is 000 for every other point and 077 for the rest: a mode that
//! depends on either is noticed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::ca_state::{
    KILLED, Target, assert_inventoried, assert_owner_only, assert_works, await_another_second,
    bounded, ca_target, copy, files_below, hidden_directories, inventory, issue_arguments,
    leaf_target,
};
use crate::harness::{Run, Sandbox, program};

/// Most occurrences of one system call at which a run is killed.
pub const POINTS: usize = 14;

/// Most occurrences of one system call that are made to fail.
pub const FAULTS: usize = 8;

/// The calls that change the disk or make it durable, and `fcntl`, whose locks
/// stand around the changes that SQLite makes through shared memory.
pub const CALLS: &str = "openat,mkdir,write,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,\
                     renameat2,unlink,unlinkat,rmdir,fcntl";

/// One system call of a normal run.
#[derive(Clone, Debug)]
pub struct Call {
    pub name: String,
    /// Its number among the calls of that name, from one.
    pub nth: usize,
    /// Its line in the trace.
    pub line: String,
    /// Its position among all traced calls.
    pub position: usize,
}

/// What is run, in a sandbox of its own for every point.
struct Scene {
    arguments: Vec<&'static str>,
    /// The target, which is hidden under a temporary name until it is complete.
    target: &'static str,
    judge: fn(&Path) -> Target,
    /// A CA that is there beforehand.
    ca: Option<Sandbox>,
}

impl Scene {
    fn init() -> Self {
        let mut arguments = vec![program(), "ca", "init", "--dir", "ca"];
        arguments.extend(["--name", "Example Corp", "--passphrase-file", "passphrase"]);
        Self {
            arguments,
            target: "ca",
            judge: ca_target,
            ca: None,
        }
    }

    fn issue() -> Self {
        let ca = Sandbox::new();
        ca.ca(&[]);
        await_another_second();
        Self {
            arguments: issue_arguments("ca", "web"),
            target: "web",
            judge: leaf_target,
            ca: Some(ca),
        }
    }

    /// A fresh sandbox in which nothing of this scene has happened. The empty
    /// directory is a target that is allowed to be there.
    fn begin(&self, empty_target: bool) -> Sandbox {
        let sandbox = Sandbox::new();
        if let Some(ca) = &self.ca {
            copy(&ca.path("ca"), &sandbox.path("ca"));
        }
        if empty_target {
            fs::create_dir(sandbox.path(self.target)).unwrap();
        }
        sandbox
    }

    fn straced<'a>(&'a self, sandbox: &'a Sandbox, umask: &'a str) -> Straced<'a> {
        straced(sandbox, umask, &self.arguments)
    }

    /// The calls of a normal run.
    fn trace(&self) -> Vec<Call> {
        self.straced(&self.begin(false), "077").trace()
    }

    /// Kills a run at this call and checks what it left, and that the next one
    /// succeeds. Says whether the target was complete, and which files were there.
    fn kill_at(&self, index: usize, call: &Call) -> (Target, Vec<String>) {
        let empty_target = index.is_multiple_of(3);
        let umask = if index.is_multiple_of(2) {
            "000"
        } else {
            "077"
        };
        let sandbox = self.begin(empty_target);
        self.straced(&sandbox, umask).kill(call);
        let files = files_below(sandbox.root())
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        (self.check(&sandbox, call), files)
    }

    /// Makes this call fail and checks that the program says so, and what it
    /// left.
    fn fail_at(&self, index: usize, call: &Call, error: Failing, harmless: bool) {
        let sandbox = self.begin(index.is_multiple_of(2));
        let run = self.straced(&sandbox, "000").fail(call, error);
        let context = format!("{error:?} at {call:?}: {run:#?}");
        let target = (self.judge)(&sandbox.path(self.target));
        assert_eq!(hidden_directories(sandbox.root()), [""; 0], "{context}");
        // The files are there and the certificate is listed; only the note that
        // they were delivered could not be kept.
        let unrecorded = run
            .stderr
            .starts_with("warning: the inventory lists the certificate");
        if run.code == 0 {
            assert!(harmless || unrecorded, "not noticed: {context}");
            assert_eq!(target, Target::Complete, "{context}");
            let rows = inventory(&sandbox, "ca");
            let all = rows.values().all(|row| row.delivered);
            assert!(all || unrecorded, "{context}");
        } else {
            assert_eq!(run.code, 1, "{context}");
            assert!(run.stderr.starts_with("error: "), "{context}");
            assert!(run.stderr.contains("\nbecause: "), "{context}");
            assert!(!run.stderr.contains("panicked"), "{context}");
        }
        self.check(&sandbox, call);
    }

    /// The promises, and that the same command then does its work, or says that
    /// it is done.
    fn check(&self, sandbox: &Sandbox, call: &Call) -> Target {
        let target = (self.judge)(&sandbox.path(self.target));
        for name in hidden_directories(sandbox.root()) {
            assert_owner_only(&sandbox.path(&name));
        }
        if target == Target::Complete {
            assert_owner_only(&sandbox.path(self.target));
        }
        self.check_inventories(sandbox);
        let again = bounded(sandbox, "000", &self.arguments);
        if target == Target::Absent {
            assert_eq!(again.code, 0, "after {call:?}: {again:#?}");
        } else {
            assert_ne!(again.code, 0, "after {call:?}: {again:#?}");
            assert!(again.stderr.contains("exists"), "{again:#?}");
        }
        let judged = (self.judge)(&sandbox.path(self.target));
        assert_eq!(judged, Target::Complete, "after {call:?}");
        assert_owner_only(&sandbox.path(self.target));
        assert_owner_only(&sandbox.path("ca"));
        assert_works(sandbox, "ca", "proof");
        assert_inventoried(sandbox.root(), &inventory(sandbox, "ca"));
        assert_eq!(
            hidden_directories(sandbox.root()),
            [""; 0],
            "after {call:?}"
        );
        target
    }

    /// A CA that is not complete yet has its inventory in the hidden directory
    /// with its certificates.
    fn check_inventories(&self, sandbox: &Sandbox) {
        if sandbox.path("ca/inventory.db").exists() {
            assert_inventoried(sandbox.root(), &inventory(sandbox, "ca"));
            return;
        }
        for name in hidden_directories(sandbox.root()) {
            let hidden = sandbox.path(&name);
            if hidden.join("root/cert.pem").exists() {
                assert_inventoried(&hidden, &inventory(sandbox, &name));
            }
        }
    }
}

#[test]
fn an_issue_killed_at_any_call_loses_nothing() {
    let files = kill_everywhere(&Scene::issue());
    // The modes of these two were looked at while they were there.
    for suffix in ["inventory.db-shm", "inventory.db-wal", "web/key.pem"] {
        let seen = files.iter().any(|path| path.ends_with(suffix));
        assert!(seen, "no run was killed with {suffix} there");
    }
}

#[test]
fn an_init_killed_at_any_call_loses_nothing() {
    let files = kill_everywhere(&Scene::init());
    for suffix in [
        "-0/inventory.db-wal",
        "-0/root/cert.pem",
        "ca/root/cert.pem",
    ] {
        let seen = files.iter().any(|path| path.ends_with(suffix));
        assert!(seen, "no run was killed with {suffix} there");
    }
}

#[test]
fn an_issue_on_a_failing_disk_says_so_and_loses_nothing() {
    fail_everywhere(&Scene::issue());
}

#[test]
fn an_init_on_a_failing_disk_says_so_and_loses_nothing() {
    fail_everywhere(&Scene::init());
}

/// Not only at the end: created with the mode of the owner alone, and never
/// changed, whatever the umask.
#[test]
fn every_file_is_owner_only_from_its_first_moment() {
    for scene in [Scene::init(), Scene::issue()] {
        for umask in ["000", "022", "077"] {
            let sandbox = scene.begin(false);
            let traced = "trace=open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,link,linkat,\
                          symlink,symlinkat,chmod,fchmod,fchmodat,umask";
            let run = scene.straced(&sandbox, umask).run(&["trace", "-e", traced]);
            assert_eq!(run.code, 0, "{run:#?}");
            let trace = sandbox.read("trace");
            let mut created = 0;
            for line in trace.lines().filter(|line| !line.contains("+++")) {
                let call = line.split_once(' ').unwrap().1.trim_start();
                let name = call.split_once('(').unwrap().0;
                match name {
                    "openat" if !call.contains("O_CREAT") => {}
                    "openat" => {
                        created += 1;
                        assert!(call.contains(", 0600)"), "{umask}: {line}");
                    }
                    "mkdir" => assert!(call.contains(", 0700)"), "{umask}: {line}"),
                    _ => panic!("{umask}: {line}"),
                }
            }
            // The four or five files, and SQLite's two.
            assert!(created >= 6, "{umask}: {trace}");
            assert_owner_only(&sandbox.path(scene.target));
        }
    }
}

/// A power cut takes the entry of a directory whose own directory was not
/// synced, and with it everything below.
#[test]
fn new_parents_are_as_durable_as_what_they_hold() {
    let mut scene = Scene::issue();
    scene.arguments = issue_arguments("ca", "new/newer/web");
    let sandbox = scene.begin(false);
    let traced = "trace=fsync,mkdir,rename";
    let run = scene.straced(&sandbox, "000").run(&["trace", "-e", traced]);
    assert_eq!(run.code, 0, "{run:#?}");
    let trace = sandbox.read("trace");
    let root = fs::canonicalize(sandbox.root()).unwrap();
    for directory in ["new/newer", "new", "."] {
        let path = fs::canonicalize(root.join(directory)).unwrap();
        let synced = format!("<{}>)", path.display());
        let found = trace
            .lines()
            .any(|line| line.contains(" fsync(") && line.contains(&synced));
        assert!(found, "{} was not synced: {trace}", path.display());
    }
    assert_owner_only(&sandbox.path("new"));
}

/// Kills the scene at every chosen call; all files that were ever seen.
fn kill_everywhere(scene: &Scene) -> Vec<String> {
    let calls = scene.trace();
    let by_name = points_by_name(&calls);
    for name in ["fsync", "mkdir", "openat", "pwrite64", "rename", "write"] {
        assert!(by_name.contains_key(name), "the trace has no {name}");
    }
    let mut seen = Vec::new();
    let mut targets = Vec::new();
    let points = by_name.values().flat_map(|calls| spread(calls, POINTS));
    for (index, call) in points.enumerate() {
        let (target, files) = scene.kill_at(index, call);
        targets.push(target);
        seen.extend(files);
        // Nothing is complete before the rename, nothing incomplete after it.
        let renamed = calls.iter().find(|call| call.name == "rename").unwrap();
        let expected = if call.position <= renamed.position {
            Target::Absent
        } else {
            Target::Complete
        };
        assert_eq!(target, expected, "{call:?}");
    }
    assert!(targets.contains(&Target::Absent) && targets.contains(&Target::Complete));
    seen
}

/// A full disk, which stays full, and a sync that fails once.
fn fail_everywhere(scene: &Scene) {
    let calls = scene.trace();
    let closing = closing_of(&calls);
    for (name, error) in [
        ("fsync", Failing::Once("EIO")),
        ("pwrite64", Failing::FromThenOn("ENOSPC")),
        ("write", Failing::Once("ENOSPC")),
    ] {
        let of_name: Vec<&Call> = calls.iter().filter(|call| call.name == name).collect();
        assert!(!of_name.is_empty(), "the trace has no {name}");
        for (index, call) in spread(&of_name, FAULTS).into_iter().enumerate() {
            scene.fail_at(index, call, error, is_harmless(call, closing));
        }
    }
}

/// Where the inventory's last transaction is durable. What SQLite does with its
/// files after that is tidying up: it moves pages that the log has already.
fn closing_of(calls: &[Call]) -> usize {
    let of_log = |call: &&Call, name: &str| call.name == name && call.line.contains("-wal>");
    let written = calls.iter().rfind(|call| of_log(call, "pwrite64")).unwrap();
    calls
        .iter()
        .filter(|call| call.position > written.position)
        .find(|call| of_log(call, "fsync"))
        .unwrap()
        .position
}

/// Whether success despite this fault is right: it hits the tidying up, or the
/// sync of the directory of the log, whose failure SQLite leaves unsaid.
fn is_harmless(call: &Call, closing: usize) -> bool {
    let path = call.line.split(['<', '>']).nth(1).unwrap_or_default();
    let tidying = path.contains("/inventory.db") && call.position > closing;
    let directory = Path::new(path);
    let of_log = directory.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name == "ca" || name.starts_with(".ca.windlass-")
    });
    tidying || (call.name == "fsync" && of_log && call.position < closing)
}

impl Call {
    /// Whether a run is killed here: not at what only reads.
    pub fn is_a_point(&self) -> bool {
        match self.name.as_str() {
            "openat" => self.line.contains("O_CREAT"),
            "fcntl" => self.line.contains("F_SETLK"),
            _ => true,
        }
    }
}

/// A command that is run under `strace`.
pub struct Straced<'a> {
    sandbox: &'a Sandbox,
    umask: &'a str,
    command: &'a [&'a str],
    /// Whether its threads and the programs that it runs are traced too.
    follows: bool,
}

/// The program with its arguments, as it is to be run in a sandbox.
pub const fn straced<'a>(
    sandbox: &'a Sandbox,
    umask: &'a str,
    command: &'a [&'a str],
) -> Straced<'a> {
    Straced {
        sandbox,
        umask,
        command,
        follows: true,
    }
}

/// How a call fails.
#[derive(Clone, Copy, Debug)]
pub enum Failing {
    /// This one, with the error.
    Once(&'static str),
    /// This one and all later ones of its name.
    FromThenOn(&'static str),
}

impl Straced<'_> {
    /// Only its first thread: calls are counted for each process apart, so that
    /// the programs that it runs would be killed too.
    pub const fn alone(mut self) -> Self {
        self.follows = false;
        self
    }

    /// Runs it with these options of `strace`, of which the first is the file that
    /// it writes.
    pub fn run(&self, options: &[&str]) -> Run {
        let follows: &[&str] = if self.follows { &["-f"] } else { &[] };
        let arguments = [&["strace"], follows, &["-y", "-o"], options, self.command].concat();
        bounded(self.sandbox, self.umask, &arguments)
    }

    fn inject(&self, call: &Call, what: &str, from_then_on: &str) -> Run {
        let (name, nth) = (&call.name, call.nth);
        let trace = format!("trace={name}");
        let inject = format!("inject={name}:{what}:when={nth}{from_then_on}");
        self.run(&["/dev/null", "-e", &trace, "-e", &inject])
    }

    /// The calls of a run that succeeds.
    pub fn trace(&self) -> Vec<Call> {
        self.trace_of(CALLS, 0)
    }

    /// These calls of a run that ends with this code.
    pub fn trace_of(&self, calls: &str, code: i32) -> Vec<Call> {
        let run = self.run(&["trace", "-e", &format!("trace={calls}")]);
        assert_eq!(run.code, code, "does strace work here? {run:#?}");
        let trace = self.sandbox.read("trace");
        if self.follows {
            return read_trace(&trace);
        }
        // One process has no number; that a program has ended is no call.
        let lines = trace.lines().filter(|line| !line.starts_with("---"));
        read_trace(&lines.map(|line| format!("0 {line}\n")).collect::<String>())
    }

    /// A run that is killed at this call.
    pub fn kill(&self, call: &Call) -> Run {
        let run = self.inject(call, "signal=SIGKILL", "");
        assert_eq!(run.code, KILLED, "not killed at {call:?}: {run:#?}");
        run
    }

    /// A run in which this call fails.
    pub fn fail(&self, call: &Call, how: Failing) -> Run {
        let (error, from_then_on) = match how {
            Failing::Once(error) => (error, ""),
            Failing::FromThenOn(error) => (error, "+"),
        };
        self.inject(call, &format!("error={error}"), from_then_on)
    }
}

/// The calls at which a run is killed, by their names.
pub fn points_by_name(calls: &[Call]) -> BTreeMap<&str, Vec<&Call>> {
    let mut by_name: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.is_a_point()) {
        by_name.entry(&call.name).or_default().push(call);
    }
    by_name
}

/// The calls in a trace, in their order.
pub fn read_trace(trace: &str) -> Vec<Call> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut calls = Vec::new();
    for (position, line) in trace.lines().enumerate() {
        let call = line.split_once(' ').unwrap().1.trim_start();
        let Some((name, _)) = call.split_once('(') else {
            assert!(call.starts_with("+++ exited"), "{line}");
            continue;
        };
        let nth = counts.entry(name.to_owned()).or_default();
        *nth += 1;
        calls.push(Call {
            name: name.to_owned(),
            nth: *nth,
            line: call.to_owned(),
            position,
        });
    }
    calls
}

/// At most `limit` of the calls, the first and the last among them, the others
/// evenly between.
pub fn spread<'a>(calls: &[&'a Call], limit: usize) -> Vec<&'a Call> {
    if calls.len() <= limit {
        return calls.to_vec();
    }
    (0..limit)
        .map(|index| calls[index * (calls.len() - 1) / (limit - 1)])
        .collect()
}
