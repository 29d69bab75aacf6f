//! How a thread gets its name, in so many words.
//!
//! musl can name any thread, by a file in `/proc` whose path it prints with a number in it, and so
//! brings all of `printf`, ten kilobytes with its long floating-point numbers. The standard library
//! only ever has a thread name itself, for which there is a system call. Of two definitions the
//! linker takes the program's.
#![allow(unsafe_code, reason = "the name is one that others call")]

use std::ffi::{c_char, c_int};

/// Names the calling thread; any other is refused.
// SAFETY: the name, the parameters and the result are those of musl's function, which this stands
// for: a thread, and a text that ends with a zero.
#[unsafe(no_mangle)]
extern "C" fn pthread_setname_np(thread: libc::pthread_t, name: *const c_char) -> c_int {
    // SAFETY: it takes nothing and reads what is this thread's own.
    if thread != unsafe { libc::pthread_self() } {
        return libc::ENOSYS;
    }
    // SAFETY: the caller hands a text with a zero at its end, of which the kernel copies sixteen
    // bytes at most.
    match unsafe { libc::prctl(libc::PR_SET_NAME, name) } {
        0 => 0,
        _ => std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL),
    }
}
