//! What the page says of the CA itself: its lists, its generations, its policy,
//! its backups and its log.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::authority::{
    self, Assessment, ListState, Policy, RolloverStatus, generations, rollover_status,
};
use crate::clock::{in_words, rfc3339};
use crate::commands::Error;
use crate::commands::ca::crl;
use crate::limits;
use crate::pki::Certificate;
use crate::store::{Checkpoint, Inventory, Summary};

use super::html::{escaped, table};

/// How old the last backup may be, in days, as 'ca check' has it.
const BACKUP_DAYS: i64 = 2;

/// What was found of the CA itself.
pub(super) struct State {
    now: DateTime<Utc>,
    lists: Vec<Assessment>,
    /// `None` for a root alone, which has no generations.
    rollover: Option<RolloverStatus>,
    /// Or why it cannot be used.
    policy: Result<Policy, String>,
    backup: Option<DateTime<Utc>>,
    checkpoint: Option<Checkpoint>,
}

impl State {
    pub(super) fn collect(
        directory: &Path,
        inventory: &Inventory,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let known = generations(directory)?;
        Ok(Self {
            now,
            lists: crl::assess_all(directory, &known, now)?,
            rollover: match known.alone {
                Some(_) => None,
                None => Some(rollover_status(directory, now)?),
            },
            policy: Policy::of(directory).map_err(|error: authority::Error| error.to_string()),
            backup: inventory.last_backup()?,
            checkpoint: inventory.newest_checkpoint()?,
        })
    }

    /// What is to be done of it, as HTML.
    pub(super) fn steps(&self) -> Vec<String> {
        let mut steps = Vec::new();
        for list in &self.lists {
            let (is_urgent, what) = match &list.state {
                ListState::Current | ListState::Absent => continue,
                ListState::Due => (false, "is past half of its life".to_owned()),
                ListState::OutOfDate if list.facts.is_none() => (true, "is missing".to_owned()),
                ListState::OutOfDate => (true, "does not say what is revoked now".to_owned()),
                ListState::Expired => (true, "has expired".to_owned()),
                ListState::Unusable { reason } => (true, format!("cannot be used: {reason}")),
            };
            let class = if is_urgent { "urgent" } else { "" };
            steps.push(format!(
                "<b class=\"{class}\">The revocation list of {} {}</b> \
                 (<code>windlass ca crl{}</code>)",
                list.issuer,
                escaped(&what),
                crl::option_for(list.issuer)
            ));
        }
        if let Err(reason) = &self.policy {
            steps.push(format!(
                "<b class=\"urgent\">The policy cannot be used</b>, and nothing is issued: {}",
                escaped(reason)
            ));
        }
        let age = self.backup.map(|last| self.now - last);
        match age {
            None => steps
                .push("Make a backup: there is none (<code>windlass ca backup</code>)".to_owned()),
            Some(age) if age > TimeDelta::days(BACKUP_DAYS) => steps.push(format!(
                "Make a backup: the last one is {} old (<code>windlass ca backup</code>)",
                in_words(age)
            )),
            Some(_) => {}
        }
        steps
    }

    /// The lists, with how full they are.
    pub(super) fn lists(&self) -> String {
        let rows: Vec<Vec<String>> = self.lists.iter().map(|list| self.list(list)).collect();
        let heads = [
            "Authority",
            "State",
            "Number",
            "Made",
            "Next by",
            "Entries",
            "Size",
        ];
        table(&heads, &rows)
    }

    fn list(&self, list: &Assessment) -> Vec<String> {
        let class = match &list.state {
            ListState::Current | ListState::Absent => "soft",
            ListState::Due => "",
            ListState::OutOfDate | ListState::Expired | ListState::Unusable { .. } => "urgent",
        };
        let state = format!("<span class=\"{class}\">{}</span>", list.state.as_str());
        let mut cells = vec![list.issuer.to_string(), state];
        match &list.facts {
            Some(facts) => cells.extend([
                escaped(&facts.number),
                self.moment(facts.this_update),
                facts
                    .next_update
                    .map_or_else(|| "it does not say".to_owned(), |next| self.moment(next)),
                facts.entries.to_string(),
                meter(u64::try_from(facts.size).unwrap_or(u64::MAX)),
            ]),
            None => cells.extend(std::iter::repeat_n("–".to_owned(), 5)),
        }
        cells
    }

    /// The generations, with what is in use of each.
    pub(super) fn generations(&self) -> String {
        let Some(rollover) = &self.rollover else {
            return "<p class=\"soft\">A root alone, which certifies issuing CAs elsewhere.</p>\n"
                .to_owned();
        };
        let until = |one: &Option<Certificate>| {
            let end = one.as_ref().map(|one| self.moment(one.not_after()));
            end.unwrap_or_else(|| "no certificate yet".to_owned())
        };
        let rows: Vec<Vec<String>> = rollover
            .generations
            .iter()
            .map(|one| {
                let in_use = match (one.leaves.count, one.leaves.last_end) {
                    (count, Some(end)) => format!("{count}, until {}", self.moment(end)),
                    _ => "none".to_owned(),
                };
                vec![
                    one.row.number.to_string(),
                    one.row.state.as_str().to_owned(),
                    until(&one.root),
                    until(&one.issuing),
                    in_use,
                ]
            })
            .collect();
        let heads = [
            "Generation",
            "State",
            "Root until",
            "Issuing CA until",
            "Certificates in use",
        ];
        format!(
            "{}<p class=\"soft\">The bundle has {} of the {} roots, and {} of the {} revocation lists \
             are in use that a trust anchor takes.</p>\n",
            table(&heads, &rows),
            rollover.bundle_certificates,
            limits::ROLES_ANYWHERE_ANCHORS,
            rollover.lists,
            limits::ROLES_ANYWHERE_CRLS
        )
    }

    /// The policy, the last backup and the audit log.
    pub(super) fn rest(&self, summary: &Summary) -> String {
        let policy = match &self.policy {
            Err(reason) => format!("<span class=\"urgent\">{}</span>", escaped(reason)),
            Ok(policy) if policy.digest().is_empty() => {
                "the built-in rules: there is no ca.toml".to_owned()
            }
            Ok(policy) => format!(
                "ca.toml, with {} (SHA-256 <code>{}</code>)",
                escaped(&policy.names().join(", ")),
                escaped(policy.digest())
            ),
        };
        let backup = match self.backup {
            Some(last) => self.moment(last),
            None => "<span class=\"urgent\">none was ever made</span>".to_owned(),
        };
        let log = match &self.checkpoint {
            Some(last) => format!(
                "{} entries; the CA's key signed it last at entry {}, {}",
                summary.log_entries,
                last.sequence,
                self.moment(last.at)
            ),
            None => format!("{} entries, never signed", summary.log_entries),
        };
        let oldest = summary.oldest_reserved.map(|at| self.moment(at));
        let reserved = match oldest {
            Some(oldest) => format!("{}, the oldest {oldest}", summary.reserved),
            None => "none".to_owned(),
        };
        let rows = [
            ("Policy in force", policy),
            ("Last backup", backup),
            ("Audit log", log),
            ("Unsettled reservations", reserved),
            (
                "Inventory",
                format!("{} rows, {} KiB", summary.rows, summary.size.div_ceil(1024)),
            ),
        ];
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|(label, text)| vec![format!("<b>{label}</b>"), text])
            .collect();
        table(&["What", "State"], &rows)
    }

    /// A time, with how far it is.
    fn moment(&self, time: DateTime<Utc>) -> String {
        let away = time - self.now;
        let words = in_words(away);
        let far = match away < TimeDelta::zero() {
            true => format!("{words} ago"),
            false => format!("in {words}"),
        };
        format!(
            "<span title=\"{}\">{}</span> <span class=\"soft\">({far})</span>",
            rfc3339(time),
            time.format("%Y-%m-%d")
        )
    }
}

/// How full a list is, as a bar and in numbers.
fn meter(size: u64) -> String {
    let most = limits::ROLES_ANYWHERE_CRL;
    let share = size.saturating_mul(100).div_ceil(most);
    let tone = match share {
        0..=60 => "valid",
        61..=90 => "held",
        _ => "revoked",
    };
    format!(
        "<span class=\"meter\" style=\"--tone: var(--{tone}); --share: {}%\"></span>\
         {size} of {most} bytes <span class=\"soft\">({share}&nbsp;%)</span>",
        share.min(100)
    )
}
