//! The best one-to-one assignment of outbound legs to inbound legs.
//!
//! Exact for any size: maximum-weight bipartite matching by shortest augmenting paths with potentials (Jonker and
//! Volgenant 1987, in its sparse form). Rows come one at a time and each search stays within the rows and columns
//! that compete with one another, so that legs that do not overlap cost nothing.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};

/// A possible pair and how much it is worth: a row may also stay alone, which is worth 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Edge {
    /// The column.
    pub(crate) column: usize,
    /// What the pair is worth.
    pub(crate) score: f64,
}

/// The edges of each row, one row's behind another's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edges {
    all: Vec<Edge>,
    /// Where each row's end.
    ends: Vec<usize>,
}

impl Edges {
    /// Takes the edges of the next row.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = Edge>) {
        self.all.extend(row);
        self.ends.push(self.all.len());
    }

    fn of(&self, row: usize) -> &[Edge] {
        let from = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[from..self.ends[row]]
    }

    fn rows(&self) -> usize {
        self.ends.len()
    }

    /// The same without the edges of `rows`, which are sorted.
    fn without(&self, rows: &[usize]) -> Self {
        let mut left = Self::default();
        for row in 0..self.rows() {
            let none = rows.binary_search(&row).is_ok();
            left.push(self.of(row).iter().copied().filter(|_| !none));
        }
        left
    }
}

/// A solved assignment.
#[derive(Debug)]
pub(crate) struct Assignment {
    edges: Edges,
    row_of: Vec<Option<usize>>,
    column_of: Vec<Option<usize>>,
    row_price: Vec<f64>,
    column_price: Vec<f64>,
}

/// Where an augmenting path may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Column(usize),
    /// The row stays alone.
    Alone(usize),
}

#[derive(PartialEq)]
struct Step {
    distance: f64,
    node: Node,
    from: usize,
}

impl Eq for Step {}

impl Ord for Step {
    /// Nearest first; ties by node, so that the result depends on nothing but the edges.
    fn cmp(&self, other: &Self) -> Ordering {
        other.distance.total_cmp(&self.distance).then_with(|| other.node.cmp(&self.node))
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What a search found: the end of the path, its length, and how each node was reached.
struct Path {
    end: Node,
    length: f64,
    rows: BTreeMap<usize, f64>,
    columns: BTreeMap<usize, (f64, usize)>,
    last_row: usize,
}

impl Assignment {
    /// Solves for the rows of `edges` over `columns` columns.
    pub(crate) fn solve(edges: Edges, columns: usize) -> Self {
        let rows = edges.rows();
        let mut solved = Self {
            edges,
            row_of: vec![None; columns],
            column_of: vec![None; rows],
            row_price: vec![0.0; rows],
            column_price: vec![0.0; columns],
        };
        for row in 0..rows {
            solved.insert(row);
        }
        solved
    }

    /// The same where `rows`, which are sorted, stay alone.
    pub(crate) fn without(&self, rows: &[usize]) -> Self {
        Self::solve(self.edges.without(rows), self.row_of.len())
    }

    /// The column of a row.
    pub(crate) fn column_of(&self, row: usize) -> Option<usize> {
        self.column_of[row]
    }

    /// What the whole loses if a row may not have its column: how unambiguous the pair is.
    pub(crate) fn margin(&self, row: usize) -> f64 {
        match self.column_of[row] {
            Some(column) => {
                let step = self.step(row, Some(column)).map(|step| step.distance);
                step.unwrap_or_else(|| self.search(row, Some(column)).length)
            }
            None => 0.0,
        }
    }

    /// How far an edge's column is from its row. No distance is a negative nought, which would come before the other.
    fn reduced(&self, row: usize, edge: Edge) -> f64 {
        0.0 + (-edge.score - self.row_price[row] - self.column_price[edge.column]).max(0.0)
    }

    /// How far it is for a row to stay alone.
    fn alone(&self, row: usize) -> f64 {
        0.0 + (-self.row_price[row]).max(0.0)
    }

    fn insert(&mut self, row: usize) {
        let cheapest = self.edges.of(row).iter().map(|e| -e.score - self.column_price[e.column]).fold(0.0, f64::min);
        self.row_price[row] = cheapest;
        if let Some(step) = self.step(row, None) {
            self.row_price[row] += step.distance;
            if let Node::Column(column) = step.node {
                (self.column_of[row], self.row_of[column]) = (Some(column), Some(row));
            }
            return;
        }
        let path = self.search(row, None);
        for (&r, &distance) in &path.rows {
            self.row_price[r] += path.length - distance;
        }
        for (&c, &(distance, _)) in &path.columns {
            self.column_price[c] -= path.length - distance;
        }
        self.augment(&path, row);
    }

    /// The only step of a search that ends with it, as most do: where nobody has the column that is nearest to a row, which may not
    /// have `banned`.
    fn step(&self, row: usize, banned: Option<usize>) -> Option<Step> {
        let alone = Step { distance: self.alone(row), node: Node::Alone(row), from: row };
        let edges = self.edges.of(row).iter().filter(|edge| banned != Some(edge.column));
        let step = |&edge: &Edge| {
            let (distance, node) = (self.reduced(row, edge), Node::Column(edge.column));
            Step { distance, node, from: row }
        };
        // The nearest is the greatest.
        let nearest = edges.map(step).fold(alone, Ord::max);
        match nearest.node {
            Node::Column(column) if self.row_of[column].is_some() => None,
            Node::Column(_) | Node::Alone(_) => Some(nearest),
        }
    }

    /// Shortest path from `row` to a free column or to a row that rather stays alone. With `banned`, the row's own
    /// column counts as free for the others and is forbidden to the row.
    fn search(&self, row: usize, banned: Option<usize>) -> Path {
        let mut heap = BinaryHeap::new();
        let mut rows = BTreeMap::from([(row, 0.0)]);
        let mut columns: BTreeMap<usize, (f64, usize)> = BTreeMap::new();
        let (mut current, mut distance) = (row, 0.0);
        loop {
            for &edge in self.edges.of(current) {
                if columns.contains_key(&edge.column) || (current == row && banned == Some(edge.column)) {
                    continue;
                }
                let node = Node::Column(edge.column);
                heap.push(Step { distance: distance + self.reduced(current, edge), node, from: current });
            }
            heap.push(Step { distance: distance + self.alone(current), node: Node::Alone(current), from: current });
            loop {
                let Some(step) = heap.pop() else { unreachable!("a row can always stay alone") };
                match step.node {
                    Node::Alone(r) => {
                        return Path { end: step.node, length: step.distance, rows, columns, last_row: r };
                    }
                    Node::Column(c) if columns.contains_key(&c) => {}
                    Node::Column(c) => {
                        let owner = self.row_of[c].filter(|_| banned != Some(c));
                        let Some(owner) = owner else {
                            return Path { end: step.node, length: step.distance, rows, columns, last_row: step.from };
                        };
                        columns.insert(c, (step.distance, step.from));
                        rows.insert(owner, step.distance);
                        (current, distance) = (owner, step.distance);
                        break;
                    }
                }
            }
        }
    }

    /// Moves every row of the path one step towards its end.
    fn augment(&mut self, path: &Path, start: usize) {
        let mut row = path.last_row;
        let mut next = match path.end {
            Node::Column(column) => Some(column),
            Node::Alone(_) => None,
        };
        loop {
            let previous = self.column_of[row];
            self.column_of[row] = next;
            if let Some(column) = next {
                self.row_of[column] = Some(row);
            }
            if row == start {
                return;
            }
            // The row gives its column up to the row that the search came from.
            let Some(column) = previous else { return };
            next = Some(column);
            row = path.columns.get(&column).map_or(start, |&(_, from)| from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers below what is asked for.
    fn dice(mut state: u64) -> impl FnMut(u64) -> u64 {
        move |below| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        }
    }

    fn of_rows(rows: &[Vec<Edge>]) -> Edges {
        let mut edges = Edges::default();
        rows.iter().for_each(|row| edges.push(row.iter().copied()));
        edges
    }

    fn brute(edges: &[Vec<Edge>], row: usize, used: &mut Vec<bool>) -> f64 {
        if row == edges.len() {
            return 0.0;
        }
        let mut best = brute(edges, row + 1, used);
        for edge in &edges[row] {
            if !used[edge.column] {
                used[edge.column] = true;
                best = best.max(edge.score + brute(edges, row + 1, used));
                used[edge.column] = false;
            }
        }
        best
    }

    fn worth(edges: &[Vec<Edge>], solved: &Assignment) -> f64 {
        let mut used = [false; 16];
        (0..edges.len())
            .filter_map(|row| solved.column_of(row).map(|column| (row, column)))
            .map(|(row, column)| {
                assert!(!std::mem::replace(&mut used[column], true), "a column was given twice");
                edges[row].iter().find(|e| e.column == column).map_or(f64::NAN, |e| e.score)
            })
            .sum()
    }

    #[test]
    fn of_rows_that_are_alike_the_last_has_the_column() {
        for score in [0.5, 3.0] {
            let edges = of_rows(&vec![vec![Edge { column: 0, score }]; 3]);
            let solved = Assignment::solve(edges.clone(), 1);
            assert_eq!(solved.column_of, [None, None, Some(0)]);
        }
    }

    #[test]
    fn a_single_step_is_what_a_search_would_have_found() {
        let mut random = dice(3);
        for _ in 0..3000 {
            // Few scores, so that many are the same.
            let (rows, columns) = (1 + random(5) as usize, 1 + random(4) as usize);
            let mut edges = Edges::default();
            for _ in 0..rows {
                let row: Vec<Edge> =
                    (0..columns).map(|column| Edge { column, score: random(4) as f64 - 1.0 }).collect();
                edges.push(row.into_iter().filter(|_| random(3) > 0));
            }
            let solved = Assignment::solve(edges.clone(), columns);
            for row in 0..rows {
                for banned in [None, solved.column_of(row)] {
                    let Some(step) = solved.step(row, banned) else { continue };
                    let path = solved.search(row, banned);
                    assert_eq!(
                        (step.node, step.distance.to_bits()),
                        (path.end, path.length.to_bits()),
                        "{edges:?} {row}"
                    );
                }
            }
        }
    }

    #[test]
    fn rows_that_are_to_stay_alone_leave_their_columns_to_others() {
        let of =
            |scores: [f64; 2]| scores.into_iter().enumerate().map(|(column, score)| Edge { column, score }).collect();
        let solved = Assignment::solve(of_rows(&[of([5.0, 1.0]), of([4.0, 1.0]), of([3.0, 2.0])]), 2);
        assert_eq!(solved.column_of, [Some(0), None, Some(1)]);
        assert_eq!(solved.without(&[0]).column_of, [None, Some(0), Some(1)]);
        assert_eq!(solved.without(&[0, 1]).column_of, [None, None, Some(0)]);
    }

    #[test]
    fn is_the_best_of_all_assignments_and_margins_are_what_a_pair_is_worth() {
        let mut random = dice(7);
        for _ in 0..3000 {
            let (rows, columns) = (1 + random(6) as usize, 1 + random(6) as usize);
            let edges: Vec<Vec<Edge>> = (0..rows)
                .map(|_| {
                    (0..columns)
                        .filter_map(|column| {
                            let score = random(2000) as f64 / 100.0 - 5.0;
                            (random(3) > 0).then_some(Edge { column, score })
                        })
                        .collect()
                })
                .collect();
            let all = of_rows(&edges);
            let solved = Assignment::solve(all, columns);
            let best = brute(&edges, 0, &mut vec![false; columns]);
            assert!((worth(&edges, &solved) - best).abs() < 1e-6, "{edges:?}");
            for row in 0..rows {
                let Some(column) = solved.column_of(row) else { continue };
                let mut without = edges.clone();
                without[row].retain(|e| e.column != column);
                let second = brute(&without, 0, &mut vec![false; columns]);
                assert!((solved.margin(row) - (best - second)).abs() < 1e-6, "{edges:?} row {row}");
            }
        }
    }
}
