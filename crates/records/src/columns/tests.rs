use super::*;
use crate::told::{Told, whole};
use crate::{Beside, ByteCount, ByteKind, Bytes, ConnState, Ending, Event, Inside, Proto, Whole, YearHint};
use jiff::tz::TimeZone;

fn spec(form: Form, columns: &[(Field, &str)]) -> Spec {
    let columns: Vec<_> =
        columns.iter().map(|(field, name)| (*field, name.split('|').map(str::to_owned).collect())).collect();
    let must = columns.iter().map(|(_, names): &(_, Vec<String>)| vec![names[0].clone()]).take(3).collect();
    Spec {
        name: "made-up".to_owned(),
        form,
        must,
        only: Vec::new(),
        except: Vec::new(),
        ts_is_end: Vec::new(),
        whole: Vec::new(),
        within: Vec::new(),
        columns,
        constants: Vec::new(),
        words: Vec::new(),
        unset: Vec::new(),
        times: Times::Auto,
        unit: Unit::Seconds,
        counted: ByteKind::Payload,
    }
}

/// The usual columns.
const USUAL: [(Field, &str); 9] = [
    (Field::OrigH, "src"),
    (Field::RespH, "dst"),
    (Field::Ts, "when"),
    (Field::OrigP, "spt"),
    (Field::RespP, "dpt"),
    (Field::Proto, "proto"),
    (Field::Duration, "secs"),
    (Field::OrigBytes, "sent"),
    (Field::RespBytes, "got"),
];

fn csv() -> Form {
    Form::Delimited { separator: b';', header: None }
}

fn clock() -> Clock {
    Clock::new(TimeZone::UTC, YearHint::First(2003))
}

fn reader(spec: Spec, head: &str) -> Option<Reader> {
    Reader::sniff(&Arc::new(Map::new(spec).unwrap()), head.as_bytes(), clock())
}

fn read(spec: Spec, text: &str) -> Told {
    let mut reader = reader(spec, text).expect("a log of the map");
    let mut sink = Told::of("columns");
    reader.read(Block::new(text.as_bytes(), Place { file: 7, line: 1 }), HashSeed(1), &mut sink);
    sink
}

fn one(spec: Spec, text: &str) -> Whole {
    let sink = read(spec, text);
    assert_eq!((sink.unparsed.as_slice(), sink.records.len()), (&[][..], 1), "{text}");
    *whole(&sink.records[0].0)
}

const HEADER: &str = "when;src;spt;dst;dpt;more;proto;secs;sent;got\n";
const LINE: &str = "2003-03-04T16:05:00.5Z;192.0.2.1;1025;198.51.100.7;25;\"a;b\";TCP;12.25;300;9000\n";

#[test]
fn every_form_says_the_same() {
    let expected = one(spec(csv(), &USUAL), &format!("{HEADER}{LINE}"));
    assert_eq!((expected.start.at, expected.start.resolution), (crate::Nanos(1_046_793_900_500_000_000), 1_000_000));
    assert_eq!((expected.duration, expected.proto), (Some(12_250_000_000), Proto::Tcp));
    assert_eq!(
        (expected.orig.to_string(), expected.resp.to_string()),
        ("192.0.2.1:1025".to_owned(), "198.51.100.7:25".to_owned())
    );
    let count = ByteCount::Directed { orig: 300, resp: 9000 };
    assert_eq!(expected.bytes, Some(Bytes { kind: ByteKind::Payload, count }));
    let names = HEADER.trim_end().split(';').map(str::to_owned).collect();
    let pairs = "<14>x fw when=2003-03-04T16:05:00.5Z src=192.0.2.1 spt=1025 dst=198.51.100.7 dpt=\"25\" proto=tcp secs=12.25 \
                 sent=300 got=9000 msg=\"a b\"\n";
    let json = r#"<14>x fw: {"when":"2003-03-04T16:05:00.5Z","src":["192.0.2.1"],"spt":1025,"dst":"198.51.100.7","dpt":25,"proto":"6","secs":12.25,"sent":300,"got":9000}"#;
    for (form, text) in [
        (Form::Delimited { separator: b';', header: Some(names) }, LINE.to_owned()),
        (csv(), format!("\u{feff}{HEADER}{LINE}")),
        (csv(), format!("{HEADER}{LINE}").replace('\n', "\r\n")),
        (csv(), format!("#Software: x\n#Fields: {HEADER}{LINE}")),
        (csv(), format!("{HEADER}{}", LINE.replace("300", "\" 300 \""))),
        (Form::Pairs { separator: b' ', assign: b'=' }, pairs.to_owned()),
        (Form::Json, format!("{json}\n")),
    ] {
        let said = one(spec(form, &USUAL), &text);
        assert_eq!(Whole { id: expected.id, ..said }, expected, "{text}");
    }
}

#[test]
fn headers_and_comments_are_no_connections() {
    let sink = read(spec(csv(), &USUAL), &format!("#x\n{HEADER}{LINE}{HEADER}# end\n{LINE}"));
    assert_eq!((sink.records.len(), sink.skipped, sink.unparsed.len()), (2, 0, 0));
}

#[test]
fn what_a_log_is_for_is_told_by_its_columns() {
    let sniffs = |form, text: &str| reader(spec(form, &USUAL), text).is_some();
    let names =
        || Form::Delimited { separator: b';', header: Some(HEADER.trim_end().split(';').map(str::to_owned).collect()) };
    assert!(sniffs(csv(), HEADER));
    assert!(!sniffs(csv(), &HEADER.replace("src", "source")));
    assert!(!sniffs(csv(), &HEADER.replace(';', ",")));
    assert!(!sniffs(csv(), LINE));
    assert!(sniffs(names(), LINE));
    assert!(!sniffs(names(), &LINE.replace("192.0.2.1", "host")));
    assert!(!sniffs(names(), &LINE.replace("300;", "")));
    assert!(sniffs(Form::Json, "{\"x\":1}\n{broken\n{\"src\":1,\"dst\":2,\"when\":3}\n"));
    assert!(!sniffs(Form::Json, "{\"src\":1,\"dst\":2}\n"));
    assert!(sniffs(Form::Pairs { separator: b' ', assign: b'=' }, "x src=1 dst=2 when=3\n"));
    assert!(!sniffs(Form::Pairs { separator: b' ', assign: b'=' }, "x src=1 dst=2 then=3\n"));
    for text in ["", "\n", "\0\u{1}", "{"] {
        for form in [csv(), names(), Form::Json, Form::Pairs { separator: b' ', assign: b'=' }] {
            assert!(!sniffs(form, text), "{text:?}");
        }
    }
}

#[test]
fn lines_that_cannot_be_read_say_why() {
    for (line, why) in [
        (LINE.replace("2003-03-04", "yesterday"), "the time is not written as the map says"),
        (LINE.replace("192.0.2.1", "host.example"), "orig_h is not an address"),
        (LINE.replace("192.0.2.1", "0.0.0.0"), "orig_h is not set"),
        (LINE.replace("1025", "99999"), "orig_p is not a port"),
        (LINE.replace(";25;", ";-;"), "resp_p is not set"),
        (LINE.replace("12.25", "long"), "duration is no span of time"),
        (LINE.replace("300", "many"), "orig_bytes is not a number"),
        (LINE.replace("TCP", ""), "proto is not set"),
        (LINE.replace("TCP", "999"), "proto is no protocol"),
        (LINE.replace("2003-03-04T16:05:00.5Z", "-"), "neither ts nor end is set"),
        (LINE.replace(";9000", ""), "fewer columns than the header names: cut off?"),
        (LINE.replace("9000", "9000;1"), "more columns than the header names"),
        (LINE.trim_end().to_owned(), "cut off: no line end after the last value"),
    ] {
        let sink = read(spec(csv(), &USUAL), &format!("{HEADER}{line}"));
        assert_eq!((sink.unparsed, sink.records.len()), (vec![(2, why)], 0), "{line}");
    }
    let json = "{\"src\":1,\"dst\":2,\"when\":3}\n{\"src\":1,}\n";
    let sink = read(spec(Form::Json, &USUAL), json);
    assert_eq!(sink.unparsed, [(1, "proto is not set"), (2, "JSON: no quote before a name")]);
    assert_eq!(sink.columns, [10]);
}

#[test]
fn a_header_may_stand_before_the_first_key_without_a_separator() {
    let line = |head: &str, separator: char| {
        let pairs =
            "src=192.0.2.1 spt=1025 dst=198.51.100.7 dpt=25 proto=tcp secs=12 when=2003-03-04T16:05:00Z sent=1 got=2\n";
        head.to_owned() + &pairs.replace(' ', &separator.to_string())
    };
    // What stands in one line's header says nothing of the next line's keys.
    let odd = "<14>Mar 4 16:05:00 fw CEF:0|M|T|1|x|login k=1 failed for user a|U|";
    let even = odd.replace("k=1", "ok");
    for heads in [[odd, &even, &even], [&even, &even, odd], [odd, odd, &even]] {
        let text = heads.map(|head| line(head, ' ')).concat();
        let sink = read(spec(Form::Pairs { separator: b' ', assign: b'=' }, &USUAL), &text);
        assert_eq!((sink.records.len(), sink.unparsed.len()), (3, 0), "{heads:?}");
    }
    let by_colon = "<134>1 2003-03-04T16:05:00Z fw Maker 7 - [src:\"192.0.2.1\"; spt:\"1025\"; dst:\"198.51.100.7\"; dpt:\"25\"; \
        proto:\"tcp\"; secs:\"12\"; when:\"2003-03-04T16:05:00Z\"; sent:\"1\"; got:\"2\"]\n";
    let sink = read(spec(Form::Pairs { separator: b';', assign: b':' }, &USUAL), by_colon);
    assert_eq!((sink.records.len(), &sink.unparsed[..]), (1, &[][..]));
    for (head, separator) in [
        ("", ' '),
        ("<14>Mar  4 16:05:00 fw CEF:0|Maker|Thing|1|a b|Unknown|", ' '),
        ("<134>1 2003-03-04T16:05:00Z fw Maker 7 - - ", '|'),
        ("Mar  4 16:05:00 fw maker[7]: ", ';'),
    ] {
        let sink = read(spec(Form::Pairs { separator: separator as u8, assign: b'=' }, &USUAL), &line(head, separator));
        assert_eq!((sink.records.len(), sink.unparsed.len()), (1, 0), "{head}");
    }
}

#[test]
fn the_first_column_that_says_something_counts_and_else_the_constant() {
    let mut usual = spec(csv(), &USUAL);
    usual.must = vec![vec!["nat".to_owned()]];
    usual.columns[0].1 = ["nat", "src"].map(str::to_owned).to_vec();
    usual.columns.retain(|(field, _)| *field != Field::Proto);
    usual.constants = vec![(Field::Proto, "udp".to_owned()), (Field::Sensor, "edge".to_owned())];
    usual.unset = vec!["n/a".to_owned()];
    let header = "when;nat;src;spt;dst;dpt;secs;sent;got\n";
    for (nat, expected) in
        [("192.0.2.9", "192.0.2.9:5"), ("", "192.0.2.1:5"), ("n/a", "192.0.2.1:5"), ("0.0.0.0", "192.0.2.1:5")]
    {
        let sink = read(usual.clone(), &format!("{header}1046793900;{nat};192.0.2.1;5;192.0.2.2;6;-;;\n"));
        let said = whole(&sink.records[0].0);
        assert_eq!(
            (said.orig.to_string().as_str(), said.proto, sink.records[0].1.as_slice()),
            (expected, Proto::Udp, &b"edge"[..])
        );
        assert_eq!((said.duration, said.bytes, said.start.resolution), (None, None, 1_000_000_000));
    }
}

fn with_words() -> Spec {
    let columns = [
        USUAL.as_slice(),
        &[
            (Field::Uid, "id"),
            (Field::Action, "act|type"),
            (Field::Ending, "why"),
            (Field::OrigZone, "from"),
            (Field::RespZone, "to"),
            (Field::Direction, "way"),
            (Field::MappedOrigH, "nat"),
            (Field::MappedOrigP, "natp"),
            (Field::MappedRespH, "was"),
            (Field::Service, "app"),
        ],
    ]
    .concat();
    let mut spec = spec(Form::Json, &columns);
    let word = |name: &str, word: &str| (Meaning::parse(name).unwrap(), word.to_owned());
    spec.words = vec![
        word("opened", "start"),
        word("over", "end"),
        word("denied", "drop"),
        word("ignored", "noise"),
        word("fins", "tcp-fin"),
        word("no_answer", "aged-out"),
        word("inside", "lan"),
        word("outside", "wan"),
        word("inbound", "in"),
        word("egress", "out"),
    ];
    spec
}

fn said(more: &str) -> Told {
    read(
        with_words(),
        &format!(
            "{{\"src\":\"192.0.2.1\",\"dst\":\"192.0.2.2\",\"when\":1046793900,\"spt\":5,\"dpt\":6,\"proto\":\"tcp\"{more}}}\n"
        ),
    )
}

#[test]
fn words_say_what_happened() {
    let event = |more: &str| said(more).records.first().map(|(record, _)| record.event);
    for (more, kind) in [
        ("", "whole"),
        (r#","act":"DROP""#, "denied"),
        (r#","act":"noise""#, "none"),
        (r#","act":"start","id":7"#, "opened"),
        (r#","act":"start""#, "none"),
        (r#","act":"other""#, "whole"),
        (r#","type":["connection","start"],"id":7"#, "opened"),
        (r#","type":["connection","start","end"],"id":7"#, "whole"),
        (r#","act":"start","type":["drop"]"#, "denied"),
    ] {
        let found = match event(more) {
            None => "none",
            Some(Event::Whole(_)) => "whole",
            Some(Event::Opened(_)) => "opened",
            Some(Event::Denied(denied)) => {
                assert!(denied.attempt);
                "denied"
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(found, kind, "{more}");
    }
    let ending = |word: &str| whole(&said(&format!(",\"why\":\"{word}\"")).records[0].0).ending;
    assert_eq!(
        (ending("TCP-FIN"), ending("aged-out"), ending("else")),
        (Ending::Fins, Ending::NoAnswer, Ending::Unknown)
    );
    assert_eq!(whole(&said(",\"app\":\"SMTP\"").records[0].0).service.unwrap().as_str(), "smtp");
}

#[test]
fn zones_and_directions_say_which_end_is_inside() {
    let inside = |more: &str| whole(&said(more).records[0].0).inside;
    for (more, orig, resp) in [
        ("", None, None),
        (r#","from":"lan""#, Some(true), None),
        (r#","from":"lan","to":"wan""#, Some(true), Some(false)),
        (r#","way":"in""#, Some(false), Some(true)),
        (r#","way":"in","from":"lan""#, Some(true), Some(true)),
        (r#","way":"out""#, Some(true), None),
        // A word means nothing in another's column.
        (r#","way":"lan","from":"in""#, None, None),
    ] {
        assert_eq!(inside(more), Inside { orig, resp }, "{more}");
    }
}

#[test]
fn translated_ends_are_told() {
    let beside = |more: &str| whole(&said(more).records[0].0).beside;
    let end = |text: &str| {
        let (addr, port) = text.split_once(':').unwrap();
        Some(crate::Endpoint { addr: addr.parse().unwrap(), port: port.parse().unwrap() })
    };
    assert_eq!(beside(""), Beside::Nothing);
    assert_eq!(beside(r#","nat":"203.0.113.1","natp":99"#), Beside::Mapped([end("203.0.113.1:99"), None]));
    assert_eq!(beside(r#","nat":"203.0.113.1","natp":0"#), Beside::Mapped([end("203.0.113.1:5"), None]));
    assert_eq!(beside(r#","nat":"0.0.0.0","was":"203.0.113.2""#), Beside::Mapped([None, end("203.0.113.2:6")]));
    let Event::Denied(denied) = said(r#","act":"drop","was":"203.0.113.2""#).records[0].0.event else { panic!() };
    assert_eq!(Some(denied.resp), end("203.0.113.2:6"), "whom it asked for");
}

#[test]
fn when_it_was_comes_from_what_is_there() {
    let mut spec = spec(
        Form::Json,
        &[
            (Field::OrigH, "src"),
            (Field::RespH, "dst"),
            (Field::Ts, "from"),
            (Field::End, "to"),
            (Field::Duration, "for"),
            (Field::Proto, "p"),
        ],
    );
    spec.must.truncate(2);
    let second = 1_000_000_000i64;
    let at = |more: &str| {
        let sink =
            read(spec.clone(), &format!("{{\"src\":\"192.0.2.1\",\"dst\":\"192.0.2.2\",\"p\":\"icmp\",{more}}}\n"));
        let (record, _) = &sink.records[0];
        let said = whole(record);
        let since = |at: crate::Nanos| at.0 - 1_046_793_900 * second;
        (since(said.start.at), said.start.resolution, said.duration, since(record.known.at))
    };
    let s = second as u32;
    assert_eq!(at("\"from\":1046793900"), (0, s, None, 0));
    assert_eq!(at("\"from\":1046793900,\"to\":1046793912"), (0, s, Some(12 * second), 12 * second));
    assert_eq!(
        at("\"from\":1046793900,\"for\":12.5"),
        (0, s, Some(12 * second + second / 2), 12 * second + second / 2)
    );
    assert_eq!(
        at("\"from\":1046793900,\"to\":1046793912,\"for\":11.5"),
        (0, s, Some(11 * second + second / 2), 12 * second)
    );
    assert_eq!(
        at("\"from\":1046793900.25,\"to\":1046793912.75,\"for\":12"),
        (second / 4, 1_000_000, Some(12 * second + second / 2), 12 * second + 3 * (second / 4))
    );
    assert_eq!(
        at("\"to\":1046793912,\"for\":12"),
        (-second, 2 * s, Some(12 * second), 12 * second),
        "of twelve seconds and a part"
    );
    assert_eq!(at("\"to\":1046793900"), (0, s, None, 0));
    assert_eq!(
        at("\"from\":1046793912,\"to\":1046793900"),
        (12 * second, s, None, 12 * second),
        "a clock that was set back"
    );
}

#[test]
fn the_day_may_be_a_column_of_its_own() {
    let mut columns = USUAL.to_vec();
    columns.push((Field::Date, "day"));
    let text = format!("day;{HEADER}2003-03-04;{}", LINE.replace("2003-03-04T16:05:00.5Z", "16:05:00.5"));
    assert_eq!(one(spec(csv(), &columns), &text).start.at, crate::Nanos(1_046_793_900_500_000_000));
}

#[test]
fn an_end_may_stand_in_one_column_and_the_day_of_an_end_in_another() {
    let columns = [
        (Field::OrigH, "src"),
        (Field::OrigP, "src"),
        (Field::RespH, "dst"),
        (Field::RespP, "dst"),
        (Field::MappedOrigH, "nat"),
        (Field::MappedOrigP, "nat"),
        (Field::Proto, "proto"),
        (Field::Date, "date"),
        (Field::End, "time"),
        (Field::Duration, "secs"),
    ];
    let pairs = || Form::Pairs { separator: b' ', assign: b'=' };
    let line = "date=2003-03-04 time=16:05:12 src=10.0.0.5:1025:X0 dst=198.51.100.7:25:X1: nat=192.0.2.1:7 proto=tcp secs=12\n";
    let whole = one(spec(pairs(), &columns), line);
    assert_eq!((whole.orig.to_string(), whole.resp.to_string()), ("10.0.0.5:1025".into(), "198.51.100.7:25".into()));
    assert_eq!(whole.mapped()[0].map(|end| end.to_string()).as_deref(), Some("192.0.2.1:7"));
    assert_eq!(whole.duration, Some(12_000_000_000));
    let none = read(spec(pairs(), &columns), &line.replace(":25:X1:", ""));
    assert_eq!(none.unparsed[0].1, "resp_h and resp_p are no address and port");
    let icmp = line.replace(":25:X1:", "").replace("proto=tcp", "proto=icmp");
    assert_eq!(one(spec(pairs(), &columns), &icmp).resp.to_string(), "198.51.100.7:0");
}

#[test]
fn bytes_are_what_the_map_says() {
    let mut columns = USUAL.to_vec();
    columns.extend([
        (Field::Bytes, "all"),
        (Field::OrigPkts, "spkts"),
        (Field::RespPkts, "gpkts"),
        (Field::ConnState, "state"),
    ]);
    let bytes = |counted, more: &str| {
        let mut spec = spec(Form::Json, &columns);
        spec.counted = counted;
        let text = format!(
            "{{\"src\":\"192.0.2.1\",\"dst\":\"192.0.2.2\",\"when\":1,\"spt\":5,\"dpt\":6,\"proto\":\"tcp\"{more}}}\n"
        );
        one(spec, &text).bytes
    };
    let of = |kind, count| Some(Bytes { kind, count });
    let both = r#","sent":1000,"got":5000"#;
    let directed = |orig, resp| ByteCount::Directed { orig, resp };
    assert_eq!(bytes(ByteKind::Payload, both), of(ByteKind::Payload, directed(1000, 5000)));
    assert_eq!(bytes(ByteKind::IpLevel, both), of(ByteKind::IpLevel, directed(1000, 5000)));
    assert_eq!(bytes(ByteKind::Frame, both), of(ByteKind::Frame, directed(1000, 5000)));
    let packets = r#","sent":1000,"got":5000,"spkts":6,"gpkts":7"#;
    assert_eq!(bytes(ByteKind::Payload, packets), of(ByteKind::Payload, directed(1000, 5000)));
    assert_eq!(
        bytes(ByteKind::IpLevel, packets),
        of(ByteKind::PayloadReckoned, directed(1000 - 6 * 52 - 8, 5000 - 7 * 52 - 8))
    );
    assert_eq!(bytes(ByteKind::Payload, r#","sent":1000,"all":6000"#), of(ByteKind::Payload, ByteCount::Total(6000)));
    assert_eq!(bytes(ByteKind::Payload, r#","sent":1000"#), None, "half a count is none");
    let spec = spec(Form::Json, &columns);
    let said = one(
        spec,
        "{\"src\":\"192.0.2.1\",\"dst\":\"192.0.2.2\",\"when\":1,\"spt\":5,\"dpt\":6,\"proto\":\"tcp\",\"state\":\"REJ\"}\n",
    );
    assert_eq!((said.state, said.ending, said.answered), (Some(ConnState::Rej), Ending::ResetByResp, Some(false)));
}

#[test]
fn other_lines_are_left_out() {
    let mut spec = spec(Form::Json, &USUAL);
    spec.only = vec![("kind".to_owned(), vec!["flow".to_owned()])];
    spec.whole = vec!["secs".to_owned()];
    spec.within = vec!["_source".to_owned()];
    let body = "\"src\":\"192.0.2.1\",\"dst\":\"192.0.2.2\",\"when\":1,\"spt\":5,\"dpt\":6,\"proto\":\"tcp\"";
    let text = [
        format!("{{{body},\"kind\":\"flow\",\"secs\":1}}"),
        format!("{{{body},\"kind\":[\"x\",\"Flow\"],\"secs\":1}}"),
        format!("{{\"_index\":\"a\",\"_source\":{{{body},\"kind\":\"flow\",\"secs\":1}}}}"),
        format!("{{{body},\"kind\":\"dns\",\"secs\":1}}"),
        format!("{{{body},\"secs\":1}}"),
        format!("{{{body},\"kind\":\"flow\"}}"),
        "{\"kind\":\"flow\"}".to_owned(),
        String::new(),
    ]
    .join("\n");
    let sink = read(spec, &text);
    assert_eq!((sink.records.len(), sink.skipped, sink.unparsed.len()), (3, 4, 0));
}

#[test]
fn a_map_that_says_too_little_is_refused() {
    let refused = |spec: Spec| Map::new(spec).unwrap_err();
    let without = |gone: Field| {
        let columns: Vec<_> = USUAL.into_iter().filter(|(field, _)| *field != gone).collect();
        spec(csv(), &columns)
    };
    assert_eq!(refused(without(Field::Ts)), "no column says ts or end");
    assert_eq!(refused(without(Field::OrigH)), "no column says orig_h");
    assert_eq!(refused(without(Field::Proto)), "no column says proto");
    assert_eq!(refused(Spec { must: Vec::new(), ..spec(csv(), &USUAL) }), "no column tells that a log is of this map");
    let many = (0..100).map(|number| vec![number.to_string()]).collect();
    assert_eq!(refused(Spec { must: many, ..spec(csv(), &USUAL) }), "more than 64 columns are named");
}

#[test]
fn a_header_may_say_when_a_line_was_written_and_by_whom() {
    let mut usual = spec(Form::Pairs { separator: b' ', assign: b'=' }, &USUAL);
    usual.must = vec![vec!["src".to_owned()]];
    usual.columns.retain(|(field, _)| *field != Field::Ts);
    usual.columns.extend([Field::Ts, Field::Sensor].map(|field| (field, vec!["@header".to_owned()])));
    let pairs = "src=192.0.2.1 spt=1025 dst=198.51.100.7 dpt=25 proto=tcp secs=12 sent=1 got=2";
    for (head, resolution, sensor) in [
        ("<134>1 1046793900.250000000 fw_1 ip_flow_start ", 1, "fw_1"),
        ("2003:03:04-16:05:00 utm ulogd[4711]: id=\"2001\" ", 1_000_000_000, "utm"),
        ("Mar  4 16:05:00 fw prog: ", 1_000_000_000, "fw"),
    ] {
        let sink = read(usual.clone(), &format!("{head}{pairs}\n"));
        assert_eq!((sink.unparsed.as_slice(), sink.records.len()), (&[][..], 1), "{head}");
        let start = whole(&sink.records[0].0).start;
        assert_eq!((start.at.0 / 1_000_000_000, start.resolution), (1_046_793_900, resolution), "{head}");
        assert_eq!(sink.records[0].1, sensor.as_bytes(), "{head}");
    }
    let sink = read(usual.clone(), &format!("{}{pairs}\n", format!("Mar  4 16:05:00 fw {pairs}\n").repeat(3)));
    assert_eq!(sink.unparsed, [(4, "no stamp in the header")]);
    // Whatever stands between the pairs, and whatever the line before was.
    let text = format!("Mar  4 16:05:00 fw prog: {};more=1\nshort\n", pairs.replace(' ', ";")).repeat(2);
    let by_semicolons = Spec { form: Form::Pairs { separator: b';', assign: b'=' }, ..usual.clone() };
    let sink = read(by_semicolons, &text);
    assert_eq!((sink.unparsed.as_slice(), sink.records.len()), (&[][..], 2));
    assert!(sink.records.iter().all(|(record, sensor)| sensor == b"fw" && record.known.at.0 > 0));
    let change = |change: fn(&mut Spec)| {
        let mut spec = usual.clone();
        change(&mut spec);
        Map::new(spec).err().unwrap_or_default()
    };
    assert!(change(|spec| spec.form = csv()).contains("before pairs and objects"));
    for why in [
        change(|spec| spec.must = vec![vec!["@header".to_owned()]]),
        change(|spec| spec.whole = vec!["@header".to_owned()]),
        change(|spec| spec.columns.push((Field::Service, vec!["@header".to_owned()]))),
        change(|spec| spec.columns.push((Field::End, vec!["when".to_owned(), "@header".to_owned()]))),
    ] {
        assert!(why.contains("and nothing else"), "{why}");
    }
}
