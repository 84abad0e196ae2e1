//! Whose eyes a key file may have.

use std::os::unix::fs::{PermissionsExt, chown};
use std::time::Duration;

use super::bench::{Bench, granted, refused};
use crate::users::{NOBODY, is_root};

#[rustfmt::skip]
#[test]
fn a_key_file_that_others_can_read_is_refused() {
    const KEY: &str = "--certificate p256.crt --private-key $o";
    const WHOLE: &str = "--certificate $o";
    const ANYWAY: &str = "--certificate p256.crt --private-key $o --allow-insecure-key-permissions";
    let bench = Bench::new();
    let complaint = |mode: &str| format!("can be read by others (mode {mode})");
    let make = |mode: &str| format!("cp p256.pem $o; chmod {mode} $o");
    bench.grants(["0600", "0400", "0700"].map(|mode| granted(mode, make(mode), KEY, "p256")));
    bench.grants(["0604", "0644", "0666", "0660", "0777"].map(|mode| {
        granted(format!("{mode} anyway"), make(mode), ANYWAY, "p256")
    }));
    bench.refuses(
        Duration::from_secs(3),
        ["0604", "0602", "0601", "0644", "0666", "0660", "0620", "0610", "0777"]
            .map(|mode| refused(mode, make(mode), KEY, 4, complaint(mode))),
    );
    bench.refuses(
        Duration::from_secs(3),
        [
            refused("key beside its certificate", "cat p256.crt p256.pem >$o; chmod 0644 $o", WHOLE, 4, complaint("0644")),
            refused("PKCS#12", "openssl pkcs12 -export -inkey p256.pem -in p256.crt -passout pass: -out $o; chmod 0644 $o", WHOLE, 4, complaint("0644")),
            refused("behind a link", "cp p256.pem $o.k; chmod 0644 $o.k; ln -s $o.k $o", KEY, 4, complaint("0644")),
            refused("file:", "cp p256.pem $o; chmod 0644 $o", "--certificate p256.crt --private-key file:$o", 4, complaint("0644")),
        ],
    );
    bench.grants([
        granted("a certificate is public", "cp p256.crt $o; chmod 0644 $o", "--certificate $o --private-key p256.pem", "p256"),
        granted("from a descriptor", make("0644"), "--certificate p256.crt --private-key fd:3 3<$o", "p256"),
        granted("a directory that others can read", "mkdir $o; chmod 0755 $o; cp p256.pem $o/k", "--certificate p256.crt --private-key $o/k", "p256"),
    ]);
}

/// A group may read what is root's: a service is let in through it.
#[test]
fn a_group_may_read_roots_key_files_alone() {
    if !is_root(a_group_may_read_roots_key_files_alone) {
        return;
    }
    let bench = Bench::new();
    for (name, owner) in [("of-root", 0), ("of-nobody", NOBODY)] {
        bench.sandbox.write(name, bench.sandbox.read("p256.pem"));
        let path = bench.sandbox.path(name);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        chown(&path, Some(owner), None).unwrap();
        let options = format!("--certificate p256.crt --private-key {name}");
        if owner == 0 {
            bench.grants([granted(name, "", options, "p256")]);
        } else {
            let complaint = "can be read by others (mode 0640)";
            bench.refuses(
                Duration::from_secs(3),
                [refused(name, "", options, 4, complaint)],
            );
        }
    }
}
