//! Lines as the vendors' manuals have them, and what they say.

mod blocks;
mod fortigate;
mod junos;
mod linux;
mod panos;
mod pf;

use jiff::tz::TimeZone;

use super::*;
use crate::{ByteCount, Endpoint, Inside, Nanos, Place, RecordId, Translation, TranslationKind, Whole, YearHint};

#[derive(Default)]
struct Said(Vec<String>);

impl LineSink for Said {
    fn record(&mut self, record: &Record, sensor: &[u8]) {
        assert_eq!(record.known.sensor, SensorId::of(sensor));
        self.0.push(format!("{} {} {}", String::from_utf8_lossy(sensor), moment(record.known), event(&record.event)));
    }

    fn skipped(&mut self, sensor: &[u8]) {
        self.0.push(format!("{} skipped", String::from_utf8_lossy(sensor)));
    }

    fn unparsed(&mut self, unparsed: Unparsed) {
        self.0.push(unparsed.why.to_owned());
    }
}

fn clock() -> Clock {
    Clock::new(TimeZone::UTC, YearHint::First(2024))
}

/// What a line says, in words. It is told for what it is by its content.
fn told(line: &str) -> String {
    let Some(reader) = Reader::sniff(line.as_bytes(), &clock()) else { return "no evidence".to_owned() };
    told_by(reader, line)
}

/// The number that a tuple makes is told as `#id`.
fn told_without_id(line: &str) -> String {
    let told = told(line);
    let Some((before, rest)) = told.split_once('#') else { return told };
    let (id, rest) = rest.split_once(' ').unwrap();
    assert!(id.parse::<u64>().is_ok());
    format!("{before}#id {rest}")
}

fn told_by(mut reader: Reader, line: &str) -> String {
    let mut said = Said::default();
    reader.read(Block::new(line.as_bytes(), Place { file: 0, line: 1 }), HashSeed(0), &mut said);
    said.0.join("\n")
}

/// A moment and how well it is known: `2024-03-04T16:05:00Z~1s`.
fn moment(stamp: Stamp) -> String {
    let at = jiff::Timestamp::from_nanosecond(i128::from(stamp.at.0)).unwrap();
    let width = match i64::from(stamp.resolution) {
        1 => "ns".to_owned(),
        1_000 => "us".to_owned(),
        1_000_000 => "ms".to_owned(),
        width if width % Nanos::SECOND == 0 => format!("{}s", width / Nanos::SECOND),
        width => format!("{width}ns"),
    };
    format!("{at}~{width}")
}

fn event(event: &Event) -> String {
    match event {
        Event::Opened(opened) => {
            let ends = ends((opened.orig, opened.mapped_orig), (opened.resp, opened.mapped_resp), opened.inside);
            format!("opened {} {} {ends} at {}", id(opened.id), opened.proto, moment(opened.start))
        }
        Event::Whole(whole) => of_whole(whole),
        Event::Denied(denied) => {
            let what = if denied.attempt { "denied" } else { "stray" };
            format!("{what} {} {} > {}", denied.proto, denied.orig, denied.resp)
        }
        Event::Translation(translation) => of_translation(translation),
        other => format!("{other:?}"),
    }
}

fn of_translation(translation: &Translation) -> String {
    let Translation { kind, real, mapped, torn_down } = translation;
    let kind = match kind {
        TranslationKind::Block { proto: None, last } => format!("block to {last}"),
        TranslationKind::Block { proto: Some(proto), last } => format!("{proto} block to {last}"),
        TranslationKind::Port(proto) => proto.to_string(),
        other => format!("{other:?}"),
    };
    let life = match torn_down {
        None => "built".to_owned(),
        Some(None) => "torn down".to_owned(),
        Some(Some(life)) => format!("torn down after {}s", life / Nanos::SECOND),
    };
    format!("{kind} {real} = {mapped} {life}")
}

fn of_whole(whole: &Whole) -> String {
    let [mapped_orig, mapped_resp] = whole.mapped();
    let ends = ends((whole.orig, mapped_orig), (whole.resp, mapped_resp), whole.inside);
    let life = whole.duration.map_or("?".to_owned(), |nanos| format!("{}s", nanos / Nanos::SECOND));
    let bytes = whole.bytes.map_or("?".to_owned(), |bytes| match bytes.count {
        ByteCount::Directed { orig, resp } => format!("{:?} {orig}+{resp}", bytes.kind),
        ByteCount::Total(total) => format!("{:?} {total}", bytes.kind),
    });
    let answered = whole.answered.map_or(String::new(), |answered| format!(" answered {answered}"));
    let service = whole.service.map_or(String::new(), |service| format!(" {}", service.as_str()));
    format!(
        "whole {} {} {ends} from {} for {life}, {bytes}, {:?}{answered}{service}",
        id(whole.id),
        whole.proto,
        moment(whole.start),
        whole.ending
    )
}

fn id(id: RecordId) -> String {
    match id {
        RecordId::Device(number) => format!("#{number}"),
        RecordId::Uid(uid) => uid.as_str().to_owned(),
    }
}

/// `real=mapped(in)` of both ends.
fn ends(orig: (Endpoint, Option<Endpoint>), resp: (Endpoint, Option<Endpoint>), inside: Inside) -> String {
    let one = |(real, mapped): (Endpoint, Option<Endpoint>), inside: Option<bool>| {
        let mapped = mapped.map_or(String::new(), |mapped| format!("={mapped}"));
        let inside = inside.map_or("", |inside| if inside { "(in)" } else { "(out)" });
        format!("{real}{mapped}{inside}")
    };
    format!("{} > {}", one(orig, inside.orig), one(resp, inside.resp))
}

#[test]
fn what_is_no_log_of_these_is_no_evidence() {
    for text in [
        "",
        "Mar  4 16:05:00 host sshd[7]: Accepted password for jane",
        "a,b,c,TRAFFIC,end",
        "{\"logid\":\"0000000013\",\"msg\":\"date=2024-03-04 time=16:05:00 logid=0000000013 type=traffic vd=root\"}",
        "CEF:0|Some Vendor|Firewall|1|1|TRAFFIC|1|src=192.0.2.1 dst=192.0.2.2",
    ] {
        assert_eq!(told(text), "no evidence", "{text}");
    }
}

#[test]
fn a_second_copy_by_another_collector_has_the_same_fingerprint() {
    struct Prints(Vec<u64>);
    impl LineSink for Prints {
        fn record(&mut self, record: &Record, _: &[u8]) {
            self.0.push(record.fingerprint);
        }
        fn skipped(&mut self, _: &[u8]) {}
        fn unparsed(&mut self, unparsed: Unparsed) {
            panic!("{unparsed:?}");
        }
    }
    for (first, second) in [
        (panos::END.to_owned(), panos::END.replacen("2024/03/04 16:05:40", "2024/03/04 16:05:59", 1)),
        (panos::END.to_owned(), format!("<14>Mar  4 16:05:41 pa-1 {}", panos::END)),
        (fortigate::CLOSE.to_owned(), format!("<189>Mar  4 16:05:41 192.0.2.77 {} ", fortigate::CLOSE)),
        (junos::CLOSE.to_owned(), format!("Mar  4 16:05:41 relay {}", junos::CLOSE)),
    ] {
        let mut prints = Prints(Vec::new());
        for line in [&first, &second, &first.replace("198.51.100.7", "198.51.100.8")] {
            let mut reader = Reader::sniff(line.as_bytes(), &clock()).unwrap();
            reader.read(Block::new(line.as_bytes(), Place { file: 0, line: 1 }), HashSeed(1), &mut prints);
        }
        let [a, b, other] = prints.0[..] else { panic!("{:?}", prints.0) };
        assert_eq!(a, b, "{second}");
        assert_ne!(a, other);
    }
}

/// Where a block is moved over instead of read, what follows is read alike: stamps without a year follow one another.
#[test]
fn the_year_follows_over_blocks_that_another_thread_reads() {
    let junos = |stamp: &str| format!("{stamp} srx-1 {}\n", junos::SENTENCE);
    let linux = |stamp: &str| format!("{stamp} gw kernel: {}\n", linux::PACKET);
    for line in [&junos as &dyn Fn(&str) -> String, &linux] {
        let before = [line("Dec 31 23:59:58"), "Dec 31 23:59:59 gw cron[7]: (root) CMD (true)\n".to_owned()].concat();
        for block in [before.clone(), line("Jan  1 00:00:01"), format!("{before}{}", line("2030-05-06T07:08:09Z"))] {
            let mut reader = Reader::sniff(line("Dec 31 23:00:00").as_bytes(), &clock()).unwrap();
            reader.advance(Block::new(line("Dec 31 23:00:00").as_bytes(), Place { file: 0, line: 1 }));
            let mut ahead = reader.clone();
            ahead.advance(Block::new(block.as_bytes(), Place { file: 0, line: 1 }));
            told_by(reader.clone(), &block);
            let mut said = Said::default();
            reader.read(Block::new(block.as_bytes(), Place { file: 0, line: 1 }), HashSeed(0), &mut said);
            let next = line("Jan  2 00:00:00");
            let year = told_by(reader, &next).split(' ').nth(1).map(|at| at[..4].to_owned());
            let skipped_over = told_by(ahead, &next).split(' ').nth(1).map(|at| at[..4].to_owned());
            assert_eq!(skipped_over, year, "{block}");
            let expected = if block.contains("2030") { "2030" } else { "2025" };
            assert_eq!(year.as_deref(), Some(expected), "{block}");
        }
    }
}

#[test]
fn lines_of_other_programs_are_passed_over_and_what_is_left_of_a_line_is_not() {
    for (dialect, line) in [
        (Dialect::PanOs, panos::END),
        (Dialect::FortiGate, fortigate::CLOSE),
        (Dialect::Junos, junos::CLOSE),
        (Dialect::Pf, &format!("Mar  4 16:05:38 gw filterlog[7]: {}", pf::BLOCK)),
        (Dialect::Netfilter, &format!("Mar  4 16:05:38 gw kernel: {}", linux::PACKET)),
    ] {
        let cut = &line[line.len() / 2..];
        let text = format!("{line}\nMar  4 16:05:39 gw sshd[7]: Accepted\n{cut}\n");
        let said = told_by(dialect.reader(clock()), &text);
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!((lines.len(), lines[1]), (3, "other programs skipped"), "{said}");
        assert!(!lines[2].contains("skipped"), "{said}");
    }
}

#[test]
fn nothing_of_a_line_is_left_in_the_next() {
    let conntrack = "[1711468800.123456]\t [NEW] tcp 6 120 SYN_SENT src=10.0.0.2 dst=192.0.2.1 sport=1025 dport=25 [UNREPLIED] \
                     src=192.0.2.1 dst=203.0.113.9 sport=25 dport=1025";
    let plain = "[1711468801.123456]\t [DESTROY] udp 17 src=10.0.0.2 dst=192.0.2.1 sport=1025 dport=53 src=192.0.2.1 dst=10.0.0.2 sport=53 \
                 dport=1025";
    let broken = "[1711468802.123456]\t [NEW] tcp 6 120 SYN_SENT src=10.0.0.2 dst=192.0.2.1 sport=1025";
    let lines = [conntrack, plain, broken];
    for one in lines {
        for two in lines {
            let all =
                told_by(Reader::sniff(conntrack.as_bytes(), &clock()).unwrap(), &format!("{one}\n{two}\n{one}\n"));
            let each =
                [one, two, one].map(|line| told_by(Reader::sniff(conntrack.as_bytes(), &clock()).unwrap(), line));
            assert_eq!(all, each.join("\n"));
        }
    }
}
