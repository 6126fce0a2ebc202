//! put, get and serve files beside what bounds them and beside the pages' Python programs, in turns in one run, so that
//! a noisy machine is noisy for all: `cargo bench --bench programs [-- SIZE [ROUNDS]]`. Medians and ratios.
//!
//! The pages' programs print a line for every piece: here to nowhere, which costs them least.
//!
//! The bounds: MD5 in one thread, one iperf3 stream, and two threads that hash with one stream between them: with two
//! processors nobody who hashes at both ends is faster. Python hashes with OpenSSL (hashlib). The files lie on tmpfs where there is one
//! (STICKDEMO_BENCH_DIR names another place), so that no disk is measured.

use serde_json::Value;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use stickdemo::framing::digest::{Digest, Md5};
use stickdemo::framing::{Decoder, I32_LE, Limits};
use stickdemo::sys::wait;
use stickdemo::text::quantity;

const BINARY: &str = env!("CARGO_BIN_EXE_stickdemo");
const SIZE: usize = 256 << 20;
const ROUNDS: usize = 3;

/// The many: clients at the same time, and what each sends.
const MANY: [(usize, usize); 7] =
    [(1, 1 << 20), (10, 1 << 20), (200, 1 << 20), (1, 64 << 20), (10, 64 << 20), (50, 64 << 20), (200, 16 << 20)];

fn main() {
    let mut asked = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    let size = asked.next().map_or(SIZE, |text| quantity::size(&text).unwrap_or_else(|e| panic!("{}", e.en)));
    let rounds = asked.next().map_or(ROUNDS, |text| text.parse().expect("a number of rounds"));
    let place = Place::new(size);
    println!(
        "{} a round, median of {rounds}; files in {}, {} processors",
        quantity::write_size(size as u64),
        place.root.display(),
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    one_large_file(&place, size, rounds);
    MANY.iter().for_each(|&(clients, each)| many_at_once(&place, rounds, clients, each));
}

/// Where the files are; gone afterwards.
struct Place {
    root: PathBuf,
    file: PathBuf,
    digest: String,
}

const NAME: &str = "large.bin";

impl Place {
    fn new(size: usize) -> Place {
        let given = std::env::var_os("STICKDEMO_BENCH_DIR").map(PathBuf::from);
        let shared = || Some(PathBuf::from("/dev/shm")).filter(|shm| shm.is_dir());
        let base = given.or_else(shared).unwrap_or_else(std::env::temp_dir);
        let root = base.join(format!("stickdemo-bench-{}", std::process::id()));
        for folder in ["sent", "ours", "python", "got"] {
            fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        let file = root.join("sent").join(NAME);
        let digest = random_file(&file, size);
        Place { root, file, digest }
    }

    fn folder(&self, name: &str) -> String {
        self.root.join(name).to_str().expect("a plain path").to_owned()
    }

    /// The file is there, whole; then it goes, so that the next round finds no pages to reuse.
    fn taken(&self, folder: &str, digest: &str) {
        let path = self.root.join(folder).join(NAME);
        let stored = digest_of(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(stored, digest, "{}", path.display());
        fs::remove_file(path).expect("removed");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

fn digest_of(path: &Path) -> io::Result<String> {
    let (mut file, mut digest) = (File::open(path)?, Md5::new());
    let mut block = vec![0; 256 << 10];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hex(digest.finalize())),
            n => digest.update(&block[..n]),
        }
    }
}

/// Bytes without a pattern (xorshift), so that Python's lines are as long as in any picture: 256 bytes.
fn random_file(path: &Path, size: usize) -> String {
    let (mut file, mut digest) = (BufWriter::new(File::create(path).expect("a file")), Md5::new());
    let (mut state, mut block, mut left) = (0x9e37_79b9_7f4a_7c15_u64, vec![0; 1 << 20], size);
    while left > 0 {
        for word in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        let n = left.min(block.len());
        digest.update(&block[..n]);
        file.write_all(&block[..n]).expect("room");
        left -= n;
    }
    file.flush().expect("room");
    hex(digest.finalize())
}

/// A server in another process, killed when dropped.
struct Server {
    child: Child,
    port: String,
}

impl Server {
    fn ours(root: &str, more: &[&str]) -> Server {
        let mut command = Command::new(BINARY);
        command.args(["serve", "files", "--root", root, "--max-file", "16GiB", "--format", "json"]).args(more);
        Server::start(&mut command, |line| {
            let line: Value = serde_json::from_str(line).ok()?;
            Some(line["address"].as_str()?.rsplit(':').next()?.to_owned())
        })
        .expect("the server says where it listens")
    }

    fn python(python: &str, script: &str, root: &str) -> Option<Server> {
        Server::start(Command::new(python).arg(script_path(script)).arg(root), |line| Some(line.trim().to_owned()))
    }

    fn start(command: &mut Command, port: impl FnOnce(&str) -> Option<String>) -> Option<Server> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut stdout = BufReader::new(child.stdout.take()?);
        let mut line = String::new();
        stdout.read_line(&mut line).ok()?;
        std::thread::spawn(move || io::copy(&mut stdout, &mut io::sink()));
        Some(Server { port: port(&line)?, child })
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port.parse::<u16>().expect("a port"))).expect("a server")
    }

    fn peak_kib(&self) -> u64 {
        peak_of(self.child.id())
    }

    /// Processor seconds so far, in the kernel's ticks of 10 ms: proc(5), the fields utime and stime.
    fn processor(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn script_path(script: &str) -> String {
    format!("{}/benches/python/{script}", env!("CARGO_MANIFEST_DIR"))
}

/// The interpreter itself: what stands under its name may be a slow wrapper, which would flatter us.
fn python() -> Option<String> {
    let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|path| !path.is_empty())
}

/// One transfer.
struct Run {
    /// MiB in a second.
    speed: f64,
    /// The largest resident sizes, in KiB; 0 where this system does not tell.
    peak: u64,
    /// Processor seconds, of both ends together; 0 where this system does not tell.
    processor: f64,
}

impl Run {
    fn of(speed: f64) -> Option<Run> {
        Some(Run { speed, peak: 0, processor: 0.0 })
    }

    /// With what the other end cost.
    fn with(mut self, server: &Server) -> Run {
        self.peak = self.peak.max(server.peak_kib());
        self.processor += server.processor();
        self
    }
}

/// A client, to its end.
fn client(command: &mut Command, size: usize) -> Option<Run> {
    let began = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().ok()?;
    let (id, over, peak) = (child.id(), AtomicBool::new(false), AtomicU64::new(0));
    let processor = std::thread::scope(|scope| {
        // The kernel's own figure at the end would include the memory of whoever started it.
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                peak.fetch_max(peak_of(id), Ordering::Relaxed);
                wait::pause(Duration::from_millis(2));
            }
        });
        let processor = ended(child);
        over.store(true, Ordering::Relaxed);
        processor
    })?;
    let speed = mib(size) / began.elapsed().as_secs_f64();
    Some(Run { speed, peak: peak.into_inner(), processor })
}

/// The largest resident size so far, in KiB: proc(5).
fn peak_of(id: u32) -> u64 {
    let peak = || {
        let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
    };
    peak().unwrap_or(0)
}

/// Waits for a client; its processor time (getrusage(2)), `None` when it failed.
#[cfg(target_os = "linux")]
fn ended(child: Child) -> Option<f64> {
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pid is our own child's, not waited for elsewhere; both pointers are live.
    let usage = unsafe {
        let pid = libc::wait4(child.id() as i32, &mut status, 0, usage.as_mut_ptr());
        (pid > 0 && status == 0).then(|| usage.assume_init())?
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Some(seconds(usage.ru_utime) + seconds(usage.ru_stime))
}

#[cfg(not(target_os = "linux"))]
fn ended(mut child: Child) -> Option<f64> {
    child.wait().ok()?.success().then_some(0.0)
}

fn mib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// What one measurement gave, round after round.
struct Line {
    name: &'static str,
    runs: Vec<Run>,
}

impl Line {
    fn new(name: &'static str) -> Line {
        Line { name, runs: Vec::new() }
    }

    fn add(&mut self, run: Option<Run>) {
        self.runs.extend(run);
    }

    fn of(&self, figure: impl Fn(&Run) -> f64) -> Option<f64> {
        median(self.runs.iter().map(figure).collect())
    }

    fn print(&self, size: usize, who: &str) {
        let (Some(speed), Some(processor)) = (self.of(|run| run.speed), self.of(|run| run.processor)) else {
            return println!("{:<28} not measured here", self.name);
        };
        let peak = self.runs.iter().map(|run| run.peak).max().unwrap_or(0);
        print!("{:<28} {speed:8.0} MiB/s", self.name);
        if peak > 0 {
            print!("   peak {:5.1} MiB   {who} {:5.2} s a GiB", peak as f64 / 1024.0, processor * 1024.0 / mib(size));
        }
        println!();
    }
}

/// The speeds of everything that moves one large file, and the two bounds.
fn one_large_file(place: &Place, size: usize, rounds: usize) {
    let [mut hash, mut network] = ["MD5, one thread", "iperf3, one stream"].map(Line::new);
    let mut their_hash = Line::new("Python's hashlib, one thread");
    let [mut both_hash, mut their_pair] = ["two threads that both hash", "a Python pair that hashes"].map(Line::new);
    let [mut put, mut get, mut bare] = ["put", "get", "get --md5 none"].map(Line::new);
    let [mut their_put, mut their_get] = ["the pages' Python put", "the pages' Python get"].map(Line::new);
    let python = python();
    for _ in 0..rounds {
        hash.add(hashing(place, size));
        network.add(iperf(size));
        both_hash.add(hashing_both(place, size));
        put.add(Some(upload(place, size)));
        get.add(Some(download(place, size, "tail")));
        bare.add(Some(download(place, size, "none")));
        if let Some(python) = &python {
            their_hash.add(their_hashing(python, size));
            their_pair.add(their_hashed_upload(python, place, size));
            their_put.add(their_upload(python, place, size));
            their_get.add(their_download(python, place, size));
        }
    }
    let lines = [&hash, &their_hash, &network, &both_hash, &put, &get, &bare, &their_pair, &their_put, &their_get];
    lines.iter().for_each(|line| line.print(size, "both ends"));
    let [hash, network, both_hash, put, get, bare, their_pair, their_put, their_get] =
        [hash, network, both_hash, put, get, bare, their_pair, their_put, their_get]
            .map(|line| line.of(|run| run.speed));
    let bound = [hash, network].into_iter().flatten().reduce(f64::min);
    ratio("MD5 / Python's hashlib", hash, their_hash.of(|run| run.speed));
    ratio("put / lower of MD5, iperf3", put, bound);
    ratio("get / lower of MD5, iperf3", get, bound);
    for (name, ours) in [("put", put), ("get", get)] {
        ratio(&format!("{name} / two that both hash"), ours, both_hash);
        ratio(&format!("{name} / Python that hashes"), ours, their_pair);
    }
    ratio("get --md5 none / iperf3", bare, network);
    ratio("put / the pages' Python", put, their_put);
    ratio("get / the pages' Python", get, their_get);
}

fn ratio(name: &str, ours: Option<f64>, other: Option<f64>) {
    if let (Some(ours), Some(other)) = (ours, other) {
        println!("{name:<28} {:8.2}", ours / other);
    }
}

/// Hashing alone, of bytes that are in the cache: the bound of whoever hashes with one thread.
fn hashing(place: &Place, size: usize) -> Option<Run> {
    let mut block = vec![0; 256 << 10];
    File::open(&place.file).ok()?.read_exact(&mut block[..size.min(256 << 10)]).ok()?;
    let began = Instant::now();
    let mut digest = Md5::new();
    let mut left = size;
    while left > 0 {
        let n = left.min(block.len());
        digest.update(&block[..n]);
        left -= n;
    }
    std::hint::black_box(digest.finalize());
    Run::of(mib(size) / began.elapsed().as_secs_f64())
}

/// One thread hashes and sends, the other receives and hashes: what two processors can do at most.
fn hashing_both(place: &Place, size: usize) -> Option<Run> {
    const PIECE: usize = 256 << 10;
    let mut block = vec![0; PIECE.min(size)];
    File::open(&place.file).ok()?.read_exact(&mut block).ok()?;
    let listener = TcpListener::bind("127.0.0.1:0").ok()?;
    let mut sender = TcpStream::connect(listener.local_addr().ok()?).ok()?;
    let (mut receiver, _) = listener.accept().ok()?;
    let began = Instant::now();
    let digests = std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            let (mut digest, mut left) = (Md5::new(), size);
            while left > 0 {
                let n = left.min(block.len());
                digest.update(&block[..n]);
                sender.write_all(&block[..n]).expect("taken");
                left -= n;
            }
            hex(digest.finalize())
        });
        let (mut digest, mut left, mut room) = (Md5::new(), size, vec![0; PIECE]);
        while left > 0 {
            let most = left.min(PIECE);
            let n = receiver.read(&mut room[..most]).expect("data");
            digest.update(&room[..n]);
            left -= n;
        }
        [hex(digest.finalize()), sending.join().expect("the sender")]
    });
    let took = began.elapsed().as_secs_f64();
    assert_eq!(digests[0], digests[1]);
    Run::of(mib(size) / took)
}

fn their_hashing(python: &str, size: usize) -> Option<Run> {
    let program = "import hashlib, sys, time\nblock, md5, left, began = bytes(262144), hashlib.md5(), int(sys.argv[1]), time.time()\n\
                   while left > 0: md5.update(block[:left]); left -= len(block)\nprint(time.time() - began)";
    let told = Command::new(python).args(["-c", program, &size.to_string()]).output().ok()?;
    Run::of(mib(size) / String::from_utf8(told.stdout).ok()?.trim().parse::<f64>().ok()?)
}

fn iperf(size: usize) -> Option<Run> {
    // A port that was free a moment ago: iperf3 cannot choose one itself.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).ok()?.port().to_string();
    let mut server = Command::new("iperf3");
    server.args(["-s", "-1", "--forceflush", "-B", "127.0.0.1", "-p", &port]);
    let mut server = server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut said = BufReader::new(server.stdout.take()?).lines().map_while(Result::ok);
    let ready = said.any(|line| line.contains("listening"));
    let bytes = size.to_string();
    let client = Command::new("iperf3").args(["-c", "127.0.0.1", "-p", &port, "-n", &bytes, "-J"]).output();
    if !ready || !client.as_ref().is_ok_and(|output| output.status.success()) {
        let _ = server.kill();
    }
    said.for_each(drop);
    let _ = server.wait();
    let report: Value = serde_json::from_slice(&client.ok()?.stdout).ok()?;
    let bits = report["end"]["sum_received"]["bits_per_second"].as_f64()?;
    Run::of(bits / 8.0 / f64::from(1 << 20))
}

fn upload(place: &Place, size: usize) -> Run {
    let server = Server::ours(&place.folder("ours"), &[]);
    let mut command = Command::new(BINARY);
    let run = client(command.arg("put").arg(&place.file).arg(&server.port), size).expect("put works").with(&server);
    place.taken("ours", &place.digest);
    run
}

fn download(place: &Place, size: usize, trailer: &str) -> Run {
    let server = Server::ours(&place.folder("sent"), &["--md5", trailer]);
    let mut command = Command::new(BINARY);
    command.args(["get", NAME, &server.port, "--md5", trailer, "--max-file", "16GiB", "--out", &place.folder("got")]);
    let run = client(&mut command, size).expect("get works").with(&server);
    place.taken("got", &place.digest);
    run
}

fn their_upload(python: &str, place: &Place, size: usize) -> Option<Run> {
    let server = Server::python(python, "put_server.py", &place.folder("python"))?;
    let mut command = Command::new(python);
    let run = client(command.arg(script_path("put_client.py")).arg(&server.port).arg(&place.file), size)?;
    place.taken("python", &place.digest);
    Some(run.with(&server))
}

/// Python at its best: large pieces, and hashlib at both ends.
fn their_hashed_upload(python: &str, place: &Place, size: usize) -> Option<Run> {
    let server = Server::python(python, "threading_server.py", &place.folder("python"))?;
    let mut command = Command::new(python);
    let run = client(command.arg(script_path("hashing_client.py")).arg(&server.port).arg(&place.file), size)?;
    place.taken("python", &place.digest);
    Some(run.with(&server))
}

fn their_download(python: &str, place: &Place, size: usize) -> Option<Run> {
    let server = Server::python(python, "get_server.py", &place.folder("sent"))?;
    let out = place.root.join("got").join(NAME);
    let mut command = Command::new(python);
    let run = client(command.arg(script_path("get_client.py")).args([&server.port, NAME]).arg(&out), size)?;
    place.taken("got", &place.digest);
    Some(run.with(&server))
}

/// The same clients upload to both servers, all at the same time; every file is compared.
fn many_at_once(place: &Place, rounds: usize, clients: usize, each: usize) {
    let body: Vec<u8> = (0..each).map(|n| (n % 251) as u8).collect();
    let python = python();
    let [mut ours, mut theirs] = ["  serve files", "  ThreadingTCPServer"].map(Line::new);
    for _ in 0..rounds {
        let server = Server::ours(&place.folder("ours"), &[]);
        ours.add(all_at_once(&server, &place.root.join("ours"), clients, &body).map(|run| run.with(&server)));
        let server = python.as_deref().and_then(|p| Server::python(p, "threading_server.py", &place.folder("python")));
        let at = place.root.join("python");
        theirs.add(server.and_then(|server| Some(all_at_once(&server, &at, clients, &body)?.with(&server))));
    }
    println!("{clients} uploads of {} at once, each with its digest compared:", quantity::write_size(each as u64));
    for line in [&ours, &theirs] {
        line.print(clients * each, "server");
    }
    ratio("  serve files / Python", ours.of(|run| run.speed), theirs.of(|run| run.speed));
}

/// MiB in a second, from the moment when everybody is connected to the last receipt.
fn all_at_once(server: &Server, folder: &Path, clients: usize, body: &[u8]) -> Option<Run> {
    let (start, digest) = (Barrier::new(clients + 1), hex(Md5::digest(body)));
    let began = std::thread::scope(|scope| {
        for n in 0..clients {
            let (start, digest) = (&start, &digest);
            let work = move || {
                let stream = server.connect();
                start.wait();
                send_one(stream, &name_of(n), body, digest);
            };
            std::thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, work).expect("a thread");
        }
        start.wait();
        Instant::now()
    });
    let took = began.elapsed().as_secs_f64();
    for n in 0..clients {
        let path = folder.join(name_of(n));
        assert!(fs::read(&path).is_ok_and(|stored| stored == *body), "{} is not whole", path.display());
        fs::remove_file(path).expect("removed");
    }
    Run::of(mib(clients * body.len()) / took)
}

fn name_of(n: usize) -> String {
    format!("{n}.bin")
}

fn send_one(mut stream: TcpStream, name: &str, body: &[u8], digest: &str) {
    let header = format!(r#"{{"cmd": "put", "filename": "{name}", "filesize": {}, "md5": "{digest}"}}"#, body.len());
    let length = i32::try_from(header.len()).expect("short").to_le_bytes();
    stream.write_all(&[&length[..], header.as_bytes()].concat()).expect("sent");
    stream.write_all(body).expect("sent");
    stream.shutdown(Shutdown::Write).expect("connected");
    let mut said = Vec::new();
    stream.read_to_end(&mut said).expect("receipts");
    // The last one counts: the first only says that the upload is welcome.
    let mut receipts = Decoder::new(I32_LE, Limits::default());
    receipts.feed(&said);
    let mut receipt = Value::Null;
    while let Some(frame) = receipts.next_frame().expect("a receipt") {
        receipt = serde_json::from_slice(&frame.body).expect("JSON");
    }
    assert_eq!((&receipt["receipt"], &receipt["md5"]), (&"stored".into(), &digest.into()), "{name}");
}
