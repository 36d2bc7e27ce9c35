//! The messages of a server, as they come in: only their heads are looked at.

/// Before the body of a message: its type, and its length, which counts itself but not the type.
const HEAD_BYTES: usize = 5;
/// What a length counts at least: itself.
pub(super) const LEAST_LENGTH: u32 = 4;

/// Where in a stream of messages a server is.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; HEAD_BYTES],
    /// So many bytes of the head are known.
    known: usize,
    /// So many bytes of the body are still to come.
    rest: usize,
}

impl Frames {
    /// Follows the stream through what came next, however it was cut. `begins` is given the length of each message when its head is complete, before
    /// anything of its body.
    ///
    /// # Errors
    /// That of `begins`. Nothing can be followed any more then.
    pub(super) fn follow<E>(
        &mut self,
        mut bytes: &[u8],
        mut begins: impl FnMut(u32) -> Result<(), E>,
    ) -> Result<(), E> {
        while !bytes.is_empty() {
            let of_body = bytes.len().min(self.rest);
            self.rest -= of_body;
            bytes = &bytes[of_body..];
            let of_head = bytes.len().min(HEAD_BYTES - self.known);
            self.head[self.known..self.known + of_head].copy_from_slice(&bytes[..of_head]);
            self.known += of_head;
            bytes = &bytes[of_head..];
            if self.known == HEAD_BYTES {
                self.known = 0;
                let [_, length @ ..] = self.head;
                let length = u32::from_be_bytes(length);
                begins(length)?;
                self.rest = length.saturating_sub(LEAST_LENGTH) as usize;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    fn message(body: usize) -> Vec<u8> {
        let length = u32::try_from(body).unwrap() + LEAST_LENGTH;
        [&b"D"[..], &length.to_be_bytes(), &vec![0xff; body]].concat()
    }

    proptest! {
        #[test]
        fn each_message_is_noticed_however_the_stream_is_cut(
            bodies in proptest::collection::vec(0_usize..40, 0..20),
            cut in 1_usize..60,
        ) {
            let stream: Vec<u8> = bodies.iter().flat_map(|body| message(*body)).collect();
            let (mut frames, mut seen) = (Frames::default(), Vec::new());
            for chunk in stream.chunks(cut) {
                let begins = |length: u32| {
                    seen.push(usize::try_from(length - LEAST_LENGTH).unwrap());
                    Ok::<_, Infallible>(())
                };
                frames.follow(chunk, begins).unwrap();
            }
            prop_assert_eq!(seen, bodies);
        }
    }

    #[test]
    fn a_length_is_told_before_the_body() {
        let mut frames = Frames::default();
        let refused = |length| Err::<(), _>(length);
        assert_eq!(frames.follow(&[b'D', 0xff, 0xff, 0xff], refused), Ok(()));
        assert_eq!(frames.follow(&[0xff], refused), Err(u32::MAX));
        assert_eq!(Frames::default().follow(&[b'Z', 0, 0, 0, 0], refused), Err(0));
    }
}
