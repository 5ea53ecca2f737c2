//! Logs whose columns a map names: the same relay, however its connections are written.

use serde_json::{Value, json};

use crate::run::Place;
use crate::zeek::conn_log;

/// The connections of a Zeek log: its columns by name, as far as they say something.
pub(crate) fn connections() -> Vec<Value> {
    let log = conn_log();
    let names: Vec<&str> = log.lines().find_map(|line| line.strip_prefix("#fields\t")).unwrap().split('\t').collect();
    let rows = log.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| {
        names
            .iter()
            .zip(line.split('\t'))
            .filter(|(_, text)| *text != "-")
            .map(|(n, t)| ((*n).to_owned(), Value::from(t)))
            .collect()
    })
    .collect()
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or("-")
}

fn seconds(row: &Value, name: &str) -> Option<f64> {
    row[name].as_str().map(|text| text.parse().unwrap())
}

/// A firewall's own words for how a connection ended.
fn ending(row: &Value) -> &'static str {
    match text(row, "conn_state") {
        "SF" => "tcp-fin",
        "S0" => "aged-out",
        "REJ" | "RSTR" => "server-rst",
        "RSTO" => "client-rst",
        _ => "unknown",
    }
}

/// What the map says beside the columns.
const WORDS: &str = "counted = \"payload\"\n\
    [map.columns]\nend = \"end\"\nduration = \"ms\"\norig_h = \"src\"\norig_p = \"spt\"\nresp_h = \"dst\"\nresp_p = \"dpt\"\nproto = \"proto\"\n\
    orig_bytes = \"out\"\nresp_bytes = \"in\"\nending = \"reason\"\nservice = \"app\"\n\
    [map.words]\nfins = \"tcp-fin\"\nno_answer = \"aged-out\"\nreset_by_resp = \"server-rst\"\nreset_by_orig = \"client-rst\"\n";

pub(crate) fn map(form: &str) -> String {
    format!("[[map]]\nname = \"made-up\"\n{form}match = [\"src\", \"dst\", \"end\"]\nunit = \"ms\"\n{WORDS}")
}

/// The values of a line, in the order of the columns.
fn values(row: &Value) -> Vec<(&'static str, String)> {
    let span = seconds(row, "duration");
    let end = seconds(row, "ts").unwrap() + span.unwrap_or(0.0);
    vec![
        ("end", format!("{end:.3}")),
        ("src", text(row, "id.orig_h").to_owned()),
        ("spt", text(row, "id.orig_p").to_owned()),
        ("rule", "a, b; \"c\"".to_owned()),
        ("dst", text(row, "id.resp_h").to_owned()),
        ("dpt", text(row, "id.resp_p").to_owned()),
        ("proto", text(row, "proto").to_owned()),
        ("ms", span.map_or("-".to_owned(), |span| format!("{:.3}", span * 1e3))),
        ("out", text(row, "orig_bytes").to_owned()),
        ("in", text(row, "resp_bytes").to_owned()),
        ("reason", ending(row).to_owned()),
        ("app", text(row, "service").to_owned()),
    ]
}

pub(crate) fn csv(rows: &[Value], separator: char) -> String {
    let quoted = |text: &str| {
        if text.contains([separator, '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
    };
    let join = |texts: Vec<String>| texts.join(&separator.to_string()) + "\n";
    let header = join(values(&rows[0]).into_iter().map(|(name, _)| name.to_owned()).collect());
    rows.iter().fold(header, |all, row| all + &join(values(row).iter().map(|(_, text)| quoted(text)).collect()))
}

pub(crate) fn pairs(rows: &[Value]) -> String {
    let pair = |(name, text): &(&str, String)| match text.contains([' ', '"']) {
        true => format!("{name}=\"{}\"", text.replace('"', "\\\"")),
        false => format!("{name}={text}"),
    };
    rows.iter()
        .map(|row| format!("<14>Mar  4 00:00:00 fw {}\n", values(row).iter().map(pair).collect::<Vec<_>>().join(" ")))
        .collect()
}

pub(crate) fn json_lines(rows: &[Value]) -> String {
    rows.iter()
        .map(|row| {
            let object: serde_json::Map<_, _> = values(row)
                .into_iter()
                .filter(|(_, text)| text != "-")
                .map(|(name, text)| (name.to_owned(), text.into()))
                .collect();
            format!("{}\n", Value::from(object))
        })
        .collect()
}

/// The same as events of Elastic's schema.
pub(crate) fn ecs(rows: &[Value]) -> String {
    let nanos = |seconds: f64| (seconds * 1e6).round() as i64 * 1_000;
    let stamp = |seconds: f64| jiff::Timestamp::from_microsecond((seconds * 1e6).round() as i64).unwrap().to_string();
    rows.iter()
        .map(|row| {
            let (start, span) = (seconds(row, "ts").unwrap(), seconds(row, "duration").unwrap_or(0.0));
            let number = |name: &str| row[name].as_str().map(|text| text.parse::<u64>().unwrap());
            let event = json!({
                "@timestamp": stamp(start + span),
                "event": {"category": ["network"], "type": ["connection", "end"], "start": stamp(start), "end": stamp(start + span),
                          "duration": nanos(span)},
                "source": {"ip": text(row, "id.orig_h"), "port": number("id.orig_p"), "bytes": number("orig_ip_bytes"), "packets": number("orig_pkts")},
                "destination": {"ip": text(row, "id.resp_h"), "port": number("id.resp_p"), "bytes": number("resp_ip_bytes"), "packets": number("resp_pkts")},
                "network": {"transport": text(row, "proto"), "protocol": text(row, "service")},
                "observer": {"name": "edge"},
            });
            format!("{event}\n")
        })
        .collect()
}

/// The same as a search of Splunk's exports it.
pub(crate) fn cim(rows: &[Value]) -> String {
    let mut all = "_time,action,src_ip,src_port,dest_ip,dest_port,transport,duration,bytes_out,bytes_in,packets_out,packets_in,app,dvc\n".to_owned();
    for row in rows {
        let (start, span) = (seconds(row, "ts").unwrap(), seconds(row, "duration").unwrap_or(0.0));
        let columns =
            ["id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto"].map(|name| text(row, name)).join(",");
        let counts = ["orig_ip_bytes", "resp_ip_bytes", "orig_pkts", "resp_pkts", "service"]
            .map(|name| text(row, name))
            .join(",");
        all += &format!("{:.6},allowed,{columns},{span:.6},{counts},edge\n", start + span);
    }
    all
}

fn incidents(report: &Value) -> Vec<(Value, Value, Value)> {
    let list = report["incidents"].as_array().unwrap();
    list.iter()
        .map(|incident| (incident["host"].clone(), incident["verdict"].clone(), incident["services"].clone()))
        .collect()
}

#[test]
fn a_relay_is_found_whatever_the_columns_are_called() {
    let rows = connections();
    let place = Place::with("conn.log", conn_log());
    let expected = place.report(&["conn.log"]);
    assert_eq!(incidents(&expected).len(), 1);
    for (name, form, log) in [
        ("comma", "form = \"csv\"\n", csv(&rows, ',')),
        ("semicolon", "form = \"csv\"\nseparator = \";\"\n", csv(&rows, ';')),
        ("tab", "form = \"csv\"\nseparator = \"\\t\"\n", csv(&rows, '\t')),
        ("pairs", "form = \"pairs\"\n", pairs(&rows)),
        ("json", "form = \"json\"\n", json_lines(&rows)),
    ] {
        place.write("map.toml", map(form));
        place.write(name, log);
        let report = place.report(&[name, "--columns", "map.toml"]);
        assert_eq!(incidents(&report), incidents(&expected), "{name}");
        assert_eq!(
            report["incidents"][0]["counts"]["relayed"], expected["incidents"][0]["counts"]["relayed"],
            "{name}"
        );
        assert_eq!(report["evidence"][0]["format"], "columns:made-up");
        assert_eq!(
            (&report["evidence"][0]["records"], report["unparsed"].as_array().unwrap().len()),
            (&rows.len().into(), 0),
            "{name}"
        );
        let said = place.scan(&[name]);
        assert!(
            said.failed().contains(&format!("error: {name}: no evidence")),
            "{name}: without the map: {}",
            said.err
        );
    }
}

#[test]
fn ready_maps_need_no_option() {
    let rows = connections();
    let place = Place::with("conn.log", conn_log());
    let expected = place.report(&["conn.log"]);
    for (log, format) in [(ecs(&rows), "columns:ecs"), (cim(&rows), "columns:cim")] {
        place.write("log", log);
        let report = place.report(&["log"]);
        assert_eq!(incidents(&report), incidents(&expected), "{format}");
        assert_eq!(
            (&report["evidence"][0]["format"], &report["evidence"][0]["sensor"]),
            (&format.into(), &"edge".into())
        );
        assert_eq!(report["evidence"][0]["records"], rows.len());
        let said = place.scan(&["log", "-v"]);
        assert!(said.out.contains(&format!("log ({format}, ")), "{}", said.out);
    }
}

#[test]
fn a_map_may_be_named_in_the_configuration() {
    let place = Place::with("map.toml", map("form = \"json\"\n"));
    place.write("log", json_lines(&connections()));
    place.write("catspaw.toml", "columns = [\"map.toml\"]\n");
    let report = place.report(&["log", "--config", "catspaw.toml"]);
    assert_eq!(report["evidence"][0]["format"], "columns:made-up");
    place.write("catspaw.toml", "columns = [\"nowhere.toml\"]\n");
    assert!(
        place.scan(&["log", "--config", "catspaw.toml"]).failed().starts_with("error: nowhere.toml: cannot be read")
    );
    place.write("map.toml", map("form = \"json\"\n").replace("ending =", "end_reason ="));
    let said = place.scan(&["log", "--columns", "map.toml"]);
    assert!(said.failed().starts_with("error: map.toml:17:1: no field of ours: one of ts, date"), "{}", said.err);
    assert!(said.err.contains("\n    end_reason = \"reason\"\n    ^"), "{}", said.err);
}

#[test]
fn a_line_of_json_that_breaks_is_shown_with_its_column() {
    let log = json_lines(&connections());
    let place = Place::with("map.toml", map("form = \"json\"\n"));
    place.write("log", format!("{log}{{\"end\":\"x\" \"src\":1}}\n{{\"end\":"));
    let report = place.report(&["log", "--columns", "map.toml"]);
    let lines = log.lines().count();
    let unparsed = report["unparsed"].as_array().unwrap();
    let broken = unparsed.iter().find(|one| one["why"] == "JSON: no comma between two values").unwrap();
    assert_eq!((&broken["line"], &broken["column"]), (&(lines + 1).into(), &12.into()));
    assert!(
        unparsed.iter().any(|one| one["why"].as_str().unwrap().starts_with("JSON: the line ends within the object"))
    );
    let said = place.scan(&["log", "--columns", "map.toml"]);
    assert!(said.out.contains(&format!("log:{}:12: JSON: no comma between two values", lines + 1)), "{}", said.out);
}

#[test]
fn zeeks_json_gives_what_its_tsv_gives() {
    let place = Place::with("conn.log", conn_log());
    let expected = place.report(&["conn.log"]);
    let typed = |(name, value): (&String, &Value)| {
        let text = value.as_str().unwrap();
        let value = match name.as_str() {
            "local_orig" | "local_resp" => (text == "T").into(),
            "uid" | "id.orig_h" | "id.resp_h" | "proto" | "service" | "conn_state" | "history" => text.into(),
            _ => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        };
        (name.clone(), value)
    };
    let json: String = connections()
        .iter()
        .map(|row| {
            format!("{}\n", Value::from(row.as_object().unwrap().iter().map(typed).collect::<serde_json::Map<_, _>>()))
        })
        .collect();
    place.write("conn.json", json);
    let report = place.report(&["conn.json"]);
    assert_eq!(report["evidence"][0]["format"], "zeek-conn");
    assert_eq!(report["incidents"][0]["counts"], expected["incidents"][0]["counts"]);
    assert_eq!(report["incidents"][0]["confidence"], expected["incidents"][0]["confidence"]);
}

/// The block of `kind` in the documentation that comes first behind `heading`.
fn documented(heading: &str, kind: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/logs.md");
    let text = std::fs::read_to_string(path).unwrap();
    let section = text.split_once(heading).unwrap().1;
    let block = section.split_once(&format!("\n```{kind}\n")).unwrap().1;
    block.split_once("\n```").unwrap().0.to_owned() + "\n"
}

#[test]
fn the_documented_example_is_read() {
    let place = Place::with("edge.log", documented("## Columns", ""));
    place.write("edge.toml", documented("## Columns", "toml"));
    let report = place.report(&["edge.log", "--columns", "edge.toml"]);
    assert_eq!((&report["evidence"][0]["records"], report["unparsed"].as_array().unwrap().len()), (&2.into(), 0));
    let rows = place.connections(&["edge.log", "--columns", "edge.toml"]);
    assert_eq!(rows.len(), 1, "the other was denied");
    let row = &rows[0];
    assert_eq!(
        (&row["id.orig_h"], &row["id.resp_p"], &row["proto"]),
        (&"172.28.220.85".into(), &25.into(), &"tcp".into())
    );
    assert_eq!(
        (&row["ts"], &row["duration"], &row["resp_bytes"]),
        (&1_046_793_900.0.into(), &12.25.into(), &400.into())
    );
}

#[test]
fn a_later_part_has_the_columns_of_the_first() {
    let rows = connections();
    let log = csv(&rows, ',');
    let place = Place::with("map.toml", map("form = \"csv\"\n"));
    place.write("edge.csv", &log);
    let whole = place.report(&["edge.csv", "--columns", "map.toml"]);
    let lines: Vec<&str> = log.lines().collect();
    for cut in [1, 2, lines.len() / 2, lines.len() - 1] {
        place.write("a", lines[..cut].join("\n") + "\n");
        place.write("b", lines[cut..].join("\n") + "\n");
        place.write("c", "a, letter, to, nobody\n");
        let report = place.report(&["b", "c", "a", "--columns", "map.toml"]);
        assert_eq!(report["incidents"][0]["counts"], whole["incidents"][0]["counts"], "{cut}");
        assert_eq!(report["incidents"][0]["confidence"], whole["incidents"][0]["confidence"], "{cut}");
        let records = |report: &Value| -> u64 {
            report["evidence"].as_array().unwrap().iter().map(|e| e["records"].as_u64().unwrap()).sum()
        };
        assert_eq!(records(&report), records(&whole), "{cut}");
        let unparsed = report["unparsed"].as_array().unwrap();
        assert!(unparsed.len() == 1 && unparsed[0]["path"] == "c", "{unparsed:?}");
    }
}

/// Who is the client and who the server says the order of the columns alone.
#[test]
fn a_part_that_fits_the_columns_of_two_logs_is_neither_s() {
    let rows = connections();
    let log = csv(&rows, ',');
    let (header, lines) = log.split_once('\n').unwrap();
    let swapped = header.replace("src,spt", "S").replace("dst,dpt", "src,spt").replace('S', "dst,dpt");
    assert_ne!(header, swapped);
    let lines: Vec<&str> = lines.lines().collect();
    let (first, second) = lines.split_at(lines.len() / 2);
    let place = Place::with("map.toml", map("form = \"csv\"\n"));
    place.write("a", format!("{header}\n{}\n", first.join("\n")));
    place.write("b", second.join("\n") + "\n");
    place.write("like-a", format!("{header}\n{}\n", lines[0]));
    place.write("other", format!("{swapped}\n{}\n", lines[0]));
    let records = |report: &Value, path: &str| {
        let evidence = report["evidence"].as_array().unwrap().iter().find(|read| read["path"] == path).cloned();
        evidence.map(|read| read["records"].as_u64().unwrap())
    };
    let both = "b: not read: it has no header, and fits the columns of";
    for order in [["a", "other", "b"], ["other", "a", "b"], ["b", "a", "other"]] {
        let said = place.scan(&[&order[..], &["--columns", "map.toml"]].concat());
        assert!(said.err.contains(both), "{order:?}: {said:?}");
        let report = place.report(&[&order[..], &["--columns", "map.toml"]].concat());
        assert!(records(&report, "a").is_some() && records(&report, "b").is_none(), "{order:?}");
    }
    for order in [["a", "like-a", "b"], ["b", "like-a", "a"]] {
        let report = place.report(&[&order[..], &["--columns", "map.toml"]].concat());
        assert!(records(&report, "b").is_some_and(|records| records > 0), "{order:?}: {}", report["evidence"]);
    }
}

/// One line that happens to fit makes no part.
#[test]
fn most_lines_of_a_part_fit_the_columns() {
    let log = csv(&connections(), ',');
    let place = Place::with("map.toml", map("form = \"csv\"\n"));
    place.write("a", &log);
    let line = log.lines().nth(1).unwrap();
    for (others, is_part) in [(0, true), (3, false)] {
        place.write("b", format!("{line}\n{}", "a, letter, to, nobody\n".repeat(others)));
        let said = place.scan(&["a", "b", "--columns", "map.toml"]);
        assert_eq!(!said.err.contains("b: no evidence"), is_part, "{others}: {said:?}");
    }
}

#[test]
fn a_column_that_the_header_lacks_is_told_at_once() {
    let rows = connections();
    let place = Place::with("edge.csv", csv(&rows, ','));
    let own = map("form = \"csv\"\n");
    place.write("map.toml", own.replace("\"out\"", "[\"sent\", \"tx\"]").replace("\"in\"", "\"in\"\nbytes = \"out\""));
    let said = place.scan(&["edge.csv", "--columns", "map.toml"]);
    let lack = "edge.csv: the map made-up has columns for what its header lacks: orig_bytes (sent, tx); it has end, src, spt, rule, dst, \
                dpt, proto, ms, out, in, reason, app\n";
    assert_eq!(said.err.lines().next().map(|line| format!("{line}\n")), Some(format!("warning: {lack}")), "{said:?}");
    place.write("map.toml", own.replace("\"dst\", \"end\"", "\"dst\", \"ends\""));
    let said = place.scan(&["edge.csv", "--columns", "map.toml"]);
    let lack = "error: edge.csv: no evidence: the map made-up does not fit, for its header lacks match (ends); it has end, src,";
    assert!(said.failed().starts_with(lack), "{said:?}");
    place.write("map.toml", own.replace("\"out\"", "[\"sent\", \"out\"]"));
    let said = place.scan(&["edge.csv", "--columns", "map.toml"]);
    assert!(!said.err.contains("lacks"), "one of several is enough: {said:?}");
    // No header names those of a map that does.
    let named = own.replace(
        "match = [\"src\", \"dst\", \"end\"]",
        "header = [\"end\", \"src\", \"spt\", \"dst\", \"dpt\", \"proto\"]",
    );
    place.write("map.toml", named);
    let said = place.scan(&["edge.csv", "--columns", "map.toml"]);
    assert!(
        said.failed().contains("map.toml:9:1: header has no ms; it has end, src, spt, dst, dpt, proto"),
        "{said:?}"
    );
}

/// The report, where the n-th of so many SMTP connections of the relay ended as `state` says, in Zeek's words; and how many.
fn report_of_mail(host: &str, state: impl Fn(usize, usize) -> &'static str) -> (usize, Value) {
    let mut rows = connections();
    let is_mail = |row: &Value| text(row, "id.orig_h") == host && text(row, "id.resp_p") == "25";
    rows.retain(|row| !is_mail(row) || text(row, "conn_state") == "SF");
    let many = rows.iter().filter(|row| is_mail(row)).count();
    for (number, row) in rows.iter_mut().filter(|row| is_mail(row)).enumerate() {
        row["conn_state"] = state(number, many).into();
    }
    let place = Place::with("log", csv(&rows, ','));
    place.write("map.toml", map("form = \"csv\"\n"));
    (many, place.report(&["log", "--columns", "map.toml"]))
}

#[test]
fn of_what_mail_nobody_knows_the_end_is_told() {
    let of = |report: &Value| {
        let incident = &report["incidents"][0];
        let (counts, day) = (&incident["counts"], &incident["daily"][0]);
        assert_eq!((&counts["smtp_completed"], &counts["delivered"]), (&day["smtp_completed"], &day["delivered"]));
        (counts["smtp_completed"].as_u64(), counts["delivered"].as_u64(), incident["why"].to_string())
    };
    let partly = |untold: usize, many: usize| {
        format!("Of {untold} of its {many} SMTP connections that are over the evidence does not say how they ended")
    };
    let nobody = "Of its SMTP connections the evidence does not say";

    let place = Place::with("log", csv(&connections(), ','));
    place.write("map.toml", map("form = \"csv\"\n"));
    let report = place.report(&["log", "--columns", "map.toml"]);
    let host = report["incidents"][0]["host"].as_str().unwrap();

    let (many, all) = report_of_mail(host, |_, _| "SF");
    let (completed, delivered, why) = of(&all);
    assert_eq!(completed, Some(many as u64));
    assert!(delivered > Some(0) && !why.contains("how they ended"), "{why}");

    let (_, resets_but_one) = report_of_mail(host, |number, many| if number + 1 == many { "OTH" } else { "RSTO" });
    let (completed, delivered, why) = of(&resets_but_one);
    assert_eq!((completed, delivered), (Some(0), Some(0)), "{why}");
    assert!(why.contains(&partly(1, many)) && !why.contains(nobody), "{why}");

    let (_, one_fin) = report_of_mail(host, |number, many| if number + 1 == many { "SF" } else { "OTH" });
    let (completed, delivered, why) = of(&one_fin);
    assert!(completed == Some(1) && delivered <= Some(1), "{why}");
    assert!(why.contains(&partly(many - 1, many)) && !why.contains(nobody), "{why}");

    let (_, none) = report_of_mail(host, |_, _| "OTH");
    let (completed, delivered, why) = of(&none);
    assert_eq!((completed, delivered), (None, None), "{why}");
    assert!(why.contains(nobody) && !why.contains("that are over"), "{why}");
}

#[test]
fn what_was_delivered_is_unknown_where_no_end_is_told() {
    let place = Place::with("log", csv(&connections(), ','));
    let own = map("form = \"csv\"\n");
    place.write("map.toml", &own);
    let told = place.report(&["log", "--columns", "map.toml"]);
    place.write("map.toml", own.replace("ending = \"reason\"\n", ""));
    let untold = place.report(&["log", "--columns", "map.toml", "--pairs", "pairs.jsonl"]);
    let counts = |report: &Value| report["incidents"][0]["counts"].clone();
    assert!(counts(&told)["smtp_completed"].as_u64() > Some(0) && counts(&told)["delivered"].as_u64() > Some(0));
    assert_eq!((&counts(&untold)["smtp_completed"], &counts(&untold)["delivered"]), (&Value::Null, &Value::Null));
    assert_eq!(counts(&untold)["relayed"], counts(&told)["relayed"]);
    let day = &untold["incidents"][0]["daily"][0];
    assert_eq!((&day["smtp_completed"], &day["delivered"]), (&Value::Null, &Value::Null));
    let pairs = place.read("pairs.jsonl");
    assert!(pairs.lines().any(|pair| serde_json::from_str::<Value>(pair).unwrap()["delivered"].is_null()), "{pairs}");
    assert!(untold["incidents"][0]["why"].to_string().contains("does not say how they ended"));
    let said = place.scan(&["log", "--columns", "map.toml", "--timezone", "Europe/Berlin"]);
    assert!(said.out.contains("Times are in UTC, days are those of Europe/Berlin."), "{}", said.out);
    assert!(!place.scan(&["log", "--columns", "map.toml"]).out.contains("days are those of"));
}
