use super::*;

/// A packet as the LOG of iptables has it, from its first field on.
pub(super) const PACKET: &str = "IN=eth0 OUT=eth1 MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 SRC=203.0.113.9 DST=10.0.0.5 \
    LEN=60 TOS=0x00 PREC=0x00 TTL=50 ID=51005 DF PROTO=TCP SPT=41945 DPT=1182 WINDOW=7300 RES=0x00 SYN URGP=0 ";

const THERE: &str = "src=10.0.0.5 dst=198.51.100.7 sport=2007 dport=25";
const BACK: &str = "src=198.51.100.7 dst=192.0.2.31 sport=25 dport=40123";

#[test]
fn an_event_has_both_ways_of_a_connection() {
    let new = format!("[1709568316.123456]\t    [NEW] tcp      6 120 SYN_SENT {THERE} [UNREPLIED] {BACK}");
    assert_eq!(
        told_without_id(&new),
        "conntrack 2024-03-04T16:05:16.123456Z~us opened #id tcp 10.0.0.5:2007=192.0.2.31:40123 > 198.51.100.7:25 at \
         2024-03-04T16:05:16.123456Z~us"
    );
    let destroy = format!(
        "[1709568458.557000]\t[DESTROY] tcp      6 TIME_WAIT {THERE} packets=18 bytes=2764 {BACK} packets=16 bytes=1068 \
         [ASSURED] mark=0 delta-time=142"
    );
    let whole = "conntrack 2024-03-04T16:07:38.557Z~us whole #id tcp 10.0.0.5:2007=192.0.2.31:40123 > 198.51.100.7:25 from \
        2024-03-04T16:05:15.557Z~1000001000ns for 142s, PayloadReckoned 1820+228, Fins";
    assert_eq!(told_without_id(&destroy), whole);
    let id = |line: &str| told(line).split_once('#').map(|(_, rest)| rest.split(' ').next().unwrap().to_owned());
    assert_eq!(id(&new), id(&destroy));
    assert_ne!(id(&new), id(&destroy.replacen("sport=2007", "sport=2008", 1)));
    // With `-o extended` the family stands first.
    assert_eq!(told_without_id(&destroy.replacen("] tcp", "] ipv4     2 tcp", 1)), whole);
    assert_eq!(told(&new.replacen("[NEW]", "[UPDATE]", 1)), "conntrack skipped");
    // To a server behind NAT, from a client that is not translated.
    let inbound = "[1709568316.000000]\t    [NEW] tcp      6 120 SYN_SENT src=203.0.113.9 dst=192.0.2.25 sport=7 dport=25 \
        [UNREPLIED] src=10.0.0.25 dst=203.0.113.9 sport=2525 dport=7";
    assert!(told(inbound).contains(" tcp 203.0.113.9:7 > 10.0.0.25:2525=192.0.2.25:25 at "), "{}", told(inbound));
}

#[test]
fn the_state_and_the_counts_say_how_it_ended() {
    let destroy = |state: &str, mark: &str, counts: [&str; 2]| {
        told(&format!(
            "[1709568458.000000]\t[DESTROY] tcp      6 {state} {THERE}{} {BACK}{} {mark}",
            counts[0], counts[1]
        ))
    };
    let none = ["", ""];
    for (state, ending) in [
        ("TIME_WAIT", "Fins"),
        ("LAST_ACK", "Fins"),
        ("CLOSE", "Reset"),
        ("FIN_WAIT", "HalfClosed"),
        ("ESTABLISHED", "Idle"),
        ("SYN_SENT", "NoAnswer"),
        ("", "Unknown"),
    ] {
        let said = destroy(state, "[ASSURED]", none);
        assert!(said.ends_with(&format!(" from 2024-03-04T16:07:38Z~us for ?, ?, {ending}")), "{state}: {said}");
    }
    assert!(destroy("", "[UNREPLIED]", none).ends_with("?, NoAnswer answered false"));
    // A SYN and a reset: there was nobody, though something came back.
    let refused = destroy("CLOSE", "", [" packets=1 bytes=60", " packets=1 bytes=40"]);
    assert!(refused.ends_with("PayloadReckoned 0+0, Reset answered false"), "{refused}");
}

#[test]
fn ulogd_says_the_same() {
    let line = "Mar  4 16:05:38 gw [DESTROY] ORIG: SRC=10.0.0.5 DST=198.51.100.7 PROTO=TCP SPT=2007 DPT=25 PKTS=18 BYTES=2764 , \
        REPLY: SRC=198.51.100.7 DST=192.0.2.31 PROTO=TCP SPT=25 DPT=40123 PKTS=16 BYTES=1068 ";
    for line in [line.to_owned(), line.replacen("gw ", "gw ulogd[1770]: ", 1)] {
        assert_eq!(
            told_without_id(&line),
            "gw 2024-03-04T16:05:38Z~1s whole #id tcp 10.0.0.5:2007=192.0.2.31:40123 > 198.51.100.7:25 from \
             2024-03-04T16:05:38Z~1s for ?, PayloadReckoned 1820+228, Unknown"
        );
    }
}

#[test]
fn vyos_says_when_it_began_and_ended() {
    let line = format!(
        "Jul 16 12:55:24 vyos-conntrack-logger[9387]: [DESTROY] 1411737613 tcp       6 {THERE} {BACK} [ASSURED] start=1721134494073916335 \
         stop=1721134524073621287 delta=29.999705"
    );
    assert_eq!(
        told_without_id(&line),
        "conntrack 2024-07-16T12:55:24.073621287Z~ns whole #id tcp 10.0.0.5:2007=192.0.2.31:40123 > 198.51.100.7:25 from \
         2024-07-16T12:54:54.073916335Z~ns for 29s, ?, Unknown"
    );
}

#[test]
fn proxmox_leaves_an_interface_out() {
    let head = "100 6 PVEFW-HOST-IN 04/Mar/2024:17:05:38 +0100 policy DROP: ";
    let denied = "netfilter 2024-03-04T16:05:38Z~1s denied tcp 203.0.113.9:41945 > 10.0.0.5:1182";
    for interfaces in ["IN=eth0 OUT=eth1 ", "IN=vmbr0 PHYSIN=enp2s0 ", "OUT=vmbr0 PHYSOUT=tap100i0 "] {
        let packet = PACKET.replacen("IN=eth0 OUT=eth1 ", interfaces, 1);
        assert_eq!(told(&format!("{head}{packet}")), denied, "{interfaces}");
    }
}

#[test]
fn a_table_has_no_stamps() {
    for line in [
        format!("ipv4     2 tcp      6 431999 ESTABLISHED {THERE} {BACK} [ASSURED] mark=0 use=2"),
        format!("tcp      6 431999 ESTABLISHED {THERE} {BACK} [ASSURED] mark=0 use=1"),
    ] {
        assert_eq!(told(&line), "no stamp: a table says what is open, and not when");
    }
}

#[test]
fn a_packet_was_refused_only_if_the_prefix_says_so() {
    let line = |prefix: &str, packet: &str| told_without_id(&format!("Mar  4 16:05:38 gw kernel: {prefix}{packet}"));
    for prefix in [
        "[486938.916177] [UFW BLOCK] ",
        "DROP:",
        "[7.5] FORWARD-reject ",
        "denied: ",
        "filter/input drop ",
        "[WAN_LOCAL-default-D]",
        "[7.5] [ipv4-FWD-filter-10-R] ",
        "[WAN_IN-D-1000] DESCR=\"Isolate cameras\" ",
        "[WAN_LOCAL-4000-D] DESCR=\"no rule description\" ",
        "[CUSTOM1_WAN-R-10000]DESCR=\"Allow past\" ",
        "[CAM-D-1000] DESCR",
    ] {
        assert_eq!(
            line(prefix, PACKET),
            "gw 2024-03-04T16:05:38Z~1s denied tcp 203.0.113.9:41945 > 10.0.0.5:1182",
            "{prefix}"
        );
        let stray = PACKET.replacen(" SYN ", " ACK SYN ", 1);
        assert_eq!(
            line(prefix, &stray),
            "gw 2024-03-04T16:05:38Z~1s stray tcp 203.0.113.9:41945 > 10.0.0.5:1182",
            "{prefix}"
        );
    }
    for prefix in [
        "",
        "[486938.916177] ",
        "[UFW ALLOW] ",
        "new connection: ",
        "[BLOCK_IOT-3001-A]",
        "[CUSTOM1_WAN-A-10000] DESCR=\"Allow past the block list\" ",
    ] {
        assert_eq!(
            line(prefix, PACKET),
            "gw 2024-03-04T16:05:38Z~1s opened #id tcp 203.0.113.9:41945 > 10.0.0.5:1182 at 2024-03-04T16:05:38Z~1s",
            "{prefix}"
        );
        assert_eq!(line(prefix, &PACKET.replacen(" SYN ", " ACK FIN ", 1)), "gw skipped");
        assert_eq!(line(prefix, &PACKET.replacen("PROTO=TCP", "PROTO=UDP", 1)), "gw skipped");
    }
}

#[test]
fn what_ufw_audits_is_not_decided_yet() {
    let line =
        |prefix: &str, packet: &str| told_without_id(&format!("Mar  4 16:05:38 gw kernel: [7.5] {prefix} {packet}"));
    for prefix in [
        "[UFW AUDIT]",
        "[UFW AUDIT INVALID]",
        "[LAN_IN-RET-2147483647] DESCR=\"Block list exceptions\"",
        "[BLOCK_X-RET-2001]",
    ] {
        assert_eq!(line(prefix, PACKET), "gw skipped");
        assert_eq!(
            line(prefix, &PACKET.replacen("SRC=203.0.113.9", "SRC=x", 1)),
            "a source that is no address and port"
        );
    }
    assert!(line("[UFW ALLOW]", PACKET).contains(" opened "));
    assert!(line("[UFW LIMIT BLOCK]", PACKET).contains(" denied "));
}

#[test]
fn the_prefix_is_found_behind_headers_of_other_collectors() {
    for head in [
        "<4>1 2024-03-04T16:05:38Z gw kernel - - - ",
        "Mar  4 16:05:38 gw ",
        "Mar  4 16:05:38 gw ulogd[7]: ",
        "1709568338.123456 gw kernel: [7.5] ",
        "Mon Mar  4 16:05:38 CET 2024 gw kernel: ",
    ] {
        let told = |prefix: &str| told_without_id(&format!("{head}{prefix}{PACKET}"));
        assert!(told("[UFW BLOCK] ").contains(" denied tcp "), "{head}");
        assert!(told("").contains(" opened #id tcp "), "{head}");
        assert!(told("").starts_with("gw 2024-03-04T16:05:38"), "{head}");
    }
    let unix = told_without_id(&format!("1709568338.123456 gw kernel: DROP {PACKET}"));
    assert_eq!(unix, "gw 2024-03-04T16:05:38.123456Z~us denied tcp 203.0.113.9:41945 > 10.0.0.5:1182");
    let unnamed = told_without_id(&format!("Mar  4 16:05:38 DENY: {PACKET}"));
    assert!(unnamed.contains(" denied tcp 203.0.113.9:41945 > 10.0.0.5:1182"), "{unnamed}");
    // `dmesg` names no machine.
    for head in [
        "[Mon Mar  4 16:05:38 2024] ",
        "kern  :warn  : [Mon Mar  4 16:05:38 2024] ",
        "2024-03-04T16:05:38,000000+00:00 ",
        "Mar  4 16:05:38 2024 ",
        "Mar  4 16:05:38 ",
    ] {
        for (prefix, says) in [
            ("DROP ", " denied tcp "),
            ("REJECT wan in: ", " denied tcp "),
            ("[UFW BLOCK] ", " denied tcp "),
            ("ACCEPT ", " opened #id tcp "),
        ] {
            let line = format!("{head}{prefix}{PACKET}");
            let told = told_without_id(&line);
            assert!(told.starts_with("netfilter 2024-03-04T16:05:38") && told.contains(says), "{line}\n{told}");
        }
    }
    // A name is no prefix.
    assert!(told_without_id(&format!("Mar  4 16:05:38 drop-gw kernel: {PACKET}")).contains(" opened "));
    assert!(told_without_id(&format!("Mar  4 16:05:38 drop-gw {PACKET}")).contains(" opened "));
}

#[test]
fn the_packet_within_an_error_is_not_the_packet() {
    let line = "2024-03-04T16:05:38+01:00 gw kernel: DROP IN=eth0 OUT= MAC= SRC=203.0.113.9 DST=192.0.2.31 LEN=88 TOS=0x00 PREC=0xC0 \
        TTL=58 ID=1 PROTO=ICMP TYPE=3 CODE=3 [SRC=192.0.2.31 DST=198.51.100.9 LEN=60 PROTO=UDP SPT=53 DPT=1024 LEN=40 ]";
    assert_eq!(told(line), "gw 2024-03-04T15:05:38Z~1s denied icmp 203.0.113.9:0 > 192.0.2.31:0");
    assert_eq!(told(&line.replacen("2024-03-04T16:05:38+01:00 gw ", "", 1)), "no stamp");
}

#[test]
fn what_is_damaged_says_why() {
    let event = format!("[1709568316.123456]\t    [NEW] tcp      6 120 SYN_SENT {THERE} [UNREPLIED] {BACK}");
    for (line, why) in [
        (event.replacen("[1709568316.123456]", "", 1), "no stamp: conntrack prints one with -o timestamp"),
        (event.replacen("[NEW] tcp", "[NEW]", 1).replacen("SYN_SENT", "", 1), "no protocol"),
        (event.replacen("src=10.0.0.5", "src=pc", 1), "a source that is no address and port"),
        (event.replacen("dport=25", "dport=x", 1), "a destination that is no address and port"),
        (event.replacen("src=198.51.100.7", "src=", 1), "an answer's source that is no address and port"),
        (event.replacen("dport=40123", "dport=99999", 1), "an answer's destination that is no address and port"),
        (event.replacen("[NEW]", "[DESTROY]", 1) + " delta-time=99999999999", "delta-time is too long"),
        (
            format!("Mar  4 16:05:38 gw kernel: {}", PACKET.replacen("SRC=203.0.113.9", "SRC=x", 1)),
            "a source that is no address and port",
        ),
        (
            format!("Mar  4 16:05:38 gw kernel: {}", PACKET.replacen("DPT=1182", "DPT=-", 1)),
            "a destination that is no address and port",
        ),
    ] {
        assert_eq!(told(&line), why, "{line}");
    }
}
