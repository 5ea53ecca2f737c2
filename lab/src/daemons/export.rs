//! A capture as other witnesses would have told of it.
//!
//! - **PIX and ASA**: connections by [`Cisco`](crate::Cisco), the same writer that the made logs have. The devices' timers
//!   are today's: 30 s for a SYN that nobody answers, ten minutes half closed, an hour idle, two minutes for datagrams.
//!   What is asked for from outside has a static address, everybody else a port of a shared one. TCP and UDP; IPv6 by the
//!   ASA alone, untranslated: a PIX of version 6 knows none.
//! - **`conn.log`**: by ourselves, as Zeek is not in Debian. It differs from the real one: `service` is told from the
//!   port, not from what is said; an attempt without an answer is one line, however long it is repeated (Zeek begins
//!   another after 5 s); a reset after both FINs leaves `SF`; `history` has each letter once, without `T`, `C` and `^`;
//!   lines stand in the order in which connections were over, without the seconds that Zeek waits.
//! - **NetFlow**: by softflowd from the capture, kept by nfcapd where nfdump is installed.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use super::frames::Proto;
use super::net::{Net, is_inside};
use super::process::Running;
use super::track::Conn;
use crate::civil::{HOUR, MINUTE, SECOND};
use crate::flow::{Ending, Event, Flow, Proto as FlowProto};
use crate::write::zeek;
use crate::{Asa, Pix, Sink, Tee};

/// The timers of a device as it comes today.
const SYN_TIMEOUT: u64 = 30 * SECOND;
const HALF_CLOSED: u64 = 10 * MINUTE;
const IDLE: u64 = HOUR;
const UDP_IDLE: u64 = 2 * MINUTE;
/// How long a port stays with a connection that has ended.
const PORT_IDLE: u64 = 30 * SECOND;
/// 192.0.2.10: the first address given for good.
const FIXED: u32 = 0xc000_020a;
/// 192.0.2.250: what everybody else is seen as.
const SHARED: u32 = 0xc000_02fa;

/// What happens to connection `number`, or to an address, in order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Slot(usize),
    Port(usize),
    Built(usize),
    Teardown(usize),
    PortGone(usize),
}

/// Writes `pix.log` and `asa.log`, and beside them what they were when the capture ended (`-cut`).
pub(super) fn syslog(conns: &[Conn], to: &Path) -> io::Result<()> {
    let end = conns.iter().map(|conn| conn.last).max().unwrap_or(0);
    let mut flows: Vec<Flow> = conns.iter().filter_map(flow).collect();
    let slots = translate(&mut flows);
    let moments = moments(&flows, slots.len());
    for (cut, until) in [("", u64::MAX), ("-cut", end)] {
        let create = |name: &str| File::create(to.join(format!("{name}{cut}.log"))).map(BufWriter::new);
        let mut tee = Tee::default()
            .and(Pix { sensor: "utc-pix".to_owned(), year: true }.to(create("pix")?))
            .and(Asa { sensor: "asa1".to_owned() }.to(create("asa")?));
        for (at, moment) in moments.iter().take_while(|(at, _)| *at <= until) {
            let event = match *moment {
                Moment::Slot(slot) => Event::SlotBuilt { fixed: true, inside: slots[slot].0, outside: slots[slot].1 },
                Moment::Port(number) => Event::PortBuilt(&flows[number]),
                Moment::Built(number) => Event::Built(&flows[number]),
                Moment::Teardown(number) => Event::Teardown(&flows[number]),
                Moment::PortGone(number) => Event::PortTeardown(&flows[number], (at - flows[number].start) / SECOND),
            };
            tee.event(*at, event)?;
        }
        tee.finish()?;
    }
    Ok(())
}

/// What a device writes lines about, in order of time.
fn moments(flows: &[Flow], slots: usize) -> Vec<(u64, Moment)> {
    let begin = flows.first().map_or(0, |flow| flow.start);
    let mut moments: Vec<(u64, Moment)> = (0..slots).map(|slot| (begin, Moment::Slot(slot))).collect();
    for (number, flow) in flows.iter().enumerate() {
        moments.extend([(flow.start, Moment::Built(number)), (flow.end, Moment::Teardown(number))]);
        if flow.mapped == SHARED {
            moments.extend([(flow.start, Moment::Port(number)), (flow.end + PORT_IDLE, Moment::PortGone(number))]);
        }
    }
    moments.sort_unstable();
    moments
}

/// A connection as a firewall keeps it.
fn flow(conn: &Conn) -> Option<Flow> {
    // What two hosts of ours say to one another does not pass it.
    if conn.proto == Proto::Icmp || is_inside(conn.orig.ip()) && is_inside(conn.resp.ip()) {
        return None;
    }
    let inbound = is_inside(conn.resp.ip());
    let (inside, outside) = if inbound { (conn.resp, conn.orig) } else { (conn.orig, conn.resp) };
    let between = |outside: u32| {
        if inbound {
            Flow::inbound(0, conn.start, (outside, conn.orig.port()), conn.resp.port())
        } else {
            Flow::outbound(0, conn.start, conn.orig.port(), (outside, conn.resp.port()))
        }
    };
    let mut flow = match (inside.ip(), outside.ip()) {
        (IpAddr::V4(inside), IpAddr::V4(outside)) => Flow { inside: inside.to_bits(), ..between(outside.to_bits()) },
        (IpAddr::V6(inside), IpAddr::V6(outside)) => between(0).of_six(inside, outside),
        _ => return None,
    };
    flow.id = u64::from(conn.number) + 1;
    let [up, down] = &conn.ends;
    flow = flow.bytes(up.bytes, down.bytes);
    flow.resent = (up.raw + down.raw).saturating_sub(up.bytes + down.bytes) as u32;
    flow.last = conn.last;
    (flow.ending, flow.end) = ending(conn, inbound);
    if conn.proto == Proto::Udp {
        flow.proto = FlowProto::Udp;
    }
    Some(flow)
}

fn ending(conn: &Conn, inbound: bool) -> (Ending, u64) {
    if conn.proto == Proto::Udp {
        let dns = conn.resp.port() == 53 && conn.ends[1].packets > 0;
        return (Ending::Udp, conn.last + if dns { 0 } else { UDP_IDLE });
    }
    let by_inside = |side: usize| if (side == 1) == inbound { Ending::ResetInside } else { Ending::ResetOutside };
    match conn.state() {
        "SF" => (Ending::Fins, conn.closed.unwrap_or(conn.last)),
        "RSTO" | "RSTOS0" => (by_inside(0), conn.closed.unwrap_or(conn.last)),
        "RSTR" | "REJ" => (by_inside(1), conn.closed.unwrap_or(conn.last)),
        "S0" | "SH" => (Ending::SynTimeout, conn.start + SYN_TIMEOUT),
        "S2" | "S3" => (Ending::FinTimeout, conn.last + HALF_CLOSED),
        _ => (Ending::IdleTimeout, conn.last + IDLE),
    }
}

/// Gives every connection its outside address; says which are given for good.
fn translate(flows: &mut [Flow]) -> Vec<(u32, u32)> {
    let translated = |flow: &&Flow| flow.six.is_none();
    let served = flows.iter().filter(translated).filter(|flow| flow.inbound);
    let mut served: Vec<u32> = served.map(|flow| flow.inside).collect();
    served.sort_unstable();
    served.dedup();
    let slots: Vec<(u32, u32)> = served.into_iter().zip(FIXED..SHARED).collect();
    let mut port = 1024;
    for flow in flows.iter_mut().filter(|flow| flow.six.is_none()) {
        let fixed = slots.iter().find(|(inside, _)| *inside == flow.inside);
        (flow.mapped, flow.mapped_port) = match fixed {
            Some((_, outside)) => (*outside, flow.inside_port),
            None => {
                port = if port == u16::MAX { 1025 } else { port + 1 };
                (SHARED, port)
            }
        };
    }
    slots
}

/// Writes `conn.log`.
pub(super) fn conn_log(conns: &[Conn], to: &Path) -> io::Result<()> {
    let begin = conns.first().map_or(0, |conn| conn.start);
    let mut log = BufWriter::new(File::create(to.join("conn.log"))?);
    log.write_all(zeek::head(begin).as_bytes())?;
    let mut order: Vec<&Conn> = conns.iter().collect();
    order.sort_by_key(|conn| (conn.last, conn.number));
    for conn in order {
        let mut uid = Vec::new();
        zeek::uid(&mut uid, u64::from(conn.number), conn.start);
        let proto = match conn.proto {
            Proto::Tcp => "tcp",
            Proto::Udp => "udp",
            Proto::Icmp => "icmp",
        };
        let [orig, resp] = &conn.ends;
        let alone = orig.packets + resp.packets == 1;
        let duration = if alone { "-".to_owned() } else { seconds(conn.last - conn.start) };
        let local = |end: SocketAddr| if is_inside(end.ip()) { 'T' } else { 'F' };
        writeln!(
            log,
            "{}\t{}\t{}\t{}\t{}\t{}\t{proto}\t{}\t{duration}\t{}\t{}\t{}\t{}\t{}\t0\t{}\t{}\t{}\t{}\t{}\t-",
            seconds(conn.start),
            String::from_utf8_lossy(&uid),
            conn.orig.ip(),
            conn.orig.port(),
            conn.resp.ip(),
            conn.resp.port(),
            service(conn),
            orig.bytes,
            resp.bytes,
            conn.state(),
            local(conn.orig),
            local(conn.resp),
            conn.history,
            orig.packets,
            orig.ip_bytes,
            resp.packets,
            resp.ip_bytes,
        )?;
    }
    log.flush()
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / SECOND, micros % SECOND)
}

fn service(conn: &Conn) -> &'static str {
    match (conn.proto, conn.resp.port()) {
        (Proto::Icmp, _) => "-",
        (_, 53) if conn.has_data() => "dns",
        (Proto::Tcp, 25) if conn.ends[1].bytes > 0 => "smtp",
        (Proto::Tcp, 80) if conn.ends[0].bytes > 0 => "http",
        (Proto::Tcp, 443) if conn.ends[0].bytes > 0 => "ssl",
        (Proto::Udp, 123) => "ntp",
        _ => "-",
    }
}

/// Has softflowd export the capture as NetFlow v5, v9 and IPFIX, and nfcapd keep it.
pub(super) fn netflow(net: &Net, capture: &Path, to: &Path, work: &Path) -> io::Result<()> {
    let capture = capture.to_string_lossy();
    for (name, version) in [("v5", "5"), ("v9", "9"), ("ipfix", "10")] {
        let folder = to.join("netflow").join(name);
        fs::create_dir_all(&folder)?;
        let kept = folder.to_string_lossy();
        let words = ["nfcapd", "-l", &kept, "-b", "127.0.0.1", "-p", "9995", "-t", "3600"];
        let mut collector = Running::start(&net.border(), "nfcapd", &words, &work.join("nfcapd.log"), false)?;
        std::thread::sleep(Duration::from_millis(300));
        let pid = work.join("softflowd.pid");
        let pid = pid.to_string_lossy();
        // -a: stamps of the capture, not of now.
        let words = [
            "softflowd",
            "-d",
            "-a",
            "-r",
            &capture,
            "-v",
            version,
            "-6",
            "-n",
            "127.0.0.1:9995",
            "-p",
            &pid,
            "-c",
            "none",
            "-t",
            "maxlife=60",
        ];
        let mut exporter = Running::start(&net.border(), "softflowd", &words, &work.join("softflowd.log"), false)?;
        exporter.ends(Duration::from_secs(60))?;
        std::thread::sleep(Duration::from_millis(300));
        collector.stop("TERM", Duration::from_secs(10))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemons::frames::{ACK, Packet, RST, SYN};
    use crate::daemons::track::track;

    /// Calls of the host from outside that end in each way, and one of its own.
    fn conns() -> Vec<Conn> {
        let packet = |at: u64, port: u16, turned: bool, flags, payload| {
            let (outside, inside) =
                (SocketAddr::from(([198, 18, 0, 1], port)), SocketAddr::from(([172, 28, 220, 9], 80)));
            let (src, dst) = if turned { (inside, outside) } else { (outside, inside) };
            let at = 1_795_906_367_000_000 + at;
            Packet {
                at,
                proto: Proto::Tcp,
                src,
                dst,
                seq: u32::from(payload > 0),
                flags,
                payload,
                length: payload + 40,
            }
        };
        track(&[
            packet(0, 1001, false, SYN, 0),
            packet(100, 1002, false, SYN, 0),
            packet(150, 1002, true, RST | ACK, 0),
            packet(200, 1003, false, SYN, 0),
            packet(250, 1003, true, SYN | ACK, 0),
            packet(300, 1003, false, ACK, 7),
            packet(400, 1003, false, ACK, 7),
            packet(500_000, 1003, true, RST, 0),
        ])
    }

    #[test]
    fn a_firewall_would_say_how_each_ended_and_count_what_was_sent_again() {
        let to = std::env::temp_dir().join(format!("catspaw-lab-export-{}", std::process::id()));
        fs::create_dir_all(&to).unwrap();
        syslog(&conns(), &to).unwrap();
        let read = |name: &str| fs::read_to_string(to.join(name)).unwrap();
        let (asa, cut, pix) = (read("asa.log"), read("asa-cut.log"), read("pix.log"));
        fs::remove_dir_all(&to).unwrap();
        let ends: Vec<&str> =
            asa.lines().filter_map(|line| line.split_once(" duration ")).map(|(_, end)| end).collect();
        assert_eq!(
            ends,
            ["0:00:00 bytes 0 TCP Reset-I", "0:00:00 bytes 14 TCP Reset-I", "0:00:30 bytes 0 SYN Timeout"]
        );
        assert_eq!((asa.lines().count(), cut.lines().count()), (6, 5));
        assert!(
            pix.lines().next().is_some_and(|line| line.ends_with("from inside:172.28.220.9 to outside:192.0.2.10"))
        );
    }

    #[test]
    fn an_asa_writes_of_ipv6_and_an_old_pix_does_not() {
        let to = std::env::temp_dir().join(format!("catspaw-lab-six-{}", std::process::id()));
        fs::create_dir_all(&to).unwrap();
        let end = |text: &str| text.parse::<SocketAddr>().unwrap();
        let syn = Packet {
            at: 1_795_906_367_000_000,
            proto: Proto::Tcp,
            src: end("[fd1c:28:dc::7]:40000"),
            dst: end("[2001:db8::5]:25"),
            seq: 0,
            flags: SYN,
            payload: 0,
            length: 60,
        };
        syslog(&track(&[syn]), &to).unwrap();
        let read = |name: &str| fs::read_to_string(to.join(name)).unwrap();
        let (asa, pix) = (read("asa.log"), read("pix.log"));
        fs::remove_dir_all(&to).unwrap();
        let built = "302013: Built outbound TCP connection 1 for outside:2001:db8::5/25 (2001:db8::5/25) to \
                     inside:fd1c:28:dc::7/40000 (fd1c:28:dc::7/40000)";
        assert!(asa.lines().next().is_some_and(|line| line.ends_with(built)), "{asa}");
        assert_eq!((asa.lines().count(), pix.as_str()), (2, ""));
    }

    #[test]
    fn zeek_would_say_the_same() {
        let to = std::env::temp_dir().join(format!("catspaw-lab-conn-{}", std::process::id()));
        fs::create_dir_all(&to).unwrap();
        conn_log(&conns(), &to).unwrap();
        let log = fs::read_to_string(to.join("conn.log")).unwrap();
        fs::remove_dir_all(&to).unwrap();
        let fields = |line: &str| {
            let fields: Vec<&str> = line.split('\t').collect();
            [3, 8, 9, 11, 15].map(|field| fields[field].to_owned())
        };
        let lines: Vec<_> = log.lines().filter(|line| !line.starts_with('#')).map(fields).collect();
        assert_eq!(lines[0], ["1001", "-", "0", "S0", "S"]);
        assert_eq!(lines[1], ["1002", "0.000050", "0", "REJ", "Sr"]);
        assert_eq!(lines[2], ["1003", "0.499800", "7", "RSTR", "ShDr"]);
    }
}
