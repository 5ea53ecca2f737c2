//! One host's legs side by side.

use std::io::{self, Write};

use catspaw_relay::FIXED_TARGETS;

use super::Style;
use super::number::{count, moment, number};
use super::page::{Page, TITLE, tied};
use super::table::{Span, Table};
use crate::report::explain::{Explained, Inbound, Outbound, Side};
use crate::report::time;

/// From so many columns on both legs stand on one line.
const WIDE: usize = 130;

/// Writes it.
///
/// # Errors
/// Where `out` fails.
pub(crate) fn write(explained: &Explained, style: Style, out: &mut impl Write) -> io::Result<()> {
    let page = &mut Page::new(out, style);
    let Explained { host, .. } = explained;
    page.title(&format!("{host}, leg by leg"), TITLE)?;
    if !explained.seen {
        return page.say(
            0,
            &format!(
                "{host} is no host of ours in this evidence, or not in the part that was asked for. An address as the outside \
                 sees it is another one inside of NAT: which, at a time, says catspaw trace {host} --at TIME EVIDENCE."
            ),
        );
    }
    verdict(page, explained)?;
    services(page, explained)?;
    page.blank()?;
    page.say(0, &summary(explained))?;
    if explained.verdict.is_empty() && explained.paired > 0 {
        page.say(0, &best_fit(explained))?;
    }
    if !explained.inbound.is_empty() {
        page.say(0, "Times are in UTC.")?;
        page.blank()?;
        legs(page, &explained.inbound)?;
        left_out(page, explained)?;
    }
    tunnels(page, explained)?;
    super::dialogue::write(page, explained)
}

fn legs(page: &mut Page<'_, impl Write>, legs: &[Inbound]) -> io::Result<()> {
    let table = if page.width() >= WIDE { side_by_side(legs) } else { below(legs) };
    page.table(0, table)
}

/// A tunnel's connections, and what was called while each lived: there "client" is the tunnel's far end.
fn tunnels(page: &mut Page<'_, impl Write>, explained: &Explained) -> io::Result<()> {
    if explained.tunnels.is_empty() {
        return Ok(());
    }
    page.blank()?;
    let which = if explained.tunnel_is_heard {
        "What of it was called through the tunnel, --pairs names."
    } else {
        "Which of it was called through the tunnel is not known."
    };
    page.say(0, &format!("The tunnel, and what was called while it lived. {which}"))?;
    page.blank()?;
    legs(page, &explained.tunnels)?;
    if explained.calls_left_out > 0 {
        let how = if page.is_verbose() { "--pairs has them all" } else { "-v shows them" };
        page.say(0, &format!("{} left out here: {how}.", count(explained.calls_left_out, "call", "calls")))?;
    }
    Ok(())
}

fn verdict(page: &mut Page<'_, impl Write>, explained: &Explained) -> io::Result<()> {
    if explained.verdict.is_empty() {
        return page.say(0, "It is not accused.");
    }
    for (headline, why) in &explained.verdict {
        page.say(0, &format!("{headline}:"))?;
        why.iter().try_for_each(|sentence| page.hang(1, "- ", sentence))?;
    }
    Ok(())
}

fn services(page: &mut Page<'_, impl Write>, explained: &Explained) -> io::Result<()> {
    page.blank()?;
    if explained.services.is_empty() {
        return page.say(
            0,
            "Nobody outside sent it anything in a connection of his own: it has no service that could be a forward relay.",
        );
    }
    explained.services.iter().try_for_each(|sentence| page.hang(0, "- ", sentence))
}

fn summary(explained: &Explained) -> String {
    let inbound = count(explained.carried, "inbound connection", "inbound connections");
    let opened = count(explained.outbound, "connection", "connections");
    let mut said = if explained.verdict.is_empty() {
        format!(
            "{inbound} with payload; {opened} opened. By time and order alone {} of the ones could be laid beside {} of the others, \
             which is no evidence that it carries anything on.",
            number(explained.paired),
            number(explained.outbound_paired),
        )
    } else if explained.through_tunnel > 0 && explained.paired == 0 {
        let most = if explained.tunnel_is_heard { "" } else { " at most" };
        let carried = number(explained.through_tunnel);
        format!(
            "{inbound} with payload. Of {opened} that it opened {carried}{most} carry on what came down the tunnel."
        )
    } else {
        format!(
            "Of {inbound} with payload {} carried on; of {opened} that it opened {} one on.",
            are(explained.paired),
            if explained.outbound_paired == 1 {
                "1 carries".to_owned()
            } else {
                format!("{} carry", number(explained.outbound_paired))
            },
        )
    };
    if explained.empty > 0 {
        said.push_str(&format!(
            " {} carried nothing.",
            count(explained.empty, "inbound attempt at whatever port", "inbound attempts at whatever port")
        ));
    }
    if explained.from_inside > 0 {
        let n = count(explained.from_inside, "connection", "connections");
        said.push_str(&format!(" {n} from inside are not looked at."));
    }
    said
}

/// What pairs of a host mean that is not accused.
fn best_fit(explained: &Explained) -> String {
    let targets: Vec<String> = explained.targets.iter().map(ToString::to_string).collect();
    let few = match targets.len() {
        1..=FIXED_TARGETS => {
            format!(" They only ever go to {}, as those of a reverse proxy or a gateway do.", targets.join(", "))
        }
        _ => String::new(),
    };
    format!("Beside each stands what fits it best, which is no evidence yet.{few}")
}

fn are(n: u64) -> String {
    if n == 1 { "1 is".to_owned() } else { format!("{} are", number(n)) }
}

fn left_out(page: &mut Page<'_, impl Write>, explained: &Explained) -> io::Result<()> {
    let all = explained.carried + if page.is_verbose() { explained.empty } else { 0 };
    let more = all.saturating_sub(explained.inbound.len() as u64);
    if more > 0 {
        let how = if page.is_verbose() { "--pairs has them all" } else { "-v shows them" };
        page.say(
            0,
            &format!(
                "{} left out here: {how}.",
                count(more, "inbound connection more is", "inbound connections more are")
            ),
        )?;
    }
    page.blank()?;
    page.say(
        0,
        "Left over: bytes of the inbound leg that the outbound one did not carry on, up/down where both are known. A relay's \
         are few and keep repeating: its own handshake. A row with * stands on order alone.",
    )
}

fn side_by_side(legs: &[Inbound]) -> Table {
    let mut table = Table::new()
        .text("Opened")
        .text("Client")
        .number("Port")
        .number("Life")
        .number("Bytes")
        .text("Ended")
        .number("After")
        .text("Target")
        .number("Life")
        .number("Bytes")
        .number("Left over")
        .text("Ended");
    for leg in legs {
        for at in 0..leg.carried_on.len().max(1) {
            let mut row: Vec<Span> = if at == 0 { left(leg) } else { vec![Span::default(); 6] };
            row.extend(leg.carried_on.get(at).map_or_else(nothing, right));
            table.row(row);
        }
    }
    table
}

fn left(leg: &Inbound) -> Vec<Span> {
    let Side { peer, ended, .. } = &leg.side;
    let opened = opened(&leg.side);
    vec![
        opened.into(),
        peer.as_str().into(),
        leg.port.to_string().into(),
        life(&leg.side).into(),
        bytes(&leg.side).into(),
        (*ended).into(),
    ]
}

fn nothing() -> Vec<Span> {
    let mut row = vec![Span::from("-"), Span::from("nothing follows")];
    row.extend(vec![Span::default(); 4]);
    row
}

fn right(out: &Outbound) -> Vec<Span> {
    vec![
        lag(out).into(),
        out.side.peer.as_str().into(),
        life(&out.side).into(),
        bytes(&out.side).into(),
        left_over(out).into(),
        out.side.ended.into(),
    ]
}

/// One below the other, for narrow terminals.
fn below(legs: &[Inbound]) -> Table {
    let mut table = Table::new()
        .text("Opened")
        .text("Client, target")
        .number("Life")
        .number("Bytes")
        .number("Left over")
        .text("Ended");
    for leg in legs {
        let day_and_time = opened(&leg.side).get(5..).unwrap_or_default().to_owned();
        table.row(vec![
            day_and_time.into(),
            leg.side.peer.as_str().into(),
            life(&leg.side).into(),
            bytes(&leg.side).into(),
            format!("port {}", leg.port).into(),
            leg.side.ended.into(),
        ]);
        for out in &leg.carried_on {
            let mut row = right(out);
            row[0] = format!("  {}", lag(out)).into();
            table.row(row);
        }
        if leg.carried_on.is_empty() {
            let mut row = nothing();
            row[0] = "  -".into();
            table.row(row);
        }
    }
    table
}

fn opened(side: &Side) -> String {
    let at = time::rfc3339(side.opened);
    match at.split_once('.').filter(|_| !side.coarse) {
        Some((whole, part)) => {
            format!("{}.{:.2}", moment(Some(whole)), part.trim_end_matches('Z'))
        }
        None => moment(Some(&at)),
    }
}

fn seconds(nanos: i64, coarse: bool) -> String {
    let seconds = nanos as f64 / 1e9;
    tied(&if coarse { format!("{seconds:.0} s") } else { format!("{seconds:.2} s") })
}

fn life(side: &Side) -> String {
    side.life.map_or_else(|| "-".to_owned(), |life| seconds(life, side.coarse))
}

fn bytes(side: &Side) -> String {
    side.bytes.map_or_else(|| "-".to_owned(), number)
}

fn lag(out: &Outbound) -> String {
    let mark = if out.by_order { "*" } else { "" };
    format!("{mark}+{}", seconds(out.lag, out.side.coarse))
}

fn left_over(out: &Outbound) -> String {
    match out.left_over {
        Some((up, Some(down))) => format!("{up}/{down}"),
        Some((both, None)) => both.to_string(),
        None => "-".to_owned(),
    }
}
