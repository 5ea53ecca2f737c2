//! Rows of comma-separated values (RFC 4180), each on one line.

/// The fields of a line. A quote that is never closed ends with the line.
#[must_use]
pub fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    // Of the field that is being read: looked up, a row of quotes behind many spaces would take the square of its length.
    let mut blank = true;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let Some(field) = fields.last_mut() else { return fields };
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
                blank = false;
            }
            '"' if quoted => quoted = false,
            '"' if blank => {
                field.clear();
                quoted = true;
            }
            ',' if !quoted => {
                fields.push(String::new());
                blank = true;
            }
            c => {
                field.push(c);
                blank &= c.is_whitespace();
            }
        }
    }
    fields
}

/// Where each of the named columns stands in a header.
#[must_use]
pub fn columns<const N: usize>(header: &str, names: [&str; N]) -> [Option<usize>; N] {
    let header = fields(header.trim_start_matches('\u{feff}'));
    names.map(|name| header.iter().position(|field| field.trim().eq_ignore_ascii_case(name)))
}

/// The field of a column, without the spaces around it; `None` where there is none, or nothing in it.
#[must_use]
pub fn field(fields: &[String], column: Option<usize>) -> Option<&str> {
    fields.get(column?).map(|field| field.trim()).filter(|field| !field.is_empty())
}
