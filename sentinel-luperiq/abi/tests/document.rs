//! The tables of `docs/LUPERIQ-ABI.md` are those of the code. `SENTINEL_WRITE=1` writes them.

use std::fmt::Write as _;

use luperiq_abi::call::{Argument, Audit, Row, TABLE};
use luperiq_abi::settings::Limit;
use luperiq_abi::wire::STRUCTURES;
use luperiq_abi::{Error, Kind, Rights};

#[test]
fn the_document_s_tables_are_those_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/LUPERIQ-ABI.md");
    let document = std::fs::read_to_string(path).expect("the document is there");
    let mut written = document.clone();
    let tables = [
        ("calls", calls()),
        ("errors", errors()),
        ("kinds", kinds()),
        ("structures", structures()),
    ];
    for (name, table) in tables {
        let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
        let (before, rest) = written.split_once(&start).expect("the table begins");
        let (_, after) = rest.split_once(&end).expect("the table ends");
        written = format!("{before}{start}\n{table}\n{end}{after}");
    }
    if std::env::var_os("SENTINEL_WRITE").is_some() {
        std::fs::write(path, &written).expect("the document can be written");
    }
    let is_same = document == written || std::env::var_os("SENTINEL_WRITE").is_some();
    assert!(is_same, "SENTINEL_WRITE=1 cargo test -p luperiq-abi writes docs/LUPERIQ-ABI.md");
    for limit in Limit::ALL {
        assert!(document.contains(&format!("`{}`", limit.name())), "{}", limit.name());
    }
}

fn calls() -> String {
    let mut table = String::from(
        "| number | call | arguments | gives | recorded | what it does |\n\
         |---|---|---|---|---|---|\n",
    );
    for row in TABLE {
        let Row { number, name, gives, text, audit, .. } = row;
        let arguments: Vec<String> = row.arguments.iter().map(argument).collect();
        let recorded = match audit {
            Audit::Every => "every use",
            Audit::Refused => "refusals",
        };
        let (arguments, gives) = (arguments.join("<br>"), gives.join(", "));
        let line = writeln!(
            table,
            "| {number} | `{name}` | {arguments} | {gives} | {recorded} | {text} |"
        );
        line.expect("a string takes what is written");
    }
    table
}

fn argument(argument: &Argument) -> String {
    let name = argument.name();
    match argument {
        Argument::Handle(_, kinds, rights) if rights.is_empty() => format!("{name}: {kinds}"),
        Argument::Handle(_, kinds, rights) => format!("{name}: {kinds} with {rights}"),
        Argument::Input(_, max) => format!("{name}: address and length, ≤ {max}"),
        Argument::Output(_, max) => format!("room for {name}: address and length, ≤ {max}"),
        Argument::Address(_) => format!("{name}: address"),
        Argument::Rights(_) => format!("{name}: set of rights"),
        Argument::Signals(_) => format!("{name}: set of signals"),
        Argument::Deadline(_) | Argument::Number(_) => name.into(),
    }
}

fn errors() -> String {
    let mut table = String::from("| number | error | it says | misuse |\n|---|---|---|---|\n");
    for error in Error::ALL {
        let misuse = if error.is_misuse() { "yes" } else { "" };
        let line =
            writeln!(table, "| {} | `{}` | {error} | {misuse} |", error.number(), error.name());
        line.expect("a string takes what is written");
    }
    table
}

fn kinds() -> String {
    let mut table = String::from("| number | kind | rights that mean something |\n|---|---|---|\n");
    for kind in Kind::ALL {
        let line = writeln!(table, "| {} | {kind} | {} |", kind.number(), kind.rights());
        line.expect("a string takes what is written");
    }
    table.push_str("\n| bit | right |\n|---|---|\n");
    for (right, name) in Rights::ALL_NAMED {
        let line = writeln!(table, "| {} | {name} |", right.bits().trailing_zeros());
        line.expect("a string takes what is written");
    }
    table
}

fn structures() -> String {
    let mut table = String::from("| structure | fields and their bytes |\n|---|---|\n");
    for (name, fields) in STRUCTURES {
        let fields: Vec<String> =
            fields.iter().map(|(field, bytes)| format!("{field} {bytes}")).collect();
        let line = writeln!(table, "| `{name}` | {} |", fields.join(", "));
        line.expect("a string takes what is written");
    }
    table
}
