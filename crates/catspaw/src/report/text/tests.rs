//! Whole reports, as they are read. Look at the goldens as the abuse desk would.

use super::{Style, sample, write};
use crate::report::model::Report;

const NARROW: Style = Style { width: 80, colour: false, verbose: false, unicode: true, redacted: false };

fn text(report: &Report, style: Style) -> String {
    let mut out = Vec::new();
    write(report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The goldens show reports that can be.
#[test]
fn samples_are_reports() {
    let schema = include_str!("../../../../../docs/schema/catspaw.report-1.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    for report in [sample::report(), sample::nothing(), sample::weak()] {
        let report = serde_json::to_value(report).unwrap();
        let complaints: Vec<String> =
            schema.iter_errors(&report).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert_eq!(complaints, Vec::<String>::new());
    }
}

#[test]
fn narrow() {
    insta::assert_snapshot!(text(&sample::report(), NARROW));
}

#[test]
fn wide() {
    insta::assert_snapshot!(text(&sample::report(), Style { width: 200, ..NARROW }));
}

#[test]
fn in_colour() {
    let coloured = text(&sample::report(), Style { colour: true, ..NARROW });
    let start: Vec<&str> = coloured.lines().take(20).collect();
    insta::assert_snapshot!(start.join("\n").replace('\x1b', "<esc>"));
}

#[test]
fn nothing_found() {
    insta::assert_snapshot!(text(&sample::nothing(), NARROW));
}

#[test]
fn worth_a_look() {
    let text = text(&sample::weak(), NARROW);
    let look = text.split("\nWorth a look\n").nth(1).unwrap().split("\nWhat was read\n").next().unwrap();
    insta::assert_snapshot!(look);
}

#[test]
fn nothing_found_with_everything_told() {
    let verbose = text(&sample::nothing(), Style { verbose: true, ..NARROW });
    let words: Vec<&str> = verbose.split_whitespace().collect();
    assert!(words.join(" ").contains("172.28.1.53 port 53, 172.28.1.54 port 53."), "{verbose}");
    assert!(!text(&sample::nothing(), NARROW).contains("172.28.1.53"));
}

#[test]
fn hostile() {
    let text = text(&sample::hostile(), NARROW);
    assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn colour_changes_no_word() {
    let coloured = text(&sample::report(), Style { colour: true, ..NARROW });
    let mut plain = String::new();
    for (at, part) in coloured.split('\x1b').enumerate() {
        plain.push_str(if at == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(plain, text(&sample::report(), NARROW));
}

#[test]
fn a_terminal_without_unicode_gets_ascii() {
    let plain = text(&sample::report(), Style { unicode: false, ..NARROW });
    assert!(plain.is_ascii(), "{plain}");
    let rows: Vec<&str> =
        plain.lines().filter(|line| line.starts_with("    in   ") || line.starts_with("    out  ")).collect();
    assert_eq!(
        rows[..2],
        ["    in     :**+#@#*#*+=*=+#@#*#*@=*=-#@#*#*@*", "    out  ..:*#+#@#*#*+=*=+#@#*#*@=*=-#@#*...."]
    );
}

/// Only what must not be broken is wider than the terminal.
#[test]
fn nothing_is_wider_than_the_terminal() {
    for width in [80, 100, 120, 160, 200] {
        let text = text(&sample::report(), Style { width, ..NARROW });
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > width).collect();
        assert_eq!(wide, Vec::<&str>::new(), "{width}");
    }
}
