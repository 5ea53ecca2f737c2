//! What a command costs: wall clock, processor, memory.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::run::{Doing, Result, root};

/// User and system time in seconds, and the resident set in KiB.
const FORMAT: &str = "%U %S %M";

/// One run of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Seconds of processor, user and system.
    pub(crate) cpu: f64,
    /// The largest resident set of any one of its processes, in KiB.
    pub(crate) rss_kib: u64,
}

/// Runs a shell command in the C locale and says what it cost and what it printed. Status 1 is no failure: grep and
/// catspaw both answer with it.
pub(crate) fn measure(shell: &str, scratch: &Path) -> Result<(Cost, String)> {
    let usage = scratch.join("usage");
    let mut command = Command::new("time");
    command.args(["--quiet", "--format", FORMAT, "--output"]).arg(&usage).args(["bash", "-c", shell]);
    run(&mut command, shell, &usage)
}

/// The same of a command that reads what another writes, which costs as it likes.
pub(crate) fn measure_fed(feeder: &str, shell: &str, scratch: &Path) -> Result<(Cost, String)> {
    let usage = scratch.join("usage");
    // Of several statuses the shell gives the last.
    let timed = format!(
        "{feeder} | time --quiet --format '{FORMAT}' --output '{}' {shell}; all=(\"${{PIPESTATUS[@]}}\")
         for status in \"${{all[@]::${{#all[@]}}-1}}\"; do [ \"$status\" = 0 ] || exit 99; done; exit \"${{all[-1]}}\"",
        usage.display()
    );
    run(Command::new("bash").args(["-c", &timed]), &timed, &usage)
}

/// Runs a command that leaves what it cost in the file `usage`.
fn run(command: &mut Command, shell: &str, usage: &Path) -> Result<(Cost, String)> {
    command.env("LC_ALL", "C").current_dir(root()).stdin(Stdio::null()).stderr(Stdio::inherit());
    let began = Instant::now();
    // Output goes to a pipe, never to /dev/null: GNU grep stops at its first match when it sees that.
    let output = command.output().doing(shell)?;
    let wall = began.elapsed().as_secs_f64();
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(format!("`{shell}` failed ({})", output.status).into());
    }
    let text = fs::read_to_string(usage).doing(usage.display())?;
    let (cpu, rss_kib) = parse_usage(&text).ok_or_else(|| format!("time said {text:?}"))?;
    Ok((Cost { wall, cpu, rss_kib }, String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// `user system kib`, on the last line.
fn parse_usage(text: &str) -> Option<(f64, u64)> {
    let mut words = text.lines().last()?.split(' ');
    let user: f64 = words.next()?.parse().ok()?;
    let system: f64 = words.next()?.parse().ok()?;
    Some((user + system, words.next()?.parse().ok()?))
}

/// The middle of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let half = figures.len() / 2;
    if figures.len() % 2 == 1 { figures[half] } else { f64::midpoint(figures[half - 1], figures[half]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_from_the_last_line() {
        assert_eq!(parse_usage("Command exited with non-zero status 1\n1.25 0.50 2048\n"), Some((1.75, 2048)));
        assert_eq!(parse_usage(""), None);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(vec![4.0, 1.0, 2.0, 9.0]), 3.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0]), 2.0);
    }
}
