//! A recorded run over a link is shown as it was when it was played.
//!
//! No test harness: an ordinary user's process can get its namespaces only while it has a single thread.

#[cfg(target_os = "linux")]
mod recorded;

#[cfg(target_os = "linux")]
fn main() {
    const NAME: &str = "over_a_link_every_scenario_is_read_back_as_it_was_and_shown_as_it_was";
    stickdemo::link::prepare();
    if std::env::args().any(|arg| arg == "--list") {
        return println!("{NAME}: test");
    }
    for scenario in &stickdemo::scenarios::syllabus() {
        recorded::is_shown_as_it_was(scenario, true);
    }
    println!("test {NAME} ... ok");
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the link needs Linux");
}
