//! Talking to a TPM: a character device of Linux, or the socket of a software
//! TPM, with bounds in time and size and every handle given back.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::limits;

use super::super::Error;
use super::code;
use super::wire::{Reader, Writer, cc, length32, st};

/// Where a TPM 2.0 is reached.
///
/// Nothing is opened before a key is used, and nothing stays open after it.
/// The TPM must have been started (TPM2_Startup): the firmware and the kernel
/// do that on real machines, and the flags `startup-clear` of swtpm for a
/// software TPM. It is not done here, because starting a TPM is a statement
/// about the machine's boot that no application can make.
///
/// A TPM that stops answering in the middle of a conversation cannot be given
/// back what it has loaded. The kernel's resource manager does that when the
/// device is closed; on `/dev/tpm0` and sockets it stays until the next reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TpmDevice {
    path: Option<PathBuf>,
    deadline: Duration,
}

impl TpmDevice {
    /// The TPM at `path`: a character device such as `/dev/tpmrm0`, or a UNIX
    /// socket on which a software TPM takes commands as they are (`swtpm socket
    /// --server type=unixio`), or `swtpm:port=N` for one on a port of this
    /// machine (`type=tcp`). Without a path the kernel's resource manager
    /// `/dev/tpmrm0` is taken, and `/dev/tpm0` where there is none.
    #[must_use]
    pub fn new(path: Option<&Path>) -> Self {
        // As tpm2-tools write it.
        let bare = |path: &Path| {
            let text = path.to_str()?;
            let bare = text.strip_prefix("device:");
            bare.or_else(|| text.strip_prefix("swtpm:path="))
                .map(PathBuf::from)
        };
        Self {
            path: path.map(|path| bare(path).unwrap_or_else(|| path.to_owned())),
            deadline: limits::TPM_DEADLINE,
        }
    }

    /// Sets how long one use of a key may take in all; otherwise it is
    /// [`limits::TPM_DEADLINE`]. The kernel has deadlines of its own for a
    /// character device and cannot be interrupted in a command; a socket is
    /// left as soon as the time is up.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The device or socket.
    pub(super) fn path(&self) -> &Path {
        match &self.path {
            Some(path) => path,
            None if !Path::new(MANAGED).exists() && Path::new(RAW).exists() => Path::new(RAW),
            None => Path::new(MANAGED),
        }
    }

    /// Opens the TPM for one use of a key.
    ///
    /// # Errors
    ///
    /// [`Error::TpmDevice`] when it cannot be opened, with the reason.
    pub(super) fn open(&self) -> Result<Conversation, Error> {
        let end = Instant::now() + self.deadline;
        let path = self.path();
        let failed = |source| Error::TpmDevice {
            device: path.to_owned(),
            source,
        };
        let stream = match port(path).map_err(failed)? {
            Some(address) => {
                Stream::Tcp(TcpStream::connect_timeout(&address, self.deadline).map_err(failed)?)
            }
            None => self.open_path(path, end).map_err(failed)?,
        };
        Ok(Conversation {
            stream,
            path: path.to_owned(),
            deadline: self.deadline,
            end,
            held: Vec::new(),
            broken: false,
        })
    }

    fn open_path(&self, path: &Path, end: Instant) -> io::Result<Stream> {
        let kind = std::fs::metadata(path)?.file_type();
        if kind.is_socket() {
            connect(path, self.deadline).map(Stream::Socket)
        } else if kind.is_char_device() {
            open_device(path, end).map(Stream::Device)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is neither a character device nor a UNIX socket",
            ))
        }
    }
}

/// The port of a software TPM, when the path is written as tpm2-tools write
/// it: `swtpm:port=2321`, with `host=` for another address of this machine. The
/// traffic is not protected, so it stays on loopback.
fn port(path: &Path) -> io::Result<Option<SocketAddr>> {
    let wrong = |reason| Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    let Some(options) = path.to_str().and_then(|path| path.strip_prefix("swtpm:")) else {
        return Ok(None);
    };
    let (mut host, mut port) = (IpAddr::V4(Ipv4Addr::LOCALHOST), 2321);
    for option in options.split(',') {
        match option.split_once('=') {
            Some(("host", "localhost")) => {}
            Some(("host", typed)) => match typed.parse::<IpAddr>() {
                Ok(address) if address.is_loopback() => host = address,
                _ => return wrong("a software TPM is reached on loopback only"),
            },
            Some(("port", typed)) => match typed.parse() {
                Ok(typed) => port = typed,
                Err(_) => return wrong("its port is not a number"),
            },
            _ => return wrong("it is written swtpm:host=127.0.0.1,port=2321"),
        }
    }
    Ok(Some(SocketAddr::new(host, port)))
}

/// A TPM that is open, and what it holds for us.
pub(super) struct Conversation {
    stream: Stream,
    path: PathBuf,
    deadline: Duration,
    end: Instant,
    held: Vec<u32>,
    broken: bool,
}

/// What a TPM answered.
pub(super) struct Answer {
    /// Whether it ends with authorizations.
    pub(super) with_sessions: bool,
    /// The response code.
    pub(super) code: u32,
    /// All after the response code.
    pub(super) body: Vec<u8>,
}

impl Conversation {
    /// Sends a command, again after a pause when the TPM asks for that, and
    /// gives its answer.
    ///
    /// # Errors
    ///
    /// [`Error::TpmDevice`], [`Error::TpmTimeout`] and [`Error::TpmAnswer`].
    pub(super) fn transact(&mut self, command: &[u8]) -> Result<Answer, Error> {
        if command.len() > limits::MAX_TPM_COMMAND {
            return Err(self.not_understood("a command for it would be too long"));
        }
        let mut pause = limits::TPM_FIRST_PAUSE;
        loop {
            let answer = self.exchange(command)?;
            if !code::is_passing(answer.code) || Instant::now() + pause >= self.end {
                return Ok(answer);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(limits::TPM_LONGEST_PAUSE);
        }
    }

    /// Remembers an object or session that must be given back.
    pub(super) fn hold(&mut self, handle: u32) {
        self.held.push(handle);
    }

    /// Forgets what the TPM itself has given back.
    pub(super) fn release(&mut self, handle: u32) {
        self.held.retain(|held| *held != handle);
    }

    /// Gives an object or session back now, to make room.
    pub(super) fn flush(&mut self, handle: u32) -> Result<(), Error> {
        let command = frame(st::NO_SESSIONS, cc::FLUSH_CONTEXT, &handle.to_be_bytes());
        self.release(handle);
        self.transact(&command).map(|_| ())
    }

    /// The path of the TPM.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The error for an answer that breaks the rules.
    pub(super) fn not_understood(&self, reason: &'static str) -> Error {
        Error::TpmAnswer {
            device: self.path.clone(),
            reason,
        }
    }

    fn exchange(&mut self, command: &[u8]) -> Result<Answer, Error> {
        // Until a whole answer has come, the next one may belong to this
        // command.
        let broken = std::mem::replace(&mut self.broken, true);
        if broken {
            return Err(self.not_understood("the conversation with it was cut off before"));
        }
        self.write(command)?;
        let response = self.read()?;
        let answer = parse(&response).ok_or_else(|| self.not_understood(MALFORMED))?;
        self.broken = false;
        Ok(answer)
    }

    /// The device takes a command only as a whole: one call of write, which is
    /// what `write_all` makes of it.
    fn write(&mut self, command: &[u8]) -> Result<(), Error> {
        let left = self.left()?;
        let written = match &mut self.stream {
            Stream::Device(file) => file.write_all(command),
            Stream::Socket(socket) => socket
                .set_write_timeout(Some(left))
                .and_then(|()| socket.write_all(command)),
            Stream::Tcp(socket) => socket
                .set_write_timeout(Some(left))
                .and_then(|()| socket.write_all(command)),
        };
        written.map_err(|source| self.failed(source))
    }

    /// Reads until as much has come as the answer says that it has. The device
    /// gives a whole answer at once, to a buffer that is large enough.
    fn read(&mut self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let mut buffer = Zeroizing::new(vec![0; limits::MAX_TPM_RESPONSE]);
        let mut filled = 0;
        loop {
            let left = self.left()?;
            let room = buffer.get_mut(filled..).unwrap_or_default();
            let read = match &mut self.stream {
                Stream::Device(file) => file.read(room),
                Stream::Socket(socket) => socket
                    .set_read_timeout(Some(left))
                    .and_then(|()| socket.read(room)),
                Stream::Tcp(socket) => socket
                    .set_read_timeout(Some(left))
                    .and_then(|()| socket.read(room)),
            };
            match read {
                Ok(0) => {
                    return Err(self.not_understood(match filled {
                        0 => "it gave no answer",
                        _ => "its answer ends too early",
                    }));
                }
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failed(error)),
            }
            let Some(announced) = announced(buffer.get(..filled).unwrap_or_default()) else {
                continue;
            };
            if !(HEADER..=limits::MAX_TPM_RESPONSE).contains(&announced) || filled > announced {
                return Err(self.not_understood(MALFORMED));
            }
            if filled == announced {
                buffer.truncate(filled);
                return Ok(buffer);
            }
        }
    }

    /// The time that is left; an error when there is none.
    fn left(&self) -> Result<Duration, Error> {
        self.end
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
            .ok_or_else(|| self.timeout())
    }

    fn timeout(&self) -> Error {
        Error::TpmTimeout {
            device: self.path.clone(),
            after: self.deadline,
        }
    }

    fn failed(&self, source: io::Error) -> Error {
        match source.kind() {
            // What a socket says when its deadline has passed.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => self.timeout(),
            _ => Error::TpmDevice {
                device: self.path.clone(),
                source,
            },
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // The signature or the error is what counts; giving back must not take
        // long, and its failure changes nothing.
        self.end = Instant::now() + limits::TPM_FLUSH_DEADLINE;
        for handle in std::mem::take(&mut self.held).into_iter().rev() {
            if self.broken || self.flush(handle).is_err() {
                return;
            }
        }
    }
}

/// A whole command.
pub(super) fn frame(tag: u16, code: u32, body: &[u8]) -> Vec<u8> {
    let header = u32::try_from(HEADER).unwrap_or(u32::MAX);
    Writer::default()
        .u16(tag)
        .u32(header.saturating_add(length32(body)))
        .u32(code)
        .raw(body)
        .done()
}

enum Stream {
    Device(File),
    Socket(UnixStream),
    Tcp(TcpStream),
}

/// Opens a device for reading and writing. `/dev/tpm0` can be open once only,
/// so a short use by someone else is waited for.
fn open_device(path: &Path, end: Instant) -> io::Result<File> {
    let patience = end.min(Instant::now() + limits::TPM_BUSY_WAIT);
    loop {
        match File::options().read(true).write(true).open(path) {
            Err(error)
                if error.kind() == io::ErrorKind::ResourceBusy && Instant::now() < patience =>
            {
                std::thread::sleep(limits::TPM_FIRST_PAUSE);
            }
            opened => return opened,
        }
    }
}

/// Connects within the deadline. The system call itself has none when the
/// queue of the socket is full, so it waits in a thread of its own.
fn connect(path: &Path, deadline: Duration) -> io::Result<UnixStream> {
    let (sender, receiver) = mpsc::channel();
    let path = path.to_owned();
    std::thread::Builder::new().spawn(move || {
        // Nobody may be waiting for it any more.
        let _ = sender.send(UnixStream::connect(path));
    })?;
    receiver
        .recv_timeout(deadline)
        .map_err(|_| io::Error::new(io::ErrorKind::ResourceBusy, "others are using it"))?
}

/// The length that an answer says it has, once that much of it has come.
fn announced(response: &[u8]) -> Option<usize> {
    let mut reader = Reader::new(response);
    let _tag = reader.u16()?;
    usize::try_from(reader.u32()?).ok()
}

fn parse(response: &[u8]) -> Option<Answer> {
    let mut reader = Reader::new(response);
    let tag = reader.u16()?;
    let _length = reader.u32()?;
    let code = reader.u32()?;
    let body = reader.rest().to_vec();
    // A TPM 1.2 answers with a tag of its own and an error.
    let known = matches!(tag, st::NO_SESSIONS | st::SESSIONS) || code != code::SUCCESS;
    known.then_some(Answer {
        with_sessions: tag == st::SESSIONS,
        code,
        body,
    })
}

/// Octets of tag, length and code.
const HEADER: usize = 10;
/// The kernel's resource manager.
const MANAGED: &str = "/dev/tpmrm0";
/// The TPM without one.
const RAW: &str = "/dev/tpm0";
/// The words for an answer whose parts do not fit together.
pub(super) const MALFORMED: &str = "its answer is malformed";
