//! Breaking a rule on purpose, on one thread and for a while.

use core::cell::Cell;

use crate::fault::Fault;

std::thread_local! {
    static BROKEN: Cell<Option<Fault>> = const { Cell::new(None) };
    static HIDDEN: Cell<u64> = const { Cell::new(0) };
}

pub(super) const ALL: [Fault; 42] = [
    Fault::UngrantedCall,
    Fault::EarlyEffect,
    Fault::RepeatedCall,
    Fault::RepeatedMessage,
    Fault::LostMessage,
    Fault::CutAnswer,
    Fault::LostResult,
    Fault::SilentYes,
    Fault::UnboundAnswer,
    Fault::HiddenInput,
    Fault::MisplacedWrite,
    Fault::BoundlessSpending,
    Fault::HeldDelivery,
    Fault::UnmarkedAnswer,
    Fault::StaleGrant,
    Fault::HeardModel,
    Fault::SlowStop,
    Fault::TrustedOutsider,
    Fault::MisnamedOutcome,
    Fault::ShownReference,
    Fault::ForeignReference,
    Fault::EmptyReference,
    Fault::InnocentValue,
    Fault::LostPreview,
    Fault::RepeatedAnswer,
    Fault::WorkAfterHalt,
    Fault::UnsaidHalt,
    Fault::LastingAnswer,
    Fault::LostQuestion,
    Fault::RepeatedQuestion,
    Fault::ForgottenReservation,
    Fault::FreeReply,
    Fault::FreeSilence,
    Fault::TimelessReply,
    Fault::EndlessReply,
    Fault::RunningClock,
    Fault::StoppedClock,
    Fault::LostReply,
    Fault::FreeInterruption,
    Fault::FailedWrite,
    Fault::LateKeys,
    Fault::EarlySeed,
];

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
