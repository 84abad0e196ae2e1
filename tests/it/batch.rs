//! `windlass ca issue --batch`: every id exactly once, whatever happens between,
//! and nothing half done.

mod crash;
mod keys;
mod renewal;
mod requests;

use std::collections::BTreeSet;
use std::fs;

use crate::ca_state::{
    KILLED, Target, assert_inventoried, assert_owner_only, bounded, inventory, leaf_target,
};
use crate::harness::{Run, Sandbox, program};

fn batch(sandbox: &Sandbox, file: &str, options: &[&str]) -> Run {
    sandbox.run(&[&arguments(file)[..], options].concat())
}

fn arguments(file: &str) -> Vec<&str> {
    let fixed = [
        "ca", "issue", "--dir", "ca", "--batch", file, "--out", "out",
    ];
    [&fixed[..], &["--passphrase-file", "passphrase"]].concat()
}

/// The lines of `--json`.
fn lines(run: &Run) -> Vec<serde_json::Value> {
    run.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn outcomes(run: &Run) -> Vec<String> {
    let outcome = |line: &serde_json::Value| line["outcome"].as_str().unwrap().to_owned();
    lines(run).iter().map(outcome).collect()
}

/// The states of everything but the CA's own two certificates, sorted.
fn states(sandbox: &Sandbox) -> Vec<String> {
    let mut states: Vec<String> = inventory(sandbox, "ca")
        .into_values()
        .map(|row| row.state)
        .collect();
    states.sort();
    let own = states.iter().position(|state| state == "valid").unwrap();
    states.drain(own..own + 2);
    states
}

/// A key whose certificates nobody needs to use.
fn public_key(sandbox: &Sandbox) -> String {
    let key = p256::SecretKey::from_slice(&[7; 32]).unwrap().public_key();
    let pem = pkcs8::EncodePublicKey::to_public_key_pem(&key, pkcs8::LineEnding::LF);
    let pem = pem.unwrap();
    sandbox.write("public.pem", &pem);
    pem
}

/// A batch for a given key.
fn rows(sandbox: &Sandbox, count: usize) -> String {
    let key = serde_json::Value::from(public_key(sandbox));
    (0..count)
        .map(|n| {
            format!(
                "{{\"id\":\"h{n}\",\"cn\":\"host-{n}\",\"san\":[\"h{n}.example.com\"],\"public_key\":{key}}}\n"
            )
        })
        .collect()
}

/// The log holds, and everything that was issued is in it.
fn assert_log(sandbox: &Sandbox) {
    let inventory = windlass::store::Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
    assert_eq!(inventory.verify_log().unwrap().faults, []);
}

#[test]
fn csv_and_jsonl_say_the_same() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let key = public_key(&sandbox);
    let csv = format!(
        "\u{feff}id, cn ,san,ou,organization,days,public_key\n\
         a,web-a,a.example.com; IP:10.0.0.1,x;y,Corp,7,\n\
         b,web-b,,,,,\"{key}\"\n"
    );
    let a = r#"{"id":"a","cn":"web-a","san":["a.example.com","IP:10.0.0.1"],"ou":"x;y","organization":"Corp","days":7}"#;
    let b = serde_json::json!({ "id": "b", "cn": "web-b", "public_key": key });
    let mut seen = Vec::new();
    for content in [csv, format!("{a}\n\n{b}\n")] {
        sandbox.write("rows", content);
        let run = batch(&sandbox, "rows", &["--json"]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
        let lines = lines(&run);
        assert_eq!(lines[0]["subject"], "O=Corp, OU=x, OU=y, CN=web-a");
        let names = serde_json::json!(["DNS:a.example.com", "IP:10.0.0.1"]);
        assert_eq!(lines[0]["subjectAlternativeNames"], names);
        seen.push(lines[0]["serialNumber"].clone());
        assert_eq!(leaf_target(&sandbox.path("out/a")), Target::Complete);
        assert!(sandbox.path("out/b/cert.pem").exists() && !sandbox.path("out/b/key.pem").exists());
        assert_owner_only(&sandbox.path("out"));
    }
    // The second is the same batch, so that nothing was issued for it.
    assert_eq!(seen[0], seen[1]);
    assert_eq!(states(&sandbox), ["valid", "valid"]);
}

#[test]
fn what_was_issued_is_given_again_and_nothing_of_others_is_touched() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("rows", "id,cn\na,web-a\nb,web-b\nc,web-c\n");
    assert_eq!(batch(&sandbox, "rows", &[]).code, 0);
    let before = sandbox.read("out/a/fullchain.pem");
    for name in ["cert.pem", "chain.pem", "fullchain.pem"] {
        fs::remove_file(sandbox.path("out/a").join(name)).unwrap();
    }
    fs::write(sandbox.path("out/b/cert.pem"), "another").unwrap();
    fs::remove_dir_all(sandbox.path("out/c")).unwrap();
    let run = batch(&sandbox, "rows", &["--json", "--keep-going"]);
    assert_eq!(run.code, 1);
    assert_eq!(outcomes(&run), ["again", "failed", "failed"]);
    assert_eq!(sandbox.read("out/a/fullchain.pem"), before);
    assert_eq!(sandbox.read("out/b/cert.pem"), "another");
    let error = lines(&run)[2]["error"].as_str().unwrap().to_owned();
    assert!(
        error.starts_with("the key of 'c', whose certificate is ")
            && error.ends_with(" is not in out"),
        "{error}"
    );
    assert_eq!(states(&sandbox), ["valid"; 3]);
    // The same id for something else is not the same request.
    sandbox.write("rows", "id,cn\na,web-other\n");
    let run = batch(&sandbox, "rows", &[]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr
            .contains("for something else: the subject was CN=web-a, and is CN=web-other"),
        "{run:#?}"
    );
}

#[test]
fn all_or_nothing_and_keep_going() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("ca/ca.toml", "[profiles.web]\ncn.allow = ['web-*']\n");
    sandbox.write(
        "rows",
        "id,cn,days\na,web-a,\nb,db-b,\nc,web(c),\nd,web-d,\ne,web-e,\n",
    );
    fs::create_dir_all(sandbox.path("out/e")).unwrap();
    let run = batch(&sandbox, "rows", &["--json"]);
    assert_eq!(run.code, 2);
    let untouched = "untouched";
    assert_eq!(
        outcomes(&run),
        [untouched, untouched, "failed", untouched, untouched]
    );
    sandbox.write(
        "rows",
        "id,cn,days\na,web-a,\nb,db-b,\nd,web-d,\ne,web-e,\n",
    );
    let run = batch(&sandbox, "rows", &["--json", "--all-or-nothing"]);
    // One is refused, and the directory of the other is taken.
    assert_eq!(run.code, 1);
    assert_eq!(outcomes(&run), [untouched, "failed", untouched, "failed"]);
    let refused = &lines(&run)[1];
    assert_eq!(refused["rule"], "profiles.web.cn.allow");
    assert_eq!(
        (&refused["failure"], &refused["code"]),
        (&"refused".into(), &3.into())
    );
    assert_eq!(lines(&run)[3]["failure"], "usage");
    assert_eq!(states(&sandbox), [""; 0]);
    assert!(!sandbox.path("out/a").exists());
    let run = batch(&sandbox, "rows", &["--json", "--keep-going"]);
    assert_eq!(run.code, 1);
    assert_eq!(outcomes(&run), ["issued", "failed", "issued", "failed"]);
    assert_eq!(states(&sandbox), ["valid"; 2]);
    assert_eq!(leaf_target(&sandbox.path("out/a")), Target::Complete);
    assert_log(&sandbox);
}

/// All rows are counted before any is reserved: what is refused costs no serial
/// number, and is one entry of the log.
#[test]
fn a_limit_is_counted_for_all_rows_before_anything_is_reserved() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("ca/ca.toml", "[profiles.web]\nper_day = 150\n");
    sandbox.write("rows", rows(&sandbox, 160));
    let failed = |run: &Run| {
        outcomes(run)
            .iter()
            .filter(|word| *word == "failed")
            .count()
    };
    let dry = batch(&sandbox, "rows", &["--json", "--dry-run"]);
    assert_eq!((dry.code, failed(&dry)), (3, 10), "{dry:#?}");
    let run = batch(&sandbox, "rows", &["--json"]);
    assert_eq!((run.code, failed(&run)), (3, 10));
    assert_eq!(states(&sandbox), [""; 0]);
    assert_eq!(fs::read_dir(sandbox.path("out")).unwrap().count(), 0);
    let run = batch(&sandbox, "rows", &["--json", "--keep-going"]);
    assert_eq!((run.code, failed(&run)), (3, 10));
    assert_eq!(fs::read_dir(sandbox.path("out")).unwrap().count(), 150);
    let database = rusqlite::Connection::open(sandbox.path("ca/inventory.db")).unwrap();
    let refused = "SELECT detail FROM audit WHERE action = 'refuse'";
    let mut statement = database.prepare(refused).unwrap();
    let entries = statement
        .query_map([], |row| row.get::<_, String>(0))
        .unwrap();
    let entries: Vec<serde_json::Value> = entries
        .map(|entry| serde_json::from_str(&entry.unwrap()).unwrap())
        .collect();
    assert_eq!(entries.len(), 2, "{entries:#?}");
    assert_eq!(entries[0]["rows"], 10);
    assert_eq!(entries[0]["rule"], "profiles.web.per_day");
    assert_eq!(entries[0]["requestIds"][0], "h150");
    assert_log(&sandbox);
}

#[test]
fn one_batch_at_a_time() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("rows", "id,cn\na,web-a\n");
    let held = fs::File::open(sandbox.path("ca")).unwrap();
    held.lock().unwrap();
    let run = batch(&sandbox, "rows", &[]);
    assert_eq!(run.code, 5, "{run:#?}");
    // A single certificate has nothing to wait for.
    sandbox.issue("web", &[]);
    drop(held);
    assert_eq!(batch(&sandbox, "rows", &[]).code, 0);
}

#[test]
fn what_is_no_batch_is_refused_with_the_line() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let mut told = String::new();
    for content in [
        "",
        "id,cn\n",
        "cn\nweb\n",
        "id,cn,sans\na,b,c\n",
        "id,cn\na,web\nb\n",
        "id,cn\na,web\na,web\n",
        "id,cn,days\na,web,x\n",
        "id,cn,days\na,web,0\n",
        "id,cn\n../a,web\n",
        "id,cn\n.a,web\n",
        "id,cn\na,\n",
        "id,cn,csr\na,web,nothing\n",
        "id,cn,public_key\na,web,nothing\n",
        "{\"id\":\"a\",\"cn\":\"web\"}\n{\"id\":\"b\",\n",
        "{\"id\":\"a\",\"cn\":\"web\",\"key\":1}\n",
        "{\"cn\":\"web\"}\n",
        "[{\"id\":\"a\",\"cn\":\"web\"}]\n",
        "{\"id\":\"a\" \"cn\":\"web\"}\n",
        "id;cn\na;web\n",
        "id\tcn\na\tweb\n",
        "id,profil\na,web\n",
        "id,cn,organization\na,web,\"Corp\nb,db,\n",
    ] {
        sandbox.write("rows", content);
        let run = batch(&sandbox, "rows", &[]);
        // As 'ca sign' ends with such a request.
        let code = if content.contains("csr") { 4 } else { 2 };
        assert_eq!(run.code, code, "{content:?}: {run:#?}");
        let first = run.stderr.lines().next().unwrap();
        told.push_str(&format!("{content:?}\n  {first}\n"));
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("batch_refused", told);
    });
    assert_eq!(states(&sandbox), [""; 0]);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_dry_run_says_what_would_be_refused_and_writes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("ca/ca.toml", "[profiles.web]\ncn.allow = ['web-*']\n");
    sandbox.write("rows", "id,cn\na,web-a\nb,db-b\n");
    let dry = [
        "ca",
        "issue",
        "--dir",
        "ca",
        "--batch",
        "rows",
        "--dry-run",
        "--json",
    ];
    let run = sandbox.run(&dry);
    assert_eq!(run.code, 3);
    assert_eq!(outcomes(&run), ["allowed", "failed"]);
    assert_eq!(states(&sandbox), [""; 0]);
    let database = rusqlite::Connection::open(sandbox.path("ca/inventory.db")).unwrap();
    let refused = "SELECT count(*) FROM audit WHERE action = 'refuse'";
    let count: i64 = database.query_row(refused, [], |row| row.get(0)).unwrap();
    assert_eq!(count, 0);
}

/// Killed at moments over its whole life, with and without new keys, and run
/// again: in the end every id has one certificate, one directory, and its key.
#[test]
fn a_batch_that_is_killed_is_completed_by_the_next_run() {
    for mode in ["--keep-going", "--all-or-nothing"] {
        let sandbox = Sandbox::new();
        sandbox.ca(&[]);
        let new: String = (0..200)
            .map(|n| format!("{{\"id\":\"n{n}\",\"cn\":\"new-{n}\"}}\n"))
            .collect();
        sandbox.write("rows", rows(&sandbox, 200) + &new);
        // Each run dies at a later call that makes something durable.
        for call in [1, 2, 3, 4, 5, 6, 7, 8] {
            let inject = format!("inject=fsync:signal=SIGKILL:when={call}");
            let mut line = vec!["strace", "-f", "-o", "/dev/null", "-e", "trace=fsync"];
            line.extend(["-e", &inject, program()]);
            let arguments = arguments("rows");
            line.extend(arguments.iter().copied().chain([mode]));
            let run = bounded(&sandbox, "077", &line);
            assert_eq!(run.code, KILLED, "{mode}, call {call}: {run:#?}");
        }
        let run = batch(&sandbox, "rows", &[mode, "--json"]);
        assert_eq!(run.code, 0, "{mode}: {:?}", run.stderr);
        let serials: BTreeSet<String> = lines(&run)
            .iter()
            .map(|line| line["serialNumber"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(serials.len(), 400);
        let rows = inventory(&sandbox, "ca");
        let issued = rows.values().filter(|row| row.state == "valid").count();
        assert_eq!(issued, 402, "{mode}");
        assert!(rows.values().all(|row| row.state != "reserved"), "{mode}");
        assert_eq!(
            fs::read_dir(sandbox.path("out")).unwrap().count(),
            400,
            "{mode}"
        );
        for n in 0..200 {
            let target = leaf_target(&sandbox.path(&format!("out/n{n}")));
            assert_eq!(target, Target::Complete, "{mode}: n{n}");
        }
        assert_inventoried(&sandbox.path("out"), &rows);
        assert_log(&sandbox);
    }
}

#[test]
fn ten_thousand_rows_get_ten_thousand_certificates() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("rows", rows(&sandbox, 10_000));
    let run = batch(&sandbox, "rows", &["--json"]);
    assert_eq!(run.code, 0, "{:?}", run.stderr);
    let serials: BTreeSet<String> = lines(&run)
        .iter()
        .map(|line| line["serialNumber"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(serials.len(), 10_000);
    assert_eq!(fs::read_dir(sandbox.path("out")).unwrap().count(), 10_000);
    let rows = inventory(&sandbox, "ca");
    assert_eq!(rows.len(), 10_002);
    assert!(serials.iter().all(|serial| rows[serial].delivered));
    assert_log(&sandbox);
    // Without a directory the certificates stand in the summary.
    sandbox.write(
        "one",
        "{\"id\":\"h7\",\"cn\":\"host-7\",\"san\":[\"h7.example.com\"],\"public_key\":".to_owned()
            + &serde_json::Value::from(sandbox.read("public.pem")).to_string()
            + "}",
    );
    let plain = [
        "ca",
        "issue",
        "--dir",
        "ca",
        "--batch",
        "one",
        "--passphrase-file",
        "passphrase",
    ];
    let run = sandbox.ok(&[&plain[..], &["--json"]].concat());
    assert_eq!(
        lines(&run)[0]["certificatePem"],
        sandbox.read("out/h7/cert.pem")
    );
    assert_eq!(sandbox.run(&plain).code, 2);
}
