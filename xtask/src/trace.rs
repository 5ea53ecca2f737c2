//! `catspaw trace` on a log of a day: what its index costs, and how soon questions are answered.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::args::Args;
use crate::bench::made;
use crate::cost::median;
use crate::run::{self, Doing, Result};
use crate::test;

/// Lines of a day of a busy firewall.
const LINES: u64 = 14_000_000;

/// A question and its answer, from one line of the log.
struct Drawn {
    end: String,
    at: String,
    host: String,
}

/// `cargo xtask bench trace`.
pub(crate) fn bench(args: &mut Args) -> Result {
    let lines = args.option("--lines")?.unwrap_or(LINES);
    let hosts = args.option("--hosts")?.unwrap_or(5000);
    let count: usize = args.option("--questions")?.unwrap_or(1000);
    args.end()?;
    test::release()?;
    let scratch = run::target().join("bench");
    fs::create_dir_all(&scratch).doing(scratch.display())?;
    let log = scratch.join(format!("trace-{lines}-{hosts}.log"));
    made(&log, lines, hosts, 5)?;
    let drawn = draw(&log, lines, count)?;
    let index = scratch.join(format!("trace-{lines}-{hosts}.log.catspaw-index"));
    if index.exists() {
        fs::remove_file(&index).doing(index.display())?;
    }
    let began = Instant::now();
    ask(&["--index"], &log)?;
    let (made, size) = (began.elapsed().as_secs_f64(), fs::metadata(&index).doing(index.display())?.len());
    let bytes = fs::metadata(&log).doing(log.display())?.len();
    println!("log: {lines} lines, {bytes} bytes; index: made in {made:.1} s, {size} bytes");
    each(&drawn, &log)?;
    at_once(&drawn, &log, &scratch)
}

/// Every question in a run of its own.
fn each(drawn: &[Drawn], log: &Path) -> Result {
    let mut seconds = Vec::new();
    let (mut right, mut clear) = (0, 0);
    for Drawn { end, at, host } in drawn {
        let began = Instant::now();
        let answer = ask(&[end, "--at", at, "--proto", "tcp"], log)?;
        seconds.push(began.elapsed().as_secs_f64());
        // The best candidate stands in the second line.
        right += usize::from(answer.lines().nth(1).is_some_and(|line| line.split_whitespace().next() == Some(host)));
        clear += usize::from(answer.lines().next().is_some_and(|line| line.ends_with(host.as_str())));
    }
    let (most, middle) = (seconds.iter().copied().fold(0.0, f64::max), median(seconds));
    let count = drawn.len();
    println!(
        "{count} questions, one run each: median {middle:.3} s, slowest {most:.3} s; {right} with the right host first, {clear} with no other"
    );
    if right == count { Ok(()) } else { Err(format!("{} answers are wrong", count - right).into()) }
}

/// All questions in one run.
fn at_once(drawn: &[Drawn], log: &Path, scratch: &Path) -> Result {
    let file = scratch.join("questions");
    let text: String = drawn.iter().map(|drawn| format!("{} {}\n", drawn.end, drawn.at)).collect();
    fs::write(&file, text).doing(file.display())?;
    let began = Instant::now();
    ask(&["--questions", &file.to_string_lossy()], log)?;
    println!("the same in one run: {:.3} s", began.elapsed().as_secs_f64());
    Ok(())
}

fn ask(words: &[&str], log: &Path) -> Result<String> {
    let mut command = Command::new(run::target().join("release/catspaw"));
    command.args(["trace", "-q", "--year", "2003"]).args(words).arg(log).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().doing("catspaw")?;
    match output.status.code() {
        Some(0 | 1) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        _ => Err(format!("catspaw trace {words:?} failed ({})", output.status).into()),
    }
}

/// Takes questions out of the log, evenly: outbound connections with their mapped end.
fn draw(log: &Path, lines: u64, count: usize) -> Result<Vec<Drawn>> {
    let step = (lines / (count as u64 * 4)).max(1);
    let mut drawn = Vec::new();
    let mut since = step;
    for line in BufReader::with_capacity(1 << 20, File::open(log).doing(log.display())?).lines() {
        let line = line.doing(log.display())?;
        since += 1;
        if since >= step
            && let Some(question) = parse(&line)
        {
            drawn.push(question);
            since = 0;
        }
    }
    let step = (drawn.len() / count).max(1);
    let drawn: Vec<Drawn> = drawn.into_iter().step_by(step).take(count).collect();
    if drawn.len() < count { Err(format!("only {} questions are in the log", drawn.len()).into()) } else { Ok(drawn) }
}

/// `Mar  4 00:00:03 pix %PIX-6-302013: Built outbound TCP connection N for ... to inside:A/p (M/q)`.
fn parse(line: &str) -> Option<Drawn> {
    let (head, rest) = line.split_once("302013: Built outbound TCP connection ")?;
    let (_, own) = rest.split_once(" to inside:")?;
    let (real, mapped) = own.split_once(" (")?;
    let mut stamp = head.split_whitespace();
    // The lab's day is in March.
    if stamp.next()? != "Mar" {
        return None;
    }
    let (day, time): (u8, &str) = (stamp.next()?.parse().ok()?, stamp.next()?);
    Some(Drawn {
        end: mapped.strip_suffix(')')?.replace('/', ":"),
        at: format!("2003-03-{day:02}T{time}Z"),
        host: real.split('/').next()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_drawn_from_a_line() {
        let line = "Mar  4 00:00:03 p %PIX-6-302013: Built outbound TCP connection 1 for outside:198.18.0.1/25 (198.18.0.1/25) to inside:172.28.0.1/1025 (192.0.2.1/1026)";
        let drawn = parse(line).expect("a question");
        assert_eq!((&*drawn.end, &*drawn.at, &*drawn.host), ("192.0.2.1:1026", "2003-03-04T00:00:03Z", "172.28.0.1"));
        assert!(parse("Mar  4 00:00:03 p %PIX-6-302014: Teardown TCP").is_none());
    }
}
