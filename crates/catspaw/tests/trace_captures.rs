//! Questions drawn from the captures and the case beside the checkout (`../shared/data`), and their answers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "whoever runs it sees what was left out, and how many answers were clear")]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// As many questions are drawn from each capture.
const DRAWN: usize = 110;

/// An end as the outside saw it, when, and whose it was.
struct Asked {
    end: String,
    at: String,
    host: String,
}

fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not beside this checkout", path.display());
    None
}

fn unpacked(path: &Path) -> String {
    String::from_utf8(zstd::decode_all(fs::File::open(path).unwrap()).unwrap()).unwrap()
}

/// `(address/port)` behind `inside:` of each connection's Built line, by its number.
fn mapped(log: &str) -> HashMap<&str, String> {
    let built = log.lines().filter_map(|line| line.split_once("bound TCP connection "));
    let ends = built.filter_map(|(before, rest)| {
        let (id, rest) = rest.split_once(' ')?;
        let (_, own) = rest.rsplit_once(" (")?;
        before.contains("-302013: Built").then_some((id, own.strip_suffix(')')?.replace('/', ":")))
    });
    ends.collect()
}

fn answers(questions: &[Asked], evidence: &[&Path], more: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("questions");
    let text: String = questions.iter().map(|asked| format!("{} {}\n", asked.end, asked.at)).collect();
    fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_catspaw"));
    command.args(["trace", "-q", "--format", "json", "--proto", "tcp"]).args(more).args(evidence);
    let output = command.arg("--questions").arg(&file).arg("--index-dir").arg(folder.path()).output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
    answers["questions"].as_array().unwrap().clone()
}

/// The best candidate is the right one, every time. How many have no other.
fn check(questions: &[Asked], answers: &[Value]) -> usize {
    assert_eq!(questions.len(), answers.len());
    for (asked, answer) in questions.iter().zip(answers) {
        assert_eq!(answer["candidates"][0]["host"], asked.host.as_str(), "{} at {}: {answer:#}", asked.end, asked.at);
    }
    answers.iter().filter(|answer| answer["candidates"].as_array().unwrap().len() == 1).count()
}

fn moment(seconds: f64) -> String {
    jiff::Timestamp::from_nanosecond((seconds * 1e9) as i128).unwrap().to_string()
}

#[test]
fn whoever_was_behind_an_address_in_the_captures_is_found() {
    let Some(captures) = data("captures") else { return };
    let mut folders: Vec<PathBuf> = fs::read_dir(captures).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let (mut all, mut clear) = (0, 0);
    for folder in folders {
        let log = unpacked(&folder.join("pix.log.zst"));
        let truth = unpacked(&folder.join("pix.log.truth.tsv.zst"));
        let mapped = mapped(&log);
        let mut questions = Vec::new();
        for row in truth.lines().skip(1) {
            let fields: Vec<&str> = row.split('\t').collect();
            let [id, direction, orig, resp, first, ..] = fields[..] else { continue };
            let own = if direction == "outbound" { orig } else { resp };
            let (host, _) = own.rsplit_once(':').unwrap();
            let Some(end) = mapped.get(id) else { continue };
            questions.push(Asked { end: end.clone(), at: moment(first.parse().unwrap()), host: host.to_owned() });
        }
        let step = (questions.len() / DRAWN).max(1);
        let questions: Vec<Asked> = questions.into_iter().step_by(step).collect();
        all += questions.len();
        clear += check(&questions, &answers(&questions, &[&folder.join("pix.log.zst")], &[]));
    }
    println!("{all} questions, every best candidate right; {clear} have no other");
    assert!(all >= 900 && clear * 100 >= all * 95, "{clear} of {all}");
}

#[test]
fn the_slots_of_the_case_lead_to_their_hosts() {
    let Some(case) = data("case") else { return };
    let truth: Value = serde_json::from_str(&unpacked(&case.join("truth.json.zst"))).unwrap();
    let mut questions = Vec::new();
    for relay in truth["relays"].as_array().unwrap() {
        for slot in relay["slots"].as_array().into_iter().flatten() {
            let at = |key: &str| slot[key].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
            let Some(torn_down) = at("torn_down") else { continue };
            let life = slot["duration"].as_f64().unwrap();
            for share in [0.01, 0.5, 0.99] {
                let at = moment(torn_down.as_second() as f64 - (life * share).round());
                let (end, host) =
                    (slot["address"].as_str().unwrap().to_owned(), relay["ip"].as_str().unwrap().to_owned());
                questions.push(Asked { end, at, host });
            }
        }
    }
    assert!(questions.len() >= 9, "{}", questions.len());
    let logs = [case.join("pix.log.zst"), case.join("dorm-pix.log.zst")];
    let answers = answers(&questions, &[&logs[0], &logs[1]], &["--year", "2003"]);
    assert_eq!(check(&questions, &answers), questions.len());
}
