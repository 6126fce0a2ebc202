//! What a learner may change about a run. A scenario names the defaults and which of them it takes.

use std::time::Duration;

/// The options of a run, as they take effect. `None` leaves the kernel's (or the page's) own choice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// TCP_NODELAY: true turns the Nagle algorithm off (tcp(7)).
    pub nodelay: Option<bool>,
    /// SO_SNDBUF in bytes, as asked; the kernel may use more (socket(7)).
    pub sndbuf: Option<usize>,
    /// SO_RCVBUF in bytes, as asked.
    pub rcvbuf: Option<usize>,
    /// The size that the receiver passes to recv, in bytes.
    pub recv_size: Option<usize>,
    /// The pause between the sends.
    pub gap: Option<Duration>,
    /// The learner's own messages in the place of the page's; none leaves the page's.
    pub messages: Vec<String>,
    /// Drop the barriers that make the phenomenon certain.
    pub race: bool,
    /// Do only what every system can: an end is alone, and the other one may be on another system.
    pub portable: bool,
}

/// One option of [`Settings`], by the name it has on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Opt {
    /// `--nodelay on|off`
    Nodelay,
    /// `--sndbuf BYTES`
    Sndbuf,
    /// `--rcvbuf BYTES`
    Rcvbuf,
    /// `--recv-size BYTES`
    RecvSize,
    /// `--gap DURATION`
    Gap,
    /// `--message TEXT`
    Message,
    /// `--race`
    Race,
}

impl Opt {
    /// Every option.
    pub const ALL: [Opt; 7] =
        [Opt::Nodelay, Opt::Sndbuf, Opt::Rcvbuf, Opt::RecvSize, Opt::Gap, Opt::Message, Opt::Race];

    /// The flag without its dashes.
    pub const fn name(self) -> &'static str {
        match self {
            Opt::Nodelay => "nodelay",
            Opt::Sndbuf => "sndbuf",
            Opt::Rcvbuf => "rcvbuf",
            Opt::RecvSize => "recv-size",
            Opt::Gap => "gap",
            Opt::Message => "message",
            Opt::Race => "race",
        }
    }
}

impl Settings {
    /// Nothing set: the kernel's defaults.
    pub const NONE: Settings = Settings {
        nodelay: None,
        sndbuf: None,
        rcvbuf: None,
        recv_size: None,
        gap: None,
        messages: Vec::new(),
        race: false,
        portable: false,
    };

    /// These settings with the learner's laid over them.
    #[must_use]
    pub fn overlaid(&self, chosen: &Settings) -> Settings {
        Settings {
            nodelay: chosen.nodelay.or(self.nodelay),
            sndbuf: chosen.sndbuf.or(self.sndbuf),
            rcvbuf: chosen.rcvbuf.or(self.rcvbuf),
            recv_size: chosen.recv_size.or(self.recv_size),
            gap: chosen.gap.or(self.gap),
            messages: if chosen.messages.is_empty() { self.messages.clone() } else { chosen.messages.clone() },
            race: chosen.race || self.race,
            portable: chosen.portable || self.portable,
        }
    }

    /// The options that are set here, each with its value as on the command line; a repeated one as often as it is.
    pub fn given(&self) -> Vec<(Opt, String)> {
        let switch = |on| String::from(if on { "on" } else { "off" });
        let number = |n: usize| n.to_string();
        let single = [
            (Opt::Nodelay, self.nodelay.map(switch)),
            (Opt::Sndbuf, self.sndbuf.map(number)),
            (Opt::Rcvbuf, self.rcvbuf.map(number)),
            (Opt::RecvSize, self.recv_size.map(number)),
            (Opt::Gap, self.gap.map(|gap| if gap.is_zero() { "0ms".into() } else { format!("{gap:?}") })),
            (Opt::Race, self.race.then(|| switch(true))),
        ];
        let mut given: Vec<_> = single.into_iter().filter_map(|(opt, value)| Some((opt, value?))).collect();
        given.extend(self.messages.iter().map(|text| (Opt::Message, text.clone())));
        given
    }
}
