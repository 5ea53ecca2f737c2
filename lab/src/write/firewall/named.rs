//! Logs whose columns have names, for which a map of columns is needed.

use std::io::Write;

use super::{Dialect, Ends, Firewall, Sent, pan_os_reason, proto, shown};
use crate::civil::SECOND;
use crate::flow::Flow;

/// The line that names the columns, where there is one.
pub(super) fn header(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Cim => {
            "\"_time\",action,app,bytes,\"bytes_in\",\"bytes_out\",\"dest_ip\",\"dest_port\",direction,duration,dvc,\"packets_in\",\
             \"packets_out\",\"session_id\",\"src_ip\",\"src_port\",\"src_translated_ip\",\"src_translated_port\",transport,\
             \"vendor_product\"\n"
        }
        Dialect::Csv => {
            "start,seconds,from,from_port,to,to_port,proto,sent,received,sent_packets,received_packets,why,zone_from,zone_to,rule,id\n"
        }
        _ => "",
    }
}

impl<W: Write> Firewall<W> {
    /// As Filebeat's modules for firewalls write it, to the fields that other programs need, too.
    pub(super) fn ecs(&mut self, flow: &Flow, opener: Sent, other: Sent) {
        let Ends { orig, seen, asked, resp, .. } = Ends::of(flow);
        self.text("{\"@timestamp\":\"");
        self.rfc3339(flow.end);
        self.text("\",\"ecs\":{\"version\":\"8.11.0\"},\"event\":{\"kind\":\"event\",\"category\":[\"network\"],\"type\":[\"connection\",\"end\"],\
                   \"action\":\"flow_terminated\",\"start\":\"");
        self.rfc3339(flow.start);
        self.text("\",\"end\":\"");
        self.rfc3339(flow.end);
        let length = (flow.end - flow.start) * 1000;
        self.text(&format!("\",\"duration\":{length},\"id\":\"{}\",\"dataset\":\"edge.log\"}},\"source\":", flow.id));
        self.ecs_end(orig, seen, opener);
        self.text(",\"destination\":");
        self.ecs_end(asked, resp, other);
        self.text(&format!(
            ",\"network\":{{\"transport\":\"{}\",\"type\":\"ipv4\",\"bytes\":{},\"packets\":{},\"direction\":\"{}\"}},\"observer\":{{\
             \"vendor\":\"Lab\",\"product\":\"edge\",\"type\":\"firewall\",\"name\":\"edge-1\"}},\"tags\":[\"edge\",\"forwarded\"]}}",
            proto(flow),
            opener.bytes + other.bytes,
            opener.packets + other.packets,
            direction(flow)
        ));
    }

    fn ecs_end(&mut self, own: (u32, u16), translated: (u32, u16), sent: Sent) {
        let addr = shown(own.0);
        self.text(&format!("{{\"address\":\"{addr}\",\"ip\":\"{addr}\",\"port\":{}", own.1));
        if own != translated {
            self.text(&format!(",\"nat\":{{\"ip\":\"{}\",\"port\":{}}}", shown(translated.0), translated.1));
        }
        self.text(&format!(",\"bytes\":{},\"packets\":{}}}", sent.bytes, sent.packets));
    }

    /// As `outputcsv` has it: in quotes what is no word.
    pub(super) fn cim(&mut self, at: u64, flow: &Flow, opener: Sent, other: Sent) {
        let Ends { orig, seen, resp, .. } = Ends::of(flow);
        self.text("\"");
        self.dated(at, b'-', "T");
        let millis = at / 1000 % 1000;
        self.text(&format!(
            ".{millis:03}+0000\",teardown,unknown,{},{},{},\"{}\",{},{},{},\"edge-1\",{},{},{},\"{}\",{},\"{}\",{},{},\"Lab edge\"",
            opener.bytes + other.bytes,
            other.bytes,
            opener.bytes,
            shown(resp.0),
            resp.1,
            direction(flow),
            (flow.end - flow.start) / SECOND,
            other.packets,
            opener.packets,
            flow.id,
            shown(orig.0),
            orig.1,
            shown(seen.0),
            seen.1,
            proto(flow)
        ));
    }

    pub(super) fn columns(&mut self, flow: &Flow, opener: Sent, other: Sent) {
        let Ends { orig, resp, .. } = Ends::of(flow);
        let (from, to) = zones(flow);
        self.dated(flow.start, b'-', " ");
        self.text(&format!(
            ",{},{},{},{},{},{},{},{},{},{},{},{from},{to},let-them-out,{}",
            (flow.end - flow.start) / SECOND,
            shown(orig.0),
            orig.1,
            shown(resp.0),
            resp.1,
            proto(flow),
            opener.bytes,
            other.bytes,
            opener.packets,
            other.packets,
            pan_os_reason(flow),
            flow.id
        ));
    }

    pub(super) fn pairs(&mut self, flow: &Flow, opener: Sent, other: Sent) {
        let Ends { orig, resp, .. } = Ends::of(flow);
        let (from, to) = zones(flow);
        self.text("start=\"");
        self.dated(flow.start, b'-', " ");
        self.text(&format!(
            "\" seconds={} from={} from_port={} to={} to_port={} proto={} sent={} received={} sent_packets={} received_packets={} \
             why={} zone_from={from} zone_to={to} rule=\"let them out\" id={}",
            (flow.end - flow.start) / SECOND,
            shown(orig.0),
            orig.1,
            shown(resp.0),
            resp.1,
            proto(flow),
            opener.bytes,
            other.bytes,
            opener.packets,
            other.packets,
            pan_os_reason(flow),
            flow.id
        ));
    }
}

fn direction(flow: &Flow) -> &'static str {
    if flow.inbound { "inbound" } else { "outbound" }
}

fn zones(flow: &Flow) -> (&'static str, &'static str) {
    if flow.inbound { ("wan", "lan") } else { ("lan", "wan") }
}
