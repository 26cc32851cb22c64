//! Where the frames of a WebSocket begin and end (RFC 6455 §5.2), so that one of ours may
//! come between two of them. Only lengths are read. Not here: what is in them.

/// Follows the frames in one direction.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// How much of a frame's head was seen, of how much.
    seen: u8,
    head: u8,
    /// How many bytes of the head are its extended length.
    extended: u8,
    length: u64,
    /// How much of its payload is to come.
    left: u64,
    closed: bool,
}

impl Frames {
    /// Reads on.
    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        loop {
            if self.left > 0 {
                let taken =
                    usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.left -= taken as u64;
                bytes = bytes.get(taken..).unwrap_or_default();
            }
            let Some((&byte, rest)) = bytes.split_first() else {
                return;
            };
            self.read(byte);
            bytes = rest;
        }
    }

    fn read(&mut self, byte: u8) {
        match self.seen {
            0 => self.closed |= byte & 0x0f == 0x8,
            1 => {
                let mask = if byte & 0x80 == 0 { 0 } else { 4 };
                (self.extended, self.length) = match byte & 0x7f {
                    126 => (2, 0),
                    127 => (8, 0),
                    length => (0, u64::from(length)),
                };
                self.head = 2 + self.extended + mask;
            }
            at if at < 2 + self.extended => self.length = self.length << 8 | u64::from(byte),
            _ => {}
        }
        self.seen += 1;
        if self.seen >= 2 && self.seen == self.head {
            (self.seen, self.left) = (0, self.length);
        }
    }

    /// Whether a frame may come now: the last one is whole, and none said that there are
    /// no more.
    pub(super) const fn may_begin(&self) -> bool {
        self.seen == 0 && self.left == 0 && !self.closed
    }
}

/// A Close frame as a server sends it. The reason is cut to what fits.
pub(super) fn close(code: u16, reason: &str) -> Vec<u8> {
    let reason: Vec<u8> = reason.bytes().take(100).collect();
    let length = u8::try_from(2 + reason.len()).unwrap_or(2);
    let mut frame = vec![0x88, length];
    frame.extend(code.to_be_bytes());
    frame.extend(reason);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opcode: u8, mask: bool, length: usize) -> Vec<u8> {
        let mask_bit = if mask { 0x80 } else { 0 };
        let mut frame = vec![0x80 | opcode];
        match length {
            0..126 => frame.push(mask_bit | u8::try_from(length).unwrap()),
            126..65_536 => {
                frame.push(mask_bit | 126);
                frame.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                frame.push(mask_bit | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0x88; if mask { 4 } else { 0 } + length]);
        frame
    }

    #[test]
    fn a_frame_ends_where_its_length_says_however_it_arrives() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 70_000] {
            for mask in [false, true] {
                let bytes = [frame(1, mask, length), frame(2, mask, 3)].concat();
                let first = frame(1, mask, length).len();
                for step in [1, 2, 3, 7, 1000, bytes.len()] {
                    let mut frames = Frames::default();
                    let mut at = 0;
                    for piece in bytes.chunks(step) {
                        frames.push(piece);
                        at += piece.len();
                        let between = at == first || at == bytes.len();
                        assert_eq!(frames.may_begin(), between, "{length} {mask} {step} {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_follows_a_close() {
        let mut frames = Frames::default();
        frames.push(&frame(9, false, 4));
        assert!(frames.may_begin());
        frames.push(&close(1008, "reason"));
        assert!(!frames.may_begin());
    }

    #[test]
    fn a_close_says_code_and_reason() {
        assert_eq!(close(1008, "over"), b"\x88\x06\x03\xf0over");
        assert_eq!(close(1013, &"x".repeat(500)).len(), 104);
    }
}
