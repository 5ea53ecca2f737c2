//! The answers for a person.

use std::io::{self, Write};

use super::answer::{Answer, Answers, Candidate};
use crate::report::text::{Page, Style};

/// Writes them.
pub(crate) fn write(answers: &Answers, style: Style, out: &mut impl Write) -> io::Result<()> {
    let mut page = Page::new(out, style);
    for (number, answer) in answers.questions.iter().enumerate() {
        if number > 0 {
            page.blank()?;
        }
        write_answer(answer, &mut page)?;
    }
    if !style.redacted {
        return Ok(());
    }
    page.blank()?;
    page.say(
        0,
        "Addresses are replaced (--redact): private ones by others of their range, public ones by such as nobody has (of 240.0.0.0/4, \
         or fc00::/7).",
    )
}

fn write_answer(answer: &Answer, page: &mut Page<'_, impl Write>) -> io::Result<()> {
    let port = match (answer.port, answer.address.contains(':')) {
        (Some(port), true) => format!("[{}]:{port}", answer.address),
        (Some(port), false) => format!("{}:{port}", answer.address),
        (None, _) => answer.address.clone(),
    };
    let who = match answer.candidates.as_slice() {
        [] if answer.inside => "an inside address itself".to_owned(),
        [] => "nobody that these records know".to_owned(),
        [one] => one.host.clone(),
        all if answer.until.is_some() => {
            format!("{} hosts, the longest use first, and last those whose end is not known", all.len())
        }
        all => format!("one of {} hosts, the likeliest first", all.len()),
    };
    let when = match &answer.until {
        Some(until) => format!("from {} to {until}", answer.at),
        None => format!("at {}", answer.at),
    };
    page.say(0, &format!("{port} {when}: {who}"))?;
    answer.candidates.iter().try_for_each(|candidate| write_candidate(candidate, page))?;
    answer.why.iter().try_for_each(|why| page.hang(1, "- ", why))
}

fn write_candidate(candidate: &Candidate, page: &mut Page<'_, impl Write>) -> io::Result<()> {
    let Candidate { host, mac, user, name, from, to, basis, .. } = candidate;
    let from = from.as_deref().unwrap_or("(not recorded)");
    let to = to.as_deref().unwrap_or("(open)");
    page.hang(1, &format!("{host:<15}  "), &format!("{basis:<10}  {from} to {to}"))?;
    let owner = [("user", user), ("name", name), ("mac", mac)];
    let known: Vec<String> =
        owner.iter().filter_map(|(what, value)| Some(format!("{what} {}", value.as_deref()?))).collect();
    if !known.is_empty() {
        page.hang(1, &format!("{:<15}  ", ""), &known.join(", "))?;
    }
    Ok(())
}
