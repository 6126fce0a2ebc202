//! The link from outside: the built binary in every surrounding a learner may have, its capture read by Wireshark's
//! tools, and what is left of it afterwards.

#![cfg(target_os = "linux")]

mod common;

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

// Where and as whom the program runs.

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
const ORDINARY: Place = Place { ordinary: true, world: World::Plain };

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

const TUN_CLOSED: &str = "touch $TMPDIR/closed; chmod 0 $TMPDIR/closed; mount --bind $TMPDIR/closed /dev/net/tun";
const TUN_ABSENT: &str = "mount -t tmpfs none /dev/net";
const SYSCTLS_READ_ONLY: &str = "mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys";
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

// What works where.

/// Over a link and on loopback, and what doctor says agrees.
fn all_works(ground: &Ground, place: Place) {
    let ran = ground.holds(place, &["tcp-naive", "--link", QUICK, "--pcap", &ground.file("works.pcapng")]);
    assert!(ran.out.contains("192.0.2.2") && ran.err.is_empty(), "{place:?}\n{}\n{}", ran.out, ran.err);
    assert!(!packets(&ground.file("works.pcapng")).is_empty(), "{place:?}");
    fs::remove_file(ground.file("works.pcapng")).expect("it was there");
    loopback_works(ground, place, true);
}

/// Every scenario, too; without a link those that loopback cannot show are not possible here, which is no failure.
fn loopback_works(ground: &Ground, place: Place, link: bool) {
    assert!(ground.holds(place, &["tcp-naive"]).out.contains("127.0.0.1"));
    let summaries = lines(&ground.holds(place, &["all", "--format", "json"]), "summary");
    let verdicts = syllabus().into_iter().map(|scenario| match scenario.experiment.linked {
        Linked::Only if !link => (scenario.id, "not-possible-here"),
        _ => (scenario.id, "reproduced"),
    });
    let text = |line: &Value, key: &str| line[key].as_str().expect("a text").to_owned();
    let seen: Vec<_> = summaries.iter().map(|line| (text(line, "scenario"), text(line, "verdict"))).collect();
    let expected: Vec<_> = verdicts.map(|(id, verdict)| (id.to_owned(), verdict.to_owned())).collect();
    assert_eq!(seen, expected, "{place:?}");
}

#[test]
fn root_and_an_ordinary_user_have_a_link() {
    let ground = Ground::new();
    for place in [ROOT, ORDINARY] {
        all_works(&ground, place);
        for way in ["link_tun", "link_veth"] {
            assert!(ground.doctor(place, way, "en").0, "{place:?} {way}");
        }
    }
}

#[test]
fn without_a_tun_it_is_a_veth_pair() {
    let ground = Ground::new();
    for (mounts, ordinary, said) in [
        // Whoever it belongs to opens what is closed, too; what stands there is no TUN.
        (TUN_CLOSED, true, if is_root() { "EACCES" } else { "ENOTTY" }),
        (TUN_CLOSED, false, "ENOTTY"),
        (TUN_ABSENT, true, "ENOENT"),
        (TUN_ABSENT, false, "ENOENT"),
    ] {
        let place = Place { ordinary, world: World::Mounted(mounts) };
        all_works(&ground, place);
        let (there, seen) = ground.doctor(place, "link_tun", "en");
        assert!(!there && seen.contains(said), "{place:?}: {seen}");
        assert!(ground.doctor(place, "link_veth", "en").0, "{place:?}");
        let _ = fs::remove_file(ground.file("closed"));
    }
}

#[test]
fn sysctls_that_cannot_be_written_are_no_obstacle() {
    let ground = Ground::new();
    for place in World::Mounted(SYSCTLS_READ_ONLY).for_both() {
        all_works(&ground, place);
        // Whatever the segments' size is now, what is claimed about them is what was seen.
        ground.holds(place, &["tcp-split", "--link", QUICK]);
        ground.holds(place, &["udp-no-server", "--link", QUICK]);
        assert!(ground.doctor(place, "link_tun", "en").0, "{place:?}");
    }
}

/// No link, and why, and what to do; everything else as ever.
fn nothing_begun(ground: &Ground, place: Place, words: [&str; 2]) {
    let file = ground.file("old.pcapng");
    fs::write(&file, "old").expect("a file");
    for (lang, reason) in [("en", "no packet link"), ("zh", "无法建立模拟链路")] {
        let ran = ground.run(place, &["tcp-naive", "--link", QUICK, "--pcap", &file, "--lang", lang]);
        assert_eq!(ran.code, Some(3), "{place:?}\n{}\n{}", ran.out, ran.err);
        // Lines are folded at any space.
        let said = ran.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.iter().chain([&reason]).all(|word| said.contains(word)), "{place:?}: {said}");
        assert!(!said.contains("192.0.2."), "nothing was begun: {said}");
        for way in ["link_tun", "link_veth"] {
            let (there, seen) = ground.doctor(place, way, lang);
            assert!(!there && words.iter().all(|word| seen.contains(word)), "{place:?} {way}: {seen}");
        }
    }
    assert_eq!(fs::read_to_string(&file).expect("still there"), "old", "{place:?}");
    assert_eq!(ground.left(), ["old.pcapng"], "{place:?}");
}

#[test]
fn where_there_is_no_link_it_says_why_and_what_to_do() {
    let ground = Ground::new();
    let off = Place { ordinary: true, world: World::NoUserNamespaces };
    let [boxed_root, boxed] = World::Forbidden.for_both();
    let off_words = ["ENOSPC", "sysctl user.max_user_namespaces="];
    let boxed_words = ["EPERM", "CAP_SYS_ADMIN"];
    for (place, words) in [(off, off_words), (boxed, boxed_words), (boxed_root, boxed_words)] {
        if place.can_be_tried() {
            nothing_begun(&ground, place, words);
            loopback_works(&ground, place, false);
        }
    }
    for place in World::Mounted(NO_PROC).for_both().into_iter().filter(|place| place.can_be_tried()) {
        nothing_begun(&ground, place, ["ENOENT", "mount -t proc proc /proc"]);
        ground.holds(place, &["tcp-naive"]);
    }
}

/// Podman's root, and Docker's: without the capability to make a network namespace, with the one to map itself.
#[test]
fn a_containers_root_takes_a_user_namespace_like_anybody_else() {
    let ground = Ground::new();
    let mut line = Command::new("unshare");
    line.args(["-Ur", "setpriv", "--bounding-set=-all,+setfcap", "--inh-caps=-all"]).stdin(Stdio::null());
    let ran = finished(spawn(line.arg(ground.binary()).args(["tcp-naive", "--link", QUICK])));
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
}

// The capture, read by others.

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

fn fields(file: &str, names: &[&str]) -> Vec<Vec<String>> {
    let mut args = vec!["-T", "fields", "-E", "occurrence=f"];
    args.extend(names.iter().flat_map(|name| ["-e", name]));
    tshark(file, &args).iter().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
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

/// That tshark reads every packet of a file as we do; returns them.
fn read_alike(file: &str) -> Vec<Packet> {
    let ours = packets(file);
    let theirs = fields(file, &NUMBERS);
    for (n, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        // An ICMP error quotes a packet, which tshark reads, too: what it finds there is not the packet's own.
        let is_icmp = matches!(ours.content, Content::Icmp { .. });
        let of_it = if is_icmp { 6..7 } else { 0..NUMBERS.len() };
        assert_eq!(numbers(ours)[of_it.clone()], theirs[of_it], "{file}, packet {}", n + 1);
    }
    assert_eq!(ours.len(), theirs.len(), "{file}");
    assert_eq!(tshark(file, &["-Y", "_ws.malformed"]), [""; 0], "{file}");
    ours
}

#[test]
fn wireshark_reads_what_we_read_and_finds_nothing_wrong() {
    let ground = Ground::new();
    for id in ["tcp-naive", "tcp-nagle", "tcp-split", "tcp-close", "udp-boundaries", "udp-no-server", "fix-json-header"]
    {
        let file = ground.file(id);
        ground.holds(ROOT, &[id, "--link", QUICK, "--pcap", &file]);
        assert!(read_alike(&file).len() > 5, "{id}");
        let wrong = "tcp.analysis.retransmission || tcp.analysis.out_of_order || tcp.analysis.lost_segment || \
                     tcp.analysis.ack_lost_segment || tcp.analysis.duplicate_ack";
        assert_eq!(tshark(&file, &["-Y", wrong]), [""; 0], "{id}");
    }
}

#[test]
fn what_is_lost_comes_again_for_both_readers() {
    let ground = Ground::new();
    for (id, fault) in [("tcp-naive", "drop=1"), ("tcp-split", "drop=2")] {
        let file = ground.file(id);
        ground.run(ROOT, &[id, "--link", &format!("{QUICK},{fault}"), "--pcap", &file]);
        let again: Vec<Packet> =
            read_alike(&file).into_iter().filter(|p| p.segment().is_some_and(|s| s.retransmission)).collect();
        assert_eq!(again.len(), 1, "{id}");
        let sequence = again[0].segment().map_or(0, |segment| segment.seq);
        let comments = tshark(
            &file,
            &["-Y", &format!("tcp.len > 0 && tcp.seq == {sequence}"), "-T", "fields", "-e", "frame.comment"],
        );
        let [lost, again] = &comments[..] else { panic!("{id}: {comments:?}") };
        assert!(lost.starts_with("dropped by the link (asked); M"), "{id}: {lost}");
        assert!(again.starts_with("retransmission; arrived after "), "{id}: {again}");
    }
}

/// The lines of a type.
fn lines(ran: &Ran, kind: &str) -> Vec<Value> {
    let lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines.filter(|line| line["type"] == kind).collect()
}

#[test]
fn what_is_on_the_wire_is_what_the_kernel_counted() {
    let ground = Ground::new();
    for (options, lengths) in [("", [1460, 1460, 1080]), (",timestamps=on", [1448, 1448, 1104])] {
        let (spec, file) = (format!("{QUICK}{options}"), ground.file("split.pcapng"));
        let ran = ground.holds(ROOT, &["tcp-split", "--link", &spec, "--pcap", &file, "--format", "json"]);
        let data: Vec<usize> = packets(&file).iter().filter(|p| p.is_data()).map(|p| p.payload_len).collect();
        assert_eq!(data, lengths, "{spec}");
        let of_client = lines(&ran, "event").into_iter().filter(|event| event["end"] == "client");
        let counted = of_client.filter_map(|event| event["evidence"]["segments_out"].as_u64()).max();
        assert_eq!(counted, Some(data.len() as u64), "TCP_INFO's data_segs_out");
        assert_eq!(lines(&ran, "summary")[0]["bytes_sent"], data.iter().sum::<usize>());
    }
}

#[test]
fn a_gate_waits_for_what_is_on_its_way_however_slow_the_link() {
    let slow = "up.delay=2500ms,down.delay=0ms,up.drop=5";
    Ground::new().holds(ROOT, &["udp-fragment", "--link", slow]);
}

#[test]
fn what_takes_longer_than_a_run_may_wait_is_said_to() {
    let ran = Ground::new().run(ROOT, &["udp-fragment", "--link", "rtt=2ms,rate=1000"]);
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(ran.err.contains("nothing is on its way any more, in vain"), "{}", ran.err);
}

#[test]
fn a_capture_is_whole_or_the_old_one_stays() {
    let ground = Ground::new();
    let args =
        |file: &str| ["tcp-naive", "--link", QUICK, "--pcap"].map(str::to_owned).into_iter().chain([file.to_owned()]);
    let run = |file: &str, more: &[&str]| {
        let args: Vec<String> = args(file).chain(more.iter().map(ToString::to_string)).collect();
        ground.run(ROOT, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let file = ground.file("private.pcapng");
    fs::write(&file, "old").expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("for its owner alone");
    assert_eq!(run(&file, &[]).code, Some(0));
    assert!(packets(&file).len() >= 8, "handshake, data, goodbye");
    assert_eq!(fs::metadata(&file).expect("it").permissions().mode() & 0o777, 0o600);
    assert_eq!(ground.left(), ["private.pcapng"]);
    for (name, lang, words) in [
        ("/dev/full", "en", "cannot write /dev/full"),
        ("/dev/full", "zh", "无法写入 /dev/full"),
        (ground.file("none/x").as_str(), "en", "none/x"),
        ("/dev", "zh", "无法写入 /dev"),
    ] {
        let ran = run(name, &["--lang", lang]);
        assert_eq!(ran.code, Some(3), "{name}");
        assert!(ran.err.contains(words), "{}", ran.err);
    }
    // Out of a pipe, with the trace elsewhere: `stickdemo … --pcap /dev/stdout --out FILE | tshark -r -`.
    let mut piped =
        ground.command(ROOT, &["tcp-naive", "--link", QUICK, "--pcap", "/dev/stdout", "--out", "/dev/null"]);
    let output = piped.stdout(Stdio::piped()).output().expect("it starts");
    fs::write(ground.file("piped"), output.stdout).expect("a file");
    assert!(packets(&ground.file("piped")).len() >= 8);
}

#[test]
fn a_handshake_that_was_sent_again_is_no_retransmission_of_data() {
    let ground = Ground::new();
    // A SYN is sent again after one second (RFC 6298 §2.1), before its answer is there.
    let ran = ground
        .holds(ROOT, &["tcp-nagle", "--nodelay", "off", "--link", "up.delay=1.1s,down.delay=0ms", "--format", "json"]);
    let again = |packet: &Value| packet["retransmission"] == true;
    assert!(lines(&ran, "packet").iter().any(again), "{}", ran.out);
    for event in lines(&ran, "event").iter().filter(|event| event["evidence"]["retransmissions"].is_u64()) {
        assert_eq!(event["evidence"]["retransmissions"], 0, "{event}");
    }
}

#[test]
fn what_udp_waited_for_in_vain_it_waited_for_as_long_as_it_says() {
    let ground = Ground::new();
    let ran = ground.run(ROOT, &["udp-boundaries", "--link", "rtt=2ms,loss=100%", "--format", "json"]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("waited 1.008s for a datagram"), "{}", ran.err);
    let receives = lines(&ran, "event").into_iter().filter(|event| event["call"] == "recvfrom");
    let waited = receives.map(|event| event["end_us"].as_u64().zip(event["t_us"].as_u64()).map_or(0, |(a, b)| a - b));
    let longest = waited.max().expect("a receive");
    // Ten seconds is how long a run waits for what must come.
    assert!((1_008_000..8_000_000).contains(&longest), "{longest}");
}

#[test]
fn a_blocking_send_that_we_end_ourselves_is_not_told_as_one_that_took_a_part() {
    let ground = Ground::new();
    // 256 KiB through a window of a few, 100 ms each: some ten seconds.
    let ran = ground.run(ROOT, &["tcp-partial-send", "--link", "rtt=100ms", "--timeout", "2s"]);
    assert_eq!(ran.code, Some(3), "{}", ran.out);
    assert!(ran.err.contains("waited 2s for room in the send buffer, in vain\n  the link is slow"), "{}", ran.err);
}

#[test]
fn wrong_usage_is_refused_with_the_place_shown() {
    let ground = Ground::new();
    let same = ground.file("same");
    let cases: [(&[&str], &str, &str); 6] = [
        (&["--link", "rtt=2ms,mut=1500"], "mtu?\n\n  rtt=2ms,mut=1500\n          ^^^\n", "mtu"),
        (&["--link", "--as", "server"], "two ends here", "两端"),
        (&["--link", "--as", "client", "--connect", "127.0.0.1:9"], "two ends here", "两端"),
        (&["--pcap", &same], "add --link", "请加 --link"),
        (&["--link", "--pcap", &same, "--repeat", "2"], "leave --repeat away", "去掉 --repeat"),
        (&["--link", "--pcap", &same, "--out", &same], "the same file", "同一个文件"),
    ];
    for (args, en, zh) in cases {
        for (lang, words) in [("en", en), ("zh", zh)] {
            let ran = ground.run(ROOT, &[&["tcp-naive"], args, &["--lang", lang]].concat());
            assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{args:?}");
            assert!(ran.err.contains(words), "{args:?}: {}", ran.err);
        }
    }
    assert_eq!(ground.left(), [""; 0]);
}

// What is left.

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Normal,
    Signal(i32),
}

const ENDS: [End; 3] = [End::Normal, End::Signal(libc::SIGINT), End::Signal(libc::SIGKILL)];

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

/// Does the process have its wire (every name on the way to the binary replaces itself by the next)?
fn carries(process: u32) -> bool {
    let Ok(tasks) = fs::read_dir(format!("/proc/{process}/task")) else { return false };
    let name = |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).ok();
    tasks.flatten().filter_map(name).any(|name| name == "wire\n")
}

#[test]
fn no_process_and_no_file_is_left() {
    for place in [ROOT, ORDINARY] {
        for end in ENDS {
            let ground = Ground::new();
            let old = ground.file("old.pcapng");
            fs::write(&old, "old").expect("a file");
            fs::set_permissions(&old, fs::Permissions::from_mode(0o666)).expect("ours");
            let command = ground.command(place, &["tcp-naive", "--link", end.link(), "--pcap", &old]);
            // The process that found out what works is gone by then.
            let code = ended(command, end, |process| carries(process) && ground.processes().len() == 1);
            assert_eq!((code, ground.processes()), (end.code(), vec![]), "{place:?} {end:?}");
            let kept = fs::read(&old).is_ok_and(|text| text == b"old");
            assert_eq!(kept, end != End::Normal, "{place:?} {end:?}");
            if end != End::Signal(libc::SIGKILL) {
                assert_eq!(ground.left(), ["old.pcapng"], "{place:?} {end:?}");
            }
        }
    }
}

/// A user namespace in which only so many network namespaces may be at a time.
struct Limited {
    holder: Child,
}

impl Limited {
    fn new(limit: u32) -> Limited {
        let script = format!("echo {limit} > /proc/sys/user/max_net_namespaces; echo ready; exec cat");
        let mut holder = Command::new("unshare");
        holder.args(["-Ur", "sh", "-ec", &script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = holder.spawn().expect("unshare");
        let mut ready = [0; 6];
        std::io::Read::read_exact(holder.stdout.as_mut().expect("stdout"), &mut ready).expect("its word");
        Limited { holder }
    }

    fn enter(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.args(["--preserve-credentials", "-U", "-t", &self.holder.id().to_string()]);
        inside.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        inside
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// The kernel counts network namespaces: where there may be few at a time, run after run works only if each takes
/// its own with it. They are taken down behind the program's back, so that a run may have to be tried again.
#[test]
fn no_network_namespace_is_left() {
    let ground = Ground::new();
    let place = Place { ordinary: !is_root(), ..ROOT };
    let run = |limited: &Limited, end: End| {
        let command = ground.command(place, &["tcp-naive", "--link", end.link()]);
        ended(limited.enter(&command), end, carries)
    };
    // Two hosts, and the two of the run before.
    let limited = Limited::new(4);
    for end in ENDS {
        for n in 0..5 {
            assert!(wait::until(SOON, || run(&limited, end) == end.code()), "run {n} to {end:?}");
        }
    }
    assert_eq!(run(&Limited::new(1), End::Normal), Some(3), "with one too few it does not work");
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

#[test]
fn the_machines_own_network_is_as_it_was() {
    let ground = Ground::new();
    let before = network();
    assert!(
        before.iter().any(|line| line.contains("tcp_timestamps")) && before.iter().any(|line| line.contains(" lo"))
    );
    for place in [ROOT, ORDINARY] {
        for mounts in [None, Some(TUN_ABSENT)] {
            let place = mounts.map_or(place, |mounts| Place { world: World::Mounted(mounts), ..place });
            ground.holds(place, &["tcp-naive", "--link", "rtt=2ms,timestamps=on"]);
            ended(ground.command(place, &["tcp-naive", "--link", "rtt=4s"]), End::Signal(libc::SIGKILL), carries);
        }
    }
    let after = network();
    let changed: Vec<&String> = before.symmetric_difference(&after).collect();
    assert!(changed.is_empty(), "{changed:#?}");
}

/// Under way in its own namespaces the program cannot be seen from here either.
#[test]
fn while_it_runs_nothing_is_seen_outside() {
    let ground = Ground::new();
    let before = network();
    let command = ground.command(ROOT, &["tcp-naive", "--link", "rtt=4s"]);
    let during = |process| carries(process).then(network);
    let seen = std::cell::RefCell::new(None);
    ended(command, End::Signal(libc::SIGINT), |process| {
        *seen.borrow_mut() = during(process);
        seen.borrow().is_some()
    });
    assert_eq!(seen.into_inner(), Some(before));
}
