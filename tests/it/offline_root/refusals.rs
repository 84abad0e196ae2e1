//! What `ca install` refuses, each with its reason; nothing is changed by any.

use std::collections::BTreeMap;
use std::fs;

use super::foreign::{fingerprint, grant, root};
use super::{Apart, SECRET, install, issue};
use crate::ca_state::files_below;
use crate::harness::{Run, Sandbox};
use crate::issuer::openssl;

/// The extensions of an issuing CA, as OpenSSL takes them.
const GOOD: &str = "basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
";

/// A CA that waits, with a root of OpenSSL beside it.
struct Refusals {
    apart: Apart,
    before: BTreeMap<String, Vec<u8>>,
    seen: BTreeMap<String, String>,
}

impl Refusals {
    fn new() -> Self {
        let apart = Apart::new();
        root(&apart.sandbox, &[]);
        let before = contents(&apart.sandbox);
        Self {
            apart,
            before,
            seen: BTreeMap::new(),
        }
    }

    fn sandbox(&self) -> &Sandbox {
        &self.apart.sandbox
    }

    /// Signs with these extensions in place of the good ones, and tries that.
    fn extensions(&mut self, name: &str, change: impl Fn(&str) -> String) {
        self.sandbox().write("extensions", change(GOOD));
        grant(self.sandbox(), &["-extfile", "extensions"]);
        self.refused(name, &["--root", "root.pem"]);
    }

    /// Tries `issuing.pem` and notes what is said.
    fn refused(&mut self, name: &str, options: &[&str]) {
        // The fingerprint is right, so that nothing else is the reason.
        let files: Vec<&str> = match options {
            ["--root", file, ..] => vec![file],
            _ => vec!["issuing.pem", "root.pem"],
        };
        let run = files
            .iter()
            .filter_map(|file| fs::read(self.sandbox().path(file)).ok())
            .find_map(|content| {
                let found = windlass::pki::read_certificates(&content, "").ok()?;
                let root = found.last()?.fingerprint();
                Some(self.attempt(&root, options))
            })
            .unwrap_or_else(|| self.attempt(&"0".repeat(64), options));
        assert_eq!(run.code, 4, "{name}: {run:#?}");
        assert!(run.stderr.contains("\nhint: "), "{name}: {}", run.stderr);
        assert_eq!(run.stdout, "", "{name}");
        assert_eq!(
            contents(self.sandbox()),
            self.before,
            "{name} has changed something"
        );
        let said = stable(&run.stderr);
        let same = self.seen.iter().find(|(_, other)| **other == said);
        // Of hashes that are broken one message speaks.
        if let Some(other) = same.filter(|_| !name.contains("MD5")) {
            panic!("{name} is told as {} is: {said}", other.0);
        }
        self.seen.insert(name.to_owned(), said);
    }

    fn attempt(&self, root: &str, options: &[&str]) -> Run {
        let fixed = ["--cert", "issuing.pem", "--root-fingerprint", root];
        install(self.sandbox(), &[&fixed[..], options].concat())
    }

    /// What was said, and that the right certificate is installed after all that.
    fn finish(self, snapshot: &str) {
        let sandbox = self.sandbox();
        root(sandbox, &[]);
        sandbox.write("extensions", GOOD);
        grant(sandbox, &["-extfile", "extensions"]);
        let good = self.attempt(&fingerprint(sandbox, "root.pem"), &["--root", "root.pem"]);
        assert_eq!(good.code, 0, "{good:#?}");
        assert_eq!(issue(sandbox, "web").code, 0);
        let told: Vec<String> = self
            .seen
            .iter()
            .map(|(name, said)| format!("## {name}\n{said}"))
            .collect();
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(snapshot, told.join("\n"));
        });
    }
}

/// The files of the CA. SQLite's own come and go.
fn contents(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    files_below(&sandbox.path("site"))
        .into_iter()
        .filter(|path| !path.to_string_lossy().contains("inventory.db-"))
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect()
}

/// Without what differs between runs: digests, serial numbers and times.
fn stable(text: &str) -> String {
    let word = |word: &str| -> String {
        let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_hex = bare.len() >= 32 && bare.chars().all(|c| c.is_ascii_hexdigit());
        let is_time = bare.starts_with("20") && bare.ends_with('Z');
        match (is_hex, is_time) {
            (true, _) => word.replace(bare, "[HEX]"),
            (_, true) => word.replace(bare, "[TIME]"),
            _ => word.to_owned(),
        }
    };
    text.lines()
        .map(|line| line.split(' ').map(word).collect::<Vec<_>>().join(" ") + "\n")
        .collect()
}

#[test]
fn a_certificate_that_says_too_little_or_too_much_is_refused() {
    let mut refusals = Refusals::new();
    let without = |name: &'static str| {
        move |good: &str| -> String {
            let lines = good.lines().filter(|line| !line.starts_with(name));
            lines.map(|line| format!("{line}\n")).collect()
        }
    };
    refusals.extensions("CA:FALSE", |good| {
        good.replace("CA:TRUE, pathlen:0", "CA:FALSE")
    });
    refusals.extensions("no basicConstraints, version 3", |good| {
        without("basicConstraints")(good) + "nsComment = x\n"
    });
    refusals.extensions("pathLen absent", |good| good.replace(", pathlen:0", ""));
    refusals.extensions("pathLen 1", |good| good.replace("pathlen:0", "pathlen:1"));
    refusals.extensions("no keyUsage", without("keyUsage"));
    refusals.extensions("no cRLSign", |good| good.replace(", cRLSign", ""));
    refusals.extensions("no subjectKeyIdentifier", |good| {
        good.replace("Identifier = hash", "Identifier = none")
    });
    refusals.extensions("name constraints", |good| {
        format!("{good}nameConstraints = critical, permitted;DNS:example.com\n")
    });
    refusals.extensions("unknown critical extension", |good| {
        format!("{good}1.2.3.4 = critical, ASN1:UTF8String:x\n")
    });
    refusals.extensions("extendedKeyUsage of servers", |good| {
        format!("{good}extendedKeyUsage = serverAuth\n")
    });
    grant(refusals.sandbox(), &["-clrext"]);
    refusals.refused("version 1", &["--root", "root.pem"]);
    refusals.finish("install_refused_extensions");
}

#[test]
fn a_certificate_of_somebody_else_is_refused() {
    let mut refusals = Refusals::new();
    let with_root = ["--root", "root.pem"];
    let copy = ["-copy_extensions", "copyall"];
    // For the key of another CA, under this one's name.
    let other = [
        "req",
        "-new",
        "-nodes",
        "-keyout",
        "other.key",
        "-out",
        "other.csr",
    ];
    let name = [
        "-subj",
        "/O=Example Corp/CN=Example Corp Issuing CA",
        "-utf8",
    ];
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    openssl(refusals.sandbox(), &[&other[..], &name, &curve].concat());
    let sandbox = &refusals.apart.sandbox;
    sandbox.write("extensions", GOOD);
    let by_root = ["-CA", "root.pem", "-CAkey", "root.key", "-days", "1000"];
    let sign = ["x509", "-req", "-in", "other.csr", "-out", "issuing.pem"];
    openssl(
        sandbox,
        &[&sign[..], &by_root, &["-extfile", "extensions"]].concat(),
    );
    refusals.refused("key of another CA", &with_root);

    // For this key, under another name.
    let force = [
        "x509",
        "-new",
        "-force_pubkey",
        "site.pub",
        "-out",
        "issuing.pem",
    ];
    let sandbox = &refusals.apart.sandbox;
    let public = [
        "req",
        "-in",
        "site/issuing/request.pem",
        "-noout",
        "-pubkey",
        "-out",
        "site.pub",
    ];
    openssl(sandbox, &public);
    let subject = [
        "-subj",
        "/O=Example Corp/CN=Example Corp Sub CA",
        "-extfile",
        "extensions",
    ];
    openssl(sandbox, &[&force[..], &by_root, &subject].concat());
    refusals.refused("another name", &with_root);
    // The same name in another encoding: PrintableString.
    let sandbox = &refusals.apart.sandbox;
    sandbox.write(
        "printable.cnf",
        "[req]\nstring_mask = default\ndistinguished_name = d\n[d]\n",
    );
    let subject = ["-subj", "/O=Example Corp/CN=Example Corp Issuing CA"];
    let csr = [
        "req",
        "-new",
        "-config",
        "printable.cnf",
        "-key",
        "other.key",
        "-out",
        "p.csr",
    ];
    openssl(sandbox, &[&csr[..], &subject].concat());
    let sign = [
        "x509",
        "-req",
        "-in",
        "p.csr",
        "-force_pubkey",
        "site.pub",
        "-out",
        "issuing.pem",
    ];
    openssl(
        sandbox,
        &[&sign[..], &by_root, &["-extfile", "extensions"]].concat(),
    );
    refusals.refused("another encoding of the name", &with_root);

    // By this root's key, and the other way round: a root of the same name.
    grant(refusals.sandbox(), &copy);
    let sandbox = &refusals.apart.sandbox;
    let good = sandbox.read("issuing.pem");
    for file in ["root.pem", "root.key"] {
        fs::copy(sandbox.path(file), sandbox.path(&format!("first-{file}"))).unwrap();
    }
    root(sandbox, &["-subj", "/CN=Somebody's Root"]);
    refusals.refused("another root", &with_root);
    root(refusals.sandbox(), &[]);
    refusals.refused("a root of the same name", &with_root);
    let sandbox = &refusals.apart.sandbox;
    let root = [
        "x509",
        "-in",
        "first-root.pem",
        "-signkey",
        "first-root.key",
    ];
    sandbox.write("other-identifier", "basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\nsubjectKeyIdentifier = 010203\n");
    let renewed = [
        "-extfile",
        "other-identifier",
        "-out",
        "root.pem",
        "-clrext",
        "-days",
        "99",
    ];
    openssl(sandbox, &[&root[..], &renewed].concat());
    refusals.refused("another certificate of the root's key", &with_root);
    let sandbox = &refusals.apart.sandbox;
    for file in ["root.pem", "root.key"] {
        fs::copy(sandbox.path(&format!("first-{file}")), sandbox.path(file)).unwrap();
    }

    // Swapped, in the wrong order, without a root, with one too many.
    let root = sandbox.read("root.pem");
    sandbox.write("issuing.pem", &root);
    sandbox.write("good.pem", &good);
    refusals.refused("the two files swapped", &["--root", "good.pem"]);
    refusals
        .sandbox()
        .write("issuing.pem", root.clone() + &good);
    refusals.refused("the two in the wrong order", &[]);
    refusals.sandbox().write("issuing.pem", &good);
    refusals.refused("no root", &[]);
    let vault = refusals.sandbox().read("vault/trust-anchor.pem");
    refusals
        .sandbox()
        .write("issuing.pem", good.clone() + &vault);
    refusals.refused("two roots", &with_root);
    refusals.sandbox().write("issuing.pem", &good);
    refusals.sandbox().write("roots.pem", root + &vault);
    refusals.refused("a bundle of roots", &["--root", "roots.pem"]);
    refusals.finish("install_refused_origin");
}

/// Certificates with an intermediate, and roots that are none.
#[test]
fn a_root_that_is_none_is_refused() {
    let mut refusals = Refusals::new();
    let with_root = ["--root", "root.pem"];
    let copy = ["-copy_extensions", "copyall"];
    // An intermediate between the two.
    let sandbox = &refusals.apart.sandbox;
    fs::copy(sandbox.path("root.pem"), sandbox.path("top.pem")).unwrap();
    fs::copy(sandbox.path("root.key"), sandbox.path("top.key")).unwrap();
    let csr = [
        "req",
        "-new",
        "-nodes",
        "-keyout",
        "root.key",
        "-out",
        "middle.csr",
    ];
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
    openssl(
        sandbox,
        &[&csr[..], &["-subj", "/CN=Middle CA"], &curve].concat(),
    );
    sandbox.write("extensions", GOOD.replace(", pathlen:0", ""));
    let sign = ["x509", "-req", "-in", "middle.csr", "-out", "root.pem"];
    let by_top = [
        "-CA",
        "top.pem",
        "-CAkey",
        "top.key",
        "-extfile",
        "extensions",
    ];
    openssl(sandbox, &[&sign[..], &by_top].concat());
    grant(sandbox, &copy);
    refusals.refused("an intermediate as the root", &with_root);
    let sandbox = &refusals.apart.sandbox;
    let chain = ["issuing.pem", "root.pem", "top.pem"]
        .map(|file| sandbox.read(file))
        .concat();
    sandbox.write("issuing.pem", chain);
    refusals.refused("an intermediate in the bundle", &[]);
    // Roots that cannot be relied on.
    for (name, options) in [
        (
            "a root that is a leaf",
            &[
                "-extensions",
                "x",
                "-addext",
                "basicConstraints=critical,CA:FALSE",
            ][..],
        ),
        (
            "a root without keyUsage",
            &[
                "-extensions",
                "x",
                "-addext",
                "basicConstraints=critical,CA:TRUE",
            ],
        ),
        (
            "a root with path length 0",
            &[
                "-extensions",
                "x",
                "-addext",
                "basicConstraints=critical,CA:TRUE,pathlen:0",
                "-addext",
                "keyUsage=critical,keyCertSign",
            ],
        ),
        ("a root with SHA-1", &["-newkey", "rsa:2048", "-sha1"]),
        ("a root with MD5", &["-newkey", "rsa:2048", "-md5"]),
        ("a root of RSA-1024", &["-newkey", "rsa:1024"]),
        ("a root of Ed25519", &["-newkey", "ed25519"]),
    ] {
        let sandbox = &refusals.apart.sandbox;
        sandbox.write("x.cnf", "[req]\ndistinguished_name = d\nx509_extensions = y\n[d]\n[x]\n[y]\nbasicConstraints = critical, CA:TRUE\nsubjectKeyIdentifier = hash\n");
        root(sandbox, &[&["-config", "x.cnf"][..], options].concat());
        grant(sandbox, &copy);
        refusals.refused(name, &with_root);
    }
    refusals.finish("install_refused_roots");
}

/// What is not valid now, what was signed with a broken hash, and what was damaged.
#[test]
fn what_is_not_valid_or_not_whole_is_refused() {
    let mut refusals = Refusals::new();
    let with_root = ["--root", "root.pem"];
    let copy = ["-copy_extensions", "copyall"];
    for (name, start, end) in [
        ("expired", "20200101000000Z", "20210101000000Z"),
        ("not yet valid", "20900101000000Z", "20910101000000Z"),
    ] {
        dated(refusals.sandbox(), "issuing.pem", &[], [start, end]);
        refusals.refused(name, &with_root);
    }
    let sandbox = &refusals.apart.sandbox;
    fs::copy(sandbox.path("root.pem"), sandbox.path("living.pem")).unwrap();
    let again = [
        "x509",
        "-x509toreq",
        "-in",
        "root.pem",
        "-signkey",
        "root.key",
        "-out",
        "root.csr",
    ];
    openssl(sandbox, &again);
    let own = ["-selfsign", "-in", "root.csr"];
    dated(
        sandbox,
        "expired.pem",
        &own,
        ["20200101000000Z", "20210101000000Z"],
    );
    grant(sandbox, &copy);
    refusals.refused("the root is expired", &["--root", "expired.pem"]);
    for (name, digest) in [("SHA-1", "-sha1"), ("MD5", "-md5")] {
        root(refusals.sandbox(), &["-newkey", "rsa:2048"]);
        grant(refusals.sandbox(), &[&copy[..], &[digest]].concat());
        refusals.refused(name, &with_root);
    }
    root(refusals.sandbox(), &[]);
    grant(refusals.sandbox(), &copy);
    let good = refusals.sandbox().read("issuing.pem");
    let mut changed = pem::parse(&good).unwrap().into_contents();
    *changed.last_mut().unwrap() ^= 1;
    refusals.sandbox().write("issuing.pem", &changed);
    refusals.refused("its signature was changed", &with_root);
    changed.truncate(300);
    refusals.sandbox().write("issuing.pem", &changed);
    refusals.refused("cut off", &with_root);
    refusals
        .sandbox()
        .write("issuing.pem", &good[..good.len() / 2]);
    refusals.refused("a PEM file cut off", &with_root);
    refusals.sandbox().write("issuing.pem", "");
    refusals.refused("empty", &with_root);
    let sandbox = &refusals.apart.sandbox;
    sandbox.write("good.pem", &good);
    for (name, form) in [("PKCS#7", "PEM"), ("PKCS#7 in DER", "DER")] {
        let pack = [
            "crl2pkcs7",
            "-nocrl",
            "-certfile",
            "good.pem",
            "-certfile",
            "root.pem",
        ];
        let out = ["-out", "issuing.pem", "-outform", form];
        openssl(refusals.sandbox(), &[&pack[..], &out].concat());
        refusals.refused(name, &with_root);
    }
    let request = refusals.sandbox().read("site/issuing/request.pem");
    refusals.sandbox().write("issuing.pem", request);
    refusals.refused("the request", &with_root);
    refusals.finish("install_refused_damaged");
}

/// Signs the request, or what the options say, for these dates.
fn dated(sandbox: &Sandbox, out: &str, options: &[&str], [start, end]: [&str; 2]) {
    sandbox.write("index", "");
    sandbox.write("serial", "2000\n");
    sandbox.write(
        "extensions",
        GOOD.replace(
            ", pathlen:0",
            if options.is_empty() {
                ", pathlen:0"
            } else {
                ""
            },
        ),
    );
    sandbox.write(
        "ca.cnf",
        "[ca]\ndefault_ca = here\n[here]\ndatabase = index\nserial = serial\n\
         new_certs_dir = .\npolicy = any\ndefault_md = sha256\n\
         [any]\ncommonName = supplied\n",
    );
    let ca = [
        "ca",
        "-batch",
        "-notext",
        "-config",
        "ca.cnf",
        "-preserveDN",
    ];
    let dates = [
        "-startdate",
        start,
        "-enddate",
        end,
        "-extfile",
        "extensions",
    ];
    let keys = ["-keyfile", "root.key", "-out", out];
    let of = match options.is_empty() {
        true => &["-cert", "root.pem", "-in", "site/issuing/request.pem"][..],
        false => options,
    };
    openssl(sandbox, &[&ca[..], &dates, &keys, of].concat());
}

/// The key of the CA itself is wanted, and its passphrase.
#[test]
fn without_the_key_of_the_ca_nothing_is_installed() {
    let apart = Apart::new();
    assert_eq!(apart.sign_ca("issuing.pem", &[]).code, 0);
    let sandbox = &apart.sandbox;
    sandbox.write("wrong", "another good long passphrase\n");
    let fixed = ["ca", "install", "--dir", "site", "--cert", "issuing.pem"];
    let root = ["--root-fingerprint", apart.root.as_str()];
    let wrong = sandbox.run(&[&fixed[..], &root, &["--passphrase-file", "wrong"]].concat());
    assert_eq!(wrong.code, 4, "{wrong:#?}");
    assert_eq!(apart.state(), "requested");
    let key = sandbox.read("site/issuing/key.pem");
    fs::copy(
        sandbox.path("vault/root/key.pem"),
        sandbox.path("site/issuing/key.pem"),
    )
    .unwrap();
    let other = apart.install("issuing.pem", &[]);
    assert_eq!(other.code, 4, "{other:#?}");
    let said = "site/issuing/key.pem is not the key of the certificate beside it";
    assert!(other.stderr.contains(said), "{}", other.stderr);
    assert_eq!(apart.state(), "requested");
    assert!(!sandbox.path("site/issuing/cert.pem").exists());
    sandbox.write("site/issuing/key.pem", key);
    assert_eq!(apart.install("issuing.pem", &[]).code, 0);
}

/// The same again changes nothing; another one is not taken, and neither is one
/// where nothing was asked for.
#[test]
fn a_certificate_is_installed_once() {
    let apart = Apart::complete();
    let again = apart.install("issuing.pem", &[]);
    assert_eq!(again.code, 0, "{again:#?}");
    assert!(
        again
            .stdout
            .starts_with("these certificates are installed already"),
        "{again:#?}"
    );
    assert_eq!(apart.sign_ca("second.pem", &[]).code, 0);
    let second = apart.install("second.pem", &[]);
    assert_eq!(second.code, 2, "{second:#?}");
    apart.sandbox.ca(&[]);
    let fixed = ["ca", "install", "--dir", "ca", "--cert", "issuing.pem"];
    for dir in ["ca", "vault"] {
        let mut fixed = fixed;
        fixed[3] = dir;
        let root = ["--root-fingerprint", apart.root.as_str()];
        let run = apart.sandbox.run(&[&fixed[..], &root, &SECRET].concat());
        assert_eq!(run.code, 2, "{run:#?}");
        let said = format!("error: the CA in {dir} waits for no certificate\n");
        assert!(run.stderr.starts_with(&said), "{}", run.stderr);
    }
}

/// Nobody's root is installed that nobody has compared.
#[test]
fn a_root_is_compared_with_what_its_machine_shows() {
    let apart = Apart::new();
    assert_eq!(apart.sign_ca("issuing.pem", &[]).code, 0);
    let silent = install(&apart.sandbox, &["--cert", "issuing.pem"]);
    assert_eq!(silent.code, 2, "{silent:#?}");
    assert!(
        silent
            .stderr
            .contains("SHA-256 of the root in issuing.pem has"),
        "{}",
        silent.stderr
    );
    assert!(
        silent.stderr.contains("give --root-fingerprint HEX"),
        "{}",
        silent.stderr
    );
    let other = ["--cert", "issuing.pem", "--root-fingerprint", &apart.key];
    let wrong = install(&apart.sandbox, &other);
    assert_eq!(wrong.code, 4, "{wrong:#?}");
    assert!(
        wrong
            .stderr
            .contains("nothing was done: somebody may have exchanged"),
        "{}",
        wrong.stderr
    );
    assert_eq!(apart.state(), "requested");
}
