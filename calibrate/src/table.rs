//! A table of connections (`catspaw scan --connections X.jsonl`), by host.

use std::collections::BTreeMap;
use std::net::IpAddr;

use catspaw_records::{ByteCount, ByteKind, Bytes, ConnState, Ending, Endpoint};
use serde_json::Value;

/// Nanoseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000_000;

/// How the witness tells a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum View {
    /// A firewall: an opening and an end, by whole seconds, one total.
    Syslog,
    /// Zeek: one record at the end, by microseconds, both directions.
    Zeek,
}

/// One TCP connection between a host of ours and somebody outside, told from the host.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Leg {
    pub(crate) inbound: bool,
    /// Nanoseconds; within a second of syslog by the order of the lines.
    pub(crate) start: i64,
    /// Never before `start`; `None` where it was still open.
    pub(crate) end: Option<i64>,
    pub(crate) own_port: u16,
    pub(crate) peer: Endpoint,
    pub(crate) bytes: Option<Bytes>,
    pub(crate) ending: Ending,
    pub(crate) state: Option<ConnState>,
}

impl Leg {
    pub(crate) fn has_payload(&self) -> bool {
        self.bytes.is_some_and(|bytes| bytes.total() > 0)
    }

    /// The same, later.
    pub(crate) fn moved(self, by: i64) -> Self {
        Self { start: self.start + by, end: self.end.map(|end| end + by), ..self }
    }
}

/// What a table says: the legs of every host of ours.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) view: View,
    pub(crate) hosts: BTreeMap<IpAddr, Vec<Leg>>,
}

/// A row before its times are put in order.
struct Row {
    orig: Endpoint,
    resp: Endpoint,
    /// Seconds and nanoseconds as the table has them, and the lines.
    times: [Option<(i64, u64)>; 2],
    bytes: Option<Bytes>,
    state: Option<ConnState>,
}

impl Table {
    /// Parses the lines of a table.
    ///
    /// # Errors
    /// Where a line is no row, by its number.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut rows = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let value: Value = serde_json::from_str(line).map_err(|error| format!("{}: {error}", number + 1))?;
            if value["proto"] == "tcp" && value["late"] != true {
                rows.push(row(&value).ok_or_else(|| format!("{}: no row of a connections table", number + 1))?);
            }
        }
        let directed = |row: &Row| row.bytes.is_some_and(|bytes| bytes.directed().is_some());
        let view = if rows.iter().any(directed) { View::Zeek } else { View::Syslog };
        if view == View::Syslog {
            spread_within_seconds(&mut rows);
        }
        let mut hosts: BTreeMap<IpAddr, Vec<Leg>> = BTreeMap::new();
        for row in &rows {
            // Between two of ours, or two strangers, is no leg.
            match (is_ours(row.orig.addr), is_ours(row.resp.addr)) {
                (true, false) => hosts.entry(row.orig.addr).or_default().push(row.leg(false)),
                (false, true) => hosts.entry(row.resp.addr).or_default().push(row.leg(true)),
                _ => {}
            }
        }
        for legs in hosts.values_mut() {
            legs.sort_by_key(|leg| (leg.start, leg.end));
        }
        Ok(Self { view, hosts })
    }
}

impl Row {
    fn leg(&self, inbound: bool) -> Leg {
        let (own, peer) = if inbound { (self.resp, self.orig) } else { (self.orig, self.resp) };
        let start = self.times[0].map_or(0, |(at, _)| at);
        let end = self.times[1].map(|(at, _)| at.max(start));
        let ending = self.state.map_or(Ending::Unknown, ConnState::ending);
        Leg {
            inbound,
            start,
            end: end.filter(|_| ending != Ending::Open),
            own_port: own.port,
            peer,
            bytes: self.bytes,
            ending,
            state: self.state,
        }
    }
}

fn row(value: &Value) -> Option<Row> {
    let end = |h: &str, p: &str| {
        let addr = value[h].as_str()?.parse().ok()?;
        Some(Endpoint { addr, port: u16::try_from(value[p].as_u64()?).ok()? })
    };
    let count = |name: &str| value[name].as_u64();
    let bytes = match (count("orig_bytes"), count("resp_bytes"), count("bytes")) {
        (Some(orig), Some(resp), _) => Some((ByteKind::Payload, ByteCount::Directed { orig, resp })),
        (_, _, Some(total)) => Some((ByteKind::PayloadRetransmitted, ByteCount::Total(total))),
        _ => None,
    };
    let start = nanos(&value["ts"])?;
    let mut lines = value["place"].as_str().unwrap_or_default().split(',').map(|line| line.parse().unwrap_or(0));
    let first = lines.next().unwrap_or(0);
    let state = value["conn_state"].as_str().and_then(|name| ConnState::parse(name.as_bytes()));
    let duration = nanos(&value["duration"]);
    // A row of Zeek's without a duration ended when it began; one of a firewall's is still open.
    let lives = duration.or_else(|| (state == Some(ConnState::S0)).then_some(0));
    Some(Row {
        orig: end("id.orig_h", "id.orig_p")?,
        resp: end("id.resp_h", "id.resp_p")?,
        times: [Some((start, first)), lives.map(|life| (start + life, lines.next().unwrap_or(first)))],
        bytes: bytes.map(|(kind, count)| Bytes { kind, count }),
        state,
    })
}

/// A number of seconds as nanoseconds, to the microsecond that witnesses know.
fn nanos(value: &Value) -> Option<i64> {
    let seconds = value.as_f64()?;
    Some((seconds * 1e6).round() as i64 * 1000)
}

/// Within a second the order of the lines is what is known: the events of one are spread over it in that order.
fn spread_within_seconds(rows: &mut [Row]) {
    let mut events: Vec<(i64, u64, usize, usize)> = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        for (which, time) in row.times.iter().enumerate() {
            if let Some((at, line)) = *time {
                events.push((at.div_euclid(SECOND), line, number, which));
            }
        }
    }
    events.sort_unstable();
    for of_one_second in events.chunk_by(|a, b| a.0 == b.0) {
        let step = SECOND / (of_one_second.len() as i64 + 1);
        for (place, &(second, line, number, which)) in (1..).zip(of_one_second) {
            rows[number].times[which] = Some((second * SECOND + place * step, line));
        }
    }
}

/// The ranges that evidence without a word of its own takes for ours.
fn is_ours(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => addr.is_private() || addr.is_link_local() || addr.is_loopback(),
        IpAddr::V6(addr) => addr.is_unique_local() || addr.is_unicast_link_local() || addr.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT: &str = r#"{"ts":100.0,"id.orig_h":"198.51.100.1","id.orig_p":4000,"id.resp_h":"10.0.0.1","id.resp_p":80,"proto":"tcp","duration":1.0,"orig_bytes":null,"resp_bytes":null,"conn_state":"SF","bytes":50,"late":false,"place":"4,9"}"#;
    const CALLED: &str = r#"{"ts":100.0,"id.orig_h":"10.0.0.1","id.orig_p":4001,"id.resp_h":"203.0.113.9","id.resp_p":443,"proto":"tcp","duration":0.0,"orig_bytes":null,"resp_bytes":null,"conn_state":"SF","bytes":40,"late":false,"place":"5,6"}"#;

    #[test]
    fn within_a_second_the_lines_say_what_came_first() {
        let table = Table::parse(&format!("{CALLED}\n{BUILT}\n")).unwrap();
        assert_eq!(table.view, View::Syslog);
        let legs = &table.hosts[&IpAddr::from([10, 0, 0, 1])];
        assert_eq!([legs[0].inbound, legs[1].inbound], [true, false]);
        assert!(legs[0].start < legs[1].start && legs[1].end < legs[0].end);
        assert!(legs.iter().all(|leg| leg.start.div_euclid(SECOND) == 100));
    }

    #[test]
    fn what_is_no_row_is_said_by_its_line() {
        assert!(Table::parse(&format!("{BUILT}\n{{\"proto\":\"tcp\"}}\n")).unwrap_err().starts_with("2: "));
        assert!(Table::parse("no\n").unwrap_err().starts_with("1: "));
    }
}
