//! Writing JSON: whatever is written reads back, here and elsewhere.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sentinel_core::text::json::{self, ArrayWriter, DuplicateKeys, ObjectWriter, Options, Value};

#[derive(Arbitrary, Debug)]
enum Tree<'t> {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Double(f64),
    Text(&'t str),
    Array(Vec<Tree<'t>>),
    Object(Vec<(&'t str, Tree<'t>)>),
}

fuzz_target!(|tree: Tree<'_>| {
    let text = json::array(|out| element(out, &tree));
    let options = Options::new().duplicate_keys(DuplicateKeys::KeepFirst).depth(text.len());
    let document = options.parse(text.as_bytes()).expect("what was written is JSON");
    reads_back(document.root().index(0).expect("one element"), &tree);
});

fn element(out: &mut ArrayWriter<'_, String>, tree: &Tree<'_>) {
    match tree {
        Tree::Null => out.value(None::<bool>),
        Tree::Bool(value) => out.value(*value),
        Tree::Signed(value) => out.value(*value),
        Tree::Unsigned(value) => out.value(*value),
        Tree::Double(value) => out.value(*value),
        Tree::Text(value) => out.value(*value),
        Tree::Array(elements) => out.array(|out| elements.iter().for_each(|e| element(out, e))),
        Tree::Object(members) => out.object(|out| members.iter().for_each(|m| member(out, m))),
    };
}

fn member(out: &mut ObjectWriter<'_, String>, (key, tree): &(&str, Tree<'_>)) {
    match tree {
        Tree::Null => out.field(key, None::<bool>),
        Tree::Bool(value) => out.field(key, *value),
        Tree::Signed(value) => out.field(key, *value),
        Tree::Unsigned(value) => out.field(key, *value),
        Tree::Double(value) => out.field(key, *value),
        Tree::Text(value) => out.field(key, *value),
        Tree::Array(elements) => {
            out.array(key, |out| elements.iter().for_each(|e| element(out, e)))
        }
        Tree::Object(members) => out.object(key, |out| members.iter().for_each(|m| member(out, m))),
    };
}

fn reads_back(value: Value<'_>, tree: &Tree<'_>) {
    match tree {
        Tree::Null => assert!(value.is_null()),
        Tree::Bool(expected) => assert_eq!(value.as_bool().as_ref(), Ok(expected)),
        Tree::Signed(expected) => assert_eq!(value.as_i64().as_ref(), Ok(expected)),
        Tree::Unsigned(expected) => assert_eq!(value.as_u64().as_ref(), Ok(expected)),
        Tree::Double(expected) if expected.is_finite() => {
            assert_eq!(value.as_f64().as_ref(), Ok(expected));
        }
        Tree::Double(_) => assert!(value.is_null()),
        Tree::Text(expected) => assert_eq!(value.as_str().as_ref(), Ok(expected)),
        Tree::Array(expected) => {
            let elements: Vec<_> = value.elements().expect("an array").collect();
            assert_eq!(elements.len(), expected.len());
            elements.into_iter().zip(expected).for_each(|(value, tree)| reads_back(value, tree));
        }
        Tree::Object(expected) => {
            let members: Vec<_> = value.members().expect("an object").collect();
            assert_eq!(members.len(), expected.len());
            for ((key, value), (name, tree)) in members.into_iter().zip(expected) {
                assert_eq!(key, *name);
                reads_back(value, tree);
            }
        }
    }
}
