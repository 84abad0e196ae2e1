//! The inventory in numbers, as a page, and written out.

use std::fs;
use std::process::Command;

use chrono::TimeDelta;
use serde_json::Value;
use windlass::store::{Inventory, Kind, Reservation};

use crate::harness::{Run, Sandbox, capture, client_script};
use crate::issuer::openssl;

/// A name that would be markup, if it were not escaped.
const HOSTILE: &str = "CN=<img src=x onerror=alert(1)>&\"'\u{202e}";

/// Leaves of several lives, one revoked, one on hold, and a hostile name.
fn fleet() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let lives = ["3", "9", "9", "20", "40", "41", "42", "60", "75", "90"];
    for (index, days) in lives.into_iter().enumerate() {
        sandbox.issue(&format!("web-{index}"), &["--days", days]);
    }
    for (name, reason) in [("web-6", "keyCompromise"), ("web-7", "certificateHold")] {
        let revoke = ["ca", "revoke", "--dir", "ca", "--cn", name];
        sandbox.ok(&[&revoke[..], &["--reason", reason]].concat());
    }
    let at: chrono::DateTime<chrono::Utc> = std::time::SystemTime::now().into();
    let inventory = Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
    let writer = inventory.write().unwrap();
    writer
        .reserve(&Reservation {
            serial: &[0x2a, 0x01],
            kind: Kind::Leaf,
            issuer_key_id: &[1; 20],
            subject: HOSTILE,
            common_name: HOSTILE,
            names: &[],
            key_fingerprint: "00",
            not_before: at,
            not_after: at + TimeDelta::days(30),
            at,
            profile: None,
            requester: Some("</td><script>alert(2)</script>"),
            request_id: None,
        })
        .unwrap();
    writer.commit().unwrap();
    sandbox
}

fn stats(sandbox: &Sandbox) -> Value {
    let run = sandbox.ok(&["ca", "stats", "--dir", "ca", "--json"]);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn numbers_are_those_of_the_rows() {
    let sandbox = fleet();
    let told = stats(&sandbox);
    assert_eq!(told["rows"], 13);
    let counts = |key: &str, of: &str| -> Vec<(String, u64)> {
        let rows = told[key].as_array().unwrap().iter();
        let count = |row: &Value| {
            (
                row[of].as_str().unwrap().to_owned(),
                row["count"].as_u64().unwrap(),
            )
        };
        rows.map(count).collect()
    };
    let named = |expected: &[(&str, u64)]| -> Vec<(String, u64)> {
        expected
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    };
    let kinds = named(&[("root", 1), ("issuing", 1), ("cross", 0), ("leaf", 11)]);
    assert_eq!(counts("kinds", "kind"), kinds);
    let states = [
        ("valid", 10),
        ("expired", 0),
        ("revoked", 1),
        ("held", 1),
        ("reserved", 1),
    ];
    let states = [&states[..], &[("abandoned", 0)]].concat();
    assert_eq!(counts("states", "state"), named(&states));
    assert_eq!(told["undeliveredCount"], 0);
    assert!(told["oldestReserved"].is_string());
    let sum = |key: &str| -> u64 {
        let weeks = told["endsPerWeek"].as_array().unwrap();
        weeks.iter().map(|week| week[key].as_u64().unwrap()).sum()
    };
    assert_eq!((sum("valid"), sum("held"), sum("revoked")), (8, 1, 1));
    let months = told["endsPerMonth"].as_array().unwrap();
    // The roots end years later; of the time between every month is told.
    let quiet = months.iter().filter(|one| one["count"] == 0).count();
    assert!(months.len() > 100 && quiet > 90, "{months:?}");
    let ends: u64 = months
        .iter()
        .map(|one| one["count"].as_u64().unwrap())
        .sum();
    assert_eq!(ends, 12);
    assert_eq!(told["keyAlgorithmsOfNewest"][0]["count"], 12);
    assert_eq!(told["requestersOfNewest"][0]["count"], 12);
    assert_eq!(told["logEntries"], 15);
    // The states that are listed are those that are counted.
    for (state, count) in states {
        let run = sandbox.ok(&["ca", "list", "--dir", "ca", "--status", state, "--json"]);
        let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(count, u64::try_from(rows.len()).unwrap(), "{state}");
    }
    // A certificate in force has one word, wherever it stands.
    let rows: Vec<Value> = ["valid", "issued"]
        .iter()
        .map(|word| {
            let run = sandbox.ok(&["ca", "list", "--dir", "ca", "--status", word, "--json"]);
            serde_json::from_str(&run.stdout).unwrap()
        })
        .collect();
    assert_eq!(rows[0], rows[1]);
    for row in rows[0].as_array().unwrap() {
        assert_eq!(row["state"], "valid");
    }
    let text = sandbox.ok(&["ca", "stats", "--dir", "ca"]).stdout;
    assert_eq!(text.matches(" in that week\n").count(), 8, "{text}");
    assert!(
        text.contains("valid            10 (0 undelivered)\n"),
        "{text}"
    );
    assert!(
        text.contains("unsettled        1 reserved, the oldest since "),
        "{text}"
    );
}

/// Leaves with a life of seven days, of which so many hours are left.
fn short_lived(sandbox: &Sandbox, name: &str, serial: u8, hours: i64) {
    let now: chrono::DateTime<chrono::Utc> = std::time::SystemTime::now().into();
    let end = now + TimeDelta::hours(hours);
    let inventory = Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
    let writer = inventory.write().unwrap();
    writer
        .reserve(&Reservation {
            serial: &[0x2b, serial],
            kind: Kind::Leaf,
            issuer_key_id: &[1; 20],
            subject: &format!("CN={name}"),
            common_name: name,
            names: &[],
            key_fingerprint: "00",
            not_before: end - TimeDelta::days(7),
            not_after: end,
            at: now,
            profile: None,
            requester: None,
            request_id: None,
        })
        .unwrap();
    let fingerprint = format!("{serial:064x}");
    writer
        .store(&[0x2b, serial], b"der", &fingerprint, now)
        .unwrap();
    writer.commit().unwrap();
}

/// All of such a fleet ends within thirty days at every moment.
#[test]
fn what_is_due_is_told_by_the_life_that_a_certificate_has() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    short_lived(&sandbox, "fresh", 1, 100);
    short_lived(&sandbox, "late", 2, 50);
    short_lived(&sandbox, "last-hours", 3, 5);
    short_lived(&sandbox, "renewed", 4, 40);
    short_lived(&sandbox, "renewed", 5, 160);
    let made = [
        "ca",
        "report",
        "--dir",
        "ca",
        "--html",
        "report.html",
        "--json",
    ];
    let told: Value = serde_json::from_str(&sandbox.ok(&made).stdout).unwrap();
    assert_eq!((&told["due"], &told["valid"]), (&2.into(), &7.into()));
    assert_eq!(
        told["size"],
        fs::metadata(sandbox.path("report.html")).unwrap().len()
    );
    let page = sandbox.read("report.html");
    let section = |title: &str| {
        let rest = page.split(&format!("<h2>{title}")).nth(1).unwrap();
        rest.split("</section>").next().unwrap().to_owned()
    };
    let due = section("Due: ");
    for (name, is_due) in [
        ("late", true),
        ("last-hours", true),
        ("fresh", false),
        ("renewed", false),
    ] {
        assert_eq!(due.contains(&format!("CN={name}")), is_due, "{name}: {due}");
    }
    assert!(due.contains("<td>7 days</td>"), "{due}");
    // Only the last tenth of the life is in the colour of what is urgent.
    assert_eq!(due.matches("class=\"urgent\"").count(), 1, "{due}");
    for (count, label) in [(2, "due"), (1, "end within 24 h"), (4, "end within 7 days")] {
        let tile = format!("<b>{count}</b><span class=\"soft\">{label}</span>");
        assert!(page.contains(&tile), "{tile}");
    }
}

/// What the CA itself needs stands on the page too.
#[test]
fn the_page_tells_of_lists_backups_policy_log_and_generations() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web-1", &[]);
    let page = || {
        let title = ["--title", "T"];
        let made = ["ca", "report", "--dir", "ca", "--html", "-"];
        sandbox.ok(&[&made[..], &title].concat()).stdout
    };
    let has = |page: &str, texts: &[&str]| {
        for text in texts {
            assert!(page.contains(text), "{text}: {page}");
        }
    };
    let before = page();
    has(
        &before,
        &[
            "Make a backup: there is none",
            "none was ever made",
            "the built-in rules",
            "absent",
        ],
    );
    assert!(
        !before.contains("revocation list of issuing"),
        "nothing is revoked yet"
    );
    sandbox.ok(&[
        "ca",
        "revoke",
        "--dir",
        "ca",
        "--cn",
        "web-1",
        "--reason",
        "superseded",
    ]);
    has(
        &page(),
        &["The revocation list of issuing is missing</b> (<code>windlass ca crl</code>)"],
    );
    let secret = ["--passphrase-file", "passphrase"];
    sandbox.ok(&[&["ca", "crl", "--dir", "ca"][..], &secret].concat());
    sandbox.ok(&["ca", "backup", "--dir", "ca", "--out", "backup.tar"]);
    sandbox.write("ca/ca.toml", "[profiles.web]\n[profiles.db]\n");
    let prepare = ["ca", "rollover", "prepare", "--dir", "ca", "--of", "root"];
    sandbox.ok(&[&prepare[..], &secret].concat());
    let after = page();
    has(
        &after,
        &[
            "ca.toml, with web, db (SHA-256 <code>",
            "of 300000 bytes <span class=\"soft\">(1&nbsp;%)</span>",
            "<td>active</td>",
            "<td>prepared</td>",
            "The bundle has 2 of the 2 roots",
            "; the CA's key signed it last at entry ",
        ],
    );
    assert!(!after.contains("Make a backup"), "there is one");
    assert!(
        !after.contains("revocation list of issuing"),
        "it is current"
    );
    sandbox.write("ca/ca.toml", "[profiles.web]\nnonsense = 1\n");
    has(
        &page(),
        &["The policy cannot be used</b>, and nothing is issued: ca/ca.toml, line 2"],
    );
}

/// A browser without a window, which can read this directory.
fn browser(sandbox: &Sandbox, options: &[&str], page: &str) -> Run {
    let mut command = Command::new("chromium");
    sandbox.scrub(&mut command);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
        ])
        .args(["--disable-background-networking", "--disable-web-security"])
        .args([
            "--allow-file-access-from-files",
            "--virtual-time-budget=3000",
        ])
        .arg(format!(
            "--user-data-dir={}",
            sandbox.path("browser").display()
        ))
        .args(options)
        .arg(format!("file://{}", sandbox.path(page).display()));
    capture(&mut command)
}

/// Where a colour is: number of pixels, left, top, right, bottom.
fn colours(sandbox: &Sandbox, picture: &str, wanted: &[&str]) -> Vec<[u64; 5]> {
    let mut command = Command::new("python3");
    command.arg(client_script("page_colours.py"));
    let run = capture(command.arg(sandbox.path(picture)).args(wanted));
    assert_eq!(run.code, 0, "{run:#?}");
    let numbers = |line: &str| -> [u64; 5] {
        let words = line.split(' ').skip(1);
        let numbers: Vec<u64> = words.map(|word| word.parse().unwrap_or(0)).collect();
        numbers.try_into().unwrap()
    };
    run.stdout.lines().skip(1).map(numbers).collect()
}

#[test]
fn the_page_shows_the_fleet_in_a_browser() {
    let sandbox = fleet();
    let made = ["ca", "report", "--dir", "ca", "--html", "report.html"];
    sandbox.ok(&[&made[..], &["--title", "Fleet <b>of</b> tests"]].concat());
    let page = sandbox.read("report.html");
    // Nothing is fetched, nothing runs, and no name is markup.
    for forbidden in [
        "<script", "<img", "<b>of", "http:", "https:", "url(", "@import", "src=",
    ] {
        let found = page.replace("&lt;img src=", "");
        assert!(!found.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("default-src 'none'"));
    let picture = format!("--screenshot={}", sandbox.path("page.png").display());
    let options = [
        picture.as_str(),
        "--window-size=1280,2200",
        "--force-device-scale-factor=0.5",
    ];
    let run = browser(&sandbox, &options, "report.html");
    assert_eq!(run.code, 0, "{run:#?}");
    if let Some(kept) = std::env::var_os("WINDLASS_TEST_PICTURE") {
        fs::copy(sandbox.path("page.png"), kept).unwrap();
    }
    let found = colours(
        &sandbox,
        "page.png",
        &["2f7d6b", "c98a12", "b8323a", "1f5fa8"],
    );
    // Bars of each state below the tiles, and the line of today through them.
    for (colour, least) in found.iter().zip([400, 60, 60, 40]) {
        assert!(colour[0] >= least && colour[4] > 200, "{found:?}");
    }
    // Frames of the width of a desk and of a telephone: neither scrolls sideways.
    let frame = |width: u32| {
        format!(
            "<iframe src=\"report.html\" style=\"border:0;width:{width}px;height:900px\" \
             onload=\"document.body.dataset.w{width} = \
             this.contentDocument.documentElement.scrollWidth\"></iframe>"
        )
    };
    sandbox.write(
        "frames.html",
        format!("<body>{}{}", frame(1280), frame(390)),
    );
    let run = browser(&sandbox, &["--dump-dom"], "frames.html");
    assert!(run.stdout.contains("data-w1280=\"1280\""), "{run:#?}");
    assert!(run.stdout.contains("data-w390=\"390\""), "{run:#?}");
    // What the browser has parsed: the name is text.
    let dom = browser(&sandbox, &["--dump-dom"], "report.html").stdout;
    assert!(
        dom.contains("&lt;img src=x onerror=alert(1)&gt;&amp;"),
        "{dom}"
    );
    assert!(!dom.contains("<img") && !dom.contains("<script"));
    let paper = format!("--print-to-pdf={}", sandbox.path("page.pdf").display());
    let run = browser(&sandbox, &[&paper], "report.html");
    assert_eq!(run.code, 0, "{run:#?}");
    let pdf = fs::read(sandbox.path("page.pdf")).unwrap();
    assert!(
        pdf.starts_with(b"%PDF-") && pdf.len() > 10_000,
        "{}",
        pdf.len()
    );
}

#[test]
fn an_export_has_every_row_and_is_logged() {
    let sandbox = fleet();
    let export = ["ca", "export", "--dir", "ca", "--comment", "yearly"];
    let run = sandbox.ok(&[&export[..], &["--jsonl", "all.jsonl"]].concat());
    assert_eq!(
        (run.stdout.as_str(), run.stderr.as_str()),
        ("wrote 13 rows to all.jsonl\n", "")
    );
    let lines = sandbox.read("all.jsonl");
    let rows: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 13);
    assert_eq!(
        (&rows[0]["kind"], &rows[12]["state"]),
        (&"root".into(), &"reserved".into())
    );
    assert_eq!(rows[2]["certificatePem"], sandbox.read("web-0/cert.pem"));
    sandbox.write("exported.pem", rows[2]["certificatePem"].as_str().unwrap());
    let subject = openssl(
        &sandbox,
        &["x509", "-in", "exported.pem", "-noout", "-subject"],
    );
    assert!(format!("{subject:?}").contains("web-0"));
    let csv = sandbox.ok(&[&export[..], &["--csv", "-"]].concat()).stdout;
    assert_eq!(
        csv::Reader::from_reader(csv.as_bytes()).records().count(),
        13
    );
    let inventory = Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
    let mut logged = Vec::new();
    let read = inventory.read_log(0, |entry| -> Result<bool, windlass::store::Error> {
        if entry.action == "export" {
            logged.push((entry.comment.unwrap(), entry.detail));
        }
        Ok(true)
    });
    read.unwrap();
    assert_eq!(logged.len(), 2);
    assert_eq!(logged[0].0, "yearly");
    assert!(logged[0].1.contains("\"file\":\"all.jsonl\""), "{logged:?}");
    // One of the forms is needed, and not both.
    assert_eq!(sandbox.run(&export).code, 2);
    let both = sandbox.run(&[&export[..], &["--csv", "a", "--jsonl", "b"]].concat());
    assert_eq!(both.code, 2);
}

/// A slip of the hand must cost neither a key nor an inventory.
#[test]
fn only_what_was_written_by_the_same_verb_is_replaced() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    for (verb, option, name) in [
        ("report", "--html", "page"),
        ("export", "--jsonl", "rows"),
        ("export", "--csv", "table"),
    ] {
        let write = |file: &str| sandbox.run(&["ca", verb, "--dir", "ca", option, file]);
        for _ in 0..2 {
            let run = write(name);
            assert_eq!(run.code, 0, "{run:#?}");
        }
        for victim in ["ca/root/key.pem", "ca/inventory.db", "passphrase"] {
            let before = fs::read(sandbox.path(victim)).unwrap();
            let run = write(victim);
            assert_eq!(run.code, 2, "{run:#?}");
            assert!(run.stderr.contains(victim), "{run:#?}");
            assert_eq!(fs::read(sandbox.path(victim)).unwrap(), before);
        }
        let pipe = sandbox.path("pipe");
        if !pipe.exists() {
            let status = Command::new("mkfifo").arg(&pipe).status();
            assert!(status.unwrap().success());
        }
        assert_eq!(write("pipe").code, 2);
        let kind = fs::symlink_metadata(&pipe).unwrap().file_type();
        assert!(!kind.is_file(), "{verb} has replaced a pipe");
        let shown = write("-");
        assert_eq!(shown.code, 0, "{shown:#?}");
        assert!(!shown.stdout.is_empty() && !sandbox.path("-").exists());
    }
}
