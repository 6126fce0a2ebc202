//! A real `serve files` in this process, with a directory of its own, for conversations of more than one message.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;
use stickdemo::output::Destination;
use stickdemo::programs::console::Console;
use stickdemo::programs::{Bounds, FileService, Patience, Serve, Trailer, files};
use stickdemo::render::Format;
use stickdemo::render::Style;
use stickdemo::sys::scratch::Scratch;

/// The byte at which the client waits: no UTF-8 text has it.
pub const PAUSE: u8 = 0xfe;

/// How long an unframed text is silent when it is complete: the less, the more cases a second.
const SETTLE: Duration = Duration::from_millis(2);

/// The largest file that is taken.
const LARGEST: u64 = 64 << 10;

struct Live {
    address: SocketAddr,
    /// Holds the served folder and nothing else.
    around: PathBuf,
}

static LIVE: LazyLock<Live> = LazyLock::new(start);

/// Serves until the process ends.
fn start() -> Live {
    let scratch = Scratch::folder("fuzz").expect("a folder");
    let around = scratch.path().to_owned();
    scratch.keep();
    let root = around.join("root");
    fs::create_dir(&root).expect("a folder");
    fs::write(root.join("a"), "hello").expect("a file");
    // A port that is free now; nobody else asks for it by number.
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr()).expect("a port");
    let (trailer, held) = (Trailer::Ack, 1 << 30);
    let service = FileService { root, overwrite: true, trailer, largest: LARGEST, header: 4096, held };
    let patience = Patience { timeout: Duration::from_secs(5), least: 0, settle: SETTLE };
    let bounds = Bounds { connections: 100, patience };
    let serve = Serve { listen: address, bounds };
    std::thread::spawn(move || {
        let log = fs::File::options().write(true).open(if cfg!(windows) { "NUL" } else { "/dev/null" });
        let sink = Destination::Device(std::io::BufWriter::new(log.expect("a place for its log")));
        let console = Console::new(sink, &Style::plain(), Format::Text, false);
        let ended = files::serve::run(&service, &serve, &console).map_err(|trouble| trouble.text.en.into_owned());
        panic!("the server ended: {ended:?}");
    });
    Live { address, around }
}

fn connect() -> TcpStream {
    let mut stream = None;
    let connected = stickdemo::sys::wait::until(Duration::from_secs(10), || {
        stream = TcpStream::connect(LIVE.address).ok();
        stream.is_some()
    });
    assert!(connected, "the server takes clients");
    stream.expect("connected")
}

/// Says the parts one after another; returns all that the server said.
pub fn converse(parts: &[&[u8]]) -> Vec<u8> {
    let mut stream = connect();
    let mut said = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        // A server that has hung up reads no further; what it said is still to come.
        if stream.write_all(part).is_err() {
            break;
        }
        if n + 1 < parts.len() {
            stream.set_read_timeout(Some(2 * SETTLE)).expect("a timeout");
            let mut piece = [0; 4096];
            said.extend(stream.read(&mut piece).map(|n| piece[..n].to_vec()).unwrap_or_default());
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    // A reset ends what was said, too; a server that neither answers nor hangs up does not.
    if let Err(error) = stream.read_to_end(&mut said) {
        assert!(error.kind() == std::io::ErrorKind::ConnectionReset, "the server does not hang up: {error}");
    }
    said
}

/// Nothing outside the served folder, nothing half-written in it, nothing larger than allowed.
pub fn in_order() {
    let outside: Vec<_> = fs::read_dir(&LIVE.around).expect("a folder").flatten().map(|e| e.file_name()).collect();
    assert_eq!(outside, ["root"], "something left the root");
    for entry in fs::read_dir(LIVE.around.join("root")).expect("a folder").flatten() {
        let (name, there) = (entry.file_name(), entry.metadata().expect("a file's data"));
        let hidden = name.to_string_lossy().starts_with(".stickdemo-");
        assert!(there.is_file() && !hidden && there.len() <= LARGEST, "{name:?} {there:?}");
        if name != "a" {
            fs::remove_file(entry.path()).expect("removed");
        }
    }
}

/// Takes the folder away, once nothing more is to be served from it.
pub fn clean() {
    fs::remove_dir_all(&LIVE.around).expect("removed");
}
