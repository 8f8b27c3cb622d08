//! Lines of a stream of bytes, however long they are, in bounded space.

use jiff::Timestamp;

/// The longest line that is looked at, in bytes; the rest of it is dropped.
pub(super) const LONGEST_LINE: usize = 8 << 10;

/// Cuts a stream into lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
}

impl Lines {
    /// Takes what came, and gives each line that has ended, without its end.
    pub(super) fn push(&mut self, chunk: &[u8], mut take: impl FnMut(&[u8])) {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let (text, has_ended) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            if has_ended && self.begun.is_empty() {
                take(&text[..text.len().min(LONGEST_LINE)]);
                continue;
            }
            let room = LONGEST_LINE - self.begun.len();
            self.begun.extend_from_slice(&text[..text.len().min(room)]);
            if has_ended {
                take(&self.begun);
                self.begun.clear();
            }
        }
    }

    /// The last line, if the stream ended without ending it.
    pub(super) fn rest(&self) -> &[u8] {
        &self.begun
    }
}

/// A line of a log and the instant that stands before it.
pub(super) fn timed(line: &str) -> Option<(Timestamp, &str)> {
    let (at, text) = line.split_once(' ').unwrap_or((line, ""));
    Some((at.parse().ok()?, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&str]) -> (Vec<String>, String) {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for chunk in chunks {
            lines.push(chunk.as_bytes(), |line| found.push(String::from_utf8_lossy(line).into_owned()));
        }
        (found, String::from_utf8_lossy(lines.rest()).into_owned())
    }

    #[test]
    fn lines_are_the_same_wherever_the_stream_is_cut() {
        let expected = (["one", "", "two"].map(str::to_owned).to_vec(), "thr".to_owned());
        assert_eq!(cut(&["one\n\ntwo\nthr"]), expected);
        assert_eq!(cut(&["o", "ne\n", "\nt", "wo", "\n", "thr"]), expected);
    }

    #[test]
    fn an_endless_line_takes_no_more_room() {
        let (mut lines, mut found) = (Lines::default(), 0);
        for _ in 0..10_000 {
            lines.push(&[b'x'; 1_000], |_| found += 1);
            assert!(lines.begun.capacity() <= 2 * LONGEST_LINE);
        }
        lines.push(b"\nshort\n", |line| {
            found += 1;
            assert!(line.len() == LONGEST_LINE || line == b"short");
        });
        assert_eq!(found, 2);
    }

    #[test]
    fn a_line_has_its_instant_before_it() {
        let (at, text) = timed("2026-11-22T09:05:12.238718360Z a b").unwrap();
        assert_eq!((at.to_string().as_str(), text), ("2026-11-22T09:05:12.23871836Z", "a b"));
        assert_eq!(timed("2026-11-22T09:05:12Z").unwrap().1, "");
        assert!(timed("unable to retrieve container logs for containerd://1").is_none());
    }
}
