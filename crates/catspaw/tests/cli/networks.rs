//! Logs that do not say what is inside.

use std::collections::HashSet;

use serde_json::Value;

use crate::run::Place;

fn conn_log(ours: &str) -> String {
    let mut log =
        "#separator \\x09\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\t\
                   duration\torig_bytes\tresp_bytes\tconn_state\n"
            .to_owned();
    for n in 0..40 {
        let (ts, port) = (1_046_736_000 + 60 * n, 30_000 + n);
        let theirs = if ours.contains(':') { format!("2001:db8:{n}::7") } else { format!("198.18.{n}.7") };
        log += &format!("{ts}.5\tC{n}\t{ours}\t{port}\t{theirs}\t80\ttcp\t1.5\t{n}\t900\tSF\n");
    }
    log
}

#[test]
fn where_nothing_is_inside_the_busiest_networks_are_named_and_the_advice_works() {
    for (ours, network) in [("203.0.113.9", "203.0.113.0/24"), ("2001:db8:aa:1::9", "2001:db8:aa:1::/64")] {
        let place = Place::with("conn.log", conn_log(ours));
        let said = place.scan(&["conn.log"]);
        let err = said.failed();
        assert!(err.contains("name our networks with --home-net"), "{err}");
        assert!(err.contains(&format!("{network} ")) && err.contains("40 connections"), "{err}");
        let advice = err.lines().find_map(|line| line.trim().strip_prefix("try: ")).unwrap();
        assert_eq!(advice, format!("--home-net {network}"));
        let options: Vec<&str> = advice.split(' ').chain(["conn.log"]).collect();
        let report = place.report(&options);
        assert_eq!(report["home_net"][0], network);
        assert_eq!(report["evidence"][0]["records"], 40);
        assert_eq!(place.scan(&options).status, Some(0));
    }
}

#[test]
fn a_home_net_that_matches_nothing_is_no_result() {
    let place = Place::with("relay.log", crate::pix::relay_log());
    let said = place.scan(&["--home-net", "192.0.2.0/24", "relay.log"]);
    let err = said.failed();
    assert!(err.contains("no record has an end in --home-net"), "{err}");
    assert!(err.contains("10.0.0.0/24"), "{err}");
    // What is proposed explains nearly all, and with it the relay is found.
    let advice = err.lines().find_map(|line| line.trim().strip_prefix("try: ")).unwrap();
    assert_eq!(advice, "--home-net 10.0.0.0/8");
    assert!(err.contains(" records of connections have an end in 10.0.0.0/8\n"), "{err}");
    assert_eq!(place.scan(&advice.split(' ').chain(["relay.log"]).collect::<Vec<_>>()).status, Some(1));
    // What the interfaces' names mark as inside counts, whatever its addresses are; a network that is ours and explains little is doubted.
    let public = Place::with("relay.log", crate::pix::relay_log().replace("10.0.0.", "203.0.113."));
    let err = public.scan(&["--home-net", "192.0.2.0/24", "relay.log"]).err;
    assert!(err.contains("have an end in 203.0.113.0/24\n  try: --home-net 203.0.113.0/24\n"), "{err}");
}

#[test]
fn a_home_net_that_is_the_others_is_doubted_however_much_it_has() {
    let place = Place::with("conn.log", conn_log("10.0.0.9"));
    // Of forty servers ten are in it.
    let limits = |net: &str| place.report(&["--home-net", net, "conn.log"])["limits"].to_string();
    let doubt = "is 10.0.0.0/8, which has an end of 30 of the 30 others that tell of a connection, yours?";
    assert!(limits("198.18.0.0/21,198.18.8.0/24,198.18.9.0/24").contains(doubt), "{}", limits("198.18.0.0/21"));
    // A part of ours is meant to be one.
    assert!(!limits("10.0.0.0/24").contains("yours?") && !limits("10.0.0.0/24,198.18.0.0/24").contains("yours?"));
}

#[test]
fn a_home_net_that_has_both_ends_or_leaves_private_ones_outside_is_doubted() {
    let place = Place::with("conn.log", conn_log("10.0.0.9"));
    let err = |net: &str| place.scan(&["--home-net", net, "conn.log"]).err;
    let both = "In 40 of 40 records that have an end in --home-net both ends are in it, and one at least is public";
    for net in ["0.0.0.0/0", "10.0.0.0/8,198.18.0.0/16"] {
        assert!(err(net).contains(both), "{}", err(net));
    }
    let private = "In 40 of 40 records that have an end in --home-net that end is public, and the other one private and not in it: hosts \
                   inside are taken for strangers. Is --home-net 10.0.0.0/8 meant?";
    assert!(err("198.18.0.0/16").contains(private), "{}", err("198.18.0.0/16"));
    // What is right is not doubted, nor are a few servers of ours that others inside ask.
    assert_eq!((err("10.0.0.0/8"), err("10.0.0.0/8,198.18.0.0/20")), (String::new(), String::new()));
}

#[test]
fn a_home_net_that_the_records_say_is_outside_is_doubted() {
    let place = Place::with("relay.log", crate::pix::relay_log());
    // The client's network: with it, he is one of ours, and nobody relays for him.
    let said = place.scan(&["--home-net", "10.0.0.0/8,203.0.113.0/24", "relay.log"]);
    let doubt = "Of 80 ends in 203.0.113.0/24, which --home-net names, 80 are outside by the records themselves (interfaces, local_orig)";
    assert!(said.status == Some(0) && said.err.contains(doubt), "{}", said.err);
    assert_eq!(place.scan(&["--home-net", "10.0.0.0/8,192.0.2.0/24", "relay.log"]).err, "");
}

#[test]
fn several_home_nets_may_be_given_in_either_way() {
    let place = Place::with("relay.log", crate::pix::relay_log());
    for options in
        [&["--home-net", "192.0.2.0/24,10.0.0.0/8"][..], &["--home-net", "192.0.2.0/24", "--home-net", "10.0.0.66"]]
    {
        assert_eq!(place.scan(&[options, &["relay.log"]].concat()).status, Some(1));
    }
}

#[test]
fn a_home_net_that_leaves_hosts_inside_out_is_doubted() {
    let relay = crate::pix::relay_log();
    let err = |other: &str, net: &str| {
        let place = Place::with("a.log", &relay);
        place.write("b.log", relay.replace("10.0.0.66", other));
        place.scan(&["--home-net", net, "a.log", "b.log"]).err
    };
    let doubt = "and a private one in 10.0.0.0/8: hosts there were not looked at";
    assert!(err("10.0.1.66", "10.0.0.0/24").contains(doubt), "{}", err("10.0.1.66", "10.0.0.0/24"));
    assert_eq!(err("10.0.1.66", "10.0.0.0/23"), "");
    assert_eq!(err("169.254.0.66", "10.0.0.0/24"), "");
}

/// A line of a PIX as an FTD writes it, whose interfaces have no levels and here no telling names: who opened a connection stands first, and
/// every connection is `inbound`. `outbound` has the numbers of those that a host inside opened.
fn of_an_ftd<'a>(line: &'a str, outbound: &mut HashSet<&'a str>) -> String {
    let text = line.replace("%PIX-", "%FTD-").replace("outside:", "WAN:").replace("inside:", "LAN:");
    let Some((_, id)) = line.split_once("connection ").filter(|_| line.contains("-30201")) else { return text };
    let id = id.split(' ').next().unwrap();
    if line.contains("Built outbound") {
        outbound.insert(id);
    }
    if !outbound.contains(id) {
        return text;
    }
    let text = text.replace("Built outbound", "Built inbound");
    let (head, ends) = text.split_once(" for ").unwrap();
    let (first, rest) = ends.split_once(" to ").unwrap();
    let (second, tail) = rest.split_once(" duration").map_or((rest, None), |(second, tail)| (second, Some(tail)));
    format!("{head} for {second} to {first}{}", tail.map_or(String::new(), |tail| format!(" duration{tail}")))
}

#[test]
fn an_ftd_does_not_say_who_is_inside_and_the_verdicts_are_the_same() {
    let example = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/case-2003/pix.log");
    let pix = std::fs::read_to_string(example).unwrap();
    let mut outbound = HashSet::new();
    let ftd: Vec<String> = pix.lines().map(|line| of_an_ftd(line, &mut outbound)).collect();
    assert!(!outbound.is_empty());
    let place = Place::with("pix.log", &pix);
    place.write("ftd.log", ftd.join("\n") + "\n");
    let [pix, ftd] = ["pix.log", "ftd.log"].map(|name| place.report(&["--year", "2003", name]));
    assert_eq!(ftd["home_net"], pix["home_net"]);
    // But for the records, which are shown as they were written.
    let said = |mut report: Value| -> Vec<Value> {
        let incidents = report["incidents"].as_array_mut().unwrap();
        incidents.iter_mut().for_each(|incident| _ = incident.as_object_mut().unwrap().remove("examples"));
        incidents.clone()
    };
    let (ftd, pix) = (said(ftd), said(pix));
    assert!(pix.len() >= 3);
    assert_eq!(ftd, pix);
}
