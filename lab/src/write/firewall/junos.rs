//! SRX: sessions as structured data, and as sentences.

use std::io::Write;

use super::{Ends, Firewall, Sent, by_opener, shown};
use crate::civil::SECOND;
use crate::flow::{Ending, Flow, Proto};
use crate::write::text::address;

impl<W: Write> Firewall<W> {
    pub(super) fn junos_created(&mut self, at: u64, flow: &Flow) {
        self.junos(at, "CREATE", None, Ends::of(flow));
        self.text(&format!(" session-id=\"{}\" application=\"UNKNOWN\"]", flow.id));
    }

    pub(super) fn junos_closed(&mut self, at: u64, flow: &Flow, opener: Sent, other: Sent) {
        self.junos(at, "CLOSE", Some(reason(flow)), Ends::of(flow));
        self.text(&format!(
            " session-id=\"{}\" packets-from-client=\"{}\" bytes-from-client=\"{}\" packets-from-server=\"{}\" \
             bytes-from-server=\"{}\" elapsed-time=\"{}\" application=\"UNKNOWN\"]",
            flow.id,
            opener.packets,
            opener.bytes,
            other.packets,
            other.bytes,
            (flow.end - flow.start) / SECOND
        ));
    }

    pub(super) fn junos_denied(&mut self, at: u64, flow: &Flow) {
        self.junos(at, "DENY", None, Ends::of(flow));
        self.text(" application=\"UNKNOWN\" reason=\"policy deny\"]");
    }

    fn junos(&mut self, at: u64, what: &str, reason: Option<&str>, ends: Ends) {
        self.text("<14>1 ");
        self.rfc3339(at);
        self.text(&format!(" srx-1 RT_FLOW - RT_FLOW_SESSION_{what} [junos@2636.1.1.1.2.129"));
        if let Some(reason) = reason {
            self.text(&format!(" reason=\"{reason}\""));
        }
        for (name, end) in [
            ("source", ends.orig),
            ("destination", ends.asked),
            ("nat-source", ends.seen),
            ("nat-destination", ends.resp),
        ] {
            self.text(&format!(" {name}-address=\""));
            address(&mut self.lines.buffer, end.0);
            self.text(&format!("\" {name}-port=\"{}\"", end.1));
        }
        self.text(&format!(" protocol-id=\"{}\" policy-name=\"p\"", number(ends.proto)));
    }

    /// A session that was created, or closed after it had carried so much.
    pub(super) fn junos_sentence(&mut self, at: u64, flow: &Flow, counts: Option<(Sent, Sent)>) {
        let Ends { proto, orig, seen, asked, resp } = Ends::of(flow);
        let said = counts.map_or("created".to_owned(), |_| format!("closed {}:", reason(flow)));
        self.rt_flow(at, if counts.is_some() { "CLOSE" } else { "CREATE" }, &said);
        for (from, to) in [(orig, asked), (seen, resp)] {
            self.text(&format!(" {}/{}->{}/{}", shown(from.0), from.1, shown(to.0), to.1));
            self.text(if from == orig && to == asked { " None" } else { "" });
        }
        let (from, to) = if flow.inbound { ("untrust", "trust") } else { ("trust", "untrust") };
        self.text(&format!(" None None {} p {from} {to} {}", number(proto), flow.id));
        if let Some((opener, other)) = counts {
            let lived = (flow.end - flow.start) / SECOND;
            self.text(&format!(" {}({}) {}({}) {lived}", opener.packets, opener.bytes, other.packets, other.bytes));
        }
        self.text(" UNKNOWN UNKNOWN N/A(N/A) ge-0/0/1.0 UNKNOWN");
    }

    pub(super) fn junos_refusal(&mut self, at: u64, flow: &Flow) {
        let Ends { proto, orig, asked, .. } = Ends::of(flow);
        self.rt_flow(at, "DENY", "denied");
        self.text(&format!(" {}/{}->{}/{} None", shown(orig.0), orig.1, shown(asked.0), asked.1));
        self.text(&format!(
            " {}(0) p untrust trust UNKNOWN UNKNOWN N/A(N/A) ge-0/0/0.0 UNKNOWN policy deny",
            number(proto)
        ));
    }

    fn rt_flow(&mut self, at: u64, what: &str, said: &str) {
        self.text("<14>");
        self.bsd(at);
        self.text(&format!("srx-1 RT_FLOW: RT_FLOW_SESSION_{what}: session {said}"));
    }
}

fn number(proto: Proto) -> u8 {
    if proto == Proto::Tcp { 6 } else { 17 }
}

fn reason(flow: &Flow) -> &'static str {
    match flow.ending {
        Ending::Fins => "TCP FIN",
        Ending::ResetInside | Ending::ResetOutside if by_opener(flow) => "TCP CLIENT RST",
        Ending::ResetInside | Ending::ResetOutside => "TCP SERVER RST",
        _ => "idle Timeout",
    }
}
