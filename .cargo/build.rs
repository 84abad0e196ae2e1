//! Links the unwinder into the program where the C compiler has it as an
//! archive. Otherwise the program needs libgcc_s.so.1, which small images lack
//! and which takes a twentieth of a run of `windlass credential-process` to load.
//! And tells the program what `windlass version --json` says of its build.

#![expect(
    clippy::disallowed_methods,
    reason = "this is how Cargo and a build script speak to each other"
)]

use std::path::Path;
use std::process::Command;

const ARCHIVE: &str = "libgcc_eh.a";

fn main() {
    println!("cargo::rerun-if-changed=.cargo/build.rs");
    println!("cargo::rerun-if-env-changed=RUSTC_LINKER");
    tell_build();
    let target = |what, name| std::env::var(what).is_ok_and(|found| found == name);
    let is_known =
        target("CARGO_CFG_TARGET_ARCH", "x86_64") && target("CARGO_CFG_TARGET_ENV", "gnu");
    if is_known && has_archive() {
        // It stands before the standard library's own -lgcc_s, which the linker
        // then has no use for.
        println!("cargo::rustc-link-lib=dylib:+verbatim={ARCHIVE}");
    }
}

/// The compiler's own words, and the target's triple.
fn tell_build() {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(compiler).arg("--version").output();
    let version = asked.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned());
    let toolchain = version.unwrap_or_default();
    let target = std::env::var("TARGET").unwrap_or_default();
    println!("cargo::rustc-env=BUILT_BY_TOOLCHAIN={}", toolchain.trim());
    println!("cargo::rustc-env=BUILT_FOR_TARGET={target}");
}

/// Whether the linker's driver knows a path of the archive; one that does not
/// know it repeats the name.
fn has_archive() -> bool {
    let linker = std::env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let asked = Command::new(linker)
        .arg(format!("-print-file-name={ARCHIVE}"))
        .output();
    asked.is_ok_and(|answer| {
        let path = String::from_utf8_lossy(&answer.stdout);
        answer.status.success() && Path::new(path.trim()).is_absolute()
    })
}
