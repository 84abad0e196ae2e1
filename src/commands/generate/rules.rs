//! The page of the admission rules, windlass-rules(7).

use crate::admission::{Confidence, Evidence, Message, RULES, Rule, Stage};

/// The page.
pub(super) fn page() -> String {
    let mut page = format!(
        ".TH WINDLASS-RULES 7 \"\" \"windlass {}\" windlass\n.nh\n.ad l\n",
        env!("CARGO_PKG_VERSION")
    );
    page.push_str(concat!(
        ".SH NAME\n",
        "windlass-rules \\- why IAM Roles Anywhere refuses a session, rule by rule\n",
        ".SH DESCRIPTION\n",
        "AWS answers a refused CreateSession with one sentence, and that sentence stands for\n",
        "several causes. These are the causes that windlass tells apart. windlass emulate\n",
        "refuses by them, and names the rule in the header x-windlass-reason.\n",
        ".PP\n",
        "They stand in the order in which AWS is taken to look, which it has not published;\n",
        "the first rule that is broken gives the answer. A rule is confirmed where AWS\n",
        "documents it or somebody has seen it; it is assumed where nobody has published what\n",
        "AWS does, which then may grant the session all the same. The same is said of the\n",
        "sentence with which AWS refuses.\n",
    ));
    for (title, stage) in [
        (
            "WHEN A TRUST ANCHOR OR A REVOCATION LIST IS MADE",
            Stage::Setup,
        ),
        ("WHEN A SESSION IS ASKED FOR", Stage::Session),
    ] {
        page.push_str(&format!(".SH \"{title}\"\n"));
        for rule in RULES.iter().filter(|rule| rule.stage == stage) {
            page.push_str(&entry(rule));
        }
    }
    page.push_str(
        ".SH MESSAGES\nThe sentences of AWS, by their numbers here. What changes is in capitals.\n",
    );
    for message in Message::ALL {
        let how = match message.evidence() {
            Evidence::Live => "seen live",
            Evidence::Assumed => "seen live of other operations, assumed here",
        };
        let text = escaped(message.text());
        page.push_str(&format!(
            ".TP\n\\fB{}\\fR\n{text}\n.br\n({how})\n",
            message.id()
        ));
    }
    page.push_str(".SH \"SEE ALSO\"\nwindlass(1), windlass\\-emulate(1), windlass\\-verify(1)\n");
    page
}

fn entry(rule: &Rule) -> String {
    let lines = [
        format!("Rule ({}): {}.", rule.confidence.as_str(), rule.sentence),
        answer(rule),
        format!("Likely cause: {}.", rule.cause),
        format!("What to do: {}.", rule.remedy),
        format!("Source: {}.", rule.source),
    ];
    let text = lines.map(|line| escaped(&line)).join("\n.br\n");
    format!(".TP\n\\fB{}\\fR\n{text}\n", escaped(rule.id))
}

fn answer(rule: &Rule) -> String {
    let doubt = match rule.message_confidence {
        Confidence::Confirmed => "",
        Confidence::Assumed => ", as is assumed",
    };
    let (id, text) = (rule.message.id(), rule.message.text());
    format!("AWS answers{doubt}: {id}, '{text}'")
}

/// A dash and a backslash are special, and a dot or a quote is at the beginning of
/// a line.
fn escaped(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) {
        return format!("\\&{escaped}");
    }
    escaped
}
