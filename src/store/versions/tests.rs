mod stops;

use std::os::unix::fs::{MetadataExt, symlink};

use super::super::write_new;
use super::*;

pub(super) fn number(number: u64) -> VersionNumber {
    VersionNumber::new(number).unwrap()
}

/// An identity with a first version in force.
pub(super) fn identity() -> (tempfile::TempDir, Versions) {
    identity_below(tempfile::tempdir().unwrap())
}

/// One below a directory, which nobody else may write, whatever the umask.
fn identity_below(home: tempfile::TempDir) -> (tempfile::TempDir, Versions) {
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(home.path(), private).unwrap();
    let versions = Versions::create(&home.path().join("web"), None).unwrap();
    make_version(&versions, 1);
    versions.switch(number(1)).unwrap();
    (home, versions)
}

/// A published version whose files say which one they are of.
pub(super) fn make_version(versions: &Versions, which: u64) {
    let building = versions.begin(number(which)).unwrap();
    fill(&building, &format!("{which}")).unwrap();
    building.publish().unwrap();
}

pub(super) fn fill(building: &Building, text: &str) -> Result<(), Error> {
    [KEY, CERTIFICATE, CHAIN, FULLCHAIN]
        .iter()
        .try_for_each(|name| building.write(name, text.as_bytes()))
}

/// What stands in all files of a directory alike; `None` where one is missing.
pub(super) fn whole(directory: &Path) -> Option<String> {
    let read = |name: &&str| fs::read_to_string(directory.join(name)).ok();
    let texts: Option<Vec<String>> = [KEY, CERTIFICATE, CHAIN, FULLCHAIN]
        .iter()
        .map(read)
        .collect();
    let texts = texts?;
    assert!(
        texts
            .iter()
            .all(|text| *text == texts[0] && !text.is_empty()),
        "mixed: {texts:?}"
    );
    texts.into_iter().next()
}

pub(super) fn entries(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

pub(super) fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn key_and_certificate_change_by_one_rename() {
    let (_home, versions) = identity();
    assert_eq!(versions.previous().unwrap(), None);
    let building = versions.begin(number(2)).unwrap();
    fill(&building, "two").unwrap();
    assert_eq!(building.read(KEY).unwrap().unwrap().expose(), b"two");
    assert!(building.read("request.pem").unwrap().is_none());
    assert_eq!(versions.all().unwrap(), [number(1)], "it is not there yet");
    assert_eq!(building.publish().unwrap(), number(2));
    assert_eq!(versions.current().unwrap().unwrap().0, number(1));
    versions.switch(number(2)).unwrap();
    let (current, path) = versions.current().unwrap().unwrap();
    assert_eq!((current, whole(&path)), (number(2), Some("two".to_owned())));
    let (previous, path) = versions.previous().unwrap().unwrap();
    assert_eq!((previous, whole(&path)), (number(1), Some("1".to_owned())));
    // Programs that know only one path find all of it there.
    assert_eq!(
        whole(&versions.path().join("current")),
        Some("two".to_owned())
    );
    assert_eq!(
        fs::read_link(versions.path().join("current")).unwrap(),
        Path::new("v0002"),
        "relative, so that the directory can be moved"
    );
}

#[test]
fn a_version_is_built_once_and_one_at_a_time() {
    let (_home, versions) = identity();
    let begun = versions.begin(number(2)).unwrap();
    begun.write(KEY, b"precious").unwrap();
    let again = versions.begin(number(2)).unwrap();
    assert_eq!(again.read(KEY).unwrap().unwrap().expose(), b"precious");
    let refused = versions.begin(number(3));
    assert!(matches!(refused, Err(Error::Exists { .. })), "{refused:?}");
    let refused = versions.begin(number(1));
    assert!(matches!(refused, Err(Error::Exists { .. })), "{refused:?}");
    for missing in [CERTIFICATE, FULLCHAIN] {
        let begun = versions.begin(number(2)).unwrap();
        begun.write(missing, b"").unwrap();
        let refused = begun.publish();
        assert!(
            matches!(&refused, Err(Error::Incomplete { missing: found, .. }) if *found == missing),
            "{refused:?}"
        );
        begun_with(&versions, missing);
    }
    versions.building().unwrap().unwrap().discard().unwrap();
    assert!(versions.building().unwrap().is_none());
    assert_eq!(entries(versions.path()), ["current", "v0001"]);
}

fn begun_with(versions: &Versions, name: &str) {
    let building = versions.building().unwrap().unwrap();
    building.write(name, b"content").unwrap();
}

#[test]
fn only_a_complete_version_is_put_in_force() {
    let (_home, versions) = identity();
    for missing in [KEY, CERTIFICATE, FULLCHAIN] {
        make_version(&versions, 2);
        fs::remove_file(versions.version(number(2)).join(missing)).unwrap();
        let refused = versions.switch(number(2));
        assert!(
            matches!(&refused, Err(Error::Incomplete { missing: found, .. }) if *found == missing),
            "{refused:?}"
        );
        versions.withdraw(number(2)).unwrap();
    }
    assert!(matches!(
        versions.switch(number(9)),
        Err(Error::Incomplete { .. })
    ));
    assert_eq!(versions.current().unwrap().unwrap().0, number(1));
    // One without intermediates has no chain.
    let building = versions.begin(number(2)).unwrap();
    for name in [KEY, CERTIFICATE, FULLCHAIN] {
        building.write(name, b"2").unwrap();
    }
    building.publish().unwrap();
    versions.switch(number(2)).unwrap();
    versions.switch(number(2)).unwrap();
    assert_eq!(versions.current().unwrap().unwrap().0, number(2));
}

#[test]
fn a_link_that_leads_elsewhere_is_refused_and_kept() {
    let (home, versions) = identity();
    make_version(&versions, 2);
    let link = versions.path().join("current");
    let elsewhere = versions.version(number(1));
    symlink(&elsewhere, versions.version(number(7))).unwrap();
    let absolute = elsewhere.to_str().unwrap();
    let targets = [
        absolute,
        "../web/v0001",
        "./v0001",
        "v0001/",
        "v1",
        "v0009",
        "v0007",
        "..",
        "state.json",
    ];
    for target in targets {
        fs::remove_file(&link).unwrap();
        symlink(target, &link).unwrap();
        for refused in [
            versions.current().map(|_| ()),
            versions.previous().map(|_| ()),
            versions.switch(number(2)),
            versions.retire(0).map(|_| ()),
            versions.withdraw(number(2)),
        ] {
            assert!(
                matches!(refused, Err(Error::Misled { .. })),
                "{target}: {refused:?}"
            );
        }
        assert_eq!(fs::read_link(&link).unwrap(), Path::new(target));
    }
    fs::remove_file(&link).unwrap();
    write_new(&link, b"v0001").unwrap();
    let refused = versions.switch(number(2)).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("current is a file or a directory"),
        "{refused}"
    );
    assert_eq!(fs::read(&link).unwrap(), b"v0001");
    drop(home);
}

#[test]
fn what_is_retired_is_neither_in_force_nor_the_one_before() {
    let (_home, versions) = identity();
    for which in 2..=6 {
        make_version(&versions, which);
        versions.switch(number(which)).unwrap();
    }
    make_version(&versions, 7);
    let foreign = ["v0003.bak", "notes", "v3", ".v0001.next"];
    for name in foreign {
        create_directory(&versions.path().join(name)).unwrap();
    }
    // Cut short while it was removed.
    create_directory(&versions.path().join(".v0000.old")).unwrap();
    create_directory(&versions.path().join(".v0099.old")).unwrap();
    write_new(&versions.path().join(".v0099.old/key.pem"), b"x").unwrap();
    assert_eq!(versions.retire(9).unwrap(), []);
    assert!(!versions.path().join(".v0099.old").exists());
    assert_eq!(versions.retire(4).unwrap(), [number(1), number(2)]);
    // The one before is the newest complete one.
    fs::remove_file(versions.version(number(5)).join(KEY)).unwrap();
    assert_eq!(versions.previous().unwrap().unwrap().0, number(4));
    assert_eq!(versions.retire(0).unwrap(), [number(3), number(5)]);
    let left = [number(4), number(6), number(7)];
    assert_eq!(versions.all().unwrap(), left);
    for name in foreign.iter().chain(&[".v0000.old"]) {
        assert!(versions.path().join(name).exists(), "{name}");
    }
    // Going back is a switch too, and what is newer stays.
    versions.switch(number(4)).unwrap();
    assert_eq!(versions.retire(1).unwrap(), []);
    assert_eq!(versions.all().unwrap(), left);
    assert!(matches!(
        versions.withdraw(number(4)),
        Err(Error::InForce { .. })
    ));
    versions.withdraw(number(7)).unwrap();
    versions.withdraw(number(7)).unwrap();
    assert_eq!(versions.all().unwrap(), [number(4), number(6)]);
}

#[test]
fn only_its_own_directory_is_taken() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a/b/web");
    let made = Versions::create(&path, None).unwrap();
    for directory in ["a", "a/b", "a/b/web"] {
        assert_eq!(mode(&home.path().join(directory)), 0o700);
    }
    assert_eq!(made.current().unwrap(), None);
    assert_eq!(made.retire(1).unwrap(), []);
    assert_eq!(made.read_state().unwrap(), None);
    made.write_state(b"{}").unwrap();
    assert_eq!(made.read_state().unwrap().unwrap(), b"{}");
    assert!(matches!(
        made.write_state(&vec![b' '; 300_000]),
        Err(Error::TooLarge { .. })
    ));
    assert_eq!(made.read_state().unwrap().unwrap(), b"{}");
    drop(made.lock().unwrap().unwrap());
    Versions::create(&path, None).unwrap();
    make_version(&made, 1);
    // Whatever else stands in it by now.
    write_new(&path.join("README"), b"x").unwrap();
    Versions::create(&path, None).unwrap();

    let other = home.path().join("other");
    create_directory(&other).unwrap();
    write_new(&other.join("README"), b"x").unwrap();
    for foreign in [&other, &other.join("README")] {
        let refused = Versions::create(foreign, Some(Ownership::for_group(0)));
        assert!(matches!(refused, Err(Error::Exists { .. })), "{refused:?}");
        assert_eq!(entries(&other), ["README"]);
        assert_eq!(mode(&other), 0o700);
    }
    assert!(Versions::open(&other.join("README")).is_err());
    assert!(Versions::open(&home.path().join("none")).is_err());
    assert!(!home.path().join("none").exists());
    // Where others decide what is in force, nothing is.
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o770)).unwrap();
    for refused in [Versions::open(&path), Versions::create(&path, None)] {
        assert!(
            matches!(refused, Err(Error::Writable { .. })),
            "{refused:?}"
        );
    }
}

#[test]
fn one_rotates_at_a_time_and_readers_cannot_keep_the_lock() {
    let (_home, versions) = identity();
    let held = versions.lock().unwrap();
    assert!(held.is_some());
    assert!(versions.lock().unwrap().is_none());
    drop(held);
    assert!(versions.lock().unwrap().is_some());
    let group = rustix::process::getegid().as_raw();
    Versions::create(versions.path(), Some(Ownership::for_group(group))).unwrap();
    assert_eq!(mode(versions.path()), 0o750);
    assert_eq!(mode(&versions.path().join(".lock")), 0o700);
}
