//! `windlass ca list`

use chrono::{DateTime, Utc};

use crate::authority::read_inventory;
use crate::cli::{
    CaList, CertificateKind, CertificateStatus, Glob, ListFilter, ListFormat, ListOrder,
};
use crate::commands::{Context, Error};
use crate::store::{Kind, Order, Pattern, Query, Status};

use super::rows::printed;

/// Kinds of names that may stand before a subject alternative name.
const NAME_KINDS: [&str; 4] = ["dns", "email", "ip", "uri"];

/// Lists the inventory.
pub(in crate::commands) fn list(arguments: &CaList, context: &Context) -> Result<(), Error> {
    let inventory = read_inventory(&context.path(&arguments.ca.dir))?;
    let order = arguments.sort.map(|order| match order {
        ListOrder::End => Order::End,
        ListOrder::Issued => Order::Newest,
        ListOrder::Name => Order::Name,
    });
    let query = query(&arguments.filter, order, context.clock.now());
    let query = Query {
        limit: arguments.limit,
        ..query
    };
    let format = match arguments.json {
        true => ListFormat::Json,
        false => arguments.format,
    };
    let mut rows = printed(format, context);
    inventory.find(&query, |record| rows.add(&record))?;
    let count = rows.finish()?;
    if arguments.limit == Some(count) {
        context
            .printer
            .note(&format!("the first {count} rows, as --limit says"));
    }
    Ok(())
}

/// What is looked for.
pub(super) fn query(filter: &ListFilter, order: Option<Order>, now: DateTime<Utc>) -> Query {
    let natural = match filter.expiring {
        Some(_) => Order::End,
        None => Order::Newest,
    };
    Query {
        host: filter.host.as_ref().map(pattern),
        common_name: filter.cn.as_ref().map(pattern),
        alternative_name: filter.san.as_ref().map(alternative_name),
        serial: filter.serial.clone(),
        fingerprint: filter.fingerprint.clone(),
        request_id: filter.request_id.clone(),
        requester: filter.requester.clone(),
        profile: filter.profile.clone(),
        kind: filter.kind.map(|kind| match kind {
            CertificateKind::Leaf => Kind::Leaf,
            CertificateKind::Issuing => Kind::Issuing,
            CertificateKind::Root => Kind::Root,
            CertificateKind::Cross => Kind::Cross,
        }),
        status: filter.status.iter().copied().map(status).collect(),
        ends_before: filter
            .expiring
            .map(|span| now.checked_add_signed(span).unwrap_or(now)),
        issued_since: filter.issued_since.map(|when| when.seen_from(now)),
        issued_before: filter.issued_before.map(|when| when.seen_from(now)),
        order: order.unwrap_or(natural),
        limit: None,
        now,
    }
}

const fn status(status: CertificateStatus) -> Status {
    match status {
        CertificateStatus::Valid => Status::Valid,
        CertificateStatus::Expired => Status::Expired,
        CertificateStatus::Revoked => Status::Revoked,
        CertificateStatus::Held => Status::Held,
        CertificateStatus::Reserved => Status::Reserved,
        CertificateStatus::Undelivered => Status::Undelivered,
        CertificateStatus::Abandoned => Status::Abandoned,
    }
}

fn pattern(glob: &Glob) -> Pattern {
    match glob {
        Glob::Begins(text) => Pattern::Begins(text.clone()),
        Glob::Ends(text) => Pattern::Ends(text.clone()),
        Glob::Exact(text) => Pattern::Exact(text.clone()),
    }
}

/// A name with its kind before it, where that is one: `URI:spiffe://…`, but also
/// `spiffe://…`.
fn alternative_name(glob: &Glob) -> (Option<String>, Pattern) {
    let (text, rebuilt): (&str, fn(String) -> Pattern) = match glob {
        Glob::Begins(text) => (text, Pattern::Begins),
        Glob::Exact(text) => (text, Pattern::Exact),
        Glob::Ends(text) => return (None, Pattern::Ends(text.clone())),
    };
    if let Some((kind, value)) = text.split_once(':') {
        let kind = kind.to_ascii_lowercase();
        if NAME_KINDS.contains(&kind.as_str()) {
            return (Some(kind), rebuilt(value.to_owned()));
        }
    }
    (None, rebuilt(text.to_owned()))
}
