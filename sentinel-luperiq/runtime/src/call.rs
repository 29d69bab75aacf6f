//! The calls themselves: numbers in, numbers out.
//!
//! # Invariants
//! - An address that goes into a call comes from a slice that lives as long as the call, and the
//!   kernel writes no further than its length.

use luperiq_abi::reply::Answer;
use luperiq_abi::{Call, Error};

/// What a call gave, without what an error says besides.
pub type Result<T> = core::result::Result<T, Error>;

/// Makes a call whose registers name no memory, or none that it writes to.
///
/// # Errors
/// It was refused.
pub fn raw(call: Call, registers: [u64; 6]) -> Answer {
    system::call(call.number().into(), registers)
}

/// Makes a call by a number that may be none.
///
/// # Errors
/// It was refused.
pub fn number(number: u64, registers: [u64; 6]) -> Answer {
    system::call(number, registers)
}

/// Makes a call, without what an error says besides.
///
/// # Errors
/// It was refused.
pub fn plain(call: Call, registers: [u64; 6]) -> Result<(u64, u64)> {
    raw(call, registers).map_err(|(error, _)| error)
}

/// The two registers that name bytes to read.
#[must_use]
pub fn input(bytes: &[u8]) -> [u64; 2] {
    [bytes.as_ptr() as u64, bytes.len() as u64]
}

/// The two registers that name room to write to.
#[must_use]
pub fn output(room: &mut [u8]) -> [u64; 2] {
    [room.as_mut_ptr() as u64, room.len() as u64]
}

/// Ends the program.
pub fn exit(code: i32) -> ! {
    loop {
        // The kernel does not come back; should it, it is asked again.
        let _ = raw(Call::Exit, [code as u64, 0, 0, 0, 0, 0]);
    }
}

/// Lets others run.
pub fn yield_now() {
    let _ = raw(Call::Yield, [0; 6]);
}

/// Adds a sentence to the record.
///
/// # Errors
/// It is too long, or there is no room.
pub fn note(text: &str) -> Result<()> {
    let [at, bytes] = input(text.as_bytes());
    plain(Call::AuditWrite, [at, bytes, 0, 0, 0, 0]).map(drop)
}

#[cfg(target_os = "none")]
mod system {
    use luperiq_abi::Reply;
    use luperiq_abi::reply::Answer;

    pub(super) fn call(number: u64, registers: [u64; 6]) -> Answer {
        let [mut first, mut second, third, fourth, fifth, sixth] = registers;
        // SAFETY: the kernel changes x0 and x1, and memory that two registers name as room for an
        // answer. Registers that name such room come from `output`, whose slice the caller of
        // this crate's functions has exclusively; `raw` is otherwise only given numbers. The
        // assembler block is taken to read and write any memory.
        unsafe {
            core::arch::asm!(
                "svc #0",
                in("x8") number,
                inout("x0") first,
                inout("x1") second,
                in("x2") third,
                in("x3") fourth,
                in("x4") fifth,
                in("x5") sixth,
                options(nostack),
            );
        }
        Reply { first, second }.answer()
    }
}

#[cfg(not(target_os = "none"))]
mod system {
    use luperiq_abi::Error;
    use luperiq_abi::reply::Answer;

    /// There is no kernel here; tests say what it would answer.
    #[cfg(not(test))]
    pub(super) fn call(_: u64, _: [u64; 6]) -> Answer {
        Err((Error::Unsupported, 0))
    }

    #[cfg(test)]
    pub(super) fn call(number: u64, registers: [u64; 6]) -> Answer {
        super::fake::CALLS.with_borrow_mut(|calls| calls.push((number, registers)));
        super::fake::ANSWERS
            .with_borrow_mut(|answers| answers.pop_front())
            .unwrap_or(Err((Error::Unsupported, 0)))
    }
}

/// A kernel that says what a test told it to say.
#[cfg(test)]
pub(crate) mod fake {
    use std::cell::RefCell;
    use std::collections::VecDeque;
    use std::vec::Vec;

    use luperiq_abi::reply::Answer;

    std::thread_local! {
        pub(crate) static CALLS: RefCell<Vec<(u64, [u64; 6])>> = const { RefCell::new(Vec::new()) };
        pub(crate) static ANSWERS: RefCell<VecDeque<Answer>> =
            const { RefCell::new(VecDeque::new()) };
    }

    /// What the next calls are answered with.
    pub(crate) fn will_answer(answers: impl IntoIterator<Item = Answer>) {
        ANSWERS.with_borrow_mut(|waiting| waiting.extend(answers));
    }

    /// What was called since this was asked last.
    pub(crate) fn called() -> Vec<(u64, [u64; 6])> {
        CALLS.with_borrow_mut(core::mem::take)
    }
}
