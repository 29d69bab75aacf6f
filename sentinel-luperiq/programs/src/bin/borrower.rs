//! Borrows from init what it may and what it may not, gives it back, and tries to go on with it.
#![cfg_attr(target_os = "none", no_std, no_main)]

extern crate alloc;

use alloc::vec::Vec;
use core::fmt::Write as _;

use luperiq_programs::lending::LOANS_MAX;
use luperiq_runtime::Start;
use luperiq_runtime::abi::call::{FOREVER, open};
use luperiq_runtime::abi::{Error, Rights};
use luperiq_runtime::call::Result;
use luperiq_runtime::handle::{Channel, Console, Directory, File};
use luperiq_runtime::loan::{Borrowed, Loan};

#[cfg(target_os = "none")]
luperiq_runtime::program!(run);

/// Off the machine there is nobody to ask.
#[cfg(not(target_os = "none"))]
fn main() {
    let _ = run as fn(Start) -> i32;
}

fn run(mut start: Start) -> i32 {
    let Some(console) = start.take(0) else { return 1 };
    let mut console = Console(console);
    let mut is_well = true;
    for (what, outcome) in [
        ("what is given back is worth nothing", given_back()),
        ("what is dropped is taken back", dropped()),
        ("the nearest directory is lent", nearest()),
        ("what is not lent is refused", refused()),
        ("no more is lent than can be watched", bounded()),
    ] {
        is_well &= matches!(outcome, Ok(true));
        let _ = writeln!(console, "borrower: {what}: {outcome:?}");
    }
    i32::from(!is_well)
}

fn borrow(what: &str) -> Result<Borrowed> {
    Loan::ask(what, FOREVER)
}

/// Everything that was made from what was lent ends with it: what was opened for reading, for
/// writing, a directory beneath, a duplicate, and one in a message that nobody has read.
fn given_back() -> Result<bool> {
    let Borrowed { handle, loan, .. } = borrow(EVERYTHING)?;
    let directory = Directory(handle);
    let written = directory.open("deep/one.txt", open::WRITE | open::CREATE)?;
    written.write_at(0, b"one")?;
    let read = directory.open("deep/one.txt", open::READ)?;
    let beneath = directory.directory("deep")?;
    let inner = beneath.open("one.txt", open::READ)?;
    let rights = Rights::READ.with(Rights::LIST).with(Rights::TRANSFER);
    let twin = Directory(directory.duplicate(rights)?);
    let (one, other) = Channel::pair()?;
    one.send(b"", [twin.directory("deep")?.0].into()).map_err(|(error, _)| error)?;
    let count = loan.give_back(FOREVER)?;
    let mut room = [0; 8];
    let refused = [
        directory.names(1).map(drop),
        directory.open("deep/one.txt", open::READ).map(drop),
        written.write_at(0, b"two"),
        written.sync(),
        read.read_at(0, &mut room).map(drop),
        beneath.names(1).map(drop),
        inner.read_at(0, &mut room).map(drop),
        twin.names(1).map(drop),
    ];
    let on_its_way = other.read()?.handles;
    // It is as it was when it was given back.
    let again = borrow(EVERYTHING)?;
    let content = Directory(again.handle).open("deep/one.txt", open::READ)?.read_all(8)?;
    again.loan.give_back(FOREVER)?;
    Ok(count == MADE
        && refused == [Err(Error::Revoked); 8]
        && on_its_way == [None]
        && content == b"one")
}

/// A borrower that says nothing and lets the line go.
fn dropped() -> Result<bool> {
    let Borrowed { handle, loan, .. } = borrow(EVERYTHING)?;
    let directory = Directory(handle);
    let was_there = directory.names(1).is_ok();
    drop(loan);
    // init looks at its lines before it looks at requests.
    borrow(EVERYTHING)?.loan.give_back(FOREVER)?;
    Ok(was_there && directory.names(1).map(drop) == Err(Error::Revoked))
}

/// A file that is to be read is lent as that; one that is to be written, and what is not there, as
/// the directory above.
fn nearest() -> Result<bool> {
    let place = |what| borrow(what).map(|borrowed| borrowed.place);
    let Borrowed { handle, place: of_file, loan } =
        borrow("FILE_READ:disk=notes/deep/one.txt:read,list,duplicate")?;
    let directory = handle.duplicate(Rights::READ).map(Directory)?;
    let file = File(handle);
    // It is no way to another file, nor to write this one.
    let refused = [
        directory.open("one.txt", open::READ).map(drop),
        directory.open("../deep/one.txt", open::READ).map(drop),
        file.write_at(0, b"two"),
    ];
    let content = file.read_all(8)?;
    let is_taken = loan.give_back(FOREVER)? == 2 && file.read_all(8) == Err(Error::Revoked);
    Ok(of_file == "notes/deep/one.txt"
        && refused.iter().all(Result::is_err)
        && (content == b"one" && is_taken)
        && place("FILE_READ:disk=notes/deep:read")? == "notes/deep"
        && place("FILE_WRITE:disk=notes/deep/one.txt:read,write")? == "notes/deep"
        && place("FILE_READ:disk=notes/none/of/it:read")? == "notes")
}

fn refused() -> Result<bool> {
    let is_refused = |what: &&str| borrow(what).is_err_and(|error| error == Error::PeerClosed);
    let made = borrow("FILE_READ:disk=notes:read")?;
    let directory = Directory(made.handle);
    let wider = directory.open("new.txt", open::WRITE | open::CREATE).map(drop);
    Ok(NOT_LENT.iter().all(is_refused) && wider == Err(Error::NotAllowed))
}

fn bounded() -> Result<bool> {
    let lent: Result<Vec<Borrowed>> = (0..LOANS_MAX).map(|_| borrow(EVERYTHING)).collect();
    let mut lent = lent?;
    let is_full = borrow(EVERYTHING).is_err_and(|error| error == Error::Limit);
    drop(lent.pop());
    Ok(is_full && borrow(EVERYTHING).is_ok())
}

const EVERYTHING: &str = "FILE_WRITE:disk=notes:read,write,create,list,duplicate";

/// The handle that was lent, four that were opened through it, its duplicate and what was opened
/// through that.
const MADE: u64 = 7;

/// Other places, ways there, and more than is lent.
const NOT_LENT: &[&str] = &[
    "FILE_READ:disk=state:read",
    "FILE_READ:disk=notes2:read",
    "FILE_READ:disk=notes/../state:read",
    "FILE_READ:disk=:read",
    "FILE_READ:disk=/notes:read",
    "FILE_WRITE:disk=notes:write,delete",
    "FILE_WRITE:disk=notes:manage",
    "FILE_READ:disk=notes:write",
    "FILE_READ:disk=notes",
    "FILE_READ:tree=bin:read",
    "FILE_WRITE:notes/deep/one.txt",
];
