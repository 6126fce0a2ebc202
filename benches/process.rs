//! The whole process beside the page's two Python programs, in turns in one run, so that a noisy
//! machine is noisy for both: `cargo bench --bench process`. Medians and ratios.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_stickdemo");

fn stickdemo(args: &[&str]) -> Duration {
    let began = Instant::now();
    let status = Command::new(BINARY).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.expect("the binary starts").success(), "stickdemo {args:?}");
    began.elapsed()
}

/// The interpreter itself: what stands under its name may be a slow wrapper, which would flatter us.
fn python() -> Option<String> {
    let output = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|path| !path.is_empty())
}

/// Server and client side by side, as on the page; from the start of the first to the end of both.
fn python_pair(python: &str) -> Option<Duration> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/python/");
    let began = Instant::now();
    let mut server =
        Command::new(python).arg(format!("{folder}naive_server.py")).stdout(Stdio::piped()).spawn().ok()?;
    let mut lines = BufReader::new(server.stdout.take()?).lines();
    let port = lines.next()?.ok()?;
    let client = Command::new(python).args([format!("{folder}naive_client.py"), port]).status().ok()?;
    let printed = lines.count();
    let server = server.wait().ok()?;
    (client.success() && server.success() && printed == 2).then(|| began.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The largest resident size of a run, in KiB (GNU time's figure; getrusage(2)).
#[cfg(target_os = "linux")]
fn peak_kib(args: &[&str]) -> Option<i64> {
    let child = Command::new(BINARY).args(args).stdout(Stdio::null()).spawn().ok()?;
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pid is our own child's, not waited for elsewhere; both pointers are live.
    let usage = unsafe {
        let pid = libc::wait4(child.id() as i32, &mut status, 0, usage.as_mut_ptr());
        (pid > 0).then(|| usage.assume_init())?
    };
    Some(usage.ru_maxrss)
}

#[cfg(not(target_os = "linux"))]
fn peak_kib(_: &[&str]) -> Option<i64> {
    None
}

fn main() {
    let rounds = 21;
    let python = python();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(stickdemo(&["tcp-naive"]));
        theirs.extend(python.as_deref().and_then(python_pair));
    }
    let one = median(ours);
    println!("stickdemo tcp-naive        {:8.2} ms   median of {rounds}", ms(one));
    if theirs.len() == rounds {
        let pair = median(theirs);
        println!("the page's Python pair     {:8.2} ms   {:.1} times as long", ms(pair), ms(pair) / ms(one));
    } else {
        println!("the page's Python pair     not measured: python3 did not run it");
    }
    let all = median((0..5).map(|_| stickdemo(&["all"])).collect());
    println!("stickdemo all              {:8.0} ms   median of 5", ms(all));
    for args in [&["tcp-naive"][..], &["all"]] {
        match peak_kib(args) {
            Some(kib) => println!("peak memory of {:<10}  {:8.1} MiB", args[0], kib as f64 / 1024.0),
            None => println!("peak memory of {:<10}  not measured on this system", args[0]),
        }
    }
}
