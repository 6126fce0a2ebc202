//! Runs a command, takes both its outputs at the same time, and ends it when it has run or printed enough, or when
//! nobody waits for its answer any more. Nothing it started in its process group outlives it.

#[cfg(unix)]
use super::group::Running as Native;
use super::process::{Pipe, Process};
#[cfg(not(unix))]
use super::single::Running as Native;
use crate::programs::answers::Outputs;
use crate::programs::room::Share;
use crate::say;
use crate::text::{Text, grouped};
use std::io;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What a command may take.
#[derive(Clone, Copy, Debug)]
pub struct RunLimits {
    /// How long it may run.
    pub time: Duration,
    /// The most it may print, both outputs together.
    pub output: usize,
}

/// Why a command is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It ended by itself.
    Ended,
    /// Its time was up.
    Time,
    /// It printed more than it may.
    Output,
    /// All answers that are kept at present leave no room for more of it.
    Room,
    /// Nobody waits for its answer.
    Gone,
}

/// A command that is over.
#[derive(Debug)]
pub struct Ran {
    /// What it printed.
    pub outputs: Outputs,
    /// Why it is over.
    pub stop: Stop,
    /// How it ended.
    pub status: ExitStatus,
    /// How long it took.
    pub took: Duration,
}

impl Ran {
    /// What the client is told, beside what the command printed.
    pub fn note(&self, limits: &RunLimits) -> Option<Text> {
        let (time, output) = (limits.time, grouped(limits.output));
        match self.stop {
            Stop::Ended | Stop::Gone => None,
            Stop::Time => Some(say!("stopped: it may run for {time:?}", "已停止：最多运行 {time:?}")),
            Stop::Output => Some(say!("stopped: it may print {output} bytes", "已停止：最多输出 {output} 字节")),
            Stop::Room => Some(Text::new(
                "stopped: too many long answers at once; try again later",
                "已停止：同时有太多很长的响应；请稍后再试",
            )),
        }
    }
}

/// What was printed so far.
struct Printed<'p, 'r> {
    outputs: Outputs,
    limit: usize,
    share: &'p mut Share<'r>,
    stop: Option<Stop>,
}

impl Printed<'_, '_> {
    fn add(&mut self, which: Pipe, bytes: &[u8]) {
        let have = self.outputs.stderr.len() + self.outputs.stdout.len();
        let fits = bytes.len().min(self.limit - have);
        if !self.share.grow(have + fits) {
            self.stop = Some(Stop::Room);
            return;
        }
        match which {
            Pipe::Stderr => self.outputs.stderr.extend_from_slice(&bytes[..fits]),
            Pipe::Stdout => self.outputs.stdout.extend_from_slice(&bytes[..fits]),
        }
        if fits < bytes.len() {
            self.stop = Some(Stop::Output);
        }
    }
}

/// The looks at a silent command are at most so far apart.
const LOOK: Duration = Duration::from_millis(20);

/// Runs a command to its end, or to a limit. `gone` is asked now and then whether anybody still waits.
///
/// # Errors
/// When it cannot be started.
pub fn run(
    command: &mut Command,
    limits: &RunLimits,
    share: &mut Share,
    gone: impl FnMut() -> bool,
) -> io::Result<Ran> {
    run_as::<Native>(command, limits, share, gone)
}

fn run_as<P: Process>(
    command: &mut Command,
    limits: &RunLimits,
    share: &mut Share,
    mut gone: impl FnMut() -> bool,
) -> io::Result<Ran> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let began = Instant::now();
    let mut running = P::start(command)?;
    let mut printed = Printed { outputs: Outputs::default(), limit: limits.output, share, stop: None };
    let (mut apart, mut closed) = (LOOK, false);
    let stop = loop {
        let left = limits.time.saturating_sub(began.elapsed());
        let open = running.take(apart.min(left), |which, bytes| printed.add(which, bytes));
        if let Some(stop) = printed.stop {
            break stop;
        }
        if !open && running.ended() {
            break Stop::Ended;
        }
        if began.elapsed() >= limits.time {
            break Stop::Time;
        }
        if gone() {
            break Stop::Gone;
        }
        // Output wakes this up. The end of a command that has closed its outputs does not, and is near.
        apart = match (open, closed) {
            (true, _) => LOOK,
            (false, false) => Duration::from_micros(100),
            (false, true) => (apart * 2).min(LOOK),
        };
        closed = !open;
    };
    let status = running.finish()?;
    Ok(Ran { outputs: printed.outputs, stop, status, took: began.elapsed() })
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::{group, single};
    use super::*;
    use crate::programs::room::{Room, SMALL};

    const LIMITS: RunLimits = RunLimits { time: Duration::from_secs(30), output: 1 << 20 };

    fn shell<P: Process>(line: &str, limits: RunLimits, room: &Room, gone: impl FnMut() -> bool) -> Ran {
        run_as::<P>(Command::new("/bin/sh").args(["-c", line]), &limits, &mut room.share(), gone).expect("sh runs")
    }

    fn plain<P: Process>(line: &str, limits: RunLimits) -> Ran {
        shell::<P>(line, limits, &Room::new(1 << 30), || false)
    }

    fn both_outputs_at_the_same_time<P: Process>() {
        // Each is more than a pipe holds (pipe(7): 64 KiB): whoever reads one to its end first waits for ever.
        let ran = plain::<P>("head -c 300000 /dev/zero >&2; head -c 200000 /dev/zero; exit 3", LIMITS);
        assert_eq!((ran.outputs.stderr.len(), ran.outputs.stdout.len()), (300_000, 200_000));
        assert_eq!((ran.stop, ran.status.code()), (Stop::Ended, Some(3)));
        assert_eq!(plain::<P>("true", LIMITS).outputs, Outputs::default());
    }

    fn limits_hold<P: Process>() {
        let ran =
            plain::<P>("echo a; echo b >&2; exec sleep 1000", RunLimits { time: Duration::from_millis(300), ..LIMITS });
        assert_eq!(
            (ran.stop, &ran.outputs.stdout[..], &ran.outputs.stderr[..]),
            (Stop::Time, &b"a\n"[..], &b"b\n"[..])
        );
        let ran = plain::<P>("exec cat /dev/zero", RunLimits { output: 100_000, ..LIMITS });
        assert_eq!((ran.stop, ran.outputs.stdout.len()), (Stop::Output, 100_000));
        let ran = plain::<P>("head -c 100000 /dev/zero", RunLimits { output: 100_000, ..LIMITS });
        assert_eq!(ran.stop, Stop::Ended, "the limit itself is no trespass");
        let ran = shell::<P>("exec cat /dev/zero", LIMITS, &Room::new(100_000), || false);
        assert!(ran.stop == Stop::Room && ran.outputs.stdout.len() <= 100_000 + SMALL);
        let ran = shell::<P>("echo a; exec sleep 1000", LIMITS, &Room::new(0), || true);
        assert_eq!(ran.stop, Stop::Gone);
        assert!(ran.note(&LIMITS).is_none());
    }

    /// Its outputs are no sign of life: a command that closed them goes on, and ends as it likes.
    fn closed_outputs_are_no_end<P: Process>() {
        let ran = plain::<P>("echo a; exec >&- 2>&-; sleep 0.3; exit 3", LIMITS);
        assert_eq!((ran.stop, ran.status.code(), &ran.outputs.stdout[..]), (Stop::Ended, Some(3), &b"a\n"[..]));
    }

    #[test]
    fn with_groups() {
        closed_outputs_are_no_end::<group::Running>();
        both_outputs_at_the_same_time::<group::Running>();
        limits_hold::<group::Running>();
    }

    #[test]
    fn without_groups() {
        closed_outputs_are_no_end::<single::Running>();
        both_outputs_at_the_same_time::<single::Running>();
        limits_hold::<single::Running>();
    }

    #[test]
    fn what_a_command_started_goes_with_it() {
        use rustix::process::{Pid, test_kill_process};
        let alive = |pid: &[u8]| {
            let pid = String::from_utf8_lossy(pid).trim().parse().expect("a process id");
            test_kill_process(Pid::from_raw(pid).expect("not 0")).is_ok()
        };
        for line in ["sleep 1000 >/dev/null 2>&1 & echo $!", "sleep 1000 & echo $!; wait"] {
            let ran = plain::<group::Running>(line, RunLimits { time: Duration::from_millis(500), ..LIMITS });
            let pid = &ran.outputs.stdout;
            assert!(crate::sys::wait::until(Duration::from_secs(20), || !alive(pid)), "{line}");
        }
    }

    #[test]
    fn a_process_that_left_the_group_and_keeps_the_pipe_is_not_waited_for() {
        let limits = RunLimits { time: Duration::from_millis(500), ..LIMITS };
        let ran = plain::<group::Running>("setsid sleep 20 & echo started", limits);
        assert_eq!((ran.stop, &ran.outputs.stdout[..]), (Stop::Time, &b"started\n"[..]));
        assert!(ran.took < Duration::from_secs(15));
    }
}
