use super::*;
use crate::told::{Told, whole};
use crate::{ByteCount, ByteKind, Bytes, ConnState, Ending, Inside, Nanos, Proto, RecordId, Whole};

const HEADER: &str = "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n\
    #open\t2023-01-05-18-51-06\n\
    #fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\t\
    conn_state\tlocal_orig\tlocal_resp\tmissed_bytes\thistory\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\t\
    tunnel_parents\n\
    #types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tbool\tbool\tcount\t\
    string\tcount\tcount\tcount\tcount\tset[string]\n";
const LINE: &str = "1672843056.913119\tCXHB1X22027MRWU6D\t192.0.2.18\t55548\t198.51.100.16\t3128\ttcp\thttp,ssl\t\
    0.084044\t1030\t20275\tSF\tT\tF\t0\tShADadFf\t18\t1974\t14\t21011\t-\n";
const SHORT_HEADER: &str = "#fields\tproto\tid.resp_p\tid.resp_h\tid.orig_p\tid.orig_h\tts\tconn_state\n";

fn read(text: &[u8]) -> Told {
    read_with(Reader::new(false), text)
}

fn read_with(mut reader: Reader, text: &[u8]) -> Told {
    let mut sink = Told::of("zeek-conn");
    let mut advanced = reader.clone();
    let block = Block::new(text, Place { file: 7, line: 1 });
    reader.read(block, HashSeed(1), &mut sink);
    advanced.advance(Block::new(text, Place { file: 0, line: 1 }));
    assert_eq!(reader.header, advanced.header, "advance leaves what read leaves");
    sink
}

/// The only record of a log with the usual columns and `line`.
fn one(line: &str) -> Whole {
    let sink = read(format!("{HEADER}{line}").as_bytes());
    assert_eq!(sink.unparsed, []);
    *whole(&sink.records[0].0)
}

#[test]
fn a_line_gives_all_that_it_says() {
    let sink = read(format!("{HEADER}{LINE}#close\t2023-01-05-18-51-07\n").as_bytes());
    assert_eq!((sink.records.len(), sink.skipped, sink.unparsed.len()), (1, 0, 0));
    let (record, sensor) = &sink.records[0];
    let whole = whole(record);
    assert_eq!(sensor, b"zeek");
    assert_eq!(record.place, Place { file: 7, line: 9 });
    assert_eq!(record.known.at, Nanos(1_672_843_056_997_163_000));
    assert_eq!(record.fingerprint, HashSeed(1).fingerprint(LINE.trim_end().as_bytes()));
    assert_eq!((whole.start.at, whole.start.resolution), (Nanos(1_672_843_056_913_119_000), 1_000));
    assert_eq!(whole.duration, Some(84_044_000));
    assert!(matches!(whole.id, RecordId::Uid(uid) if uid.as_str() == "CXHB1X22027MRWU6D"));
    assert_eq!(whole.orig.to_string(), "192.0.2.18:55548");
    assert_eq!(whole.resp.to_string(), "198.51.100.16:3128");
    assert_eq!(whole.proto, Proto::Tcp);
    assert_eq!(whole.inside, Inside { orig: Some(true), resp: Some(false) });
    let count = ByteCount::Directed { orig: 1030, resp: 20275 };
    assert_eq!(whole.bytes, Some(Bytes { kind: ByteKind::Payload, count }));
    assert_eq!((whole.state, whole.ending, whole.answered), (Some(ConnState::Sf), Ending::Fins, Some(true)));
    assert_eq!(whole.service.map(|s| s.as_str().to_owned()).as_deref(), Some("http,ssl"));
    assert_eq!(whole.history.map(|h| h.as_str().to_owned()).as_deref(), Some("ShADadFf"));
}

#[test]
fn what_is_unset_is_unknown() {
    let whole = one("1.5\tC1\tfe80::1\t133\tff02::2\t134\ticmp\t-\t-\t-\t-\tOTH\t-\t-\t0\t-\t1\t56\t0\t0\t(empty)\n");
    assert_eq!((whole.duration, whole.bytes, whole.service, whole.history), (None, None, None, None));
    assert_eq!(whole.inside, Inside::default());
    assert_eq!((whole.proto, whole.orig.port, whole.resp.port), (Proto::Icmp, 133, 134));
}

#[test]
fn half_a_byte_count_is_unknown_and_so_is_a_negative_duration() {
    let whole = one(&LINE.replace("20275", "-").replace("0.084044", "-0.000001"));
    assert_eq!((whole.bytes, whole.duration), (None, None));
}

#[test]
fn long_texts_keep_their_beginning() {
    let services = "ssl,gssapi,ntlm,smb,dce_rpc";
    let whole = one(&LINE.replace("http,ssl", services).replace("ShADadFf", "ShADadtTttTTtwWCcgGFfRRRRR"));
    assert_eq!(whole.service.expect("a service").as_str(), "ssl,gssapi,ntlm,smb");
    assert_eq!(whole.history.expect("a history").as_str(), "ShADadtTttTTtwWCcgGFfR");
    let whole = one(&LINE.replace("http,ssl", "abcdefghij,klmnopqrstu,v"));
    assert_eq!(whole.service.expect("a service").as_str(), "abcdefghij,klmnopqrstu");
}

#[test]
fn columns_stand_in_any_order_and_the_optional_ones_may_be_missing() {
    let sink = read(format!("{SHORT_HEADER}tcp\t25\t192.0.2.1\t1025\t192.0.2.2\t3.25\tS0\n").as_bytes());
    let whole = whole(&sink.records[0].0);
    assert_eq!(whole.orig.to_string(), "192.0.2.2:1025");
    assert_eq!((whole.start.at, whole.state), (Nanos(3_250_000_000), Some(ConnState::S0)));
    assert!(matches!(whole.id, RecordId::Uid(uid) if uid.as_str().len() == 16));
}

#[test]
fn the_header_says_how_it_is_written() {
    let log = "#separator ;\n#unset_field;none\n#empty_field;nil\n#path;conn\n\
        #fields;ts;id.orig_h;id.orig_p;id.resp_h;id.resp_p;proto;service;history;node;ip_proto;conn_state\n\
        1;192.0.2.2;0;192.0.2.1;0;unknown_transport;none;nil;w1;47;none\r\n";
    let sink = read(log.as_bytes());
    assert_eq!(sink.unparsed, []);
    let whole = whole(&sink.records[0].0);
    assert_eq!((whole.service, whole.history, whole.proto), (None, None, Proto::Other(47)));
    assert_eq!((whole.state, sink.records[0].1.as_slice()), (Some(ConnState::Oth), &b"zeek"[..]));
}

#[test]
fn concatenated_logs_are_read_each_by_its_own_header() {
    let dns = "#separator \\x09\n#path\tdns\n#fields\tts\tquery\n1.0\texample.org\n";
    let other = format!("#separator \\x09\n#path\tconn\n{SHORT_HEADER}tcp\t25\t192.0.2.1\t1025\t192.0.2.2\t3.25\tS0\n");
    let sink = read(format!("{dns}{HEADER}{LINE}{other}{dns}").as_bytes());
    assert_eq!((sink.records.len(), sink.skipped, sink.unparsed.len()), (2, 2, 0));
}

#[test]
fn lines_that_cannot_be_read_say_why() {
    let bad = [
        (LINE.replace("1672843056", "today"), "ts is not seconds since 1970"),
        (LINE.replace("192.0.2.18", "host.example"), "id.orig_h is not an address"),
        (LINE.replace("\t3128\t", "\t93145\t"), "id.resp_p is not a port"),
        (LINE.replace("\ttcp\t", "\t-\t"), "proto is not set"),
        (LINE.replace("1030", "-1"), "orig_bytes is not a number"),
        (LINE.replace("\tSF\t", "\tXX\t"), "conn_state is none of Zeek's"),
        (LINE.replace("\tT\t", "\ttrue\t"), "local_orig is not T or F"),
        (LINE[..60].to_owned() + "\n", "fewer fields than #fields names: cut off?"),
        (LINE.replace('\n', "\tx\n"), "more fields than #fields names"),
    ];
    for (line, why) in bad {
        assert_eq!(read(format!("{HEADER}{line}").as_bytes()).unparsed, [(9, why)]);
    }
}

#[test]
fn a_header_that_is_not_enough_makes_every_line_unparsed() {
    let log = format!("{}{LINE}", HEADER.replace("id.resp_p", "port"));
    assert_eq!(read(log.as_bytes()).unparsed, [(9, "#fields has no id.resp_p")]);
    assert_eq!(read(LINE.as_bytes()).unparsed, [(1, "no #fields line before it")]);
    let log = format!("{}{LINE}", HEADER.replace("\\x09", "\\x09\\x09"));
    assert_eq!(read(log.as_bytes()).unparsed, [(9, "#separator is not one byte")]);
}

#[test]
fn a_last_line_without_its_end_counts_where_no_column_in_use_can_be_cut() {
    assert_eq!(read(format!("{HEADER}{}", LINE.trim_end()).as_bytes()).records.len(), 1);
    let line = "tcp\t25\t192.0.2.1\t1025\t192.0.2.2\t3.25\tS";
    let sink = read(format!("{SHORT_HEADER}{line}").as_bytes());
    assert_eq!(sink.unparsed, [(2, "cut off: no line end after the last field")]);
}

#[test]
fn a_conn_log_is_known_by_its_header() {
    let sniffs = |head: &str| Reader::sniff(head.as_bytes()).is_some();
    assert!(sniffs(HEADER));
    assert!(sniffs(&HEADER.replace("#separator ", "#separator\t")));
    assert!(sniffs(&HEADER.replace("id.resp_p", "port")));
    assert!(sniffs(SHORT_HEADER));
    assert!(sniffs(&format!("#separator \\x09\n#path\tdns\n#fields\tts\tquery\n1.0\tx\n{HEADER}{LINE}")));
    assert!(!sniffs(LINE));
    assert!(!sniffs(""));
    assert!(!sniffs("# a comment\n1.0\tx\n"));
    assert!(!sniffs(&HEADER.replace("\tconn\n", "\tdns\n")));
    assert!(!sniffs("#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tquery\n"));
    assert!(!sniffs("{\"ts\":1.0}\n"));
    let json = [JSON.replace("conn", "dns").as_str(), "{broken", JSON].join("\n");
    assert!(sniffs(&json), "among lines of other logs");
    assert!(sniffs(&JSON.replace("\"_path\":\"conn\",", "")));
    assert!(sniffs(&format!("<134>Jan  4 14:37:36 sensor corelight_conn: {JSON}")));
    assert!(!sniffs(&JSON.replace("\"_path\":\"conn\"", "\"_path\":\"conn_long\"")));
    assert!(!sniffs(&JSON.replace("\"_path\":\"conn\",", "").replace("conn_state", "rcode_name")));
}

/// What [`LINE`] says, as Corelight writes it.
const JSON: &str = "{\"_path\":\"conn\",\"_system_name\":\"s1\",\"_write_ts\":\"2023-01-04T14:38:00.000000Z\",\
    \"_node_name\":\"worker-01\",\"ts\":\"2023-01-04T14:37:36.913119Z\",\"uid\":\"CXHB1X22027MRWU6D\",\
    \"id.orig_h\":\"192.0.2.18\",\"id.orig_p\":55548,\"id.resp_h\":\"198.51.100.16\",\"id.resp_p\":3128,\"proto\":\"tcp\",\
    \"service\":\"http,ssl\",\"duration\":0.08404398,\"orig_bytes\":1030,\"resp_bytes\":20275,\"conn_state\":\"SF\",\
    \"local_orig\":true,\"local_resp\":false,\"missed_bytes\":0,\"history\":\"ShADadFf\",\"orig_pkts\":18,\"vlan\":null,\
    \"tunnel_parents\":[]}\n";

#[test]
fn json_says_what_tsv_says() {
    let expected = one(LINE);
    for json in [
        JSON.to_owned(),
        JSON.replace("\"2023-01-04T14:37:36.913119Z\"", "1672843056.913119"),
        JSON.replace(":", " : ")
            .replace(",\"", " , \"")
            .replace("14 : 3", "14:3")
            .replace(" : 36.", ":36.")
            .replace(" : 00.", ":00."),
        JSON.replace("\"id.orig_h\"", "\"id\":{\"orig_h\"").replace("id.", "").replace("3128", "3128}"),
        JSON.replace("\"_path\":\"conn\",", ""),
        JSON.replace("id.", "id_"),
        JSON.replace("\"_path\":\"conn\",", "").replace('{', "{\"conn\":{").replace("}\n", "}}\n"),
        format!("<134>Jan  4 14:37:36 sensor corelight_conn: {JSON}"),
        JSON.replace("\n", ",\r\n"),
    ] {
        let sink = read_with(Reader::new(true), json.as_bytes());
        assert_eq!((sink.unparsed.as_slice(), sink.records.len()), (&[][..], 1), "{json}");
        assert_eq!(*whole(&sink.records[0].0), expected, "{json}");
    }
    let sink = read(format!("{HEADER}{LINE}{JSON}").as_bytes());
    assert_eq!((sink.records.len(), sink.unparsed.len()), (2, 0), "one after the other");
}

#[test]
fn what_json_leaves_out_is_unknown() {
    let sink = read_with(Reader::new(true), b"{\"_path\":\"conn\",\"ts\":1.5,\"id.orig_h\":\"192.0.2.1\",\"id.orig_p\":1,\
        \"id.resp_h\":\"2001:db8::1\",\"id.resp_p\":2,\"proto\":\"udp\",\"duration\":null}\n{\"_path\":\"dns\",\"ts\":1.5}\n");
    assert_eq!((sink.records.len(), sink.skipped, sink.unparsed.len()), (1, 1, 0));
    let whole = whole(&sink.records[0].0);
    assert_eq!((whole.duration, whole.bytes, whole.service, whole.state), (None, None, None, Some(ConnState::Oth)));
}

#[test]
fn json_that_cannot_be_read_says_why_and_where() {
    for (line, why, columns) in [
        (JSON[..70].to_owned(), "JSON: the line ends within the object: cut off?", &[71][..]),
        (JSON.replace("1030,", "1030"), "JSON: no comma between two values", &[JSON.find("\"resp_bytes").unwrap()]),
        ("no object".to_owned(), "JSON: no object begins", &[1]),
        (JSON.replace("3128", "93145"), "id.resp_p is not a port", &[]),
        (JSON.replace("2023-01-04T14:37", "2023-01-04T14:87"), "ts is neither a number of seconds nor a time", &[]),
        (JSON.replace("true", "\"yes\""), "local_orig is not T or F", &[]),
    ] {
        let sink = read_with(Reader::new(true), line.as_bytes());
        assert_eq!((sink.unparsed.as_slice(), sink.columns.as_slice()), (&[(1, why)][..], columns), "{line}");
    }
}

#[test]
fn blocks_give_what_the_whole_file_gives() {
    let dns = "#separator \\x09\n#path\tdns\n#fields\tts\tquery\n1.0\texample.org\n";
    let log = format!("{HEADER}{LINE}\r\n\n{dns}{SHORT_HEADER}{HEADER}{LINE}{LINE}");
    let want = read(log.as_bytes());
    for (cut, _) in log.match_indices('\n') {
        let (head, tail) = log.as_bytes().split_at(cut + 1);
        let mut advanced = Reader::new(false);
        let mut first = advanced.clone();
        let mut sink = Told::of("zeek-conn");
        first.read(Block::new(head, Place { file: 7, line: 1 }), HashSeed(1), &mut sink);
        advanced.advance(Block::new(head, Place { file: 0, line: 1 }));
        assert_eq!(first.header, advanced.header);
        let line = 1 + head.iter().filter(|byte| **byte == b'\n').count() as u64;
        advanced.read(Block::new(tail, Place { file: 7, line }), HashSeed(1), &mut sink);
        assert_eq!(sink.records, want.records);
        assert_eq!((sink.skipped, &sink.unparsed), (want.skipped, &want.unparsed));
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let log = format!("{HEADER}{LINE}{SHORT_HEADER}tcp\t25\t192.0.2.1\t1025\t::1\t3.25\tS0\n{HEADER}{LINE}");
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = move |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    for _ in 0..3_000 {
        let mut bytes = log.clone().into_bytes();
        for _ in 0..1 + next(12) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes[at] = b"\t\n\r#-.0\\\xff\x00"[next(10)],
                2 => bytes[at] = next(256) as u8,
                _ => drop(bytes.remove(at.min(bytes.len() - 1))),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let sink = read(&bytes);
        assert!(sink.records.len() + sink.unparsed.len() + sink.skipped <= bytes.len());
        let _ = Reader::sniff(&bytes);
    }
}
