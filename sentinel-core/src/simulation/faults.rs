//! Breaking a rule on purpose, on one thread and for a while.

use core::cell::Cell;

use crate::fault::Fault;

std::thread_local! {
    static BROKEN: Cell<Option<Fault>> = const { Cell::new(None) };
    static HIDDEN: Cell<u64> = const { Cell::new(0) };
}

/// Every rule, and the words of the promise that is broken with it.
pub(super) const ALL: [(Fault, &str); 42] = [
    (Fault::UngrantedCall, "without a handle"),
    (Fault::EarlyEffect, "before its record was safe"),
    (Fault::RepeatedCall, "was run again"),
    (Fault::RepeatedMessage, "was let in twice"),
    (Fault::LostMessage, "was let in, and then []"),
    (Fault::CutAnswer, "no model ever said"),
    (Fault::LostResult, "have no result"),
    (Fault::SilentYes, " makes it "),
    (Fault::UnboundAnswer, "ran and nobody allowed it"),
    (Fault::HiddenInput, "a replay differs"),
    (Fault::MisplacedWrite, "the log is damaged"),
    (Fault::BoundlessSpending, " makes it "),
    (Fault::HeldDelivery, "does not come to rest"),
    (Fault::UnmarkedAnswer, "shown as if it were whole"),
    (Fault::StaleGrant, "which the settings have no more"),
    (Fault::HeardModel, "answers by a grant that is gone"),
    (Fault::SlowStop, "goes on for longer than it may"),
    (Fault::TrustedOutsider, "nobody is asked about"),
    (Fault::MisnamedOutcome, "names another one"),
    (Fault::ShownReference, "a model sees what nobody vouches for"),
    (Fault::ForeignReference, "what was given back elsewhere"),
    (Fault::EmptyReference, "has a name where the content belongs"),
    (Fault::InnocentValue, "is decided as if no value had been read"),
    (Fault::LostPreview, "a piece of an answer stands there twice"),
    (Fault::RepeatedAnswer, "is answered twice"),
    (Fault::WorkAfterHalt, "although the agent rests"),
    (Fault::UnsaidHalt, "was let in, and then []"),
    (Fault::LastingAnswer, "and nobody said so"),
    (Fault::LostQuestion, "came to no end"),
    (Fault::RepeatedQuestion, "asks what is asked already"),
    (Fault::ForgottenReservation, " makes it "),
    (Fault::FreeReply, " makes it "),
    (Fault::FreeSilence, "is taken for free"),
    (Fault::TimelessReply, " makes it "),
    (Fault::EndlessReply, " goes on at "),
    (Fault::RunningClock, "is ended by time, while its server waits"),
    (Fault::StoppedClock, "goes on for longer than it may"),
    (Fault::LostReply, "nobody is asked"),
    (Fault::FreeInterruption, " makes it "),
    (Fault::FailedWrite, "the journal is BAD"),
    (Fault::LateKeys, "does not come to rest"),
    (Fault::EarlySeed, "the kept seed is not the one"),
];

/// Worlds that noticed what few of them notice: looked at first, for looking through hundreds takes
/// most of the time there is. One that notices nothing any more costs one world.
const RARE: [(Fault, u64); 5] = [
    (Fault::LostReply, 0xbfa),
    (Fault::InnocentValue, 0x66b),
    (Fault::ForeignReference, 0x220),
    (Fault::RepeatedCall, 0x16f),
    (Fault::FreeReply, 0x152),
];

/// The worlds in which a fault is looked for, in their order.
pub(super) fn worlds(fault: Fault) -> impl Iterator<Item = u64> {
    let rare = RARE.iter().filter(move |(own, _)| *own == fault).map(|(_, seed)| *seed);
    rare.chain(0..4000)
}

/// Breaks a rule while `body` runs.
pub(super) fn during<T>(fault: Fault, body: impl FnOnce() -> T) -> T {
    BROKEN.set(Some(fault));
    let value = body();
    BROKEN.set(None);
    value
}

/// Whether a rule is broken.
pub(crate) fn is_broken(fault: Fault) -> bool {
    BROKEN.get() == Some(fault)
}

/// A number that no journal knows of.
pub(crate) fn hidden() -> u64 {
    HIDDEN.set(HIDDEN.get() + 1);
    HIDDEN.get().wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
