//! A connection that reads no more than it may: what a server says must not fill the operator's memory.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes may still be read.
#[derive(Clone, Default)]
pub(super) struct Budget(Arc<AtomicUsize>);

impl Budget {
    /// For the next question, so many bytes.
    pub(super) fn renew(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

/// A stream with a budget of what is read.
pub(super) struct Bounded<S> {
    stream: S,
    budget: Budget,
}

impl<S> Bounded<S> {
    /// The stream with the budget.
    pub(super) fn new(stream: S, budget: Budget) -> Self {
        Self { stream, budget }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let count = buffer.filled().len() - before;
        let left = self.budget.0.load(Ordering::Relaxed);
        if count > left {
            return Poll::Ready(Err(io::Error::other("the server's answer has more bytes than it may have")));
        }
        self.budget.0.store(left - count, Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn no_more_is_read_than_one_question_may_take() {
        let budget = Budget::default();
        let mut stream = Bounded::new(tokio::io::repeat(1), budget.clone());
        for bytes in [100_000, 1] {
            budget.renew(bytes);
            stream.read_exact(&mut vec![0; bytes]).await.unwrap();
        }
        let error = stream.read_exact(&mut [0]).await.unwrap_err();
        assert!(error.to_string().contains("more bytes than"), "{error}");
    }
}
