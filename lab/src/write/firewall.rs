//! Firewalls that write a line for each session: PAN-OS, FortiGate, SRX, and Linux's connection tracking.

use std::io::{self, Write};

use super::Lines;
use super::text::{address, number, seconds, two};
use crate::civil::{Civil, DAY, SECOND};
use crate::engine::Sink;
use crate::flow::{Denial, Ending, Event, Flow, Proto};
use crate::rng::mix;

/// Payload of a full segment, with timestamps among the options.
const SEGMENT: u64 = 1448;

/// Whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PAN-OS: TRAFFIC logs of ends and drops, as CSV.
    PanOs,
    /// FortiGate: traffic logs, as `key=value`.
    FortiGate,
    /// SRX: sessions created, closed and denied, as structured data.
    Junos,
    /// Linux: `conntrack -E -o timestamp`, with accounting and timestamps.
    Conntrack,
}

/// Writes to a file what such a device would.
pub struct Firewall<W: Write> {
    lines: Lines<W>,
    dialect: Dialect,
}

/// What a device counts of one side.
#[derive(Clone, Copy)]
struct Sent {
    packets: u64,
    /// From the IP header on.
    bytes: u64,
    /// With Ethernet's header, and short frames padded.
    frames: u64,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::PanOs, Self::FortiGate, Self::Junos, Self::Conntrack];

    /// Its name as a format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PanOs => "pan-os",
            Self::FortiGate => "fortigate",
            Self::Junos => "junos",
            Self::Conntrack => "conntrack",
        }
    }

    /// Writes to `to`.
    pub fn to<W: Write>(self, to: W) -> Firewall<W> {
        Firewall { lines: Lines::new(to), dialect: self }
    }

    fn says_openings(self) -> bool {
        matches!(self, Self::Junos | Self::Conntrack)
    }
}

impl<W: Write> Firewall<W> {
    fn ended(&mut self, at: u64, flow: &Flow) {
        let [opener, other] = sent(flow);
        match self.dialect {
            Dialect::PanOs => self.pan_os(at, flow, "end", opener, other),
            Dialect::FortiGate => self.fortigate(at, flow, fortigate_action(flow), Some((opener, other))),
            Dialect::Junos => {
                self.junos(at, "CLOSE", Some(junos_reason(flow)), Ends::of(flow));
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
            Dialect::Conntrack => {
                self.conntrack(at, "\t[DESTROY] ", flow, conntrack_state(flow), Some((opener, other)));
                self.text(&format!(" delta-time={}", (flow.end - flow.start) / SECOND));
            }
        }
    }

    fn opened(&mut self, at: u64, flow: &Flow) {
        if self.dialect == Dialect::Junos {
            self.junos(at, "CREATE", None, Ends::of(flow));
            self.text(&format!(" session-id=\"{}\" application=\"UNKNOWN\"]", flow.id));
        } else {
            let state = if flow.proto == Proto::Tcp { "120 SYN_SENT" } else { "30" };
            self.conntrack(at, "\t    [NEW] ", flow, state, None);
        }
    }

    /// Only what asks for a connection: of a straggler none of them says anything.
    fn denied(&mut self, at: u64, proto: Proto, from: (u32, u16), to: (u32, u16)) {
        let mut flow = Flow::inbound(0, at, from, to.1);
        (flow.inside, flow.mapped, flow.mapped_port, flow.proto) = (to.0, to.0, to.1, proto);
        let (one, none) = (Sent { packets: 1, bytes: 48, frames: 62 }, Sent { packets: 0, bytes: 0, frames: 0 });
        match self.dialect {
            Dialect::PanOs => self.pan_os(at, &flow, "drop", one, none),
            Dialect::FortiGate => self.fortigate(at, &flow, "deny", None),
            _ => {
                self.junos(at, "DENY", None, Ends::of(&flow));
                self.text(" application=\"UNKNOWN\" reason=\"policy deny\"]");
            }
        }
    }

    fn pan_os(&mut self, at: u64, flow: &Flow, subtype: &str, opener: Sent, other: Sent) {
        let ends = Ends::of(flow);
        let denied = subtype == "drop";
        let (action, reason) = if denied { ("deny", "policy-deny") } else { ("allow", pan_os_reason(flow)) };
        self.text("1,");
        self.slashed(at);
        self.text(",001234567890,TRAFFIC,");
        self.text(subtype);
        self.text(",2561,");
        self.slashed(at);
        for addr in [ends.orig.0, ends.asked.0, ends.seen.0, ends.resp.0] {
            self.text(",");
            address(&mut self.lines.buffer, addr);
        }
        self.text(",rule,,,");
        self.text(if flow.total() == 0 { "incomplete" } else { "unknown-tcp" });
        let (from, to) = if flow.inbound { ("untrust", "trust") } else { ("trust", "untrust") };
        self.text(&format!(",vsys1,{from},{to},ethernet1/1,ethernet1/2,log,"));
        self.slashed(at);
        self.text(&format!(
            ",{},1,{},{},{},{},0x400000,{},{action},{},{},{},{},",
            flow.id,
            ends.orig.1,
            ends.asked.1,
            ends.seen.1,
            ends.resp.1,
            proto(flow),
            opener.frames + other.frames,
            opener.frames,
            other.frames,
            opener.packets + other.packets
        ));
        self.slashed(flow.start);
        self.text(&format!(
            ",{},any,,{},0x0,XX,XX,,{},{},{reason},0,0,0,0,,pa-1,from-policy",
            (flow.last - flow.start) / SECOND,
            flow.id,
            opener.packets,
            other.packets
        ));
    }

    fn fortigate(&mut self, at: u64, flow: &Flow, action: &str, counts: Option<(Sent, Sent)>) {
        let ends = Ends::of(flow);
        self.text("date=");
        self.dated(at, b'-', " time=");
        let (from, to) = if flow.inbound { ("wan", "lan") } else { ("lan", "wan") };
        self.text(&format!(
            " devname=\"fgt-1\" devid=\"FG100F0000000001\" eventtime={at}000 tz=\"+0000\" logid=\"0000000013\" type=\"traffic\" \
             subtype=\"forward\" level=\"notice\" vd=\"root\" srcip="
        ));
        address(&mut self.lines.buffer, ends.orig.0);
        self.text(&format!(" srcport={} srcintf=\"{from}\" srcintfrole=\"{from}\" dstip=", ends.orig.1));
        address(&mut self.lines.buffer, ends.asked.0);
        self.text(&format!(
            " dstport={} dstintf=\"{to}\" dstintfrole=\"{to}\" sessionid={} proto={} action=\"{action}\" policyid=1 service=\"-\"",
            ends.asked.1,
            flow.id,
            if flow.proto == Proto::Tcp { 6 } else { 17 }
        ));
        for (key, was, is) in [("trans", ends.orig, ends.seen), ("tran", ends.asked, ends.resp)] {
            if was != is {
                self.text(&format!(" {key}ip="));
                address(&mut self.lines.buffer, is.0);
                self.text(&format!(" {key}port={}", is.1));
            }
        }
        if let Some((opener, other)) = counts {
            self.text(&format!(
                " duration={} sentbyte={} rcvdbyte={} sentpkt={} rcvdpkt={}",
                (flow.end - flow.start) / SECOND,
                opener.bytes,
                other.bytes,
                opener.packets,
                other.packets
            ));
        }
    }

    fn junos(&mut self, at: u64, what: &str, reason: Option<&str>, ends: Ends) {
        self.text("<14>1 ");
        self.dated(at, b'-', "T");
        self.text(&format!(".{:03}Z srx-1 RT_FLOW - RT_FLOW_SESSION_{what} [junos@2636.1.1.1.2.129", at / 1000 % 1000));
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
        let number = if ends.proto == Proto::Tcp { 6 } else { 17 };
        self.text(&format!(" protocol-id=\"{number}\" policy-name=\"p\""));
    }

    fn conntrack(&mut self, at: u64, what: &str, flow: &Flow, state: &str, counts: Option<(Sent, Sent)>) {
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

    fn text(&mut self, text: &str) {
        self.lines.buffer.extend_from_slice(text.as_bytes());
    }

    /// `2003/03/04 00:00:03`.
    fn slashed(&mut self, at: u64) {
        self.dated(at, b'/', " ");
    }

    fn dated(&mut self, at: u64, between: u8, then: &str) {
        let Civil { year, month, day, .. } = Civil::of(at);
        let of_day = at % DAY / SECOND;
        let line = &mut self.lines.buffer;
        number(line, u64::from(year));
        for part in [month, day] {
            line.push(between);
            two(line, u64::from(part));
        }
        line.extend_from_slice(then.as_bytes());
        for (part, before) in [(of_day / 3600, None), (of_day / 60 % 60, Some(b':')), (of_day % 60, Some(b':'))] {
            line.extend(before);
            two(line, part);
        }
    }
}

/// Whoever opens a connection, and as whom the other side sees it; whom it asks for, and who that is.
#[derive(Clone, Copy)]
struct Ends {
    proto: Proto,
    orig: (u32, u16),
    seen: (u32, u16),
    asked: (u32, u16),
    resp: (u32, u16),
}

impl Ends {
    fn of(flow: &Flow) -> Self {
        let inside = (flow.inside, flow.inside_port);
        let mapped = (flow.mapped, flow.mapped_port);
        let outside = (flow.outside, flow.outside_port);
        let proto = flow.proto;
        if flow.inbound {
            Self { proto, orig: outside, seen: outside, asked: mapped, resp: inside }
        } else {
            Self { proto, orig: inside, seen: mapped, asked: outside, resp: outside }
        }
    }
}

/// What both sides sent: headers with timestamps where both have them, and acknowledgements of which nobody knows how many.
fn sent(flow: &Flow) -> [Sent; 2] {
    if flow.proto == Proto::Udp {
        return [flow.up, flow.down].map(|payload| side(u64::from(payload), 1, 28, 0));
    }
    let has = |addr: u32, salt: u64| mix(u64::from(addr) ^ salt) & 3 != 0;
    let (header, syn) = if has(flow.inside, 1) && has(flow.outside, 2) { (52, 8) } else { (40, 12) };
    let (up, down) = (u64::from(flow.up), u64::from(flow.down));
    if flow.ending == Ending::SynTimeout {
        return [
            Sent { packets: 3, bytes: 3 * (header + syn), frames: 3 * (header + syn + 14) },
            side(0, 0, header, 0),
        ];
    }
    if flow.total() == 0 && flow.ending != Ending::Fins {
        // A SYN, and a reset.
        return [side(0, 1, header, syn), side(0, 1, 40, 0)];
    }
    let chance = mix(flow.id ^ flow.start);
    let acks = |of: u64, bits: u32| of / SEGMENT / 2 + u64::from(of > 0) * (chance >> bits) % 2;
    let packets = |payload: u64, other: u64, least: u64, bits| least + payload.div_ceil(SEGMENT) + acks(other, bits);
    [side(up, packets(up, down, 4, 0), header, syn), side(down, packets(down, up, 3, 1), header, syn)]
}

fn side(payload: u64, packets: u64, header: u64, syn: u64) -> Sent {
    let full = payload.div_ceil(SEGMENT);
    let bytes = payload + packets * header + syn;
    // An acknowledgement of 40 bytes is padded to 46.
    let padded = packets.saturating_sub(full + u64::from(syn > 0)) * 46_u64.saturating_sub(header);
    Sent { packets, bytes, frames: bytes + packets * 14 + padded }
}

fn proto(flow: &Flow) -> &'static str {
    if flow.proto == Proto::Tcp { "tcp" } else { "udp" }
}

/// Whether a reset came from whoever opened the connection.
fn by_opener(flow: &Flow) -> bool {
    flow.inbound == (flow.ending == Ending::ResetOutside)
}

fn pan_os_reason(flow: &Flow) -> &'static str {
    match flow.ending {
        Ending::Fins => "tcp-fin",
        Ending::ResetInside | Ending::ResetOutside if by_opener(flow) => "tcp-rst-from-client",
        Ending::ResetInside | Ending::ResetOutside => "tcp-rst-from-server",
        _ => "aged-out",
    }
}

fn fortigate_action(flow: &Flow) -> &'static str {
    match flow.ending {
        Ending::Fins => "close",
        Ending::ResetInside | Ending::ResetOutside if by_opener(flow) => "client-rst",
        Ending::ResetInside | Ending::ResetOutside => "server-rst",
        Ending::Udp => "accept",
        _ => "timeout",
    }
}

fn junos_reason(flow: &Flow) -> &'static str {
    match flow.ending {
        Ending::Fins => "TCP FIN",
        Ending::ResetInside | Ending::ResetOutside if by_opener(flow) => "TCP CLIENT RST",
        Ending::ResetInside | Ending::ResetOutside => "TCP SERVER RST",
        _ => "idle Timeout",
    }
}

fn conntrack_state(flow: &Flow) -> &'static str {
    match flow.ending {
        Ending::Fins => "TIME_WAIT",
        Ending::ResetInside | Ending::ResetOutside => "CLOSE",
        Ending::SynTimeout => "SYN_SENT",
        Ending::FinTimeout => "FIN_WAIT",
        Ending::IdleTimeout => "ESTABLISHED",
        Ending::Udp => "",
    }
}

impl<W: Write> Sink for Firewall<W> {
    fn event(&mut self, at: u64, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Built(flow) if self.dialect.says_openings() => self.opened(at, flow),
            Event::Teardown(flow) => self.ended(at, flow),
            Event::Denied { why: Denial::Inbound, from, to, .. } if self.dialect != Dialect::Conntrack => {
                self.denied(at, Proto::Tcp, from, to);
            }
            Event::Denied { why: Denial::List(proto), from, to, .. } if self.dialect != Dialect::Conntrack => {
                self.denied(at, proto, from, to);
            }
            _ => return Ok(()),
        }
        self.lines.end()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.lines.finish()
    }
}
