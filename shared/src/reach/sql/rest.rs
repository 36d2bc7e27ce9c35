//! The parts of a value as Postgres sends it.

use crate::reach::ReachFailure;

/// What is left of a value.
pub(super) struct Rest<'a>(pub(super) &'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], ReachFailure> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn i32(&mut self) -> Result<i32, ReachFailure> {
        Ok(i32::from_be_bytes(exactly(self.take(4)?)?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, ReachFailure> {
        Ok(u32::from_be_bytes(exactly(self.take(4)?)?))
    }

    pub(super) fn count(&mut self) -> Result<usize, ReachFailure> {
        usize::try_from(self.i32()?).map_err(|_| malformed())
    }

    /// With its length before it; -1 is NULL.
    pub(super) fn value(&mut self) -> Result<Option<&'a [u8]>, ReachFailure> {
        match self.i32()? {
            -1 => Ok(None),
            length => self.take(usize::try_from(length).map_err(|_| malformed())?).map(Some),
        }
    }
}

pub(super) fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], ReachFailure> {
    bytes.try_into().map_err(|_| malformed())
}

pub(super) fn malformed() -> ReachFailure {
    ReachFailure::new("invalid_result", "a value is not as Postgres sends it")
}
