//! The weeks in which certificates end, as bars.

use std::fmt::Write;

use chrono::{DateTime, Utc};

use crate::store::Ends;

/// Size of the drawing, in its own units, and the margins of the bars.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 290.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 34.0;

/// About how many labels fit below.
const LABELS: usize = 9;

/// Draws the weeks, with a line at `now`.
pub(super) fn draw(weeks: &[(DateTime<Utc>, Ends)], now: DateTime<Utc>) -> String {
    let total = |ends: &Ends| ends.valid + ends.held + ends.revoked;
    let most = weeks.iter().map(|(_, ends)| total(ends)).max().unwrap_or(0);
    let step = round_step(most.div_ceil(4).max(1));
    let top = step * most.div_ceil(step).max(1);
    let (inner, high) = (WIDTH - LEFT - 8.0, HEIGHT - TOP - BOTTOM);
    let y = |count: u64| HEIGHT - BOTTOM - high * ratio(count, top);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"How many certificates end in each week\">\n"
    );
    let mut level = 0;
    while level <= top {
        let at = y(level);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{level}</text>",
            WIDTH - 8.0,
            LEFT - 8.0,
            at + 4.0
        );
        level += step;
    }
    let count = u64::try_from(weeks.len()).unwrap_or(1).max(1);
    let width = inner * ratio(1, count);
    let every = weeks.len().div_ceil(LABELS).max(1);
    let mut x = LEFT;
    for (index, (week, ends)) in weeks.iter().enumerate() {
        let is_past = *week + chrono::TimeDelta::weeks(1) <= now;
        let first = if is_past { "ended" } else { "valid" };
        let mut below = 0;
        for (class, part) in [
            (first, ends.valid),
            ("held", ends.held),
            ("revoked", ends.revoked),
        ] {
            if part == 0 {
                continue;
            }
            let (low, up) = (y(below), y(below + part));
            let _ = writeln!(
                svg,
                "<rect class=\"{class}\" x=\"{:.1}\" y=\"{up:.1}\" width=\"{:.1}\" \
                 height=\"{:.1}\" rx=\"1.5\"><title>week of {}: {part} {class}</title></rect>",
                x + width * 0.12,
                width * 0.76,
                low - up,
                week.format("%Y-%m-%d")
            );
            below += part;
        }
        if index % every == 0 {
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
                HEIGHT - 12.0,
                week.format("%-d %b %y")
            );
        }
        x += width;
    }
    if let Some((first, _)) = weeks.first() {
        let passed = u64::try_from((now - *first).num_seconds()).unwrap_or(0);
        let at = LEFT + width * ratio(passed, 7 * 86_400);
        let _ = writeln!(
            svg,
            "<line class=\"today\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>\
             <text class=\"now\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">today</text>",
            HEIGHT - BOTTOM,
            TOP - 8.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A step of a scale: 1, 2 or 5 times a power of ten, not below `least`.
fn round_step(least: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if step >= least {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// A part of a whole. Counts beyond 32 bits are drawn as the largest.
fn ratio(part: u64, whole: u64) -> f64 {
    let float = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    float(part) / float(whole.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        let steps: Vec<u64> = [1, 2, 3, 6, 11, 499, 501].map(round_step).to_vec();
        assert_eq!(steps, [1, 2, 5, 10, 20, 500, 1000]);
    }
}
