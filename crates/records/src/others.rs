//! Lines of other devices in one file, as a collector writes who has all of a network's syslog: where the reader of the file does
//! not know a line, it is read by what it is itself.
//!
//! Nothing is kept of such a line. A stamp without a year is of the year that the file's own lines have come to (of columns that
//! somebody has named, of that before any line), and in the hour that autumn repeats of the pass that they are in: so it does not
//! matter where a block ends.

use memchr::memmem;

use crate::cisco::Names;
use crate::firewall::Dialect;
use crate::syslog::timekeeper::Timekeeper;
use crate::{HashSeed, LineSink, Place, Record, cisco, zeek};

/// Gives a line to `sink` if some reader knows it. `time` is the file's own, `names` are the owner's.
#[cold]
#[inline(never)]
pub(crate) fn read(
    place: Place,
    line: &[u8],
    time: &Timekeeper,
    names: &Names,
    seed: HashSeed,
    sink: &mut impl LineSink,
) -> bool {
    if is_json(line) {
        if zeek::read_other(place, line, seed, sink) {
            return true;
        }
    } else if cisco::has_message(line) {
        cisco::read_other(place, line, &mut time.clone(), names, seed, sink);
        return true;
    }
    // What no dialect owns after all goes to none of them again.
    let mut record = Record::at(place);
    Dialect::of(line).is_some_and(|dialect| dialect.read_own(line, &mut time.clone(), seed, &mut record, sink).is_ok())
}

/// Whether an object of JSON stands in a line: its strings may hold the lines of any device.
pub(crate) fn is_json(line: &[u8]) -> bool {
    memmem::find(line, b"{\"").is_some()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::tz::TimeZone;

    use crate::cisco::Names;
    use crate::{Block, Clock, HashSeed, LineSink, Place, Reader, Record, Sniffed, Unparsed, YearHint, sniff};

    const CISCO: &str = "Mar  4 16:05:00 pix %PIX-6-302013: Built outbound TCP connection 7 for outside:198.51.100.7/25 \
        (198.51.100.7/25) to inside:10.0.0.5/2000 (192.0.2.10/1026)\n";
    const FORTIGATE: &str = "Mar  4 16:05:01 fgt date=2003-03-04 time=16:05:01 devname=\"fgt\" devid=\"FG1\" logid=\"0000000013\" \
        type=\"traffic\" vd=\"root\" srcip=10.0.0.6 srcport=2007 dstip=198.51.100.7 dstport=25 sessionid=1 proto=6 action=\"close\" \
        duration=22 sentbyte=2764 rcvdbyte=1068 sentpkt=18 rcvdpkt=16\n";
    const NETFILTER: &str = "Mar  4 16:05:02 gw kernel: [12.3] DROP IN=eth0 OUT= SRC=203.0.113.9 DST=192.0.2.1 LEN=60 PROTO=TCP \
        SPT=4711 DPT=1182 WINDOW=1 SYN URGP=0\n";
    const ZEEK: &str = "Mar  4 16:05:03 sensor zeek_conn: {\"ts\":1046793903.5,\"id.orig_h\":\"10.0.0.7\",\"id.orig_p\":1,\
        \"id.resp_h\":\"198.51.100.7\",\"id.resp_p\":25,\"proto\":\"tcp\",\"conn_state\":\"SF\",\"duration\":1.5}\n";
    const PROGRAM: &str = "Mar  4 16:05:04 web1 sshd[77]: Accepted publickey for jane\n";
    /// Within a string it is nobody's message.
    const QUOTED: &str =
        "Mar  4 16:05:05 sensor zeek_syslog: {\"ts\":1.0,\"message\":\"%ASA-6-302013: Built outbound\"}\n";
    const NOTHING: &str = "what is this\n";

    #[derive(Default)]
    struct Told(Vec<String>, i64);

    impl LineSink for Told {
        fn record(&mut self, record: &Record, sensor: &[u8]) {
            self.1 = self.1.max(record.known_at().0 / 1_000_000_000);
            self.0.push(String::from_utf8_lossy(sensor).into_owned());
        }
        fn skipped(&mut self, _: &[u8]) {
            self.0.push("skipped".to_owned());
        }
        fn unparsed(&mut self, unparsed: Unparsed) {
            self.0.push(unparsed.kind.to_owned());
        }
    }

    fn reader(text: &str) -> Reader {
        let clock = Clock::new(TimeZone::UTC, YearHint::First(2003));
        let Sniffed::Evidence(reader) = sniff(text.as_bytes(), clock) else { panic!("{text}") };
        *reader
    }

    fn told(text: &str) -> (String, Told) {
        let (mut reader, mut told) = (reader(text), Told::default());
        reader.read(Block::new(text.as_bytes(), Place { file: 0, line: 1 }), HashSeed(0), &mut told);
        (reader.format().into_owned(), told)
    }

    #[test]
    fn what_each_reader_takes_for_anothers_is_nobodys() {
        // A FortiGate's object, cut off, with a message of PAN-OS in it.
        let line = "{\"date\":\"2003-03-04\",\"devid\":\"FG1\",\"logid\":\"0000000013\",\"type\":\"traffic\",\"srcname\":\
            \"CEF:0|Palo Alto Networks|PAN-OS|10.1.0|end|TRAFFIC|1|rt=x\"\n";
        for first in [FORTIGATE, NETFILTER, CISCO] {
            let (_, Told(said, _)) = told(&format!("{first}{line}"));
            assert_eq!(said.len(), 2, "{said:?}");
        }
    }

    #[test]
    fn every_device_is_read_in_one_file() {
        let lines = [CISCO, FORTIGATE, NETFILTER, ZEEK, PROGRAM, QUOTED, NOTHING];
        for first in 0..lines.len() {
            let mut all = lines;
            all.rotate_left(first);
            let (format, Told(mut said, last)) = told(&all.concat());
            said.rotate_right(first);
            assert_eq!(said[..5], ["pix", "fgt", "gw", "zeek", "skipped"].map(str::to_owned), "{format}");
            assert_eq!((format.as_str(), said[6].as_str(), last), ("cisco-syslog", "line", 1_046_793_905), "{said:?}");
        }
        // Of these the reader is another.
        for (all, format) in [([ZEEK, FORTIGATE, NETFILTER], "fortigate"), ([NETFILTER, FORTIGATE, ZEEK], "netfilter")]
        {
            let (own, Told(mut said, _)) = told(&all.concat());
            said.sort();
            assert_eq!((own.as_str(), said), (format, ["fgt", "gw", "zeek"].map(str::to_owned).to_vec()));
        }
        assert_eq!(told(&[ZEEK, PROGRAM].concat()).0, "zeek-conn");
    }

    #[test]
    fn a_stamp_without_a_year_is_of_the_year_of_the_others() {
        let on = |day: &str, text: &str| text.replace("Mar  4", day);
        let text = [CISCO, &on("Jul 31", CISCO), &on("Dec 31", CISCO), &on("Jan  4", NETFILTER)].concat();
        // 2004-01-04 16:05:02.
        assert_eq!(told(&text).1.1, 1_073_232_302);
    }

    #[test]
    fn the_year_is_that_of_the_last_dated_line_wherever_a_block_ends() {
        let on = |day: &str, text: &str| text.replace("2003-03-04", day);
        let dated = [on("2004-07-31", FORTIGATE), on("2003-12-31", FORTIGATE), on("2004-07-31", FORTIGATE)];
        let head = dated.concat();
        let text = head.clone() + &NETFILTER.replace("Mar  4", "Aug  1");
        for cut in [0, dated[0].len(), dated[0].len() + dated[1].len(), head.len()] {
            // 2004-08-01 16:05:02.
            assert_eq!(last_behind(&text, cut), 1_091_376_302, "{cut}");
        }
    }

    /// When the last record became known of what stands behind `cut`.
    fn last_behind(text: &str, cut: usize) -> i64 {
        let (mut reader, mut told) = (reader(text), Told::default());
        reader.advance(Block::new(&text.as_bytes()[..cut], Place { file: 0, line: 1 }));
        let block = Block::new(&text.as_bytes()[cut..], Place { file: 0, line: 1 });
        reader.read(block, HashSeed(0), &mut told);
        told.1
    }

    #[test]
    fn a_moment_that_needs_no_clock_tells_the_year() {
        let fortigate = |at: i64| FORTIGATE.replace("vd=", &format!("eventtime={at} vd="));
        let conntrack = |at: i64| {
            format!(
                "[{at}.250000]\t[NEW] tcp      6 120 SYN_SENT src=10.0.0.8 dst=198.51.100.7 sport=2001 dport=25 [UNREPLIED] \
                 src=198.51.100.7 dst=192.0.2.10 sport=25 dport=2001\n"
            )
        };
        // 2003-12-31 23:59:01 and 2004-01-04 23:59:01.
        let at = [1_072_915_141, 1_073_260_741];
        let on = |day: &str| NETFILTER.replace("Mar  4", day);
        for own in [at.map(fortigate), at.map(conntrack)] {
            let lines = [&own[0], &on("Dec 31"), &own[1], PROGRAM, &on("Jan  5")].map(str::to_owned);
            let text = lines.concat();
            let mut cut = 0;
            for line in &lines {
                // 2004-01-05 16:05:02.
                assert_eq!(last_behind(&text, cut), 1_073_318_702, "{cut} of {text}");
                cut += line.len();
            }
        }
    }

    #[test]
    fn a_date_that_does_not_exist_tells_no_year() {
        let on = |day: &str| FORTIGATE.replace("2003-03-04", day);
        let text = on("2004-07-31") + &on("2003-02-30") + &NETFILTER.replace("Mar  4", "Aug  1");
        for cut in [0, text.len() - NETFILTER.len()] {
            assert_eq!(last_behind(&text, cut), 1_091_376_302, "{cut}");
        }
    }

    #[test]
    fn names_stand_for_addresses_in_another_s_file() {
        let named = CISCO.replace("198.51.100.7/25 ", "mail.example.com/25 ");
        let names = Arc::new(Names::parse(b"name 198.51.100.7 mail.example.com\n"));
        let text = FORTIGATE.to_owned() + &named;
        let mut told = Told::default();
        let block = Block::new(text.as_bytes(), Place { file: 0, line: 1 });
        reader(FORTIGATE).with_names(&names).read(block, HashSeed(0), &mut told);
        assert_eq!(told.0, ["fgt", "pix"]);
        let mut told = Told::default();
        reader(FORTIGATE).read(block, HashSeed(0), &mut told);
        assert_eq!(told.0, ["fgt", "302013"]);
    }
}
