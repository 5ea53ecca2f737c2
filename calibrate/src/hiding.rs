//! What a relay may do against being found, done to sessions of a real one.

use catspaw_records::{ByteCount, Bytes};

use crate::rng::Rng;
use crate::table::{Leg, SECOND};

/// How much later the client's connection ends than that of a relay that was made to wait.
const TAIL: i64 = SECOND / 10;
/// Bytes that a handshake that nobody knows has, up and down: beyond what the known ones have, and the tests' priors believe.
const OWN_UP: (f64, f64) = (256.0, 2048.0);
const OWN_DOWN: (f64, f64) = (480.0, 2048.0);

/// A way of hiding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hiding {
    pub(crate) what: &'static str,
    /// Its handshake is of its own making: so many bytes more, the same in every session.
    own_handshake: bool,
    /// It waits up to so many seconds before it calls.
    jitter: f64,
    /// It adds up to this share of the bytes on the client's side, each way by itself.
    padding: f64,
    /// It calls twice, and carries part of the bytes on each.
    split: bool,
}

const OPENLY: Hiding = Hiding { what: "nothing", own_handshake: false, jitter: 0.0, padding: 0.0, split: false };
/// The first is what the others are compared with.
pub(crate) const HIDINGS: [Hiding; 8] = [
    OPENLY,
    Hiding { what: "a handshake of its own", own_handshake: true, ..OPENLY },
    Hiding { what: "waits 0 to 5 s", jitter: 5.0, ..OPENLY },
    Hiding { what: "pads by 0 to 1 %", padding: 0.01, ..OPENLY },
    Hiding { what: "pads by 0 to 10 %", padding: 0.1, ..OPENLY },
    Hiding { what: "pads by 0 to 30 %", padding: 0.3, ..OPENLY },
    Hiding { what: "splits each call in two", split: true, ..OPENLY },
    Hiding { what: "waits, pads by 0 to 30 %, splits", jitter: 5.0, padding: 0.3, split: true, ..OPENLY },
];

/// One session: the client's leg and the calls that carry it on.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) inbound: Leg,
    pub(crate) outbound: Vec<Leg>,
}

/// One relay that hides, from session to session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hider {
    hiding: Hiding,
    /// What its handshake adds, up and down.
    handshake: (u64, u64),
}

impl Hider {
    /// A relay that hides like this.
    pub(crate) fn new(hiding: Hiding, rng: &mut Rng) -> Self {
        // Drawn in any case, so that relays which hide in another way are the same ones in everything else.
        let own = (rng.octaves(OWN_UP.0, OWN_UP.1) as u64, rng.octaves(OWN_DOWN.0, OWN_DOWN.1) as u64);
        Self { hiding, handshake: if hiding.own_handshake { own } else { (0, 0) } }
    }

    /// The legs of a session as this relay would have them.
    pub(crate) fn hide(&self, session: &Session, rng: &mut Rng) -> Vec<Leg> {
        let mut inbound = session.inbound;
        let wait = (rng.unit() * self.hiding.jitter * SECOND as f64) as i64;
        let mut legs: Vec<Leg> = session.outbound.iter().map(|leg| leg.moved(wait)).collect();
        inbound.end = inbound.end.map(|end| {
            let last = legs.iter().filter_map(|leg| leg.end).max().unwrap_or(end);
            if wait > 0 { (end + wait).max(last + TAIL) } else { end }
        });
        let (up, down) = (1.0 + rng.unit() * self.hiding.padding, 1.0 + rng.unit() * self.hiding.padding);
        inbound.bytes = inbound.bytes.map(|bytes| more(scaled(bytes, up, down), self.handshake));
        if self.hiding.split {
            legs = legs.into_iter().flat_map(|leg| split(leg, rng)).collect();
        }
        legs.push(inbound);
        legs
    }
}

fn split(leg: Leg, rng: &mut Rng) -> [Leg; 2] {
    let part = rng.within(0.2, 0.8);
    let life = leg.end.map_or(0, |end| end - leg.start);
    let later = (rng.within(0.0, 0.5) * life as f64) as i64;
    let take = |share: f64| leg.bytes.map(|bytes| scaled(bytes, share, share));
    let own_port = leg.own_port ^ 1;
    [Leg { bytes: take(part), ..leg }, Leg { bytes: take(1.0 - part), start: leg.start + later, own_port, ..leg }]
}

fn scaled(bytes: Bytes, up: f64, down: f64) -> Bytes {
    let times = |count: u64, factor: f64| (count as f64 * factor).round() as u64;
    let count = match bytes.count {
        ByteCount::Directed { orig, resp } => ByteCount::Directed { orig: times(orig, up), resp: times(resp, down) },
        ByteCount::Total(total) => ByteCount::Total(times(total, f64::midpoint(up, down))),
    };
    Bytes { count, ..bytes }
}

fn more(bytes: Bytes, (up, down): (u64, u64)) -> Bytes {
    let count = match bytes.count {
        ByteCount::Directed { orig, resp } => ByteCount::Directed { orig: orig + up, resp: resp + down },
        ByteCount::Total(total) => ByteCount::Total(total + up + down),
    };
    Bytes { count, ..bytes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::tests::leg;

    fn session() -> Session {
        Session { inbound: leg(true, 0.0, 4.0, 1, 1025), outbound: vec![leg(false, 0.2, 3.9, 9, 1000)] }
    }

    fn total(leg: &Leg) -> u64 {
        leg.bytes.map_or(0, |bytes| bytes.total())
    }

    /// The legs of a hundred sessions, the client's last in each.
    fn hidden(what: &str) -> Vec<Vec<Leg>> {
        let mut rng = Rng::new(9, 0);
        let hiding = *HIDINGS.iter().find(|hiding| hiding.what == what).unwrap();
        let hider = Hider::new(hiding, &mut rng);
        (0..100).map(|_| hider.hide(&session(), &mut rng)).collect()
    }

    #[test]
    fn nothing_is_changed_of_what_does_not_hide() {
        assert!(hidden("nothing").iter().all(|legs| legs[..] == [session().outbound[0], session().inbound]));
    }

    #[test]
    fn each_way_of_hiding_does_what_it_says() {
        let differences = |what: &str| -> Vec<u64> {
            let difference =
                |legs: &Vec<Leg>| total(&legs[legs.len() - 1]) - legs[..legs.len() - 1].iter().map(total).sum::<u64>();
            hidden(what).iter().map(difference).collect()
        };
        let own = differences("a handshake of its own");
        assert!(own[0] >= 25 + 256 + 480 && own.iter().all(|&difference| difference == own[0]), "{own:?}");
        let padded = differences("pads by 0 to 30 %");
        assert!(
            padded.iter().all(|padded| (25..=25 + 308).contains(padded)) && padded.iter().max() > padded.iter().min()
        );
        for legs in hidden("waits 0 to 5 s") {
            let (call, client) = (legs[0], legs[1]);
            assert!(call.start - client.start < 5_200_000_000 && call.end < client.end, "{legs:?}");
        }
        for legs in hidden("splits each call in two") {
            assert_eq!((legs.len(), total(&legs[0]) + total(&legs[1])), (3, 1000));
            assert_ne!(legs[0].own_port, legs[1].own_port);
        }
    }
}
