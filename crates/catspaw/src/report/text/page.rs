//! The page that is written on: the only place from which text reaches the terminal.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Paint};

use super::Style;
use super::table::{Line, Span, Table};
use super::wrap::{TIE, clean, cut, wrap};

/// Lines longer than this are hard to read, however wide the terminal is.
pub(crate) const READABLE: usize = 110;
/// Columns of an indent.
const STEP: usize = 2;
/// Lines that one record may take.
const RECORD_LINES: usize = 3;

/// Titles.
pub(super) const TITLE: Paint = Paint::new().bold();
/// What is there for reference.
pub(super) const FAINT: Paint = Paint::new().dimmed();
/// A verdict against a host.
pub(super) const GUILTY: Paint = AnsiColor::Red.on_default().bold();
/// A verdict that asks for a second look.
pub(super) const DOUBTFUL: Paint = AnsiColor::Yellow.on_default().bold();
/// What is in order.
pub(super) const FINE: Paint = AnsiColor::Green.on_default();

/// Where the report goes. Text of any origin may be given to it: it is cleaned here.
pub(crate) struct Page<'a, W> {
    out: &'a mut W,
    style: Style,
}

impl<'a, W: Write> Page<'a, W> {
    /// An empty page.
    pub(crate) fn new(out: &'a mut W, style: Style) -> Self {
        Self { out, style: Style { width: style.width.max(40), ..style } }
    }

    /// Whether everything is wanted.
    pub(super) fn is_verbose(&self) -> bool {
        self.style.verbose
    }

    /// Whether the addresses are nobody's.
    pub(super) fn is_redacted(&self) -> bool {
        self.style.redacted
    }

    /// Whether more than ASCII may be drawn.
    pub(super) fn is_unicode(&self) -> bool {
        self.style.unicode
    }

    /// Columns between the indent and the right edge.
    pub(super) fn room(&self, depth: usize) -> usize {
        self.style.width.saturating_sub(depth * STEP)
    }

    /// Columns of the terminal.
    pub(super) fn width(&self) -> usize {
        self.style.width
    }

    /// An empty line.
    pub(crate) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// A title with a rule below.
    pub(super) fn title(&mut self, text: &str, paint: Paint) -> io::Result<()> {
        let lines = wrap(&clean(text), self.room(0));
        let wide = lines.iter().map(|line| super::wrap::width(line)).max().unwrap_or(0);
        for line in lines {
            self.line(0, &vec![Span::new(&line, paint)])?;
        }
        self.line(0, &vec![Span::new(&"-".repeat(wide.min(self.width())), FAINT)])
    }

    /// The title of a part of a story.
    pub(super) fn part(&mut self, text: &str) -> io::Result<()> {
        self.blank()?;
        self.line(1, &vec![Span::new(text, TITLE)])
    }

    /// Sentences.
    pub(crate) fn say(&mut self, depth: usize, text: &str) -> io::Result<()> {
        self.hang(depth, "", text)
    }

    /// Sentences behind a mark that stands alone on the left.
    pub(crate) fn hang(&mut self, depth: usize, mark: &str, text: &str) -> io::Result<()> {
        let mark = Span::from(mark);
        let limit = self.room(depth).saturating_sub(mark.width()).min(READABLE);
        let margin = " ".repeat(mark.width());
        for (at, line) in wrap(&clean(text), limit).iter().enumerate() {
            let before = if at == 0 { mark.clone() } else { margin.as_str().into() };
            self.line(depth, &vec![before, line.as_str().into()])?;
        }
        Ok(())
    }

    /// Figures, each set against the words that say what it counts.
    pub(super) fn figures(&mut self, depth: usize, figures: &[(String, String)]) -> io::Result<()> {
        let wide = figures.iter().map(|(figure, _)| super::wrap::width(figure)).max().unwrap_or(0).max(9);
        for (figure, words) in figures {
            self.hang(depth, &format!("{figure:>wide$}  "), words)?;
        }
        Ok(())
    }

    /// A table, without what does not fit.
    pub(super) fn table(&mut self, depth: usize, table: Table) -> io::Result<()> {
        let lines = table.fitted(self.room(depth)).lines(FAINT);
        self.lines(depth, &lines)
    }

    /// Lines that are set already.
    pub(super) fn lines(&mut self, depth: usize, lines: &[Line]) -> io::Result<()> {
        lines.iter().try_for_each(|line| self.line(depth, line))
    }

    /// Text that stands as it is: to be copied.
    pub(super) fn verbatim(&mut self, depth: usize, lines: &[String]) -> io::Result<()> {
        lines.iter().try_for_each(|line| self.line(depth, &vec![line.as_str().into()]))
    }

    /// A raw record: broken at spaces, cut where it is long.
    pub(super) fn record(&mut self, depth: usize, text: &str) -> io::Result<()> {
        let limit = self.room(depth);
        let mut lines = wrap(&clean(text), limit);
        if lines.len() > RECORD_LINES {
            lines.truncate(RECORD_LINES);
            lines[RECORD_LINES - 1].push_str(" ...");
        }
        lines.iter().try_for_each(|line| self.line(depth, &vec![Span::new(&cut(line, limit), FAINT)]))
    }

    fn line(&mut self, depth: usize, line: &Line) -> io::Result<()> {
        // Nothing is written behind the last glyph of a line.
        let Some(last) = line.iter().rposition(|span| !span.text.trim_end().is_empty()) else { return self.blank() };
        write!(self.out, "{}", " ".repeat(depth * STEP))?;
        for (at, span) in line.iter().enumerate().take(last + 1) {
            let text = if at == last { span.text.trim_end() } else { &span.text };
            self.paint(text, span.style)?;
        }
        self.blank()
    }

    fn paint(&mut self, text: &str, paint: Paint) -> io::Result<()> {
        if self.style.colour && !paint.is_plain() && !text.trim().is_empty() {
            write!(self.out, "{paint}{text}{paint:#}")
        } else {
            write!(self.out, "{text}")
        }
    }
}

/// Words tied together, so that a line does not end between them.
#[must_use]
pub(super) fn tied(text: &str) -> String {
    text.replace(' ', &TIE.to_string())
}
