//! What a TPM's path may lead to.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use windlass::key::{self, TpmDevice, open_tss2};

use crate::harness::Sandbox;

use super::software::{SoftwareTpm, secret, sign};

/// A pseudo-terminal is a character device, as `/dev/tpmrm0` is.
#[test]
fn a_character_device_is_spoken_to() {
    struct Bridge(Child);
    impl Drop for Bridge {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let tpm = SoftwareTpm::new();
    tpm.genpkey(
        "key.pem",
        "-algorithm RSA -pkeyopt bits:2048 -pkeyopt user-auth:abc",
    );
    let mut command = Command::new("socat");
    tpm.sandbox.scrub(&mut command);
    let _bridge = Bridge(
        command
            .args(["PTY,link=device,raw,echo=0", "UNIX-CONNECT:tpm.sock"])
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let path = tpm.sandbox.path("device");
    let deadline = Instant::now() + Duration::from_secs(10);
    // Kept open, because the bridge ends with the last one who closes it.
    let _open = loop {
        match std::fs::File::options().read(true).write(true).open(&path) {
            Ok(file) => break file,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let device = TpmDevice::new(Some(&path));
    let key = open_tss2(&tpm.der("key.pem"), "key.pem", &device, &mut |_| {
        Ok(secret(Some("abc")))
    })
    .unwrap();
    for _ in 0..3 {
        sign(&key).unwrap();
    }
}

/// A software TPM on a port, as tpm2-tools name it; never one elsewhere.
#[test]
fn a_port_of_this_machine_is_spoken_to() {
    let tpm = SoftwareTpm::new();
    tpm.genpkey("key.pem", "-algorithm EC -pkeyopt group:P-256");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let socket = tpm.socket();
    let bridge = std::thread::spawn(move || {
        // One conversation to open the key, one to sign.
        for _ in 0..2 {
            let (client, _) = listener.accept().unwrap();
            let server = std::os::unix::net::UnixStream::connect(&socket).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let back = std::thread::spawn(move || {
                let _ = std::io::copy(&mut &server, &mut &client);
            });
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Both);
            back.join().unwrap();
        }
    });
    let device = TpmDevice::new(Some(format!("swtpm:host=127.0.0.1,port={port}").as_ref()));
    let key = open_tss2(&tpm.der("key.pem"), "key.pem", &device, &mut |_| Ok(None)).unwrap();
    sign(&key).unwrap();
    bridge.join().unwrap();
    let path = format!("swtpm:path={}", tpm.socket().display());
    let device = TpmDevice::new(Some(path.as_ref()));
    open_tss2(&tpm.der("key.pem"), "key.pem", &device, &mut |_| Ok(None)).unwrap();
    for wrong in ["swtpm:host=192.0.2.1", "swtpm:port=x", "swtpm:"] {
        let device = TpmDevice::new(Some(wrong.as_ref()));
        let opened = open_tss2(&tpm.der("key.pem"), "key.pem", &device, &mut |_| Ok(None));
        assert!(
            matches!(opened, Err(key::Error::TpmDevice { .. })),
            "{wrong}"
        );
    }
}

#[test]
fn what_is_no_tpm_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("file", "nothing");
    let listener = std::os::unix::net::UnixListener::bind(sandbox.path("dead.sock"));
    drop(listener);
    for (path, words) in [
        (sandbox.path("absent"), "No such file"),
        (sandbox.path("file"), "neither a character device nor"),
        (sandbox.path("dead.sock"), "Connection refused"),
    ] {
        let handle = "0x81000001".parse().unwrap();
        let error = key::open_tpm_handle(handle, &TpmDevice::new(Some(&path)), &mut |_| Ok(None));
        match error {
            Err(key::Error::TpmDevice { device, source }) => {
                assert_eq!(device, path);
                assert!(source.to_string().contains(words), "{source}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(sandbox.read("file"), "nothing");
    for path in ["/dev/null", "/dev/zero"] {
        let handle = "0x81000001".parse().unwrap();
        let device = TpmDevice::new(Some(path.as_ref()));
        let error = key::open_tpm_handle(handle, &device, &mut |_| Ok(None));
        assert!(
            matches!(error, Err(key::Error::TpmAnswer { .. })),
            "{path}: {error:?}"
        );
    }
}
