//! What happened in worlds, in numbers: a fault that never happens is not counted on.

macro_rules! counts {
    ($($(#[$about:meta])* $name:ident,)*) => {
        /// What happened in a world, in numbers.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(super) struct Summary {
            $($(#[$about])* pub(super) $name: u64,)*
        }

        impl Summary {
            pub(super) fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// Every count with its name.
            pub(super) fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name)),*].into_iter()
            }
        }
    };
}

counts! {
    messages,
    /// Many messages at once, in one chat.
    floods,
    /// Messages that a platform gave late.
    messages_late,
    /// Messages that it gave again, and those of them that it need not have kept.
    messages_again,
    messages_again_acknowledged,
    answers,
    /// Answers that a start completed, where no keys find messages.
    completed,
    /// Model requests that got an error, and answers that broke off.
    models_failed,
    streams_cut,
    calls,
    /// Calls that came from outside, and those of them that were made and told of.
    outside_calls,
    outside_done,
    /// Calls that carried content which no model had seen whole.
    carried,
    /// Values that were taken out of such content, or looked for in vain.
    values,
    approved,
    /// Questions of servers, those that they took back, and those that got values for an answer.
    servers_asked,
    servers_unasked,
    servers_told,
    /// Answers to questions that came twice, too late, and for another call.
    approvals_doubled,
    approvals_late,
    approvals_mistaken,
    /// What was told of something that was over.
    events_late,
    /// Posts that were refused for now, that were lost, and that were carried out in silence.
    posts_refused,
    posts_lost,
    posts_unconfirmed,
    /// What platforms said of a post twice.
    posts_doubled,
    clock_back,
    clock_ahead,
    /// The program ended between two events, between two effects, and while it began.
    crashes,
    crashes_at_effect,
    crashes_in_start,
    /// The log's very first write did not come to its end.
    begun_again,
    writes_failed,
    /// Writes of which a part was left, and gaps in such parts.
    writes_torn,
    sectors_lost,
    keys_unstored,
    seeds_unstored,
    records,
    forgotten,
    snapshots,
    /// Files that were full, and followed by another one.
    files_full,
    reconfigured,
}
