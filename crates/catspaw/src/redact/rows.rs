//! Rows of the tables.

use catspaw_records::{Alert, Endpoint, HostKey, RecordId, Uid};
use catspaw_relay::{Connection, Leg, LegPair, Said};

use super::Redactor;

impl Redactor {
    /// A pair.
    pub(crate) fn pair(&self, pair: LegPair) -> LegPair {
        LegPair {
            host: HostKey::Address(self.address(pair.host.addr())),
            inbound: self.leg(pair.inbound),
            outbound: self.leg(pair.outbound),
            ..pair
        }
    }

    /// A connection.
    pub(crate) fn connection(&self, connection: Connection) -> Connection {
        let said = match connection.said {
            Said::Built(mut opened, closed) => {
                opened.id = self.record_id(opened.id);
                (opened.orig, opened.resp) = (self.end(opened.orig), self.end(opened.resp));
                opened.mapped_orig = opened.mapped_orig.map(|end| self.end(end));
                opened.mapped_resp = opened.mapped_resp.map(|end| self.end(end));
                let closed = closed.map(|closed| catspaw_records::Closed {
                    id: self.record_id(closed.id),
                    first: self.end(closed.first),
                    second: self.end(closed.second),
                    ..closed
                });
                Said::Built(opened, closed)
            }
            Said::TornDown(mut closed) => {
                closed.id = self.record_id(closed.id);
                (closed.first, closed.second) = (self.end(closed.first), self.end(closed.second));
                Said::TornDown(closed)
            }
            Said::Whole { mut whole, mapped } => {
                whole.id = self.record_id(whole.id);
                (whole.orig, whole.resp) = (self.end(whole.orig), self.end(whole.resp));
                Said::Whole { whole, mapped: mapped.map(|end| end.map(|end| self.end(end))) }
            }
        };
        Connection { said, ..connection }
    }

    /// An alert.
    pub(crate) fn alert(&self, alert: Alert) -> Alert {
        let (id, orig, resp) = (self.record_id(alert.id), self.end(alert.orig), self.end(alert.resp));
        Alert { id, orig, resp, ..alert }
    }

    fn leg(&self, leg: Leg) -> Leg {
        Leg { id: self.record_id(leg.id), peer: self.end(leg.peer), own: self.end(leg.own), ..leg }
    }

    fn end(&self, end: Endpoint) -> Endpoint {
        Endpoint { addr: self.address(end.addr), ..end }
    }

    /// A witness's own name of a connection says nothing of its ends, unless an address is in it. A number may have been made
    /// of them, where the witness has none, and whoever tries all addresses would find which.
    fn record_id(&self, id: RecordId) -> RecordId {
        match id {
            RecordId::Uid(uid) => {
                let text = self.text(uid.as_str());
                RecordId::Uid(if text == uid.as_str() { uid } else { Uid::new(text.as_bytes()) })
            }
            RecordId::Device(number) => RecordId::Device(self.hash(&number.to_string())),
        }
    }
}
