//! The stack of calls, which nobody walks in a release.
//!
//! A release is linked without the tables that say how (`build/link.rs`), so that the standard
//! library, asked for the calls that led to a panic, would find none of them. It brings a reader of
//! debug information to name them all the same, some 160 KB of it. Here the walk ends before its
//! first step; whoever links the program then sees that nothing of this can be reached, and leaves
//! it out. What a panic says, and where, is said as before.
//!
//! The standard library is compiled to unwind for those who want that, and goes on with it behind
//! what it clears up on the way. Nobody begins here, so nobody goes on; but what is named is
//! linked, and with it an unwinder of 60 KB where that is static.
//!
//! # Not here
//! Anything in a build for development: there the unwinder of the system is at work.
#![allow(unsafe_code, reason = "the name is one that others call")]

use std::ffi::{c_int, c_void};

/// Calls `step` for each call on the stack, says the ABI. That is none: this is the stack's end.
// SAFETY: the name, the parameters and the result are those of the Itanium C++ ABI's unwinder as
// GCC and LLVM extend it, and nothing is done that it does not allow: a walk may end at once. Only
// the standard library calls it, to describe a panic.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Backtrace(_step: *const c_void, _argument: *mut c_void) -> c_int {
    END_OF_STACK
}

/// What an unwinder offers to those who clear up on the way. Each would be asked during a walk that
/// has begun, and none begins here, so each is the same: an end.
macro_rules! never_asked {
    ($($name:ident)*) => {
        $(
            // SAFETY: the name is one of the Itanium C++ ABI's unwinder, and what stands behind it
            // takes nothing, gives nothing back and never returns, which is a right answer to
            // whatever it is given. It is called while a stack is unwound, which nothing in this
            // program begins.
            #[unsafe(no_mangle)]
            extern "C" fn $name() -> ! {
                std::process::abort()
            }
        )*
    };
}

never_asked! {
    _Unwind_GetDataRelBase _Unwind_GetIP _Unwind_GetIPInfo _Unwind_GetLanguageSpecificData
    _Unwind_GetRegionStart _Unwind_GetTextRelBase _Unwind_Resume _Unwind_SetGR _Unwind_SetIP
}

/// `_URC_END_OF_STACK`.
const END_OF_STACK: c_int = 5;
