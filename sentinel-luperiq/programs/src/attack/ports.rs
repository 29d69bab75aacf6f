//! Ports that are to watch what they may not, or more than they may.

use luperiq_runtime::abi::limits::PORT_BINDINGS_MAX;
use luperiq_runtime::abi::reply::Answer;
use luperiq_runtime::abi::{Call, Rights, Signals};

use super::{Given, attacks, call, until_refused};

attacks! {
    "port-watches-made-up" PortBind BadHandle "Lets a port watch a handle that it does not have."
        |_| bind(port()?, 0x1000 | 300, 1);
    "port-watches-foreign" PortBind BadHandle "Lets a port watch a handle of another process."
        |held| bind(port()?, held.foreign, 1);
    "port-watches-closed" PortBind BadHandle "Lets a port watch what it closed."
        |_| {
            let event = call(Call::EventCreate, [])?.0;
            call(Call::Close, [event])?;
            bind(port()?, event, 1)
        };
    "port-watches-without-right" PortBind NotAllowed "Lets a port watch a clock that is to be read."
        |held| bind(port()?, held.handle(Given::Clock), 1);
    "port-is-an-event" PortBind WrongKind "Lets an event watch an event."
        |held| bind(held.handle(Given::Event), held.handle(Given::Event), 1);
    "port-watches-itself" PortBind BadArgument "Lets a port watch itself."
        |_| {
            let port = port()?;
            bind(port, port, 1)
        };
    "ports-watch-each-other" PortBind BadArgument "Lets a port watch another one."
        |_| bind(port()?, port()?, 1);
    "port-watches-for-nothing" PortBind BadArgument "Lets a port watch for no signal."
        |held| call(Call::PortBind, [port()?, held.handle(Given::Event), 1, 0]);
    "port-key-twice" PortBind Exists "Lets a port watch two things under one key."
        |held| {
            let port = port()?;
            bind(port, held.handle(Given::Event), 1)?;
            bind(port, held.handle(Given::Event), 1)
        };
    "port-watches-too-much" PortBind Limit "Lets a port watch more than one may."
        |held| {
            let (port, mut key) = (port()?, 0);
            until_refused(PORT_BINDINGS_MAX + 1, || {
                key += 1;
                bind(port, held.handle(Given::Event), key)
            })
        };
    "port-bound-without-right" PortBind NotAllowed "Binds to a port that is to be waited for."
        |held| bind(with(Rights::RECEIVE)?, held.handle(Given::Event), 1);
    "port-waited-without-right" PortWait NotAllowed "Waits for a port that is to be bound to."
        |_| call(Call::PortWait, [with(Rights::MANAGE)?, 0]);
    "port-after-close" PortWait BadHandle "Waits for a port that it closed."
        |_| {
            let port = port()?;
            call(Call::Close, [port])?;
            call(Call::PortWait, [port, 0])
        };
    "port-cancels-unknown" PortCancel WrongKind "Cancels what an event watches."
        |held| call(Call::PortCancel, [held.handle(Given::Event), 1]);
    "exhaust-ports" PortCreate Limit "Makes ports without end."
        |_| until_refused(5000, || call(Call::PortCreate, []));
}

fn port() -> Result<u64, (luperiq_runtime::abi::Error, u64)> {
    call(Call::PortCreate, []).map(|(port, _)| port)
}

/// A port with this right alone.
fn with(right: Rights) -> Result<u64, (luperiq_runtime::abi::Error, u64)> {
    call(Call::HandleReplace, [port()?, right.bits().into()]).map(|(port, _)| port)
}

fn bind(port: u64, watched: u64, key: u64) -> Answer {
    call(Call::PortBind, [port, watched, key, Signals::SIGNALED.bits().into()])
}
