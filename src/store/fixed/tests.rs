mod stops;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use rustix::fs::XattrFlags;

use super::super::files::create_directory;
use super::super::write_new;
use super::*;

/// An identity's directory, and one in which a program wants its files.
struct Scene {
    _home: tempfile::TempDir,
    identity: PathBuf,
    out: PathBuf,
}

const NAMES: [&str; 4] = ["key", "crt", "chain", "full"];

impl Scene {
    fn new() -> Self {
        // Where an fsync costs nothing.
        let memory = Path::new("/dev/shm");
        let home = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let home = home.unwrap();
        let (identity, out) = (home.path().join("identity"), home.path().join("out"));
        create_directory(&identity).unwrap();
        create_directory(&out).unwrap();
        Self {
            _home: home,
            identity,
            out,
        }
    }

    fn file(&self, name: &str) -> FixedFile {
        FixedFile::new(self.out.join(name))
    }

    fn files(&self) -> FixedFiles {
        let [key, certificate, chain, fullchain] = NAMES.map(|name| self.file(name));
        FixedFiles::default()
            .with_key(key)
            .and_then(|files| files.with_certificate(certificate))
            .and_then(|files| files.with_chain(chain))
            .and_then(|files| files.with_fullchain(fullchain))
            .unwrap()
    }

    fn install(&self, files: &FixedFiles, text: &str) -> Result<FixedReport, Error> {
        with(text, |contents| files.install(&self.identity, contents))
    }

    /// The contents of the files, without what they begin with; `-` where there is
    /// none.
    fn found(&self) -> Vec<String> {
        NAMES
            .iter()
            .map(|name| match fs::read_to_string(self.out.join(name)) {
                Ok(text) => text.strip_prefix(name).unwrap().to_owned(),
                Err(_) => "-".to_owned(),
            })
            .collect()
    }

    /// Whether nothing hidden is left anywhere.
    fn is_tidy(&self) -> bool {
        let is_hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
        let names = |path: &Path| -> Vec<_> {
            let entries = fs::read_dir(path).unwrap();
            entries.map(|entry| entry.unwrap().file_name()).collect()
        };
        !names(&self.out).iter().any(|name| is_hidden(name)) && names(&self.identity).is_empty()
    }

    fn metadata(&self, name: &str) -> fs::Metadata {
        fs::symlink_metadata(self.out.join(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        self.metadata(name).mode() & 0o7777
    }
}

/// Contents that say whose they are.
fn with<T>(text: &str, work: impl FnOnce(&FixedContents<'_>) -> T) -> T {
    let [key, certificate, chain, fullchain] = NAMES.map(|name| format!("{name}{text}"));
    work(&FixedContents {
        version: VersionNumber::FIRST,
        key: &Secret::from(key),
        certificate: certificate.as_bytes(),
        chain: chain.as_bytes(),
        fullchain: fullchain.as_bytes(),
    })
}

#[test]
fn files_are_made_replaced_and_otherwise_left_alone() {
    let scene = Scene::new();
    let files = scene.files();
    let stale = with("1", |contents| files.stale(contents)).unwrap();
    assert_eq!(scene.found(), ["-", "-", "-", "-"], "it only looks");
    let report = scene.install(&files, "1").unwrap();
    let in_order = ["chain", "full", "crt", "key"].map(|name| scene.out.join(name));
    assert_eq!(report.written, in_order);
    assert_eq!(report.written, stale);
    assert_eq!((report.exposed, report.recovery), (None, None));
    assert_eq!(scene.found(), ["1"; 4]);
    assert!(scene.is_tidy() && !is_pending(&scene.identity));
    assert_eq!(
        NAMES.map(|name| scene.mode(name)),
        [0o600, 0o644, 0o644, 0o644]
    );

    let inodes = NAMES.map(|name| scene.metadata(name).ino());
    assert_eq!(scene.install(&files, "1").unwrap(), FixedReport::default());
    assert_eq!(inodes, NAMES.map(|name| scene.metadata(name).ino()));

    // One that is right already is not written with the others.
    write_new(&scene.out.join("other"), b"crt2").unwrap();
    fs::rename(scene.out.join("other"), scene.out.join("crt")).unwrap();
    let report = scene.install(&files, "2").unwrap();
    assert_eq!(report.written.len(), 3);
    assert_eq!(scene.found(), ["2"; 4]);

    let one = FixedFiles::default().with_key(scene.file("key")).unwrap();
    scene.install(&one, "3").unwrap();
    assert_eq!(scene.found(), ["3", "2", "2", "2"]);
    assert!(FixedFiles::default().is_empty() && !one.is_empty());
}

#[test]
fn a_file_keeps_what_is_not_set_and_has_what_is() {
    let scene = Scene::new();
    let files = scene.files();
    scene.install(&files, "1").unwrap();
    for (name, mode) in [("key", 0o644), ("crt", 0o600), ("chain", 0o440)] {
        fs::set_permissions(scene.out.join(name), Permissions::from_mode(mode)).unwrap();
    }
    let flags = XattrFlags::empty();
    let kept = rustix::fs::setxattr(scene.out.join("full"), "user.test", b"kept", flags);
    let report = scene.install(&files, "2").unwrap();
    assert_eq!(report.exposed, Some(scene.out.join("key")), "it is kept");
    assert_eq!(
        NAMES.map(|name| scene.mode(name)),
        [0o644, 0o600, 0o440, 0o644]
    );
    if kept.is_ok() {
        let mut value = [0; 16];
        let length = rustix::fs::getxattr(scene.out.join("full"), "user.test", &mut value[..]);
        assert_eq!(&value[..length.unwrap()], b"kept");
    }
    // Also where the content is right already.
    let key = FixedFile {
        mode: Some(0o640),
        ..scene.file("key")
    };
    let files = files.with_key(key).unwrap();
    let report = scene.install(&files, "2").unwrap();
    assert_eq!(report.written, [scene.out.join("key")]);
    assert_eq!((report.exposed, scene.mode("key")), (None, 0o640));
    assert_eq!(scene.install(&files, "2").unwrap().written.len(), 0);
    assert_eq!(scene.found(), ["2"; 4]);
}

#[test]
fn a_mode_that_opens_the_key_cannot_be_asked_for() {
    let scene = Scene::new();
    let file = |mode| FixedFile {
        mode: Some(mode),
        ..scene.file("key")
    };
    for mode in [0o644, 0o660, 0o604, 0o200] {
        assert!(FixedFiles::default().with_key(file(mode)).is_err());
    }
    for mode in [0o664, 0o646, 0o044, 0o4644] {
        assert!(FixedFiles::default().with_certificate(file(mode)).is_err());
        assert!(FixedFiles::default().with_chain(file(mode)).is_err());
        assert!(FixedFiles::default().with_fullchain(file(mode)).is_err());
    }
    assert!(FixedFiles::default().with_key(file(0o440)).is_ok());
    assert!(FixedFiles::default().with_chain(file(0o644)).is_ok());
}

#[test]
fn a_file_belongs_to_whom_it_did_or_to_whom_is_said_or_to_its_directorys_owner() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: it needs root");
        return;
    }
    let scene = Scene::new();
    let owner = |name: &str| (scene.metadata(name).uid(), scene.metadata(name).gid());
    std::os::unix::fs::chown(&scene.out, Some(4711), Some(4712)).unwrap();
    let files = scene.files();
    scene.install(&files, "1").unwrap();
    assert_eq!(NAMES.map(owner), [(4711, 4712); 4]);
    std::os::unix::fs::chown(scene.out.join("key"), Some(5), Some(6)).unwrap();
    let chain = FixedFile {
        uid: Some(7),
        gid: Some(8),
        ..scene.file("chain")
    };
    let files = files.with_chain(chain).unwrap();
    scene.install(&files, "2").unwrap();
    let others = (4711, 4712);
    assert_eq!(NAMES.map(owner), [(5, 6), others, (7, 8), others]);
    // A link of the directory's owner may lead to what is theirs alone.
    let elsewhere = scene.identity.with_file_name("root.pem");
    write_new(&elsewhere, b"key2").unwrap();
    fs::remove_file(scene.out.join("key")).unwrap();
    symlink(&elsewhere, scene.out.join("key")).unwrap();
    std::os::unix::fs::lchown(scene.out.join("key"), Some(4711), None).unwrap();
    let refused = scene.install(&files, "3");
    assert!(matches!(refused, Err(Error::Link { owner: 4711, .. })));
    assert_eq!(scene.found(), ["2"; 4]);
}

/// A named user of the directory's default access list, whom the old key's mode
/// kept out, is not let in by the new key's.
#[test]
fn a_default_access_list_lets_nobody_in() {
    let scene = Scene::new();
    let files = scene.files();
    scene.install(&files, "1").unwrap();
    let key = scene.out.join("key");
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    // acl(5), and the kernel's posix_acl_xattr.h: version 2, then tag,
    // permissions and id of owner, a user, group, mask and others.
    let entries = [
        (0x01_u16, 6_u16, u32::MAX),
        (0x02, 4, 4711),
        (0x04, 4, u32::MAX),
    ];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries
        .into_iter()
        .chain([(0x10, 4, u32::MAX), (0x20, 0, u32::MAX)])
    {
        list.extend(tag.to_le_bytes());
        list.extend(permissions.to_le_bytes());
        list.extend(id.to_le_bytes());
    }
    let flags = XattrFlags::empty();
    if rustix::fs::setxattr(&scene.out, "system.posix_acl_default", &list, flags).is_err() {
        println!("skipped: there are no access lists here");
        return;
    }
    let mut value = [0; 256];
    scene.install(&files, "2").unwrap();
    let found = rustix::fs::getxattr(&key, "system.posix_acl_access", &mut value[..]);
    assert_eq!(found, Err(rustix::io::Errno::NODATA));
    assert_eq!(scene.mode("key"), 0o640);
    // One that the file itself has is kept.
    rustix::fs::setxattr(&key, "system.posix_acl_access", &list, flags).unwrap();
    scene.install(&files, "3").unwrap();
    let found = rustix::fs::getxattr(&key, "system.posix_acl_access", &mut value[..]);
    assert_eq!(&value[..found.unwrap()], list);
}

#[test]
fn links_are_followed_and_what_is_no_file_is_refused() {
    let scene = Scene::new();
    let files = scene.files();
    scene.install(&files, "1").unwrap();
    let real = scene.identity.with_file_name("real.pem");
    fs::rename(scene.out.join("key"), &real).unwrap();
    symlink("../real.pem", scene.out.join("key")).unwrap();
    scene.install(&files, "2").unwrap();
    assert_eq!(fs::read(&real).unwrap(), b"key2");
    assert!(scene.metadata("key").is_symlink());
    assert_eq!(scene.found(), ["2"; 4]);

    let before = scene.found();
    let other = scene.out.join("other");
    create_directory(&other).unwrap();
    let fifo = scene.out.join("fifo");
    let mode = rustix::fs::Mode::RUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    for (name, is_directory) in [("other", true), ("fifo", false), ("/dev/null", false)] {
        let refused = scene.install(&files.clone().with_key(scene.file(name)).unwrap(), "3");
        assert!(
            matches!(&refused, Err(Error::NotAFile { is_directory: found, .. }) if *found == is_directory),
            "{refused:?}"
        );
    }
    let missing = files.clone().with_key(scene.file("none/key")).unwrap();
    assert!(scene.install(&missing, "3").unwrap_err().is_not_found());
    symlink("crt", scene.out.join("same")).unwrap();
    let twice = files.clone().with_key(scene.file("same")).unwrap();
    let refused = scene.install(&twice, "3");
    assert!(
        matches!(refused, Err(Error::NamedTwice { .. })),
        "{refused:?}"
    );
    // Nothing can be made there, though the directory is: on what is mounted
    // read-only here, if something is.
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let read_only = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let place = PathBuf::from(fields.next()?);
        let options = fields.nth(1)?;
        let is_read_only = options.split(',').any(|option| option == "ro");
        (is_read_only && place.is_dir()).then_some(place)
    });
    for place in read_only.chain([PathBuf::from("/proc")]) {
        let key = FixedFile::new(place.join("windlass-key"));
        let refused = scene.install(&files.clone().with_key(key).unwrap(), "3");
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("windlass-key"), "{refused}");
        assert_eq!(scene.found(), before);
        assert!(scene.is_tidy());
    }
}

#[test]
fn a_context_that_cannot_be_set_changes_nothing() {
    let scene = Scene::new();
    let files = scene.files();
    scene.install(&files, "1").unwrap();
    let key = FixedFile {
        context: Some("system_u:object_r:cert_t:s0".to_owned()),
        ..scene.file("key")
    };
    let flags = XattrFlags::empty();
    let probe = scene.identity.with_file_name("probe");
    write_new(&probe, b"").unwrap();
    let value = b"system_u:object_r:cert_t:s0\0";
    let can = rustix::fs::setxattr(&probe, "security.selinux", value, flags).is_ok();
    let installed = scene.install(&files.with_key(key).unwrap(), "2");
    if can {
        installed.unwrap();
        let mut found = [0; 64];
        let length =
            rustix::fs::getxattr(scene.out.join("key"), "security.selinux", &mut found[..]);
        assert_eq!(&found[..length.unwrap()], value);
        // It is kept, too.
        scene.install(&scene.files(), "3").unwrap();
        let length =
            rustix::fs::getxattr(scene.out.join("key"), "security.selinux", &mut found[..]);
        assert_eq!(&found[..length.unwrap()], value);
    } else {
        assert!(matches!(installed, Err(Error::Context { .. })));
        assert_eq!(scene.found(), ["1"; 4]);
        assert!(scene.is_tidy());
    }
}
