//! Firewalls that write a line for each session: PAN-OS, FortiGate, SRX, FTD, and Linux's connection tracking; and what collectors
//! make of such lines.

mod collected;
mod ftd;
mod junos;
mod linux;
mod named;

use std::io::{self, Write};
use std::net::Ipv4Addr;

use super::Lines;
use super::text::{address, number, two};
use crate::civil::{Civil, DAY, MONTHS, SECOND};
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
    /// The same as CEF.
    PanOsCef,
    /// The same as LEEF.
    PanOsLeef,
    /// FortiGate: traffic logs, as `key=value`.
    FortiGate,
    /// The same as CEF.
    FortiGateCef,
    /// SRX: sessions created, closed and denied, as structured data.
    Junos,
    /// The same as sentences.
    JunosText,
    /// FTD: the ends of connections and what was blocked, as Snort writes them (430002, 430003).
    Ftd,
    /// Linux: `conntrack -E -o timestamp`, with accounting and timestamps.
    Conntrack,
    /// Linux: LOG of the packets that open connections, and of those that were dropped.
    Netfilter,
    /// Elastic's ECS, one event to a line.
    Ecs,
    /// Splunk's CIM, as a search exports it: CSV.
    Cim,
    /// Columns with names of nobody's, between commas.
    Csv,
    /// The same as `key=value`.
    Pairs,
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
    pub const ALL: [Self; 14] = [
        Self::PanOs,
        Self::PanOsCef,
        Self::PanOsLeef,
        Self::FortiGate,
        Self::FortiGateCef,
        Self::Junos,
        Self::JunosText,
        Self::Ftd,
        Self::Conntrack,
        Self::Netfilter,
        Self::Ecs,
        Self::Cim,
        Self::Csv,
        Self::Pairs,
    ];

    /// Its name as a format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PanOs => "pan-os",
            Self::PanOsCef => "pan-os-cef",
            Self::PanOsLeef => "pan-os-leef",
            Self::FortiGate => "fortigate",
            Self::FortiGateCef => "fortigate-cef",
            Self::Junos => "junos",
            Self::JunosText => "junos-text",
            Self::Ftd => "ftd",
            Self::Conntrack => "conntrack",
            Self::Netfilter => "netfilter",
            Self::Ecs => "ecs",
            Self::Cim => "cim",
            Self::Csv => "csv",
            Self::Pairs => "pairs",
        }
    }

    /// Writes to `to`.
    pub fn to<W: Write>(self, to: W) -> Firewall<W> {
        let mut lines = Lines::new(to);
        lines.buffer.extend_from_slice(named::header(self).as_bytes());
        Firewall { lines, dialect: self }
    }

    fn says_openings(self) -> bool {
        matches!(self, Self::Junos | Self::JunosText | Self::Conntrack | Self::Netfilter)
    }

    /// Linux says nothing of what it drops but where a rule logs it, and ECS and its like here nothing but ends.
    fn says_denials(self) -> bool {
        !matches!(self, Self::Conntrack | Self::Ecs | Self::Cim | Self::Csv | Self::Pairs)
    }
}

impl<W: Write> Firewall<W> {
    fn ended(&mut self, at: u64, flow: &Flow) {
        let [opener, other] = sent(flow);
        match self.dialect {
            Dialect::PanOs => self.pan_os(at, flow, "end", opener, other),
            Dialect::PanOsCef => self.pan_os_cef(at, flow, "end", opener, other),
            Dialect::PanOsLeef => self.pan_os_leef(at, flow, "end", opener, other),
            Dialect::FortiGate => self.fortigate(at, flow, fortigate_action(flow), Some((opener, other))),
            Dialect::FortiGateCef => self.fortigate_cef(at, flow, fortigate_action(flow), Some((opener, other))),
            Dialect::Junos => self.junos_closed(at, flow, opener, other),
            Dialect::JunosText => self.junos_sentence(at, flow, Some((opener, other))),
            Dialect::Ftd => self.snort(at, flow, Some((opener, other))),
            Dialect::Conntrack => {
                self.conntrack(at, "\t[DESTROY] ", flow, linux::conntrack_state(flow), Some((opener, other)));
                self.text(&format!(" delta-time={}", (flow.end - flow.start) / SECOND));
            }
            Dialect::Ecs => self.ecs(flow, opener, other),
            Dialect::Cim => self.cim(at, flow, opener, other),
            Dialect::Csv => self.columns(flow, opener, other),
            Dialect::Pairs => self.pairs(flow, opener, other),
            Dialect::Netfilter => {}
        }
    }

    fn opened(&mut self, at: u64, flow: &Flow) {
        match self.dialect {
            Dialect::Junos => self.junos_created(at, flow),
            Dialect::JunosText => self.junos_sentence(at, flow, None),
            Dialect::Netfilter => self.packet(at, "NEW ", Ends::of(flow)),
            _ => {
                let state = if flow.proto == Proto::Tcp { "120 SYN_SENT" } else { "30" };
                self.conntrack(at, "\t    [NEW] ", flow, state, None);
            }
        }
    }

    /// Only what asks for a connection: of a straggler none of them says anything.
    fn denied(&mut self, at: u64, proto: Proto, from: (u32, u16), to: (u32, u16)) {
        let mut flow = Flow::inbound(0, at, from, to.1);
        (flow.inside, flow.mapped, flow.mapped_port, flow.proto) = (to.0, to.0, to.1, proto);
        let (one, none) = (Sent { packets: 1, bytes: 48, frames: 62 }, Sent { packets: 0, bytes: 0, frames: 0 });
        match self.dialect {
            Dialect::PanOs => self.pan_os(at, &flow, "drop", one, none),
            Dialect::PanOsCef => self.pan_os_cef(at, &flow, "drop", one, none),
            Dialect::PanOsLeef => self.pan_os_leef(at, &flow, "drop", one, none),
            Dialect::FortiGate => self.fortigate(at, &flow, "deny", None),
            Dialect::FortiGateCef => self.fortigate_cef(at, &flow, "deny", None),
            Dialect::JunosText => self.junos_refusal(at, &flow),
            Dialect::Ftd => self.snort(at, &flow, None),
            Dialect::Netfilter => self.packet(at, "DROP ", Ends::of(&flow)),
            _ => self.junos_denied(at, &flow),
        }
    }

    fn pan_os(&mut self, at: u64, flow: &Flow, subtype: &str, opener: Sent, other: Sent) {
        let ends = Ends::of(flow);
        let PanOs { action, reason, application, from, to } = PanOs::of(flow, subtype);
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
        self.text(&format!(",rule,,,{application},vsys1,{from},{to},ethernet1/1,ethernet1/2,log,"));
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

    fn text(&mut self, text: &str) {
        self.lines.buffer.extend_from_slice(text.as_bytes());
    }

    /// `2003/03/04 00:00:03`.
    fn slashed(&mut self, at: u64) {
        self.dated(at, b'/', " ");
    }

    /// `Mar  4 00:00:03 `, as syslogd has it.
    fn bsd(&mut self, at: u64) {
        let Civil { month, day, .. } = Civil::of(at);
        self.text(&format!("{} {day:>2} ", MONTHS[month as usize - 1]));
        self.time(at);
        self.text(" ");
    }

    /// `2003-03-04T00:00:03.250Z`.
    fn rfc3339(&mut self, at: u64) {
        self.dated(at, b'-', "T");
        self.text(&format!(".{:03}Z", at / 1000 % 1000));
    }

    fn dated(&mut self, at: u64, between: u8, then: &str) {
        let Civil { year, month, day, .. } = Civil::of(at);
        let line = &mut self.lines.buffer;
        number(line, u64::from(year));
        for part in [month, day] {
            line.push(between);
            two(line, u64::from(part));
        }
        line.extend_from_slice(then.as_bytes());
        self.time(at);
    }

    /// `00:00:03`.
    fn time(&mut self, at: u64) {
        let (of_day, line) = (at % DAY / SECOND, &mut self.lines.buffer);
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
    let has = |addr: u32, salt: u64| !mix(u64::from(addr) ^ salt).is_multiple_of(4);
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

/// An address as text.
fn shown(addr: u32) -> Ipv4Addr {
    Ipv4Addr::from(addr)
}

fn proto(flow: &Flow) -> &'static str {
    if flow.proto == Proto::Tcp { "tcp" } else { "udp" }
}

/// Whether a reset came from whoever opened the connection.
fn by_opener(flow: &Flow) -> bool {
    flow.inbound == (flow.ending == Ending::ResetOutside)
}

/// What PAN-OS says of a session in its own words, in every form.
struct PanOs {
    action: &'static str,
    reason: &'static str,
    application: &'static str,
    from: &'static str,
    to: &'static str,
}

impl PanOs {
    fn of(flow: &Flow, subtype: &str) -> Self {
        let (action, reason) = if subtype == "drop" { ("deny", "policy-deny") } else { ("allow", pan_os_reason(flow)) };
        let (from, to) = if flow.inbound { ("untrust", "trust") } else { ("trust", "untrust") };
        let application = if flow.total() == 0 { "incomplete" } else { "unknown-tcp" };
        Self { action, reason, application, from, to }
    }
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

impl<W: Write> Sink for Firewall<W> {
    fn event(&mut self, at: u64, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Built(flow) if self.dialect.says_openings() => self.opened(at, flow),
            Event::Teardown(flow) if self.dialect != Dialect::Netfilter => self.ended(at, flow),
            Event::Denied { why: Denial::Inbound, from, to, .. } if self.dialect.says_denials() => {
                self.denied(at, Proto::Tcp, from, to);
            }
            Event::Denied { why: Denial::List(proto), from, to, .. } if self.dialect.says_denials() => {
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
