//! The cache as the file system has it.

use super::*;
use std::os::unix::fs::PermissionsExt;

/// A name as sessions have them, that ends in these characters.
fn name(family: &str, certificate: &str) -> String {
    format!("{family:0>32}-{certificate:0>32}")
}

fn cache() -> (tempfile::TempDir, SessionCache) {
    let home = tempfile::tempdir().unwrap();
    let cache = SessionCache::new(home.path().join("a/windlass"));
    (home, cache)
}

#[test]
fn what_is_kept_is_this_users_alone_and_found_again() {
    let (_home, cache) = cache();
    let entry = cache.entry(&name("a", "1"));
    assert!(entry.session().unwrap().is_none());
    assert!(!cache.directory().exists(), "reading makes nothing");
    let lock = entry.try_lock().unwrap().unwrap();
    lock.keep_failure(b"no").unwrap();
    assert_eq!(entry.failure().unwrap().unwrap().expose(), b"no");
    lock.keep(&Secret::from("s".to_owned())).unwrap();
    assert_eq!(entry.session().unwrap().unwrap().expose(), b"s");
    assert!(entry.failure().unwrap().is_none(), "a success forgets it");
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(cache.directory()), 0o700);
    for file in cache.files().unwrap() {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    assert_eq!(cache.entries().unwrap().len(), 1);
    assert_eq!(cache.clear().unwrap(), 1);
    assert!(entry.session().unwrap().is_none());
}

#[test]
fn siblings_differ_behind_the_last_dash() {
    let (_home, cache) = cache();
    for (family, certificate) in [("a", "1"), ("a", "2"), ("b", "1")] {
        let entry = cache.entry(&name(family, certificate));
        let lock = entry.try_lock().unwrap().unwrap();
        lock.keep(&Secret::from("s".to_owned())).unwrap();
    }
    let siblings = |family: &str, certificate: &str| -> Vec<String> {
        let found = cache.entry(&name(family, certificate)).siblings().unwrap();
        found.iter().map(|entry| entry.name().to_owned()).collect()
    };
    assert_eq!(siblings("a", "3"), [name("a", "1"), name("a", "2")]);
    assert_eq!(siblings("a", "1"), [name("a", "2")]);
    assert_eq!(siblings("c", "1"), [""; 0]);
}

#[test]
fn one_holds_the_lock_until_it_is_dropped() {
    let (_home, cache) = cache();
    let a = name("a", "1");
    let (entry, other) = (cache.entry(&a), cache.entry(&a));
    let held = entry.try_lock().unwrap().unwrap();
    assert!(other.try_lock().unwrap().is_none());
    assert!(cache.entry(&name("b", "1")).try_lock().unwrap().is_some());
    drop(held);
    assert!(other.try_lock().unwrap().is_some());
}

#[test]
fn what_others_can_reach_is_not_trusted() {
    let (home, cache) = cache();
    let entry = cache.entry(&name("a", "1"));
    let keep = || {
        let lock = entry.try_lock().unwrap().unwrap();
        lock.keep(&Secret::from("s".to_owned())).unwrap();
    };
    keep();
    let file = cache.directory().join(name("a", "1") + ".session");
    let open = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    open(&file, 0o640);
    assert!(matches!(entry.session(), Err(Error::NotPrivate { path }) if path == file));
    keep();
    assert!(entry.session().unwrap().is_some(), "replaced as a whole");
    open(cache.directory(), 0o750);
    assert!(matches!(entry.session(), Err(Error::NotPrivate { .. })));
    assert!(matches!(entry.try_lock(), Err(Error::NotPrivate { .. })));
    open(cache.directory(), 0o700);
    // A link leads to somebody else's file.
    fs::rename(&file, home.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(home.path().join("elsewhere"), &file).unwrap();
    assert!(matches!(entry.session(), Err(Error::Io { .. })));
}

#[test]
fn what_is_left_behind_is_removed_after_a_day() {
    let (_home, cache) = cache();
    let keep = |family: &str| {
        let entry = cache.entry(&name(family, "1"));
        let lock = entry.try_lock().unwrap().unwrap();
        lock.keep(&Secret::from("s".to_owned())).unwrap();
    };
    keep("a");
    let old = cache.directory().join(name("a", "1") + ".session");
    let file = File::open(&old).unwrap();
    let long_ago = file.metadata().unwrap().modified().unwrap() - LEFT_BEHIND * 2;
    file.set_modified(long_ago).unwrap();
    let killed = cache.directory().join(".windlass-x");
    fs::rename(&old, &killed).unwrap();
    fs::copy(&killed, &old).unwrap();
    File::open(&old).unwrap().set_modified(long_ago).unwrap();
    keep("b");
    assert!(!killed.exists());
    let names: Vec<_> = cache.entries().unwrap();
    assert_eq!(names.len(), 1);
    assert_eq!(names[0].name(), name("b", "1"));
}

#[test]
fn what_others_keep_in_the_directory_is_left_alone() {
    let (_home, cache) = cache();
    let entry = cache.entry(&name("a", "1"));
    drop(entry.try_lock().unwrap());
    let theirs = ["bot.session", "poetry.lock", "test.failure", "a-1.session"];
    for theirs in theirs {
        let path = cache.directory().join(theirs);
        write_atomic(&path, b"precious", Readers::Owner).unwrap();
        let file = File::open(&path).unwrap();
        let long_ago = file.metadata().unwrap().modified().unwrap() - LEFT_BEHIND * 2;
        file.set_modified(long_ago).unwrap();
    }
    let lock = entry.try_lock().unwrap().unwrap();
    lock.keep(&Secret::from("s".to_owned())).unwrap();
    assert_eq!(cache.entries().unwrap().len(), 1);
    assert_eq!(cache.clear().unwrap(), 1);
    for theirs in theirs {
        assert!(cache.directory().join(theirs).exists(), "{theirs}");
    }
}
