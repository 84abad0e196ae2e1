//! `windlass version`

use serde_json::json;

use crate::cli::Version;

use super::{Context, Error};

/// What was built with, for `--json`; feature by feature, since Cargo tells a
/// program its features one at a time.
const FEATURES: &[&str] = &[
    #[cfg(feature = "pkcs11")]
    "pkcs11",
];

/// Prints the version. Nothing of it differs between two builds of the same
/// commit with the same toolchain: there is no time of the build in it.
pub(super) fn run(arguments: &Version, context: &Context) -> Result<(), Error> {
    if !arguments.json {
        return context
            .printer
            .data(concat!("windlass ", env!("CARGO_PKG_VERSION"), "\n"));
    }
    context.printer.json(&json!({
        "name": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        // scripts/release sets it; elsewhere nobody vouches for the commit.
        "commit": option_env!("WINDLASS_COMMIT"),
        "features": FEATURES,
        "toolchain": env!("BUILT_BY_TOOLCHAIN"),
        "target": env!("BUILT_FOR_TARGET"),
    }))
}
