//! Rows that may be more than memory holds: kept as they come, on disk beyond a bound, read back in the same order.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes of rows that stay in memory: few enough to stay in a processor's cache as well.
const IN_MEMORY: usize = 1 << 18;
/// No row is longer: two legs are some 300 bytes.
const ROW: usize = 1024;

/// Bytes in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Bytes {
    rest: Vec<u8>,
    file: Option<File>,
}

impl Bytes {
    /// Appends some.
    ///
    /// # Errors
    /// Where the temporary file cannot be made or written.
    pub(super) fn append(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        parts.iter().for_each(|part| self.rest.extend_from_slice(part));
        if self.rest.len() >= IN_MEMORY { self.write_out() } else { Ok(()) }
    }

    fn write_out(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile()?),
        };
        // It may have been read meanwhile.
        file.seek(io::SeekFrom::End(0))?;
        file.write_all(&self.rest)?;
        self.rest.clear();
        Ok(())
    }

    /// What was written out, to be read from its beginning, and the rest.
    fn parts(&mut self) -> io::Result<(Option<BufReader<&File>>, &[u8])> {
        let spilled = match &mut self.file {
            Some(file) => {
                file.rewind()?;
                Some(BufReader::with_capacity(IN_MEMORY, &*file))
            }
            None => None,
        };
        Ok((spilled, &self.rest))
    }

    /// Reads them back as rows of `N` bytes, as which they must have come. May be done again.
    ///
    /// # Errors
    /// Where the temporary file cannot be read, or `take` fails.
    pub(super) fn read<const N: usize>(&mut self, mut take: impl FnMut(&[u8; N]) -> io::Result<()>) -> io::Result<()> {
        let (spilled, rest) = self.parts()?;
        if let Some(mut file) = spilled {
            let mut row = [0; N];
            while !file.fill_buf()?.is_empty() {
                file.read_exact(&mut row)?;
                take(&row)?;
            }
        }
        rest.as_chunks::<N>().0.iter().try_for_each(take)
    }
}

/// A list of rows, each behind its length.
#[derive(Debug)]
pub(crate) struct Spill<T> {
    bytes: Bytes,
    rows: PhantomData<T>,
}

impl<T> Default for Spill<T> {
    fn default() -> Self {
        Self { bytes: Bytes::default(), rows: PhantomData }
    }
}

impl<T: Serialize + DeserializeOwned> Spill<T> {
    /// Appends a row.
    ///
    /// # Errors
    /// Where the temporary file cannot be made or written.
    pub(crate) fn push(&mut self, row: &T) -> io::Result<()> {
        let mut buffer = [0; ROW];
        let row = postcard::to_slice(row, &mut buffer).map_err(io::Error::other)?;
        self.bytes.append(&[&(row.len() as u32).to_le_bytes(), row])
    }

    /// Reads the rows back in the order in which they came. May be done again.
    ///
    /// # Errors
    /// Where the temporary file cannot be read.
    pub(crate) fn rows(&mut self) -> io::Result<Rows<'_, T>> {
        let (spilled, rest) = self.bytes.parts()?;
        Ok(Rows { spilled, rest, buffer: Vec::new(), rows: PhantomData })
    }
}

/// Iterator over the rows of a [`Spill`].
#[derive(Debug)]
pub(crate) struct Rows<'a, T> {
    spilled: Option<BufReader<&'a File>>,
    rest: &'a [u8],
    buffer: Vec<u8>,
    rows: PhantomData<T>,
}

impl<T: DeserializeOwned> Rows<'_, T> {
    fn read(&mut self) -> io::Result<Option<T>> {
        let Some(file) = &mut self.spilled else { return self.read_rest() };
        let mut length = [0; 4];
        match file.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.spilled = None;
                return self.read_rest();
            }
            result => result?,
        }
        self.buffer.resize(u32::from_le_bytes(length) as usize, 0);
        file.read_exact(&mut self.buffer)?;
        postcard::from_bytes(&self.buffer).map(Some).map_err(io::Error::other)
    }

    fn read_rest(&mut self) -> io::Result<Option<T>> {
        let Some((length, rest)) = self.rest.split_first_chunk::<4>() else { return Ok(None) };
        let (row, rest) = rest.split_at(u32::from_le_bytes(*length) as usize);
        self.rest = rest;
        postcard::from_bytes(row).map(Some).map_err(io::Error::other)
    }
}

impl<T: DeserializeOwned> Iterator for Rows<'_, T> {
    type Item = io::Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_in_order_and_twice() {
        let mut spill = Spill::default();
        let many = IN_MEMORY as u64 / 2 + 7;
        (0..many).try_for_each(|n| spill.push(&n)).unwrap();
        for _ in 0..2 {
            let back: Vec<u64> = spill.rows().unwrap().map(Result::unwrap).collect();
            assert!(back.iter().copied().eq(0..many));
        }
    }
}
