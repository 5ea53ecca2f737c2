//! `hostbits` and `xbits`: bits that all flows of a host share, or all between two.
//!
//! Flows are held against rules each by itself. What they share is asked and changed afterwards, when their matches are in
//! one order, so that it does not depend on which thread found what.

use std::collections::HashMap;

use crate::header::Flow;
use crate::rule::{Rule, Track};
use crate::threshold::{Who, who};

/// Bits that are set at once, over all hosts.
const SET: usize = 65_536;
const SECOND: i64 = 1_000_000_000;

/// A bit that a rule names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostBit {
    /// Its number.
    pub(crate) number: u32,
    /// Whose it is: the sender's, the receiver's, or both's together.
    pub(crate) owner: Track,
    /// How long it stays set.
    pub(crate) seconds: u32,
}

/// What a match does to a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostOp {
    /// Sets it.
    Set,
    /// Unsets it.
    Unset,
    /// Turns it.
    Toggle,
}

/// What a rule asks of such bits, and what a match does to them.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostRule {
    /// Bits that must be set, or must not be.
    pub(crate) tests: Vec<(HostBit, bool)>,
    pub(crate) ops: Vec<(HostBit, HostOp)>,
}

impl HostRule {
    pub(crate) fn is_empty(&self) -> bool {
        self.tests.is_empty() && self.ops.is_empty()
    }
}

/// The bits that are set.
#[derive(Debug, Default)]
pub struct HostBits {
    /// The second up to which each is.
    until: HashMap<(u32, Who), i64, foldhash::fast::RandomState>,
    /// The second in which room was last looked for.
    looked: Option<i64>,
    /// Bits that were not set because too many are.
    pub unset: u64,
}

impl HostBits {
    /// Whether these bits let a rule that matches otherwise match; if so, it has changed them. `at`: the packet's moment in
    /// nanoseconds; `flow`: who sent it to whom. To be asked of all matches, in order.
    pub fn admit(&mut self, rule: &Rule, at: i64, flow: Flow) -> bool {
        let now = at.div_euclid(SECOND);
        if !rule.host.tests.iter().all(|&(bit, wanted)| self.has(bit, now, flow) == wanted) {
            return false;
        }
        for &(bit, op) in &rule.host.ops {
            match op {
                HostOp::Toggle if self.has(bit, now, flow) => self.unset(bit, flow),
                HostOp::Set | HostOp::Toggle => self.set(bit, now, flow),
                HostOp::Unset => self.unset(bit, flow),
            }
        }
        true
    }

    fn has(&self, bit: HostBit, now: i64, flow: Flow) -> bool {
        self.until.get(&key(bit, flow)).is_some_and(|&until| until >= now)
    }

    fn unset(&mut self, bit: HostBit, flow: Flow) {
        self.until.remove(&key(bit, flow));
    }

    fn set(&mut self, bit: HostBit, now: i64, flow: Flow) {
        let key = key(bit, flow);
        if self.until.len() >= SET && !self.until.contains_key(&key) {
            // Once a second, for it takes a look at all of them.
            if self.looked != Some(now) {
                self.looked = Some(now);
                self.until.retain(|_, until| *until >= now);
            }
            if self.until.len() >= SET {
                self.unset += 1;
                return;
            }
        }
        self.until.insert(key, now.saturating_add(bit.seconds.into()));
    }
}

/// No bit is a flow's.
fn key(bit: HostBit, flow: Flow) -> (u32, Who) {
    (bit.number, who(bit.owner, flow, 0))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::header::Class;
    use crate::{Builder, Variables};

    fn flow(src: u8, dst: u8) -> Flow {
        let end = |n| IpAddr::from([192, 0, 2, n]);
        Flow { class: Class::Tcp, src: end(src), src_port: 1, dst: end(dst), dst_port: 2 }
    }

    /// One rule for each list of options.
    fn rules(options: &[&str]) -> Vec<Rule> {
        let mut builder = Builder::new(Variables::default());
        for (sid, options) in (1..).zip(options) {
            let loaded = builder.add(format!("alert ip any any -> any any ({options} sid:{sid};)").as_bytes());
            assert_eq!(loaded.rules, 1, "{options}: {:?}", loaded.diagnostics);
        }
        let mut rules = builder.build().unwrap().rules().to_vec();
        rules.sort_by_key(|rule| rule.meta.sid);
        rules
    }

    #[test]
    fn a_bit_is_its_hosts_or_its_pairs() {
        let rules = rules(&[
            "hostbits:set,seen;",
            "hostbits:isset,seen,dst;",
            "xbits:isset,seen,track ip_src;",
            "xbits:set,both,track ip_pair,expire 10;",
            "xbits:isnotset, both, track ip_pair;",
        ]);
        let mut bits = HostBits::default();
        let mut ask = |rule: usize, seconds: i64, flow| bits.admit(&rules[rule - 1], seconds * SECOND, flow);
        assert!(!ask(2, 0, flow(2, 1)) && ask(1, 0, flow(1, 2)) && ask(2, 0, flow(2, 1)), "set by the sender");
        assert!(!ask(2, 0, flow(1, 2)) && ask(3, 0, flow(1, 9)), "one name for both keywords, whoever else there is");
        assert!(ask(2, 300, flow(2, 1)) && !ask(2, 301, flow(2, 1)), "five minutes");
        assert!(ask(5, 0, flow(1, 2)) && ask(4, 0, flow(1, 2)) && !ask(5, 10, flow(2, 1)) && ask(5, 10, flow(1, 3)));
        assert!(ask(5, 11, flow(2, 1)));
    }

    #[test]
    fn what_matches_changes_them_and_nothing_else_does() {
        let rules =
            rules(&["hostbits:toggle,a;", "hostbits:isset,a; hostbits:unset,a; hostbits:set,b;", "hostbits:isset,b;"]);
        let mut bits = HostBits::default();
        let mut ask = |rule: usize| bits.admit(&rules[rule - 1], 0, flow(1, 2));
        assert!(!ask(2) && !ask(3) && ask(1) && ask(2) && ask(3) && !ask(2));
        assert!(ask(1) && ask(1) && !ask(2), "turned twice");
    }

    #[test]
    fn those_that_are_set_are_bounded() {
        let rules = rules(&["xbits:set,a,track ip_src,expire 5;", "xbits:isset,a,track ip_src;"]);
        let mut bits = HostBits::default();
        let host = |n: u32| Flow { src: IpAddr::from((0x0a00_0000 + n).to_be_bytes()), ..flow(1, 2) };
        let most = SET as u32;
        assert!((0..most + 3).all(|n| bits.admit(&rules[0], 0, host(n))));
        assert_eq!(bits.unset, 3);
        assert!(bits.admit(&rules[1], 0, host(most - 1)) && !bits.admit(&rules[1], 0, host(most)));
        assert!(bits.admit(&rules[0], 6 * SECOND, host(most)) && bits.admit(&rules[1], 6 * SECOND, host(most)));
        assert_eq!((bits.unset, bits.until.len()), (3, 1), "those that are over make room");
    }
}
