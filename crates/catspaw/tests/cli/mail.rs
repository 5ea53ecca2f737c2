//! Logs that were sent by mail: wrapped, quoted, with words before and after.

use serde_json::Value;

use crate::pix::{DAY, Log, relay_log};
use crate::run::Place;

/// As a mail program sends it: no line longer than `width`, broken at spaces, with `quote` before each.
fn wrapped(text: &str, width: usize, quote: &str) -> String {
    let mut mail = String::new();
    for line in text.lines() {
        let mut column = 0;
        for word in line.split(' ') {
            if column > 0 && column + 1 + word.len() > width {
                mail.push('\n');
                column = 0;
            }
            if column == 0 {
                mail += quote;
                column = quote.len();
            } else {
                mail.push(' ');
                column += 1;
            }
            mail += word;
            column += word.len();
        }
        mail.push('\n');
    }
    mail
}

fn mail(log: &str, width: usize, quote: &str) -> String {
    let body = wrapped(log, width, quote);
    format!(
        "From: abuse@example.org\nSubject: your host\n\nDear colleagues,\nplease see the lines below, which a host of yours \
         has made.\nThey are in UTC.\n\n{body}{quote}\n\nRegards,\nJane\n-- \nThis was sent to you because you are listed: do not reply\n"
    )
}

fn counts(report: &Value) -> (&Value, u64, u64) {
    let records = report["evidence"].as_array().unwrap().iter().map(|e| e["records"].as_u64().unwrap()).sum();
    let unparsed = report["unparsed"].as_array().unwrap().iter().map(|u| u["count"].as_u64().unwrap()).sum();
    (&report["incidents"][0]["counts"], records, unparsed)
}

#[test]
fn wrapped_and_quoted_lines_are_put_together() {
    let log = relay_log();
    let place = Place::with("log", &log);
    let clean = place.report(&["log"]);
    for (width, quote) in [(65, ""), (72, ""), (72, "> "), (76, "> > "), (78, "| "), (80, ">")] {
        let text = mail(&log, width, quote);
        assert!(text.lines().all(|line| line.len() <= 130) && text.lines().count() > 360, "{text}");
        place.write("mail", &text);
        let report = place.report(&["mail"]);
        // The words around the log are what is not understood.
        assert_eq!(counts(&report), (counts(&clean).0, 160, 9), "{width} {quote:?}: {}", report["unparsed"]);
        let example = &report["incidents"][0]["examples"][0];
        let line = example["line"].as_u64().unwrap() as usize;
        assert_eq!(example["text"], text.lines().nth(line - 1).unwrap());
        assert!(example["text"].as_str().unwrap().contains("%PIX-6-3020"), "{example}");
        // The same lines as the device wrote them are second copies.
        let report = place.report(&["mail", "log"]);
        assert_eq!(counts(&report).0, counts(&clean).0, "{width} {quote:?}");
        // And however they are read.
        let rows = |evidence| {
            let rows = place.connections(&[evidence, "-j", "1"]);
            rows.iter()
                .map(|row| (row["ts"].to_string(), row["bytes"].to_string(), row["conn_state"].to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(rows("mail"), rows("log"));
    }
}

#[test]
fn quoted_printable_breaks_lines_in_the_middle_of_words() {
    let log = relay_log();
    let broken: String = log
        .lines()
        .map(|line| {
            let parts: Vec<&str> = line.as_bytes().chunks(75).map(|part| std::str::from_utf8(part).unwrap()).collect();
            parts.join("=\n") + "\n"
        })
        .collect();
    let place = Place::with("log", &log);
    place.write("mail", broken);
    let report = place.report(&["mail"]);
    assert_eq!(counts(&report), (counts(&place.report(&["log"])).0, 160, 0), "{}", report["unparsed"]);
}

#[test]
fn a_mail_longer_than_a_block_loses_nothing_where_blocks_end() {
    let mut log = Log::default();
    for n in 0..12_000 {
        log.out(DAY + n, "10.0.0.5");
    }
    log.relay(DAY + 12_100, 40);
    let place = Place::with("log", mail(&log.text, 72, "> "));
    for threads in ["1", "3"] {
        let report = place.report(&["log", "-j", threads]);
        let (counts, records, unparsed) = counts(&report);
        assert_eq!((&counts["relayed"], records, unparsed), (&40.into(), 24_160, 9));
    }
}

#[test]
fn a_log_that_is_not_wrapped_is_read_line_by_line() {
    // One line that was cut, and a word behind it, as a log may have them.
    let mut lines: Vec<String> = relay_log().lines().map(|line| format!("{line}\n")).collect();
    let cut = lines[20].find(" to inside").unwrap();
    lines[20] = format!("{}\nto inside:10.0.0.66/1182 (10.0.0.66/1182)\n", &lines[20][..cut]);
    let report = Place::with("log", lines.concat()).report(&["log"]);
    let (_, records, unparsed) = counts(&report);
    assert_eq!((records, unparsed), (159, 2));
}
