//! What README.md shows must be what the program does.
//!
//! In its ```` ```console ```` blocks, a line `$ catspaw ...` is run by the release binary, in a folder where
//! `examples` is; the lines up to the next `$` are what it must print on standard output (none: anything). A line
//! `...` stands for any number of lines. Other commands (`$ cargo install ...`) are for the reader.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::run::{self, Doing, Result};

/// A command and the lines that it is said to print.
#[derive(Debug, Default, PartialEq, Eq)]
struct Example {
    line: usize,
    command: String,
    shown: Vec<String>,
}

/// Runs the examples of README.md in their order.
pub(crate) fn readme() -> Result {
    let text = fs::read_to_string(run::root().join("README.md")).doing("README.md")?;
    let examples = examples(&text);
    if examples.is_empty() {
        return Err("README.md has no ```console block with a line `$ catspaw ...`".into());
    }
    let folder = scratch()?;
    for example in &examples {
        println!("README.md:{}: {}", example.line, example.command);
        check(example, &folder)?;
    }
    Ok(())
}

fn check(example: &Example, folder: &Path) -> Result {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(run::target().join("release")).chain(std::env::split_paths(&path)));
    let mut command = Command::new("timeout");
    command.args(["60", "bash", "-c", &example.command]).current_dir(folder).env("PATH", path.doing("PATH")?);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().doing(&example.command)?;
    // 1 is what a scan that found something answers.
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(format!("README.md:{}: `{}` failed ({})", example.line, example.command, output.status).into());
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    let shown: Vec<&str> = example.shown.iter().map(String::as_str).collect();
    if shown.is_empty() || matches(&shown, &printed) {
        return Ok(());
    }
    let printed = printed.join("\n");
    Err(format!("README.md:{}: `{}` prints something else:\n{printed}", example.line, example.command).into())
}

/// An empty folder with the examples in it: what the commands write must not lie about in the checkout.
fn scratch() -> Result<PathBuf> {
    let folder = run::target().join("xtask").join("readme");
    if folder.exists() {
        fs::remove_dir_all(&folder).doing(folder.display())?;
    }
    fs::create_dir_all(&folder).doing(folder.display())?;
    symlink(run::root().join("examples"), folder.join("examples")).doing("examples")?;
    Ok(folder)
}

fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let (mut inside, mut ours) = (false, false);
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_end();
        if line.starts_with("```") {
            (inside, ours) = (line == "```console" && !inside, false);
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            ours = command.starts_with("catspaw ");
            if ours {
                examples.push(Example { line: at + 1, command: command.to_owned(), shown: Vec::new() });
            }
        } else if ours && let Some(example) = examples.last_mut() {
            example.shown.push(line.to_owned());
        }
    }
    examples
}

/// Whether `printed` is as `shown`, where `...` stands for any lines.
fn matches(shown: &[&str], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((&"...", rest)) => (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..])),
        Some((line, rest)) => printed.split_first().is_some_and(|(first, after)| first == line && matches(rest, after)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_commands_in_console_blocks_are_examples() {
        let text = "```sh\n$ catspaw no\n```\n```console\n$ cargo build\nok\n$ catspaw scan x\none\n...\n$ ls\ny\n```\n$ catspaw no\n";
        let scan = Example { line: 7, command: "catspaw scan x".into(), shown: vec!["one".into(), "...".into()] };
        assert_eq!(examples(text), [scan]);
    }

    #[test]
    fn dots_stand_for_any_lines() {
        assert!(matches(&["a", "...", "z"], &["a", "b", "c", "z"]));
        assert!(matches(&["a", "...", "z"], &["a", "z"]));
        assert!(!matches(&["a", "...", "z"], &["a", "b"]));
        assert!(!matches(&["a"], &["a", "b"]));
    }
}
