//! `windlass ca stats`

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, NaiveTime, Utc};
use serde_json::{Value, json};

use crate::authority::read_inventory;
use crate::cli::CaStats;
use crate::clock::{in_words, rfc3339};
use crate::commands::{Context, Error};
use crate::pki::Certificate;
use crate::store::{Inventory, Query, Summary};
use crate::text::printable;

/// How many of the newest rows are looked into.
const NEWEST: u64 = 10_000;

/// How many weeks are told.
const WEEKS: u16 = 53;

/// How many of them people are shown.
const WEEKS_SHOWN: usize = 8;

/// How many requesters are told.
const MOST_REQUESTERS: usize = 10;

/// What the newest rows say.
struct Newest {
    key_types: Vec<(String, u64)>,
    requesters: Vec<(String, u64)>,
}

/// Tells the inventory in numbers.
pub(in crate::commands) fn stats(arguments: &CaStats, context: &Context) -> Result<(), Error> {
    let inventory = read_inventory(&context.path(&arguments.ca.dir))?;
    let now = context.clock.now();
    let summary = inventory.summary(now, week_of(now), WEEKS)?;
    let newest = newest(&inventory, now)?;
    match arguments.json {
        true => context.printer.json(&as_json(&summary, &newest)),
        false => context.printer.data(&as_text(&summary, &newest, now)),
    }
}

/// The first second of the week, which begins on Monday.
pub(super) fn week_of(time: DateTime<Utc>) -> DateTime<Utc> {
    let date = time.date_naive();
    let past = Days::new(u64::from(date.weekday().num_days_from_monday()));
    let monday = date.checked_sub_days(past).unwrap_or(date);
    monday.and_time(NaiveTime::MIN).and_utc()
}

fn newest(inventory: &Inventory, now: DateTime<Utc>) -> Result<Newest, Error> {
    let (mut keys, mut requesters) = (BTreeMap::new(), BTreeMap::new());
    let query = Query {
        limit: Some(NEWEST),
        now,
        ..Query::default()
    };
    inventory.find(&query, |record| -> Result<(), Error> {
        if let Some(der) = &record.der {
            let certificate = Certificate::from_der(der, "the inventory")?;
            let key = certificate.public_key().algorithm().to_string();
            *keys.entry(key).or_insert(0) += 1;
        }
        if let Some(requester) = record.requester {
            *requesters.entry(requester).or_insert(0) += 1;
        }
        Ok(())
    })?;
    let most_first = |counts: BTreeMap<String, u64>| {
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        counts
    };
    let mut requesters = most_first(requesters);
    requesters.truncate(MOST_REQUESTERS);
    Ok(Newest {
        key_types: most_first(keys),
        requesters,
    })
}

fn as_json(summary: &Summary, newest: &Newest) -> Value {
    let counts = |counts: &[(String, u64)], key: &str| -> Value {
        let row = |(name, count): &(String, u64)| json!({ key: name, "count": count });
        counts.iter().map(row).collect()
    };
    let few = |key: &str, counts: &[(&str, u64)]| -> Value {
        let row = |(name, count): &(&str, u64)| json!({ key: name, "count": count });
        counts.iter().map(row).collect()
    };
    let weeks: Value = summary
        .weeks
        .iter()
        .map(|(week, ends)| {
            json!({
                "week": rfc3339(*week),
                "valid": ends.valid,
                "held": ends.held,
                "revoked": ends.revoked,
            })
        })
        .collect();
    json!({
        "rows": summary.rows,
        "kinds": few("kind", &[
            ("root", summary.roots),
            ("issuing", summary.issuing),
            ("cross", summary.cross),
            ("leaf", leaves_of(summary)),
        ]),
        "states": few("state", &[
            ("valid", summary.valid),
            ("expired", summary.expired),
            ("revoked", summary.revoked),
            ("held", summary.held),
            ("reserved", summary.reserved),
            ("abandoned", summary.abandoned),
        ]),
        "undeliveredCount": summary.undelivered,
        "oldestReserved": summary.oldest_reserved.map(rfc3339),
        "endsPerWeek": weeks,
        "endsPerMonth": counts(&summary.months, "month"),
        "keyAlgorithmsOfNewest": counts(&newest.key_types, "keyAlgorithm"),
        "requestersOfNewest": counts(&newest.requesters, "requester"),
        "logEntries": summary.log_entries,
        "size": summary.size,
    })
}

fn leaves_of(summary: &Summary) -> u64 {
    let own = summary.roots + summary.issuing + summary.cross;
    summary.rows.saturating_sub(own)
}

fn as_text(summary: &Summary, newest: &Newest, now: DateTime<Utc>) -> String {
    let leaves = leaves_of(summary);
    let cross = match summary.cross {
        0 => String::new(),
        count => format!(", {count} cross"),
    };
    let mut lines = vec![
        ("rows".to_owned(), summary.rows.to_string()),
        (
            "kinds".to_owned(),
            format!(
                "{leaves} leaf, {} issuing, {} root{cross}",
                summary.issuing, summary.roots
            ),
        ),
        (
            "valid".to_owned(),
            format!("{} ({} undelivered)", summary.valid, summary.undelivered),
        ),
        ("expired".to_owned(), summary.expired.to_string()),
        (
            "revoked".to_owned(),
            format!("{}, and {} on hold", summary.revoked, summary.held),
        ),
    ];
    let oldest = summary.oldest_reserved.map(|at| in_words(now - at));
    let oldest = oldest.map(|age| format!(", the oldest since {age}"));
    lines.push((
        "unsettled".to_owned(),
        format!(
            "{} reserved{}",
            summary.reserved,
            oldest.unwrap_or_default()
        ),
    ));
    lines.push(("abandoned".to_owned(), summary.abandoned.to_string()));
    // Weeks in which nothing ends too, as in JSON.
    for (week, ends) in summary.weeks.iter().take(WEEKS_SHOWN) {
        let week = week.format("%Y-%m-%d");
        lines.push((
            format!("ends {week}"),
            format!("{} in that week", ends.valid),
        ));
    }
    for (key, count) in &newest.key_types {
        lines.push(("key type".to_owned(), format!("{count} {key}")));
    }
    for (requester, count) in &newest.requesters {
        let requester = printable(requester, 200);
        lines.push(("requested by".to_owned(), format!("{count} {requester}")));
    }
    let kib = summary.size.div_ceil(1024);
    let size = format!(
        "{kib} KiB, {} entries in the audit log",
        summary.log_entries
    );
    lines.push(("size".to_owned(), size));
    let lines = lines.iter();
    lines
        .map(|(label, value)| format!("{label:<16} {value}\n"))
        .collect()
}
