//! Datagrams that wait for their fragments (RFC 791, RFC 8200).

use std::collections::VecDeque;
use std::net::IpAddr;

use catspaw_records::Nanos;
use foldhash::HashMap;

use super::ip::Ip;
use super::reassembly::{Added, Datagram};

/// Datagrams that wait at once; beyond, the oldest is given up.
const DATAGRAMS: usize = 4096;
/// Memory of all pieces that wait, in bytes.
const MEMORY: usize = 16 << 20;
/// A datagram waits so long for its pieces, by the packets' clock: as long as RFC 8200 says.
const PATIENCE: i64 = 60 * Nanos::SECOND;

/// Whose pieces they are. The protocol is part of it in IPv4 alone.
type Key = (IpAddr, IpAddr, u32, u8);

/// Datagrams of which pieces are missing.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    waiting: HashMap<Key, Waiting>,
    /// In the order in which they began; some are whole and gone.
    order: VecDeque<Begun>,
    /// Of all that wait.
    memory: usize,
    /// How many have begun.
    begun: u64,
}

#[derive(Debug)]
struct Waiting {
    number: u64,
    datagram: Datagram,
}

#[derive(Clone, Copy, Debug)]
struct Begun {
    at: Nanos,
    key: Key,
    number: u64,
}

impl Fragments {
    /// Takes a piece, that came at a moment and in frames of these numbers; gives the IP packet when it is whole, with the
    /// numbers of all frames that brought it.
    #[cold]
    pub(super) fn take(
        &mut self,
        ip: &Ip<'_>,
        (at, frames): (Nanos, &[u64]),
        dropped: &mut impl FnMut(&'static str, u64),
    ) -> Option<(Vec<u8>, Vec<u64>)> {
        let fragment = ip.fragment?;
        self.forget_old(at, dropped);
        let key = (ip.src, ip.dst, fragment.id, if ip.src.is_ipv4() { ip.proto.0 } else { 0 });
        let datagram = self.datagram(at, key);
        let before = datagram.memory();
        let added = datagram.add(ip, fragment, frames);
        // No piece takes memory away.
        let grown = datagram.memory() - before;
        self.memory += grown;
        match added {
            Added::Whole => {
                let whole = self.waiting.remove(&key)?.datagram;
                self.memory -= whole.memory();
                return whole.put_together();
            }
            Added::Refused(why) => dropped(why, 1),
            Added::Waits => {}
        }
        while self.waiting.len() > DATAGRAMS || self.memory > MEMORY {
            self.give_up_oldest(dropped);
        }
        None
    }

    /// Bytes that wait.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.memory
    }

    /// Datagrams whose beginning is remembered, those that are gone among them.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.order.len()
    }

    /// The datagram of a key, begun where there is none.
    fn datagram(&mut self, at: Nanos, key: Key) -> &mut Datagram {
        if self.order.len() >= 2 * DATAGRAMS {
            // At least half of them are whole and gone, so that this costs each of them once.
            let waiting = &self.waiting;
            self.order.retain(|begun| waiting.get(&begun.key).is_some_and(|of| of.number == begun.number));
        }
        let entry = self.waiting.entry(key).or_insert_with(|| {
            self.begun += 1;
            self.order.push_back(Begun { at, key, number: self.begun });
            Waiting { number: self.begun, datagram: Datagram::default() }
        });
        &mut entry.datagram
    }

    fn forget_old(&mut self, now: Nanos, dropped: &mut impl FnMut(&'static str, u64)) {
        while self.order.front().is_some_and(|begun| now.since(begun.at) > PATIENCE) {
            self.give_up_oldest(dropped);
        }
    }

    fn give_up_oldest(&mut self, dropped: &mut impl FnMut(&'static str, u64)) {
        let Some(begun) = self.order.pop_front() else { return };
        if self.waiting.get(&begun.key).is_some_and(|waiting| waiting.number == begun.number)
            && let Some(gone) = self.waiting.remove(&begun.key)
        {
            self.memory -= gone.datagram.memory();
            dropped("datagrams of which fragments are missing", 1);
        }
    }
}
