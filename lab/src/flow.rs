//! What happens at the border: connections, and the events that a device writes lines about.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::civil::{HOUR, MINUTE, SECOND};

/// The embryonic timer of 2003, at which a PIX gives up a connection that nobody answered.
pub(crate) const SYN_TIMEOUT: u64 = 2 * MINUTE + SECOND;
/// How long a connection may be half closed.
const HALF_CLOSED: u64 = 10 * MINUTE;
/// How long a connection may be idle.
const IDLE: u64 = HOUR;
/// How long UDP other than DNS is remembered after its last packet.
const UDP_IDLE: u64 = 2 * MINUTE;

/// The transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proto {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// FINs from both sides.
    Fins,
    /// A reset from inside.
    ResetInside,
    /// A reset from outside.
    ResetOutside,
    /// Never answered: ended by the embryonic timer.
    SynTimeout,
    /// One side closed, the other never did: ended by the half-closed timer.
    FinTimeout,
    /// Nothing came any more: ended by the idle timer.
    IdleTimeout,
    /// UDP has no end of its own.
    Udp,
}

impl Ending {
    /// Whether the device ended it by a timer, some time after the last packet.
    #[must_use]
    pub fn is_timer(self) -> bool {
        matches!(self, Self::SynTimeout | Self::FinTimeout | Self::IdleTimeout)
    }
}

/// Which leg of a relayed session a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leg {
    /// None.
    Neither,
    /// The outside client's connection to our host.
    In,
    /// Our host's connection that carries it on.
    Out,
}

/// One connection between an inside host and an outside one.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The device's number of it, given when it is built.
    pub id: u64,
    /// When it opens: microseconds since 1970.
    pub start: u64,
    /// Its last packet.
    pub last: u64,
    /// When the device lets go of it.
    pub end: u64,
    /// The inside address.
    pub inside: u32,
    /// The outside address.
    pub outside: u32,
    /// What the inside address is translated to.
    pub mapped: u32,
    /// The inside and the outside address where they are of IPv6, which is not translated; the others are 0 then.
    pub six: Option<(Ipv6Addr, Ipv6Addr)>,
    /// The inside port.
    pub inside_port: u16,
    /// The outside port.
    pub outside_port: u16,
    /// What the inside port is translated to.
    pub mapped_port: u16,
    /// Payload from the side that opened it.
    pub up: u32,
    /// Payload from the other.
    pub down: u32,
    /// Payload that crossed the device twice: in its totals, and in nobody else's.
    pub resent: u32,
    /// TCP or UDP.
    pub proto: Proto,
    /// Whether the outside opened it.
    pub inbound: bool,
    /// How it ends.
    pub ending: Ending,
    pub(crate) host: u32,
    pub(crate) leg: Leg,
    pub(crate) delivered: bool,
    pub(crate) denied: bool,
    pub(crate) session: u32,
    pub(crate) pair_in: u64,
}

impl Flow {
    fn new(host: u32, start: u64, outside: (u32, u16), inside_port: u16, inbound: bool) -> Self {
        Self {
            id: 0,
            start,
            last: start,
            end: start,
            inside: 0,
            outside: outside.0,
            mapped: 0,
            six: None,
            inside_port,
            outside_port: outside.1,
            mapped_port: 0,
            up: 0,
            down: 0,
            resent: 0,
            proto: Proto::Tcp,
            inbound,
            ending: Ending::Fins,
            host,
            leg: Leg::Neither,
            delivered: false,
            denied: false,
            session: u32::MAX,
            pair_in: 0,
        }
    }

    /// TCP from `host` at `start` to an outside address and port.
    pub(crate) fn outbound(host: u32, start: u64, inside_port: u16, outside: (u32, u16)) -> Self {
        Self::new(host, start, outside, inside_port, false)
    }

    /// TCP from an outside address and port at `start` to a port of `host`.
    pub(crate) fn inbound(host: u32, start: u64, outside: (u32, u16), inside_port: u16) -> Self {
        Self::new(host, start, outside, inside_port, true)
    }

    /// The same, of IPv6.
    pub(crate) fn of_six(mut self, inside: Ipv6Addr, outside: Ipv6Addr) -> Self {
        self.six = Some((inside, outside));
        self
    }

    /// Its inside end.
    #[must_use]
    pub fn inside_end(&self) -> (IpAddr, u16) {
        (self.six.map_or(Ipv4Addr::from(self.inside).into(), |(inside, _)| inside.into()), self.inside_port)
    }

    /// Its outside end.
    #[must_use]
    pub fn outside_end(&self) -> (IpAddr, u16) {
        (self.six.map_or(Ipv4Addr::from(self.outside).into(), |(_, outside)| outside.into()), self.outside_port)
    }

    /// What its inside end is translated to.
    #[must_use]
    pub fn mapped_end(&self) -> (IpAddr, u16) {
        (Ipv4Addr::from(self.mapped).into(), self.mapped_port)
    }

    /// With this payload from its opener, and from the other.
    pub(crate) fn bytes(mut self, up: u64, down: u64) -> Self {
        self.up = u32::try_from(up).unwrap_or(u32::MAX / 4);
        self.down = u32::try_from(down).unwrap_or(u32::MAX / 4);
        self
    }

    /// Its last packet comes `micros` after its first, and it ends as said.
    pub(crate) fn ends(mut self, micros: u64, ending: Ending) -> Self {
        self.last = self.start + micros;
        self.ending = ending;
        self.end = self.last
            + match ending {
                Ending::FinTimeout => HALF_CLOSED,
                Ending::IdleTimeout => IDLE,
                Ending::SynTimeout => SYN_TIMEOUT.saturating_sub(micros),
                _ => 0,
            };
        self
    }

    /// UDP: gone with the answer where it is DNS, else when the device has seen nothing for two minutes.
    pub(crate) fn udp(mut self, micros: u64) -> Self {
        self.proto = Proto::Udp;
        self.ending = Ending::Udp;
        self.last = self.start + micros;
        let dns = self.outside_port == 53 || self.inside_port == 53;
        self.end = self.last + if dns { 0 } else { UDP_IDLE };
        self
    }

    /// Nobody answers. The opener repeats its SYN after 3 and 6 seconds, and gives up.
    pub(crate) fn unanswered(self) -> Self {
        self.bytes(0, 0).ends(9 * SECOND, Ending::SynTimeout)
    }

    /// Refused with a reset after `micros`, without payload.
    pub(crate) fn refused(self, micros: u64) -> Self {
        let ending = if self.inbound { Ending::ResetInside } else { Ending::ResetOutside };
        self.bytes(0, 0).ends(micros, ending)
    }

    /// The same, as one leg of session `session`.
    pub(crate) fn leg(mut self, leg: Leg, session: u32) -> Self {
        self.leg = leg;
        self.session = session;
        self
    }

    /// Nothing of it comes after `cut`: its host is off the network from then on, and the device waits.
    pub(crate) fn cut_at(mut self, cut: u64) -> Self {
        if self.last > cut {
            let (lived, life) = (cut - self.start, self.last - self.start);
            let part = |bytes: u32| (u64::from(bytes) * lived / life) as u32;
            (self.up, self.down, self.resent) = (part(self.up), part(self.down), 0);
            self.delivered = false;
            self.last = cut;
            self.end = if self.proto == Proto::Udp { cut + UDP_IDLE } else { cut + IDLE };
            self.ending = if self.proto == Proto::Udp { Ending::Udp } else { Ending::IdleTimeout };
        }
        self
    }

    /// What the device says at the end: the payload of both directions, what was sent twice counted twice.
    #[must_use]
    pub fn total(&self) -> u64 {
        u64::from(self.up) + u64::from(self.down) + u64::from(self.resent)
    }
}

/// Why a packet was denied, without a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// 106001: TCP from outside to an address that nobody has at the moment.
    Inbound,
    /// 106015: a straggler of a connection that is gone.
    NoConnection,
    /// 106023: UDP stopped by the access list.
    List(Proto),
}

/// Something that a witness may write a line about.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The device made an entry for a connection.
    Built(&'a Flow),
    /// The device removed it.
    Teardown(&'a Flow),
    /// The last packet of a connection is so far back that an observer of packets calls it over. Comes once for each
    /// connection, before or with its teardown.
    Over(&'a Flow),
    /// An inside address was given an outside one.
    SlotBuilt {
        /// For good (static), or for as long as it is used (dynamic).
        fixed: bool,
        /// The inside address.
        inside: u32,
        /// The outside address.
        outside: u32,
    },
    /// It was taken back after so many seconds.
    SlotTeardown {
        /// The inside address.
        inside: u32,
        /// The outside address.
        outside: u32,
        /// Seconds.
        held: u64,
    },
    /// A port of a shared address was given to a connection.
    PortBuilt(&'a Flow),
    /// It was taken back after so many seconds.
    PortTeardown(&'a Flow, u64),
    /// A packet was denied.
    Denied {
        /// Why.
        why: Denial,
        /// From where.
        from: (u32, u16),
        /// To where, as the outside calls it.
        to: (u32, u16),
        /// Whom that means inside, where it means anybody.
        inside: Option<u32>,
    },
}

/// Two legs of one relayed session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The inbound leg's connection id.
    pub in_id: u64,
    /// The outbound leg's.
    pub out_id: u64,
    /// Whether mail was delivered through it.
    pub delivered: bool,
    /// The host that relays.
    pub host: u32,
}
