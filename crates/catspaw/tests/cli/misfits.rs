//! Maps of columns that are wrong: what is said of it, and that nothing is said of those that are right.

use serde_json::Value;

use crate::columns::{connections, csv, map};
use crate::run::Place;

/// A map and a log, and what is said of them on standard error.
fn said(map: &str, log: &str) -> String {
    let place = Place::with("map.toml", map);
    place.write("log", log);
    let err = place.scan(&["log", "--columns", "map.toml"]).err;
    err.lines().filter(|line| line.contains("log: ")).map(|line| format!("{line}\n")).collect()
}

/// Connections of a quiet network, with both moments.
fn quiet(line: impl Fn(i64, i64) -> String) -> String {
    let lines = (0..60).map(|n| line(1_046_736_000 + 60 * n, 2 + n % 30) + "\n");
    "begin,end,took,src,spt,dst,dpt,proto,out,in,outp,inp\n".to_owned() + &lines.collect::<String>()
}

const BOTH: &str = "[[map]]\nname = \"both\"\nform = \"csv\"\nmatch = [\"src\", \"took\"]\ntime = \"epoch\"\nunit = \"ms\"\ncounted = \"ip\"\n\
    [map.columns]\nts = \"begin\"\nend = \"end\"\nduration = \"took\"\norig_h = \"src\"\norig_p = \"spt\"\nresp_h = \"dst\"\n\
    resp_p = \"dpt\"\nproto = \"proto\"\norig_bytes = \"out\"\nresp_bytes = \"in\"\norig_pkts = \"outp\"\nresp_pkts = \"inp\"\n";

fn line(at: i64, span: i64) -> String {
    let n = at % 50_000;
    format!(
        "{at},{},{}000,10.0.0.{},{},198.51.100.7,443,tcp,{},{},9,8",
        at + span,
        span,
        span + 5,
        1_100 + n,
        700 + n * 7919 % 900,
        4000 + n * 7919 % 7000
    )
}

#[test]
fn nothing_is_said_of_a_map_that_is_right() {
    assert_eq!(said(&map("form = \"csv\"\n"), &csv(&connections(), ',')), "");
    assert_eq!(said(BOTH, &quiet(line)), "");
}

#[test]
fn what_is_clear_is_said_with_the_keys_to_look_at() {
    let log = quiet(line);
    for (from, to, says) in [
        (
            "orig_h = \"src\"\norig_p = \"spt\"\nresp_h = \"dst\"\nresp_p = \"dpt\"",
            "orig_h = \"dst\"\norig_p = \"dpt\"\nresp_h = \"src\"\nresp_p = \"spt\"",
            "60 of 60 connections come from a port that is answered at, such as 443, and go to one that is not: the ends look swapped; \
             see orig_p (now \"dpt\") and resp_p (now \"spt\"), and those of orig_h and resp_h",
        ),
        (
            "ts = \"begin\"\nend = \"end\"",
            "ts = \"end\"\nend = \"begin\"",
            "60 of 60 connections end before they begin: see ts (now \"end\") and end (now \"begin\")",
        ),
        (
            "unit = \"ms\"\n",
            "",
            "durations are some 10^3 times what lies between ts and end: see unit (now \"s\"); unit = \"ms\" would fit",
        ),
        (
            "unit = \"ms\"\n",
            "unit = \"us\"\n",
            "durations are some 10^-3 times what lies between ts and end: see unit (now \"us\"); unit = \"ms\" would fit",
        ),
        ("ts = \"begin\"\nend = \"end\"", "ts = \"begin\"", ""),
        ("time = \"epoch\"", "time = \"epoch-ms\"", "its times lie before 1990: see time (now \"epoch-ms\")"),
        (
            "orig_bytes = \"out\"\nresp_bytes = \"in\"\norig_pkts = \"outp\"\nresp_pkts = \"inp\"",
            "orig_bytes = \"outp\"\nresp_bytes = \"inp\"\norig_pkts = \"out\"\nresp_pkts = \"in\"",
            "in 120 of 120 counts there are fewer bytes than the headers of so many packets have: see orig_bytes (now \"outp\") and \
             resp_bytes (now \"inp\"), the packets', and counted",
        ),
    ] {
        let map = BOTH.replace(from, to);
        assert_ne!(map, BOTH);
        let err = said(&map, &log);
        let expected = format!("warning: log: the map both may be wrong: {says}\n");
        assert_eq!(err.contains("may be wrong"), !says.is_empty(), "{to}: {err}");
        assert!(says.is_empty() || err.contains(&expected), "{to}: {err}");
    }
    let begins = BOTH.replace("ts = \"begin\"\nend = \"end\"", "ts = \"begin\"");
    let err = said(&begins.replace("unit = \"ms\"", "unit = \"s\""), &quiet(|at, span| line(at, 90 + span)));
    assert!(err.contains("half of 60 connections last longer than two hours: see unit (now \"s\")\n"), "{err}");
    let fast = quiet(|at, span| line(at, span).replace(",tcp,", ",tcp,9000000"));
    let err = said(&begins.replace("unit = \"ms\"", "unit = \"ns\""), &fast);
    assert!(
        err.contains("connections carry more than 100 Gbit/s: see unit (now \"ns\"), and the columns of bytes\n"),
        "{err}"
    );
}

#[test]
fn ends_of_which_only_the_addresses_are_swapped_contradict_what_else_is_said_of_them() {
    let zones = "orig_zone = \"from\"\nresp_zone = \"to\"\n[map.words]\ninside = \"lan\"\noutside = \"wan\"\n";
    let log = quiet(|at, span| line(at, span) + ",lan,wan").replace("inp\n", "inp,from,to\n");
    let map = format!("{BOTH}{zones}");
    assert_eq!(said(&map, &log), "");
    let swapped =
        |map: &str| map.replace("orig_h = \"src\"", "orig_h = \"dst\"").replace("resp_h = \"dst\"", "resp_h = \"src\"");
    let says = |orig, resp| {
        format!(
            "warning: log: the map both may be wrong: in 60 of 60 connections the end that is inside by its zone or direction has a public \
             address, and the other one a private one: see the words of orig_zone, resp_zone, direction, and orig_h (now \"{orig}\") and \
             resp_h (now \"{resp}\")\n"
        )
    };
    assert_eq!(said(&swapped(&map), &log), says("dst", "src"));
    // The words are swapped instead, or a direction's.
    let words = map.replace("inside = \"lan\"\noutside = \"wan\"", "inside = \"wan\"\noutside = \"lan\"");
    assert_eq!(said(&words, &log), says("src", "dst"));
    let way = format!("{BOTH}direction = \"from\"\n[map.words]\ninbound = \"lan\"\n");
    assert_eq!(said(&way, &log), says("src", "dst"));
    assert_eq!(said(&way.replace("inbound", "outbound"), &log), "");
    // One zone tells as well; of ends that are both public nothing is told.
    assert_eq!(said(&words.replace("resp_zone = \"to\"\n", ""), &log), says("src", "dst"));
    assert_eq!(said(&words, &log.replace("10.0.0.", "192.0.2.")), "");

    let log = quiet(|at, span| line(at, span) + ",203.0.113.1").replace("inp\n", "inp,nat\n");
    let map = format!("{BOTH}mapped_orig_h = \"nat\"\n");
    assert_eq!(said(&map, &log), "");
    let says = "in 60 of 60 connections that are translated it is the end with a public address that is, and not the one with a private \
                one: see orig_h (now \"dst\") and resp_h (now \"src\"), and those of mapped_orig_h and mapped_resp_h\n";
    assert!(said(&swapped(&map), &log).contains(says), "{}", said(&swapped(&map), &log));
}

#[test]
fn a_unit_shows_where_lines_stand_in_the_order_of_ends() {
    // Of several connections at once each is written when it ends.
    let mut lines: Vec<(i64, String)> = (0..60_i64)
        .map(|n| (1_046_736_000 + 2 * n, 1 + n * 37 % 30))
        .map(|(begun, span)| (begun + span, format!("{}\n", line(begun, span))))
        .collect();
    lines.sort();
    let log = quiet(line).lines().take(1).map(|header| format!("{header}\n")).collect::<String>()
        + &lines.iter().map(|(_, line)| line.as_str()).collect::<String>();
    let begins = BOTH.replace("ts = \"begin\"\nend = \"end\"", "ts = \"begin\"");
    assert_eq!(said(&begins, &log), "");
    for unit in ["us", "ns"] {
        let err = said(&begins.replace("\"ms\"", &format!("{unit:?}")), &log);
        let says = format!(
            "the lines are in no order by unit = {unit:?}, and in that in which connections end by another: see unit; unit = \"ms\""
        );
        assert!(err.contains(&says), "{unit}: {err}");
    }
    let err = said(&begins.replace("unit = \"ms\"\n", ""), &log);
    assert!(err.contains("half of 60 connections last longer than two hours: see unit (now \"s\")\n"), "{err}");
    // In order of beginnings nothing follows from it.
    let sorted = quiet(|at, span| line(at / 60 * 2 + 1_012_000_000, span));
    assert_eq!(said(&begins.replace("\"ms\"", "\"us\""), &sorted), "");
    // What took half a second took none of half a millisecond.
    let quick = quiet(|at, span| line(at, span).replace(&format!(",{span}000,"), &format!(",{},", 300 + span)));
    assert_eq!(said(&begins, &quick), "");
    let err = said(&begins.replace("\"ms\"", "\"us\""), &quick);
    let says = "half of 60 connections between a private and a public address last less than a millisecond: see unit (now \"us\")\n";
    assert!(err.contains(says), "{err}");
    assert_eq!(
        said(&begins.replace("\"ms\"", "\"us\""), &quick.replace("198.51.100.7", "10.1.0.7")),
        "",
        "one network"
    );
}

/// Connections with many servers in three networks, by their beginnings.
fn visits(line: impl Fn(i64, i64) -> String) -> String {
    const TOOK: [i64; 10] = [40, 90, 150, 300, 600, 1500, 2500, 3000, 8000, 30_000];
    let lines = (0..60).map(|n| {
        let server = format!("{}.{}", ["198.51.100", "203.0.113", "192.0.2"][n % 3], n % 20);
        line(1_046_736_000 + 60 * n as i64, 1)
            .replace("198.51.100.7", &server)
            .replace(",1000,", &format!(",{},", TOOK[n % 10]))
            + "\n"
    });
    "begin,end,took,src,spt,dst,dpt,proto,out,in,outp,inp\n".to_owned() + &lines.collect::<String>()
}

#[test]
fn a_unit_shows_where_many_servers_are_asked() {
    let begins = BOTH.replace("ts = \"begin\"\nend = \"end\"", "ts = \"begin\"");
    let (log, few) = (visits(line), visits(|at, span| line(at, span).replace("198.51.100.7", "198.51.100.8")));
    assert_eq!(said(&begins, &log), "");
    for (unit, says) in [
        (
            "s",
            "of 58 connections with 58 addresses outside nine in ten last longer than 20 seconds, half longer than 4 minutes, and one in ten \
             longer than 20",
        ),
        (
            "us",
            "half of 58 connections with 58 addresses outside last less than 5 milliseconds, and nine in ten less than 50",
        ),
    ] {
        let map = begins.replace("\"ms\"", &format!("{unit:?}"));
        let expected = format!("warning: log: the map both may be wrong: {says}: see unit (now {unit:?})\n");
        assert_eq!(said(&map, &log), expected);
        assert_eq!(said(&map, &few), "", "of one server it is not known how far it is, nor what it is for");
    }
}

#[test]
fn a_protocol_may_have_its_service_behind_it_and_a_word_that_is_none_is_doubted() {
    let log = |proto: &str| quiet(|at, span| line(at, span).replace(",tcp,", &format!(",{proto},")));
    for proto in ["tcp/https", "TCP(6)", "tcp/6", "6"] {
        assert_eq!(said(BOTH, &log(proto)), "", "{proto}");
    }
    let doubt = said(BOTH, &log("stream"));
    assert!(doubt.contains("60 of 60 connections have ports, and a protocol of no name"), "{doubt}");
}

#[test]
fn objects_that_share_a_line_are_told_with_what_parts_them() {
    let object = r#"{"_time":"2024-03-04T16:05:41Z","src_ip":"10.1.1.1","dest_ip":"198.51.100.7","src_port":333,"dest_port":80,"transport":"tcp","bytes_in":5,"bytes_out":6,"duration":4}"#;
    for (text, hint) in [
        (format!("[{object},{object}]\n"), "jq -c '.[]' FILE"),
        (format!("{object}{object}\n"), "jq -c . FILE"),
        ("[\n {\n  \"a\": 1\n }\n]\n".to_owned(), "jq -c '.[]' FILE"),
    ] {
        let said = Place::with("log", &text).scan(&["log"]);
        assert!(said.status == Some(2) && said.err.contains(hint), "{text}\n{}", said.err);
    }
    let said = Place::with("log", format!("{object}\n{object}{object}\n")).scan(&["log", "--format", "json"]);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&report["evidence"][0]["records"], &report["unparsed"][0]["count"]), (&1.into(), &1.into()));
}

#[test]
fn where_nobody_is_known_to_be_inside_what_was_not_understood_is_told_too() {
    let log = quiet(line).replace("10.0.0.", "192.0.2.");
    let broken = log.lines().take(3).map(|line| line.replacen("1046", "x", 1) + "\n").collect::<String>();
    let place = Place::with("map.toml", BOTH);
    place.write("log", log.clone() + &broken);
    let err = place.scan(&["log", "--columns", "map.toml"]).failed().to_owned();
    assert!(err.contains("name our networks with --home-net") && err.contains("what was not understood:"), "{err}");
}

#[test]
fn a_column_of_bytes_that_counts_none_is_doubted() {
    let log = quiet(line);
    for (from, to, says) in [
        (
            "orig_bytes = \"out\"",
            "orig_bytes = \"spt\"",
            "one column is taken for two things: see orig_bytes (now \"spt\") and orig_p (now \"spt\")",
        ),
        (
            "resp_bytes = \"in\"",
            "resp_bytes = \"out\"",
            "one column is taken for two things: see orig_bytes (now \"out\") and resp_bytes (now \"out\")",
        ),
        (
            "resp_h = \"dst\"",
            "resp_h = \"src\"",
            "one column is taken for two things: see orig_h (now \"src\") and resp_h (now \"src\")",
        ),
    ] {
        assert!(said(&BOTH.replace(from, to), &log).contains(says), "{}", said(&BOTH.replace(from, to), &log));
    }
    // A copy of the port, and the number of a line.
    let more = |value: fn(i64) -> i64| {
        quiet(|at, span| format!("{},{}", line(at, span), value(at))).replace("inp\n", "inp,more\n")
    };
    let map = BOTH.replace("orig_bytes = \"out\"", "orig_bytes = \"more\"").replace("\"ip\"", "\"payload\"");
    let port = said(&map, &more(|at| 1_100 + at % 50_000));
    assert!(
        port.contains("in 60 of 60 connections it is the originator's port: see orig_bytes (now \"more\")"),
        "{port}"
    );
    let id = said(&map, &more(|at| at / 60));
    assert!(
        id.contains("it grows from line to line, 59 times of 59, as an id does: see orig_bytes (now \"more\")"),
        "{id}"
    );
    assert_eq!(said(&map, &more(|at| at * 37 % 5_000)), "");
    // Fewer bytes than one packet has headers, where nobody counted packets.
    let ip = BOTH.replace("orig_pkts = \"outp\"\nresp_pkts = \"inp\"\n", "");
    assert_eq!(said(&ip, &log), "");
    let few = said(&ip.replace("\"out\"", "\"outp\"").replace("\"in\"", "\"inp\""), &log);
    assert!(few.contains("fewer bytes than the headers of so many packets have"), "{few}");
}

#[test]
fn addresses_that_are_swapped_without_their_ports_show_in_who_answers_at_port_53() {
    let log = quiet(|at, span| {
        let n = at / 60 % 20;
        line(at, span).replace("443,tcp", "53,udp").replace("10.0.0.", &format!("10.0.{n}."))
    });
    assert_eq!(said(BOTH, &log), "");
    // One that watches over a network's own servers asks all of them.
    let watched =
        quiet(|at, span| line(at, span).replace("198.51.100.7,443,tcp", &format!("10.9.9.{},53,udp", at / 60 % 20)));
    assert_eq!(said(BOTH, &watched), "");
    let swapped = BOTH.replace("orig_h = \"src\"", "orig_h = \"dst\"").replace("resp_h = \"dst\"", "resp_h = \"src\"");
    let says = "private hosts answer at port 53, and one alone asks: the addresses look swapped, and the ports not; see orig_h (now \"dst\") \
                and resp_h (now \"src\")\n";
    assert!(said(&swapped, &log).contains(says), "{}", said(&swapped, &log));
}

#[test]
fn a_time_that_is_still_to_come_is_doubted() {
    let ahead = quiet(|at, span| line(at + 3_000_000_000, span));
    assert!(
        said(BOTH, &ahead).contains("its times lie ahead of today: see time (now \"epoch\")\n"),
        "{}",
        said(BOTH, &ahead)
    );
}

#[test]
fn a_map_that_may_be_wrong_is_no_line_that_was_not_understood() {
    let place = Place::with("map.toml", BOTH.replace("unit = \"ms\"\n", ""));
    place.write("log", quiet(line));
    let report = place.report(&["log", "--columns", "map.toml"]);
    assert_eq!(report["unparsed"], serde_json::json!([]));
    let said = |limit: &Value| limit.as_str().unwrap().starts_with("log: the map both may be wrong: durations are");
    assert!(report["limits"].as_array().unwrap().iter().any(said), "{report:#}");
    let text = place.scan(&["log", "--columns", "map.toml"]).out;
    assert!(!text.contains("Not understood") && text.contains("- log: the map both may be wrong:"), "{text}");
    // Of a file as a whole it is said that it is one.
    place.write("notes", "nothing\n");
    let text = place.scan(&["log", "notes", "--columns", "map.toml"]).out;
    assert!(text.contains("Not understood: 1 file\n") && text.contains("\nfile (1 file)\n"), "{text}");
}

#[test]
fn flows_of_one_direction_each_are_doubted() {
    let way = |at, span| {
        let there = line(at, span);
        let mut fields: Vec<&str> = there.split(',').collect();
        fields.swap(3, 5);
        fields.swap(4, 6);
        format!("{there}\n{}", fields.join(","))
    };
    let said = said(BOTH, &quiet(way));
    assert!(said.contains("120 of 120 connections are told once more the other way round"), "{said}");
}

#[test]
fn one_of_many_is_no_sign() {
    // Three in four come from a port of the system's: not clear.
    let log = quiet(|at, span| {
        if at / 60 % 4 > 0 {
            line(at, span).replace(",443,", ",44300,").replace("10.0.0.", "10.0.1.")
        } else {
            line(at, span)
        }
    });
    assert_eq!(said(BOTH, &log), "");
    let few: String = quiet(line).lines().take(15).map(|line| format!("{line}\n")).collect();
    assert_eq!(said(&BOTH.replace("unit = \"ms\"\n", ""), &few), "", "nor are fourteen lines");
}

#[test]
fn a_value_that_is_wrong_is_shown_with_its_place_and_what_the_map_says() {
    let place = Place::with("map.toml", BOTH.replace("\"epoch\"", "\"%d/%b/%Y %T\""));
    let dated = |at: i64, span: i64| {
        let stamp = |at: i64| jiff::Timestamp::from_second(at).unwrap().strftime("%d/%b/%Y %T").to_string();
        let fields = line(at, span);
        let behind = fields.splitn(3, ',').nth(2).unwrap();
        format!("{},{},{behind}", stamp(at), stamp(at + span))
    };
    let log = quiet(dated).replacen("04/Mar/2003 00:03:05", "2003-03-04 00:03:05", 1).replacen(",443,", ",https,", 1);
    place.write("log", log);
    let report = place.report(&["log", "--columns", "map.toml"]);
    let value = |why: &str| {
        let one = report["unparsed"].as_array().unwrap().iter().find(|one| one["why"] == why).unwrap();
        (one["line"].as_u64().unwrap(), one["column"].as_u64().unwrap(), one["value"].as_str().unwrap().to_owned())
    };
    let time = "\"2003-03-04 00:03:05\", and the map has time = \"%d/%b/%Y %T\"".to_owned();
    assert_eq!(value("the time is not written as the map says"), (5, 22, time));
    assert_eq!(value("resp_p is not a port"), (2, 76, "\"https\"".to_owned()));
    let said = place.scan(&["log", "--columns", "map.toml"]);
    let text = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
    let says = "log:5:22: the time is not written as the map says: \"2003-03-04 00:03:05\", and the map has time = \"%d/%b/%Y %T\"";
    assert!(text.contains(says), "{text}");
    let redacted = place.report(&["log", "--columns", "map.toml", "--redact"]);
    assert!(redacted["unparsed"].as_array().unwrap().iter().all(|one| one["value"] == Value::Null));
}

#[test]
fn a_map_that_does_not_fit_says_what_it_makes_of_the_first_line() {
    let log = csv(&connections(), ';');
    for (map, log, says) in [
        (
            map("form = \"csv\"\n"),
            log.clone(),
            "the map made-up does not fit: its separator \",\" cuts line 1 into 1 column: \"end;src;spt;rule;dst;dpt;proto;ms;out;in\"; \
             separator = \";\" would fit",
        ),
        (
            map("form = \"pairs\"\n"),
            "end=1;src=10.0.0.5;dst=192.0.2.1\n".to_owned(),
            "its separator \" \" cuts line 1 into 1 column: \"end\"; separator = \";\" would fit",
        ),
        (map("form = \"json\"\n"), "{\"a\":1,\"b\":{\"c\":2}}\n".to_owned(), "line 1 has the keys \"a\", \"b.c\""),
        (
            map("form = \"csv\"\n").replace("match =", "header = [\"end\", \"src\", \"spt\", \"dst\", \"dpt\", \"proto\", \"ms\", \"out\", \"in\", \"reason\", \"app\"]\nmatch ="),
            "# a comment\n04.03.2003,10.0.0.5\n".to_owned(),
            "cuts line 2 into 2 columns: \"04.03.2003\", \"10.0.0.5\"; header names 11",
        ),
        (
            map("form = \"csv\"\n").replace("match =", "header = [\"end\", \"src\", \"spt\", \"dst\", \"dpt\", \"proto\", \"ms\", \"out\", \"in\", \"reason\", \"app\"]\nmatch ="),
            "04.03.2003,10.0.0.5,1,192.0.2.1,25,tcp,7,1,2,tcp-fin,smtp\n".to_owned(),
            "does not fit: line 1, column 1: the time is not written as the map says: \"04.03.2003\", and the map has time = \"auto\"",
        ),
    ] {
        let err = said(&map, &log);
        assert!(err.contains(says) && err.starts_with("error: log: no evidence: "), "{err}");
    }
}

#[test]
fn what_a_first_line_holds_is_not_shown_where_addresses_are_to_be_hidden() {
    let place = Place::with("map.toml", map("form = \"csv\"\n"));
    place.write("bad", "jane.doe;secret-host;10.1.2.3\n");
    place.write("good", csv(&connections(), ','));
    let plain = place.scan(&["bad", "good", "--columns", "map.toml", "--format", "json"]);
    assert!(plain.out.contains("secret-host") && plain.err.contains("jane.doe"), "{plain:?}");
    let hidden = place.scan(&["bad", "good", "--columns", "map.toml", "--format", "json", "--redact"]);
    assert!(hidden.out.contains("cuts line 1 into 1 column") && hidden.err.contains("cuts line 1"), "{hidden:?}");
    for shown in ["secret-host", "jane.doe", "10.1.2"] {
        assert!(!hidden.out.contains(shown) && !hidden.err.contains(shown), "{hidden:?}");
    }
}
