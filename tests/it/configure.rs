//! `windlass configure`: a profile in windlass's file and its name in AWS's.

mod checks;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Run, Sandbox, capture, program, tool};
use crate::workload::{
    PROFILE_ARN, ROLE_ARN, SECRET_KEY, TOKEN, TRUST_ANCHOR_ARN, Workload, granting,
};

const OWN: &str = ".config/windlass/config.toml";
const AWS: &str = ".aws/config";

/// `configure` for the profile `backup`, with these options besides.
fn arguments<'a>(options: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["configure", "--profile", "backup"];
    arguments.extend(["--certificate", "fullchain.pem", "--private-key", "key.pem"]);
    arguments.extend(["--trust-anchor-arn", TRUST_ANCHOR_ARN]);
    arguments.extend(["--profile-arn", PROFILE_ARN, "--role-arn", ROLE_ARN]);
    arguments.extend(options);
    arguments
}

/// A home with the files that the options name.
fn home() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["fullchain.pem", "key.pem"] {
        sandbox.write(name, "");
    }
    sandbox
}

fn configure(sandbox: &Sandbox, options: &[&str]) -> Run {
    sandbox.run(&arguments(options))
}

/// Inode and times of both files: whether they were touched.
fn stamps(sandbox: &Sandbox) -> Vec<(u64, i64, i64)> {
    let stamp = |name| {
        let metadata = fs::metadata(sandbox.path(name)).unwrap();
        (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
    };
    vec![stamp(OWN), stamp(AWS)]
}

fn line(program: &str) -> String {
    format!("credential_process = {program} credential-process --profile backup\n")
}

/// The section that is written where there was none.
fn section() -> String {
    format!("[profile backup]\n{}region = us-east-1\n", line(program()))
}

#[test]
fn a_second_run_changes_nothing() {
    let sandbox = home();
    let run = configure(&sandbox, &["--session-duration", "1800", "--fips"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:#?}");
    let root = fs::canonicalize(sandbox.root()).unwrap();
    let root = root.display();
    assert_eq!(
        sandbox.read(OWN),
        format!(
            "[profile.backup]\n\
             certificate = \"{root}/fullchain.pem\"\n\
             fips = true\n\
             private_key = \"{root}/key.pem\"\n\
             profile_arn = \"{PROFILE_ARN}\"\n\
             role_arn = \"{ROLE_ARN}\"\n\
             session_duration = 1800\n\
             trust_anchor_arn = \"{TRUST_ANCHOR_ARN}\"\n"
        )
    );
    assert_eq!(sandbox.read(AWS), section());
    for (name, mode) in [
        (OWN, 0o600),
        (AWS, 0o600),
        (".aws", 0o700),
        (".config/windlass", 0o700),
    ] {
        assert_eq!(
            fs::metadata(sandbox.path(name)).unwrap().mode() & 0o7777,
            mode,
            "{name}"
        );
    }
    let before = stamps(&sandbox);
    for options in [["--session-duration", "1800", "--fips"].as_slice(), &[]] {
        let run = configure(&sandbox, options);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    }
    // What the profile says already need not be said again.
    let run = sandbox.run(&["configure", "--profile", "backup"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(stamps(&sandbox), before);
}

#[test]
fn comments_and_all_else_stay_in_both_files() {
    let sandbox = home();
    for directory in [".aws", ".config", ".config/windlass"] {
        fs::create_dir(sandbox.path(directory)).unwrap();
    }
    let own =
        "# top\n[defaults] # for all\nregion = 'us-east-1'\n\n[profile.other]\nfips = true # why\n";
    sandbox.write(OWN, own);
    let aws = "# top\r\n[profile backup] ; mine\r\nregion = us-east-1\r\ns3 =\r\n  addressing_style = path\r\n\r\n# end\r\n[profile z]\r\nx = 1";
    sandbox.write(AWS, aws);
    let run = configure(&sandbox, &[]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(sandbox.read(OWN).starts_with(own), "{}", sandbox.read(OWN));
    let at = aws.find("\r\n\r\n# end").unwrap() + 2;
    let line = line(program()).replace('\n', "\r\n");
    assert_eq!(
        sandbox.read(AWS),
        format!("{}{line}{}", &aws[..at], &aws[at..])
    );
}

#[test]
fn print_shows_both_and_writes_nothing() {
    let sandbox = home();
    let run = configure(&sandbox, &["--print"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    for part in [
        "/.config/windlass/config.toml\n[profile.backup]\n",
        "/.aws/config\n[profile backup]\n",
        &section(),
    ] {
        assert!(run.stdout.contains(part), "{}", run.stdout);
    }
    assert!(!sandbox.path(".aws").exists() && !sandbox.path(".config").exists());
    // As it will be with what is there.
    configure(&sandbox, &["--fips"]);
    let run = configure(&sandbox, &["--print", "--dual-stack"]);
    let whole = sandbox.read(OWN);
    assert!(run.stdout.contains("dual_stack = true\n"), "{}", run.stdout);
    assert_eq!(sandbox.read(OWN), whole);
}

/// botocore splits the line, others give it to a shell: both with a path and a
/// profile that have blanks.
#[test]
fn botocore_and_a_shell_run_the_line_also_with_blanks_in_it() {
    let workload = Workload::new();
    let sandbox = &workload.sandbox;
    let server = granting(1);
    fs::create_dir(sandbox.path("it's my $HOME")).unwrap();
    let own = sandbox.path("it's my $HOME/windlass");
    fs::copy(program(), &own).unwrap();
    let mut command = Command::new(&own);
    sandbox.scrub(&mut command);
    command
        .args(arguments(&["--endpoint", &server.url()]))
        .args(["--config", "my config.toml"]);
    let mut arguments: Vec<String> = command
        .get_args()
        .map(|word| word.to_str().unwrap().to_owned())
        .collect();
    arguments[2] = "back up".to_owned();
    let mut command = Command::new(&own);
    sandbox.scrub(&mut command);
    let run = sandbox.finish({
        command.args(&arguments);
        command
    });
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(sandbox.path("my config.toml").exists());
    let aws = sandbox.read(AWS);
    let line = aws
        .strip_prefix("[profile \"back up\"]\ncredential_process = ")
        .and_then(|rest| rest.strip_suffix("\nregion = us-east-1\n"))
        .unwrap();
    let mut shell = Command::new("sh");
    sandbox.scrub(&mut shell);
    let shown = capture(shell.args(["-c", line]).current_dir("/"));
    let shown: Value = serde_json::from_str(&shown.stdout).unwrap_or_else(|_| panic!("{shown:#?}"));
    assert_eq!(shown["SecretAccessKey"], SECRET_KEY);
    let mut python = Command::new(tool("python"));
    sandbox.scrub(&mut python);
    let script = "import boto3, json\n\
                  s = boto3.Session(profile_name='back up')\n\
                  c = s.get_credentials()\n\
                  print(json.dumps([c.method, c.token, s.region_name]))";
    let read = capture(python.args(["-c", script]).current_dir("/"));
    let read: Value = serde_json::from_str(&read.stdout).unwrap_or_else(|_| panic!("{read:#?}"));
    assert_eq!(
        read,
        serde_json::json!(["custom-process", TOKEN, "us-east-1"])
    );
}

#[test]
fn other_credentials_of_the_profile_are_named_and_nothing_is_written() {
    for (aws, credentials, named) in [
        (
            "[profile backup]\nsource_profile = x\nrole_arn = y\n",
            "",
            "source_profile on line 2 of ",
        ),
        (
            "[profile backup]\nsso_session = x\n",
            "",
            "sso_session on line 2 of ",
        ),
        (
            "[profile backup]\ncredential_process = /bin/other x\n",
            "",
            "credential_process of another program on line 2 of ",
        ),
        (
            "",
            "[backup]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n",
            "an access key on line 2 of ",
        ),
        (
            "",
            "[backup]\ncredential_process = /bin/x\n",
            "credential_process on line 2 of ",
        ),
    ] {
        let sandbox = home();
        fs::create_dir(sandbox.path(".aws")).unwrap();
        sandbox.write(AWS, aws);
        sandbox.write(".aws/credentials", credentials);
        let run = configure(&sandbox, &[]);
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(
            run.stderr.contains(named) && run.stderr.contains("--force"),
            "{run:#?}"
        );
        assert!(!run.stderr.contains("AKIA"), "{run:#?}");
        assert!(!sandbox.path(OWN).exists());
        assert_eq!(sandbox.read(AWS), aws);
        let run = configure(&sandbox, &["--force"]);
        assert_eq!(run.code, 0, "{run:#?}");
        assert!(run.stderr.contains(named), "{run:#?}");
        assert!(sandbox.read(AWS).contains(&line(program())));
        assert_eq!(sandbox.read(".aws/credentials"), credentials);
    }
    // An older line of this program is its own.
    let sandbox = home();
    fs::create_dir(sandbox.path(".aws")).unwrap();
    sandbox.write(
        AWS,
        "[profile backup]\ncredential_process = /old/windlass credential-process --fips\n",
    );
    let run = configure(&sandbox, &[]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(sandbox.read(AWS), section());
}

#[test]
fn files_that_do_not_parse_keep_both_from_being_written() {
    for (name, text) in [
        (AWS, "junk\n[a]\n"),
        (".aws/credentials", "[a]\n[a]\n"),
        (OWN, "[profile.a\n"),
    ] {
        let sandbox = home();
        for directory in [".aws", ".config", ".config/windlass"] {
            fs::create_dir(sandbox.path(directory)).unwrap();
        }
        sandbox.write(name, text);
        let run = configure(&sandbox, &[]);
        assert_eq!(run.code, 2, "{name}: {run:#?}");
        let file = Path::new(name).file_name().unwrap().to_str().unwrap();
        assert!(
            run.stderr.contains(&format!("{file}: line "))
                || run.stderr.contains(&format!("{file}, line ")),
            "{run:#?}"
        );
        assert_eq!(sandbox.read(name), text);
        for other in [AWS, OWN] {
            assert!(other == name || !sandbox.path(other).exists(), "{other}");
        }
    }
}

#[test]
fn variables_name_the_files_and_options() {
    let sandbox = home();
    sandbox.write("cert.pem", "");
    let mut command = sandbox.command();
    command
        .args(["configure", "--config", "etc.toml"])
        .env("WINDLASS_CERTIFICATE", "~/cert.pem")
        .env("WINDLASS_PRIVATE_KEY", "pkcs11:token=a;object=b")
        .env("WINDLASS_TRUST_ANCHOR_ARN", TRUST_ANCHOR_ARN)
        .env("WINDLASS_PROFILE_ARN", PROFILE_ARN)
        .env("WINDLASS_ROLE_ARN", ROLE_ARN)
        .env("AWS_CONFIG_FILE", sandbox.path("aws-config"));
    let run = sandbox.finish(command);
    assert_eq!(run.code, 0, "{run:#?}");
    let own = sandbox.read("etc.toml");
    assert!(own.starts_with("[profile.default]\n"), "{own}");
    for part in [
        "certificate = \"~/cert.pem\"",
        "private_key = \"pkcs11:token=a;object=b\"",
    ] {
        assert!(own.contains(part), "{own}");
    }
    let root = fs::canonicalize(sandbox.root()).unwrap();
    // SDKs would not find the file without being told.
    assert_eq!(
        sandbox.read("aws-config"),
        format!(
            "[default]\ncredential_process = {} credential-process --profile default --config {}/etc.toml\nregion = us-east-1\n",
            program(),
            root.display()
        )
    );
}

#[test]
fn what_cannot_work_and_what_is_secret_is_not_written() {
    let sandbox = home();
    let run = sandbox.run(&["configure", "--role-arn", ROLE_ARN]);
    assert_eq!(run.code, 2, "{run:#?}");
    let run = configure(&sandbox, &["--pkcs8-password", "hunter22"]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr.contains("--pkcs8-password is a secret"),
        "{run:#?}"
    );
    assert!(!run.stderr.contains("hunter22"), "{run:#?}");
    // A line in which a shell would see two.
    let run = configure(&sandbox, &["--config", "a #b.toml"]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(!sandbox.path(".aws").exists() && !sandbox.path(".config").exists());
}
