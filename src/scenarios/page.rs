//! How a scenario file is written: what it claims, its two programs, the claims, what to say about it, the control.

use crate::claims::Judge;
use crate::net::{End, Opt};
use crate::play::{Alone, Ends, Experiment, Linked, Variation};
use crate::text::Text;
use crate::trace::summary::Tally;
use crate::trace::{Act, Trace};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// The parts of the syllabus, in teaching order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SyllabusPart {
    /// Part 1. TCP is a stream.
    Tcp,
    /// Part 2. UDP is messages.
    Udp,
    /// Part 3. Fixes that do not fix.
    NoFix,
    /// Part 4. Fixes.
    Fix,
    /// Part 5. What the link shows.
    Link,
}

impl SyllabusPart {
    /// Every part in order.
    pub const ALL: [SyllabusPart; 5] =
        [SyllabusPart::Tcp, SyllabusPart::Udp, SyllabusPart::NoFix, SyllabusPart::Fix, SyllabusPart::Link];

    /// 1 to 5.
    pub const fn number(self) -> u8 {
        match self {
            SyllabusPart::Tcp => 1,
            SyllabusPart::Udp => 2,
            SyllabusPart::NoFix => 3,
            SyllabusPart::Fix => 4,
            SyllabusPart::Link => 5,
        }
    }

    /// Its title.
    pub const fn title(self) -> Text {
        match self {
            SyllabusPart::Tcp => Text::new("TCP is a stream", "TCP 是字节流"),
            SyllabusPart::Udp => Text::new("UDP is messages", "UDP 是消息"),
            SyllabusPart::NoFix => Text::new("Fixes that do not fix", "治不好的“解法”"),
            SyllabusPart::Fix => Text::new("Fixes", "真正的解法"),
            SyllabusPart::Link => Text::new("What the link shows", "链路上才看得到的"),
        }
    }
}

/// One sentence of explanation and where it is written down.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The sentence.
    pub text: Text,
    /// `RFC 9293 §2.2`, `recv(2)`.
    pub source: &'static str,
    /// The act that it explains; `None` of all.
    pub act: Option<&'static Act>,
}

/// A command to paste, and what it shows.
#[derive(Clone, Debug)]
pub struct Suggestion {
    /// What follows `stickdemo`.
    pub command: &'static str,
    /// What it shows.
    pub shows: Text,
}

/// The control experiment: the same run with the cause taken away, in which the claim must fail.
#[derive(Clone)]
pub struct ControlExperiment {
    /// What is different.
    pub change: Text,
    /// Changes the experiment.
    pub apply: Arc<dyn Fn(&mut Experiment) + Send + Sync>,
}

/// What a learner reads after the run.
#[derive(Clone)]
pub struct Teaching {
    /// Why it is so.
    pub why: Vec<Explanation>,
    /// What to try next.
    pub next: Vec<Suggestion>,
    /// The control experiment.
    pub control: ControlExperiment,
}

impl Teaching {
    /// Nothing said yet.
    fn new() -> Teaching {
        let control = ControlExperiment { change: Text::new("", ""), apply: Arc::new(|_| {}) };
        Teaching { why: Vec::new(), next: Vec::new(), control }
    }

    /// Why it is so, and where that is written down.
    pub(super) fn why(mut self, en: &'static str, zh: &'static str, source: &'static str) -> Teaching {
        self.why.push(Explanation { text: Text::new(en, zh), source, act: None });
        self
    }

    /// The same of one act: where it is not played, nothing is said of it.
    pub(super) fn why_in(
        mut self,
        act: &'static Act,
        en: &'static str,
        zh: &'static str,
        source: &'static str,
    ) -> Teaching {
        self.why.push(Explanation { text: Text::new(en, zh), source, act: Some(act) });
        self
    }

    /// What to try next: a command, and what it shows.
    pub(super) fn next(mut self, command: &'static str, en: &'static str, zh: &'static str) -> Teaching {
        self.next.push(Suggestion { command, shows: Text::new(en, zh) });
        self
    }

    /// The control experiment: what is different, and how.
    pub(super) fn control(
        mut self,
        en: &'static str,
        zh: &'static str,
        apply: impl Fn(&mut Experiment) + Send + Sync + 'static,
    ) -> Teaching {
        self.control = ControlExperiment { change: Text::new(en, zh), apply: Arc::new(apply) };
        self
    }
}

/// The learner's own messages (`--message`), where a page's programs send texts of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnMessages {
    /// How many make sense.
    pub count: RangeInclusive<usize>,
    /// The longest one, in bytes.
    pub longest: usize,
    /// The page's recv has room for all that is sent: the one for longer messages has, too.
    pub one_recv: bool,
}

/// One documented system: its experiment, and what a learner reads about it.
#[derive(Clone)]
pub struct Scenario {
    /// The subcommand.
    pub id: &'static str,
    /// Where in the syllabus.
    pub part: SyllabusPart,
    /// The document's system, in a few words.
    pub title: Text,
    /// What one asks oneself before the run: it gives nothing away, and is one line of 80 columns behind the id.
    pub question: Text,
    /// What the run establishes, in one sentence.
    pub claim: Text,
    /// Lines that call it, and the words that people have for each: between spaces, in small letters with
    /// hyphens; also in Chinese.
    pub words: Vec<(&'static str, &'static str)>,
    /// Which documents describe it (`D1 §10`).
    pub documents: &'static [&'static str],
    /// The options it takes.
    pub takes: &'static [Opt],
    /// What it takes of the learner's own messages; `None` where what is sent is the lesson.
    pub messages: Option<OwnMessages>,
    /// What is run, and judged.
    pub experiment: Experiment,
    /// Why, what next, and the control.
    pub teaching: Teaching,
    /// What `--repeat` adds up besides the outcomes, if anything.
    pub tally: Option<fn(&Trace) -> Vec<Tally>>,
}

impl Scenario {
    /// A page of the syllabus; what follows says what is on it.
    pub(super) fn new(id: &'static str, part: SyllabusPart, documents: &'static [&'static str]) -> Scenario {
        Scenario {
            id,
            part,
            title: Text::new("", ""),
            question: Text::new("", ""),
            claim: Text::new("", ""),
            words: Vec::new(),
            documents,
            takes: &[],
            messages: None,
            experiment: Experiment::default(),
            teaching: Teaching::new(),
            tally: None,
        }
    }

    pub(super) fn title(mut self, en: &'static str, zh: &'static str) -> Scenario {
        self.title = Text::new(en, zh);
        self
    }

    /// What the run answers, on one line, with nothing given away.
    pub(super) fn question(mut self, en: &'static str, zh: &'static str) -> Scenario {
        self.question = Text::new(en, zh);
        self
    }

    pub(super) fn claim(mut self, en: &'static str, zh: &'static str) -> Scenario {
        self.claim = Text::new(en, zh);
        self
    }

    /// The words that people have for it, between spaces: who types one is led here.
    pub(super) fn words(self, words: &'static str) -> Scenario {
        let id = self.id;
        self.words_for(id, words)
    }

    /// The same for a line with options.
    pub(super) fn words_for(mut self, line: &'static str, words: &'static str) -> Scenario {
        self.words.push((line, words));
        self
    }

    /// The options that make sense for it.
    pub(super) fn takes(mut self, takes: &'static [Opt]) -> Scenario {
        self.takes = takes;
        self
    }

    /// It takes so many messages of the learner's own, each of at most so many bytes.
    pub(super) fn messages(mut self, count: RangeInclusive<usize>, longest: usize) -> Scenario {
        self.messages = Some(OwnMessages { count, longest, one_recv: false });
        self
    }

    /// The same, where the page's recv has room for all of them together.
    pub(super) fn messages_in_one_recv(mut self, count: RangeInclusive<usize>, longest: usize) -> Scenario {
        self.messages = Some(OwnMessages { count, longest, one_recv: true });
        self
    }

    /// The size that its receiver passes to recv when the learner sets none, in bytes.
    pub(super) fn recv_size(mut self, bytes: usize) -> Scenario {
        self.experiment.defaults.recv_size = Some(bytes);
        self
    }

    /// TCP_NODELAY where the learner sets none.
    pub(super) fn nodelay(mut self, on: bool) -> Scenario {
        self.experiment.defaults.nodelay = Some(on);
        self
    }

    /// SO_SNDBUF and SO_RCVBUF where the learner sets none, in bytes.
    pub(super) fn buffers(mut self, sndbuf: Option<usize>, rcvbuf: Option<usize>) -> Scenario {
        self.experiment.defaults.sndbuf = sndbuf;
        self.experiment.defaults.rcvbuf = rcvbuf;
        self
    }

    /// The pause between its sends where the learner sets none.
    pub(super) fn gap(mut self, gap: Duration) -> Scenario {
        self.experiment.defaults.gap = Some(gap);
        self
    }

    /// The document's client.
    pub(super) fn client(mut self, act: impl Fn(&End) -> Ends + Send + Sync + 'static) -> Scenario {
        self.experiment.client(act);
        self
    }

    /// The document's client, several times at once.
    pub(super) fn clients(mut self, n: u32, act: impl Fn(&End) -> Ends + Send + Sync + 'static) -> Scenario {
        self.experiment.clients(n, act);
        self
    }

    /// The document's server. A scenario without one shows what happens when nobody listens.
    pub(super) fn server(mut self, act: impl Fn(&End) -> Ends + Send + Sync + 'static) -> Scenario {
        self.experiment.server(act);
        self
    }

    /// What the recorded events must show.
    pub(super) fn judge(mut self, judge: impl Fn(&Judge) + Send + Sync + 'static) -> Scenario {
        self.experiment.judge = Arc::new(judge);
        self
    }

    /// What a learner reads after the run, and the control.
    pub(super) fn teach(mut self, teach: impl FnOnce(Teaching) -> Teaching) -> Scenario {
        self.teaching = teach(Teaching::new());
        self
    }

    /// Both ends must be in one process; the reason.
    pub(super) fn never_alone(mut self, en: &'static str, zh: &'static str) -> Scenario {
        self.experiment.alone = Alone::No(Text::new(en, zh));
        self
    }

    /// It runs over a link or not at all: this one, when the learner names none.
    pub(super) fn only_over(mut self, link: &'static str) -> Scenario {
        self.experiment.linked = Linked::Only;
        self.experiment.link = link;
        self
    }

    /// What differs from run to run over a link.
    pub(super) fn on_link(mut self, variation: Variation) -> Scenario {
        self.experiment.on_link = variation;
        self
    }

    /// Sizes and numbers of calls differ from run to run; stable text has `n` for them.
    pub(super) fn varies(mut self) -> Scenario {
        self.experiment.varies = true;
        self
    }

    /// An end may find that the scheduler spoiled the run; it is begun again then.
    pub(super) fn restarts(mut self) -> Scenario {
        self.experiment.restarts = true;
        self
    }

    /// Why this system cannot show it, if it cannot.
    pub(super) fn impossible(mut self, reason: fn() -> Option<Text>) -> Scenario {
        self.experiment.impossible = reason;
        self
    }

    /// What `--repeat` adds up besides the outcomes.
    pub(super) fn tally(mut self, tally: fn(&Trace) -> Vec<Tally>) -> Scenario {
        self.tally = Some(tally);
        self
    }

    /// The same experiment with the cause of its phenomenon taken away.
    #[must_use]
    pub fn controlled(&self) -> Experiment {
        let mut changed = self.experiment.clone();
        (self.teaching.control.apply)(&mut changed);
        changed
    }
}
