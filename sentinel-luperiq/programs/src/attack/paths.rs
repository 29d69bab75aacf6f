//! Paths that lead out, and files that are not to be opened.

use luperiq_runtime::abi::call::open;
use luperiq_runtime::abi::reply::Answer;
use luperiq_runtime::abi::{Call, Rights};
use luperiq_runtime::call::input;

use super::{Given, Held, attacks, call};

attacks! {
    "path-parent" Open BadPath "Opens the directory above."
        |held| opened(held, Given::Bin, b"..", open::DIRECTORY);
    "path-beside" Open BadPath "Opens a file beside its directory."
        |held| opened(held, Given::Bin, b"../probe/exit", open::READ);
    "path-climb" Open BadPath "Goes down one directory and up two."
        |held| opened(held, Given::Bin, b"a/../../probe/exit", open::READ);
    "path-absolute" Open BadPath "Opens from the root of the store."
        |held| opened(held, Given::Bin, b"/bin/attack", open::READ);
    "path-empty" Open BadPath "Opens nothing."
        |held| opened(held, Given::Bin, b"", open::READ);
    "path-empty-name" Open BadPath "Opens a path with an empty name."
        |held| opened(held, Given::Bin, b"a//attack", open::READ);
    "path-zero" Open BadPath "Hides the end of a path behind a zero."
        |held| opened(held, Given::Bin, b"attack\0.txt", open::READ);
    "path-not-text" Open BadPath "Opens a path that is no text."
        |held| opened(held, Given::Bin, b"\xff\xfe", open::READ);
    "path-deep" Open BadPath "Opens a path with too many names."
        |held| opened(held, Given::Bin, &[b'a', b'/'].repeat(40), open::READ);
    "path-long" Open BadArgument "Opens a path of ten thousand bytes."
        |held| opened(held, Given::Bin, &[b'a'; 10_000], open::READ);
    "open-to-write" Open NotAllowed "Opens to write beneath a directory that is to be read."
        |held| opened(held, Given::Bin, b"attack", open::WRITE);
    "open-to-create" Open NotAllowed "Makes a file in a directory that is to be read."
        |held| opened(held, Given::Bin, b"new", open::READ | open::CREATE);
    "open-unknown-flags" Open BadArgument "Opens with a flag that is none."
        |held| opened(held, Given::Bin, b"attack", 1 << 30);
    "open-outside-policy" Open Policy "Opens a file that its job may not, in a store it was given."
        |held| opened(held, Given::Store, b"probe/exit", open::READ);
    "open-root-outside-policy" Open Policy "Opens the root of a store it was given by mistake."
        |held| opened(held, Given::Store, b".", open::DIRECTORY);
    "list-without-right" Read NotAllowed "Lists a directory that is to be opened in."
        |held| {
            let rights = Rights::READ.bits().into();
            let bin = call(Call::HandleDuplicate, [held.handle(Given::Bin), rights])?.0;
            call(Call::Read, [bin])
        };
    "remove-without-right" Remove NotAllowed "Removes from a directory that is to be read."
        |held| {
            let [at, bytes] = input(b"attack");
            call(Call::Remove, [held.handle(Given::Bin), at, bytes])
        };
    "write-a-program" Write NotAllowed "Writes to the program that it runs from."
        |held| {
            let [at, bytes] = input(b"other");
            call(Call::Write, [held.handle(Given::Program), at, bytes, 0])
        };
    "read-to-run" Read NotAllowed "Reads a program that is to be run."
        |held| call(Call::Read, [held.handle(Given::Program)]);
}

fn opened(held: &Held, directory: Given, path: &[u8], flags: u64) -> Answer {
    let [at, bytes] = input(path);
    call(Call::Open, [held.handle(directory), at, bytes, flags])
}
