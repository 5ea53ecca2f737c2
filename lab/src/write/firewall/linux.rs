//! Linux: connection tracking, and LOG of single packets.

use std::io::Write;

use super::{Ends, Firewall, Sent, shown};
use crate::civil::DAY;
use crate::flow::{Ending, Flow, Proto};
use crate::rng::mix;
use crate::write::text::{address, seconds};

impl<W: Write> Firewall<W> {
    pub(super) fn conntrack(&mut self, at: u64, what: &str, flow: &Flow, state: &str, counts: Option<(Sent, Sent)>) {
        let ends = Ends::of(flow);
        self.text("[");
        seconds(&mut self.lines.buffer, at);
        self.text("]");
        self.text(what);
        self.text(if flow.proto == Proto::Tcp { "tcp      6 " } else { "udp      17 " });
        self.text(state);
        for (number, (from, to)) in [(ends.orig, ends.asked), (ends.resp, ends.seen)].into_iter().enumerate() {
            self.text(" src=");
            address(&mut self.lines.buffer, from.0);
            self.text(" dst=");
            address(&mut self.lines.buffer, to.0);
            self.text(&format!(" sport={} dport={}", from.1, to.1));
            if let Some((opener, other)) = counts {
                let Sent { packets, bytes, .. } = if number == 0 { opener } else { other };
                self.text(&format!(" packets={packets} bytes={bytes}"));
            }
            if number == 0 && counts.is_none_or(|(_, other)| other.packets == 0) {
                self.text(" [UNREPLIED]");
            }
        }
    }

    /// One packet, as a rule with a prefix logs it: `... kernel: [86403.250000] NEW IN=eth0 OUT=eth1 ... PROTO=TCP ... SYN URGP=0`.
    pub(super) fn packet(&mut self, at: u64, prefix: &str, ends: Ends) {
        self.bsd(at);
        self.text("gw kernel: [");
        seconds(&mut self.lines.buffer, at % (100 * DAY));
        let ((from, from_port), (to, to_port)) = (ends.orig, ends.asked);
        let (from, to, number) = (shown(from), shown(to), mix(at) & 0xffff);
        self.text(&format!(
            "] {prefix}IN=eth0 OUT=eth1 MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 SRC={from} DST={to} "
        ));
        self.text(&if ends.proto == Proto::Tcp {
            format!(
                "LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID={number} DF PROTO=TCP SPT={from_port} DPT={to_port} WINDOW=64240 RES=0x00 SYN \
                 URGP=0"
            )
        } else {
            format!("LEN=76 TOS=0x00 PREC=0x00 TTL=63 ID={number} DF PROTO=UDP SPT={from_port} DPT={to_port} LEN=56")
        });
    }
}

pub(super) fn conntrack_state(flow: &Flow) -> &'static str {
    match flow.ending {
        Ending::Fins => "TIME_WAIT",
        Ending::ResetInside | Ending::ResetOutside => "CLOSE",
        Ending::SynTimeout => "SYN_SENT",
        Ending::FinTimeout => "FIN_WAIT",
        Ending::IdleTimeout => "ESTABLISHED",
        Ending::Udp => "",
    }
}
