//! A TPM on a UNIX socket that answers as a test says, or passes on what a
//! software TPM answers.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use windlass::key::TpmDevice;

/// What a fake TPM does after a command.
pub enum Reply {
    /// Answers.
    Answer(Vec<u8>),
    /// Answers and closes the connection.
    Last(Vec<u8>),
    /// Answers an octet at a time, with a pause after each.
    Drip(Vec<u8>, Duration),
    /// Never answers.
    Silence,
}

/// A running fake; dropping it ends its thread.
pub struct FakeTpm {
    path: PathBuf,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FakeTpm {
    /// Listens at `path`; `answer` gets every command.
    pub fn new(path: PathBuf, mut answer: impl FnMut(&[u8]) -> Reply + Send + 'static) -> Self {
        let listener = UnixListener::bind(&path).unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            while let Ok((client, _)) = listener.accept() {
                if seen.load(Ordering::Relaxed) {
                    break;
                }
                serve(client, &seen, &mut answer);
            }
        });
        Self {
            path,
            ended,
            thread: Some(thread),
        }
    }

    pub fn device(&self) -> TpmDevice {
        TpmDevice::new(Some(&self.path))
    }
}

impl Drop for FakeTpm {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = UnixStream::connect(&self.path);
        let _ = self.thread.take().unwrap().join();
        let _ = std::fs::remove_file(&self.path);
    }
}

fn serve(mut client: UnixStream, ended: &AtomicBool, answer: &mut impl FnMut(&[u8]) -> Reply) {
    client
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let mut buffer = [0; 8192];
    while !ended.load(Ordering::Relaxed) {
        let command = match client.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => &buffer[..count],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return,
        };
        // A client that has left does not matter here.
        match answer(command) {
            Reply::Answer(bytes) => drop(client.write_all(&bytes)),
            Reply::Last(bytes) => return drop(client.write_all(&bytes)),
            Reply::Drip(bytes, pause) => {
                for octet in bytes {
                    if client.write_all(&[octet]).is_err() {
                        return;
                    }
                    std::thread::sleep(pause);
                }
            }
            Reply::Silence => {}
        }
    }
}

/// Passes commands on to a software TPM.
pub struct Relay(UnixStream);

impl Relay {
    pub fn new(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Self(stream)
    }

    pub fn pass(&mut self, command: &[u8]) -> Vec<u8> {
        self.0.write_all(command).unwrap();
        let mut header = [0; 10];
        self.0.read_exact(&mut header).unwrap();
        let length = u32::from_be_bytes(header[2..6].try_into().unwrap());
        let mut answer = header.to_vec();
        answer.resize(usize::try_from(length).unwrap(), 0);
        self.0.read_exact(&mut answer[10..]).unwrap();
        answer
    }
}

/// The answer with a response code and nothing else.
pub fn refusal(code: u32) -> Vec<u8> {
    [&[0x80, 1, 0, 0, 0, 10][..], &code.to_be_bytes()].concat()
}

/// The code of a command.
pub fn command_code(command: &[u8]) -> u32 {
    u32::from_be_bytes(command[6..10].try_into().unwrap())
}
