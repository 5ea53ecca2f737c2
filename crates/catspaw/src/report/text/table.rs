//! Columns that fit the terminal.

use anstyle::Style;

use super::wrap::{TIE, clean, cut, width};

/// Columns between columns, and where that is too wide.
const GAP: usize = 2;
const LEAST_GAP: usize = 1;
/// No cell of text is wider: names come from evidence.
const WIDEST: usize = 64;

/// Clean text in one style.
#[derive(Clone, Debug, Default)]
pub(super) struct Span {
    /// The text.
    pub(super) text: String,
    /// How it looks where there are colours.
    pub(super) style: Style,
}

impl Span {
    /// Text of any origin.
    #[must_use]
    pub(super) fn new(text: &str, style: Style) -> Self {
        Self { text: clean(text).replace(TIE, " "), style }
    }

    /// Columns that it takes.
    #[must_use]
    pub(super) fn width(&self) -> usize {
        width(&self.text)
    }
}

impl From<String> for Span {
    fn from(text: String) -> Self {
        Self::new(&text, Style::new())
    }
}

impl From<&str> for Span {
    fn from(text: &str) -> Self {
        Self::new(text, Style::new())
    }
}

/// A line of spans.
pub(super) type Line = Vec<Span>;

/// Columns that a line takes.
#[must_use]
pub(super) fn line_width(line: &Line) -> usize {
    line.iter().map(Span::width).sum()
}

/// A column's title and how it is set.
#[derive(Clone, Debug)]
struct Column {
    title: String,
    right: bool,
    /// 0 stays; of the others the highest goes first where the terminal is too narrow.
    optional: u8,
}

/// Rows in columns.
#[derive(Clone, Debug)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Span>>,
    gap: usize,
}

impl Table {
    /// Without columns.
    #[must_use]
    pub(super) fn new() -> Self {
        Self { columns: Vec::new(), rows: Vec::new(), gap: GAP }
    }

    /// Adds a column of text that always stays.
    #[must_use]
    pub(super) fn text(self, title: &str) -> Self {
        self.column(title, false, 0)
    }

    /// Adds a column of numbers that always stays.
    #[must_use]
    pub(super) fn number(self, title: &str) -> Self {
        self.column(title, true, 0)
    }

    /// Adds a column that goes where the terminal is too narrow, the one with the highest rank first.
    #[must_use]
    pub(super) fn optional(self, title: &str, right: bool, rank: u8) -> Self {
        self.column(title, right, rank)
    }

    fn column(mut self, title: &str, right: bool, optional: u8) -> Self {
        self.columns.push(Column { title: title.to_owned(), right, optional });
        self
    }

    /// Adds a row with a cell for each column.
    pub(super) fn row(&mut self, cells: Vec<Span>) {
        let short = |span: Span| Span { text: cut(&span.text, WIDEST), style: span.style };
        self.rows.push(cells.into_iter().map(short).collect());
    }

    /// Columns that it takes with everything.
    #[must_use]
    pub(super) fn width(&self) -> usize {
        let widths: Vec<usize> = (0..self.columns.len()).map(|at| self.width_of(at)).collect();
        widths.iter().sum::<usize>() + self.gap * widths.len().saturating_sub(1)
    }

    fn width_of(&self, column: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column)).map(Span::width);
        cells.chain([width(&self.columns[column].title)]).max().unwrap_or(0)
    }

    /// Leaves out optional columns until it fits, and moves those that stay together where they do not.
    #[must_use]
    pub(super) fn fitted(mut self, limit: usize) -> Self {
        while self.width() > limit {
            let optional = self.columns.iter().enumerate().filter(|(_, column)| column.optional > 0);
            let Some((at, _)) = optional.max_by_key(|(_, column)| column.optional) else {
                self.gap = LEAST_GAP;
                break;
            };
            self.columns.remove(at);
            for row in self.rows.iter_mut().filter(|row| at < row.len()) {
                row.remove(at);
            }
        }
        self
    }

    /// The title line, where there are titles, in `head`'s style, and the rows.
    #[must_use]
    pub(super) fn lines(&self, head: Style) -> Vec<Line> {
        let widths: Vec<usize> = (0..self.columns.len()).map(|at| self.width_of(at)).collect();
        let titles: Vec<Span> = self.columns.iter().map(|column| Span::new(&column.title, head)).collect();
        let titled = titles.iter().any(|title| !title.text.is_empty());
        let rows = titled.then_some(&titles).into_iter().chain(&self.rows);
        rows.map(|row| self.set(row, &widths)).collect()
    }

    fn set(&self, row: &[Span], widths: &[usize]) -> Line {
        let mut line = Line::new();
        for (at, ((cell, column), &wide)) in row.iter().zip(&self.columns).zip(widths).enumerate() {
            let missing = wide.saturating_sub(cell.width());
            let (before, after) = if column.right { (missing, 0) } else { (0, missing) };
            let gap = if at > 0 { self.gap } else { 0 };
            line.push(Span::from(" ".repeat(gap + before)));
            line.push(cell.clone());
            line.push(Span::from(" ".repeat(after)));
        }
        line
    }
}

/// Lines of two blocks, one beside the other.
#[must_use]
pub(super) fn beside(left: Vec<Line>, right: Vec<Line>, gap: usize) -> Vec<Line> {
    let wide = left.iter().map(line_width).max().unwrap_or(0);
    let rows = left.len().max(right.len());
    let (mut left, mut right) = (left.into_iter(), right.into_iter());
    (0..rows)
        .map(|_| {
            let mut line = left.next().unwrap_or_default();
            let missing = wide - line_width(&line) + gap;
            line.push(Span::from(" ".repeat(missing)));
            line.extend(right.next().unwrap_or_default());
            line
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[Line]) -> Vec<String> {
        lines.iter().map(|line| line.iter().map(|span| span.text.as_str()).collect()).collect()
    }

    fn table() -> Table {
        let mut table = Table::new().text("Host").optional("Since", false, 2).optional("Bytes", true, 1).number("n");
        table.row(vec!["192.0.2.1".into(), "2003".into(), "7 B".into(), "12".into()]);
        table
    }

    #[test]
    fn numbers_stand_on_the_right() {
        assert_eq!(texts(&table().lines(Style::new())), ["Host       Since  Bytes   n", "192.0.2.1  2003     7 B  12"]);
    }

    #[test]
    fn what_may_go_goes_in_its_order() {
        assert_eq!(texts(&table().fitted(22).lines(Style::new())), ["Host       Bytes   n", "192.0.2.1    7 B  12"]);
        assert_eq!(texts(&table().fitted(3).lines(Style::new())), ["Host       n", "192.0.2.1 12"]);
    }

    #[test]
    fn blocks_stand_side_by_side() {
        let lines = beside(vec![vec!["ab".into()]], vec![vec!["c".into()], vec!["d".into()]], 3);
        assert_eq!(texts(&lines), ["ab   c", "     d"]);
    }
}
