//! Many host-days on all processors, with the same result on any number of them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Host-days that are done before the next ones are asked for.
const BATCH: usize = 64;

/// Does every part from 0 up to `parts` once and gives back what came of each, in order.
///
/// # Errors
/// The first that a part ended with.
pub(crate) fn all<T: Send>(
    parts: usize,
    threads: usize,
    does: impl Fn(usize) -> Result<T, String> + Sync,
) -> Result<Vec<T>, String> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || -> Result<(), String> {
        loop {
            let from = next.fetch_add(BATCH, Ordering::Relaxed);
            if from >= parts {
                return Ok(());
            }
            let batch: Result<Vec<T>, String> = (from..parts.min(from + BATCH)).map(&does).collect();
            let batch = batch?;
            done.lock().map_err(|_| "a thread failed".to_owned())?.push((from, batch));
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread failed".to_owned())?)
    })?;
    let mut done = done.into_inner().map_err(|_| "a thread failed".to_owned())?;
    done.sort_by_key(|&(from, _)| from);
    Ok(done.into_iter().flat_map(|(_, batch)| batch).collect())
}
