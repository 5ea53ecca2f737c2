//! Text of any origin, made fit for a terminal: harmless, in lines, cut.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

/// Stays one space wide and never becomes the end of a line: within `12.3 MB` and `2003-03-04 16:05:00`.
pub(super) const TIE: char = '\u{a0}';

/// Takes the power out of text: what would move the cursor, change colours, reverse the reading order or be
/// invisible is written as an escape. Evidence is written by those it is about.
#[must_use]
pub(super) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => clean.push(' '),
            c if c.is_control() => _ = write!(clean, "\\x{:02x}", u32::from(c)),
            c if is_deceptive(c) => _ = write!(clean, "\\u{{{:x}}}", u32::from(c)),
            c => clean.push(c),
        }
    }
    clean
}

/// Characters without a glyph of their own that change how their neighbours look: bidirectional controls, joiners,
/// separators, tags.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Columns that clean text takes.
#[must_use]
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// Breaks text at spaces into lines of `limit` columns at most. A word that is longer stands alone and whole: half
/// an address is no address.
#[must_use]
pub(super) fn wrap(text: &str, limit: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut gap = 0;
    for word in text.split(' ') {
        // Between two spaces is an empty word: runs of spaces are kept within a line.
        if word.is_empty() {
            gap += 1;
            continue;
        }
        if !line.is_empty() && width(&line) + gap + width(word) > limit {
            lines.push(std::mem::take(&mut line));
        } else {
            line.extend(std::iter::repeat_n(' ', gap));
        }
        line.push_str(word);
        gap = 1;
    }
    lines.push(line);
    lines
}

/// Cuts text to `limit` columns, with `...` where something is missing.
#[must_use]
pub(super) fn cut(text: &str, limit: usize) -> String {
    if width(text) <= limit {
        return text.to_owned();
    }
    let mut cut = String::new();
    for c in text.chars() {
        cut.push(c);
        if width(&cut) + 3 > limit {
            cut.pop();
            break;
        }
    }
    cut.push_str("...");
    cut
}

/// Breaks text into at most `most` lines of `limit` columns: at spaces where that leaves no line half empty, within a word
/// otherwise. What does not fit is cut.
#[must_use]
pub(super) fn fold(text: &str, limit: usize, most: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest = text;
    while lines.len() + 1 < most && width(rest) > limit {
        let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8());
        let Some(full) = ends.take_while(|&end| width(&rest[..end]) <= limit).last() else { break };
        let at = rest[..full].rfind(' ').filter(|at| at * 2 > full).unwrap_or(full);
        lines.push(rest[..at].to_owned());
        rest = rest[at..].trim_start_matches(' ');
    }
    lines.push(cut(rest, limit));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_drive_the_terminal() {
        assert_eq!(clean("a\x1b[31m\r\nb\x07\u{9b}2J"), "a\\x1b[31m\\x0d\\x0ab\\x07\\x9b2J");
        assert_eq!(clean("txt.\u{202e}exe"), "txt.\\u{202e}exe");
        assert_eq!(clean("M\u{fc}ller\tx"), "M\u{fc}ller x");
    }

    #[test]
    fn lines_break_at_spaces_only() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("2001:db8::1234:5678 a b", 5), ["2001:db8::1234:5678", "a b"]);
        assert_eq!(wrap("from 12.3\u{a0}MB on", 9), ["from", "12.3\u{a0}MB", "on"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn runs_of_spaces_stay_within_a_line() {
        assert_eq!(wrap("Mar  3 18:00", 20), ["Mar  3 18:00"]);
        assert_eq!(wrap("Mar  3 18:00", 6), ["Mar  3", "18:00"]);
    }

    #[test]
    fn what_folds_breaks_within_words_and_ends_cut() {
        assert_eq!(fold("abc", 5, 3), ["abc"]);
        assert_eq!(fold("SOCKS 4, CONNECT 192.0.2.1:25", 17, 3), ["SOCKS 4, CONNECT", "192.0.2.1:25"]);
        assert_eq!(fold("a abcdefghijklmnop", 6, 2), ["a abcd", "efg..."]);
        assert_eq!(fold("\u{6f22}\u{5b57}", 1, 3), ["..."]);
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("abcdefgh", 8), "abcdefgh");
        assert_eq!(cut("abcdefghi", 8), "abcde...");
        assert_eq!(cut("\u{6f22}\u{5b57}\u{6f22}\u{5b57}\u{6f22}", 8), "\u{6f22}\u{5b57}...");
    }
}
