//! Grants and the table that decides by them.

use alloc::string::{String, ToString};

use sentinel_core::capability::{Grant, Holder, Table};
use sentinel_core::time::Timestamp;
use sentinel_core::tool::{Builtin, Call, Surroundings};

/// A grant that is read, and a call that needs one.
pub(crate) fn exercise(output: &mut String) {
    let mut table = Table::new();
    match output.parse::<Grant>() {
        Ok(grant) => {
            output.push_str(&grant.to_string());
            if let Err(error) = table.grant(grant, Timestamp(0)) {
                output.push_str(&error.to_string());
            }
        }
        Err(error) => output.push_str(&error.to_string()),
    }
    let Ok(call) = Builtin::RunCommand.parse(output).map(Call::Builtin) else { return };
    let judged = call.with_requests(&Surroundings::new("/"), |requests| {
        table.decide_all(Holder::AGENT, requests, Timestamp(1))
    });
    match judged {
        Ok((_, handles)) if table.spend_all(&handles, Timestamp(1)).is_ok() => {
            output.extend(handles.iter().map(|handle| table.revoke(*handle).to_string()));
        }
        Ok(_) => {}
        Err(error) => output.push_str(&error.to_string()),
    }
}
