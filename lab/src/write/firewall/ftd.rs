//! FTD: connection events, which Snort writes.

use std::io::Write;

use super::{Ends, Firewall, Sent, proto, shown};
use crate::civil::SECOND;
use crate::flow::Flow;

impl<W: Write> Firewall<W> {
    /// The end of a connection that was let through (430003), or what was blocked at its beginning (430002).
    pub(super) fn snort(&mut self, at: u64, flow: &Flow, counts: Option<(Sent, Sent)>) {
        let ends = Ends::of(flow);
        let (message_id, action) = if counts.is_some() { ("430003", "Allow") } else { ("430002", "Block") };
        self.text("<165>");
        self.dated(at, b'-', "T");
        self.text(&format!(
            "Z ftd-1 : %FTD-5-{message_id}: EventPriority: Low, DeviceUUID: 00000000-0000-4000-a000-000000000001, InstanceID: 7, \
             FirstPacketSecond: "
        ));
        self.dated(flow.start, b'-', "T");
        let (from, to) = if flow.inbound { ("outside", "inside") } else { ("inside", "outside") };
        self.text(&format!(
            "Z, ConnectionID: {}, AccessControlRuleAction: {action}, SrcIP: {}, DstIP: {}, SrcPort: {}, DstPort: {}, \
             Protocol: {}, IngressInterface: {from}, EgressInterface: {to}, IngressZone: {from}, EgressZone: {to}, ACPolicy: p, \
             AccessControlRuleName: r, Prefilter Policy: Unknown, Client: Unknown, ",
            flow.id & 0xffff,
            shown(ends.orig.0),
            shown(ends.resp.0),
            ends.orig.1,
            ends.resp.1,
            proto(flow)
        ));
        let none = Sent { packets: 0, bytes: 0, frames: 0 };
        let (opener, other) = counts.unwrap_or((Sent { packets: 1, bytes: 48, frames: 62 }, none));
        if counts.is_some() {
            self.text(&format!("ConnectionDuration: {}, ", (flow.end - flow.start) / SECOND));
        }
        self.text(&format!(
            "InitiatorPackets: {}, ResponderPackets: {}, InitiatorBytes: {}, ResponderBytes: {}, NAPPolicy: Balanced Security and \
             Connectivity",
            opener.packets, other.packets, opener.frames, other.frames
        ));
    }
}
