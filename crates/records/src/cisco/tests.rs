//! The reader as a whole: lines in, records out.

use jiff::civil::date;
use jiff::tz::TimeZone;

use super::*;
use crate::{Nanos, YearHint};

/// What came out of the lines.
#[derive(Default)]
struct Seen {
    records: Vec<(Record, String)>,
    skipped: Vec<String>,
    unparsed: Vec<Unparsed>,
}

impl LineSink for Seen {
    fn record(&mut self, record: &Record, sensor: &[u8]) {
        self.records.push((*record, String::from_utf8_lossy(sensor).into_owned()));
    }

    fn skipped(&mut self, sensor: &[u8]) {
        self.skipped.push(String::from_utf8_lossy(sensor).into_owned());
    }

    fn unparsed(&mut self, unparsed: Unparsed) {
        self.unparsed.push(unparsed);
    }
}

/// What a function that parses one message's text puts into the event, or why it does not.
pub(super) fn parse(text: impl FnOnce(&mut Event) -> Result<(), Why>) -> Result<Event, Why> {
    let mut event = NOTHING;
    text(&mut event).map(|()| event)
}

const SEED: HashSeed = HashSeed(7);

fn reader() -> Reader {
    Reader::new(Clock::new(TimeZone::UTC, YearHint::First(2003)))
}

fn block(bytes: &[u8]) -> Block<'_> {
    Block::new(bytes, Place { file: 0, line: 1 })
}

fn read_with(reader: &mut Reader, bytes: &[u8]) -> Seen {
    let mut seen = Seen::default();
    reader.read(block(bytes), SEED, &mut seen);
    seen
}

fn read(text: &str) -> Seen {
    read_with(&mut reader(), text.as_bytes())
}

const TEARDOWN: &str = "%PIX-6-302014: Teardown TCP connection 7 for outside:192.0.2.1/80 to inside:10.0.0.2/1266 duration 0:00:00 bytes 2676 TCP FINs";

#[test]
fn a_connection_starts_when_the_line_says_that_it_was_built() {
    let seen = read(
        "Mar  1 10:00:00 pix %PIX-6-302013: Built inbound TCP connection 7 for outside:192.0.2.1/8 (192.0.2.1/8) to inside:10.0.0.2/25 (10.0.0.2/25)\n",
    );
    let record = &seen.records[0].0;
    assert!(matches!(record.event, Event::Opened(opened) if opened.start == record.known), "{record:?}");
}

#[test]
fn each_line_is_a_record_or_skipped_or_unparsed() {
    let seen = read(&format!(
        "Feb 27 00:00:03 pix {TEARDOWN}\r\n\
         \n\
         Feb 27 00:00:03 pix %PIX-6-609001: Built local-host inside:10.0.0.2\n\
         Feb 27 00:00:04 collector sshd[77]: session opened\n\
         what is this\n\
         Feb 27 00:00:05 pix %PIX-6-302013: Built\n\
         {TEARDOWN}\n\
         Feb 30 00:00:05 pix {TEARDOWN}"
    ));
    assert_eq!(seen.records.len(), 1);
    let (record, sensor) = &seen.records[0];
    assert_eq!((sensor.as_str(), record.known.sensor), ("pix", SensorId::of(b"pix")));
    assert_eq!(record.known.at, Nanos::from_secs(1_046_304_003));
    assert_eq!(record.known.resolution, 1_000_000_000);
    assert_eq!(seen.skipped, ["pix", "other programs"]);
    let unparsed: Vec<_> = seen.unparsed.iter().map(|u| (u.place.line, u.kind, u.why)).collect();
    assert_eq!(
        unparsed,
        [
            (5, "line", "no message of a device that is known"),
            (6, "302013", "not a built connection"),
            (7, "302014", "no stamp"),
            (8, "302014", "a stamp that is no date"),
        ]
    );
}

#[test]
fn one_record_through_two_collectors_has_one_fingerprint() {
    let own = format!("Mar 29 2004 09:54:18 pix : {TEARDOWN}");
    let seen = read(&format!(
        "<166>{own}\nMar 29 09:54:18 192.0.2.1 {own}\nMar 29 09:54:19 other <166>{own} \nMar 29 2004 09:54:19 pix : {TEARDOWN}"
    ));
    let prints: Vec<_> = seen.records.iter().map(|(record, _)| record.fingerprint).collect();
    assert_eq!(prints.len(), 4);
    assert!(prints[..3].iter().all(|print| *print == prints[0]));
    assert_ne!(prints[3], prints[0]);
    assert!(seen.records.iter().all(|(_, sensor)| sensor == "pix"));
}

#[test]
fn the_devices_own_stamp_counts() {
    let seen = read(&format!("Mar 29 09:54:20 192.0.2.1 Mar 29 2004 09:54:18: {TEARDOWN}"));
    assert_eq!(seen.records[0].0.known.at, Nanos::from_secs(1_080_554_058));
    assert_eq!(seen.records[0].1, "192.0.2.1");
    let seen = read(&format!("<166>1 2003-03-04T16:05:00.123Z asa1 - - - - {TEARDOWN}"));
    assert_eq!(seen.records[0].0.known.at, Nanos(1_046_793_900_123_000_000));
    assert_eq!(seen.records[0].0.known.resolution, 1_000_000);
}

/// Lines of one every `days` days from 1 March of the clock's first year, without a year.
fn sparse_log(days: i64, lines: usize) -> String {
    let mut day = date(2003, 3, 1);
    let mut log = String::new();
    for _ in 0..lines {
        log.push_str(&format!("{} 00:00:03 pix {TEARDOWN}\nnoise of another kind\n", day.strftime("%b %e")));
        day = day.saturating_add(jiff::Span::new().days(days));
    }
    log
}

#[test]
fn a_block_that_was_passed_over_leaves_what_reading_it_leaves() {
    for (days, lines) in [(0, 50), (1, 400), (1, 3000), (7, 300), (25, 40)] {
        let log = sparse_log(days, lines);
        let whole = read(&log);
        for parts in [2, 3, 7] {
            let (mut reading, mut passing) = (reader(), reader());
            let (mut read_on, mut passed) = (Vec::new(), Vec::new());
            for part in split_at_lines(&log, parts) {
                read_on.extend(read_with(&mut passing.clone(), part.as_bytes()).records);
                passed.extend(read_with(&mut reading, part.as_bytes()).records);
                passing.advance(block(part.as_bytes()));
            }
            let moments = |records: &[(Record, String)]| records.iter().map(|r| r.0.known.at).collect::<Vec<_>>();
            assert_eq!(moments(&read_on), moments(&passed), "{days} days, {parts} parts");
            assert_eq!(moments(&passed), moments(&whole.records), "{days} days, {parts} parts");
        }
    }
}

/// Stamps of all kinds in no order at all, some of them of dates that only some years have.
#[test]
fn not_even_disorder_makes_reading_and_passing_over_differ() {
    let stamps = [
        "Mar  1 00:00:00 pix ",
        "Feb 29 00:00:00 pix ",
        "Feb 28 2004 00:00:00 pix : ",
        "Dec 31 23:59:59 pix ",
        "Jun 30 2010 00:00:00: ",
        "2003-09-01T00:00:00Z pix ",
        "Feb 30 2003 00:00:00 pix ",
        "Jan  1 25:00:00 pix ",
        // No tag, and another behind a stamp of its own.
        "Mar  1 00:00:00 pix %PIX-6-30201: Dec 31 23:59:59 pix ",
        "",
    ];
    let mut dice = Dice(99);
    for _ in 0..300 {
        let line = |dice: &mut Dice| format!("{}{TEARDOWN}\n", stamps[dice.below(stamps.len())]);
        let lines: Vec<_> = (0..12).map(|_| line(&mut dice)).collect();
        let whole = read(&lines.concat());
        let (first, second) = lines.split_at(dice.below(12));
        let mut ahead = reader();
        ahead.advance(block(first.concat().as_bytes()));
        let mut apart = read(&first.concat()).records;
        apart.extend(read_with(&mut ahead, second.concat().as_bytes()).records);
        let moments = |records: &[(Record, String)]| records.iter().map(|r| r.0.known.at).collect::<Vec<_>>();
        assert_eq!(moments(&apart), moments(&whole.records), "{lines:#?}");
    }
}

const DENIED: &str =
    "%PIX-4-106023: Deny tcp src outside:192.0.2.1/4000 dst inside:10.0.0.2/445 by access-group \"acl_out\" [0x0, 0x0]";
const BUILT: &str = "%ASA-6-302013: Built inbound TCP connection 7 for outside:192.0.2.1/80 (192.0.2.1/80) to inside:10.0.0.2/1266 (10.0.0.2/1266)";

/// Every header that devices and collectors write, with the sensor that it names and its moment: a second, or less.
#[test]
fn every_header_is_read() {
    const AT: i64 = 1_046_793_900;
    let headers = [
        ("Mar  4 16:05:00 fw ", "fw"),
        ("Mar 04 16:05:00 fw: ", "fw"),
        ("Mar 4 16:05:00 fw : ", "fw"),
        ("Mar 04 2003 16:05:00 fw : ", "fw"),
        ("<166>Mar 04 2003 16:05:00 fw : ", "fw"),
        ("<166> Mar 04 2003 16:05:00 fw:", "fw"),
        ("<166>Mar 04 2003 16:05:00: ", "cisco"),
        ("<166>:Mar 04 16:05:00 UTC: ", "cisco"),
        ("<166>:Mar 04 16:05:00.000 UTC: ", "cisco"),
        ("Mar 04 2003 16:05:00 UTC fw : ", "fw"),
        ("Mar 04 2003 16:05:00 GMT: ", "cisco"),
        ("Mar  4 16:05:00.000 fw ", "fw"),
        ("*Mar  4 16:05:00.000: ", "cisco"),
        ("<166>1 2003-03-04T16:05:00Z fw - - - - ", "fw"),
        ("<166>1 2003-03-04T16:05:00.000000Z fw ASA 4321 ID47 [meta seq=\"7\"] ", "fw"),
        ("<166>1 2003-03-04T11:05:00.000-05:00 fw - - - - \u{feff}", "fw"),
        ("<166>2003-03-04T16:05:00Z fw : ", "fw"),
        ("<166>2003-03-04T16:05:00Z: ", "cisco"),
        ("<166>:2003-03-04T16:05:00Z: ", "cisco"),
        ("2003-03-04T16:05:00Z   ", "cisco"),
        ("2003-03-04T16:05:00Z fw  ", "fw"),
        ("2003-03-04T16:05:00+00:00 fw ", "fw"),
        ("2003-03-04 16:05:00\tLocal4.Info\t192.0.2.1\tMar 04 2003 16:05:00: ", "192.0.2.1"),
        ("Mar  4 17:05:11 relay Mar 04 2003 16:05:00 fw : ", "fw"),
        ("Mar  4 17:05:11 192.0.2.1 Mar 04 2003 16:05:00: ", "192.0.2.1"),
        ("Mar  4 17:05:11 192.0.2.1 :Mar 04 16:05:00 UTC: ", "192.0.2.1"),
        ("Mar  4 17:05:11 192.0.2.1 <166>Mar 04 2003 16:05:00 fw : ", "fw"),
        ("<13>Mar  4 17:05:11 relay <166>1 2003-03-04T16:05:00Z fw - - - - ", "fw"),
        ("2003-03-04T17:05:11.123456+00:00 192.0.2.1 : Mar 04 16:05:00 UTC: ", "192.0.2.1"),
        ("Tue Mar  4 16:05:00 2003 fw ", "fw"),
        ("Tue Mar  4 17:05:11 CET 2003 192.0.2.1 Tue Mar  4 04:05:00 PM UTC 2003: ", "192.0.2.1"),
        ("18-Feb-11 11:19:34 Feb 18 11:20:21 192.0.2.1 :Mar 04 2003 16:05:00 UTC: ", "192.0.2.1"),
    ];
    let (_, text) = TEARDOWN.split_once(": ").expect("a tag");
    for (header, sensor) in headers {
        for tag in
            ["%PIX-6-302014: ", "%FTD--6-302014: ", "%ASA-session-6-302014:", "%ASA-0-302014 ", "%FTD-7-302014 : "]
        {
            let line = format!("{header}{tag}{text}");
            let seen = read(&line);
            assert_eq!(seen.unparsed, [], "{line}");
            let (record, named) = &seen.records[0];
            assert_eq!((named.as_str(), record.known.sensor), (sensor, SensorId::of(sensor.as_bytes())), "{line}");
            assert_eq!(record.known.at, Nanos::from_secs(AT), "{line}");
        }
    }
    // A zone whose letters mean several says nothing of the moment, and is no host.
    for zone in ["EDT", "CEST", "MSK"] {
        let line = format!("<166>Mar 04 2003 16:05:00 {zone}: {TEARDOWN}");
        let seen = read(&line);
        assert_eq!((seen.records[0].1.as_str(), seen.records[0].0.known.at), ("cisco", Nanos::from_secs(AT)), "{line}");
    }
}

/// How many denials each record of `seen` tells of; 0 for others.
#[test]
fn a_connection_of_an_ftd_says_itself_when_it_was() {
    let ends = "SrcIP: 192.0.2.1, DstIP: 10.0.0.2, SrcPort: 5, DstPort: 25, Protocol: tcp";
    let text = |message_id: u32, first: &str| {
        format!("%FTD-1-{message_id}: {first}ConnectionID: 5, {ends}, ConnectionDuration: 5, InitiatorPackets: 4\n")
    };
    let first = "FirstPacketSecond: 2003-03-04T16:05:00Z, ";
    let seen = read(&(text(430_002, first) + &text(430_003, first) + &text(430_003, "")));
    let known: Vec<_> = seen.records.iter().map(|(record, _)| (record.known.at, record.known.resolution)).collect();
    let (begun, ended) = (Nanos::from_secs(1_046_793_900), Nanos::from_secs(1_046_793_905));
    assert_eq!(known, [(begun, 1_000_000_000), (ended, 1_000_000_000)]);
    assert!(matches!(&seen.records[1].0.event, Event::Whole(whole) if whole.start.at == begun));
    assert_eq!(seen.unparsed.len(), 1, "the last has no moment at all");
}

fn counts(seen: &Seen) -> Vec<u64> {
    let count = |event| if let Event::Denied(denied) = event { denied.count } else { 0 };
    seen.records.iter().map(|(record, _)| count(record.event)).collect()
}

#[test]
fn a_message_that_is_repeated_in_brackets_counts_as_a_denial_so_often_and_as_anything_else_once() {
    let (tag, text) = DENIED.split_once(' ').expect("a tag");
    let hits = "access-list a denied tcp o/192.0.2.1(5) -> i/10.0.0.2(80) hit-cnt 4 300-second interval [0x0, 0x0]";
    let seen = read(&format!(
        "Mar  4 16:05:00 fw {DENIED}\n\
         Mar  4 16:05:07 fw message repeated 3 times: [ {DENIED}]\n\
         Mar  4 16:05:08 fw message repeated 3 times: [ {DENIED}]\n\
         Mar  4 16:05:09 fw {tag} message repeated 2 times: [ {text}]\n\
         Mar  4 16:05:10 fw %ASA-6-106100: message repeated 2 times: [ {hits}]\n\
         Mar  4 16:05:11 fw {TEARDOWN}\n\
         Mar  4 16:05:12 fw message repeated 2 times: [ {TEARDOWN}]\n\
         Mar  4 16:05:12 fw message repeated 5 times: [ {TEARDOWN}]\n\
         Mar  4 16:05:13 fw message repeated 2 times: [ {BUILT}]\n"
    ));
    assert_eq!(seen.unparsed, []);
    assert_eq!(counts(&seen), [1, 3, 3, 2, 8, 0, 0]);
    assert_eq!(seen.skipped, ["fw", "fw"], "the teardown that was read already");
    assert!(matches!(seen.records[5].0.event, Event::Closed(closed) if closed.ending == crate::Ending::Fins));
    assert!(matches!(seen.records[6].0.event, Event::Opened(_)), "what was not said before is read");
    assert!(seen.records.iter().all(|(_, sensor)| sensor == "fw"));
}

#[test]
fn the_stamp_within_a_repetition_is_the_devices() {
    let seen = read(&format!(
        "Mar 19 15:14:53 fw : message repeated 27 times: [Mar 19 15:14:50 UTC: {DENIED}]\n \
         message repeated 3 times: [Mar 19 15:14:51: {DENIED}]\n"
    ));
    assert_eq!((seen.unparsed.len(), counts(&seen)), (0, vec![27, 3]));
    let times: Vec<_> = seen.records.iter().map(|(record, _)| record.known.at.0 / Nanos::SECOND % 60).collect();
    assert_eq!(times, [50, 51]);
    assert_eq!(seen.records.iter().map(|(_, sensor)| sensor.as_str()).collect::<Vec<_>>(), ["fw", "cisco"]);
}

#[test]
fn a_value_of_a_table_ends_with_its_quote() {
    let denied = DENIED.replace('"', "\"\"");
    let seen = read(&format!(
        "\"Mar  4 16:05:00 pix : {TEARDOWN}\",\"2003-03-04T16:05:00Z\",\"10.1.1.1\"\n\
         \"2003-03-04T16:05:00Z\",\"10.1.1.1\",\"<166>Mar  4 16:05:01 pix : {denied}\",\"x\"\n\
         \"Mar  4 16:05:02 pix : {TEARDOWN}\"\n\
         /var/log/pix.log-20030304:Mar  4 16:05:03 pix : {TEARDOWN}\n"
    ));
    assert_eq!(seen.unparsed, []);
    assert_eq!(counts(&seen), [0, 1, 0, 0]);
    assert!(seen.records.iter().all(|(_, sensor)| sensor == "pix"));
    let fins = |event: &Event| matches!(event, Event::Closed(closed) if closed.ending == crate::Ending::Fins);
    assert_eq!(seen.records.iter().filter(|(record, _)| fins(&record.event)).count(), 3);
}

#[test]
fn a_line_that_says_that_the_last_came_again_counts_a_denial_so_often() {
    let lines = [
        format!("Mar  4 16:05:00 fw {DENIED}\n"),
        "Mar  4 16:05:30 fw last message repeated 3 times\n".to_owned(),
        "Mar  4 16:06:30 fw last message repeated 12 times\r\n".to_owned(),
        format!("Mar  4 16:06:31 fw {TEARDOWN}\n"),
        "Mar  4 16:06:32 fw last message repeated 2 times\n".to_owned(),
        "Mar  4 16:06:33 fw hello\n".to_owned(),
        "Mar  4 16:06:34 fw last message repeated 2 times\n".to_owned(),
        format!("Mar  4 16:06:35 other Mar 04 2003 17:06:35 pix : {DENIED}\n"),
        "\n".to_owned(),
        "Mar  4 16:06:36 other last message repeated 4 times\n".to_owned(),
    ];
    let whole = read(&lines.concat());
    assert_eq!(counts(&whole), [1, 3, 12, 0, 1, 4]);
    assert_eq!(whole.skipped, ["fw"]);
    let unparsed: Vec<_> = whole.unparsed.iter().map(|u| (u.place.line, u.why)).collect();
    assert_eq!(
        unparsed,
        [(6, "no message of a device that is known"), (7, "repeats a line that is no %PIX/%ASA message")]
    );
    let times: Vec<_> = whole.records.iter().map(|(record, _)| record.known.at.0 / Nanos::SECOND % 3600).collect();
    assert_eq!(times, [300, 330, 390, 391, 395, 396]);
    assert_eq!(whole.records[5].1, "pix", "whose message it was");
    let prints: std::collections::BTreeSet<_> = whole.records.iter().map(|(record, _)| record.fingerprint).collect();
    assert_eq!(prints.len(), 6);
    let unnamed =
        read(&format!("<166>Mar 04 2003 16:05:00: {DENIED}\nMar  4 16:05:30 fw last message repeated 3 times\n"));
    assert!(
        unnamed.records.iter().all(|(record, name)| name == "cisco" && record.known.sensor == SensorId::of(b"cisco"))
    );
    assert_eq!(counts(&unnamed), [1, 3]);
    // However the lines fall into blocks.
    for at in 1..lines.len() {
        let (first, second) = lines.split_at(at);
        let mut ahead = reader();
        ahead.advance(block(first.concat().as_bytes()));
        let mut counted = counts(&read(&first.concat()));
        counted.extend(counts(&read_with(&mut ahead, second.concat().as_bytes())));
        assert_eq!(counted, [1, 3, 12, 0, 1, 4], "{at}");
    }
}

#[test]
fn every_message_id_is_read_and_what_is_permitted_is_skipped() {
    let denied = [
        "106001: Inbound TCP connection denied from 192.0.2.1/5 to 10.0.0.2/25 flags SYN  on interface outside",
        "106006: Deny inbound UDP from 192.0.2.1/5 to 10.0.0.2/25 on interface outside",
        "106007: Deny inbound UDP from 192.0.2.1/53 to 10.0.0.2/25 due to DNS Response",
        "106010: Deny inbound tcp src outside:192.0.2.1/5 dst inside:10.0.0.2/25",
        "106014: Deny inbound icmp src outside:192.0.2.1 dst inside:10.0.0.2 (type 8, code 0)",
        "106015: Deny TCP (no connection) from 192.0.2.1/5 to 10.0.0.2/25 flags RST  on interface outside",
        "106021: Deny UDP reverse path check from 192.0.2.1 to 10.0.0.2 on interface outside",
        "106023: Deny tcp src outside:192.0.2.1/5 dst inside:10.0.0.2/smtp by access-group \"a\"",
        "106100: access-list a denied tcp o/192.0.2.1(5) -> i/10.0.0.2(25) hit-cnt 1 first hit [0x0, 0x0]",
        "106103: access-list a denied tcp for user u o/192.0.2.1(5) -> i/10.0.0.2(25) hit-cnt 1 first hit [0x0, 0x0]",
        "430002: AccessControlRuleAction: Block, SrcIP: 192.0.2.1, DstIP: 10.0.0.2, SrcPort: 5, DstPort: 25, Protocol: tcp",
        "710003: TCP access denied by ACL from 192.0.2.1/5 to outside:10.0.0.2/smtp",
        "710005: TCP request discarded from 192.0.2.1/5 to outside:10.0.0.2/25",
    ];
    for text in denied {
        for (device, severity) in [("ASA", 0), ("FWSM", 7), ("PIX", 4), ("FTD", 1)] {
            let seen = read(&format!("Mar  4 16:05:00 fw %{device}-{severity}-{text}\n"));
            assert_eq!((counts(&seen), seen.unparsed), (vec![1], vec![]), "{text}");
        }
    }
    let others = [
        BUILT,
        TEARDOWN,
        "%FTD-6-302017: Built inbound GRE connection 7 from o:192.0.2.1 (192.0.2.1) to i:10.0.0.2/5 (192.0.2.3/5)",
        "%FTD-6-302018: Teardown GRE connection 7 from o:192.0.2.1 (192.0.2.1) to i:10.0.0.2/5 (192.0.2.3/5) duration 0:00:01 bytes 7",
        "%ASA-6-302020: Built inbound ICMP connection for faddr 192.0.2.1/0 gaddr 10.0.0.2/0 laddr 10.0.0.2/0",
        "%ASA-6-302035: Built inbound SCTP connection 7 for o:192.0.2.1/5 (192.0.2.1/5) to i:10.0.0.2/5 (192.0.2.3/5)",
        "%ASA-6-302303: Built TCP state-bypass connection 7 from o:192.0.2.1/5 (192.0.2.1/5) to i:10.0.0.2/5 (192.0.2.3/5)",
        "%ASA-6-302304: Teardown TCP state-bypass connection 7 from o:192.0.2.1/5 to i:10.0.0.2/5 duration 0:00:01 bytes 7 Idle Timeout",
        "%ASA-6-302304: Teardown TCP  state-bypass connection 7 from o:192.0.2.1/5 to i:10.0.0.2/5 duration  0:00:01 bytes  7 Idle Timeout",
        "%FTD-6-430002: AccessControlRuleAction: Allow, SrcIP: 192.0.2.1, DstIP: 10.0.0.2, SrcPort: 5, DstPort: 25, Protocol: tcp",
        "%FTD-6-430003: AccessControlRuleAction: Allow, SrcIP: 192.0.2.1, DstIP: 10.0.0.2, SrcPort: 5, DstPort: 25, Protocol: tcp",
    ];
    for text in others {
        let seen = read(&format!("Mar  4 16:05:00 fw {text}\n"));
        assert_eq!((counts(&seen), seen.unparsed), (vec![0], vec![]), "{text}");
        let record = &seen.records[0].0;
        match record.event {
            Event::Opened(opened) => assert_eq!(opened.start, record.known, "{text}"),
            Event::Whole(whole) => assert_eq!(whole.start.at, record.known.at, "{text}"),
            _ => {}
        }
    }
    let skipped = [
        "106100: access-list a permitted tcp o/192.0.2.1(5) -> i/10.0.0.2(25) hit-cnt 1 first hit [0x0, 0x0]",
        "106102: access-list a permitted udp for user u o/192.0.2.1(5) -> i/10.0.0.2(25) hit-cnt 1 first hit [0x0, 0x0]",
        "302021: Teardown ICMP connection for faddr 192.0.2.1/0 gaddr 10.0.0.2/0 laddr 10.0.0.2/0",
        "710002: TCP access permitted from 192.0.2.1/5 to inside:10.0.0.2/ssh",
        "609001: Built local-host inside:10.0.0.2",
    ];
    for text in skipped {
        let seen = read(&format!("Mar  4 16:05:00 fw %ASA-6-{text}\n"));
        assert_eq!((seen.skipped, seen.records, seen.unparsed), (vec!["fw".to_owned()], vec![], vec![]), "{text}");
    }
}

fn split_at_lines(text: &str, parts: usize) -> Vec<&str> {
    let mut rest = text;
    let mut blocks = Vec::new();
    for _ in 1..parts {
        let end = rest[text.len() / parts - 100..].find('\n').map_or(rest.len(), |end| end + text.len() / parts - 99);
        let (block, after) = rest.split_at(end);
        blocks.push(block);
        rest = after;
    }
    blocks.push(rest);
    blocks
}

#[test]
fn a_block_without_stamps_changes_nothing() {
    let mut reader = reader();
    reader.advance(block(format!("Dec 31 23:59:59 pix {TEARDOWN}\n").as_bytes()));
    reader.advance(block(b""));
    reader.advance(block(b"noise\n\nmore noise"));
    let seen = read_with(&mut reader, format!("Jan  1 00:00:00 pix {TEARDOWN}\n").as_bytes());
    assert_eq!(seen.records[0].0.known.at, Nanos::from_secs(1_072_915_200));
}

#[test]
fn syslog_is_told_from_what_only_holds_it() {
    assert!(sniff(format!("Feb 27 00:00:03 pix {TEARDOWN}\n").as_bytes()));
    assert!(sniff(format!("[2003-03-04 16:05:00] {TEARDOWN}\n").as_bytes()));
    assert!(!sniff(format!("[\"Feb 27 00:00:03 pix {TEARDOWN}\"]").as_bytes()));
    assert!(sniff(format!("Feb 27 00:00:03 host sshd[1]: hello\n<166>:x {TEARDOWN}").as_bytes()));
    assert!(!sniff(b""));
    assert!(!sniff(b"100% of %PIX-x %ASA-\n%LINEPROTO-5-UPDOWN: x\n"));
    assert!(!sniff(format!("\x01\x00\x7f\x00E\x00 {TEARDOWN}").as_bytes()));
    assert!(!sniff(format!("{{\"_raw\": \"Feb 27 00:00:03 pix {TEARDOWN}\"}}").as_bytes()));
    assert!(!sniff(format!("{}{TEARDOWN}", "x\n".repeat(SNIFFED)).as_bytes()));
}

/// A small generator (xorshift), so that the same mutations are tried everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

#[test]
fn no_bytes_make_it_panic_and_no_line_is_lost() {
    let seeds = [
        format!("<166>Mar 29 2004 09:54:18.123 UTC pix : {TEARDOWN} from inside (jane)"),
        "Mar 29 09:54:18 192.0.2.1 Mar 29 2004 09:54:18: %PIX-6-302013: Built outbound TCP connection 135480316 for outside:198.51.100.7/25 (198.51.100.7/25) to inside:10.0.0.5/2007 (192.0.2.31/2007)".to_owned(),
        "<166>1 2003-03-04T16:05:00.123+01:00 asa1 - - - - %ASA-session-6-302015: Built inbound UDP connection 7 for outside:2001:db8::1/5353 (2001:db8::1/5353)(LOCAL\\jane) to inside:fe80::1%in/53 (192.0.2.2/53) (jane)".to_owned(),
        "Feb 27 00:00:25 pix %PIX-4-106023: Deny icmp src outside:198.51.100.1 dst inside:192.0.2.205 (type 8, code 0) by access-group \"acl_out\"".to_owned(),
        "Feb 27 00:00:25 pix %PIX-6-106015: Deny TCP (no connection) from 198.51.100.1/80 to 192.0.2.205/445 flags SYN  on interface outside".to_owned(),
        "Feb 27 00:00:25 pix message repeated 3 times: [ %ASA-4-106100: access-list a denied tcp o/192.0.2.1(5) -> i/2001:db8::1(www) hit-cnt 7 300-second interval [0x0, 0x0]]".to_owned(),
        "Feb 27 00:00:25 pix last message repeated 3 times".to_owned(),
        "2003-03-04T16:05:00Z ftd : %FTD--6-430003: InstanceID: 7, FirstPacketSecond: 2003-03-04T16:04:55Z, ConnectionID: 5, SrcIP: 192.0.2.1, DstIP: 10.0.0.2, SrcPort: 5, DstPort: 25, Protocol: tcp, ConnectionDuration: 5, InitiatorPackets: 4, ResponderPackets: 4, InitiatorBytes: 400, ResponderBytes: 500".to_owned(),
        "Feb 27 00:00:25 fw %FWSM-6-302014 Teardown TCP connection 145981111066826388 for lan:192.0.2.8/www to web:203.0.113.5/80 duration 124:05:06 bytes 5 TCP Reset-I".to_owned(),
        "Feb 27 00:00:25 fw %ASA-6-302020: Built outbound ICMP connection for faddr 192.0.2.1/0(LOCAL\\j (x)) gaddr 10.0.0.2/0 laddr 10.0.0.2/0 type 8 code 0".to_owned(),
        "Feb 27 00:00:25 fw %ASA-3-710003: TCP access denied by ACL from 192.0.2.1/5 to NP Identity Ifc:10.0.0.2/smtp".to_owned(),
        "Feb 27 00:00:25 pix %PIX-6-305012: Teardown dynamic ICMP translation from inside:10.0.0.2/512 to outside:192.0.2.2/7 duration 1d2h".to_owned(),
    ];
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let alphabet = b"0123456789:/.()[]<>%- \t\r\0\xff\xc3aAfFzZ";
    for _ in 0..60_000 {
        let mut line = seeds[dice.below(seeds.len())].clone().into_bytes();
        for _ in 0..=dice.below(4) {
            let at = dice.below(line.len());
            match dice.below(5) {
                0 => line.truncate(at),
                1 => drop(line.drain(..at)),
                2 if at < line.len() => line[at] = alphabet[dice.below(alphabet.len())],
                3 => line.insert(at, alphabet[dice.below(alphabet.len())]),
                _ => {
                    let other = seeds[dice.below(seeds.len())].as_bytes();
                    let from = dice.below(other.len());
                    line.truncate(at);
                    line.extend_from_slice(&other[from..]);
                }
            }
        }
        let _ = sniff(&line);
        let seen = read_with(&mut reader(), &line);
        let lines = block(&line).lines().count();
        assert_eq!(seen.records.len() + seen.skipped.len() + seen.unparsed.len(), lines, "{}", line.escape_ascii());
    }
}

/// The same lines, each read as if the header before it were not known.
fn read_each(text: &str) -> Seen {
    let (mut seen, mut reader) = (Seen::default(), reader());
    for (place, line) in block(text.as_bytes()).lines() {
        let mut fresh = self::reader();
        fresh.go_on_from(&reader);
        fresh.read(Block::new(line, place), SEED, &mut seen);
        reader = fresh;
    }
    seen
}

#[test]
fn a_header_that_is_remembered_means_what_it_says() {
    // Names that make headers of every length about the longest that is remembered.
    for len in 1..50 {
        let name = "n".repeat(len);
        for first in [
            format!("Mar  4 2003 16:05:01 {name} : {TEARDOWN}"),
            format!("Mar  4 2003 16:05:01.2 {name} : {TEARDOWN}"),
            format!("2003-03-04 16:05:01,250 {name} : {TEARDOWN}"),
            format!("<1>1 2003-03-04T16:05:01.250001+01:00 {name} - {TEARDOWN}"),
        ] {
            for at in 0..first.find("302014").unwrap() {
                for byte in ['x', '7', ' ', '%', ',', '.'] {
                    let mut second = first.clone();
                    second.replace_range(at..=at, &byte.to_string());
                    let text = format!("{first}\n{second}\n");
                    let (together, each) = (read(&text), read_each(&text));
                    assert_eq!(together.records, each.records, "{text}");
                    assert_eq!((together.skipped, together.unparsed), (each.skipped, each.unparsed), "{text}");
                }
            }
        }
    }
    // Lines that are shorter than that.
    for len in 0..80 {
        let line = format!("Mar  4 2003 16:05:02 pix : {TEARDOWN}");
        let text = format!("Mar  4 2003 16:05:01 pix : {TEARDOWN}\n{}\n", &line[..len]);
        assert_eq!(read(&text).unparsed, read_each(&text).unparsed, "{text}");
    }
}

#[test]
fn nothing_of_a_line_is_left_in_the_next() {
    let lines = [
        "%PIX-6-302013: Built inbound TCP connection 7 for outside:192.0.2.1/8 (192.0.2.1/8) to inside:10.0.0.2/25 (192.0.2.9/25)",
        "%PIX-6-302015: Built outbound UDP connection 8 for outside:192.0.2.1/53 to inside:10.0.0.2/1025",
        "%PIX-6-302013: Built inbound TCP connection 7 for outside:192.0.2.1/8 (192.0.2.1/8) to inside:10.0.0.2",
        TEARDOWN,
        "%PIX-6-302014: Teardown TCP connection 7 for outside:192.0.2.1/80 to inside:10.0.0.2/1266 duration 0:00:01",
        "%PIX-4-106023: Deny udp src outside:192.0.2.1/57150 dst inside:10.0.0.2/1434 by access-group \"acl_out\"",
        "%PIX-6-106015: Deny TCP (no connection) from 192.0.2.1/80 to 10.0.0.2/3640 flags FIN ACK  on interface outside",
        "%PIX-6-305011: Built dynamic TCP translation from inside:10.0.0.2/2134 to outside:203.0.113.252/6924",
        "%PIX-6-305012: Teardown dynamic TCP translation from inside:10.0.0.2/2134 to outside:203.0.113.252/6924 duration 0:00:42",
    ];
    for one in lines {
        for two in lines {
            let text: String = [one, two, one].map(|line| format!("Mar  4 2003 16:05:01 pix : {line}\n")).concat();
            let (together, each) = (read(&text), read_each(&text));
            assert_eq!(together.records, each.records, "{text}");
            assert_eq!(together.unparsed, each.unparsed, "{text}");
        }
    }
}
