//! What is under way in a conversation, in a snapshot: its turn, the questions of it, and the
//! messages that wait for its end.
//!
//! An agent that is never at rest would never have a snapshot else, and what was forgotten would
//! stay readable for as long.
//!
//! # Invariants
//! - What is restored does what the kept one would have done with every input.
//! - A block that a question names is the same block afterwards, or none.
//!
//! # Not here
//! What was said: [`kept`](super::kept). What is reserved: [`budget`](crate::budget).

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

use super::approval::{Approval, Subject};
use super::codec::{self, Unreadable, flag, hex, named, number, text, unhex};
use super::conversation::{Conversation, Queued};
use super::eliciting::Asked;
use super::fetching::Arriving;
use super::form::Form;
use super::number::{CallNumber, ConversationNumber, DeliveryNumber, ExchangeNumber, TurnNumber};
use super::repetition::Repetition;
use super::settings::Settings;
use super::turn::{CallStage, Calling, Outcome, Spending, Stage, Turn};
use crate::budget::{Amount, AtLimit, Exceeded, Measure, Money, ReservationNumber, Scope};
use crate::capability::Handle;
use crate::channel::{Incoming, Person};
use crate::label::BlockId;
use crate::llm::route::{Attempt, Waiting};
use crate::llm::{ToolResult, ToolUse};
use crate::text::json::{self, ObjectWriter, Value};
use crate::time::Instant;
use crate::tool::Call;

type Out<'o, 's> = &'o mut ObjectWriter<'s, String>;

impl Conversation {
    /// Writes what waits in it and what is under way, with its questions.
    pub(super) fn keep_underway<'a>(
        &self,
        questions: impl Iterator<Item = (u32, &'a Approval)>,
        out: Out<'_, '_>,
    ) {
        out.array("queue", |out| {
            for queued in &self.queue {
                out.object(|out| {
                    out.field("person", u64::from(queued.person.0));
                    out.field("is_guest", queued.is_guest);
                    out.object("message", |out| queued.incoming.write(out));
                });
            }
        });
        if let Some(turn) = &self.turn {
            out.object("turn", |out| turn.keep(out));
        }
        out.array("questions", |out| {
            for (number, approval) in questions {
                out.object(|out| {
                    out.field("question", u64::from(number));
                    self.keep_question(approval, out);
                });
            }
        });
        if let Some(memory) = self.find_memory() {
            out.array("plan", |out| {
                for tool in memory.context.plan() {
                    out.value(tool);
                }
            });
        }
    }

    /// Reads it back, but for the questions.
    pub(super) fn restore_underway(
        &mut self,
        settings: &Settings,
        own: ConversationNumber,
        value: Value<'_>,
    ) -> Result<(), Unreadable> {
        for kept in value.get("queue")?.elements()? {
            let incoming = Incoming::read(kept.get("message")?);
            self.queue.push_back(Queued {
                incoming: incoming.map_err(|error| Unreadable::new(error.to_string()))?,
                person: Person(small(kept, "person")?),
                is_guest: flag(kept, "is_guest")?,
            });
        }
        if let Some(turn) = value.find("turn") {
            self.turn = Some(Box::new(Turn::restore(settings, own, turn)?));
        }
        if let Some(plan) = value.find("plan") {
            let tools = plan.elements()?.map(|tool| tool.as_str());
            let tools = tools.collect::<Result<Vec<_>, _>>()?;
            if let Some(memory) = &mut self.memory {
                memory.context.restore_plan(tools);
            }
        }
        Ok(())
    }

    fn keep_question(&self, approval: &Approval, out: Out<'_, '_>) {
        out.field("turn", approval.turn.0).field("digest", hex(&approval.digest).as_str());
        out.field("may_be_always", approval.may_be_always);
        out.field("expires", approval.expires.0).field("text", approval.text.as_str());
        // Blocks are numbered anew when they are read back.
        let place = approval.block.and_then(|block| self.find_memory()?.place_of(block));
        out.optional("block", place.map(|place| place as u64));
        match &approval.subject {
            Subject::Calls(calls) => {
                out.array("calls", |out| {
                    for call in calls {
                        out.value(call.0);
                    }
                });
            }
            Subject::Server(Asked { call, number, form }) => {
                out.object("asked", |out| {
                    out.field("call", call.0).field("number", *number);
                    out.field("schema", form.schema.as_str());
                });
            }
            Subject::Sampling { call, number } => {
                out.object("sampling", |out| {
                    out.field("call", call.0).field("number", *number);
                });
            }
            Subject::Budget(exceeded) => {
                out.object("exceeded", |out| keep_exceeded(exceeded, out));
            }
        }
    }

    /// The questions that were kept.
    pub(super) fn restore_questions(
        &self,
        conversation: ConversationNumber,
        value: Value<'_>,
    ) -> Result<Vec<(u32, Approval)>, Unreadable> {
        let mut questions = Vec::new();
        for kept in value.get("questions")?.elements()? {
            let subject = match kept.find("calls") {
                Some(calls) => {
                    let calls = calls.elements()?.map(|call| call.as_u64().map(CallNumber));
                    Subject::Calls(calls.collect::<Result<_, _>>()?)
                }
                None if kept.find("asked").is_some() => {
                    let asked = kept.get("asked")?;
                    Subject::Server(Asked {
                        call: CallNumber(number(asked, "call")?),
                        number: number(asked, "number")?,
                        form: Form::read(asked.get("schema")?.as_str()?)
                            .map_err(Unreadable::new)?,
                    })
                }
                None if let Some(sampling) = kept.find("sampling") => Subject::Sampling {
                    call: CallNumber(number(sampling, "call")?),
                    number: number(sampling, "number")?,
                },
                None => Subject::Budget(restore_exceeded(kept.get("exceeded")?)?),
            };
            let place = kept.find("block").map(|place| place.as_u64()).transpose()?;
            let place = place.and_then(|place| usize::try_from(place).ok());
            let block: Option<BlockId> =
                place.and_then(|place| self.find_memory()?.block_at(place));
            questions.push((
                small(kept, "question")?,
                Approval {
                    conversation,
                    turn: TurnNumber(number(kept, "turn")?),
                    // A question ends with its turn at the latest.
                    person: self.turn.as_ref().map(|turn| turn.person),
                    subject,
                    digest: unhex(kept.get("digest")?.as_str()?)?,
                    block,
                    may_be_always: flag(kept, "may_be_always")?,
                    text: text(kept, "text")?,
                    expires: Instant(number(kept, "expires")?),
                },
            ));
        }
        Ok(questions)
    }
}

impl Turn {
    fn keep(&self, out: Out<'_, '_>) {
        out.field("number", self.number.0).field("person", u64::from(self.person.0));
        out.field("delivery", self.delivery.0).field("rounds", u64::from(self.rounds_count));
        out.field("may_call", self.may_call).field("was_shortened", self.was_shortened);
        out.array("seen", |out| {
            for (call, result, count) in self.repetition.seen() {
                out.array(|out| {
                    out.value(hex(call).as_str()).value(hex(result).as_str());
                    out.value(u64::from(*count));
                });
            }
        });
        out.field("stage", self.stage.word());
        match &self.stage {
            Stage::Moving => {}
            Stage::Arriving(arriving) => {
                out.object("arriving", |out| arriving.keep(out));
            }
            Stage::Asking { exchange, attempt, spending } => {
                out.field("exchange", exchange.0);
                out.object("attempt", |out| attempt.keep(out, codec::error_word));
                spending.keep(out);
            }
            Stage::Pausing(waiting) => {
                out.object("waiting", |out| waiting.keep(out, codec::error_word));
                if let Some(error) = waiting.because() {
                    codec::write_error(out, error);
                }
            }
            Stage::Held { question, retry } => {
                out.field("question", u64::from(*question));
                out.optional("retry", retry.map(|retry| retry.0));
            }
            Stage::Calling(calls) => {
                out.array("calls", |out| {
                    for calling in calls {
                        out.object(|out| calling.keep(out));
                    }
                });
            }
        }
    }

    fn restore(
        settings: &Settings,
        conversation: ConversationNumber,
        value: Value<'_>,
    ) -> Result<Self, Unreadable> {
        let mut seen = Vec::new();
        for kept in value.get("seen")?.elements()? {
            let digest = |index| unhex(kept.index(index)?.as_str()?);
            let count = u8::try_from(kept.index(2)?.as_u64()?);
            let count = count.map_err(|_| Unreadable::new("a count is too large"))?;
            seen.push((digest(0)?, digest(1)?, count));
        }
        let strange = |what: &'static str| move || Unreadable::new(what);
        let stage = match value.get("stage")?.as_str()? {
            "moving" => Stage::Moving,
            "arriving" => Stage::Arriving(Arriving::restore(conversation, value.get("arriving")?)?),
            "asking" => Stage::Asking {
                exchange: ExchangeNumber(number(value, "exchange")?),
                attempt: Attempt::restore(value.get("attempt")?, codec::error_kind)
                    .ok_or_else(strange("a request to a model"))?,
                spending: Spending::restore(value)?,
            },
            "pausing" => {
                let because = value.find("error").is_some().then(|| codec::read_error(value));
                let because = because.transpose()?;
                let waiting = Waiting::restore(value.get("waiting")?, because, codec::error_kind);
                Stage::Pausing(waiting.ok_or_else(strange("a request that waits"))?)
            }
            "held" => Stage::Held { question: small(value, "question")?, retry: retry(value)? },
            "calling" => {
                let calls = value.get("calls")?.elements()?;
                let calls = calls.map(|call| Calling::restore(settings, call));
                Stage::Calling(calls.collect::<Result<_, _>>()?)
            }
            other => return Err(Unreadable::word("stage of a turn", other)),
        };
        Ok(Self {
            number: TurnNumber(number(value, "number")?),
            person: Person(small(value, "person")?),
            delivery: DeliveryNumber(number(value, "delivery")?),
            rounds_count: small(value, "rounds")?,
            may_call: flag(value, "may_call")?,
            was_shortened: flag(value, "was_shortened")?,
            repetition: Repetition::of(seen),
            stage,
        })
    }
}

impl Stage {
    const fn word(&self) -> &'static str {
        match self {
            Self::Moving => "moving",
            Self::Arriving(_) => "arriving",
            Self::Asking { .. } => "asking",
            Self::Pausing(_) => "pausing",
            Self::Held { .. } => "held",
            Self::Calling(_) => "calling",
        }
    }
}

impl Calling {
    fn keep(&self, out: Out<'_, '_>) {
        out.field("number", self.number.0).field("id", self.id.as_str());
        if let Some(call) = &self.call {
            let mut canonical = String::new();
            call.canonical(&mut canonical);
            out.field("call", canonical.as_str());
        }
        out.optional("unread", self.unread.map(|digest| hex(&digest)).as_deref());
        out.field("is_swayed", self.is_swayed);
        for (key, count) in
            [("asks_count", self.asks_count), ("samplings_count", self.samplings_count)]
        {
            out.optional(key, Some(u64::from(count)).filter(|count| *count > 0));
        }
        match &self.stage {
            CallStage::Asking => {
                out.field("stage", "asking");
            }
            CallStage::Held { question, retry, handles } => {
                out.field("stage", "held").field("question", u64::from(*question));
                out.optional("retry", retry.map(|retry| retry.0));
                keep_handles(handles, out);
            }
            CallStage::Running { handles, spending, deadline, asks_since } => {
                out.field("stage", "running").field("deadline", deadline.0);
                out.optional("asks_since", asks_since.map(|since| since.0));
                keep_handles(handles, out);
                spending.keep(out);
            }
            CallStage::Done(Outcome { result, is_output, is_withheld }) => {
                out.field("stage", "done").field("is_output", *is_output);
                if *is_withheld {
                    out.field("is_withheld", true);
                }
                out.field("content", result.content.as_str()).field("is_error", result.is_error);
            }
        }
    }

    fn restore(settings: &Settings, value: Value<'_>) -> Result<Self, Unreadable> {
        let id = text(value, "id")?;
        let kept = value.find("call").map(|call| call.as_str()).transpose()?;
        let call = kept.map(|call| restore_call(settings, call)).transpose();
        let stage = match value.get("stage")?.as_str()? {
            "asking" => CallStage::Asking,
            "held" => CallStage::Held {
                question: small(value, "question")?,
                retry: retry(value)?,
                handles: restore_handles(value)?,
            },
            "running" => CallStage::Running {
                handles: restore_handles(value)?,
                spending: Spending::restore(value)?,
                deadline: Instant(number(value, "deadline")?),
                asks_since: optional_instant(value, "asks_since")?,
            },
            "done" => {
                let (content, is_error) = (text(value, "content")?, flag(value, "is_error")?);
                let result = ToolResult { id: id.clone(), content, is_error };
                let is_withheld =
                    value.find("is_withheld").map(|flag| flag.as_bool()).transpose()?;
                CallStage::Done(Outcome {
                    result,
                    is_output: flag(value, "is_output")?,
                    is_withheld: is_withheld.unwrap_or(false),
                })
            }
            other => return Err(Unreadable::word("stage of a call", other)),
        };
        // One of before it was kept has none.
        let unread = value.find("unread").map(|digest| unhex(digest.as_str()?)).transpose()?;
        let (call, unread) = match (call, kept) {
            // Its tool has gone since, while other calls of its round go on. It has its result,
            // and is known again by what it was.
            (Err(_), Some(kept)) if matches!(stage, CallStage::Done(_)) => {
                (None, Some(Sha256::digest(kept.as_bytes()).into()))
            }
            (call, _) => (call?, unread),
        };
        // Of one of before it was kept nobody knows.
        let is_swayed = value.find("is_swayed").map(|flag| flag.as_bool()).transpose()?;
        let count = |key| {
            let count = value.find(key).map(|count| count.as_u64()).transpose()?;
            Ok::<_, Unreadable>(u32::try_from(count.unwrap_or(0)).unwrap_or(u32::MAX))
        };
        let (asks_count, samplings_count) = (count("asks_count")?, count("samplings_count")?);
        let (number, is_swayed) = (CallNumber(number(value, "number")?), is_swayed.unwrap_or(true));
        Ok(Self { number, id, call, unread, is_swayed, asks_count, samplings_count, stage })
    }
}

/// A call by its canonical form, which reads back as itself.
fn restore_call(settings: &Settings, canonical: &str) -> Result<Call, Unreadable> {
    let document =
        json::parse(canonical.as_bytes()).map_err(|error| Unreadable::new(error.to_string()))?;
    let root = document.root();
    let arguments = root.get("arguments")?.source().to_string();
    let wanted = ToolUse { id: String::new(), name: text(root, "tool")?, arguments };
    let read = settings.tools.read(&wanted);
    let (_, call) = read.map_err(|error| Unreadable::new(error.to_string()))?;
    let mut again = String::new();
    call.canonical(&mut again);
    (again == canonical).then_some(call).ok_or(Unreadable::new("a call is not what it was"))
}

impl Spending {
    pub(super) fn keep(&self, out: Out<'_, '_>) {
        out.field("reservation", self.reservation.number()).field("since", self.since.0);
        out.array("amount", |out| {
            for measure in Measure::ALL {
                out.value(self.amount.of(measure));
            }
        });
    }

    pub(super) fn restore(value: Value<'_>) -> Result<Self, Unreadable> {
        let mut kept = value.get("amount")?.elements()?;
        let mut next = || match kept.next() {
            Some(value) => Ok(value.as_u64()?),
            None => Err(Unreadable::new("an amount is not whole")),
        };
        let (tokens, money, calls, time_ms) = (next()?, Money(next()?), next()?, next()?);
        // A snapshot of a version that did not count the time of models has none for those, and
        // has reserved none. What is restored of it takes no time.
        let since = value.find("since").map(|since| since.as_u64()).transpose()?;
        Ok(Self {
            reservation: ReservationNumber::of(number(value, "reservation")?),
            amount: Amount { tokens, money, calls, time_ms },
            since: Instant(since.unwrap_or(u64::MAX)),
        })
    }
}

pub(super) fn keep_handles(handles: &[Handle], out: Out<'_, '_>) {
    out.array("handles", |out| {
        for handle in handles {
            out.array(|out| {
                out.value(u64::from(handle.index)).value(u64::from(handle.generation));
            });
        }
    });
}

pub(super) fn restore_handles(value: Value<'_>) -> Result<Vec<Handle>, Unreadable> {
    let handle = |value: Value<'_>| {
        let part = |index| fit(value.index(index)?.as_u64()?);
        Ok(Handle { index: part(0)?, generation: part(1)? })
    };
    value.get("handles")?.elements()?.map(handle).collect()
}

fn keep_exceeded(exceeded: &Exceeded, out: Out<'_, '_>) {
    out.field("scope", exceeded.scope.name()).field("measure", exceeded.measure.name());
    out.field("limit", exceeded.limit).field("max", exceeded.max);
    out.field("spent", exceeded.spent).field("reserved", exceeded.reserved);
    out.field("wanted", exceeded.wanted);
    let at_limit = AT_LIMITS.iter().find(|(at_limit, _)| *at_limit == exceeded.at_limit);
    out.optional("at_limit", at_limit.map(|(_, word)| *word));
}

fn restore_exceeded(value: Value<'_>) -> Result<Exceeded, Unreadable> {
    let scope = value.get("scope")?.as_str()?;
    let measure = value.get("measure")?.as_str()?;
    let known_scope = Scope::ALL.into_iter().find(|known| known.name() == scope);
    let known_measure = Measure::ALL.into_iter().find(|known| known.name() == measure);
    Ok(Exceeded {
        scope: known_scope.ok_or_else(|| Unreadable::word("scope", scope))?,
        measure: known_measure.ok_or_else(|| Unreadable::word("measure", measure))?,
        limit: number(value, "limit")?,
        max: number(value, "max")?,
        spent: number(value, "spent")?,
        reserved: number(value, "reserved")?,
        wanted: number(value, "wanted")?,
        at_limit: named(&AT_LIMITS, "way at a limit", value.get("at_limit")?.as_str()?)?,
    })
}

fn retry(value: Value<'_>) -> Result<Option<Instant>, Unreadable> {
    optional_instant(value, "retry")
}

fn optional_instant(value: Value<'_>, key: &str) -> Result<Option<Instant>, Unreadable> {
    Ok(value.find(key).map(|at| at.as_u64()).transpose()?.map(Instant))
}

fn small(value: Value<'_>, key: &str) -> Result<u32, Unreadable> {
    fit(number(value, key)?)
}

fn fit(number: u64) -> Result<u32, Unreadable> {
    u32::try_from(number).map_err(|_| Unreadable::new("a number is too large"))
}

const AT_LIMITS: [(AtLimit, &str); 3] =
    [(AtLimit::Pause, "pause"), (AtLimit::Ask, "ask"), (AtLimit::Stop, "stop")];

#[cfg(test)]
mod tests {
    use super::*;

    /// A version that did not count the time of models kept no beginning of it.
    #[test]
    fn what_was_kept_without_a_beginning_has_taken_no_time() {
        let document = json::parse(br#"{"reservation":3,"amount":[10,20,1,0]}"#).unwrap();
        let spending = Spending::restore(document.root()).unwrap();
        assert_eq!(spending.until(), None);
        let spent = spending.by_clock(Instant(1 << 40));
        assert_eq!(spent, Amount { tokens: 10, money: Money(20), calls: 1, time_ms: 0 });
        let again = json::object(|out| spending.keep(out));
        let document = json::parse(again.as_bytes()).unwrap();
        assert_eq!(Spending::restore(document.root()).unwrap().since, spending.since);
    }
}
