//! The binary: for now, a plain dump of one scenario's run.
fn main() {
    let id = std::env::args().nth(1).unwrap_or("tcp-naive".into());
    let mut s = stickdemo::scenarios::find(&id).expect("no such scenario");
    if std::env::args().any(|a| a == "--control") {
        s = s.controlled();
    }
    let o = stickdemo::run::run(&stickdemo::run::Plan::new(s));
    for e in &o.trace.events {
        println!(
            "{} {} {} asked={:?} ret={:?} err={:?} spans={:?} {:?} note={:?}",
            e.seq,
            e.end,
            e.call.word(),
            e.asked,
            e.returned,
            e.error,
            e.spans.iter().map(|s| (s.msg.0, s.offset, s.len)).collect::<Vec<_>>(),
            e.evidence.known().collect::<Vec<_>>(),
            e.note.as_ref().map(|t| t.en.clone())
        );
    }
    for c in &o.findings.claims {
        println!("[{}] {}: {} | expected {} | got {} | {:?}", c.holds, c.id, c.text, c.expected, c.actual, c.events);
    }
    println!("{:?} {:?} {:?} took {:?}", o.findings.verdict, o.failure, o.summary, o.took);
}
