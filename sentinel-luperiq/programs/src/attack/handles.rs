//! Handles that were made up, given away, taken from others; rights that are not there.

use luperiq_runtime::abi::limits::CHANNEL_MESSAGES_MAX;
use luperiq_runtime::abi::{Call, Rights, Signals};
use luperiq_runtime::call::input;

use super::{Given, attacks, call, until_refused};

const ALL: u64 = Rights::ALL.bits() as u64;

attacks! {
    "handle-zero" HandleDuplicate BadHandle "Duplicates the handle 0."
        |_| call(Call::HandleDuplicate, [0, 0]);
    "handle-without-generation" HandleDuplicate BadHandle "Names a slot and no generation."
        |_| call(Call::HandleDuplicate, [1, 0]);
    "handle-all-ones" HandleDuplicate BadHandle "Names the highest number."
        |_| call(Call::HandleDuplicate, [u64::MAX, 0]);
    "handle-high-bits" HandleDuplicate BadHandle "Sets bits above a good handle."
        |held| call(Call::HandleDuplicate, [held.handle(Given::Console) | 1 << 32, 0]);
    "handle-next-slot" Write BadHandle "Guesses a slot that nothing is in."
        |_| call(Call::Write, [0x1000 | 200]);
    "handle-next-generation" Write BadHandle "Guesses the next filling of its console's slot."
        |held| call(Call::Write, [held.handle(Given::Console) + 0x1000]);
    "handle-earlier-generation" Write BadHandle "Names an earlier filling of a slot."
        |_| {
            let event = call(Call::EventCreate, [])?.0;
            call(Call::Close, [event])?;
            let again = call(Call::EventCreate, [])?.0;
            call(Call::Write, [again - 0x1000])
        };
    "handle-foreign" Write BadHandle "Names a handle of the process that started it."
        |held| call(Call::Write, [held.foreign]);
    "use-after-close" EventSignal BadHandle "Uses a handle that it closed."
        |_| {
            let event = call(Call::EventCreate, [])?.0;
            call(Call::Close, [event])?;
            call(Call::EventSignal, [event, 1])
        };
    "close-twice" Close BadHandle "Closes a handle twice."
        |_| {
            let event = call(Call::EventCreate, [])?.0;
            call(Call::Close, [event])?;
            call(Call::Close, [event])
        };
    "use-after-transfer" EventSignal BadHandle "Uses a handle that it gave away."
        |held| {
            let event = call(Call::EventCreate, [])?.0;
            send(held.parent.number(), &[event])?;
            call(Call::EventSignal, [event, 1])
        };
    "use-after-replace" EventSignal BadHandle "Uses a handle that it exchanged for a lesser one."
        |_| {
            let event = call(Call::EventCreate, [])?.0;
            call(Call::HandleReplace, [event, Rights::WAIT.bits().into()])?;
            call(Call::EventSignal, [event, 1])
        };
    "transfer-made-up" ChannelWrite BadHandle "Sends a handle that it does not have."
        |held| send(held.parent.number(), &[0x1000 | 300]);
    "transfer-foreign" ChannelWrite BadHandle "Sends a handle of another process."
        |held| send(held.parent.number(), &[held.foreign]);
    "widen-by-duplicate" HandleDuplicate Widens "Duplicates with every right."
        |held| call(Call::HandleDuplicate, [held.handle(Given::Console), ALL]);
    "widen-by-replace" HandleReplace Widens "Exchanges for every right."
        |held| call(Call::HandleReplace, [held.handle(Given::Clock), ALL]);
    "widen-by-one" HandleDuplicate Widens "Duplicates a console to write to, to read from."
        |held| {
            let rights = Rights::READ.with(Rights::WRITE).bits();
            call(Call::HandleDuplicate, [held.handle(Given::Console), rights.into()])
        };
    "unknown-right" HandleDuplicate BadArgument "Asks for a right that is none."
        |held| call(Call::HandleDuplicate, [held.handle(Given::Console), 1 << 20]);
    "duplicate-without-right" HandleDuplicate NotAllowed "Duplicates what may not be duplicated."
        |held| call(Call::HandleDuplicate, [held.handle(Given::Clock), 0]);
    "revoke-without-right" HandleRevoke NotAllowed "Takes back from what may not be duplicated."
        |held| call(Call::HandleRevoke, [held.handle(Given::Clock)]);
    "transfer-without-right" ChannelWrite NotAllowed "Sends what may not be sent."
        |held| send(held.parent.number(), &[held.handle(Given::Console)]);
    "transfer-twice" ChannelWrite BadArgument "Sends one handle twice in one message."
        |held| {
            let event = held.handle(Given::Event);
            send(held.parent.number(), &[event, event])
        };
    "transfer-through-itself" ChannelWrite BadArgument "Sends a channel's end through itself."
        |_| {
            let (one, other) = call(Call::ChannelCreate, [])?;
            send(one, &[other])
        };
    "read-without-right" Read NotAllowed "Reads a console that is to be written to."
        |held| call(Call::Read, [held.handle(Given::Console)]);
    "signal-without-right" EventSignal NotAllowed "Signals an event that is to be waited for."
        |_| {
            let event = call(Call::EventCreate, [])?.0;
            let event = call(Call::HandleReplace, [event, Rights::WAIT.bits().into()])?.0;
            call(Call::EventSignal, [event, 1])
        };
    "wait-without-right" WaitOne NotAllowed "Waits for a clock that is to be read."
        |held| call(Call::WaitOne, [held.handle(Given::Clock), Signals::ALL.bits().into(), 0]);
    "send-without-right" ChannelWrite NotAllowed "Sends through an end that is to be read."
        |_| {
            let one = call(Call::ChannelCreate, [])?.0;
            let one = call(Call::HandleReplace, [one, Rights::RECEIVE.bits().into()])?.0;
            send(one, &[])
        };
    "receive-without-right" ChannelRead NotAllowed "Reads an end that is to be sent through."
        |_| {
            let one = call(Call::ChannelCreate, [])?.0;
            let one = call(Call::HandleReplace, [one, Rights::SEND.bits().into()])?.0;
            call(Call::ChannelRead, [one])
        };
    "wrong-kind" ClockRead WrongKind "Reads the time from a console."
        |held| call(Call::ClockRead, [held.handle(Given::Console)]);
    "wrong-kind-of-channel" ChannelWrite WrongKind "Sends a message into an event."
        |held| call(Call::ChannelWrite, [held.handle(Given::Event)]);
    "wrong-kind-of-process" ProcessKill WrongKind "Ends a directory."
        |held| call(Call::ProcessKill, [held.handle(Given::Bin)]);
    "exhaust-handles" HandleDuplicate Limit "Duplicates a handle without end."
        |held| until_refused(5000, || {
            let rights = Rights::WRITE.bits();
            call(Call::HandleDuplicate, [held.handle(Given::Console), rights.into()])
        });
    "exhaust-channels" ChannelCreate Limit "Makes channels without end."
        |_| until_refused(5000, || call(Call::ChannelCreate, []));
    "exhaust-events" EventCreate Limit "Makes events without end."
        |_| until_refused(5000, || call(Call::EventCreate, []));
    "exhaust-timers" TimerCreate Limit "Makes timers without end."
        |_| until_refused(5000, || call(Call::TimerCreate, []));
    "exhaust-messages" ChannelWrite NotReady "Fills a channel that nobody reads."
        |_| {
            let one = call(Call::ChannelCreate, [])?.0;
            until_refused(CHANNEL_MESSAGES_MAX + 1, || send(one, &[]))
        };
}

/// Sends a message with these handles.
fn send(channel: u64, handles: &[u64]) -> luperiq_runtime::abi::reply::Answer {
    let mut numbers = [0; 4 * 4];
    for (place, handle) in numbers.chunks_exact_mut(4).zip(handles) {
        place.copy_from_slice(&(*handle as u32).to_le_bytes());
    }
    let [at, _] = input(&numbers);
    call(Call::ChannelWrite, [channel, 0, 0, at, 4 * handles.len() as u64])
}
