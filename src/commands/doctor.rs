//! `windlass doctor`

mod aws;
mod case;
mod finding;
mod given;
mod live;
mod local;
mod offline;
mod refusal;
mod report;

use crate::cli::{Doctor, SessionArgs};

use self::case::Case;
use self::finding::{Finding, Standing};
use self::given::Given;
use self::live::Live;
use self::offline::{Answered, Offline};
use self::report::Report;
use super::session::missing;
use super::{Context, Error, Invocation};

/// Says why no credentials come, with exit codes of its own.
pub(super) fn run(asked: &Doctor, context: &Context) -> Result<(), Error> {
    let Some(profile) = &asked.aws_profile else {
        if is_nothing_named(&asked.session) {
            return Err(missing(&asked.session, "trust anchor", "trust-anchor-arn"));
        }
        return examine(&Case::new(asked, &asked.session, context)?);
    };
    let files = aws::Files::read(context)?;
    let line = files.command_line(profile);
    let session = line
        .as_ref()
        .and_then(|line| aws::session_of(line, context));
    match session {
        Some(Ok((invocation, session))) => {
            let context = context.of_invocation(invocation);
            examine(&Case::new(asked, &session, &context)?)
        }
        // Nothing but AWS's files can be judged; they say why.
        _ => {
            let invocation = Invocation::new([context.invocation.program().to_owned()]);
            let bare = SessionArgs::default();
            let elsewhere = context.of_invocation(invocation);
            let case = Case::bare(asked, &bare, &elsewhere);
            let mut findings = aws::check(&case);
            let what = "which session is meant cannot be told";
            findings.push(Finding::new("session", Standing::Unknown, what));
            Report::new(findings, Live::NotAsked, &case).tell()
        }
    }
}

/// Whether no option says anything of a session.
fn is_nothing_named(session: &SessionArgs) -> bool {
    let identity = &session.identity;
    session.trust_anchor_arn.is_none()
        && session.profile_arn.is_none()
        && session.role_arn.is_none()
        && identity.identity.is_none()
        && identity.certificate.certificate.is_none()
        && identity.certificate.cert_selector.is_none()
}

fn examine(case: &Case<'_>) -> Result<(), Error> {
    // Before anything is asked: a file that cannot be used is a mistake of use.
    let mut given = Given::read(case.asked, case.context)?;
    let mut findings = aws::check(case);
    let of_others = match case.asked.aws_profile {
        // Their line is what everything comes from.
        Some(_) => Vec::new(),
        None => std::mem::take(&mut findings),
    };
    findings.extend(given.put_strangers_aside(case));
    findings.extend(local::all(case));
    findings.extend(of_others);
    let (of_identity, opened) = local::identity(case);
    let are_files_named = findings
        .iter()
        .any(|finding| finding.id == "files" && finding.standing.is_wrong());
    findings.extend(
        of_identity
            .into_iter()
            .filter(|finding| finding.id != "files" || !are_files_named),
    );
    let identity = opened.identity();
    let live = live::ask(case, identity);
    let offline = Offline::judge(case, &given, identity, &live);
    findings.extend(refusal::explain(&live, case, identity, &offline));
    findings.extend(offline.findings(Answered::of(&live), case, identity));
    Report::new(findings, live, case).with(offline).tell()
}
