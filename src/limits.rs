//! Every bound on hostile or damaged input, in one place, each with its reason.

use std::time::Duration;

use chrono::TimeDelta;

/// Largest key, certificate, bundle or CRL file that is read, in bytes. Roles
/// Anywhere takes CRLs up to 300,000 bytes and anchors up to 204,800, so this
/// leaves room for bundles and still bounds memory.
pub const MAX_FILE: u64 = 4 * 1024 * 1024;

/// Largest request for a certificate that is read, in bytes: one with an ML-DSA-87
/// key has 10,000 in PEM, and names add some hundreds.
pub const MAX_REQUEST: u64 = 64 * 1024;

/// Largest file of a batch that is read, in bytes: a million requests with EC
/// keys have less.
pub const MAX_BATCH: u64 = 1024 * 1024 * 1024;

/// Most rows of a batch.
pub const MAX_BATCH_ROWS: usize = 1_000_000;

/// How many rows of a batch are reserved and stored in one transaction: others
/// who issue wait no longer than for so many.
pub const BATCH_TRANSACTION: usize = 100;

/// Most threads that sign for a batch.
pub const MAX_BATCH_JOBS: usize = 64;

/// Most subject alternative names in one certificate: Roles Anywhere takes a
/// client certificate of 16 kB, and makes tags of the first ones only.
pub const MAX_NAMES: usize = 100;
/// Largest revocation list that a CA reads back, in bytes: some four million
/// entries as PEM. Its own lists may be larger than Roles Anywhere takes.
pub const MAX_CRL_FILE: u64 = 256 * 1024 * 1024;

/// Largest revocation list that Roles Anywhere takes, as PEM, in bytes (its
/// quotas; they cannot be raised).
pub const ROLES_ANYWHERE_CRL: u64 = 300_000;

/// Most certificates that Roles Anywhere takes in the bundle of one trust anchor
/// (its quotas; they cannot be raised).
pub const ROLES_ANYWHERE_ANCHORS: usize = 2;

/// Most revocation lists that Roles Anywhere takes for one trust anchor (its
/// quotas; they cannot be raised).
pub const ROLES_ANYWHERE_CRLS: u64 = 2;

/// Most characters of a role's trust policy, white space apart, that IAM stores
/// when its quota is raised as far as it goes (IAM user guide, "IAM and AWS STS
/// quotas"; the default is 2,048).
pub const MAX_TRUST_POLICY: usize = 4096;

/// Largest file with a trust policy that is read, in bytes: indented, and each
/// character percent-encoded.
pub const MAX_TRUST_POLICY_FILE: u64 = 64 * 1024;

/// Largest passphrase that is read, in bytes.
pub const MAX_PASSPHRASE: u64 = 4096;

/// Shortest passphrase that may protect a new CA key, in characters: the floor
/// that NIST SP 800-63B sets for a secret that a person chooses.
pub const MIN_NEW_PASSPHRASE: usize = 8;

/// Most extensions in one certificate; real ones have about ten.
pub const MAX_EXTENSIONS: usize = 100;

/// Most attributes in one name that is linted; real ones have less than ten.
pub const MAX_NAME_ATTRIBUTES: usize = 500;

/// Most places that one rule of the linter names.
pub const MAX_RULE_FINDINGS: usize = 10;

/// Deepest nesting of DER that is linted; certificates have less than fifteen.
pub const MAX_DER_DEPTH: usize = 64;

/// Largest file that is linted, in bytes: a list with some 300,000 entries.
pub const MAX_LINT_FILE: u64 = 16 * 1024 * 1024;

/// Most certificates and lists in one file that is linted. The roots of a
/// system's bundle are about 150.
pub const MAX_LINT_OBJECTS: usize = 1000;

/// Most certificates that may be imported as one trust anchor, the two of a
/// rollover (Roles Anywhere user guide, "Quotas").
pub const MAX_ANCHOR_CERTIFICATES: usize = 2;

/// Characters of a trust anchor's bundle that every edition of Roles Anywhere's
/// API has allowed.
pub const MAX_ANCHOR_CHARACTERS: usize = 8000;

/// Largest revocation list that Roles Anywhere imports, in bytes.
pub const MAX_IMPORTED_CRL: usize = 300_000;

/// Most certificates that one file may hold.
pub const MAX_CERTIFICATES: usize = 100;

/// Longest RSA modulus that is accepted, in bits: the most that ring verifies.
pub const MAX_RSA_BITS: usize = 8192;

/// Longest RSA modulus of a private key, in bits: the most with which ring
/// signs.
pub const MAX_RSA_PRIVATE_BITS: usize = 4096;

/// Shortest RSA modulus that is accepted, in bits.
pub const MIN_RSA_BITS: usize = 2048;

/// Most PBKDF2 iterations that a key file may demand: a few seconds of work, and
/// well above what tools write (OpenSSL 2048, careful users 600,000).
pub const MAX_PBKDF2_ITERATIONS: u32 = 3_000_000;

/// Most iterations of key derivation that one file may demand in all: a PKCS#12
/// file has several encrypted parts, and a passphrase is tried in several ways.
pub const MAX_FILE_ITERATIONS: u32 = 10_000_000;

/// Longest salt of a key derivation, in bytes; real ones have 8 to 64.
pub const MAX_SALT: usize = 1024;

/// How deep SafeContents may nest in a PKCS#12 file; tools do not nest them.
pub const MAX_SAFE_DEPTH: usize = 4;

/// Most memory that a key file's scrypt parameters may demand, in bytes:
/// 128 · r · (N + p) (RFC 7914 section 5). It is enough for N = 2^17 and r = 8,
/// the most that OWASP recommends.
pub const MAX_SCRYPT_MEMORY: u64 = 136 * 1024 * 1024;

/// Most work that a key file's scrypt parameters may demand, as N · r · p.
pub const MAX_SCRYPT_WORK: u64 = 16 * 1024 * 1024;

/// Most certificates in the `X-Amz-X509-Chain` header (AWS: a chain of at most
/// five).
pub const MAX_CHAIN: usize = 5;

/// Most signature checks that building one certification path may cost.
pub const PATH_BUDGET: usize = 100;

/// Most other steps that building and judging certification paths may cost: a
/// certificate that is looked at, a name that is compared with a constraint, a
/// policy with another. A hundred names below a thousand constraints are within
/// it, and no input takes longer than a fraction of a second.
pub const PATH_STEPS: usize = 250_000;

/// Longest certification path, the leaf and the anchor included.
pub const MAX_PATH_LENGTH: usize = 10;

/// Most paths of which it is told why they are refused.
pub const MAX_TRIED_PATHS: usize = 20;

/// Largest CreateSession answer that is read, in bytes. Real ones have about
/// two kilobytes; AWS sets no limit on a token's length.
pub const MAX_RESPONSE: usize = 1024 * 1024;

/// Largest request body that the emulator reads, in bytes: a revocation list of
/// the 300,000 bytes that ImportCrl takes, in base64 and in JSON, and more, so
/// that one that is too large is refused by its own message.
pub const MAX_REQUEST_BODY: usize = 640 * 1024;

/// Size of the emulator's header buffer, in bytes. An ML-DSA-87 leaf with a
/// chain makes tens of kilobytes, far above the usual 8 KiB.
pub const MAX_REQUEST_HEAD: usize = 128 * 1024;

/// Most header fields in one request to the emulator.
pub const MAX_REQUEST_HEADERS: usize = 128;

/// Longest that a TCP and TLS connection to an endpoint may take.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// Longest that a proxy which has refused is waited for to say with which status:
/// nothing but the words of an error depends on it.
pub const REFUSAL_DEADLINE: Duration = Duration::from_secs(2);

/// Longest silence while an answer is awaited.
pub const READ_DEADLINE: Duration = Duration::from_secs(20);

/// Longest that obtaining credentials may take in all. The Go SDK ends a
/// `credential_process` after one minute, so this stays below 50 s.
pub const TOTAL_DEADLINE: Duration = Duration::from_secs(45);

/// Longest that one attempt may take: a server that trickles must leave time for
/// another attempt. Connecting has its own, shorter deadline, so that four
/// attempts fit into the total when packets are dropped.
pub const ATTEMPT_DEADLINE: Duration = Duration::from_secs(20);

/// Most attempts for one answer.
pub const MAX_ATTEMPTS: u32 = 4;

/// Longest first pause between attempts; each further one may be twice as long.
pub const FIRST_RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Longest pause between attempts that the service did not ask for.
pub const LONGEST_RETRY_PAUSE: Duration = Duration::from_secs(5);

/// What must be left of the total, after a pause, for another attempt to be
/// worth it.
pub const LEAST_ATTEMPT: Duration = Duration::from_secs(1);

/// Most roles of a chain. AWS sets no limit; nobody needs more.
pub const MAX_ROLE_CHAIN: usize = 8;

/// Most sessions that the emulator remembers.
pub const MAX_EMULATED_SESSIONS: usize = 10_000;

/// Most characters of a reason that the emulator gives in a header: a policy may
/// have names of any length.
pub const MAX_EMULATED_REASON: usize = 2000;

/// Most subjects that the emulator remembers.
pub const MAX_EMULATED_SUBJECTS: usize = 10_000;

/// Most certificates, and most instance properties, that the emulator remembers
/// of a subject.
pub const MAX_EMULATED_SIGHTINGS: usize = 20;

/// Largest state file of the emulator that is read, in bytes: its quotas of
/// trust anchors and revocation lists in full, and many subjects.
pub const MAX_EMULATOR_STATE: u64 = 512 * 1024 * 1024;

/// Largest fault file that the emulator reads, in bytes.
pub const MAX_FAULT_FILE: u64 = 4096;

/// What of the total is left for the exchange, however long key and certificate
/// have taken.
pub const LEAST_EXCHANGE_DEADLINE: Duration = Duration::from_secs(5);

/// Most connections that the emulator serves at once; more wait to be accepted.
/// Each may hold a head and a body of the largest size.
pub const MAX_EMULATOR_CONNECTIONS: usize = 256;

/// Longest that one connection to the emulator may last: a client that does not
/// read its answers must not keep a place for ever.
pub const SERVER_CONNECTION_DEADLINE: Duration = Duration::from_secs(120);

/// Longest that the emulator waits for a TLS handshake or for a request.
pub const SERVER_READ_DEADLINE: Duration = Duration::from_secs(30);

/// How often it is looked at the wall clock whether a session is due: so soon
/// after a machine wakes up, or its clock is set, it is noticed.
pub const KEEPER_TICK: Duration = Duration::from_secs(1);

/// How long a session may stay due, while no try to replace it fails, before that
/// is told as one: so long another process that shares the cache may wait and
/// ask.
pub const OVERDUE: TimeDelta = TimeDelta::minutes(1);

/// Most connections that `serve` holds at once; more wait to be accepted. Each
/// takes some 20 KiB.
pub const MAX_SERVE_CONNECTIONS: usize = 512;

/// Size of the header buffer of `serve`, in bytes: requests of SDKs have less
/// than one kilobyte, and hyper takes no less than 8 KiB.
pub const MAX_SERVE_HEAD: usize = 16 * 1024;

/// Most header fields in one request to `serve`.
pub const MAX_SERVE_HEADERS: usize = 64;

/// Most of them that one user holds, where it is known who connects: one alone
/// must not keep the others out.
pub const MAX_SERVE_CONNECTIONS_OF_USER: usize = MAX_SERVE_CONNECTIONS / 2;

/// Most requests that one connection to `serve` carries; SDKs send a few an
/// hour.
pub const MAX_SERVE_REQUESTS: u32 = 1000;

/// Longest that `serve` waits for a request, the first one of a connection or a
/// further one: SDKs send theirs at once.
pub const SERVE_READ_DEADLINE: Duration = Duration::from_secs(30);

/// The same while more than half of the places are taken.
pub const SERVE_CROWDED_READ_DEADLINE: Duration = Duration::from_secs(3);

/// Longest that one connection to `serve` may last before it is asked to end
/// after its next answer.
pub const SERVE_CONNECTION_DEADLINE: Duration = Duration::from_secs(600);

/// Longest that an answer which has begun may still take when its connection is
/// to end.
pub const SERVE_DRAIN_DEADLINE: Duration = Duration::from_secs(5);

/// Most lines for stderr that wait for whoever reads it; more are dropped and
/// counted. An outage of all profiles has less.
pub const MAX_QUEUED_LINES: usize = 512;

/// Longest that it is waited, at the start and at the end, for whoever reads
/// stderr.
pub const STDERR_PATIENCE: Duration = Duration::from_secs(1);

/// Longest life of an IMDS token (EC2 user guide, "Use IMDSv2": 1 second to
/// 6 hours).
pub const MAX_IMDS_TOKEN_SECONDS: u32 = 21_600;

/// Shortest token that may guard the container endpoint, in characters: 128
/// bits in hex have 32, and in base64 22.
pub const MIN_AUTHORIZATION_TOKEN: usize = 22;

/// Longest such token, in bytes; it comes with every request.
pub const MAX_AUTHORIZATION_TOKEN: u64 = 4096;

/// Most profiles that one `serve` keeps, each with a thread of its own.
pub const MAX_SERVED_PROFILES: usize = 100;

/// Longest line of the kernel's table of sockets together, in bytes: about
/// 100,000 sockets.
pub const MAX_SOCKET_TABLE: u64 = 16 * 1024 * 1024;

/// Longest that a program may take which gives a passphrase, key material or a
/// signature. Three of them leave time for the exchange.
pub const COMMAND_DEADLINE: Duration = Duration::from_secs(10);

/// How much of what a failed program says on stderr is kept, in bytes.
pub const MAX_COMMAND_COMPLAINT: u64 = 4096;

/// Largest signature that a signer program may print, in bytes: that of
/// ML-DSA-87 in base64, with room for line endings.
pub const MAX_SIGNATURE: u64 = 8192;

/// How long the load of a key with its certificate is retried while the two do
/// not match: a rotation replaces one file after the other.
pub const RELOAD_PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
];

/// Longest PKCS#11 URI that is read, in bytes: every attribute of a token has
/// at most 64 octets, labels and identifiers are short, paths at most 4096.
pub const MAX_PKCS11_URI: usize = 8192;

/// Most objects of one class that a search in a token may find. Who has more
/// names one by its label or identifier.
pub const MAX_TOKEN_OBJECTS: usize = 256;

/// Largest certificate or public key that is taken from a token, in bytes.
pub const MAX_TOKEN_VALUE: usize = 64 * 1024;

/// Most tokens, objects or certificates that one message lists.
pub const MAX_LISTED: usize = 8;

/// Most characters that are shown of a distinguished name as selectors write
/// it: RFC 5280 allows 64 for most attributes, real names have less than ten.
pub const MAX_SHOWN_NAME: usize = 512;

/// Largest command that is sent to a TPM, in bytes: what a TPM's input buffer
/// holds (TPM_PT_MAX_COMMAND_SIZE is 4096 on PC clients).
pub const MAX_TPM_COMMAND: usize = 4096;

/// Largest answer of a TPM that is read, in bytes; the kernel's buffer has as
/// many.
pub const MAX_TPM_RESPONSE: usize = 4096;

/// Largest half of a TPM key file, in bytes. An RSA key of 4096 bits has less
/// than 2000, and a command holds both halves.
pub const MAX_TPM_BLOB: usize = 3072;

/// Most bytes that a TPM hashes in one command for a restricted key
/// (TPM2_MAX_DIGEST_BUFFER of the reference implementation). What is signed
/// for a CreateSession request has about 150.
pub const MAX_TPM_HASH: usize = 1024;

/// Longest RSA modulus of a TPM's key, in bits: the most that TPMs have.
pub const MAX_TPM_RSA_BITS: usize = 4096;

/// Longest that one use of a TPM key may take. A TPM computes an RSA primary
/// key in up to twenty seconds, everything else in less than one.
pub const TPM_DEADLINE: Duration = Duration::from_secs(22);

/// Longest that `/dev/tpm0` is waited for while another program has it open:
/// a few commands' time; a resource manager never gives it back.
pub const TPM_BUSY_WAIT: Duration = Duration::from_secs(2);

/// First pause before a command is sent again to a TPM that is busy; each
/// further pause is twice as long.
pub const TPM_FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Longest pause before a command is sent again to a TPM.
pub const TPM_LONGEST_PAUSE: Duration = Duration::from_millis(640);

/// Longest that giving back a TPM's objects may take after an error.
pub const TPM_FLUSH_DEADLINE: Duration = Duration::from_secs(2);

/// Largest of AWS's shared files that is edited, in bytes. Hundreds of profiles
/// have less than 1 MiB.
pub const MAX_SHARED_FILE: u64 = 4 * 1024 * 1024;

/// Most lines of one of AWS's shared files: each needs some hundred bytes of
/// memory while it is read, whatever stands on it.
pub const MAX_SHARED_LINES: usize = 100_000;

/// Longest that the lock of a file that is edited is waited for. It is held for
/// a few fsyncs.
pub const EDIT_LOCK_WAIT: Duration = Duration::from_secs(10);

/// How often the lock of a file that is edited is tried.
pub const EDIT_LOCK_POLL: Duration = Duration::from_millis(5);

/// Longest that a process waits for another one's refresh before it asks by
/// itself: together with that it stays below a minute.
pub const CACHE_WAIT: Duration = Duration::from_secs(20);

/// How often a process looks whether another one has obtained the session that
/// both need.
pub const CACHE_POLL: Duration = Duration::from_millis(15);

/// Longest that a refresh may take while a session is still valid: what waits
/// for it could go on at once.
pub const EARLY_REFRESH_DEADLINE: Duration = Duration::from_secs(8);

/// Most tags and equals signs in an answer of STS. Real ones have about fifty,
/// the padding of base64 included.
pub const MAX_STS_MARKS: usize = 1000;

/// Shortest time between two looks of a keeper at the clock.
pub const LEAST_KEEPER_TICK: Duration = Duration::from_millis(10);

/// Longest that the end of `update` waits for a file that is being written.
pub const SETTLE_PATIENCE: Duration = Duration::from_secs(1);

/// How long it is waited after the operating system gave no connection: out of
/// file descriptors, most likely, which passes.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How often a connection looks whether places have become scarce.
pub const CROWD_TICK: Duration = Duration::from_millis(500);

/// Most symbolic links that are followed to a file that is edited, as many as
/// Linux follows.
pub const MAX_LINKS: usize = 40;

/// Most minutes that a zone's clock has shown twice at once: a day, where the date
/// line was moved.
pub const MAX_REPEATED_MINUTES: usize = 24 * 60 + 1;

/// Largest file in which the rotation of an identity keeps what it knows of
/// itself, in bytes: some hundred steps and the ends of what programs have said.
pub const MAX_ROTATION_STATE: u64 = 256 * 1024;

/// Longest that a hook may take, unless another time is said: a service that
/// stops and starts again is up within a minute, or is not.
pub const HOOK_DEADLINE: Duration = Duration::from_secs(60);

/// How much of the end of a hook's output is kept, in octets.
pub const MAX_HOOK_OUTPUT: usize = 1000;

/// Longest that a command which issues a certificate may take, unless another time
/// is said: an authority at the other end of a slow line, with its key in a device.
pub const ISSUER_DEADLINE: Duration = Duration::from_secs(60);

/// Most that such a command may print, in bytes: a chain of
/// [`MAX_CHAIN`] with ML-DSA-87 has less than 60,000. A page of a proxy fits as
/// well, so that it can be said that it is one.
pub const MAX_ISSUER_ANSWER: u64 = 256 * 1024;

/// Longest deadline that can be asked for, for programs that a rotation runs.
pub const LONGEST_DEADLINE: Duration = Duration::from_secs(3600);
