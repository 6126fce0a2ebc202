//! The link from outside: the built binary in every surrounding a learner may have, its capture read by Wireshark's
//! tools, and what is left of it afterwards.

#![cfg(target_os = "linux")]

mod capture;
#[path = "../common/mod.rs"]
mod common;
mod left;
mod surroundings;

use common::{BINARY, Ran, finished, spawn};
use pcap_file::pcapng::{Block, PcapNgReader};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use stickdemo::link::{Captured, dissect};
use stickdemo::play::Linked;
use stickdemo::scenarios::syllabus;
use stickdemo::sys::wait;
use stickdemo::trace::Role;
use stickdemo::trace::packet::{Content, Fate, Packet};

/// A place of its own for a test: a copy of the binary under a name of its own, which an ordinary user may start,
/// and a folder that an ordinary user may write to.
struct Ground {
    folder: PathBuf,
    name: String,
}

impl Ground {
    fn new() -> Ground {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // The kernel keeps 15 characters of a process's name.
        let name = format!("stk{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(&name);
        fs::create_dir(&folder).expect("a new folder");
        let ground = Ground { folder, name };
        fs::set_permissions(&ground.folder, fs::Permissions::from_mode(0o755)).expect("ours");
        // By another process: what this one holds open for writing its other tests' children hold, too (ETXTBSY).
        let copied = Command::new("cp").arg(BINARY).arg(ground.binary()).status().expect("cp");
        assert!(copied.success());
        fs::create_dir(ground.open()).expect("a new folder");
        fs::set_permissions(ground.open(), fs::Permissions::from_mode(0o777)).expect("ours");
        ground
    }

    fn binary(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// The folder for everybody.
    fn open(&self) -> PathBuf {
        self.folder.join("open")
    }

    /// A name in the folder for everybody.
    fn file(&self, name: &str) -> String {
        self.open().join(name).to_str().expect("UTF-8").to_owned()
    }

    /// What is in the folder for everybody.
    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.open()).expect("the folder");
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    fn command(&self, place: Place, args: &[&str]) -> Command {
        let mut line = place.prefix();
        line.push(self.binary().to_str().expect("UTF-8").to_owned());
        line.extend(args.iter().map(ToString::to_string));
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).stdin(Stdio::null()).current_dir("/");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("TMPDIR", self.open()).env(MARK, &self.name);
        if place.world == World::Forbidden {
            // SAFETY: between fork and exec `forbid_unshare` makes two system calls and takes no lock.
            unsafe { command.pre_exec(forbid_unshare) };
        }
        command
    }

    fn run(&self, place: Place, args: &[&str]) -> Ran {
        finished(spawn(&mut self.command(place, args)))
    }

    /// A run that must come out.
    fn holds(&self, place: Place, args: &[&str]) -> Ran {
        let ran = self.run(place, args);
        assert_eq!(ran.code, Some(0), "{place:?} {args:?}\n{}\n{}", ran.out, ran.err);
        ran
    }

    /// What doctor says about one of the two ways: whether it works, and the sentence.
    fn doctor(&self, place: Place, way: &str, lang: &str) -> (bool, String) {
        let said = self.holds(place, &["doctor", "--format", "json", "--lang", lang]);
        let said: Value = serde_json::from_str(&said.out).expect("JSON");
        let way = &said[way];
        (way["ok"].as_bool().expect("a bool"), way["seen"].as_str().expect("a text").to_owned())
    }

    /// The processes of this test that are still there, those that ended and were not waited for included.
    fn processes(&self) -> Vec<String> {
        let entries = fs::read_dir("/proc").expect("/proc").flatten();
        let mark = format!("{MARK}={}", self.name);
        let of = |entry: fs::DirEntry| {
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            let marked = environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes());
            (marked || stat.contains(&format!("({})", self.name))).then_some(stat)
        };
        entries.filter_map(of).collect()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// An environment variable by which a test knows its processes.
const MARK: &str = "STICKDEMO_TEST_GROUND";

/// Who starts the program, and in what surroundings.
#[derive(Clone, Copy, Debug)]
struct Place {
    ordinary: bool,
    world: World,
}

/// What is different from the machine as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum World {
    /// Nothing.
    Plain,
    /// These shell commands were run in a mount namespace of their own.
    Mounted(&'static str),
    /// User namespaces are switched off, for an ordinary user.
    NoUserNamespaces,
    /// A sandbox refuses unshare(2), as Docker's does.
    Forbidden,
}

const ROOT: Place = Place { ordinary: false, world: World::Plain };
/// An ordinary user, where anybody may open the TUN, as on most machines.
const ORDINARY: Place = Place { ordinary: true, world: World::Mounted(TUN_OPEN) };

fn is_root() -> bool {
    // SAFETY: geteuid always succeeds.
    unsafe { libc::geteuid() == 0 }
}

impl World {
    /// For root and for an ordinary user.
    fn for_both(self) -> [Place; 2] {
        [false, true].map(|ordinary| Place { ordinary, world: self })
    }
}

impl Place {
    /// Can this tester get there? The root of a user namespace, which one who is no root makes do with, gets past a
    /// sandbox no more than others, and without /proc not out of that namespace.
    fn can_be_tried(self) -> bool {
        is_root()
            || match self.world {
                World::Forbidden => self.ordinary,
                World::Mounted(NO_PROC) => !self.ordinary,
                World::Plain | World::Mounted(_) | World::NoUserNamespaces => true,
            }
    }

    /// The command that leads there. Started by an ordinary user, root is that of a user namespace.
    fn prefix(self) -> Vec<String> {
        let mut line = Vec::new();
        let mut then = |words: &str| line.extend(words.split_whitespace().map(str::to_owned));
        let shell = |script: &str| [format!("{script}; exec \"$@\""), "sh".to_owned()];
        match self.world {
            World::Plain | World::Forbidden if !self.ordinary && !is_root() => then("unshare -Ur"),
            World::Plain | World::Forbidden => {}
            World::Mounted(script) => {
                then(if is_root() { "unshare -m sh -ec" } else { "unshare -Urm sh -ec" });
                line.extend(shell(script));
            }
            World::NoUserNamespaces => {
                // In a namespace of their own, so that the limit is nobody else's; then without what set it.
                then("unshare -U --map-user=1000 --map-group=1000 --keep-caps sh -ec");
                line.extend(shell("echo 0 > /proc/sys/user/max_user_namespaces"));
                line.extend("setpriv --inh-caps=-all --ambient-caps=-all".split(' ').map(str::to_owned));
                return line;
            }
        }
        let leave = match (self.ordinary, is_root(), self.world) {
            (true, true, _) => "setpriv --reuid=65534 --regid=65534 --clear-groups",
            (true, false, World::Mounted(_)) => "unshare -U --map-user=1000 --map-group=1000",
            _ => "",
        };
        line.extend(leave.split_whitespace().map(str::to_owned));
        line
    }
}

/// Only root can make a device; where the tester is no root, the machine's own has to do.
const TUN_OPEN: &str =
    "! mknod -m 666 $TMPDIR/tun c 10 200 2>/dev/null || { mount --bind $TMPDIR/tun /dev/net/tun; rm $TMPDIR/tun; }";
const TUN_CLOSED: &str = "touch $TMPDIR/closed; chmod 0 $TMPDIR/closed; mount --bind $TMPDIR/closed /dev/net/tun";
const TUN_ABSENT: &str = "mount -t tmpfs none /dev/net";
const SYSCTLS_READ_ONLY: &str = "! mknod -m 666 $TMPDIR/tun c 10 200 2>/dev/null || { mount --bind $TMPDIR/tun /dev/net/tun; rm $TMPDIR/tun; }; mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys";
const NO_PROC: &str = "mount -t tmpfs none /proc";

/// From now on unshare(2) answers EPERM (seccomp(2)).
fn forbid_unshare() -> std::io::Result<()> {
    const LOAD_NUMBER: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut filter = [
        step(LOAD_NUMBER, 0, 0, 0),
        step(JUMP_IF_EQUAL, 0, 1, libc::SYS_unshare as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: both take numbers and, the second, a pointer to a program that is live during the call.
    let refused = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
            || libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) != 0
    };
    if refused { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

const QUICK: &str = "rtt=2ms";

/// The packets of a file, dissected as a run's are.
fn packets(file: &str) -> Vec<Packet> {
    let file = fs::read(file).expect("a capture");
    let mut reader = PcapNgReader::new(&file[..]).expect("a section header");
    let mut captured = Vec::new();
    while let Some(block) = reader.next_block() {
        if let Block::EnhancedPacket(packet) = block.expect("a sound block") {
            captured.push(Captured {
                from: [Role::Client, Role::Server][packet.interface_id as usize],
                t_us: packet.timestamp.as_micros() as u64,
                arrivals: Vec::new(),
                fate: Fate::Delivered,
                bytes: packet.data.into_owned().into(),
            });
        }
    }
    let count = captured.len();
    let packets = dissect::packets(captured);
    assert_eq!(packets.len(), count, "all are IPv4");
    packets
}

/// What tshark prints about a file; it must not complain. Of packets in packets the outer one.
fn tshark(file: &str, args: &[&str]) -> Vec<String> {
    let mut command = Command::new("tshark");
    for protocol in ["ip", "tcp", "udp"] {
        command.arg("-o").arg(format!("{protocol}.check_checksum:TRUE"));
    }
    let output = command.args(["-r", file]).args(args).output().expect("tshark is installed (apt-get install tshark)");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let complaint: Vec<&str> = complaint.lines().filter(|l| !l.starts_with("Running as user")).collect();
    assert!(output.status.success() && complaint.is_empty(), "{complaint:?}");
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

/// One packet as [`NUMBERS`] asks tshark for it.
fn numbers(packet: &Packet) -> Vec<String> {
    let good = |is: bool| if is { "1" } else { "" }.to_owned();
    let tcp = match packet.segment() {
        Some(s) => [s.seq, s.ack, packet.payload_len as u64, s.window].map(|n| n.to_string()),
        None => Default::default(),
    };
    let flags = packet.segment().map_or(String::new(), |s| format!("0x{:04x}", s.flags.0));
    let is_udp = packet.content == Content::Udp;
    let udp = if is_udp { (packet.payload_len + 8).to_string() } else { String::new() };
    let is_tcp = packet.segment().is_some();
    let marked = packet.segment().is_some_and(|s| s.retransmission);
    [&tcp[..], &[flags, udp, good(true), good(is_tcp), good(is_udp), good(marked)]].concat()
}

const NUMBERS: [&str; 10] = [
    "tcp.seq",
    "tcp.ack",
    "tcp.len",
    "tcp.window_size",
    "tcp.flags",
    "udp.length",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
    "tcp.analysis.retransmission",
];

/// The lines of a type.
fn lines(ran: &Ran, kind: &str) -> Vec<Value> {
    let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["type"] == kind).collect()
}

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Normal,
    Signal(i32),
}

impl End {
    /// A link over which there is time for it.
    fn link(self) -> &'static str {
        if self == End::Normal { QUICK } else { "rtt=4s" }
    }

    /// The exit code; `None` of a process that is killed.
    fn code(self) -> Option<i32> {
        match self {
            End::Normal => Some(0),
            End::Signal(libc::SIGINT) => Some(130),
            End::Signal(_) => None,
        }
    }
}

/// Long enough for anything that the kernel puts off.
const SOON: Duration = Duration::from_secs(20);

/// Runs to the end; to a signal's, when `arrived` says that it is time. Returns the exit code.
fn ended(mut command: Command, end: End, arrived: impl Fn(u32) -> bool) -> Option<i32> {
    let mut child: Child = spawn(&mut command);
    if let End::Signal(signal) = end {
        let over = wait::until(SOON, || arrived(child.id()) || child.try_wait().expect("our child").is_some());
        assert!(over, "it never comes so far");
        if child.try_wait().expect("our child").is_none() {
            // SAFETY: the process is our own child and has not been waited for.
            unsafe { libc::kill(child.id() as i32, signal) };
        }
    }
    finished(child).code
}

/// Interfaces, addresses, routes, rules and settings of the network this test runs in.
fn network() -> BTreeSet<String> {
    let ip = |args: &[&str]| {
        let output = Command::new("ip").args(args).output().expect("ip is installed (apt-get install iproute2)");
        assert!(output.status.success(), "ip {args:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    // What is left of a lease passes by itself.
    let steady = |line: &str| {
        let words = line.split_whitespace().filter(|word| !word.ends_with("sec"));
        words.collect::<Vec<_>>().join(" ")
    };
    let shown = [&["-o", "link"][..], &["-o", "addr"], &["route", "show", "table", "all"], &["-6", "route"], &["rule"]];
    let mut seen: BTreeSet<String> =
        shown.into_iter().flat_map(|args| ip(args).lines().map(steady).collect::<Vec<_>>()).collect();
    settings(Path::new("/proc/sys/net"), &mut seen);
    seen
}

fn settings(folder: &Path, seen: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder of settings").flatten() {
        let path = entry.path();
        if path.is_dir() {
            settings(&path, seen);
        } else if !path.ends_with("nf_conntrack_count") {
            // Some are for writing only.
            seen.insert(format!("{}={}", path.display(), fs::read_to_string(&path).unwrap_or_default()));
        }
    }
}
