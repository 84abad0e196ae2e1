//! The import table of src/lib.rs, enforced: rooms import downwards only, and
//! only the rooms that may touch the world do.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

const LEAVES: &[&str] = &[
    "clock",
    "der",
    "environment",
    "finding",
    "limits",
    "process",
    "random",
    "secret",
    "serving",
    "text",
];

/// Each room with the rooms that it may import, besides the leaves.
const TABLE: &[(&str, &[&str])] = &[
    ("store", &[]),
    ("key", &[]),
    ("pki", &["key"]),
    ("rolesanywhere", &["key", "pki"]),
    ("admission", &["key", "pki", "rolesanywhere"]),
    ("authority", &["key", "pki", "store"]),
    ("host", &["admission", "key", "pki", "store"]),
    ("delivery", &["rolesanywhere", "store"]),
    // Texts for other programs, and comparing them with what stands in their places.
    ("installation", &["store"]),
    (
        "emulator",
        &["admission", "key", "pki", "rolesanywhere", "store"],
    ),
    // What can be typed is made of value types, the emulator's fault script too.
    (
        "cli",
        &[
            "authority",
            "delivery",
            "emulator",
            "host",
            "installation",
            "key",
            "pki",
            "rolesanywhere",
        ],
    ),
    (
        "commands",
        &[
            "admission",
            "authority",
            "cli",
            "delivery",
            "emulator",
            "host",
            "installation",
            "key",
            "pki",
            "rolesanywhere",
            "store",
        ],
    ),
];

/// What the emulator may take from the client's room: never its
/// canonicalisation, signing or transport, so that a mistake there cannot
/// cancel itself out.
const EMULATOR_TAKES: &[&str] = &[
    "Algorithm",
    "ProfileArn",
    "Region",
    "RoleArn",
    "RoleSessionName",
    "SessionDuration",
    "TrustAnchorArn",
];

#[test]
fn rooms_import_downwards_only() {
    let mut wrong = Vec::new();
    let mut rooms = BTreeSet::new();
    for (path, text) in sources() {
        let room = room_of(&path);
        if matches!(room.as_str(), "main" | "lib") {
            continue;
        }
        rooms.insert(room.clone());
        let allowed = match TABLE.iter().find(|(name, _)| *name == room) {
            Some((_, allowed)) => *allowed,
            None if LEAVES.contains(&room.as_str()) => &[],
            None => panic!("{room} is a room that the table does not know"),
        };
        for target in imports(&text) {
            let fits = target == room
                || (LEAVES.contains(&target.as_str()) && room != "der")
                || allowed.contains(&target.as_str());
            if !fits {
                wrong.push(format!("{} imports {target}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (room, _) in TABLE {
        assert!(
            rooms.contains(*room),
            "the table knows {room}, src/ does not"
        );
    }
}

#[test]
fn the_emulator_shares_no_canonicalisation_with_the_client() {
    for (path, text) in sources() {
        if room_of(&path) != "emulator" {
            continue;
        }
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in flat.split("crate::rolesanywhere::").skip(1) {
            let list = part
                .split(';')
                .next()
                .unwrap()
                .trim_matches(['{', '}', ' ']);
            for name in list.trim_end_matches('}').split(',').map(str::trim) {
                assert!(
                    name.is_empty() || EMULATOR_TAKES.contains(&name),
                    "{} takes {name} from the client",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn only_the_rooms_that_may_touch_the_world_do() {
    // What, and the rooms, or the files and folders in them, where it may stand.
    let rules: &[(&str, &[&str])] = &[
        ("std::env::", &["main"]),
        ("reqwest::Client", &["rolesanywhere/transport"]),
        ("TcpListener", &["delivery/serve", "emulator"]),
        // Software TPMs; connections that were accepted; and proxies.
        (
            "TcpStream",
            &[
                "delivery/serve",
                "emulator",
                "key",
                "rolesanywhere/transport",
            ],
        ),
        ("TcpStream::connect", &["key", "rolesanywhere/transport"]),
        // The same; and whether somebody listens on a socket that is there.
        ("UnixStream", &["delivery/serve", "key", "store"]),
        // It binds a socket's file before others can reach it.
        ("UnixListener::bind", &["store"]),
        // What systemd hands over stands in variables that are its own.
        ("ListenFd::from_env", &["delivery/serve"]),
        ("sd_notify::", &["delivery"]),
        // Programs that give keys, signatures and certificates or that are told of
        // something, and those that are given credentials.
        ("Command::new(", &["delivery/exec", "process"]),
        ("std::io::stdout", &["commands"]),
        ("std::io::stderr", &["commands"]),
        ("tempfile::", &["store"]),
        ("rusqlite::", &["store"]),
        ("Utc::now", &[]),
        ("SystemTime::now", &["clock"]),
        ("process::exit", &[]),
        ("unsafe", &["lib"]),
    ];
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        // Unit tests stand at the bottom, or in files of their own, and may do more.
        if path.components().any(|part| is_of_tests(part.as_os_str())) {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap();
        let place = path.with_extension("");
        for line in code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            for (word, rooms) in rules {
                if line.contains(word) && !rooms.iter().any(|room| place.starts_with(room)) {
                    wrong.push(format!("{}: {}", path.display(), line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    assert!(files.len() > 20, "src/ was not found");
    files
}

/// Whether it is the name of a file or a folder of unit tests.
fn is_of_tests(name: &OsStr) -> bool {
    name == "tests.rs" || name == "tests"
}

fn room_of(path: &Path) -> String {
    let first = path.components().next().unwrap().as_os_str();
    first.to_str().unwrap().trim_end_matches(".rs").to_owned()
}

/// Every room that a file names as `crate::ROOM` or in `use crate::{…}`.
fn imports(text: &str) -> BTreeSet<String> {
    let code: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let flat = code.join(" ");
    let mut rooms = BTreeSet::new();
    for part in flat.split("crate::").skip(1) {
        if let Some(list) = part.strip_prefix('{') {
            // The names at the first level of the braces.
            let mut depth = 0;
            let mut word = String::new();
            for character in list.chars() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => rooms.extend(first_word(&std::mem::take(&mut word))),
                    _ if depth == 0 => word.push(character),
                    _ => {}
                }
            }
            rooms.extend(first_word(&word));
        } else {
            rooms.extend(first_word(part));
        }
    }
    rooms
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text
        .trim_start()
        .chars()
        .take_while(|character| character.is_alphanumeric() || *character == '_')
        .collect();
    (!word.is_empty() && word.starts_with(char::is_lowercase)).then_some(word)
}
