//! `--rules`, `--alerts` and what goes with them.

use serde_json::{Value, json};

use crate::redact::KEY;
use crate::run::{Place, Said};

const OF_2003: &str = "alert tcp $EXTERNAL_NET !25:80 -> $INTERNAL_NET !25:80 \
                       (msg:\"SMTP traffic on nonstandard port\";content:\"RCPT TO\"; nocase;)\n";
const OURS: &str = "10.0.0.9";

/// What is sent by whom: `true` by the client.
type Talk<'a> = [(bool, &'a [u8])];

const MAIL: &Talk<'_> = &[
    (false, b"220 mx\r\n"),
    (true, b"MAIL FROM:<a@example.net>\r\n"),
    (false, b"250 ok\r\n"),
    // Cut in two where the pattern is.
    (true, b"rcpt t"),
    (true, b"o:<b@example.net>\r\n"),
    (false, b"250 ok\r\n"),
];

/// A capture of TCP connections from outside to a host of ours, one after another; each begins ten seconds after the one
/// before, its packets are a millisecond apart.
fn capture(connections: &[([u8; 4], u16, &Talk<'_>)]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4u32, 4 << 16 | 2, 0, 0, 65535, 101] {
        file.extend(word.to_le_bytes());
    }
    for (second, (client, port, talk)) in (0..).step_by(10).zip(connections) {
        let (mut sent, mut packets) = ([0u32; 2], 0);
        let mut send = |by_client: bool, flags: u8, payload: &[u8]| {
            let ends = [(*client, 40_000), ([10, 0, 0, 9], *port)];
            let (own, other) = (usize::from(!by_client), usize::from(by_client));
            let segment = [
                &u16::to_be_bytes(ends[own].1)[..],
                &u16::to_be_bytes(ends[other].1),
                &(1000 + sent[own]).to_be_bytes(),
                &(1000 + sent[other]).to_be_bytes(),
                &[0x50, flags, 1, 0, 0, 0, 0, 0],
                payload,
            ]
            .concat();
            let len = 20 + segment.len() as u16;
            let ip = [&[0x45, 0][..], &len.to_be_bytes(), &[0, 0, 0, 0, 64, 6, 0, 0], &ends[own].0, &ends[other].0];
            for word in [1_046_736_000 + second, packets * 1000, u32::from(len), u32::from(len)] {
                file.extend(word.to_le_bytes());
            }
            file.extend(ip.concat());
            file.extend(segment);
            sent[own] += payload.len() as u32 + u32::from(flags & 3 != 0);
            packets += 1;
        };
        send(true, 0x02, &[]);
        send(false, 0x12, &[]);
        send(true, 0x10, &[]);
        talk.iter().for_each(|(by_client, payload)| send(*by_client, 0x18, payload));
        send(true, 0x11, &[]);
        send(false, 0x11, &[]);
    }
    file
}

fn place(rules: &str, connections: &[([u8; 4], u16, &Talk<'_>)]) -> Place {
    let place = Place::with("x.pcap", capture(connections));
    place.write("x.rules", rules);
    place
}

fn scan(place: &Place, more: &[&str]) -> Said {
    place.scan(&[&["x.pcap", "--rules", "x.rules", "--alerts", "alerts.jsonl"], more].concat())
}

fn alerts(place: &Place) -> Vec<Value> {
    place.read("alerts.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn sids(place: &Place, more: &[&str]) -> Vec<u64> {
    let said = scan(place, more);
    assert_eq!(said.status, Some(0), "{said:?}");
    alerts(place).iter().map(|alert| alert["alert"]["signature_id"].as_u64().unwrap()).collect()
}

#[test]
fn an_alert_is_an_event_of_suricata_and_accuses_nobody() {
    let rules = OF_2003.replace("nocase;)", "nocase; sid:2003; rev:2; classtype:policy-violation;)");
    let place = place(&rules, &[([192, 0, 2, 1], 1182, MAIL), ([192, 0, 2, 1], 25, MAIL)]);
    let report = place.report(&["x.pcap", "--rules", "x.rules", "--alerts", "alerts.jsonl"]);
    let expected = json!({
        "timestamp": "2003-03-04T00:00:00.007000+0000",
        "flow_id": 0,
        "pcap_filename": "x.pcap",
        "pcap_cnt": 8,
        "event_type": "alert",
        "src_ip": "192.0.2.1",
        "src_port": 40000,
        "dest_ip": OURS,
        "dest_port": 1182,
        "proto": "TCP",
        "community_id": "1:0",
        "alert": {
            "action": "allowed", "gid": 1, "signature_id": 2003, "rev": 2,
            "signature": "SMTP traffic on nonstandard port", "category": "policy-violation", "severity": 1,
        },
        "direction": "to_server",
        "flow": {
            "uid": "C0", "start": "2003-03-04T00:00:00.000000+0000",
            "src_ip": "192.0.2.1", "dest_ip": OURS, "src_port": 40000, "dest_port": 1182,
        },
    });
    let mut told = alerts(&place);
    assert_eq!(told.len(), 1);
    let rows = place.connections(&["x.pcap"]);
    let row = rows.iter().find(|row| row["id.resp_p"] == 1182).unwrap();
    assert_eq!(told[0]["flow"]["uid"], row["uid"], "{row}");
    assert_eq!(told[0]["community_id"], row["community_id"], "{row}");
    assert!(told[0]["flow_id"].as_u64().unwrap() < 1 << 53);
    (told[0]["flow"]["uid"], told[0]["community_id"], told[0]["flow_id"]) = (json!("C0"), json!("1:0"), json!(0));
    let protocol = told[0].as_object_mut().unwrap().remove("app_proto").unwrap_or_default();
    assert_eq!(told[0], expected);
    assert_eq!(report["incidents"], json!([]));
    let alert = json!({
        "host": OURS, "sid": 2003, "msg": "SMTP traffic on nonstandard port", "count": 1,
        "first": "2003-03-04T00:00:00.007Z", "last": "2003-03-04T00:00:00.007Z",
        "services": [{"proto": "tcp", "port": 1182, "protocol": protocol, "count": 1}],
    });
    assert_eq!(report["alerts"], json!([alert]));
    let said = scan(&place, &[]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""));
    assert!(said.out.contains("SMTP traffic on nonstandard port"), "{}", said.out);
    assert_eq!(scan(&place, &["--fail-on", "alerts"]).status, Some(1));
}

#[test]
fn variables_follow_the_home_net() {
    let place = place(OF_2003, &[([192, 0, 2, 1], 1182, MAIL)]);
    let fired = |more: &[&str]| sids(&place, more).len();
    assert_eq!(fired(&[]), 1);
    assert_eq!(fired(&["--home-net", "10.0.0.0/8,172.16.0.0/12"]), 1);
    assert_eq!(fired(&["--home-net", "192.0.2.0/24"]), 0, "it goes outwards then");
    assert_eq!(fired(&["--var", "INTERNAL_NET=10.0.0.8"]), 0);
    assert_eq!(fired(&["--var", "EXTERNAL_NET=![192.0.2.1]"]), 0);
}

#[test]
fn what_is_wrong_with_rules_is_said_and_may_end_the_run() {
    let bad = "alert tcp any any -> any any (contant:\"x\"; sid:1;)\n";
    let place = place(&format!("{bad}{OF_2003}"), &[([192, 0, 2, 1], 1182, MAIL)]);
    let said = scan(&place, &["--format", "json"]);
    assert!(
        said.err.contains("error: [unknown-keyword]: there is no keyword `contant`\n --> x.rules:1:31"),
        "{}",
        said.err
    );
    assert!(said.err.contains("warning: [no-sid]"), "{}", said.err);
    assert_eq!((said.status, alerts(&place).len()), (Some(0), 1), "the other runs");
    assert!(said.out.contains("Of 2 rules 1 were refused"), "{}", said.out);
    let strict = scan(&place, &["--strict-rules"]);
    let says = "--strict-rules: 1 of x.rules cannot be loaded: the reasons stand above";
    assert!(strict.failed().contains(says), "{}", strict.err);
    place.write("x.rules", bad);
    assert!(scan(&place, &[]).failed().contains("no rule of it could be loaded"));
    place.write("config.toml", "rules = [\"x.rules\"]\nstrict_rules = true\nalerts = \"a.jsonl\"\n");
    assert!(place.scan(&["x.pcap", "--config", "config.toml"]).failed().contains("--strict-rules"));
    for (arguments, why) in [
        (&["--alerts", "a.jsonl"][..], "--alerts without --rules"),
        (&["--fail-on", "alerts"], "--fail-on alerts without --rules"),
        (&["--strict-rules"], "--strict-rules without --rules"),
        (&["--var", "FOO"], "--var without --rules"),
        (&["--rules", "none.rules"], "none.rules"),
        (&["--rules", "x.rules", "--var", "X"], "NAME=VALUE"),
        (&["--rules", "x.rules", "--alerts", "x.rules"], "would be lost"),
    ] {
        let said = place.scan(&[&["x.pcap"], arguments].concat());
        assert!(said.failed().contains(why), "{}", said.err);
    }
}

#[test]
fn a_rule_that_is_written_wrongly_is_shown_before_those_that_are_not_built() {
    let foreign: String = (1..40).map(|sid| format!("alert http any any -> any any (sid:{sid};)\n")).collect();
    let swallowed = "alert tcp any any -> any any (flowbits:set,a content:\"RCPT TO\"; sid:77;)\n";
    let sound = "alert tcp any any -> any any (content:\"x\"; sid:78;)\n";
    let place = place(&format!("{foreign}{swallowed}{sound}"), &[([192, 0, 2, 1], 1182, MAIL)]);
    let said = scan(&place, &[]);
    let says = "error: [bad-option]: `flowbits` has no `;` at its end: `content` is taken for a part of it\n  --> x.rules:40:46\n";
    assert!(said.err.starts_with(says) && said.err.contains("= help: `;` missing before `content`"), "{}", said.err);
    assert!(said.err.contains("x.rules: 30 more like these"), "{}", said.err);
    let fired = alerts(&place);
    assert!(!fired.is_empty() && fired.iter().all(|alert| alert["alert"]["signature_id"] == 78), "{fired:?}");
    // A rule without a number is no bad one.
    place.write("x.rules", OF_2003);
    assert_eq!(scan(&place, &["--strict-rules"]).status, Some(0));
}

#[test]
fn rules_come_from_directories_too() {
    let place = place("", &[([192, 0, 2, 1], 1182, MAIL)]);
    place.write("all/b/one.rules", OF_2003.replace("nocase;", "nocase; sid:7;"));
    place.write("all/two.rules", OF_2003.replace("nocase;", "nocase; sid:8;"));
    place.write("all/notes.txt", "no rules");
    let said = place.scan(&["x.pcap", "--rules", "all", "--alerts", "alerts.jsonl"]);
    assert_eq!((said.status, said.err.as_str()), (Some(0), ""));
    assert_eq!(alerts(&place).len(), 2);
    // Files of rules on protocols that are not built, or of comments alone, are met in any set.
    place.write("all/http.rules", "alert http any any -> any any (msg:\"x\"; sid:9;)\n");
    place.write("all/deleted.rules", "# alert tcp any any -> any any (msg:\"x\"; sid:10;)\n");
    let said = place.scan(&["x.pcap", "--rules", "all", "--alerts", "alerts.jsonl"]);
    assert_eq!((said.status, alerts(&place).len()), (Some(0), 2));
    assert!(said.err.contains("rules on protocol `http` are not built"), "{}", said.err);
    assert!(said.out.contains("Of 3 rules 1 were refused"), "{}", said.out);
    let named = place.scan(&["x.pcap", "--rules", "all", "--rules", "all/http.rules"]);
    assert!(named.failed().contains("all/http.rules: no rule of it could be loaded"), "{}", named.err);
    let nothing = Place::new();
    nothing.write("none/http.rules", "alert http any any -> any any (msg:\"x\"; sid:9;)\n");
    nothing.write("x.log", "");
    let said = nothing.scan(&["x.log", "--rules", "none"]);
    assert!(said.failed().contains("--rules none: no rule could be loaded"), "{}", said.err);
}

#[test]
fn rules_act_on_one_another_and_are_counted_over_all_flows() {
    let rules = "alert tcp any any -> any any (flowbits:isset,mail; content:\"rcpt\"; sid:1;)\n\
                 alert tcp any any -> any any (content:\"MAIL\"; flowbits:set,mail; flowbits:noalert; sid:2;)\n\
                 alert tcp any any -> any any (content:\"220\"; threshold:type limit, track by_dst, count 1, seconds 60; sid:3;)\n\
                 alert tcp any any -> any any (content:\"220\"; detection_filter:track by_src, count 2, seconds 60; sid:4;)\n\
                 alert tcp any any -> any 1183 (content:\"MAIL\"; sid:5;)\n\
                 pass tcp any any -> any 1183 (content:\"MAIL\"; sid:6;)\n\
                 alert tcp any any -> any any (content:\"rcpt\"; hostbits:isset,mailed; sid:7;)\n\
                 alert tcp any any -> any any (content:\"rcpt\"; hostbits:set,mailed; noalert; sid:8;)\n\
                 alert tcp any any -> any any (content:\"rcpt\"; xbits:isnotset,once,track ip_dst; xbits:set,once,track ip_dst; sid:9;)\n";
    let clients = [[192, 0, 2, 1], [192, 0, 2, 2], [192, 0, 2, 1], [192, 0, 2, 1]];
    let connections: Vec<_> = clients.iter().zip(1182..).map(|(client, port)| (*client, port, MAIL)).collect();
    let place = place(rules, &connections);
    let mut told = sids(&place, &["-j", "1"]);
    let alone = place.read("alerts.jsonl");
    for threads in ["2", "5"] {
        sids(&place, &["-j", threads]);
        assert_eq!(place.read("alerts.jsonl"), alone, "{threads} threads");
    }
    told.sort_unstable();
    // The bits of a host are set before they are asked for; what asks that its own is not set matches once.
    assert_eq!(told, [1, 1, 1, 3, 3, 4, 4, 7, 7, 7, 9]);
}

#[test]
fn alerts_are_those_of_what_is_looked_at() {
    let place = place(OF_2003, &[([192, 0, 2, 1], 1182, MAIL), ([192, 0, 2, 2], 1183, MAIL)]);
    let fired = |more: &[&str]| sids(&place, more).len();
    assert_eq!(fired(&[]), 2);
    assert_eq!(fired(&["--since", "2003-03-04T00:00:05Z"]), 1);
    assert_eq!(fired(&["--ports", "1183"]), 1);
    assert_eq!(fired(&["--host", "10.0.0.8"]), 0);
    place.write("key", KEY);
    assert_eq!(fired(&["--redact", "--redact-key", "key"]), 2);
    let text = place.read("alerts.jsonl");
    assert!(!text.contains(OURS) && text.contains("192.0.2.2"), "{text}");
}
