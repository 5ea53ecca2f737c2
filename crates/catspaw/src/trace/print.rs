//! The answers for a person.

use std::io::{self, Write};

use super::answer::{Answer, Answers, Candidate};

/// Writes them.
pub(crate) fn write(answers: &Answers, out: &mut impl Write) -> io::Result<()> {
    for (number, answer) in answers.questions.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        write_answer(answer, out)?;
    }
    Ok(())
}

fn write_answer(answer: &Answer, out: &mut impl Write) -> io::Result<()> {
    let port = match (answer.port, answer.address.contains(':')) {
        (Some(port), true) => format!("[{}]:{port}", answer.address),
        (Some(port), false) => format!("{}:{port}", answer.address),
        (None, _) => answer.address.clone(),
    };
    let who = match answer.candidates.as_slice() {
        [] => "nobody that these records know".to_owned(),
        [one] => one.host.clone(),
        [_, ..] => format!("one of {} hosts, the likeliest first", answer.candidates.len()),
    };
    writeln!(out, "{port} at {}: {who}", answer.at)?;
    for candidate in &answer.candidates {
        write_candidate(candidate, out)?;
    }
    for why in &answer.why {
        writeln!(out, "  - {why}")?;
    }
    Ok(())
}

fn write_candidate(candidate: &Candidate, out: &mut impl Write) -> io::Result<()> {
    let Candidate { host, mac, user, name, from, to, basis, .. } = candidate;
    let from = from.as_deref().unwrap_or("(not recorded)");
    let to = to.as_deref().unwrap_or("(open)");
    writeln!(out, "  {host:<15}  {basis:<10}  {from} to {to}")?;
    let owner = [("user", user), ("name", name), ("mac", mac)];
    let known: Vec<String> =
        owner.iter().filter_map(|(what, value)| Some(format!("{what} {}", value.as_deref()?))).collect();
    if !known.is_empty() {
        writeln!(out, "  {:<15}  {}", "", known.join(", "))?;
    }
    Ok(())
}
