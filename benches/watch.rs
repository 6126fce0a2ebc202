//! What it costs a socket call to be watched, beside strace(1) with its own filter, on the same ping-pong, in turns in
//! one run, so that a noisy machine is noisy for all: `cargo bench --bench watch [-- ROUNDTRIPS [ROUNDS]]`. Medians, and
//! the median of the ratios.

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{self, Read, Write};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};
    use stickdemo::sys::scratch::Scratch;

    const BINARY: &str = env!("CARGO_BIN_EXE_stickdemo");
    const ROUND_TRIPS: usize = 2000;
    const ROUNDS: usize = 9;
    /// A send and a recv on each side.
    const CALLS: usize = 4;
    /// This program's own word for being the one that is watched.
    const PING_PONG: &str = "ping-pong";

    pub fn main() {
        let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
        let number = |at: usize, usual: usize| words.get(at).map_or(usual, |word| word.parse().expect("a number"));
        if words.first().is_some_and(|word| word == PING_PONG) {
            let took = ping_pong(number(1, ROUND_TRIPS)).expect("a ping-pong");
            std::fs::write(&words[2], took.as_nanos().to_string()).expect("a file for the time");
            return;
        }
        compare(number(0, ROUND_TRIPS), number(1, ROUNDS));
    }

    /// So many times a byte there and back, in two threads.
    fn ping_pong(round_trips: usize) -> io::Result<Duration> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let mut client = TcpStream::connect(listener.local_addr()?)?;
        let (mut server, _) = listener.accept()?;
        std::thread::spawn(move || -> io::Result<()> {
            let mut byte = [0];
            while server.read(&mut byte)? > 0 {
                server.write_all(&byte)?;
            }
            Ok(())
        });
        let began = Instant::now();
        let mut byte = [0];
        for _ in 0..round_trips {
            client.write_all(&byte)?;
            client.read_exact(&mut byte)?;
        }
        Ok(began.elapsed())
    }

    /// How long the ping-pong takes, started behind these words.
    fn timed(before: &[&str], round_trips: usize, place: &Path) -> Option<f64> {
        let itself = std::env::current_exe().expect("a path");
        let file = place.join("took");
        let mut words: Vec<String> = before.iter().map(|word| (*word).to_owned()).collect();
        words.push(itself.display().to_string());
        words.extend([PING_PONG.to_owned(), round_trips.to_string(), file.display().to_string()]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdout(Stdio::null()).stderr(Stdio::null());
        if !command.status().ok()?.success() {
            return None;
        }
        std::fs::read_to_string(file).ok()?.parse().ok()
    }

    fn compare(round_trips: usize, rounds: usize) {
        let place = Scratch::folder("bench-watch").expect("a folder");
        let events = (round_trips * CALLS + 100).to_string();
        let watch = [BINARY, "watch", "--quiet", "--format", "json", "--out", "/dev/null", "--events", &events, "--"];
        let strace = ["strace", "-f", "--seccomp-bpf", "-e", "trace=network,read,write", "-o", "/dev/null"];
        let (mut alone, mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            let cost = |before: &[&str]| timed(before, round_trips, place.path());
            let base = cost(&[]).expect("the ping-pong runs");
            let a_call = |took: f64| (took - base) / (round_trips * CALLS) as f64 / 1e3;
            alone.push(base / (round_trips * CALLS) as f64 / 1e3);
            let our = a_call(cost(&watch).expect("it is watched"));
            ours.push(our);
            if let Some(their) = cost(&strace).map(a_call) {
                theirs.push(their);
                ratios.push(our / their);
            }
        }
        println!("{round_trips} round trips, median of {rounds}; microseconds a socket call");
        println!("unwatched                {:8.2}", median(alone));
        println!("stickdemo watch adds     {:8.2}", median(ours));
        match ratios.is_empty() {
            true => println!("strace                   not measured: it is not here"),
            false => {
                println!(
                    "strace --seccomp-bpf adds {:7.2}   the watch's cost is {:.2} of it",
                    median(theirs),
                    median(ratios)
                );
            }
        }
    }

    fn median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    linux::main();
    #[cfg(not(target_os = "linux"))]
    println!("watching needs Linux");
}
