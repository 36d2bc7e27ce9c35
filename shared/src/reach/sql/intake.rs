//! How much a server may send.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::frames::LEAST_LENGTH;

/// What a server may send for one call, in answer to all statements of it together: the rows, whose bound is where they are read (5,000,000 bytes of values
/// and names of columns), and the texts that Postgres is asked to write for them, which are longer: a time is 8 bytes, and 29 as a text. A result of that
/// size that is nothing but times fits, if the names of its columns have eight letters. 16 calls, which is all that a process makes at once, take a quarter
/// of a gigabyte at the worst until something is made of it.
///
/// It is the bound of each message too: what fills the memory is their sum.
pub(super) const CALL_BYTES: u64 = 16 * 1024 * 1024;
/// What a server may send until its line can be used. Postgres sends less than a thousand; sqlx keeps the settings among it for as long as the line lives.
pub(super) const OPENING_BYTES: u64 = 256 * 1024;
/// A line over which more has come is not kept for another call: sqlx keeps its buffers, and all types that it was told of, for as long as the line lives.
/// To open another one takes about as long as this much has taken.
const KEPT_BYTES: u64 = 1024 * 1024;
/// What each message counts besides its length: sqlx makes an object of it, so that a million of empty ones take far more than their bytes.
const MESSAGE_BYTES: u64 = 128;

/// Why a line was ended, where it was not sqlx that closed it. sqlx sees that it has ended, and no more.
#[derive(Debug)]
pub(super) enum Ended {
    /// With a message of this length, more would have come than may.
    TooMuch(u32),
    /// By a message that is shorter than what says its length.
    Malformed,
    /// On the way to the server, or by it.
    Broken(io::Error),
}

/// What comes from a server over one line.
#[derive(Debug)]
pub(super) struct Intake {
    /// So many bytes may come yet.
    left: AtomicU64,
    /// So many have come since the line was opened.
    all: AtomicU64,
    ended: OnceLock<Ended>,
}

impl Intake {
    /// Of a line that is being opened.
    #[cfg_attr(not(unix), allow(dead_code, reason = "no relay starts there"))]
    pub(super) fn opening() -> Self {
        Self { left: OPENING_BYTES.into(), all: 0.into(), ended: OnceLock::new() }
    }

    /// Whatever came before does not count any more.
    pub(super) fn begin_call(&self) {
        self.left.store(CALL_BYTES, Ordering::Relaxed);
    }

    /// Whether so little has come that the line may be kept.
    pub(super) fn may_be_kept(&self) -> bool {
        self.all.load(Ordering::Relaxed) <= KEPT_BYTES
    }

    /// Takes a message with this length in its head.
    ///
    /// # Errors
    /// It must not be passed on, and nothing after it.
    pub(super) fn take(&self, length: u32) -> Result<(), Ended> {
        if length < LEAST_LENGTH {
            return Err(Ended::Malformed);
        }
        let bytes = u64::from(length) + MESSAGE_BYTES;
        self.all.fetch_add(bytes, Ordering::Relaxed);
        let left = self.left.load(Ordering::Relaxed).checked_sub(bytes).ok_or(Ended::TooMuch(length))?;
        self.left.store(left, Ordering::Relaxed);
        Ok(())
    }

    /// Remembers why the line was ended, if nothing was remembered before.
    pub(super) fn end(&self, ended: Ended) {
        let _ = self.ended.set(ended);
    }

    /// Why the line was ended. None: it was not, or by sqlx.
    pub(super) fn ended(&self) -> Option<&Ended> {
        self.ended.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: u32 = (CALL_BYTES - MESSAGE_BYTES) as u32;

    #[test]
    fn each_call_may_take_as_much_as_the_one_before() {
        let intake = Intake::opening();
        assert!(matches!(intake.take(MOST), Err(Ended::TooMuch(MOST))), "it is not open yet");
        for _ in 0..3 {
            intake.begin_call();
            assert!(matches!(intake.take(MOST + 1), Err(Ended::TooMuch(_))));
            assert!(intake.take(MOST).is_ok());
            assert!(matches!(intake.take(LEAST_LENGTH), Err(Ended::TooMuch(LEAST_LENGTH))));
        }
    }

    #[test]
    fn many_messages_count_more_than_their_bytes() {
        let intake = Intake::opening();
        intake.begin_call();
        let taken = (0..u32::MAX).take_while(|_| intake.take(LEAST_LENGTH).is_ok()).count();
        assert_eq!(taken, 127_100);
    }

    #[test]
    fn a_line_is_kept_while_little_has_come_over_it_in_all_calls() {
        let intake = Intake::opening();
        for _ in 0..4 {
            assert!(intake.may_be_kept());
            intake.begin_call();
            intake.take(300_000).unwrap();
        }
        assert!(!intake.may_be_kept());
    }

    #[test]
    fn what_says_that_it_is_less_than_nothing_is_refused() {
        let intake = Intake::opening();
        for length in 0..LEAST_LENGTH {
            assert!(matches!(intake.take(length), Err(Ended::Malformed)));
        }
        assert!(intake.take(LEAST_LENGTH).is_ok());
    }
}
