//! `windlass ca report`: one page that needs nothing else.
//!
//! Whatever stands in a certificate goes through [`escaped`]; the page forbids
//! itself scripts and requests besides.

mod chart;

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use crate::authority::{read_inventory, reason_of};
use crate::cli::CaReport;
use crate::clock::{in_words, rfc3339};
use crate::commands::ready::check_replaceable;
use crate::commands::{Context, Error};
use crate::store::{
    Ends, Inventory, Kind, Order, Query, Readers, Record, Status, Summary, write_atomic,
};
use crate::text::printable;

use super::inventory::shown_status;
use super::stats::week_of;

/// What forbids scripts and requests, among others.
const HEAD: &str = include_str!("report/head.html");

const CSS: &str = include_str!("report/page.css");

/// Weeks before this one that are drawn.
const WEEKS_BEFORE: i64 = 4;

/// Weeks that are drawn at most, and at least.
const MOST_WEEKS: u16 = 57;
const LEAST_WEEKS: usize = 17;

/// How soon something is due.
const DUE_DAYS: i64 = 30;

/// Most rows of a table of the page; the others are counted.
const MOST_ROWS: usize = 250;

/// What a page is made of.
struct Facts {
    now: DateTime<Utc>,
    title: String,
    summary: Summary,
    authorities: Vec<Record>,
    due: Rows,
    /// How many have ended lately without a successor.
    ended: usize,
    revoked: Rows,
    open: Rows,
}

/// The first rows of a table, and how many there are.
#[derive(Default)]
struct Rows {
    rows: Vec<Record>,
    count: usize,
}

fn is_page(content: &[u8]) -> bool {
    content.starts_with(HEAD.as_bytes())
}

/// Writes the page.
pub(in crate::commands) fn report(arguments: &CaReport, context: &Context) -> Result<(), Error> {
    if arguments.html == Path::new("-") {
        let inventory = read_inventory(&context.path(&arguments.ca.dir))?;
        let facts = Facts::collect(&inventory, arguments.title.as_deref(), context.clock.now())?;
        return context.printer.data(&facts.page());
    }
    let file = context.path(&arguments.html);
    check_replaceable(&file, "a page of windlass ca report", is_page)?;
    let inventory = read_inventory(&context.path(&arguments.ca.dir))?;
    let facts = Facts::collect(&inventory, arguments.title.as_deref(), context.clock.now())?;
    write_atomic(&file, facts.page().as_bytes(), Readers::Owner)?;
    context.printer.data(&format!(
        "report         {}\n{} in force, {} due within {DUE_DAYS} days\n",
        file.display(),
        facts.summary.valid,
        facts.due.count
    ))
}

impl Facts {
    fn collect(
        inventory: &Inventory,
        title: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
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
        let due = Query {
            ends_before: Some(now + TimeDelta::days(DUE_DAYS)),
            ..base()
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
            due: find(inventory, &due)?,
            ended: inventory
                .ending_unreplaced(now - TimeDelta::days(DUE_DAYS), now)?
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
            section("The authority's own certificates", &self.own()),
            section(&format!("Due within {DUE_DAYS} days"), &self.due_table()),
            section("Revoked and on hold", &self.revoked_table()),
            section("Reserved and undelivered", &self.open_table()),
            "</main>\n</body>\n</html>\n".to_owned(),
        ]
        .concat()
    }

    fn tiles(&self) -> String {
        let summary = &self.summary;
        let due = u64::try_from(self.due.count).unwrap_or(u64::MAX);
        let tiles = [
            ("in force", summary.valid, "valid"),
            ("due in 30 days", due, "accent"),
            ("on hold", summary.held, "held"),
            ("revoked", summary.revoked, "revoked"),
            ("expired", summary.expired, "ended"),
            ("reserved", summary.reserved, "ended"),
        ];
        let tile = |(label, count, tone): &(&str, u64, &str)| {
            format!(
                "<div class=\"tile\" style=\"--tone: var(--{tone})\"><b>{count}</b>\
                 <span class=\"soft\">{label}</span></div>\n"
            )
        };
        let tiles: String = tiles.iter().map(tile).collect();
        format!("<div class=\"tiles\">\n{tiles}</div>\n")
    }

    fn next_steps(&self) -> String {
        let mut steps = Vec::new();
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
                "<b class=\"urgent\">{} ended in the last {DUE_DAYS} days without a successor</b>: \
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
                "Renew what is due: {} within {DUE_DAYS} days \
                 (<code>windlass ca list --expiring {DUE_DAYS}d</code>)",
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
                self.end(record),
                serial(record),
            ]
        };
        let heads = ["Subject", "Names", "Ends", "Serial number"];
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

    /// The end, with how far it is; in a colour of its own when it is a week.
    fn end(&self, record: &Record) -> String {
        let left = record.not_after - self.now;
        let date = record.not_after.format("%Y-%m-%d");
        if left < TimeDelta::zero() {
            return format!(
                "{date} <span class=\"soft\">({} ago)</span>",
                in_words(left)
            );
        }
        let class = match left < TimeDelta::days(7) {
            true => "urgent",
            false => "soft",
        };
        format!(
            "{date} <span class=\"{class}\">(in {})</span>",
            in_words(left)
        )
    }
}

impl Rows {
    /// A table, or that there is nothing. Cells are HTML.
    fn table(&self, heads: &[&str], cells: impl Fn(&Record) -> Vec<String>) -> String {
        if self.count == 0 {
            return "<p class=\"soft\">None.</p>\n".to_owned();
        }
        let heads: String = heads
            .iter()
            .map(|head| format!("<th>{head}</th>"))
            .collect();
        let mut html = format!("<div class=\"wide\"><table>\n<thead><tr>{heads}</tr></thead>\n");
        for record in &self.rows {
            let cells = cells(record);
            let cells: String = cells
                .iter()
                .map(|cell| format!("<td>{cell}</td>"))
                .collect();
            html.push_str(&format!("<tr>{cells}</tr>\n"));
        }
        html.push_str("</table></div>\n");
        if self.count > self.rows.len() {
            let more = self.count - self.rows.len();
            html.push_str(&format!("<p class=\"soft\">And {more} more.</p>\n"));
        }
        html
    }
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

fn section(title: &str, content: &str) -> String {
    format!("<section>\n<h2>{title}</h2>\n{content}</section>\n")
}

fn serial(record: &Record) -> String {
    format!("<code>{}</code>", hex::encode(&record.serial))
}

fn names(record: &Record) -> String {
    escaped(&record.names.join(", "))
}

/// Text as HTML shows it, in content and in attributes; control characters and
/// marks of direction as their escapes.
fn escaped(text: &str) -> String {
    let mut html = String::new();
    for character in printable(text, 400).chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}
