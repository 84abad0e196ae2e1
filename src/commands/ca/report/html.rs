//! Parts of the page. Whatever stands in a certificate goes through [`escaped`].

use crate::store::Record;
use crate::text::printable;

/// The first rows of a table, and how many there are.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<Record>,
    pub(super) count: usize,
}

impl Rows {
    /// A table, or that there is nothing. Cells are HTML.
    pub(super) fn table(&self, heads: &[&str], cells: impl Fn(&Record) -> Vec<String>) -> String {
        let cells: Vec<Vec<String>> = self.rows.iter().map(cells).collect();
        let mut html = table(heads, &cells);
        if self.count > self.rows.len() {
            let more = self.count - self.rows.len();
            html.push_str(&format!("<p class=\"soft\">And {more} more.</p>\n"));
        }
        html
    }
}

/// A table, or that there is nothing. Cells are HTML.
pub(super) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return "<p class=\"soft\">None.</p>\n".to_owned();
    }
    let heads: String = heads
        .iter()
        .map(|head| format!("<th>{head}</th>"))
        .collect();
    let mut html = format!("<div class=\"wide\"><table>\n<thead><tr>{heads}</tr></thead>\n");
    for cells in rows {
        let cells: String = cells
            .iter()
            .map(|cell| format!("<td>{cell}</td>"))
            .collect();
        html.push_str(&format!("<tr>{cells}</tr>\n"));
    }
    html.push_str("</table></div>\n");
    html
}

pub(super) fn section(title: &str, content: &str) -> String {
    format!("<section>\n<h2>{title}</h2>\n{content}</section>\n")
}

pub(super) fn serial(record: &Record) -> String {
    format!(
        "<code class=\"serial\">{}</code>",
        hex::encode(&record.serial)
    )
}

pub(super) fn names(record: &Record) -> String {
    escaped(&record.names.join(", "))
}

/// Text as HTML shows it, in content and in attributes; control characters and
/// marks of direction as their escapes.
pub(super) fn escaped(text: &str) -> String {
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
