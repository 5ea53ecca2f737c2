//! What is sent to collectors that want one form of all devices: CEF and LEEF.

use std::io::Write;

use super::{Ends, Firewall, PanOs, Sent, proto, shown};
use crate::civil::{Civil, MONTHS, SECOND};
use crate::flow::{Flow, Proto};

impl<W: Write> Firewall<W> {
    /// By Palo Alto Networks' guide, which has bytes sent under `in`.
    pub(super) fn pan_os_cef(&mut self, at: u64, flow: &Flow, subtype: &str, opener: Sent, other: Sent) {
        let Ends { orig, seen, asked, resp, .. } = Ends::of(flow);
        let PanOs { action, reason, application, from, to } = PanOs::of(flow, subtype);
        self.text("<14>");
        self.bsd(at);
        self.text(&format!("pa-1 CEF:0|Palo Alto Networks|PAN-OS|10.1.0|{subtype}|TRAFFIC|1|rt="));
        self.gmt(at);
        self.text(&format!(
            " deviceExternalId=001234567890 src={} dst={} sourceTranslatedAddress={} destinationTranslatedAddress={} \
             cs1Label=Rule cs1=let them out suser= duser= app={application} cs3Label=Virtual System cs3=vsys1 cs4Label=Source Zone \
             cs4={from} cs5Label=Destination Zone cs5={to} deviceInboundInterface=ethernet1/1 \
             deviceOutboundInterface=ethernet1/2 cs6Label=LogProfile cs6=log cn1Label=SessionID cn1={} cnt=1 spt={} dpt={} \
             sourceTranslatedPort={} destinationTranslatedPort={} flexString1Label=Flags flexString1=0x400000 proto={} act={action} ",
            shown(orig.0),
            shown(asked.0),
            shown(seen.0),
            shown(resp.0),
            flow.id,
            orig.1,
            asked.1,
            seen.1,
            resp.1,
            proto(flow)
        ));
        self.text(&format!(
            "flexNumber1Label=Total bytes flexNumber1={} in={} out={} cn2Label=Packets cn2={} PanOSPacketsReceived={} \
             PanOSPacketsSent={} start=",
            opener.frames + other.frames,
            opener.frames,
            other.frames,
            opener.packets + other.packets,
            other.packets,
            opener.packets
        ));
        self.gmt(at);
        self.text(&format!(
            " cn3Label=Elapsed time in seconds cn3={} cs2Label=URL Category cs2=any externalId={} reason={reason}",
            (flow.last - flow.start) / SECOND,
            flow.id
        ));
    }

    /// By IBM's guide.
    pub(super) fn pan_os_leef(&mut self, at: u64, flow: &Flow, subtype: &str, opener: Sent, other: Sent) {
        let Ends { orig, seen, asked, resp, .. } = Ends::of(flow);
        let PanOs { action, reason, application, from, to } = PanOs::of(flow, subtype);
        self.bsd(at);
        self.text(&format!(
            "pa-1 LEEF:2.0|Palo Alto Networks|PAN-OS Syslog Integration|10.1|{action}|x7C|cat=TRAFFIC|ReceiveTime="
        ));
        self.slashed(at);
        self.text(&format!("|SerialNumber=001234567890|Type=TRAFFIC|Subtype={subtype}|devTime="));
        self.gmt(at);
        self.text(&format!(
            "|src={}|dst={}|srcPostNAT={}|dstPostNAT={}|RuleName=let them out|usrName=|Application={application}|SourceZone={from}|\
             DestinationZone={to}|IngressInterface=ethernet1/1|EgressInterface=ethernet1/2|LogForwardingProfile=log|SessionID={}|\
             RepeatCount=1|srcPort={}|dstPort={}|srcPostNATPort={}|dstPostNATPort={}|Flags=0x400000|proto={}|action={action}|",
            shown(orig.0),
            shown(asked.0),
            shown(seen.0),
            shown(resp.0),
            flow.id,
            orig.1,
            asked.1,
            seen.1,
            resp.1,
            proto(flow)
        ));
        self.text(&format!(
            "totalBytes={}|dstBytes={}|srcBytes={}|totalPackets={}|StartTime=",
            opener.frames + other.frames,
            other.frames,
            opener.frames,
            opener.packets + other.packets
        ));
        self.slashed(flow.start);
        self.text(&format!(
            "|ElapsedTime={}|URLCategory=any|dstPackets={}|srcPackets={}|SessionEndReason={reason}|vSrcName=",
            (flow.last - flow.start) / SECOND,
            other.packets,
            opener.packets
        ));
    }

    /// By Fortinet's "Traffic log support for CEF".
    pub(super) fn fortigate_cef(&mut self, at: u64, flow: &Flow, action: &str, counts: Option<(Sent, Sent)>) {
        let Ends { orig, seen, asked, resp, .. } = Ends::of(flow);
        let (from, to) = if flow.inbound { ("wan", "lan") } else { ("lan", "wan") };
        self.bsd(at);
        self.text(&format!(
            "fgt-1 CEF:0|Fortinet|Fortigate|v7.2.4|00013|traffic:forward {action}|3|deviceExternalId=FG100F0000000001 \
             FTNTFGTeventtime={at}000 FTNTFGTtz=+0000 FTNTFGTlogid=0000000013 cat=traffic:forward FTNTFGTsubtype=forward \
             FTNTFGTlevel=notice FTNTFGTvd=root src={} spt={} deviceInboundInterface={from} FTNTFGTsrcintfrole={from} dst={} dpt={} \
             deviceOutboundInterface={to} FTNTFGTdstintfrole={to} externalId={} proto={} act={action} FTNTFGTpolicyid=1 app=-",
            shown(orig.0),
            orig.1,
            shown(asked.0),
            asked.1,
            flow.id,
            if flow.proto == Proto::Tcp { 6 } else { 17 }
        ));
        for (side, was, is) in [("source", orig, seen), ("destination", asked, resp)] {
            if was != is {
                self.text(&format!(" {side}TranslatedAddress={} {side}TranslatedPort={}", shown(is.0), is.1));
            }
        }
        if let Some((opener, other)) = counts {
            self.text(&format!(
                " FTNTFGTduration={} out={} in={} FTNTFGTsentpkt={} FTNTFGTrcvdpkt={}",
                (flow.end - flow.start) / SECOND,
                opener.bytes,
                other.bytes,
                opener.packets,
                other.packets
            ));
        }
    }

    /// `Mar 04 2003 00:00:03 GMT`.
    fn gmt(&mut self, at: u64) {
        let Civil { year, month, day, .. } = Civil::of(at);
        self.text(&format!("{} {day:02} {year} ", MONTHS[month as usize - 1]));
        self.time(at);
        self.text(" GMT");
    }
}
