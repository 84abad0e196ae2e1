//! `windlass ca install`

use serde_json::json;

use crate::authority::{Installer, Part};
use crate::cli::CaInstall;
use crate::commands::material::bare_certificates;
use crate::commands::{Context, Error};

use super::confirm::Confirm;
use super::init::shown;
use super::occasion::{actor, occasion};
use super::unlock::unlock;

/// Verifies the certificate of the CA, installs it, and says what to do next.
pub(in crate::commands) fn install(arguments: &CaInstall, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let file = context.path(&arguments.cert);
    let root_file = arguments.root.as_deref().map(|path| context.path(path));
    let installer = Installer::open(&directory)?;
    let origin_of = |part| match (part, &root_file) {
        (Part::Root, Some(root)) => root.display().to_string(),
        (Part::Root, None) => format!("the root in {}", file.display()),
        (Part::Issuing, _) => file.display().to_string(),
    };
    let certificates = bare_certificates(&file)?;
    let roots = root_file.as_deref().map(bare_certificates).transpose()?;
    let now = context.clock.now();
    let admitted = installer
        .admit(certificates, roots, now)
        .map_err(|(part, flaw)| flaw.of(part, origin_of(part)))?;
    for known in admitted.warnings() {
        context.printer.warning(known);
    }
    let (root, issuing) = (admitted.root(), admitted.issuing());
    let fingerprint = root.fingerprint();
    Confirm {
        what: &format!(
            "the root in {}",
            root_file.as_ref().unwrap_or(&file).display()
        ),
        found: &fingerprint,
        option: "root-fingerprint",
        given: arguments.root_fingerprint.as_deref(),
        shown: &format!(
            "issuing        {}, until {}\n\
             root           {}, until {}\n\
             root           SHA-256 {fingerprint}\n",
            issuing.subject(),
            issuing.not_after().format("%Y-%m-%d"),
            root.subject(),
            root.not_after().format("%Y-%m-%d"),
        ),
    }
    .ask(context)?;
    let actor = actor(context);
    let installed = installer.install(
        &admitted,
        &unlock(&directory, &arguments.passphrase, context)?,
        &occasion(&actor, &arguments.occasion, context),
    )?;
    let anchor = directory.join("trust-anchor.pem");
    if arguments.json {
        return context.printer.json(&json!({
            "directory": directory,
            "trustAnchorFile": anchor,
            "generation": installed.generation,
            "state": installed.state.as_str(),
            "changed": installed.changed,
            "root": shown(root),
            "issuing": shown(issuing),
        }));
    }
    let dir = directory.display();
    let did = match installed.changed {
        true => "installed the certificates of",
        false => "these certificates are installed already in",
    };
    let next = match installed.is_active() {
        true => format!(
            "trust anchor  {}  (give this to Roles Anywhere)\n",
            anchor.display()
        ),
        false => format!("next          windlass ca rollover status --dir {dir}\n"),
    };
    context.printer.data(&format!(
        "{did} {dir}\n\
         root          {}, until {}\n\
         issuing       {}, until {}\n\
         {next}",
        root.subject(),
        root.not_after().format("%Y-%m-%d"),
        issuing.subject(),
        issuing.not_after().format("%Y-%m-%d"),
    ))
}
