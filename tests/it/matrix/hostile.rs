//! Files that want time, memory, stack or a panic.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;

use windlass::der::{self, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE};
use windlass::key;
use windlass::secret::Secret;

use crate::harness::{PASSPHRASE, Sandbox, capture};

use super::bench::{Bench, Refused, refused};
use super::material::Material;

/// How long a file may keep the program busy until it is refused. Alone it is
/// well below two seconds, most of it the pause in which a rotation is waited
/// for; here many run at a time. What the files demand would take minutes.
const LIMIT: Duration = Duration::from_secs(6);

const LOCKED: &str = "--certificate p256.crt --passphrase-file passphrase --private-key";

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der::write_all(SEQUENCE, parts)
}

fn oid(content: &[u8]) -> Vec<u8> {
    der::write(OBJECT_IDENTIFIER, content)
}

fn octets(content: &[u8]) -> Vec<u8> {
    der::write(OCTET_STRING, content)
}

fn integer(value: u64) -> Vec<u8> {
    der::write_unsigned(&value.to_be_bytes())
}

/// `[0] EXPLICIT`
fn explicit(content: &[u8]) -> Vec<u8> {
    der::write(0xa0, content)
}

/// A PBES2 AlgorithmIdentifier (RFC 8018) with AES-256-CBC and this KDF.
fn pbes2(kdf: &[u8], parameters: &[&[u8]]) -> Vec<u8> {
    let cipher = sequence(&[
        &oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2a]),
        &octets(&[7; 16]),
    ]);
    let kdf = sequence(&[&oid(kdf), &sequence(parameters)]);
    sequence(&[
        &oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0d]),
        &sequence(&[&kdf, &cipher]),
    ])
}

fn pbkdf2(iterations: u64) -> Vec<u8> {
    let kdf = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0c];
    let hash = sequence(&[
        &oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 9]),
        &der::write(5, &[]),
    ]);
    pbes2(&kdf, &[&octets(&[7; 16]), &integer(iterations), &hash])
}

fn scrypt(n: u64, r: u64, p: u64) -> Vec<u8> {
    let kdf = [0x2b, 6, 1, 4, 1, 0xda, 0x47, 4, 0x0b];
    pbes2(
        &kdf,
        &[&octets(&[7; 16]), &integer(n), &integer(r), &integer(p)],
    )
}

/// PBES1 and PKCS#12's own scheme: `pbeWithSHAAnd3-KeyTripleDES-CBC`.
fn pkcs12_pbe(iterations: u64) -> Vec<u8> {
    sequence(&[
        &oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 0x0c, 1, 3]),
        &sequence(&[&octets(&[7; 8]), &integer(iterations)]),
    ])
}

fn encrypted_pkcs8(algorithm: &[u8]) -> Vec<u8> {
    sequence(&[algorithm, &octets(&[7; 144])])
}

/// A PFX (RFC 7292) with these ContentInfos, and a MAC if there are iterations.
fn pfx(contents: &[&[u8]], mac_iterations: Option<u64>) -> Vec<u8> {
    let safe = data(&sequence(contents));
    let mac = mac_iterations.map(|iterations| {
        let hash = sequence(&[&oid(&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1])]);
        let digest = sequence(&[&hash, &octets(&[7; 32])]);
        sequence(&[&digest, &octets(&[7; 8]), &integer(iterations)])
    });
    sequence(&[&integer(3), &safe, &mac.unwrap_or_default()])
}

fn data(content: &[u8]) -> Vec<u8> {
    let kind = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]);
    sequence(&[&kind, &explicit(&octets(content))])
}

fn encrypted_data(algorithm: &[u8]) -> Vec<u8> {
    let info = sequence(&[
        &oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1]),
        algorithm,
        &der::write(0x80, &[7; 144]),
    ]);
    let kind = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 6]);
    sequence(&[&kind, &explicit(&sequence(&[&integer(0), &info]))])
}

/// A bag of SafeContents: 1 a key, 2 an encrypted key, 6 further SafeContents.
fn bag(kind: u8, value: &[u8]) -> Vec<u8> {
    let kind = oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 0x0c, 0x0a, 1, kind]);
    sequence(&[&kind, &explicit(value)])
}

/// Elements with this tag inside each other.
fn nested(tag: u8, levels: usize) -> Vec<u8> {
    // From the inside out, backwards.
    let mut reversed = Vec::new();
    for _ in 0..levels {
        let length = reversed.len();
        if length < 0x80 {
            reversed.push(u8::try_from(length).unwrap());
        } else {
            let octets: Vec<u8> = length.to_le_bytes().into_iter().collect();
            let significant = 8 - usize::try_from(length.leading_zeros() / 8).unwrap();
            reversed.extend(&octets[..significant]);
            reversed.push(0x80 | u8::try_from(significant).unwrap());
        }
        reversed.push(tag);
    }
    reversed.reverse();
    reversed
}

fn in_pem(label: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(label, der))
}

#[rustfmt::skip]
#[test]
fn work_that_a_file_demands_is_bounded() {
    const MAX: u64 = 0x7fff_ffff;
    const DEAR: &str = "demands too much work to decrypt";
    let bench = Bench::new();
    let files: [(&str, Vec<u8>, &str); 16] = [
        ("scrypt N=2^30", encrypted_pkcs8(&scrypt(1 << 30, 8, 1)), DEAR),
        ("scrypt N=2^63", encrypted_pkcs8(&scrypt(1 << 63, 1, 1)), DEAR),
        ("scrypt r=65535", encrypted_pkcs8(&scrypt(1024, 65535, 1)), DEAR),
        ("scrypt p=65535", encrypted_pkcs8(&scrypt(2, 1024, 65535)), DEAR),
        ("scrypt r=2^30", encrypted_pkcs8(&scrypt(2, 1 << 30, 1)), "does not read"),
        ("scrypt N=0", encrypted_pkcs8(&scrypt(0, 8, 1)), "damaged"),
        ("scrypt N=1", encrypted_pkcs8(&scrypt(1, 8, 1)), "damaged"),
        ("scrypt N=3", encrypted_pkcs8(&scrypt(3, 8, 1)), "damaged"),
        ("PBKDF2", encrypted_pkcs8(&pbkdf2(MAX)), DEAR),
        ("PBKDF2 2^63", encrypted_pkcs8(&pbkdf2(1 << 63)), "does not read"),
        ("PBES1", encrypted_pkcs8(&pkcs12_pbe(MAX)), DEAR),
        ("PBES1 2^63", encrypted_pkcs8(&pkcs12_pbe(1 << 63)), DEAR),
        ("MAC", pfx(&[&data(&sequence(&[]))], Some(MAX)), DEAR),
        ("content", pfx(&[&encrypted_data(&pbkdf2(MAX))], None), DEAR),
        ("bag", pfx(&[&data(&sequence(&[&bag(2, &encrypted_pkcs8(&pbkdf2(MAX)))]))], None), DEAR),
        ("scrypt in a bag", pfx(&[&data(&sequence(&[&bag(2, &encrypted_pkcs8(&scrypt(1 << 30, 8, 1)))]))], None), DEAR),
    ];
    bench.refuses(LIMIT, files.into_iter().map(|(name, content, complaint)| {
        bench.sandbox.write(name, content);
        refused(name, "", format!("{LOCKED} '{name}'"), 4, complaint)
    }));
}

#[rustfmt::skip]
#[test]
fn size_number_and_depth_are_bounded() {
    let bench = Bench::new();
    let sandbox = &bench.sandbox;
    let leaf = sandbox.read("p256.crt");
    let sparse = fs::File::create(sandbox.path("sparse")).unwrap();
    sparse.set_len(100_000_000).unwrap();
    sandbox.write("many", leaf.repeat(10_000));
    sandbox.write("several", leaf.repeat(3000));
    sandbox.write("begun", "-----BEGIN ".repeat(300_000));
    sandbox.write("blocks", "-----BEGIN X-----\n-----END X-----\n".repeat(100_000));
    sandbox.write("strays", sandbox.read("p256.pem") + &sandbox.read("rsa2048.crt").repeat(2000));
    let mut cases: Vec<Refused> = vec![
        refused("sparse key", "", format!("{LOCKED} sparse"), 2, "larger than"),
        refused("sparse certificate", "", "--certificate sparse --private-key p256.pem", 2, "larger than"),
        refused("sparse intermediates", "", "--certificate p256.crt --private-key p256.pem --intermediates sparse", 2, "larger than"),
        refused("10,000 certificates", "", "--certificate many --private-key p256.pem", 2, "larger than"),
        refused("3,000 certificates", "", "--certificate several --private-key p256.pem", 4, "3000 certificates"),
        refused("3,000 intermediates", "", "--certificate p256.crt --private-key p256.pem --intermediates several", 4, "3000 certificates"),
        refused("2,000 certificates beside the key", "", "--certificate p256.crt --private-key strays", 4, "2000 certificates"),
        refused("300,000 BEGIN", "", format!("{LOCKED} begun"), 4, "begun"),
        refused("100,000 blocks", "", format!("{LOCKED} blocks"), 4, "blocks holds no private key"),
    ];
    let deep = [nested(SEQUENCE, 100_000), nested(0xa0, 100_000), nested(0x24, 100_000)];
    for (number, deep) in deep.iter().enumerate() {
        let ec = sequence(&[&oid(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]), deep]);
        let certificate = pem::parse(&leaf).unwrap().into_contents();
        let parts = der::sequence(&certificate).unwrap();
        let fields = der::children(parts[0].content).unwrap();
        let mut encoded: Vec<&[u8]> = fields.iter().map(|field| field.encoded).collect();
        let extension = sequence(&[&oid(&[0x55, 0x1d, 0x11]), &octets(deep)]);
        let extensions = der::write(0xa3, &sequence(&[&extension]));
        *encoded.last_mut().unwrap() = &extensions;
        let extended = sequence(&[&sequence(&encoded), parts[1].encoded, parts[2].encoded]);
        let files = [
            ("alone", deep.clone()),
            ("PKCS#8 algorithm", sequence(&[&integer(0), &ec, &octets(deep)])),
            ("PKCS#8 attributes", sequence(&[&integer(0), &ec, &octets(&[7]), deep])),
            ("SEC 1", sequence(&[&integer(1), &octets(&[7; 32]), deep])),
            ("PKCS#1", sequence(&[&integer(0), &integer(7), deep])),
            ("encrypted PKCS#8", sequence(&[&sequence(&[&oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0d]), deep]), &octets(&[7; 16])])),
            ("PFX", pfx(&[deep], None)),
            ("bags", pfx(&[&data(&sequence(&[&bag(6, deep)]))], None)),
            ("certificate", sequence(&[deep, deep, &der::write(3, &[0])])),
            ("extension", extended),
        ];
        for (name, content) in files {
            for (form, content) in [
                ("DER", content.clone()),
                ("key", in_pem("PRIVATE KEY", &content).into_bytes()),
                ("certificate", in_pem("CERTIFICATE", &content).into_bytes()),
            ] {
                let file = format!("deep {number} {name} {form}");
                sandbox.write(&file, content);
                cases.push(refused(&file, "", format!("--certificate '{file}' --passphrase-file passphrase"), 4, file.clone()));
            }
        }
    }
    bench.refuses(LIMIT, cases);
}

#[test]
fn damage_at_every_byte_of_an_encrypted_file_is_survived() {
    survive(&["modern", "old", "open"], 1);
    survive(&["pbes2", "pbes1", "scrypt", "traditional"], 1);
}

#[test]
fn damage_at_every_byte_of_a_key_is_survived() {
    survive(&["sec1", "pkcs1", "p521.pem", "mldsa44-seed.der"], 1);
}

#[test]
fn damage_in_an_expanded_key_is_survived() {
    // Each change takes milliseconds without optimisation.
    survive(&["mldsa44-expanded.der"], 3);
    survive(&["mldsa44-both.der"], 7);
}

/// Every cut, and a change in every byte or in one of `step`, in one process: no
/// panic, and no cut file is taken for a whole one.
fn survive(names: &[&str], step: usize) {
    let sandbox = Sandbox::new();
    Material::get().unpack(&sandbox);
    let mut command = Command::new("sh");
    sandbox.scrub(&mut command);
    let run = capture(command.args([
        "-euc",
        "e='openssl pkcs12 -export -inkey p256.pem -in p256.crt -passout file:passphrase -iter 1'
         $e -out modern; $e -certpbe PBE-SHA1-3DES -keypbe PBE-SHA1-3DES -out old; $e -nomac -out open
         k='openssl pkcs8 -topk8 -in p256.pem -passout file:passphrase -outform DER -iter 1'
         $k -out pbes2; $k -v1 PBE-SHA1-3DES -out pbes1; $k -scrypt -scrypt_N 2 -scrypt_r 1 -scrypt_p 1 -out scrypt
         openssl ec -in p256.pem -aes256 -passout file:passphrase -out traditional
         openssl ec -in p256.pem -outform DER -out sec1
         openssl rsa -traditional -in rsa2048.pem -outform DER -out pkcs1",
    ]));
    assert_eq!(run.code, 0, "{run:#?}");
    let passphrase = || Ok(Some(Secret::from(PASSPHRASE.to_owned())));
    for &name in names {
        let whole = fs::read(sandbox.path(name)).unwrap();
        let opens = |content: &[u8], what: &str, position: usize| {
            let open = || key::open_software(content, name, passphrase).is_ok();
            catch_unwind(AssertUnwindSafe(open))
                .unwrap_or_else(|_| panic!("{name} {what} at {position} of {}", whole.len()))
        };
        assert!(opens(&whole, "whole", 0));
        // Of PEM the last line ending and dashes are not needed.
        let needed = whole.len() - if whole.starts_with(b"-") { 6 } else { 0 };
        for length in 0..needed {
            assert!(
                !opens(&whole[..length], "cut", length),
                "{name} cut at {length}"
            );
        }
        // Marsaglia's xorshift: the same changes in every run.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut refusals = 0;
        for position in (0..whole.len()).step_by(step) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let mut changed = whole.clone();
            changed[position] ^= u8::try_from(state % 255).unwrap() + 1;
            refusals += usize::from(!opens(&changed, "changed", position));
        }
        assert!(
            refusals > whole.len() / step / 3,
            "{name}: {refusals} of {}",
            whole.len()
        );
    }
}
