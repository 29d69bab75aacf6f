use super::Segment::{Index, Key};
use super::*;
use alloc::borrow::ToOwned;

/// Runs one edit and returns the text after it.
fn edit(text: &str, run: impl FnOnce(&mut Editor) -> Result<(), EditError>) -> String {
    let mut editor = Editor::new(text).unwrap();
    run(&mut editor).unwrap_or_else(|error| panic!("{error}\n{text}"));
    editor.into_text()
}

fn refuse(text: &str, run: impl FnOnce(&mut Editor) -> Result<(), EditError>) -> String {
    let mut editor = Editor::new(text).unwrap();
    let error = run(&mut editor).unwrap_err();
    assert_eq!(editor.text(), text, "a failed edit leaves the text alone");
    error.to_string()
}

fn set(text: &str, path: &[Segment<'_>], value: impl Into<OwnedValue>) -> String {
    edit(text, |editor| editor.set(path, value))
}

fn add(text: &str, path: &[Segment<'_>], value: impl Into<OwnedValue>) -> String {
    edit(text, |editor| editor.add(path, value))
}

fn remove(text: &str, path: &[Segment<'_>]) -> String {
    edit(text, |editor| editor.remove(path))
}

fn table(text: &str) -> OwnedValue {
    Document::parse_str(text).unwrap().to_owned_value()
}

#[test]
fn set_replaces_the_bytes_of_a_value_and_no_others() {
    assert_eq!(set("a  =  1 # one\nb=2", &[Key("a")], 5), "a  =  5 # one\nb=2");
    assert_eq!(
        set("\"a b\".'c' = [1,\n 2] # x", &[Key("a b"), Key("c")], true),
        "\"a b\".'c' = true # x"
    );
    assert_eq!(set("a = [1, [2, 3]]", &[Key("a"), Index(1), Index(0)], "x"), "a = [1, [\"x\", 3]]");
    assert_eq!(set("a = {b = {c = 1}}", &[Key("a"), Key("b"), Key("c")], 2), "a = {b = {c = 2}}");
    assert_eq!(
        set("[[a]]\nx=1\n[[a]]\nx=2\n", &[Key("a"), Index(0), Key("x")], 9),
        "[[a]]\nx=9\n[[a]]\nx=2\n"
    );
    assert_eq!(set("a = {b = 1}", &[Key("a")], 2), "a = 2");
}

#[test]
fn set_writes_a_missing_key_at_the_end_of_its_body() {
    let text = "[a]\n  x = 1 # one\n\n  # about b\n[b]\n";
    assert_eq!(
        set(text, &[Key("a"), Key("y")], 2),
        "[a]\n  x = 1 # one\n  y = 2\n\n  # about b\n[b]\n"
    );
    assert_eq!(set("[a] # here\n[b]", &[Key("a"), Key("y")], 2), "[a] # here\ny = 2\n[b]");
    assert_eq!(set("[a]\n[b]", &[Key("b"), Key("y")], 2), "[a]\n[b]\ny = 2");
    assert_eq!(set("x = 1\n\n[a]\n", &[Key("y z")], 2), "x = 1\n\"y z\" = 2\n\n[a]\n");
    let two = "[[a]]\nx=1\n\n[[a]]\nx=2\n";
    assert_eq!(set(two, &[Key("a"), Index(0), Key("y")], 1), "[[a]]\nx=1\ny = 1\n\n[[a]]\nx=2\n");
    assert_eq!(
        set("a = '''\nx\n''' # c\n[b]\n", &[Key("y")], 1),
        "a = '''\nx\n''' # c\ny = 1\n[b]\n"
    );
}

#[test]
fn set_writes_the_first_root_key_above_the_first_header_and_its_comments() {
    assert_eq!(set("", &[Key("a")], 1), "a = 1\n");
    assert_eq!(set("# only this", &[Key("a")], 1), "# only this\na = 1\n");
    assert_eq!(
        set("# licence\n\n# about t\n[t]\n", &[Key("a")], 1),
        "# licence\n\na = 1\n\n# about t\n[t]\n"
    );
    assert_eq!(set("\u{feff}[t]\r\n", &[Key("a")], 1), "\u{feff}a = 1\r\n\r\n[t]\r\n");
}

#[test]
fn set_makes_a_missing_table_at_the_end() {
    assert_eq!(set("", &[Key("a"), Key("b"), Key("c")], 1), "[a.b]\nc = 1\n");
    assert_eq!(set("x = 1", &[Key("a"), Key("b")], 1), "x = 1\n\n[a]\nb = 1\n");
    assert_eq!(set("x = 1\n\n", &[Key("a"), Key("b")], 1), "x = 1\n\n[a]\nb = 1\n");
    assert_eq!(set("x = 1\r\n", &[Key("a"), Key("b")], 1), "x = 1\r\n\r\n[a]\r\nb = 1\r\n");
    assert_eq!(set("[a.b]\nx=1\n", &[Key("a"), Key("y")], 1), "[a.b]\nx=1\n\n[a]\ny = 1\n");
    assert_eq!(set("[a]\n[b]\n", &[Key("a"), Key("c"), Key("d")], 1), "[a]\n[b]\n\n[a.c]\nd = 1\n");
    assert_eq!(
        set("[[a]]\n[[a]]\n", &[Key("a"), Index(1), Key("b"), Key("c")], 1),
        "[[a]]\n[[a]]\n\n[a.b]\nc = 1\n"
    );
}

#[test]
fn set_uses_dotted_keys_where_no_header_can_reach() {
    assert_eq!(
        set("[[a]]\n[[a]]\n", &[Key("a"), Index(0), Key("b"), Key("c")], 1),
        "[[a]]\nb.c = 1\n[[a]]\n"
    );
    assert_eq!(
        set("[[a]]\n[a.b.c]\n[[a]]\n", &[Key("a"), Index(0), Key("b"), Key("x")], 1),
        "[[a]]\nb.x = 1\n[a.b.c]\n[[a]]\n"
    );
}

#[test]
fn set_keeps_dotted_siblings_together() {
    let text = "  a.b.x = 1 # x\n  c = 2\n[t]\n";
    assert_eq!(
        set(text, &[Key("a"), Key("b"), Key("y")], 3),
        "  a.b.x = 1 # x\n  a.b.y = 3\n  c = 2\n[t]\n"
    );
    assert_eq!(
        set(text, &[Key("a"), Key("z"), Key("y")], 3),
        "  a.b.x = 1 # x\n  a.z.y = 3\n  c = 2\n[t]\n"
    );
    assert_eq!(
        set("[t]\na.x = 1\n[t.a.q]\n", &[Key("t"), Key("a"), Key("y")], 3),
        "[t]\na.x = 1\na.y = 3\n[t.a.q]\n"
    );
}

#[test]
fn set_writes_between_the_braces_of_an_inline_table() {
    let a = Key("a");
    assert_eq!(set("a = {}", &[a, Key("b")], 1), "a = { b = 1 }");
    assert_eq!(set("a = { x = 1 } # c", &[a, Key("b")], 2), "a = { x = 1, b = 2 } # c");
    assert_eq!(set("a = { x = 1, }", &[a, Key("b")], 2), "a = { x = 1, b = 2, }");
    assert_eq!(set("a = { b.x = 1 }", &[a, Key("b"), Key("y")], 2), "a = { b.x = 1, b.y = 2 }");
    assert_eq!(set("a = { x = 1 }", &[a, Key("b"), Key("c")], 2), "a = { x = 1, b.c = 2 }");
    assert_eq!(set("a = { # c\n}", &[a, Key("b")], 2), "a = { # c\n  b = 2\n}");
    assert_eq!(
        set("a = {\n  x = 1, # one\n  y = 2 # two\n}", &[a, Key("z")], 3),
        "a = {\n  x = 1, # one\n  y = 2, # two\n  z = 3\n}"
    );
    assert_eq!(
        set("a = {\r\n\tx = 1, # one\r\n}", &[a, Key("z")], 3),
        "a = {\r\n\tx = 1, # one\r\n\tz = 3,\r\n}"
    );
    assert_eq!(set("a = [{x = 1}, {}]", &[a, Index(0), Key("y")], 3), "a = [{x = 1, y = 3}, {}]");
}

#[test]
fn set_refuses_what_it_cannot_do() {
    let set = |text: &str, path: &[Segment<'_>]| refuse(text, |editor| editor.set(path, 1));
    assert_eq!(set("", &[]), "the path is empty; name a key");
    let spread =
        "the table is written with headers or dotted keys; remove it first, or set its keys";
    for text in ["[a]", "[a.b]", "a.b = 1", "[[a]]"] {
        assert_eq!(set(text, &[Key("a")]), alloc::format!("path segment 1: {spread}"));
    }
    assert_eq!(
        set("a = 'x'", &[Key("a"), Key("b")]),
        "path segment 2: expected a table to hold this key, found type string"
    );
    assert_eq!(
        set("[a]", &[Key("a"), Index(0)]),
        "path segment 2: expected an array to hold this index, found type table"
    );
    assert_eq!(
        set("a = [1]", &[Key("a"), Index(1)]),
        "path segment 2: there is no such element, the length is 1; use add to append"
    );
    assert_eq!(
        set("", &[Key("a"), Index(0)]),
        "path segment 2: there is no such element, the length is 0; use add to append"
    );
    assert_eq!(
        set("", &[Index(0)]),
        "path segment 1: expected an array to hold this index, found type table"
    );
    let twice = OwnedValue::Table(alloc::vec![("x".into(), 1.into()), ("x".into(), 1.into())]);
    assert_eq!(
        refuse("", |editor| editor.set(&["a"], twice)),
        "the result would not be valid: the key is already defined"
    );
}

#[test]
fn an_edit_stays_within_the_limits() {
    let limits = Limits { bytes_max: 8, depth_max: 2 };
    let mut editor = Editor::with_limits("a = 1", limits).unwrap();
    let error = editor.set(&["a"], "longer").unwrap_err();
    assert_eq!(error.kind(), EditErrorKind::Unreadable(ParseErrorKind::TooLong { bytes_max: 8 }));
    let deep = OwnedValue::Array(alloc::vec![OwnedValue::Array(alloc::vec![OwnedValue::Array(
        alloc::vec![]
    )])]);
    let error = editor.set(&["a"], deep).unwrap_err();
    assert_eq!(error.kind(), EditErrorKind::Unreadable(ParseErrorKind::TooDeep { depth_max: 2 }));
    assert_eq!(editor.text(), "a = 1");
}

#[test]
fn add_appends_to_arrays() {
    let a = [Key("a")];
    assert_eq!(add("a = []", &a, 1), "a = [1]");
    assert_eq!(add("a = [ ]", &a, 1), "a = [1]");
    assert_eq!(add(" a = [\r\n\r\n ]", &a, 1), " a = [\r\n   1\r\n\r\n ]");
    assert_eq!(add("a = [ # c\n  # d\n]", &a, 1), "a = [ # c\n  1\n  # d\n]");
    assert_eq!(add("a = [1] # c", &a, 2), "a = [1, 2] # c");
    assert_eq!(add("a = [1 ,]", &a, 2), "a = [1 , 2,]");
    assert_eq!(add("a = [\n  1,\n]", &a, 2), "a = [\n  1,\n  2,\n]");
    assert_eq!(
        add("a = [\n  1 # one, two\n  , # three\n]", &a, 2),
        "a = [\n  1 # one, two\n  , # three\n  2,\n]"
    );
    assert_eq!(add("a = [\n  1 # ]\n]", &a, 2), "a = [\n  1, # ]\n  2\n]");
    assert_eq!(add("a = [[1], [2]]", &[Key("a"), Index(0)], 2), "a = [[1, 2], [2]]");
    assert_eq!(add("a = ['#', '''\n]''']", &a, 2), "a = ['#', '''\n]''', 2]");
}

#[test]
fn add_appends_to_arrays_of_tables() {
    let item = || table("x = 2\ny = [1]");
    assert_eq!(
        add("[[a]]\nx = 1 # c\n\n[b]\n", &[Key("a")], item()),
        "[[a]]\nx = 1 # c\n\n[[a]]\nx = 2\ny = [1]\n\n[b]\n"
    );
    assert_eq!(
        add("[[a]]\n[b]\n[a.c]\nz=1\n\n# end\n[d]\n", &[Key("a")], item()),
        "[[a]]\n[b]\n[a.c]\nz=1\n\n[[a]]\nx = 2\ny = [1]\n\n# end\n[d]\n"
    );
    assert_eq!(
        add("[[a]]\n  [[a.b]]\n[[a]]\n", &[Key("a"), Index(0), Key("b")], item()),
        "[[a]]\n  [[a.b]]\n\n  [[a.b]]\n  x = 2\n  y = [1]\n[[a]]\n"
    );
    assert_eq!(add("[[a]]", &[Key("a")], table("")), "[[a]]\n\n[[a]]");
    assert_eq!(
        refuse("[[a]]", |editor| editor.add(&["a"], 1)),
        "path segment 1: only a table can be added to an array of tables"
    );
}

#[test]
fn add_gives_a_key_its_first_value_but_never_a_second() {
    assert_eq!(add("a = 1\n", &[Key("b")], 2), "a = 1\nb = 2\n");
    assert_eq!(
        refuse("a = 1\n", |editor| editor.add(&["a"], 2)),
        "path segment 1: already defined, with type integer; use set to replace it"
    );
    assert_eq!(
        refuse("a = 1\n", |editor| editor.add(&["a", "b"], 2)),
        "path segment 2: expected a table to hold this key, found type integer"
    );
}

#[test]
fn remove_takes_the_line_and_the_comment_behind_it() {
    assert_eq!(
        remove("# above\na = 1 # behind\n# below\nb = 2\n", &[Key("a")]),
        "# above\n# below\nb = 2\n"
    );
    assert_eq!(remove("a = 1", &[Key("a")]), "");
    assert_eq!(remove("\u{feff}a = 1\r\nb = 2\r\n", &[Key("a")]), "\u{feff}b = 2\r\n");
    assert_eq!(remove("a = '''\n\n''' # x\nb = 1\n", &[Key("a")]), "b = 1\n");
    assert_eq!(remove("a.b.c = 1\na.d = 2\n", &[Key("a"), Key("b")]), "a.d = 2\n");
    assert_eq!(remove("a.b = 1\nx = 1\na.c = 2\n", &[Key("a")]), "x = 1\n");
    assert_eq!(remove("[a]\nx = 1\n", &[Key("a"), Key("x")]), "[a]\n");
}

#[test]
fn remove_takes_a_table_with_all_under_it() {
    let text = "x = 1\n\n# about a\n[a] # a\n# inside\ny = 1\n\n\
                # about a.b\n[a.b]\nz = 1\n\n# about c\n[c]\n";
    assert_eq!(remove(text, &[Key("a")]), "x = 1\n\n# about a\n\n# about a.b\n\n# about c\n[c]\n");
    assert_eq!(remove("x = 1\n\n[a]\ny = 1\n\n[b]\n", &[Key("a")]), "x = 1\n\n[b]\n");
    assert_eq!(remove("[a]\n[b]\n[a.c]\n", &[Key("a")]), "[b]\n");
    assert_eq!(remove("[a.b]\nx = 1\n", &[Key("a"), Key("b")]), "");
    assert_eq!(remove("[a]\n[a.b]\nx = 1\n", &[Key("a"), Key("b")]), "[a]\n");
    assert_eq!(remove("a.b = 1\n[a.c]\n[d]\n", &[Key("a")]), "[d]\n");
    assert_eq!(remove("[t]\na.b = 1\n[t.a.c]\n[d]\n", &[Key("t"), Key("a")]), "[t]\n[d]\n");
}

#[test]
fn remove_takes_elements_of_arrays_of_tables() {
    let text = "[[a]]\nx = 1\n[a.b]\n[[a]]\nx = 2\n[a.b]\ny = 1\n[c]\n";
    assert_eq!(remove(text, &[Key("a"), Index(0)]), "[[a]]\nx = 2\n[a.b]\ny = 1\n[c]\n");
    assert_eq!(remove(text, &[Key("a"), Index(1)]), "[[a]]\nx = 1\n[a.b]\n[c]\n");
    assert_eq!(
        remove(text, &[Key("a"), Index(1), Key("b"), Key("y")]),
        text.replace("y = 1\n", "")
    );
    assert_eq!(remove(text, &[Key("a")]), "[c]\n");
    assert_eq!(remove("[[a]]\n", &[Key("a"), Index(0)]), "");
}

#[test]
fn remove_takes_inline_elements_with_their_comma() {
    let at = |index| [Key("a"), Index(index)];
    assert_eq!(remove("a = [1, 2, 3]", &at(0)), "a = [2, 3]");
    assert_eq!(remove("a = [1, 2, 3]", &at(1)), "a = [1, 3]");
    assert_eq!(remove("a = [1, 2, 3]", &at(2)), "a = [1, 2]");
    assert_eq!(remove("a = [1, 2, ]", &at(1)), "a = [1, ]");
    assert_eq!(remove("a = [ 1 ]", &at(0)), "a = []");
    assert_eq!(remove("a = [ 1 # c\n ]", &at(0)), "a = [ # c\n ]");
    assert_eq!(remove("a = [\n  1, # one\n  2, # two\n]", &at(0)), "a = [\n  2, # two\n]");
    assert_eq!(remove("a = [\n  1, # one\n  2 # two\n]", &at(1)), "a = [\n  1 # one\n]");
    assert_eq!(remove("a = [\n  1,\n  2\n]", &at(1)), "a = [\n  1\n]");
    assert_eq!(remove("a = [\n  # first\n  1,\n  2,\n]", &at(0)), "a = [\n  # first\n  2,\n]");
    assert_eq!(remove("a = [\n  1 # one\n  , 2\n]", &at(0)), "a = [\n   2\n]");
    assert_eq!(remove("a = [1, 2,\n  3]", &at(1)), "a = [1,\n  3]");
    assert_eq!(remove("a = {x = 1, y = 2}", &[Key("a"), Key("x")]), "a = {y = 2}");
    assert_eq!(remove("a = {b.x = 1, c = 3, b.y = 2}", &[Key("a"), Key("b")]), "a = {c = 3}");
    assert_eq!(remove("a = {b.x = 1, b.y = 2}", &[Key("a"), Key("b")]), "a = {}");
    assert_eq!(remove("a = {b.x = 1}", &[Key("a"), Key("b"), Key("x")]), "a = {}");
    assert_eq!(
        remove("a = [{b = [1, 2]}]", &[Key("a"), Index(0), Key("b"), Index(0)]),
        "a = [{b = [2]}]"
    );
    assert_eq!(
        remove("a = {\n  b.x = 1, b.y = 2,\n  c = 3, # c\n}", &[Key("a"), Key("b")]),
        "a = {\n  \n  c = 3, # c\n}"
    );
}

#[test]
fn remove_says_what_is_missing() {
    let remove = |path: &[Segment<'_>]| refuse("a = [1]\n[b]\n", |editor| editor.remove(path));
    assert_eq!(remove(&[Key("x")]), "path segment 1: there is no such key");
    assert_eq!(remove(&[Key("b"), Key("x"), Key("y")]), "path segment 2: there is no such key");
    assert_eq!(
        remove(&[Key("a"), Index(1)]),
        "path segment 2: there is no such element, the length is 1; use add to append"
    );
}

#[test]
fn an_inexact_result_is_never_kept() {
    let mut editor = Editor::new("a = 1\nb = 2\n").unwrap();
    let splices = alloc::vec![Splice::replace(0..11, "a = 5\nb = 3")];
    let path = [Key("a")];
    let error = editor.commit(splices, &path, &Change::Put(&5.into())).unwrap_err();
    assert_eq!(error.kind(), EditErrorKind::NotExact);
    assert_eq!(
        error.to_string(),
        "this cannot be changed here without changing something else; edit the file by hand"
    );
    assert_eq!(editor.text(), "a = 1\nb = 2\n".to_owned());
}

#[test]
fn line_ends_stay_as_they_were() {
    let text = "a = 1\r\n\r\n[b]\r\nc = [\r\n  1,\r\n]\r\n";
    let mut editor = Editor::new(text).unwrap();
    editor.set(&["x"], 1).unwrap();
    editor.set(&["b", "d"], 1).unwrap();
    editor.set(&["e", "f"], 1).unwrap();
    editor.add(&["b", "c"], 2).unwrap();
    let expected = "a = 1\nx = 1\n\n[b]\nc = [\n  1,\n  2,\n]\nd = 1\n\n[e]\nf = 1\n";
    assert_eq!(editor.text(), expected.replace('\n', "\r\n"));
}
