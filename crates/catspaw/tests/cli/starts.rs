//! Logs whose lines stand in the order in which connections began.

use serde_json::Value;

use crate::run::Place;
use crate::zeek::conn_log;

/// A log with connections of hours among the others, and the same in the order of beginnings: its first lines, and its rows.
fn logs() -> [(String, Vec<String>); 2] {
    let log = conn_log();
    let (head, rows): (Vec<&str>, Vec<&str>) =
        log.lines().filter(|line| !line.starts_with("#close")).partition(|line| line.starts_with('#'));
    let head: String = head.into_iter().map(|line| format!("{line}\n")).collect();
    let names: Vec<&str> = head.lines().find_map(|line| line.strip_prefix("#fields\t")).unwrap().split('\t').collect();
    let at = |name: &str| names.iter().position(|own| *own == name).unwrap();
    let number = |row: &str, name: &str| row.split('\t').nth(at(name)).unwrap().parse::<f64>().unwrap_or(0.0);
    let begun = |row: &String| number(row, "ts");
    let ended = |row: &String| number(row, "ts") + number(row, "duration");
    let mut rows: Vec<String> = rows.into_iter().map(str::to_owned).collect();
    rows.sort_by(|a, b| begun(a).total_cmp(&begun(b)));
    // Each twentieth has one beside it that began with it and stood for five hours.
    let long = |row: &String| {
        let mut fields: Vec<String> = row.split('\t').map(str::to_owned).collect();
        fields[at("uid")].push('L');
        fields[at("id.resp_h")] = "198.51.100.200".to_owned();
        fields[at("duration")] = "18000.000000".to_owned();
        fields.join("\t")
    };
    let longs: Vec<String> = rows.iter().filter(|row| row.contains("\ttcp\t")).step_by(20).map(long).collect();
    assert!(longs.len() > 3);
    rows.extend(longs);
    let mut ends = rows.clone();
    rows.sort_by(|a, b| begun(a).total_cmp(&begun(b)));
    ends.sort_by(|a, b| ended(a).total_cmp(&ended(b)));
    [(head.clone(), ends), (head, rows)]
}

fn written((head, rows): &(String, Vec<String>), part: std::ops::Range<usize>) -> String {
    head.clone() + &rows[part].iter().map(|row| format!("{row}\n")).collect::<String>()
}

/// What is said of hosts, without places; and how many records were late.
fn told(report: &Value) -> (Vec<Value>, u64) {
    let mut incidents = report["incidents"].as_array().unwrap().clone();
    incidents.iter_mut().for_each(|incident| incident["examples"] = Value::Null);
    (incidents, report["evidence"].as_array().unwrap().iter().map(|file| file["late"].as_u64().unwrap()).sum())
}

#[test]
fn a_log_that_was_sorted_says_what_it_says_as_it_was_written() {
    let [ends, starts] = logs();
    let (place, all) = (Place::with("ends.log", written(&ends, 0..ends.1.len())), starts.1.len());
    place.write("starts.log", written(&starts, 0..all));
    let expected = told(&place.report(&["ends.log"]));
    assert_eq!((expected.0.len(), expected.1), (1, 0));
    assert_eq!(told(&place.report(&["starts.log"])), expected);
    assert_eq!(told(&place.report(&["starts.log", "-j", "3"])), expected);
    // In parts, of which some begin while the long ones stand; and twice.
    for (n, part) in [0..all / 3, all / 3..all / 2, all / 2..all].into_iter().enumerate() {
        place.write(&format!("parts/{n}.log"), written(&starts, part));
    }
    assert_eq!(told(&place.report(&["parts"])), expected);
    assert_eq!(told(&place.report(&["starts.log", "ends.log"])), expected);
    // What was written of it is in that order, too.
    place.report(&["ends.log", "--connections", "again.log"]);
    assert_eq!(told(&place.report(&["again.log"])).1, 0);
}

#[test]
fn of_a_pipe_in_that_order_it_is_said_what_is_wrong_and_what_to_do() {
    let [_, starts] = logs();
    let said = Place::new().scan_input(&["-"], written(&starts, 0..starts.1.len()).as_bytes());
    let says = "Its lines stand in the order in which connections began, as sort(1) puts them, and not in that in which they ended. It is \
                read by that where all evidence is in files, and none comes through a pipe or standard input";
    assert!(said.err.contains(says), "{}", said.err);
}

#[test]
fn a_clock_that_was_set_back_is_no_such_order() {
    let [ends, _] = logs();
    let all = ends.1.len();
    let text = written(&ends, 0..all) + &written(&ends, 0..all / 2).replace("\tC", "\tD");
    let place = Place::with("back.log", text);
    let said = place.scan(&["back.log"]);
    assert!(said.err.contains("Was its clock set back"), "{}", said.err);
}
