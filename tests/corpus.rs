//! The fuzzers' corpus, replayed on every system: every file that once led somewhere new in the code, and every
//! beginning of it, as a stream that broke off there.

#[path = "../fuzz/live.rs"]
mod live;
#[path = "../fuzz/meter.rs"]
mod meter;
#[path = "../fuzz/script.rs"]
mod script;
#[path = "../fuzz/targets.rs"]
mod targets;

use std::fs;
use std::path::Path;

#[test]
fn every_file_of_the_corpus_and_every_beginning_of_it_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, target) in targets::TARGETS {
        // Conversations take their time.
        let beginnings = if *name == "sessions" { 4 } else { 64 };
        let files = fs::read_dir(root.join(name)).unwrap_or_else(|e| panic!("no corpus for {name}: {e}"));
        let mut replayed = 0;
        for file in files {
            let path = file.expect("a folder's entry").path();
            let data = fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            // Which file it was, should it fail.
            eprintln!("{}", path.display());
            // Long ones in larger steps: the test stays short.
            for end in (0..data.len()).step_by(1 + data.len() / beginnings).chain([data.len()]) {
                target(&data[..end]);
            }
            replayed += 1;
        }
        assert!(replayed > 4, "only {replayed} files for {name}");
    }
    live::clean();
}

#[test]
fn the_meter_sees_a_length_that_was_believed() {
    let (_, peak) = meter::metered(|| vec![0_u8; 1 << 20]);
    assert!((1 << 20..2 << 20).contains(&peak), "{peak}");
    let (_, less) = meter::metered(|| vec![0_u8; 10]);
    assert!(less < 1000, "{less}: what was given back does not count");
}
