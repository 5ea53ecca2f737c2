//! Rules held against payloads: what fires and what does not.

use std::net::{IpAddr, Ipv4Addr};

use catspaw_rules::{Buffer, Code, Loaded, Severity};
use catspaw_rules::{
    Builder, Class, Direction, Facts, Flow, FlowBits, PacketView, Ruleset, Scratch, StreamView, Variables,
};

const OF_2003: &str = "alert tcp $EXTERNAL_NET !25:80 -> $INTERNAL_NET !25:80 \
    (msg:\"SMTP traffic on nonstandard port\";content:\"RCPT TO\"; nocase;)";

fn load(text: &str) -> (Ruleset, Loaded) {
    let mut builder = Builder::new(Variables::default());
    let loaded = builder.add(text.as_bytes());
    (builder.build().expect("small patterns"), loaded)
}

fn flow(src_port: u16, dst_port: u16) -> Flow {
    let (src, dst) = (IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
    Flow { class: Class::Tcp, src, src_port, dst, dst_port }
}

fn fires_on_stream(rules: &Ruleset, flow: Flow, buffer: Buffer<'_>) -> Vec<u32> {
    fires_behind_a_packet(rules, flow, buffer, 0)
}

/// The same where so many bytes were a packet before.
fn fires_behind_a_packet(rules: &Ruleset, flow: Flow, buffer: Buffer<'_>, passed: usize) -> Vec<u32> {
    let mut sids = Vec::new();
    let (mut bits, mut scratch) = (FlowBits::default(), Scratch::default());
    let view = StreamView { flow, state: (Direction::ToServer, true), buffer, barren: false, passed };
    let candidates = rules.candidates(flow);
    rules.stream(&view, candidates, &mut bits, &mut scratch, &mut |_, rule| sids.push(rule.meta.sid));
    sids
}

/// Whether a rule with these options fires on the payload of one packet.
fn fires(options: &str, payload: &[u8]) -> bool {
    let (rules, loaded) = load(&format!("alert tcp-pkt any any -> any any ({options} sid:1;)"));
    assert_eq!(loaded.refused, 0, "{:?}", loaded.diagnostics);
    let facts = Facts { ip: &[], proto: 6, transport: &[], payload, payload_len: payload.len() as u32, same_ip: false };
    let flow = flow(1000, 2000);
    let view = PacketView { flow, state: None, facts, in_stream: false, first: true };
    let (mut bits, mut scratch, mut fired) = (FlowBits::default(), Scratch::default(), 0);
    rules.packet(&view, rules.candidates(flow), &mut bits, &mut scratch, &mut |_, _| fired += 1);
    fired == 1
}

#[test]
fn the_rule_of_2003_runs_unmodified_and_however_mail_broke_it() {
    let (rules, loaded) = load(OF_2003);
    assert_eq!((loaded.rules, loaded.refused), (1, 0), "{:?}", loaded.diagnostics);
    assert_eq!((loaded.diagnostics[0].code, loaded.diagnostics[0].severity), (Code::NoSid, Severity::Warning));
    let sid = rules.rules()[0].meta.sid;
    for (at, _) in OF_2003.match_indices(' ') {
        for line_end in ["\n", "\r\n", " \n  "] {
            let broken = format!("{}{line_end}{}", &OF_2003[..at], &OF_2003[at + 1..]);
            let (rules, loaded) = load(&broken);
            assert_eq!((loaded.rules, loaded.refused), (1, 0), "{broken}: {:?}", loaded.diagnostics);
            assert_eq!(rules.rules()[0].meta.sid, sid, "{broken}");
        }
    }
    let said = b"MAIL FROM:<a>\r\nrcpt to:<b>\r\n";
    assert_eq!(fires_on_stream(&rules, flow(3000, 1182), Buffer::packet(said)), [sid]);
    for (src, dst) in [(3000, 25), (3000, 80), (25, 1182), (3000, 60)] {
        assert_eq!(fires_on_stream(&rules, flow(src, dst), Buffer::packet(said)), [0u32; 0], "{src} -> {dst}");
    }
    assert!(fires_on_stream(&rules, flow(3000, 1182).turned(), Buffer::packet(said)).is_empty());
}

#[test]
fn what_was_seen_before_does_not_fire_again() {
    let (rules, _) = load(OF_2003);
    let bytes = b"RCPT TO:<a> and RCPT TO";
    let flow = flow(3000, 1182);
    let at = |seen| fires_on_stream(&rules, flow, Buffer { bytes, base: 0, seen }).len();
    assert_eq!([at(0), at(3), at(12), at(bytes.len() - 1), at(bytes.len())], [1, 1, 1, 0, 0]);
}

#[test]
fn what_was_a_packet_before_fires_again_where_packets_and_streams_are_looked_at() {
    let (rules, _) = load(
        "alert tcp any any -> any any (content:\"AB\"; sid:1;)
        alert tcp any any -> any any (content:\"AB\"; depth:9; sid:2;)
        alert tcp any any -> any any (flow:only_stream; content:\"AB\"; sid:3;)
        alert tcp any any -> any any (content:!\"zz\"; sid:4;)
        pass tcp any any -> any any (content:\"AB\"; sid:5;)",
    );
    let behind = |passed| fires_behind_a_packet(&rules, flow(3000, 1182), Buffer::packet(b"xABx"), passed);
    assert_eq!([0, 2].map(behind), [vec![5, 1, 2, 3, 4], vec![5, 1, 2, 3, 4]]);
    // What asks for nothing that is there fires at what is new, and where nothing is, not again.
    assert_eq!([3, 4].map(behind), [vec![5, 2, 3, 4], vec![5, 2, 3]]);
}

#[test]
fn places_of_contents() {
    for (options, payload, expected) in [
        ("content:\"AB\"; content:\"CD\"; distance:1; within:3;", &b"ABxCD"[..], true),
        ("content:\"AB\"; content:\"CD\"; distance:1; within:3;", b"ABxxxCD", false),
        // The first AB does not do, the second does.
        ("content:\"AB\"; content:\"CD\"; distance:0; within:2;", b"AB AB ABCD", true),
        ("content:\"AB\"; depth:2;", b"xAB", false),
        ("content:\"AB\"; offset:1; depth:2;", b"xAB", true),
        ("content:\"AB\"; startswith; endswith;", b"AB", true),
        ("content:\"AB\"; startswith; endswith;", b"ABx", false),
        ("content:\"ab\"; nocase; content:!\"cd\";", b"xAb", true),
        ("content:\"ab\"; nocase; content:!\"cd\";", b"xAbcd", false),
        ("content:\"a|0d 0A|b\\;\\\"\";", b"a\r\nb;\"", true),
        ("content:\"AB\"; isdataat:2,relative;", b"ABxy", true),
        ("content:\"AB\"; isdataat:!2,relative;", b"ABx", true),
        ("content:\"AB\"; pcre:\"/^\\x00./Rs\";", b"AB\0\n", true),
        ("pcre:\"/^a[^\\]\\/]+b$/i\";", b"Axx]B\n", false),
        ("pcre:\"/^a[^\\/]+b$/i\";", b"Axx]B\n", true),
        ("content:\"L\"; byte_test:2,>,255,0,relative;", b"L\x01\x00", true),
        ("content:\"L\"; byte_jump:1,0,relative; content:\"E\"; within:1;", b"L\x02xxE", true),
        ("byte_extract:1,0,n; content:\"E\"; offset:n; depth:1;", b"\x03xxE", true),
        ("byte_test:2,=,13,1,string,dec;", b"x13y", true),
        ("byte_math:bytes 1,offset 0,oper +,rvalue 2,result n; content:\"E\"; offset:n; depth:1;", b"\x01xxE", true),
        ("byte_math:bytes 1,offset 0,oper +,rvalue 2,result n; content:\"E\"; offset:n; depth:1;", b"\x02xxE", false),
        (
            "content:\"L\"; byte_math: bytes 2, offset 0, oper *, rvalue 2, result n, relative, endian little, bitmask 0x0c; \
             byte_test:1,=,n,0;",
            // 7 times 2 is 0b1110, and what the mask leaves is 3.
            b"\x03L\x07\x00",
            true,
        ),
        (
            "byte_math:bytes 1,offset 0,oper >>,rvalue 1,result n; byte_math:bytes 1,offset 1,oper -,rvalue n,result m,string dec; \
             content:\"E\"; offset:m; depth:1;",
            b"\x045xE",
            true,
        ),
        ("byte_math:bytes 1,offset 0,oper /,rvalue 0,result n;", b"\x01", false),
        ("byte_math:bytes 4,offset 0,oper <<,rvalue 64,result n; byte_test:1,=,n,4;", b"\xff\xff\xff\xff\x00", true),
        // What follows a number that was taken counts from its end.
        ("content:\"L\"; byte_extract:1,0,n,relative; content:\"E\"; distance:0; within:1;", b"L\x07E", true),
        ("byte_math:bytes 1,offset 1,oper +,rvalue 2,result n; content:\"E\"; distance:0; within:1;", b"xxE", true),
        ("content:\"L\"; byte_test:1,=,7,0,relative; content:\"|07|\"; distance:0; within:1;", b"L\x07E", true),
        // A jump to before the beginning ends there; one to behind the end is none.
        ("content:\"CD\"; byte_jump:0,0,relative,post_offset -9; content:\"AB\"; within:2;", b"ABCD", true),
        ("byte_jump:0,0,from_end; isdataat:0,relative;", b"AB", true),
        ("byte_jump:0,0,from_end,post_offset 1;", b"AB", false),
        ("content:\"AB\"; prefilter; isdataat:2;", b"ABx", true),
        ("content:\"AB\"; isdataat:3;", b"ABx", false),
        ("content:\"AB\"; isdataat:!3;", b"ABx", true),
        ("dsize:!3;", b"abcd", true),
        ("dsize:!3;", b"", false),
        ("dsize:3;", b"abc", true),
        ("dsize:1<>3;", b"abc", false),
    ] {
        assert_eq!(fires(options, payload), expected, "{options} on {payload:?}");
    }
}

#[test]
fn what_asks_for_addresses_alone_is_held_against_first_packets_and_before_others() {
    let text = "alert ip any any -> any any (flowbits:unset,a; dsize:0; sid:1;)
        alert ip any any -> any any (ip_proto:6; flowbits:set,a; sid:2;)
        alert tcp-pkt any any -> any any (flowbits:set,b; sid:3;)
        alert ip any any -> any any (flowbits:isset,a; sid:4;)
        alert ip any any -> any any (ip_proto:6; flowbits:unset,b; sid:5;)";
    let (rules, loaded) = load(text);
    assert_eq!(loaded.refused, 0, "{:?}", loaded.diagnostics);
    let (flow, mut bits, mut scratch) = (flow(1000, 2000), FlowBits::default(), Scratch::default());
    let facts = Facts { ip: &[], proto: 6, transport: &[], payload: b"x", payload_len: 1, same_ip: false };
    let mut fired = |first| {
        let (view, mut sids) = (PacketView { flow, state: None, facts, in_stream: false, first }, Vec::new());
        let mut matched = |_, rule: &catspaw_rules::Rule| sids.push(rule.meta.sid);
        rules.packet(&view, rules.candidates(flow), &mut bits, &mut scratch, &mut matched);
        sids
    };
    assert_eq!((fired(true), fired(false)), (vec![2, 3, 5, 4], vec![5, 4]));
}

#[test]
fn what_had_to_come_yet_makes_a_match_new() {
    let flow = flow(3000, 1182);
    let at = |options: &str, base, seen| {
        let (rules, _) = load(&format!("alert tcp any any -> any any ({options} sid:1;)"));
        fires_on_stream(&rules, flow, Buffer { bytes: b"AB\x01xxx", base, seen }).len()
    };
    for options in ["content:\"AB\"; isdataat:3,relative;", "content:\"AB\"; byte_test:1,=,120,1,relative;"] {
        assert_eq!([0, 3, 5].map(|seen| at(options, 0, seen)), [1, 1, 0], "{options}");
    }
    // What lies before the bytes that are held cannot be jumped to.
    assert_eq!(at("byte_jump:0,0,relative,from_beginning,post_offset 2;", 10, 0), 0);
    assert_eq!(at("byte_jump:0,0,relative,from_beginning,post_offset 12;", 10, 0), 1);
    // Places that are not relative count from the stream's beginning.
    for options in ["byte_test:1,=,65,10;", "isdataat:15;", "byte_jump:1,12;"] {
        assert_eq!((at(options, 10, 0), at(options, 9, 0), at(options, 0, 0)), (1, 0, 0), "{options}");
    }
}

#[test]
fn what_is_refused_is_refused_by_name_and_place() {
    for (text, code, line, column) in [
        ("alert tcp any any -> any any (msg:\"x\"; http_uri; sid:1;)", Code::NotBuilt, 1, 40),
        ("alert tcp any any -> any any (contant:\"x\"; sid:1;)", Code::UnknownKeyword, 1, 31),
        ("# c\nalert tcp any $NOBODY -> any any (sid:1;)", Code::Variable, 2, 15),
        ("alert http any any -> any any (sid:1;)", Code::NotBuilt, 1, 7),
        ("alert tcp any any -> any any (msg:\u{201c}x\u{201d}; sid:1;)\n", Code::Typography, 1, 35),
        ("alert tcp any any \u{2013}> any any (sid:1;)", Code::Typography, 1, 19),
        (
            "alert tcp any any -> any any (msg:\"x; sid:1;)\nalert tcp any any -> any any (sid:2;)",
            Code::Unclosed,
            1,
            35,
        ),
        ("alert tcp any any -> any any (msg:\"x\nalert tcp any any -> any any (sid:2;)", Code::Unclosed, 1, 1),
        ("alert tcp any any -> any any (pcre:\"/(?=a)/\"; sid:1;)", Code::Pattern, 1, 36),
        ("alert tcp any any -> any any (nocase; sid:1;)", Code::Conflict, 1, 31),
        ("alert ip any any -> any any (xbits:set,a; sid:1;)", Code::Value, 1, 36),
        ("alert ip any any -> any any (hostbits:set,a,both; sid:1;)", Code::Value, 1, 39),
        ("pass ip any any -> any any (hostbits:isset,a; sid:1;)", Code::NotBuilt, 1, 1),
        ("pass ip any any -> any any (hostbits:set,a; sid:1;)", Code::NotBuilt, 1, 1),
        ("alert ip any any -> any any (xbits:isset,a,track ip_src; flowbits:set,b; sid:1;)", Code::NotBuilt, 1, 1),
        (
            "alert ip any any -> any any (byte_math:bytes 1,offset 0,oper %,rvalue 1,result n; sid:1;)",
            Code::Value,
            1,
            40,
        ),
    ] {
        let (_, loaded) = load(text);
        let found = loaded.diagnostics.first().map(|d| (d.code, d.line, d.column));
        assert_eq!(found, Some((code, line, column)), "{text}: {:?}", loaded.diagnostics);
    }
}

#[test]
fn a_semicolon_that_is_missing_is_said() {
    for (options, code, column) in [
        ("msg:\"x\" sid:1; content:\"a\";", Code::Option, 39),
        ("msg:\"x\" content:\"RCPT TO\"; sid:1;", Code::Option, 39),
        ("msg:\"x\"content:\"RCPT TO\"; sid:1;", Code::Option, 38),
        ("classtype:trojan-activity sid:1;", Code::Option, 57),
        ("sid:1; reference:url,example.org/a content:\"a\";", Code::Option, 66),
        ("flowbits:set,a content:\"RCPT TO\"; sid:1;", Code::Option, 46),
        ("flow:established\tcontent:\"a\"; sid:1;", Code::Option, 48),
        ("sid:1; tag:session,5,packets classtype:bad-unknown;", Code::Option, 60),
        ("sid:1; target:src_ip content:\"a\";", Code::Option, 52),
        ("classtype:bad-unknown nocase; sid:1;", Code::Option, 53),
        ("content:\"a\" nocase; sid:1;", Code::Option, 43),
        ("content:!\"a\" nocase; content:\"b\"; sid:1;", Code::Option, 44),
        ("content:\"a\"; depth:5 nocase; sid:1;", Code::Option, 52),
        ("content:\"a\"nocase; sid:1;", Code::Option, 42),
        ("content:\"a\"; nocase content:\"b\"; sid:1;", Code::Option, 51),
        ("noalert  content:\"b\"; sid:1;", Code::Option, 40),
        ("pcre:\"/a/\" http_uri; sid:1;", Code::Option, 42),
        ("flowbits:noalert uricontent:\"a\"; sid:1;", Code::Option, 48),
        ("threshold:type limit, track by_src, count 1, seconds 60 sid:1;", Code::Option, 87),
        ("flowbits:set,a noalert; sid:1;", Code::Option, 46),
        ("flowbits:isset,a Content : \"x\"; sid:1;", Code::Option, 48),
    ] {
        let (_, loaded) = load(&format!("alert tcp any any -> any any ({options})"));
        let first = loaded.diagnostics.first().expect(options);
        assert_eq!((first.code, first.column, loaded.rules), (code, column, 0), "{options}: {first:?}");
        let word = first.message.split('`').nth(5).expect("which is taken for a part");
        assert_eq!(first.help, Some(format!("`;` missing before `{word}`")), "{options}");
    }
    let (_, loaded) =
        load("alert tcp any any -> any any (sid:1; metadata:author jane, priority: high; content:\"a\";)");
    assert_eq!((loaded.rules, loaded.diagnostics[0].severity), (1, Severity::Warning), "metadata is free text");
    for options in [
        "content:\"a nocase\\; b\\\" content: c\"; content:!\"d nocase\"; flowbits: noalert; sid:1;",
        "pcre:\"/a nocase id: b/\"; flowbits:set,content; sid:1;",
        "msg:\"mail nocase\"; metadata:former_category nocase, service http; sid:1;",
        "msg:\"the \"content\" of: a letter\"; sid:1;",
        "msg:\"x content: y\\; sid:1\"; sid:1;",
        "msg:\"a \\\" sid:2\"; sid:1;",
        "sid:1; reference:url,example.org/?id:5; metadata:created_at 2003_03_04, service http;",
        "sid:1; classtype:trojan-activity;",
    ] {
        let (_, loaded) = load(&format!("alert tcp any any -> any any ({options})"));
        assert_eq!(loaded.diagnostics, [], "{options}");
    }
}

#[test]
fn who_writes_a_name_a_little_otherwise_is_told_which_was_meant() {
    for (text, help) in [
        ("alert tcp any any -> any any (contnet:\"x\"; sid:1;)", "perhaps `content` is meant"),
        ("alert tcp $EXTRENAL_NET any -> any any (sid:1;)", "perhaps $EXTERNAL_NET is meant; else define it"),
        ("alert tcp any any -> $home_net any (sid:1;)", "perhaps $HOME_NET is meant; else define it"),
        ("alert tcp any any -> any $HTTP_PORT (sid:1;)", "perhaps $HTTP_PORTS is meant; else define it"),
        ("alert tcp any any -> $NOBODY any (sid:1;)", "define it: --var NOBODY=VALUE"),
    ] {
        let (_, loaded) = load(text);
        let said = loaded.diagnostics.first().and_then(|d| d.help.clone()).unwrap_or_default();
        assert!(said.starts_with(help), "{text}: {said}");
    }
}

#[test]
fn what_is_wrong_among_a_few_words_is_said_with_those_that_are_right() {
    let rule = |options: &str| format!("alert tcp any any -> any any ({options} sid:1;)");
    for (text, help) in [
        (rule("flow:to_sever;"), "to_server, to_client"),
        (rule("flowbits:sett,x;"), "set, unset, toggle, isset, isnotset and noalert are"),
        (rule("xbits:sett,x,track ip_src;"), "set, unset, toggle, isset, isnotset and noalert are"),
        (rule("flags:X;"), "the flags are F, S, R, P, A, U, E"),
        (rule("ipopts:lssr;"), "lsrr, esec"),
        (rule("pcre:\"/x/z\";"), "the modifiers are i, s, m"),
        (
            rule("threshold:type limits, track by_src, count 1, seconds 1;"),
            "type limit, type threshold and type both are",
        ),
        (rule("threshold:type limit, track by_source, count 1, seconds 1;"), "track by_src, by_dst"),
        (rule("threshold:type limit, tracks by_src, count 1, seconds 1;"), "type (of threshold), track, count"),
        (rule("byte_test:1,==,0,0;"), "the comparisons are <, >, =, <=, >=, & and ^"),
        (rule("byte_test:1,=,0,0,relativ;"), "relative, big, little"),
        (rule("byte_math:bytes 1, offset 0, oper %, rvalue 1, result x;"), "the operators are +, -, *, /, << and >>"),
        (rule("byte_math:bytes 1, offset 0, operator +, rvalue 1, result x;"), "bytes, offset, oper, rvalue, result"),
        (rule("content:\"x\"; isdataat:1,relativ;"), "relative and rawbytes are"),
        (rule("").replacen("tcp", "tpc", 1), "the protocols are tcp, udp, icmp, ip, tcp-pkt and tcp-stream"),
        (rule("").replacen("->", "=>", 1), "the arrows are `->` and `<>`"),
        (rule("").replacen("alert", "alret", 1), "the actions are alert, pass, drop, reject and log"),
    ] {
        let loaded = Builder::new(Variables::default()).add(text.as_bytes());
        let helps: Vec<_> = loaded.diagnostics.iter().filter_map(|one| one.help.as_deref()).collect();
        assert!(helps.iter().any(|own| own.contains(help)), "{text}: {:?}", loaded.diagnostics);
    }
}
