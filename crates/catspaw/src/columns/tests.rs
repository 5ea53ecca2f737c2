use catspaw_records::{
    Beside, Block, ByteCount, ByteKind, Ending, Event, HashSeed, LineSink, Place, Record, Unparsed, Whole, YearHint,
};
use jiff::tz::TimeZone;

use super::*;

#[derive(Debug, Default)]
struct Sink {
    records: Vec<(Record, String)>,
    skipped: usize,
    unparsed: Vec<&'static str>,
}

impl LineSink for Sink {
    fn record(&mut self, record: &Record, sensor: &[u8]) {
        self.records.push((*record, String::from_utf8_lossy(sensor).into_owned()));
    }
    fn skipped(&mut self, _sensor: &[u8]) {
        self.skipped += 1;
    }
    fn unparsed(&mut self, unparsed: Unparsed) {
        self.unparsed.push(unparsed.why);
    }
}

impl Sink {
    fn whole(&self, number: usize) -> &Whole {
        match &self.records[number].0.event {
            Event::Whole(whole) => whole,
            other => panic!("{other:?}"),
        }
    }
}

/// What a log is taken for, and what is read of it.
fn read(text: &str) -> (String, Sink) {
    let maps = Maps::load(&[]).unwrap();
    let clock = Clock::new(TimeZone::UTC, YearHint::First(2003));
    let Sniffed::Evidence(mut reader) = maps.sniff(text.as_bytes(), &clock) else { panic!("no evidence: {text}") };
    let mut sink = Sink::default();
    reader.read(Block::new(text.as_bytes(), Place { file: 0, line: 1 }), HashSeed(0), &mut sink);
    (reader.format().into_owned(), sink)
}

/// The end of a session as Elastic's integrations for firewalls write it.
const FIREWALL: &str = r#"{"@timestamp":"2023-01-04T14:38:00.000Z","event":{"kind":"event","category":["network"],"type":["end","allowed","connection"],"action":"flow_terminated","start":"2023-01-04T14:37:36.000Z","end":"2023-01-04T14:38:00.000Z","duration":24000000000,"id":"1"},"source":{"ip":"10.0.0.5","port":55548,"bytes":1530,"packets":10,"nat":{"ip":"203.0.113.5","port":10001}},"destination":{"ip":"198.51.100.16","port":25,"bytes":24000,"packets":20},"network":{"transport":"tcp","protocol":"smtp","direction":"outbound"},"observer":{"name":"edge-fw"}}"#;

#[test]
fn an_end_in_ecs_is_a_whole_connection() {
    for text in [
        FIREWALL.to_owned(),
        format!("{{\"_index\":\"logs\",\"_id\":\"x\",\"_source\":{FIREWALL}}}"),
        FIREWALL.replace("\"network\":{\"transport\":\"tcp\",", "\"network.transport\":\"tcp\",\"network\":{"),
        FIREWALL.replace("\"transport\":\"tcp\"", "\"iana_number\":\"6\""),
        FIREWALL.replace(
            "\"destination\":{\"ip\":\"198.51.100.16\"",
            "\"destination\":{\"nat\":{\"ip\":\"0.0.0.0\",\"port\":0},\"ip\":\"198.51.100.16\"",
        ),
    ] {
        let (format, sink) = read(&format!("{text}\n"));
        assert_eq!(
            (format.as_str(), sink.unparsed.len(), sink.records[0].1.as_str()),
            ("columns:ecs", 0, "edge-fw"),
            "{text}"
        );
        let whole = sink.whole(0);
        assert_eq!(
            (whole.orig.to_string(), whole.resp.to_string()),
            ("10.0.0.5:55548".to_owned(), "198.51.100.16:25".to_owned())
        );
        assert_eq!(
            (whole.duration, whole.inside.orig, whole.inside.resp),
            (Some(24_000_000_000), Some(true), Some(false))
        );
        assert_eq!(whole.service.unwrap().as_str(), "smtp");
        assert_eq!(whole.bytes.unwrap().kind, ByteKind::PayloadReckoned);
        let Beside::Mapped([Some(mapped), _]) = whole.beside else { panic!("{whole:?}") };
        assert_eq!(mapped.to_string(), "203.0.113.5:10001");
    }
}

#[test]
fn a_flow_of_suricata_is_a_whole_connection() {
    let flow = r#"{"timestamp":"2025-07-04T10:20:34.123+0000","flow_id":254581151187804,"in_iface":"eth0","event_type":"flow","src_ip":"10.0.0.5","src_port":33008,"dest_ip":"198.51.100.16","dest_port":25,"proto":"TCP","app_proto":"failed","flow":{"pkts_toserver":5,"pkts_toclient":3,"bytes_toserver":576,"bytes_toclient":732,"start":"2025-07-04T10:19:28.124810+0000","end":"2025-07-04T10:19:29.125685+0000","age":1,"state":"closed","reason":"timeout","alerted":false},"tcp":{"tcp_flags":"1b","syn":true,"state":"closed"},"host":"ids-1"}"#;
    let alert = flow.replace("\"event_type\":\"flow\"", "\"event_type\":\"alert\"");
    let (format, sink) = read(&format!("{alert}\n{flow}\nJul  4 10:20:34 ids suricata[5885]: {flow}\n"));
    assert_eq!((format.as_str(), sink.records.len(), sink.unparsed.len()), ("columns:eve", 2, 0));
    let whole = sink.whole(1);
    assert_eq!((whole.orig.to_string(), whole.resp.to_string()), ("10.0.0.5:33008".into(), "198.51.100.16:25".into()));
    // Five frames and three, with Ethernet's header: 74 of the first, 66 of the others.
    let count = ByteCount::Directed { orig: 576 - 5 * 66 - 8, resp: 732 - 3 * 66 - 8 };
    assert_eq!((whole.duration, whole.bytes.unwrap().count), (Some(1_000_875_000), count));
    assert_eq!((whole.ending, whole.service), (Ending::Unknown, None), "by FINs or by a reset");
}

#[test]
fn pan_os_in_json_is_as_in_its_columns() {
    let end = r#"{"TimeReceived":"2025-01-28T17:00:36.000000Z","DeviceSN":"0070","LogType":"TRAFFIC","Subtype":"end","TimeGenerated":"2025-01-28T17:01:04.000000Z","SourceAddress":"10.0.0.5","DestinationAddress":"198.51.100.16","NATSource":"203.0.113.9","NATDestination":"","SourceUser":null,"Application":"smtp","SessionID":117195,"SourcePort":45483,"DestinationPort":25,"NATSourcePort":4001,"NATDestinationPort":0,"Protocol":"tcp","Action":"allow","Bytes":1197,"BytesSent":723,"BytesReceived":474,"SessionStartTime":"2025-01-28T17:01:02.000000Z","SessionDuration":2,"PacketsSent":5,"PacketsReceived":4,"SessionEndReason":"tcp-fin","DeviceName":"PA-01"}"#;
    let (start, deny) = (end.replace("\"end\"", "\"start\""), end.replace("\"end\"", "\"deny\""));
    let (format, sink) = read(&format!("{start}\n{end}\n{deny}\n"));
    assert_eq!((format.as_str(), sink.records.len(), sink.unparsed.len()), ("columns:strata", 2, 0));
    let whole = sink.whole(0);
    assert_eq!((whole.orig.to_string(), whole.resp.to_string()), ("10.0.0.5:45483".into(), "198.51.100.16:25".into()));
    assert_eq!(
        (whole.duration, whole.ending, sink.records[0].1.as_str()),
        (Some(2_000_000_000), Ending::Fins, "PA-01")
    );
    let Beside::Mapped([Some(mapped), _]) = whole.beside else { panic!("{whole:?}") };
    assert_eq!(mapped.to_string(), "203.0.113.9:4001");
    assert!(matches!(sink.records[1].0.event, Event::Denied(_)));
}

#[test]
fn where_ecs_has_the_end_for_the_beginning_it_is_taken_for_the_end() {
    // What Elastic's integrations make of a session that was over at 14:38:00, after 24 s.
    let late = FIREWALL.replacen("14:37:36", "14:38:00", 1).replacen(
        "\"end\":\"2023-01-04T14:38:00.000Z\"",
        "\"end\":\"2023-01-04T14:38:24.000Z\"",
        1,
    );
    for (vendor, text, ending) in [
        ("Palo Alto Networks", FIREWALL, r#""panw":{"panos":{"endreason":"tcp-fin"}}"#),
        ("Fortinet", &late, r#""event.action":"client-rst""#),
        ("Juniper", &late, r#""juniper":{"srx":{"reason":"TCP FIN"}}"#),
        ("Sophos", &late, r#""sophos":{}"#),
    ] {
        let vendor = format!("\"observer\":{{\"vendor\":\"{vendor}\",");
        let text = text.replacen("\"observer\":{", &vendor, 1).replacen("\"action\":\"flow_terminated\",", "", 1);
        let text = text.replacen('{', &format!("{{{ending},"), 1);
        let (_, sink) = read(&format!("{text}\n"));
        let whole = sink.whole(0);
        // Of what is whole seconds the rest lies before.
        let began = if text.contains("panos") { 1_672_843_056 } else { 1_672_843_055 };
        assert_eq!(whole.start.at, Nanos::from_secs(began), "{text}");
        assert_eq!(
            (sink.records[0].0.known_at(), whole.duration),
            (Nanos::from_secs(1_672_843_080), Some(24_000_000_000)),
            "{text}"
        );
        let expected = match vendor.as_str() {
            vendor if vendor.contains("Fortinet") => Ending::ResetByOrig,
            vendor if vendor.contains("Sophos") => Ending::Unknown,
            _ => Ending::Fins,
        };
        assert_eq!(whole.ending, expected, "{text}");
    }
}

#[test]
fn what_else_stands_in_ecs_is_left_out_or_denied() {
    let start =
        FIREWALL.replace("[\"end\",\"allowed\"", "[\"start\",\"allowed\"").replace("flow_terminated", "flow_started");
    let denied = FIREWALL.replace("\"end\",\"allowed\"", "\"denied\"").replace(",\"duration\":24000000000", "");
    let meanwhile = FIREWALL
        .replace("\"source\"", "\"flow\":{\"final\":false},\"source\"")
        .replace("\"end\",\"allowed\",", "")
        .replace("flow_terminated", "network_flow");
    let last = meanwhile.replace("false", "true");
    let marked = |what: &str| FIREWALL.replacen('{', &format!("{{{what},"), 1);
    let of_others = [
        marked(r#""event.code":"0000000020""#),
        marked(r#""juniper":{"srx":{"tag":"APPTRACK_SESSION_CLOSE"}}"#),
        denied.replacen('{', r#"{"fortinet":{"firewall":{"type":"utm"}},"#, 1),
    ];
    let of_others = of_others.join("\n");
    let dns = "{\"@timestamp\":\"2023-01-04T14:38:00.000Z\",\"dns\":{\"question\":{\"name\":\"x\"}}}";
    let (_, sink) = read(&[FIREWALL, &start, &denied, &meanwhile, &last, &of_others, dns, ""].join("\n"));
    assert_eq!((sink.unparsed.len(), sink.skipped, sink.records.len()), (0, 6, 3));
    assert!(matches!(sink.records[1].0.event, Event::Denied(_)), "{:?}", sink.records[1]);
    _ = (sink.whole(0), sink.whole(2));
}

#[test]
fn what_was_asked_from_outside_of_a_translated_address_is_its_own() {
    let inbound = FIREWALL
        .replace("10.0.0.5", "192.0.2.77")
        .replace(",\"nat\":{\"ip\":\"203.0.113.5\",\"port\":10001}", "")
        .replace(
            "\"destination\":{\"ip\":\"198.51.100.16\"",
            "\"destination\":{\"nat\":{\"ip\":\"10.0.0.9\",\"port\":1182},\"ip\":\"203.0.113.5\"",
        )
        .replace("outbound", "inbound");
    let (_, sink) = read(&inbound);
    let whole = sink.whole(0);
    assert_eq!((whole.resp.to_string().as_str(), whole.inside.resp), ("10.0.0.9:1182", Some(true)));
    let Beside::Mapped([None, Some(mapped)]) = whole.beside else { panic!("{whole:?}") };
    assert_eq!(mapped.to_string(), "203.0.113.5:25");
}

#[test]
fn zeek_in_ecs_begins_at_the_events_time() {
    let zeek = FIREWALL
        .replace("\"start\":\"2023-01-04T14:37:36.000Z\",\"end\":\"2023-01-04T14:38:00.000Z\",", "")
        .replace("\"observer\"", "\"zeek\":{\"session_id\":\"CAbc\",\"connection\":{\"state\":\"SF\"}},\"observer\"");
    let (format, sink) = read(&zeek);
    let whole = sink.whole(0);
    assert_eq!(
        (format.as_str(), whole.start.at.0 / 1_000_000_000, whole.duration),
        ("columns:ecs-zeek", 1_672_843_080, Some(24_000_000_000))
    );
    assert_eq!(whole.state.map(catspaw_records::ConnState::name), Some("SF"));
}

#[test]
fn splunks_model_is_read_as_csv_and_as_json() {
    let csv = "\"_time\",\"action\",\"app\",\"bytes_in\",\"bytes_out\",\"dest_ip\",\"dest_port\",\"duration\",\"dvc\",\"src_ip\",\"src_port\",\"transport\"\n\
        \"2023-01-04T14:38:00.000+0000\",\"allowed\",\"smtp\",\"24000\",\"1530\",\"198.51.100.16\",\"25\",\"24\",\"edge\",\"10.0.0.5\",\"55548\",\"tcp\"\n\
        \"2023-01-04 14:38:01.000 UTC\",\"blocked\",\"\",\"\",\"\",\"198.51.100.16\",\"25\",\"\",\"edge\",\"10.0.0.5\",\"55549\",\"tcp\"\n\
        \"1672843082\",\"allowed\",\"\",\"\",\"\",\"198.51.100.16\",\"25\",\"\",\"edge\",\"10.0.0.5\",\"55550\",\"tcp\"\n";
    let json = r#"{"preview":false,"offset":0,"result":{"_time":"2023-01-04 14:38:00.000 UTC","action":"allowed","app":"smtp","bytes_in":"24000","bytes_out":"1530","dest":"198.51.100.16","dest_port":"25","duration":"24","dvc":"edge","src":"10.0.0.5","src_port":"55548","transport":"tcp"}}"#;
    for text in [csv, json] {
        let (format, sink) = read(text);
        assert_eq!((format.as_str(), sink.unparsed.as_slice()), ("columns:cim", &[][..]));
        let whole = sink.whole(0);
        assert_eq!(whole.bytes.and_then(|bytes| bytes.directed()), Some((1530, 24000)));
        assert_eq!((whole.duration, sink.records[0].1.as_str()), (Some(24_000_000_000), "edge"));
    }
    let (_, sink) = read(csv);
    assert!(matches!(sink.records[1].0.event, Event::Denied(_)));
    assert_eq!((sink.records.len(), sink.skipped), (2, 1), "an opening");
}

#[test]
fn what_is_wrong_in_a_map_is_said_with_its_place() {
    let good = "[[map]]\nname = \"x\"\nform = \"csv\"\nmatch = [\"s\"]\ncounted = \"ip\"\n[map.columns]\nts = \"t\"\norig_h = \"s\"\nresp_h = [\"a\", \"b\"]\n\
                proto = \"p\"\nbytes = \"n\"\n";
    let parse = |text: &str| file::parse(Path::new("own.toml"), text).map(|maps| maps.len());
    let mut others = Vec::new();
    assert_eq!(parse(good), Ok(1));
    assert_eq!(parse(&good.replace("\"csv\"", "[\"csv\", \"json\", \"pairs\"]")), Ok(3));
    for (from, to, says) in [
        ("name = \"x\"", "name = \"x y\"", "own.toml:2:8: a name has up to 40 letters"),
        ("\"csv\"", "\"xml\"", "own.toml:3:8: form is one of csv, pairs, json"),
        ("match = [\"s\"]", "match = []", "own.toml:4:9: match names the columns"),
        ("match = [\"s\"]", "match = [\"s\", []]", "own.toml:4:9: match names the columns"),
        ("match = [\"s\"]\n", "", "own.toml:1:1: match is missing"),
        ("counted = \"ip\"\n", "", "own.toml:1:1: counted is missing"),
        (
            "counted = \"ip\"",
            "counted = \"bits\"",
            "own.toml:5:11: counted is one of payload, payload-retransmitted, ip, frame",
        ),
        ("counted = \"ip\"", "unit = \"h\"\ncounted = \"ip\"", "own.toml:5:8: unit is one of s, ms, us, ns"),
        ("counted = \"ip\"", "time = \"iso\"\ncounted = \"ip\"", "own.toml:5:8: time is auto, epoch"),
        ("counted = \"ip\"", "time = \"%H:%M\"\ncounted = \"ip\"", "own.toml:5:8: a time has a year"),
        (
            "counted = \"ip\"",
            "assign = \":\"\ncounted = \"ip\"",
            "own.toml:5:10: pairs alone have a sign between key and value",
        ),
        ("counted = \"ip\"", "separator = \"ab\"\ncounted = \"ip\"", "own.toml:5:13: a separator is one byte"),
        ("counted = \"ip\"", "colour = 1\ncounted = \"ip\"", "own.toml:5:1: unknown field `colour`"),
        ("ts =", "time =", "own.toml:7:1: no field of ours: one of ts, date, end"),
        ("proto = \"p\"\n", "", "own.toml:1:1: map x: no column says proto"),
        ("[map.columns]", "[map.words]\nyes = \"allow\"\n[map.columns]", "own.toml:7:1: words mean one of ignored"),
        ("[map.columns]", "[map.constants]\nproto = 6\n[map.columns]", "own.toml:7:9: invalid type"),
        ("[[map]]", "extra = 1\n[[map]]", "own.toml:1:1: unknown field `extra`"),
    ] {
        let error = parse(&good.replace(from, to)).err().unwrap_or_default();
        if !error.starts_with(says) {
            others.push(format!("{to}\n{error}"));
        }
    }
    assert_eq!(others, Vec::<String>::new());
    let json = good.replace("\"csv\"", "\"json\"").replace("counted = \"ip\"", "header = [\"s\"]\ncounted = \"ip\"");
    assert!(parse(&json).unwrap_err().starts_with("own.toml:5:10: csv alone has a header"), "{json}");
    assert_eq!(
        Maps::load(&["nowhere.toml".into()]).unwrap_err(),
        "nowhere.toml: cannot be read: No such file or directory (os error 2)"
    );
}
