//! Runs wait more than they work: many go on at the same time.

use std::sync::Mutex;

/// So many are under way at once.
const WORKERS: usize = 4;

/// Does the same with each, several at a time; fails when one of them does.
pub fn side_by_side<T: Send>(all: impl IntoIterator<Item = T>, work: impl Fn(T) + Sync) {
    let all: Vec<T> = all.into_iter().collect();
    let next = Mutex::new(all.into_iter());
    let take = || next.lock().expect("no worker fails while it takes one").next();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(one) = take() {
                    work(one);
                }
            });
        }
    });
}
