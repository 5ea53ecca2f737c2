//! What a datagram makes of its flow.

use catspaw_records::{Nanos, Side};

use super::conn::Flow;
use super::segment::Shared;
use crate::{IpProto, Output, Packet};

impl Flow {
    /// Takes a packet of anything but TCP that `from` sent.
    pub(super) fn datagram(
        &mut self,
        from: Side,
        packet: &Packet<'_>,
        now: Nanos,
        shared: &mut Shared<'_>,
        out: &mut impl Output,
    ) {
        self.last = self.last.max(packet.at);
        self.count(from, packet);
        if packet.proto != IpProto::UDP {
            return;
        }
        self.history.add(b'D', from);
        if from == Side::Resp && self.is_look_up() {
            // What follows upon a name is held against when it was asked for.
            self.open(now, shared.settings, out);
        }
        let session = self.session.get_or_insert_with(Box::default);
        if packet.payload.is_empty() || !session.wants(from) {
            return;
        }
        session.datagram(from, packet.payload, &mut |said| shared.said.push(said));
        self.say_all(now, shared, out);
    }
}
