//! Rules that a test build can break on purpose, to see that the simulation notices.
//!
//! In any other build nothing is ever broken and nothing of this is left.

/// A rule, by what goes wrong without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "agent"), allow(dead_code))]
pub(crate) enum Fault {
    /// Calls run that no grant covers.
    UngrantedCall,
    /// Effects are given out before their records are safe.
    EarlyEffect,
    /// Interrupted calls are made again, whatever their tools say.
    RepeatedCall,
    /// A message that came before is taken for a new one.
    RepeatedMessage,
    /// Messages that wait for their turn are lost.
    LostMessage,
    /// An answer that was cut is taken for a whole one.
    CutAnswer,
    /// Calls that never got a result are left as they are in the history.
    LostResult,
    /// Nobody answering a question is a yes.
    SilentYes,
    /// An answer to a question allows whatever the model asks for.
    UnboundAnswer,
    /// Something is decided by what is not in the journal.
    HiddenInput,
    /// A write goes to a wrong place in the log.
    MisplacedWrite,
    /// What may be spent is not looked at.
    BoundlessSpending,
    /// What arrived is remembered for ever.
    HeldDelivery,
    /// What is shown of a growing answer does not say that more comes.
    UnmarkedAnswer,
    /// Grants that other settings no longer have go on.
    StaleGrant,
    /// What is kept out of the conversation is shown to the model all the same.
    ShownReference,
    /// A reference stands for content in whichever conversation it is passed on.
    ForeignReference,
    /// A value that was taken out of a content leaves the conversation as it was.
    InnocentValue,
    /// A model that may not be asked any more is listened to all the same.
    HeardModel,
    /// What is to end goes on until the disk has the record of it.
    SlowStop,
    /// A call from outside is judged as if nobody strange had spoken.
    TrustedOutsider,
    /// What became of a call from outside is said of another one.
    MisnamedOutcome,
    /// What a call carries is not put in its place.
    EmptyReference,
    /// Messages that show the start of an answer are not found again after a crash.
    LostPreview,
    /// An answer that may have arrived is said again where nothing tells it from another one.
    RepeatedAnswer,
    /// A message that waited gets its turn although no work is taken.
    WorkAfterHalt,
    /// Whoever writes while no work is taken is not told so.
    UnsaidHalt,
    /// What a person allows once is allowed for good.
    LastingAnswer,
    /// A question that needs no answer any more is dropped without a word.
    LostQuestion,
    /// Each call that a limit holds is asked about by itself.
    RepeatedQuestion,
    /// What is under way does not count as spent.
    ForgottenReservation,
    /// What models answer does not count as spent.
    FreeReply,
    /// What breaks off after its head, before anything was counted, does not count as spent.
    FreeSilence,
    /// The time of models does not count as spent.
    TimelessReply,
    /// A model goes on answering when its time is over.
    EndlessReply,
    /// A call's time goes on while its server waits for people.
    RunningClock,
    /// It stands for ever once its server has asked something.
    StoppedClock,
    /// A server is not told that nobody answered.
    LostReply,
    /// What was under way when the program ended was not spent.
    FreeInterruption,
    /// A write that failed counts as one that is safe.
    FailedWrite,
    /// Keys are stored after the records that need them.
    LateKeys,
    /// The log's next secret is stored before the record that it follows from is safe.
    EarlySeed,
}

#[cfg(all(test, feature = "agent"))]
pub(crate) use crate::simulation::{hidden, is_broken};

/// Whether a rule is broken: never.
#[cfg(not(all(test, feature = "agent")))]
pub(crate) const fn is_broken(_: Fault) -> bool {
    false
}

/// A number that no journal knows of; never asked for.
#[cfg(all(feature = "agent", not(test)))]
pub(crate) const fn hidden() -> u64 {
    0
}
