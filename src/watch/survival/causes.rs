//! What was done to a program, one by one: of these the fewest that break it are looked for.

use super::super::conditions::{Conditions, Cut, CutAt, DatagramAt, Deliveries, StreamPlace, Strikes};
use super::super::seen::{Operation, Record, Target};
use super::diagnosis;

/// One thing that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interference {
    /// A call was cut.
    Call(CutAt),
    /// A call did not go on behind this place.
    Place(StreamPlace),
    /// Something was done to this datagram.
    Datagram(DatagramAt),
}

/// What was done when a program broke.
pub(super) struct Causes {
    /// Those that are likely enough alone, tried one by one.
    pub(super) single: Vec<Interference>,
    /// Those that were enough together.
    pub(super) together: Vec<Interference>,
}

impl Causes {
    /// Of a run under these conditions; an unharmed one tells what else could have been done.
    pub(super) fn of(conditions: &Conditions, unharmed: &[Record], harmed: &[Record]) -> Causes {
        if conditions.datagrams != Default::default() {
            let struck: Vec<Interference> = struck(harmed).into_iter().map(Interference::Datagram).collect();
            return Causes { single: struck.clone(), together: struck };
        }
        if let Some(Cut::Before(places)) = &conditions.cut {
            let places: Vec<Interference> = places.iter().copied().map(Interference::Place).collect();
            return Causes { single: places.clone(), together: places };
        }
        let done = diagnosis::cuts(harmed).into_iter().map(|cut| Interference::Call(cut.at)).collect();
        match conditions.cut {
            None if !conditions.interrupt => Causes { single: Vec::new(), together: Vec::new() },
            // Only calls that wait for all are cut, and these are they.
            None => Causes { single: done, together: Vec::new() },
            Some(_) => {
                let single = diagnosis::candidates(unharmed).into_iter().map(Interference::Call).collect();
                Causes { single, together: done }
            }
        }
    }
}

/// The same conditions, with nothing done but this.
pub(super) fn only(conditions: &Conditions, causes: &[Interference]) -> Conditions {
    let mut only = conditions.clone();
    let calls: Vec<CutAt> = pick(causes, |cause| if let Interference::Call(at) = cause { Some(at) } else { None });
    let places: Vec<StreamPlace> =
        pick(causes, |cause| if let Interference::Place(at) = cause { Some(at) } else { None });
    let datagrams: Vec<DatagramAt> =
        pick(causes, |cause| if let Interference::Datagram(at) = cause { Some(at) } else { None });
    only.cut = match (calls.is_empty(), places.is_empty()) {
        (false, _) => Some(Cut::At(calls)),
        (true, false) => Some(Cut::Before(places)),
        (true, true) => only.cut,
    };
    let way = &mut only.datagrams;
    for strikes in [&mut way.lose, &mut way.double, &mut way.swap] {
        if strikes.is_some() {
            *strikes = Some(Strikes::At(datagrams.clone()));
        }
    }
    only
}

fn pick<T>(causes: &[Interference], which: impl Fn(Interference) -> Option<T>) -> Vec<T> {
    causes.iter().copied().filter_map(which).collect()
}

/// The datagrams to which something was done, by their places.
fn struck(records: &[Record]) -> Vec<DatagramAt> {
    let mut deliveries = Deliveries::new(Conditions::default());
    let mut found = Vec::new();
    for one in records {
        let Record::Call(call) = one else { continue };
        if let (Operation::Send, Some(_), Target::Socket(socket)) = (call.operation, call.struck, &call.target) {
            found.extend(call.address.or(socket.peer).map(|to| deliveries.datagram(socket.key, to)));
        }
        deliveries.saw(call);
    }
    found
}
