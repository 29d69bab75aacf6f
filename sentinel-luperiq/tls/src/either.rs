//! Waiting for the first of two things.
//!
//! # Invariants
//! - Both are looked at each time, the first one first; the other one is given up.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::Poll;

/// Which of two things came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Either<A, B> {
    One(A),
    Other(B),
}

/// Waits for the first of these.
pub(crate) async fn either<A, B>(
    one: impl Future<Output = A>,
    other: impl Future<Output = B>,
) -> Either<A, B> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| {
        if let Poll::Ready(value) = one.as_mut().poll(context) {
            return Poll::Ready(Either::One(value));
        }
        other.as_mut().poll(context).map(Either::Other)
    })
    .await
}
