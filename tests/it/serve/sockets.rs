//! UNIX sockets, sockets of systemd's, and the TTL of answers.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, chown, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::server::Server;
use crate::fault_server::FaultServer;
use crate::users::{NOBODY, is_root};
use crate::workload::{Workload, failure, granting};

/// The session's options with these.
fn with(service: &FaultServer, options: &[&str]) -> Vec<String> {
    let mut all = Server::session(&service.url());
    all.extend(options.iter().map(|option| (*option).to_owned()));
    all
}

fn words(all: &[String]) -> Vec<&str> {
    all.iter().map(String::as_str).collect()
}

#[test]
fn a_unix_socket_is_the_owners_and_goes_with_the_process() {
    let workload = Workload::new();
    let sandbox = &workload.sandbox;
    let service = granting(1);
    let all = with(&service, &["--unix-socket", "socket"]);
    let mut server = Server::run(sandbox, Server::command(sandbox, &words(&all)));
    let path = sandbox.path("socket");
    assert_eq!(server.url, format!("unix:{}", path.display()));
    let metadata = std::fs::metadata(sandbox.path("socket")).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let credentials = server.imds("/latest/meta-data/iam/security-credentials/backup");
    assert_eq!(credentials.status, 200);
    // Nobody can make a browser ask there.
    let host = [("Host", "whatever.example")];
    assert_eq!(server.ask("GET", "/healthz", &host).status, 200);
    server.signal(Signal::TERM);
    assert_eq!(server.wait(), Some(0));
    assert!(!sandbox.path("socket").exists());
}

#[test]
fn a_socket_that_is_left_over_is_replaced_and_one_in_use_is_not() {
    let workload = Workload::new();
    let sandbox = &workload.sandbox;
    drop(UnixListener::bind(sandbox.path("socket")).unwrap());
    assert!(UnixStream::connect(sandbox.path("socket")).is_err());
    let service = granting(1);
    let all = with(
        &service,
        &["--unix-socket", "socket", "--socket-mode", "660"],
    );
    let server = Server::run(sandbox, Server::command(sandbox, &words(&all)));
    assert_eq!(server.get("/healthz").status, 200);
    let mode = std::fs::metadata(sandbox.path("socket"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o660);
    let mut second = vec!["serve".to_owned()];
    second.extend(all);
    let run = sandbox.run(&words(&second));
    let root = sandbox.root().display().to_string();
    insta::assert_snapshot!(failure(&run, &[]).replace(&root, "[DIR]"));
    assert_eq!(server.get("/healthz").status, 200);
}

/// Whoever may replace the socket gives clients credentials of their own.
#[test]
fn a_socket_that_anybody_could_replace_is_refused_and_in_a_sticky_directory_warned_of() {
    let workload = Workload::new();
    let sandbox = &workload.sandbox;
    let directory = sandbox.path("open");
    std::fs::create_dir(&directory).unwrap();
    let mode = |mode| {
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o777);
    let service = granting(1);
    let all = with(&service, &["--unix-socket", "open/socket"]);
    let run = sandbox.finish(Server::command(sandbox, &words(&all)));
    let shown = failure(&run, &[]).replace(&directory.display().to_string(), "[DIR]");
    insta::assert_snapshot!(shown, @"
    exit 2
    error: everybody can replace what is in [DIR] (mode 0777)
    hint: give --unix-socket a path in a directory like /run/windlass, or close this one: chmod o-w [DIR]
    ");
    assert!(service.seen().is_empty() && !sandbox.path("open/socket").exists());
    for (bits, warned) in [(0o1777, true), (0o775, false)] {
        mode(bits);
        let service = granting(1);
        let all = with(&service, &["--unix-socket", "open/socket"]);
        let server = Server::run(sandbox, Server::command(sandbox, &words(&all)));
        let warning = "(mode 1777): while nothing is served, somebody else can put a socket at ";
        assert_eq!(server.log().contains(warning), warned, "{}", server.log());
    }
}

/// Its directory is nobody else's, and yet somebody else's to exchange.
#[test]
fn directories_that_others_can_exchange_are_warned_of() {
    if !is_root(directories_that_others_can_exchange_are_warned_of) {
        return;
    }
    let workload = Workload::new();
    let sandbox = &workload.sandbox;
    for (name, mode) in [("open", 0o777), ("open/own", 0o700), ("theirs", 0o755)] {
        let path = sandbox.path(name);
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    chown(sandbox.path("theirs"), Some(NOBODY), Some(NOBODY)).unwrap();
    symlink(sandbox.path("open/own"), sandbox.path("link")).unwrap();
    let exchanged = "(mode 0777), also the directory of the socket: anybody can put a socket at ";
    let theirs = format!("theirs belongs to the user {NOBODY}, who can put a socket at ");
    for (socket, warnings) in [
        ("open/own/socket", vec![exchanged]),
        ("link/socket", vec![exchanged]),
        ("theirs/socket", vec![&theirs]),
        ("socket", vec![]),
    ] {
        let service = granting(1);
        let all = with(&service, &["--unix-socket", socket]);
        let server = Server::run(sandbox, Server::command(sandbox, &words(&all)));
        let log = server.log();
        assert_eq!(log.matches("warning: ").count(), warnings.len(), "{log}");
        for warning in warnings {
            assert!(log.contains(warning), "{log}");
        }
    }
}

#[test]
fn a_socket_that_is_replaced_while_it_is_served_is_told_and_the_other_one_left() {
    let workload = Workload::new();
    let sandbox = &workload.sandbox;
    let service = granting(1);
    let all = with(&service, &["--unix-socket", "socket"]);
    let mut server = Server::run(sandbox, Server::command(sandbox, &words(&all)));
    let path = sandbox.path("socket");
    std::fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    let told = "is not the socket of this process any more";
    server.until("it is told", |server| server.log().contains(told));
    server.signal(Signal::TERM);
    assert_eq!(server.wait(), Some(0));
    assert_eq!(server.log().matches(told).count(), 1, "{}", server.log());
    assert!(path.exists(), "it is somebody else's");
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let workload = Workload::new();
    let before = workload.sandbox.read("key.pem");
    let service = granting(1);
    let mut all = vec!["serve".to_owned()];
    all.extend(with(&service, &["--unix-socket", "key.pem"]));
    let run = workload.sandbox.run(&words(&all));
    let root = workload.sandbox.root().display().to_string();
    insta::assert_snapshot!(failure(&run, &[]).replace(&root, "[DIR]"));
    assert_eq!(workload.sandbox.read("key.pem"), before);
}

/// Hands a socket over as systemd does: as descriptor 3, with `$LISTEN_PID` set
/// to the process that uses it.
fn activated<'a>(workload: &'a Workload, socket: OwnedFd, options: &[&str]) -> Server<'a> {
    let service = granting(1);
    let command = handing_over(workload, socket, &with(&service, options));
    Server::run(&workload.sandbox, command)
}

fn handing_over(workload: &Workload, socket: OwnedFd, options: &[String]) -> Command {
    const LINE: &str = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$; \
                        export LISTEN_FDS LISTEN_PID; exec \"$0\" serve \"$@\"";
    let mut command = Command::new("sh");
    workload.sandbox.scrub(&mut command);
    command
        .args(["-c", LINE, crate::harness::program()])
        .args(options)
        .stdin(Stdio::from(socket));
    command
}

#[test]
fn a_tcp_socket_of_systemd_is_used_instead_of_the_usual_port() {
    let workload = Workload::new();
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let tcp = TcpListener::bind(address).unwrap();
        let url = format!("http://{}", tcp.local_addr().unwrap());
        let mut server = activated(&workload, tcp.into(), &[]);
        assert_eq!(server.url, url);
        if address.starts_with("127") {
            assert_eq!(server.get("/healthz").status, 200);
        }
        server.signal(Signal::TERM);
        assert_eq!(server.wait(), Some(0));
    }
}

#[test]
fn a_unix_socket_of_systemd_is_used_and_stays() {
    let workload = Workload::new();
    let unix = UnixListener::bind(workload.sandbox.path("activated")).unwrap();
    let mut server = activated(&workload, unix.into(), &[]);
    let path = workload.sandbox.path("activated");
    assert_eq!(server.url, format!("unix:{}", path.display()));
    assert_eq!(server.get("/healthz").status, 200);
    server.signal(Signal::TERM);
    assert_eq!(server.wait(), Some(0));
    assert!(path.exists());
}

/// A socket unit may listen on all addresses; that has to be meant.
#[test]
fn a_socket_of_systemd_that_others_can_reach_has_to_be_let_in() {
    let workload = Workload::new();
    let tcp = TcpListener::bind("0.0.0.0:0").unwrap();
    let allowed = ["--no-imds", "--token-file", "token"];
    let server = activated(&workload, tcp.try_clone().unwrap().into(), &allowed);
    assert_eq!(server.get("/healthz").status, 200);
    drop(server);
    let service = granting(1);
    let command = handing_over(&workload, tcp.into(), &with(&service, &[]));
    let run = workload.sandbox.finish(command);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(
        run.stderr.contains("can be reached from other hosts"),
        "{run:?}"
    );
}

#[test]
fn a_file_that_systemd_hands_over_is_no_socket() {
    let workload = Workload::new();
    let service = granting(1);
    let file = std::fs::File::open(workload.sandbox.path("root.pem")).unwrap();
    let command = handing_over(&workload, file.into(), &with(&service, &[]));
    let run = workload.sandbox.finish(command);
    insta::assert_snapshot!(failure(&run, &[]));
}
