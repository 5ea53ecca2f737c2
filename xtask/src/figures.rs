//! Every figure that the documentation states, made by a command.
//!
//! A figure stands between `<!-- figures: NAME -->` and `<!-- end -->` in a Markdown file of the root or of `docs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Args;
use crate::run::{self, Doing, Result};
use crate::{bench, calibrate, judge, lab, long, packets, readers};

const NAMES: [&str; 10] =
    ["judge", "case", "lab", "cisco", "innocents", "calibrate", "bench", "readers", "long", "packets"];

const END: &str = "<!-- end -->";

/// `cargo xtask figures`.
pub(crate) fn figures(args: &mut Args) -> Result {
    let (labs, again) = (calibrate::labs(args)?, args.flag("--again"));
    let names = args.names()?;
    if let Some(unknown) = names.iter().find(|name| !NAMES.contains(&name.as_str())) {
        return Err(format!("no figures {unknown}: {}", NAMES.join(", ")).into());
    }
    let documents = documents()?;
    for name in NAMES {
        if names.is_empty() || names.iter().any(|asked| asked == name) {
            let made = make(name, &labs, again)?;
            write(&documents, name, &made)?;
            if name == "calibrate" {
                write(&documents, "calibrate, the curve", &calibrate::curve(&made))?;
            }
        }
    }
    Ok(())
}

/// `labs` are for the calibration, and `again` for the lab, which is only read then.
fn make(name: &str, labs: &[PathBuf], again: bool) -> Result<String> {
    let judged = match name {
        "judge" => judge::captures()?,
        "case" => judge::case()?,
        "lab" => return lab::figures(again),
        "cisco" => return cisco(),
        "innocents" => return innocents(),
        "calibrate" => return calibrate::figures(labs),
        "readers" => return readers::readers(&mut Args::none()),
        "long" => return long::long(&mut Args::none()),
        "packets" => return packets::packets(&mut Args::none()),
        _ => return bench::logs(&mut Args::none()),
    };
    // A figure that does not hold is shown as it is, with what the judge says of it.
    let short: String = judged.short.iter().map(|what| format!("- {what}\n")).collect();
    Ok(if short.is_empty() { judged.table.to_string() } else { format!("{}\n{short}", judged.table) })
}

/// What a test that only prints a table prints.
fn printed(package: &str, test: &str, name: &str) -> Result<String> {
    let test = ["test", "--locked", "--release", "-p", package, "--test", test];
    let print = ["--", "--ignored", "--nocapture", name];
    let printed = Command::new("cargo").args(test).args(print).current_dir(run::root()).output().doing("cargo test")?;
    Ok(String::from_utf8_lossy(&printed.stdout).into_owned())
}

/// The tables that the records crate's own test prints: one row for a message of the firewalls, one for what is refused.
fn cisco() -> Result<String> {
    let printed = printed("catspaw-records", "cisco_goldens", "table_of_goldens")?;
    let table = |mark: &str, head: &str| {
        let rows = printed.lines().filter_map(|line| line.strip_prefix(mark)).map(|row| format!("{row}\n"));
        let rows: String = rows.collect();
        let columns = head.matches('|').count() - 1;
        (!rows.is_empty()).then(|| format!("{head}\n|{}\n{rows}", " --- |".repeat(columns)))
    };
    let read = table("row ", "| message | lines | read | passed over | refused | agree | differ | who is right |");
    let refused = table("refused ", "| refused of | taken for | lines | what it is |");
    match (read, refused) {
        (Some(read), Some(refused)) => Ok(format!("{read}\n{refused}")),
        _ => Err("the tables of goldens are empty: are the logs beside the checkout?".into()),
    }
}

/// The table that the relay crate's own test prints, one row for a kind of innocent in a view.
fn innocents() -> Result<String> {
    let printed = printed("catspaw-relay", "innocents", "table_of_innocents")?;
    let rows: Vec<String> = printed.lines().filter_map(innocent).collect();
    if rows.is_empty() {
        return Err("the table of innocents is empty: does its test still print it?".into());
    }
    let head = "| innocent | view | hosts | log10 of the largest | >= 10 | >= 100 | >= 1000 | >= 10000 | convicted |";
    Ok(format!("{head}\n|{}\n{}", " --- |".repeat(9), rows.concat()))
}

/// `NAME VIEW n HOSTS log10 max M >=10..1e4 [A, B, C, D] convicted N` as a row.
fn innocent(line: &str) -> Option<String> {
    let (what, rest) = line.split_once(" n ")?;
    let (name, view) = what.trim().rsplit_once(' ')?;
    let (hosts, rest) = rest.split_once(" log10 max ")?;
    let (largest, rest) = rest.split_once(" >=10..1e4 [")?;
    let (over, convicted) = rest.split_once("] convicted ")?;
    let cells = [name, view, hosts, largest].into_iter().chain(over.split(',')).chain([convicted]).map(str::trim);
    Some(format!("| {} |\n", cells.collect::<Vec<_>>().join(" | ")))
}

fn documents() -> Result<Vec<PathBuf>> {
    let mut documents = Vec::new();
    for folder in [run::root(), run::root().join("docs")] {
        for entry in fs::read_dir(&folder).doing(folder.display())? {
            let path = entry.doing(folder.display())?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    documents.sort();
    Ok(documents)
}

/// Puts the figures in every place that asks for them.
fn write(documents: &[PathBuf], name: &str, figures: &str) -> Result {
    let mut places = 0;
    for path in documents {
        let text = fs::read_to_string(path).doing(path.display())?;
        let (replaced, count) = replace(&text, name, figures).ok_or_else(|| unclosed(path, name))?;
        places += count;
        if replaced != text {
            fs::write(path, replaced).doing(path.display())?;
        }
    }
    println!("{name}: {places} places");
    if places == 0 { Err(format!("no document asks for the figures {name}").into()) } else { Ok(()) }
}

fn unclosed(path: &Path, name: &str) -> String {
    format!("{}: the figures {name} have no {END}", path.display())
}

/// `None` where an opening has no end.
fn replace(text: &str, name: &str, figures: &str) -> Option<(String, usize)> {
    let begin = format!("<!-- figures: {name} -->");
    let mut parts = text.split(&begin);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    let mut count = 0;
    for part in parts {
        let (_, after) = part.split_once(END)?;
        replaced += &format!("{begin}\n{}\n{END}{after}", figures.trim_end());
        count += 1;
    }
    Some((replaced, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_replaced_where_they_are_asked_for() {
        let text = "a\n<!-- figures: x -->\nold\n<!-- end -->\nb <!-- figures: y -->\nkept\n<!-- end -->\n";
        let (replaced, count) = replace(text, "x", "new\n").unwrap();
        assert_eq!(count, 1);
        assert_eq!(replaced, text.replace("old", "new"));
        assert_eq!(replace(&replaced, "x", "new\n").unwrap().0, replaced, "twice changes nothing");
    }

    #[test]
    fn an_opening_without_an_end_is_an_error() {
        assert!(replace("<!-- figures: x -->\nold\n", "x", "new").is_none());
    }
}
