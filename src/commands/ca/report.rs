//! `windlass ca report`: one page that needs nothing else.
//!
//! Whatever stands in a certificate goes through [`escaped`]; the page forbids
//! itself scripts and requests besides.

mod chart;
mod html;
mod state;

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::authority::{read_inventory, reason_of};
use crate::cli::CaReport;
use crate::clock::{in_words, rfc3339};
use crate::commands::ready::check_replaceable;
use crate::commands::{Context, Error};
use crate::store::{
    Ending, Ends, Inventory, Kind, Order, Query, Readers, Record, Status, Summary, write_atomic,
};

use self::html::{Rows, escaped, names, section, serial};
use self::state::State;
use super::inventory::shown_status;
use super::outside::{check_outside, refuse_both};
use super::stats::week_of;

/// What forbids scripts and requests, among others.
const HEAD: &str = include_str!("report/head.html");

const CSS: &str = include_str!("report/page.css");

/// Weeks before this one that are drawn.
const WEEKS_BEFORE: i64 = 4;

/// Weeks that are drawn at most, and at least.
const MOST_WEEKS: u16 = 57;
const LEAST_WEEKS: usize = 17;

/// However long a certificate lives, it is not due before these days are left, as
/// 'ca check' has it.
const DUE_DAYS: i64 = 90;

/// For how long it is told what has ended without a successor.
const ENDED_DAYS: i64 = 30;

/// Most rows of a table of the page; the others are counted.
const MOST_ROWS: usize = 250;

/// What a page is made of.
struct Facts {
    now: DateTime<Utc>,
    title: String,
    summary: Summary,
    state: State,
    authorities: Vec<Record>,
    /// In the last third of their life, without a successor.
    due: Rows,
    /// How many end without a successor, in how many days.
    horizons: [(i64, usize); 3],
    /// How many have ended lately without a successor.
    ended: usize,
    revoked: Rows,
    open: Rows,
}

fn is_page(content: &[u8]) -> bool {
    content.starts_with(HEAD.as_bytes())
}

/// Writes the page.
pub(in crate::commands) fn report(arguments: &CaReport, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let facts = || Facts::collect(&directory, arguments.title.as_deref(), context.clock.now());
    if arguments.html == Path::new("-") {
        refuse_both(arguments.json, "html")?;
        return context.printer.data(&facts()?.page());
    }
    let file = context.path(&arguments.html);
    check_outside(&file, &directory)?;
    check_replaceable(&file, "a page of windlass ca report", is_page)?;
    let facts = facts()?;
    let page = facts.page();
    write_atomic(&file, page.as_bytes(), Readers::Owner)?;
    if arguments.json {
        return context.printer.json(&json!({
            "file": file,
            "size": page.len(),
            "valid": facts.summary.valid,
            "due": facts.due.count,
            "held": facts.summary.held,
            "revoked": facts.summary.revoked,
            "steps": facts.steps().len(),
        }));
    }
    context.printer.data(&format!(
        "report         {}\n{} in force, {} due\n",
        file.display(),
        facts.summary.valid,
        facts.due.count
    ))
}

/// Whether less than a third of its life is left: then hosts renew it.
fn is_due(one: &Ending, now: DateTime<Utc>) -> bool {
    (one.not_after - now) * 3 < one.not_after - one.not_before
}

impl Facts {
    fn collect(directory: &Path, title: Option<&str>, now: DateTime<Utc>) -> Result<Self, Error> {
        let inventory = &read_inventory(directory)?;
        let base = || Query {
            now,
            order: Order::End,
            ..Query::default()
        };
        let of_kind = |kind| Query {
            kind: Some(kind),
            ..base()
        };
        let mut authorities = find(inventory, &of_kind(Kind::Root))?.rows;
        authorities.extend(find(inventory, &of_kind(Kind::Issuing))?.rows);
        authorities.extend(find(inventory, &of_kind(Kind::Cross))?.rows);
        let ending = inventory.ending_unreplaced(now, now + TimeDelta::days(DUE_DAYS))?;
        let within = |days| {
            let end = now + TimeDelta::days(days);
            ending.iter().filter(|one| one.not_after < end).count()
        };
        let revoked = Query {
            status: vec![Status::Revoked, Status::Held],
            order: Order::Newest,
            ..base()
        };
        let open = Query {
            status: vec![Status::Reserved, Status::Undelivered],
            order: Order::Newest,
            ..base()
        };
        let first_week = week_of(now) - TimeDelta::weeks(WEEKS_BEFORE);
        let own = authorities.iter().find(|record| record.kind == Kind::Root);
        let name = title.map(ToOwned::to_owned);
        Ok(Self {
            title: name
                .or_else(|| own.map(|root| root.common_name.clone()))
                .unwrap_or_else(|| "Certificate authority".to_owned()),
            summary: inventory.summary(now, first_week, MOST_WEEKS)?,
            state: State::collect(directory, inventory, now)?,
            horizons: [1, 7, 30].map(|days| (days, within(days))),
            due: due(inventory, &ending, now)?,
            ended: inventory
                .ending_unreplaced(now - TimeDelta::days(ENDED_DAYS), now)?
                .len(),
            revoked: find(inventory, &revoked)?,
            open: find(inventory, &open)?,
            authorities,
            now,
        })
    }

    fn page(&self) -> String {
        let title = escaped(&self.title);
        let made = escaped(&rfc3339(self.now));
        [
            format!(
                "{HEAD}<title>{title}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n<main>\n\
                 <header><h1>{title}</h1><p class=\"soft\">Certificates as of {made}, told by \
                 windlass {}</p></header>\n",
                env!("CARGO_PKG_VERSION")
            ),
            self.tiles(),
            section("Next steps", &self.next_steps()),
            section("When certificates end, per week", &self.timeline()),
            section(
                "Due: the last third of their life, and no successor",
                &self.due_table(),
            ),
            section("Revocation lists", &self.state.lists()),
            section("Revoked and on hold", &self.revoked_table()),
            section("The authority's own certificates", &self.own()),
            section("Generations", &self.state.generations()),
            section(
                "Policy, backups and audit log",
                &self.state.rest(&self.summary),
            ),
            section("Reserved and undelivered", &self.open_table()),
            "</main>\n</body>\n</html>\n".to_owned(),
        ]
        .concat()
    }

    fn tiles(&self) -> String {
        let summary = &self.summary;
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let horizon = |(days, count): (i64, usize)| {
            let label = match days {
                1 => "end within 24 h".to_owned(),
                days => format!("end within {days} days"),
            };
            (label, number(count), "accent")
        };
        let own = |label: &str, count, tone| (label.to_owned(), count, tone);
        let mut tiles = vec![
            own("in force", summary.valid, "valid"),
            own("due", number(self.due.count), "accent"),
        ];
        tiles.extend(self.horizons.map(horizon));
        tiles.extend([
            own("on hold", summary.held, "held"),
            own("revoked", summary.revoked, "revoked"),
            own("expired", summary.expired, "ended"),
        ]);
        let tile = |(label, count, tone): &(String, u64, &str)| {
            format!(
                "<div class=\"tile\" style=\"--tone: var(--{tone})\"><b>{count}</b>\
                 <span class=\"soft\">{label}</span></div>\n"
            )
        };
        let tiles: String = tiles.iter().map(tile).collect();
        format!(
            "<div class=\"tiles\">\n{tiles}</div>\n<p class=\"soft note\">Due is what is in the \
             last third of its life. What is due or ends soon is counted where there is no later \
             certificate of the same common name.</p>\n"
        )
    }

    fn steps(&self) -> Vec<String> {
        let mut steps = self.state.steps();
        for record in self
            .authorities
            .iter()
            .filter(|one| one.revocation.is_some())
        {
            steps.push(format!(
                "<b class=\"urgent\">{} was revoked</b>: what it has issued is refused with it, \
                 and it issues nothing (<code>windlass ca show {}</code>)",
                escaped(&record.subject),
                hex::encode(&record.serial)
            ));
        }
        if self.ended > 0 {
            steps.push(format!(
                "<b class=\"urgent\">{} ended in the last {ENDED_DAYS} days without a successor</b>: \
                 renew them, or revoke those of hosts that are gone \
                 (<code>windlass ca list --status expired</code>)",
                match self.ended {
                    1 => "1 certificate".to_owned(),
                    count => format!("{count} certificates"),
                }
            ));
        }
        for record in &self.authorities {
            let left = record.not_after - self.now;
            if record.revocation.is_none() && left < TimeDelta::days(365) {
                let name = escaped(&record.subject);
                let when = match left < TimeDelta::zero() {
                    true => "has ended".to_owned(),
                    false => format!("ends in {}", in_words(left)),
                };
                steps.push(format!(
                    "<b class=\"urgent\">{name} {when}</b>: what it issues ends with it"
                ));
            }
        }
        if self.due.count > 0 {
            steps.push(format!(
                "Renew what is due: {} (the table below; <code>windlass ca issue --batch FILE \
                 --renew</code> renews the rows of a file)",
                self.due.count
            ));
        }
        if self.summary.held > 0 {
            steps.push(format!(
                "Decide on {} on hold: release or revoke (<code>windlass ca list --status held</code>)",
                self.summary.held
            ));
        }
        if self.open.count > 0 {
            steps.push(format!(
                "Look at {} reserved or undelivered \
                 (<code>windlass ca list --status reserved,undelivered</code>)",
                self.open.count
            ));
        }
        steps
    }

    fn next_steps(&self) -> String {
        let steps = self.steps();
        if steps.is_empty() {
            return "<p>Nothing is due.</p>\n".to_owned();
        }
        let items: String = steps
            .iter()
            .map(|step| format!("<li>{step}</li>\n"))
            .collect();
        format!("<ul>\n{items}</ul>\n")
    }

    fn timeline(&self) -> String {
        let all = &self.summary.weeks;
        let used = all.iter().rposition(|(_, ends)| *ends != Ends::default());
        let shown = used.map_or(0, |last| last + 2).max(LEAST_WEEKS);
        let weeks = all.get(..shown.min(all.len())).unwrap_or(all);
        let legend: String = [
            ("valid", "in force"),
            ("held", "on hold"),
            ("revoked", "revoked"),
            ("ended", "ended, not revoked"),
        ]
        .iter()
        .map(|(tone, text)| format!("<span><i style=\"--tone: var(--{tone})\"></i>{text}</span>"))
        .collect();
        format!(
            "<div class=\"wide\">{}</div>\n<div class=\"legend\">{legend}</div>\n",
            chart::draw(weeks, self.now)
        )
    }

    fn own(&self) -> String {
        let row = |record: &Record| {
            vec![
                escaped(&record.subject),
                record.kind.as_str().to_owned(),
                shown_status(record, self.now).to_owned(),
                self.end(record),
                serial(record),
            ]
        };
        let heads = ["Subject", "Kind", "State", "Ends", "Serial number"];
        let own = Rows {
            count: self.authorities.len(),
            rows: self.authorities.clone(),
        };
        own.table(&heads, row)
    }

    fn due_table(&self) -> String {
        let row = |record: &Record| {
            vec![
                escaped(&record.subject),
                names(record),
                in_words(record.not_after - record.not_before),
                self.end(record),
                serial(record),
            ]
        };
        let heads = ["Subject", "Names", "Life", "Ends", "Serial number"];
        self.due.table(&heads, row)
    }

    fn revoked_table(&self) -> String {
        let row = |record: &Record| {
            let (reason, at) = record
                .revocation
                .map_or_else(Default::default, |revocation| {
                    let reason = reason_of(revocation).as_str().to_owned();
                    (reason, escaped(&rfc3339(revocation.at)))
                });
            vec![
                escaped(&record.subject),
                reason,
                at,
                self.end(record),
                serial(record),
            ]
        };
        let heads = ["Subject", "Reason", "Since", "Ends", "Serial number"];
        self.revoked.table(&heads, row)
    }

    fn open_table(&self) -> String {
        let row = |record: &Record| {
            vec![
                escaped(&record.subject),
                shown_status(record, self.now).to_owned(),
                escaped(&rfc3339(record.reserved_at)),
                escaped(record.requester.as_deref().unwrap_or("")),
                serial(record),
            ]
        };
        let heads = [
            "Subject",
            "State",
            "Reserved",
            "Requested by",
            "Serial number",
        ];
        self.open.table(&heads, row)
    }

    /// The end, with how far it is; in a colour of its own in the last tenth of
    /// the life, when 'ca check' is critical.
    fn end(&self, record: &Record) -> String {
        let left = record.not_after - self.now;
        let date = record.not_after.format("%Y-%m-%d");
        if left < TimeDelta::zero() {
            return format!(
                "{date} <span class=\"soft\">({} ago)</span>",
                in_words(left)
            );
        }
        let class = match left * 10 < record.not_after - record.not_before {
            true => "urgent",
            false => "soft",
        };
        format!(
            "{date} <span class=\"{class}\">(in {})</span>",
            in_words(left)
        )
    }
}

/// The rows of what is due, with how many there are.
fn due(inventory: &Inventory, ending: &[Ending], now: DateTime<Utc>) -> Result<Rows, Error> {
    let mut found = Rows::default();
    for one in ending.iter().filter(|one| is_due(one, now)) {
        found.count += 1;
        if found.rows.len() < MOST_ROWS {
            found.rows.extend(inventory.get(&one.serial)?);
        }
    }
    Ok(found)
}

fn find(inventory: &Inventory, query: &Query) -> Result<Rows, Error> {
    let mut found = Rows::default();
    inventory.find(query, |record| -> Result<(), Error> {
        found.count += 1;
        if found.rows.len() < MOST_ROWS {
            found.rows.push(record);
        }
        Ok(())
    })?;
    Ok(found)
}
