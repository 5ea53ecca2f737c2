//! Pictures of curves as SVG: a grid of panels with axes, lines and marks, and one legend. The same numbers give the same bytes.

use std::fmt::Write as _;

/// Size of a panel's frame, and what is left around it for labels.
const FRAME: (f64, f64) = (300.0, 220.0);
const LEFT: f64 = 62.0;
const TOP: f64 = 30.0;
const GAP: (f64, f64) = (84.0, 78.0);
const RIGHT: f64 = 20.0;
const BELOW: f64 = 48.0;
/// Height of a line of the legend, and how wide its entries are.
const ENTRY: (f64, f64) = (225.0, 18.0);
const MARK: f64 = 3.2;
/// Colours that people who see few can tell apart (Okabe and Ito); lines differ by their dashes too.
const COLOURS: [&str; 8] = ["#000000", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#7f7f7f"];
const DASHES: [&str; 4] = ["", "7 3", "2 3", "8 3 2 3"];

/// How the line looks that values lie on which are as expected.
const EXPECTED: &str = "fill=\"none\" stroke=\"#999999\" stroke-width=\"1.4\" stroke-dasharray=\"4 4\"";

/// How numbers lie along a side of a panel.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    pub(crate) label: String,
    pub(crate) logarithmic: bool,
    pub(crate) from: f64,
    pub(crate) to: f64,
    /// Numbers that are written, and as what.
    pub(crate) ticks: Vec<(f64, String)>,
}

/// What one line says at one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) at: f64,
    pub(crate) value: f64,
    /// Bounds, where there are some.
    pub(crate) bounds: Option<(f64, f64)>,
    /// Whether it has a mark.
    pub(crate) marked: bool,
}

/// Lines of one panel; the n-th is what the n-th entry of the legend says.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) lines: Vec<Vec<Point>>,
    /// Whether values that are what they are expected to be lie on a line that is drawn.
    pub(crate) diagonal: bool,
}

/// Panels in rows, and what their lines are.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) rows: Vec<Vec<Panel>>,
    pub(crate) legend: Vec<String>,
}

impl Axis {
    /// Where `value` lies between the ends, from 0 to 1; beyond an end at that end.
    fn place(&self, value: f64) -> f64 {
        let of = |value: f64| if self.logarithmic { value.max(self.from).ln() } else { value };
        ((of(value) - of(self.from)) / (of(self.to) - of(self.from))).clamp(0.0, 1.0)
    }
}

impl Picture {
    /// The file's text.
    pub(crate) fn svg(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = LEFT + span(columns, FRAME.0, GAP.0) + RIGHT;
        let plots = TOP + span(self.rows.len(), FRAME.1, GAP.1) + BELOW;
        let entries = self.entries().count();
        let across = ((width / ENTRY.0) as usize).clamp(1, entries.max(1));
        let height = plots + ENTRY.1 * (entries.div_ceil(across) as f64 + 0.5);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        );
        for (row, panels) in self.rows.iter().enumerate() {
            for (column, panel) in panels.iter().enumerate() {
                let (left, top) = (LEFT + column as f64 * (FRAME.0 + GAP.0), TOP + row as f64 * (FRAME.1 + GAP.1));
                Frame { panel, left, top }.draw(&mut svg);
            }
        }
        for (number, (name, stroke)) in self.entries().enumerate() {
            let (x, y) = (20.0 + (number % across) as f64 * ENTRY.0, plots + (number / across) as f64 * ENTRY.1);
            _ = writeln!(svg, "<path d=\"M{x:.1} {y:.1}h28\" {stroke}/>");
            text(&mut svg, (x + 34.0, y + 4.0), "start", name);
        }
        svg += "</svg>\n";
        svg
    }

    /// The legend's names and how their lines look.
    fn entries(&self) -> impl Iterator<Item = (&str, String)> {
        let lines = self.legend.iter().enumerate().map(|(number, name)| (name.as_str(), stroke(number)));
        let expected = self.rows.iter().flatten().any(|panel| panel.diagonal);
        lines.chain(expected.then(|| ("as claimed", EXPECTED.to_owned())))
    }
}

fn span(number: usize, each: f64, gap: f64) -> f64 {
    number as f64 * (each + gap) - gap
}

/// A panel's frame on the picture.
#[derive(Clone, Copy)]
struct Frame<'a> {
    panel: &'a Panel,
    left: f64,
    top: f64,
}

impl Frame<'_> {
    fn x(&self, value: f64) -> f64 {
        self.left + FRAME.0 * self.panel.x.place(value)
    }

    fn y(&self, value: f64) -> f64 {
        self.top + FRAME.1 * (1.0 - self.panel.y.place(value))
    }

    fn draw(&self, svg: &mut String) {
        self.grid(svg);
        if self.panel.diagonal {
            self.diagonal(svg);
        }
        self.labels(svg);
        for (number, line) in self.panel.lines.iter().enumerate() {
            self.line(number, line, svg);
        }
    }

    fn grid(&self, svg: &mut String) {
        let (left, top, right, bottom) = (self.left, self.top, self.left + FRAME.0, self.top + FRAME.1);
        for (value, name) in &self.panel.x.ticks {
            let x = self.x(*value);
            _ = writeln!(svg, "<path d=\"M{x:.1} {top:.1}V{bottom:.1}\" stroke=\"#e4e4e4\"/>");
            text(svg, (x, bottom + 16.0), "middle", name);
        }
        for (value, name) in &self.panel.y.ticks {
            let y = self.y(*value);
            _ = writeln!(svg, "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"#e4e4e4\"/>");
            text(svg, (left - 6.0, y + 4.0), "end", name);
        }
        let frame = format!("M{left:.1} {top:.1}H{right:.1}V{bottom:.1}H{left:.1}Z");
        _ = writeln!(svg, "<path d=\"{frame}\" fill=\"none\" stroke=\"#444444\"/>");
    }

    fn diagonal(&self, svg: &mut String) {
        let Panel { x, y, .. } = self.panel;
        let (least, most) = (x.from.max(y.from), x.to.min(y.to));
        let [from, to] = [least, most].map(|both| format!("{:.1} {:.1}", self.x(both), self.y(both)));
        _ = writeln!(svg, "<path d=\"M{from}L{to}\" {EXPECTED}/>");
    }

    fn labels(&self, svg: &mut String) {
        let (middle, bottom) = (self.left + FRAME.0 / 2.0, self.top + FRAME.1);
        svg.push_str("<g font-weight=\"bold\">");
        text(svg, (middle, self.top - 9.0), "middle", &self.panel.title);
        svg.push_str("</g>\n");
        text(svg, (middle, bottom + 34.0), "middle", &self.panel.x.label);
        let (x, y) = (self.left - 46.0, self.top + FRAME.1 / 2.0);
        _ = write!(svg, "<g transform=\"rotate(-90 {x:.1} {y:.1})\">");
        text(svg, (x, y), "middle", &self.panel.y.label);
        svg.push_str("</g>\n");
    }

    fn line(&self, number: usize, line: &[Point], svg: &mut String) {
        let colour = COLOURS[number % COLOURS.len()];
        for (at, (lower, upper)) in line.iter().filter_map(|point| Some((point.at, point.bounds?))) {
            let (x, from, lower, upper) = (self.x(at), self.x(at) - 4.0, self.y(lower), self.y(upper));
            let ends = format!("M{x:.1} {lower:.1}V{upper:.1}M{from:.1} {lower:.1}h8M{from:.1} {upper:.1}h8");
            _ = writeln!(svg, "<path d=\"{ends}\" stroke=\"{colour}\" fill=\"none\"/>");
        }
        let place = |point: &Point| format!("{:.1} {:.1}", self.x(point.at), self.y(point.value));
        let path: Vec<String> = line.iter().map(place).collect();
        if path.len() > 1 {
            _ = writeln!(svg, "<path d=\"M{}\" {}/>", path.join("L"), stroke(number));
        }
        for point in line.iter().filter(|point| point.marked) {
            let (x, y) = (self.x(point.at), self.y(point.value));
            _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{MARK}\" fill=\"{colour}\"/>");
        }
    }
}

fn stroke(number: usize) -> String {
    let (colour, dashes) = (COLOURS[number % COLOURS.len()], DASHES[number % DASHES.len()]);
    format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\" stroke-dasharray=\"{dashes}\"")
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_an_axis_lies_at_its_end_and_every_octave_is_as_wide() {
        let axis = Axis { label: String::new(), logarithmic: true, from: 1e-4, to: 1.0, ticks: Vec::new() };
        let places = [0.0, 1e-4, 1e-2, 1.0, 9.0].map(|value| axis.place(value));
        assert!(places.iter().zip([0.0, 0.0, 0.5, 1.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{places:?}");
    }

    #[test]
    fn a_line_is_drawn_where_its_numbers_are() {
        let axis = |ticks: &[f64]| Axis {
            label: "a < b & c".into(),
            logarithmic: false,
            from: 0.0,
            to: 10.0,
            ticks: ticks.iter().map(|&tick| (tick, tick.to_string())).collect(),
        };
        let point = |at, value| Point { at, value, bounds: Some((0.0, 10.0)), marked: true };
        let panel = Panel {
            title: "here".into(),
            x: axis(&[5.0]),
            y: axis(&[]),
            lines: vec![vec![point(0.0, 0.0), point(10.0, 10.0)]],
            diagonal: false,
        };
        let svg = Picture { rows: vec![vec![panel]], legend: vec!["it".into()] }.svg();
        let (right, bottom) = (LEFT + FRAME.0, TOP + FRAME.1);
        assert!(svg.contains(&format!("d=\"M{LEFT:.1} {bottom:.1}L{right:.1} {TOP:.1}\"")), "{svg}");
        assert!(svg.contains(">5</text>") && svg.contains(">here</text>") && svg.contains(">it</text>"));
        assert!(svg.contains("a &lt; b &amp; c") && !svg.contains("as claimed"));
        assert_eq!(svg.matches("<circle").count(), 2);
    }
}
