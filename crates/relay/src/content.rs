//! What was said on the legs whose packets were read, as far as two legs can have it in common.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use catspaw_records::{AppProto, Digest, Nanos, Target, Transaction, Utterance};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};

use crate::leg::{Direction, End, Leg, Mailed};
use crate::letters::{Letters, Likeness};
use crate::service::{Key, could_be_stored};
use crate::talk::{Agreed, Fit, MAYBE, SHORT, Talk};

/// Legs of a host whose content is remembered; what is said on more is not.
const TALKS: usize = 1 << 16;
/// Names that a host looked up, and addresses of each; the names learned first go first.
const NAMES: usize = 1 << 14;
const ADDRESSES: usize = 64;
/// Requests in absolute form that wait for the host to make them.
const WANTED: usize = 1 << 16;
/// Requests that the host made unasked, and servers that it made them of.
const OWN: usize = 1 << 16;
/// Requests in origin form that came last.
const PAGES: usize = 64;
/// Legs of the other direction that one is held against.
const LOOKED_AT: usize = 512;
/// What showed that a session was carried on: two of one service count where these differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Thing {
    /// A connection to where the client asked, with the same payload.
    Tunnel(Asking),
    /// A request, by its digest.
    Request(u64, Asking),
    /// A message.
    Message(u64),
}

/// Whom a client named, and whom the host called then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Asking {
    /// The named host's and port's.
    pub(crate) host: u64,
    /// Whom the host called.
    pub(crate) server: IpAddr,
    /// Whether that is known to be the named host.
    pub(crate) met: bool,
}

/// A session that was carried on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shown {
    /// The inbound leg.
    pub(crate) inbound: (Key, Leg),
    /// Where it was carried on to.
    pub(crate) target: IpAddr,
    /// What shows it.
    pub(crate) thing: Thing,
}

/// What was said on the legs of one host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Contents {
    /// Whether what was said was read, and not only in which protocol.
    pub seen: bool,
    inbound: BTreeMap<Key, Talk>,
    outbound: BTreeMap<Key, Talk>,
    /// Inbound legs whose clients asked to be connected with somebody.
    asking: BTreeSet<Key>,
    names: LookedUp<IpAddr>,
    /// Hosts that take the mail for a name.
    exchanges: LookedUp<Digest>,
    /// Requests in absolute form that the host has not made yet, the oldest first.
    wanted: HashMap<Digest, VecDeque<Key>>,
    wanted_count: usize,
    /// Requests in origin form that came last, and to which port.
    pages: VecDeque<(Digest, u16)>,
    /// The port of one that the host has just handed on as it came.
    pub(crate) handed_on: Option<u16>,
    /// Requests that the host made though nobody had asked: they prove nothing when somebody does.
    own: BTreeSet<Digest>,
    /// Servers that it made them of: what stands behind a reverse proxy, and is asked whatever name a scanner gives.
    own_servers: BTreeSet<IpAddr>,
    letters: Letters,
    /// Inbound legs that an outbound leg carried on: by request or by message.
    links: BTreeMap<Key, BTreeSet<Key>>,
    /// Whether mail was seen to go out as it came in.
    pub(crate) hands_mail_on: bool,
    /// Whether the host is known to hand mail on, and not as it came in: then it is left to statistics what belongs together.
    pub(crate) writes_mail_anew: bool,
    /// What a cap left out.
    dropped: u64,
}

/// What names were found to lead to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct LookedUp<T: Ord> {
    of: HashMap<Digest, BTreeSet<T>>,
    /// The names, the one that was learned first in front.
    order: VecDeque<Digest>,
}

impl<T: Ord> Default for LookedUp<T> {
    fn default() -> Self {
        Self { of: HashMap::default(), order: VecDeque::new() }
    }
}

impl<T: Ord> LookedUp<T> {
    /// Takes what a name leads to; whether another name had to go for it.
    fn learn(&mut self, name: Digest, to: T) -> bool {
        let oldest = (self.of.len() >= NAMES && !self.of.contains_key(&name)).then(|| self.order.pop_front()).flatten();
        let gone = oldest.is_some_and(|oldest| self.of.remove(&oldest).is_some());
        let known = self.of.entry(name).or_default();
        if known.is_empty() {
            self.order.push_back(name);
        }
        if known.len() < ADDRESSES {
            known.insert(to);
        }
        gone
    }

    fn get(&self, name: &Digest) -> Option<&BTreeSet<T>> {
        self.of.get(name)
    }
}

impl Contents {
    /// What was said and not remembered because there was too much.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped + self.letters.dropped
    }

    /// Something was said. That a protocol was recognised does not mean that what is said in it was read.
    pub(crate) fn see(&mut self, said: &Utterance) {
        self.seen |= !matches!(said, Utterance::Speaks(_));
    }

    /// The host made a request of a server that nobody had asked it for by naming that server.
    pub(crate) fn made_unasked(&mut self, request: Digest, server: IpAddr) {
        self.seen = true;
        if self.own.len() < OWN && self.own_servers.len() < OWN {
            self.own.insert(request);
            self.own_servers.insert(server);
        } else {
            self.dropped += 1;
        }
    }

    /// A name was looked up by the host.
    pub(crate) fn resolved(&mut self, name: Digest, addr: IpAddr) {
        self.seen = true;
        self.dropped += u64::from(self.names.learn(name, addr));
    }

    /// The host looked up who takes the mail for a name.
    pub(crate) fn exchanges(&mut self, name: Digest, host: Digest) {
        self.seen = true;
        self.dropped += u64::from(self.exchanges.learn(name, host));
    }

    /// Takes what was said on a leg at `at`. Gives back the sessions that it shows to be carried on; those of tunnels only
    /// where they are `wanted`, for each is held against many.
    pub(crate) fn take(
        &mut self,
        (direction, key, leg): (Direction, Key, Leg),
        said: &Utterance,
        at: Nanos,
        wanted: bool,
    ) -> Vec<Shown> {
        self.see(said);
        let full = self.inbound.len() + self.outbound.len() >= TALKS;
        let talks = match direction {
            Direction::Inbound => &mut self.inbound,
            Direction::Outbound => &mut self.outbound,
        };
        if full && !talks.contains_key(&key) {
            self.dropped += 1;
            return Vec::new();
        }
        let talk = talks.entry(key).or_insert_with(|| Talk::of(leg));
        talk.take(said, at);
        match *said {
            Utterance::Asks { .. } if direction == Direction::Inbound => {
                self.asking.insert(key);
                Vec::new()
            }
            Utterance::Carries { .. } if wanted && direction == Direction::Inbound => self.tunnels_of(key),
            Utterance::Carries { .. } if wanted => self.tunnels_by(key),
            Utterance::Fetches { absolute, digest, target, port } => {
                self.fetched((direction, key), absolute, digest, (target, port))
            }
            Utterance::Mails(mail) => self.mailed((direction, key), &mail),
            _ => Vec::new(),
        }
    }

    /// The tunnels that an outbound leg shows.
    fn tunnels_by(&self, out: Key) -> Vec<Shown> {
        let asking = self.asking.range(..=out).rev().take(LOOKED_AT);
        asking.filter_map(|&inbound| self.tunnel(inbound, out)).collect()
    }

    /// The tunnels that an inbound leg shows.
    fn tunnels_of(&self, inbound: Key) -> Vec<Shown> {
        if !self.asking.contains(&inbound) {
            return Vec::new();
        }
        let later = self.outbound.range(inbound..).take(LOOKED_AT);
        later.filter_map(|(&out, _)| self.tunnel(inbound, out)).collect()
    }

    fn tunnel(&self, inbound: Key, out: Key) -> Option<Shown> {
        let (talk, out) = (self.inbound.get(&inbound)?, self.outbound.get(&out)?);
        let asked = talk.asked.filter(|asked| asked.granted == Some(true))?;
        let meets = self.meets(asked.target, out.leg.peer.addr);
        let (_, agreed) = talk.tunnel(&out.leg, Some(out), meets);
        let other = talk.leg.peer.addr != out.leg.peer.addr;
        let carried = other && talk.was_open_at(out.leg.start.at) && agreed.is_some_and(Agreed::came_back);
        let target = out.leg.peer.addr;
        let asking = Asking { host: named(asked.target, asked.port), server: target, met: meets == Some(true) };
        carried.then_some(Shown { inbound: (inbound, talk.leg), target, thing: Thing::Tunnel(asking) })
    }

    /// Whether an address is the one that was asked for; `None` where a name was not seen looked up.
    fn meets(&self, target: Target, addr: IpAddr) -> Option<bool> {
        match target {
            Target::Addr(asked) => Some(asked == addr),
            Target::Name(name) => self.names.get(&name).map(|addresses| addresses.contains(&addr)),
        }
    }

    /// Whether mail for a target is known to go to an address.
    fn takes_mail_for(&self, target: Target, addr: IpAddr) -> bool {
        let leads_there = |host: &Digest| self.names.get(host).is_some_and(|addresses| addresses.contains(&addr));
        match target {
            Target::Addr(asked) => asked == addr,
            Target::Name(name) => match self.exchanges.get(&name) {
                Some(hosts) => hosts.iter().any(leads_there),
                None => leads_there(&name),
            },
        }
    }

    /// A request was made. One of the host's own is the oldest that it was asked for on a connection that is still there.
    fn fetched(
        &mut self,
        (direction, key): (Direction, Key),
        absolute: bool,
        digest: Digest,
        (host, port): (Target, u16),
    ) -> Vec<Shown> {
        if direction == Direction::Inbound {
            if absolute && self.wanted_count < WANTED {
                self.wanted.entry(digest).or_default().push_back(key);
                self.wanted_count += 1;
            } else {
                self.dropped += u64::from(absolute);
            }
            if let (false, Some(talk)) = (absolute, self.inbound.get(&key)) {
                if self.pages.len() >= PAGES {
                    self.pages.pop_front();
                }
                self.pages.push_back((digest, talk.leg.own.port));
            }
            return Vec::new();
        }
        let Some(target) = self.outbound.get(&key).map(|talk| talk.leg.peer.addr) else { return Vec::new() };
        let asked = self.next_wanted(digest, target);
        match asked.and_then(|inbound| Some((inbound, self.inbound.get(&inbound)?.leg))) {
            Some(inbound) => {
                self.links.entry(key).or_default().insert(inbound.0);
                let met = self.meets(host, target);
                let proves = met != Some(false) && !self.own.contains(&digest) && !self.own_servers.contains(&target);
                let asking = Asking { host: named(host, port), server: target, met: met == Some(true) };
                let thing = Thing::Request(digest.0, asking);
                proves.then_some(Shown { inbound, target, thing }).into_iter().collect()
            }
            None => {
                self.made_unasked(digest, target);
                self.handed_on = self.pages.iter().find(|(page, _)| *page == digest).map(|&(_, port)| port);
                Vec::new()
            }
        }
    }

    fn next_wanted(&mut self, digest: Digest, target: IpAddr) -> Option<Key> {
        let waiting = self.wanted.get_mut(&digest)?;
        let before = waiting.len();
        let open = |key: &Key| self.inbound.get(key).filter(|talk| talk.leg.end.is_none());
        // Those that are closed will not open again.
        while waiting.pop_front_if(|key| open(key).is_none()).is_some() {}
        let is_other = |key: &Key| open(key).is_some_and(|talk| talk.leg.peer.addr != target);
        let found = waiting.iter().position(is_other).and_then(|at| waiting.remove(at));
        self.wanted_count -= before - waiting.len();
        if waiting.is_empty() {
            self.wanted.remove(&digest);
        }
        found
    }

    /// A mail transaction is over. It may be told of the far side first, where the host hands on before it answers.
    fn mailed(&mut self, (direction, key): (Direction, Key), mail: &Transaction) -> Vec<Shown> {
        if self.asking.contains(&key) {
            // What is carried through a tunnel goes where the client asked.
            return Vec::new();
        }
        self.letters.add(direction, key, mail);
        let mut shown = Vec::new();
        for (other, likeness) in self.letters.like(direction, mail) {
            let (inbound, out) = if direction == Direction::Inbound { (key, other) } else { (other, key) };
            let (Some(talk), Some(to)) = (self.inbound.get(&inbound), self.outbound.get(&out)) else { continue };
            if !could_be_stored(&talk.leg, &to.leg, 0) {
                continue;
            }
            self.links.entry(out).or_default().insert(inbound);
            self.hands_mail_on = true;
            if let Likeness::Message(digest) = likeness {
                let thing = Thing::Message(digest.0);
                shown.push(Shown { inbound: (inbound, talk.leg), target: to.leg.peer.addr, thing });
            }
            if direction == Direction::Outbound {
                // One copy has one cause: the likest and latest.
                break;
            }
        }
        shown
    }

    /// A leg has ended.
    pub(crate) fn ended(&mut self, direction: Direction, key: Key, end: End) {
        let talks = match direction {
            Direction::Inbound => &mut self.inbound,
            Direction::Outbound => &mut self.outbound,
        };
        if let Some(talk) = talks.get_mut(&key) {
            talk.leg.end = Some(end);
        }
    }

    /// What an outbound leg has delivered; `None` where packets were not read.
    pub(crate) fn mailed_by(&self, out: Key) -> Option<Mailed> {
        self.seen.then(|| self.outbound.get(&out).map(|talk| talk.mailed).unwrap_or_default())
    }

    /// The inbound legs that the outbound leg carried on, by request or message.
    pub(crate) fn links(&self, out: Key) -> impl Iterator<Item = Key> {
        self.links.get(&out).into_iter().flatten().copied()
    }

    /// Whether what was said on both legs lets the outbound one carry the inbound one on.
    pub(crate) fn fit(&self, inbound: Key, (out, leg): (Key, &Leg)) -> Fit {
        let Some(talk) = self.inbound.get(&inbound) else { return Fit::Open };
        let other = self.outbound.get(&out);
        if let Some(asked) = talk.asked {
            return talk.tunnel(leg, other, self.meets(asked.target, leg.peer.addr)).0;
        }
        // What carries a request or a message of this leg on is linked with it, where it was seen.
        let (fetches, mails) = other.map_or((false, false), |other| (other.fetches, other.mails));
        let elsewhere = !talk.ports.is_empty() && (fetches || !talk.ports.contains(&leg.peer.port));
        let another = mails && !self.writes_mail_anew;
        if elsewhere || (talk.mails && (another || !leg.smtp)) {
            return Fit::Never;
        }
        match other.and_then(|other| talk.begun.with(&other.begun)) {
            Some(agreed) if agreed.up > SHORT && agreed.down > SHORT => Fit::Carried,
            // Who was not let through to say what it brings was called for somebody all the same.
            _ if !mails && talk.recipients.iter().any(|&to| self.takes_mail_for(to, leg.peer.addr)) => Fit::Addressed,
            _ => Fit::Open,
        }
    }

    /// What the moments say at which two legs carried the same ([`crate::talk::Beginnings::handed_over`]).
    pub(crate) fn handed_over(&self, inbound: Key, out: Key) -> f64 {
        let both = self.inbound.get(&inbound).zip(self.outbound.get(&out));
        both.map_or(0.0, |(inbound, out)| inbound.begun.handed_over(&out.begun))
    }

    /// What the moments of mail transactions say for an outbound leg ([`Talk::mailed_before`]).
    pub(crate) fn mailed_before(&self, inbound: Key, out: &Leg) -> f64 {
        self.inbound.get(&inbound).map_or(MAYBE, |talk| talk.mailed_before(out))
    }

    /// The protocol in which the leg's client asks for something, once it is clear that the host plays along.
    pub(crate) fn protocol(&self, inbound: Key) -> Option<AppProto> {
        let talk = self.inbound.get(&inbound)?;
        match talk.asked {
            Some(asked) => asked.granted.unwrap_or(false).then_some(asked.protocol),
            None if !talk.ports.is_empty() => Some(AppProto::HttpProxy),
            None if talk.fetches => Some(AppProto::Http),
            None => talk.mails.then_some(AppProto::Smtp),
        }
    }

    /// Whether nothing was said on any leg that may still be asked for.
    pub(crate) fn is_empty(&self) -> bool {
        self.inbound.is_empty() && self.outbound.is_empty()
    }

    /// Forgets what was said on legs that nothing asks for any more.
    pub(crate) fn keep(&mut self, inbound: impl Fn(&Key) -> bool, outbound: impl Fn(&Key) -> bool) {
        self.inbound.retain(|key, talk| talk.leg.end.is_none() || inbound(key));
        self.outbound.retain(|key, talk| talk.leg.end.is_none() || outbound(key));
        let (inbound, outbound) = (&self.inbound, &self.outbound);
        self.asking.retain(|key| inbound.contains_key(key));
        self.links.retain(|key, causes| {
            causes.retain(|key| inbound.contains_key(key));
            outbound.contains_key(key)
        });
        self.wanted.retain(|_, waiting| {
            waiting.retain(|key| inbound.contains_key(key));
            !waiting.is_empty()
        });
        self.wanted_count = self.wanted.values().map(VecDeque::len).sum();
        self.letters.keep(|direction, key| match direction {
            Direction::Inbound => inbound.contains_key(key),
            Direction::Outbound => outbound.contains_key(key),
        });
    }
}

/// A host and port that a client named as one number, to tell targets apart.
fn named(target: Target, port: u16) -> u64 {
    let host = match target {
        Target::Addr(addr) => Digest::of_name(addr.to_string().as_bytes()),
        Target::Name(name) => name,
    };
    host.0.rotate_left(16) ^ u64::from(port)
}
