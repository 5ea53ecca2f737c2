//! Which connections an incident stands on.

use std::io;
use std::net::IpAddr;

use catspaw_engine::IpProto;
use catspaw_records::{Nanos, Proto};
use catspaw_relay::{Connection, Leg, LegPair, Said};

use crate::packets::{self, Sought};
use crate::pipeline::Sorter;
use crate::report::Cases;

/// The port of DNS, and that of mail between servers.
const DNS: u16 = 53;
const SMTP: u16 = 25;

/// What was chosen.
#[derive(Debug, Default)]
pub(crate) struct Chosen {
    /// Incidents and declared relays of the host that were seen to do something.
    pub(crate) cases: usize,
    pub(super) packets: Sought<()>,
    /// Ports whose inbound connections are wanted.
    ports: Vec<u16>,
    /// Whether the mail that it sent is.
    mail: bool,
    /// From the opening of the first inbound leg, or of the tunnel, to that of the last outbound one.
    relaying: Option<(Nanos, Nanos)>,
}

impl Chosen {
    /// The connections on which the incidents of `host` stand; of `rows` those that are `shown`.
    ///
    /// # Errors
    /// Where a temporary file fails.
    pub(crate) fn of(
        host: IpAddr,
        cases: &Cases<'_>,
        pairs: &mut Sorter<LegPair>,
        rows: &mut Sorter<Connection>,
        shown: impl Fn(&Connection) -> bool,
    ) -> io::Result<Self> {
        let mut chosen = Self::default();
        for case in cases.cases.iter().filter(|case| case.host.addr() == host && !case.services.is_empty()) {
            chosen.cases += 1;
            if case.lane.is_some_and(|(sensor, _)| sensor == packets::sensor()) {
                chosen.ports.extend(case.ports());
                chosen.mail = true;
            }
        }
        pairs.for_each(|pair| {
            if pair.host.addr() == host && pair.sensor == packets::sensor() && cases.of(&pair).is_some() {
                chosen.add_pair(&pair);
            }
            Ok(())
        })?;
        rows.for_each(|row| {
            if row.start.sensor == packets::sensor() && shown(&row) {
                chosen.add_row(host, &row);
            }
            Ok(())
        })?;
        Ok(chosen)
    }

    fn add_pair(&mut self, pair: &LegPair) {
        [&pair.inbound, &pair.outbound].into_iter().for_each(|leg| self.add_leg(leg));
        let (from, to) = self.relaying.unwrap_or((Nanos::MAX, Nanos::MIN));
        self.relaying = Some((from.min(pair.inbound.start.at), to.max(pair.outbound.start.at)));
    }

    fn add_leg(&mut self, leg: &Leg) {
        self.packets.add(IpProto::TCP, (leg.own, leg.peer), packets::life(leg), ());
    }

    fn add_row(&mut self, host: IpAddr, row: &Connection) {
        let (orig, resp) = row.ends();
        let is =
            |name| matches!(&row.said, Said::Whole { whole, .. } if whole.service.is_some_and(|s| s.as_str() == name));
        let mine = orig.addr == host;
        let wanted = match row.proto() {
            Proto::Tcp if resp.addr == host && self.ports.contains(&resp.port) => true,
            Proto::Tcp if mine && self.mail && (resp.port == SMTP || is("smtp")) => true,
            Proto::Tcp | Proto::Udp if mine && (resp.port == DNS || is("dns")) => {
                self.relaying.is_some_and(|(from, to)| (from..=to).contains(&row.start.at))
            }
            _ => false,
        };
        if wanted {
            let proto = if row.proto() == Proto::Tcp { IpProto::TCP } else { IpProto::UDP };
            self.packets.add(proto, (orig, resp), packets::life_of_row(row), ());
        }
    }
}
