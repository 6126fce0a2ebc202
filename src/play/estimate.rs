//! How long a run over a slow link takes, foreseen from the same run over a quick one.

use super::player::{LIMIT, Plan, WHOLE, perform};
use crate::link::spec::Spec;
use crate::trace::{Role, Trace};
use std::time::Duration;

/// A link on which nobody has to wait: its round trip, and the rate in bytes a second from which on there is none.
const QUICK_RTT: Duration = Duration::from_millis(20);
const QUICK_RATE: u64 = 100_000;
const SLOW_RTT: Duration = Duration::from_millis(500);

/// Gives a run over a slow link the time that it needs; about how much that is, without what
/// is sent again on the way. `None` where nobody would notice. The run over the quick link is not shown.
pub fn allow_for_slowness(plan: &mut Plan) -> Option<Duration> {
    let slow = plan.link.clone().filter(is_slow)?;
    let quick = Plan { link: Some(quickened(&slow)), announce: None, ..plan.clone() };
    let (trace, _, _) = perform(&quick).ok()?.came_to();
    let took = Duration::from_micros(trace.events.iter().map(|e| e.end_us).max()?);
    // What waits for round trips takes longer as they do; what waits for anything else makes this too much.
    let trips = slow.rtt().as_secs_f64() / QUICK_RTT.as_secs_f64();
    let sending = Role::ALL.map(|role| sending(&trace, &slow, role)).into_iter().max()?;
    let whole = took.mul_f64(trips.max(1.0)) + sending;
    plan.sending = sending;
    // One blocking send may take nearly all of it.
    plan.allowed.wait = LIMIT + 20 * slow.rtt() + 2 * whole;
    plan.allowed.whole = WHOLE + 4 * whole;
    Some(whole)
}

fn is_slow(link: &Spec) -> bool {
    let rates = [link.up.rate, link.down.rate];
    link.rtt() >= SLOW_RTT || rates.into_iter().flatten().any(|rate| rate < QUICK_RATE)
}

/// The same faults, and nobody waits.
fn quickened(slow: &Spec) -> Spec {
    let mut quick = slow.clone();
    for way in [&mut quick.up, &mut quick.down] {
        (way.delay, way.rate, way.queue) = (QUICK_RTT / 2, None, None);
    }
    quick
}

/// How long an end's packets take at the rate of its way.
fn sending(trace: &Trace, link: &Spec, role: Role) -> Duration {
    let Some(rate) = link.out_of(role).rate else { return Duration::ZERO };
    let bytes: usize = trace.packets.iter().filter(|p| p.from == role).map(|p| p.len).sum();
    Duration::from_secs_f64(bytes as f64 / rate as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_somebody_would_wait_for_is_slow() {
        for (link, slow) in
            [("", false), ("rtt=4s", true), ("rate=1000", true), ("rate=10MB", false), ("loss=100%", false)]
        {
            let link = Spec::parse(link).expect("a link");
            assert_eq!(is_slow(&link), slow, "{link}");
            assert!(!is_slow(&quickened(&link)), "{link}");
        }
    }
}
