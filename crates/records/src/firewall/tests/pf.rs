use super::*;

/// A SYN that pfSense refused, without its header.
pub(super) const BLOCK: &str = "5,,,1000000103,em0,match,block,in,4,0x0,,64,0,0,DF,6,tcp,60,203.0.113.9,10.0.0.5,41945,1182,0,S,2310571711,,\
    64240,,mss;sackOK;TS;nop;wscale";

const PASS_V6: &str = "88,,,fae559338f65e11c53669fc3642c93c2,igc1,match,pass,out,6,0x00,0x12345,64,tcp,6,40,2001:db8::5,2001:db8:1::7,2007,25,\
    0,SEW,17,,65535,,mss";

fn line(text: &str) -> String {
    told_without_id(&format!("<134>Mar  4 16:05:38 gw filterlog[4711]: {text}"))
}

#[test]
fn a_packet_was_refused_or_opened_a_connection() {
    assert_eq!(line(BLOCK), "gw 2024-03-04T16:05:38Z~1s denied tcp 203.0.113.9:41945 > 10.0.0.5:1182");
    let stray = BLOCK.replacen(",S,", ",SA,", 1);
    assert_eq!(line(&stray), "gw 2024-03-04T16:05:38Z~1s stray tcp 203.0.113.9:41945 > 10.0.0.5:1182");
    let opened =
        "gw 2024-03-04T16:05:38Z~1s opened #id tcp 203.0.113.9:41945 > 10.0.0.5:1182 at 2024-03-04T16:05:38Z~1s";
    assert_eq!(line(&BLOCK.replacen("block", "pass", 1)), opened);
    assert_eq!(line(&stray.replacen("block", "pass", 1)), "gw skipped");
    assert_eq!(
        line(PASS_V6),
        "gw 2024-03-04T16:05:38Z~1s opened #id tcp [2001:db8::5]:2007 > [2001:db8:1::7]:25 at 2024-03-04T16:05:38Z~1s"
    );
    assert!(line(&PASS_V6.replacen("pass", "block", 1)).contains(" denied tcp [2001:db8::5]:2007 > "));
}

#[test]
fn other_protocols_are_refused_or_passed_over() {
    let udp = "5,,,1000000103,em0,match,block,in,4,0x0,,64,7,0,none,17,udp,61,203.0.113.9,10.0.0.5,53,1024,41";
    assert_eq!(line(udp), "gw 2024-03-04T16:05:38Z~1s denied udp 203.0.113.9:53 > 10.0.0.5:1024");
    let icmp = "5,,,1000000103,em0,match,block,in,4,0x0,,64,7,0,none,1,icmp,84,203.0.113.9,10.0.0.5,request,1,264";
    assert_eq!(line(icmp), "gw 2024-03-04T16:05:38Z~1s denied icmp 203.0.113.9:0 > 10.0.0.5:0");
    for text in [udp, icmp] {
        assert_eq!(line(&text.replacen("block", "pass", 1)), "gw skipped");
    }
    // A fragment that is not the first has no ports, and what was translated is not said.
    let fragment = "5,,,1000000103,em0,match,block,in,4,0x0,,64,7,185,none,6,tcp,61,203.0.113.9,10.0.0.5,";
    assert_eq!(line(fragment), "gw skipped");
    for action in ["rdr", "nat", "scrub"] {
        assert_eq!(line(&BLOCK.replacen("block", action, 1)), "gw skipped");
    }
}

#[test]
fn the_forms_of_the_header_say_the_same() {
    for (head, name) in [
        ("Mar  4 16:05:38 gw filterlog: ", "gw"),
        ("Mar  4 16:05:38 filterlog: ", "pf"),
        ("Mar  4 16:05:38 filterlog[4711]: ", "pf"),
        ("<134>1 2024-03-04T16:05:38+00:00 gw.example.com filterlog 4711 - - ", "gw.example.com"),
        ("<134>1 2024-03-04T16:05:38+00:00 gw filterlog 4711 - [meta sequenceId=\"17\"] ", "gw"),
    ] {
        assert_eq!(
            told_without_id(&format!("{head}{BLOCK}\r\n")),
            line(BLOCK).replacen("gw ", &format!("{name} "), 1),
            "{head}"
        );
    }
    for text in [BLOCK, "Mar  4 16:05:38 gw filterlog[4711]: starting, again", "Mar  4 16:05:38 gw myfilterlog: 5,,,1"]
    {
        assert_eq!(told(text), "no evidence", "{text}");
    }
}

#[test]
fn what_is_damaged_says_why() {
    for (from, to, why) in [
        (",in,4,", ",in,5,", "neither IPv4 nor IPv6"),
        (",41945,1182,0,S,2310571711,,64240,,mss;sackOK;TS;nop;wscale", ",41945", "cut off: fields are missing"),
        (",0,S,2310571711,,64240,,mss;sackOK;TS;nop;wscale", "", "cut off: fields are missing"),
        ("203.0.113.9", "203.0.113", "a source that is no address and port"),
        (",1182,", ",,", "a destination that is no address and port"),
        (",6,tcp,", ",,,", "no protocol"),
    ] {
        assert!(BLOCK.contains(from));
        assert_eq!(line(&BLOCK.replacen(from, to, 1)), why, "{from}");
    }
}
