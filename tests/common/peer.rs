//! The other side: programs in Python, written from the documents' description, and peers made for one conversation.

use super::PATIENCE;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;
use stickdemo::net::statistics;
use stickdemo::sys::wait;

/// One of the programs in tests/peers.
pub fn python(script: &str) -> Command {
    let mut command = Command::new(if cfg!(windows) { "python" } else { "python3" });
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(script));
    command.stdin(Stdio::null()).env("PYTHONIOENCODING", "utf-8");
    command
}

/// A port of this test's own, and its address for a command line.
pub fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    (listener, address)
}

/// A server made for one conversation; what `talk` returns is what it learned.
pub fn scripted<T: Send + 'static>(talk: impl FnOnce(TcpStream) -> T + Send + 'static) -> (String, JoinHandle<T>) {
    let (listener, address) = listener();
    (address, std::thread::spawn(move || talk(listener.accept().expect("a client").0)))
}

/// The next bytes of a stream, as text.
pub fn text(stream: &mut TcpStream, len: usize) -> String {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).expect("text");
    String::from_utf8(bytes).expect("text in UTF-8")
}

/// Closes with a reset instead of an end: SO_LINGER with no time (socket(7)).
pub fn reset(stream: TcpStream) {
    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

/// Waits until the other kernel has everything; where a system cannot tell, loopback is quick.
pub fn arrived(stream: &TcpStream) {
    let acknowledged = || statistics::acknowledged(&socket2::SockRef::from(stream));
    assert!(wait::until(PATIENCE, || acknowledged().unwrap_or(true)), "not acknowledged");
}

/// True when the other side hung up, in order or not.
pub fn hung_up(stream: &mut TcpStream) -> bool {
    let mut rest = [0; 4096];
    loop {
        match stream.read(&mut rest) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return !matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
    }
}
