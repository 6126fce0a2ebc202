//! Who has written: a number for each address, and the last one.

use crate::programs::datagram_socket::Correspondent;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

/// Everybody who writes costs memory, and addresses are easily forged.
const MOST: usize = 10_000;

/// Those who wrote, at most [`MOST`].
#[derive(Default)]
pub(super) struct People {
    by_number: BTreeMap<u64, Person>,
    by_address: HashMap<SocketAddr, u64>,
    last: Option<Correspondent>,
    numbers: u64,
    messages: u64,
}

struct Person {
    /// As of the last message.
    whom: Correspondent,
    messages: u64,
    /// Of everybody's messages, the place of this person's last.
    latest: u64,
}

impl People {
    /// Somebody wrote; returns the number, a new one for a new address. The one who was silent for longest is
    /// forgotten when there are too many.
    pub(super) fn heard(&mut self, whom: Correspondent) -> u64 {
        self.messages += 1;
        self.last = Some(whom);
        let number = match self.by_address.get(&whom.address) {
            Some(number) => *number,
            None => self.add(whom),
        };
        if let Some(person) = self.by_number.get_mut(&number) {
            person.whom = whom;
            person.messages += 1;
            person.latest = self.messages;
        }
        number
    }

    fn add(&mut self, whom: Correspondent) -> u64 {
        if self.by_number.len() >= MOST {
            let silent = self.by_number.iter().min_by_key(|(_, person)| person.latest).map(|(number, _)| *number);
            if let Some(person) = silent.and_then(|number| self.by_number.remove(&number)) {
                self.by_address.remove(&person.whom.address);
            }
        }
        self.numbers += 1;
        self.by_address.insert(whom.address, self.numbers);
        self.by_number.insert(self.numbers, Person { whom, messages: 0, latest: 0 });
        self.numbers
    }

    /// The last who wrote.
    pub(super) fn last(&self) -> Option<Correspondent> {
        self.last
    }

    /// Who has this number.
    pub(super) fn at(&self, number: u64) -> Option<Correspondent> {
        self.by_number.get(&number).map(|person| person.whom)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// Number, whom and messages of each, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Correspondent, u64)> + '_ {
        self.by_number.iter().map(|(number, person)| (*number, person.whom, person.messages))
    }
}

/// `@2 text`: whom, and what. Anything else is text.
pub(super) fn addressed(line: &[u8]) -> Option<(u64, &[u8])> {
    let rest = line.strip_prefix(b"@")?;
    let digits = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
    let number = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    match &rest[digits..] {
        [] => Some((number, &[])),
        [b' ', text @ ..] => Some((number, text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: usize) -> Correspondent {
        SocketAddr::from(([10, 0, (n / 256) as u8, (n % 256) as u8], 4711)).into()
    }

    #[test]
    fn everybody_has_a_number_and_keeps_it() {
        let mut people = People::default();
        assert_eq!([0, 1, 0, 2].map(|n| people.heard(address(n))), [1, 2, 1, 3]);
        assert_eq!((people.last(), people.at(2), people.at(9)), (Some(address(2)), Some(address(1)), None));
        assert_eq!(
            people.iter().map(|(number, _, messages)| (number, messages)).collect::<Vec<_>>(),
            [(1, 2), (2, 1), (3, 1)]
        );
    }

    #[test]
    fn the_one_who_was_silent_for_longest_is_forgotten() {
        let mut people = People::default();
        for n in 0..MOST {
            people.heard(address(n));
        }
        people.heard(address(0));
        assert_eq!(people.heard(address(MOST)), MOST as u64 + 1);
        assert_eq!(people.iter().count(), MOST);
        assert_eq!((people.at(1), people.at(2)), (Some(address(0)), None));
        assert_eq!(people.heard(address(1)), MOST as u64 + 2, "a new number for the forgotten");
        assert_eq!(people.by_address.len(), MOST);
    }

    #[test]
    fn a_line_may_say_whom_it_is_for() {
        assert_eq!(addressed(b"@2 hello"), Some((2, &b"hello"[..])));
        assert_eq!(addressed(b"@12"), Some((12, &b""[..])));
        assert_eq!(addressed("@1 @2 你好".as_bytes()), Some((1, "@2 你好".as_bytes())));
        for text in ["hello", "@", "@ 2", "@two", "@2x", "@99999999999999999999 x", " @2 x"] {
            assert_eq!(addressed(text.as_bytes()), None, "{text}");
        }
    }
}
