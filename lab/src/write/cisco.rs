//! The syslog of a PIX and of an ASA.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

use super::Lines;
use super::text::{address, duration, number, two};
use crate::civil::{Civil, DAY, MONTHS, SECOND};
use crate::engine::Sink;
use crate::flow::{Denial, Ending, Event, Flow, Proto};

/// A PIX of 2003: `Mar  4 00:00:03 utc-pix %PIX-6-302013: ...`, by default without a year.
#[derive(Clone, Debug)]
pub struct Pix {
    /// The device's name.
    pub sensor: String,
    /// `Mar 04 2003 00:00:03 utc-pix : %PIX-6-...` instead.
    pub year: bool,
}

/// An ASA beside it, behind which nobody is translated: `<166>Mar 04 2003 00:00:03 asa1 : %ASA-6-302013: ...`.
#[derive(Clone, Debug)]
pub struct Asa {
    /// The device's name.
    pub sensor: String,
}

/// The same as a syslog server passes it on by RFC 5424: `<166>1 2003-03-04T00:00:03.250000+00:00 asa1 - - - - %ASA-6-302013: ...`.
#[derive(Clone, Debug)]
pub struct Asa5424 {
    /// The device's name.
    pub sensor: String,
}

/// What they have in common.
pub struct Cisco<W: Write> {
    lines: Lines<W>,
    family: &'static str,
    sensor: String,
    year: bool,
    /// Whether a priority stands first.
    priority: bool,
    /// Whether the header is RFC 5424's.
    modern: bool,
    translates: bool,
    /// The second whose stamp is in `stamp`.
    second: u64,
    stamp: Vec<u8>,
}

impl Pix {
    /// Writes to `to`.
    pub fn to<W: Write>(self, to: W) -> Cisco<W> {
        let stamp = Vec::with_capacity(64);
        let (family, sensor, year) = ("PIX", self.sensor, self.year);
        Cisco {
            lines: Lines::new(to),
            family,
            sensor,
            year,
            priority: false,
            modern: false,
            translates: true,
            second: u64::MAX,
            stamp,
        }
    }
}

impl Asa {
    /// Writes to `to`.
    pub fn to<W: Write>(self, to: W) -> Cisco<W> {
        let pix = Pix { sensor: self.sensor, year: true }.to(to);
        Cisco { family: "ASA", priority: true, translates: false, ..pix }
    }
}

impl Asa5424 {
    /// Writes to `to`.
    pub fn to<W: Write>(self, to: W) -> Cisco<W> {
        Cisco { modern: true, ..Asa { sensor: self.sensor }.to(to) }
    }
}

impl<W: Write> Cisco<W> {
    /// Everything up to the message: the stamp is the second that has begun.
    fn head(&mut self, at: u64, severity: u8, message: &[u8]) {
        if self.modern {
            self.modern_stamp_of(at);
        } else if at / SECOND != self.second {
            self.second = at / SECOND;
            self.stamp_of(at);
        }
        let line = &mut self.lines.buffer;
        if self.priority {
            // Facility local4.
            line.extend_from_slice(b"<16");
            line.push(b'0' + severity);
            line.push(b'>');
        }
        line.extend_from_slice(&self.stamp);
        line.push(b'0' + severity);
        line.push(b'-');
        line.extend_from_slice(message);
    }

    /// Renders what the lines of a second share, down to `%PIX-`.
    fn stamp_of(&mut self, at: u64) {
        let Civil { year, month, day, .. } = Civil::of(at);
        let of_day = at % DAY / SECOND;
        self.stamp.clear();
        self.stamp.extend_from_slice(MONTHS[month as usize - 1].as_bytes());
        self.stamp.push(b' ');
        if self.year {
            two(&mut self.stamp, u64::from(day));
            self.stamp.push(b' ');
            number(&mut self.stamp, u64::from(year));
        } else {
            // As syslogd does it: a blank for a tens digit.
            if day < 10 {
                self.stamp.push(b' ');
            }
            number(&mut self.stamp, u64::from(day));
        }
        for (part, before) in [(of_day / 3600, b' '), (of_day / 60 % 60, b':'), (of_day % 60, b':')] {
            self.stamp.push(before);
            two(&mut self.stamp, part);
        }
        self.stamp.push(b' ');
        self.stamp.extend_from_slice(self.sensor.as_bytes());
        self.stamp.extend_from_slice(if self.year { b" : %" } else { b" %" });
        self.stamp.extend_from_slice(self.family.as_bytes());
        self.stamp.push(b'-');
    }

    /// The same by RFC 5424, to the microsecond.
    fn modern_stamp_of(&mut self, at: u64) {
        let Civil { year, month, day, .. } = Civil::of(at);
        let of_day = at % DAY / SECOND;
        let [hour, minute, second] = [of_day / 3600, of_day / 60 % 60, of_day % 60];
        let (micros, sensor, family) = (at % SECOND, &self.sensor, self.family);
        self.stamp.clear();
        self.stamp.extend_from_slice(
            format!(
                "1 {year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}+00:00 {sensor} - - - - %{family}-"
            )
            .as_bytes(),
        );
    }

    fn built(&mut self, at: u64, flow: &Flow) {
        let message: &[u8] = match (flow.proto, flow.inbound) {
            (Proto::Tcp, true) => b"302013: Built inbound TCP connection ",
            (Proto::Tcp, false) => b"302013: Built outbound TCP connection ",
            (Proto::Udp, true) => b"302015: Built inbound UDP connection ",
            (Proto::Udp, false) => b"302015: Built outbound UDP connection ",
        };
        self.head(at, 6, message);
        let mapped = if self.translates { flow.mapped_end() } else { flow.inside_end() };
        let line = &mut self.lines.buffer;
        number(line, flow.id);
        line.extend_from_slice(b" for outside:");
        end(line, flow.outside_end());
        line.extend_from_slice(b" (");
        end(line, flow.outside_end());
        line.extend_from_slice(b") to inside:");
        end(line, flow.inside_end());
        line.extend_from_slice(b" (");
        end(line, mapped);
        line.push(b')');
    }

    fn teardown(&mut self, at: u64, flow: &Flow) {
        let message: &[u8] = match flow.proto {
            Proto::Tcp => b"302014: Teardown TCP connection ",
            Proto::Udp => b"302016: Teardown UDP connection ",
        };
        self.head(at, 6, message);
        let line = &mut self.lines.buffer;
        number(line, flow.id);
        line.extend_from_slice(b" for outside:");
        end(line, flow.outside_end());
        line.extend_from_slice(b" to inside:");
        end(line, flow.inside_end());
        line.extend_from_slice(b" duration ");
        duration(line, (flow.end - flow.start) / SECOND);
        line.extend_from_slice(b" bytes ");
        number(line, flow.total());
        line.extend_from_slice(reason(flow.ending));
    }

    fn slot(&mut self, at: u64, message: &[u8], inside: u32, outside: u32) {
        self.head(at, 6, message);
        let line = &mut self.lines.buffer;
        line.extend_from_slice(b" translation from inside:");
        address(line, inside);
        line.extend_from_slice(b" to outside:");
        address(line, outside);
    }

    fn port(&mut self, at: u64, message: &[u8], flow: &Flow) {
        self.head(at, 6, message);
        let line = &mut self.lines.buffer;
        line.extend_from_slice(if flow.proto == Proto::Tcp { b" TCP" } else { b" UDP" });
        line.extend_from_slice(b" translation from inside:");
        end(line, flow.inside_end());
        line.extend_from_slice(b" to outside:");
        end(line, flow.mapped_end());
    }

    fn held(&mut self, seconds: u64) {
        self.lines.buffer.extend_from_slice(b" duration ");
        duration(&mut self.lines.buffer, seconds);
    }

    fn denied(&mut self, at: u64, why: Denial, from: (u32, u16), to: (u32, u16)) {
        let (severity, message, between, after): (u8, &[u8], &[u8], &[u8]) = match why {
            Denial::Inbound => {
                (2, b"106001: Inbound TCP connection denied from ", b" to ", b" flags SYN  on interface outside")
            }
            Denial::NoConnection => {
                (6, b"106015: Deny TCP (no connection) from ", b" to ", b" flags FIN ACK  on interface outside")
            }
            Denial::List(Proto::Tcp) => {
                (4, b"106023: Deny tcp src outside:", b" dst inside:", b" by access-group \"acl_out\"")
            }
            Denial::List(Proto::Udp) => {
                (4, b"106023: Deny udp src outside:", b" dst inside:", b" by access-group \"acl_out\"")
            }
        };
        self.head(at, severity, message);
        let line = &mut self.lines.buffer;
        end(line, (Ipv4Addr::from(from.0).into(), from.1));
        line.extend_from_slice(between);
        end(line, (Ipv4Addr::from(to.0).into(), to.1));
        line.extend_from_slice(after);
    }
}

/// `198.18.0.1/25`, `2001:db8::1/25`.
fn end(line: &mut Vec<u8>, (addr, port): (IpAddr, u16)) {
    match addr {
        IpAddr::V4(addr) => address(line, addr.to_bits()),
        IpAddr::V6(addr) => line.extend_from_slice(addr.to_string().as_bytes()),
    }
    line.push(b'/');
    number(line, u64::from(port));
}

fn reason(ending: Ending) -> &'static [u8] {
    match ending {
        Ending::Fins => b" TCP FINs",
        Ending::ResetInside => b" TCP Reset-I",
        Ending::ResetOutside => b" TCP Reset-O",
        Ending::SynTimeout => b" SYN Timeout",
        Ending::FinTimeout => b" FIN Timeout",
        Ending::IdleTimeout => b" Conn-timeout",
        Ending::Udp => b"",
    }
}

impl<W: Write> Sink for Cisco<W> {
    fn event(&mut self, at: u64, event: Event<'_>) -> io::Result<()> {
        match event {
            Event::Over(_) => return Ok(()),
            // A PIX of that time knows no IPv6.
            Event::Built(flow) | Event::Teardown(flow) if self.translates && flow.six.is_some() => return Ok(()),
            Event::Built(flow) => self.built(at, flow),
            Event::Teardown(flow) => self.teardown(at, flow),
            Event::Denied { why, from, to, inside } => {
                let real = inside.filter(|_| !self.translates).map(|inside| (inside, to.1));
                self.denied(at, why, from, real.unwrap_or(to));
            }
            _ if !self.translates => return Ok(()),
            Event::SlotBuilt { fixed, inside, outside } => {
                let message: &[u8] = if fixed { b"305009: Built static" } else { b"305009: Built dynamic" };
                self.slot(at, message, inside, outside);
            }
            Event::SlotTeardown { inside, outside, held } => {
                self.slot(at, b"305010: Teardown dynamic", inside, outside);
                self.held(held);
            }
            Event::PortBuilt(flow) => self.port(at, b"305011: Built dynamic", flow),
            Event::PortTeardown(flow, held) => {
                self.port(at, b"305012: Teardown dynamic", flow);
                self.held(held);
            }
        }
        self.lines.end()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.lines.finish()
    }
}
