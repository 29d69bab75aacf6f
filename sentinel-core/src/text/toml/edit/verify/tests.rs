use super::Segment::{Index, Key};
use super::*;

fn check(old: &str, new: &str, path: &[Segment<'_>], change: &Change<'_>) -> bool {
    let (old, new) = (Document::parse_str(old).unwrap(), Document::parse_str(new).unwrap());
    is_exact(&old, &new, path, change)
}

#[test]
fn a_put_value_is_there_and_the_rest_as_before() {
    let put = |old, new, path: &[Segment<'_>]| check(old, new, path, &Change::Put(&5.into()));
    let a = [Key("a")];
    assert!(put("a = 1\nb = 2", "b = 2\na = 5", &a));
    assert!(put("b = 2", "a = 5\nb = 2", &a));
    assert!(put("", "[x.y]\na = 5", &[Key("x"), Key("y"), Key("a")]));
    assert!(put("x = [1, {a = 2}]", "x = [1, {a = 5}]", &[Key("x"), Index(1), Key("a")]));
    for (old, new) in [
        ("a = 1\nb = 2", "a = 6\nb = 2"),
        ("a = 1\nb = 2", "a = 5\nb = 3"),
        ("a = 1\nb = 2", "a = 5"),
        ("a = 1\nb = 2", "a = 5\nb = 2\nc = 3"),
        ("a = 1\nb = 2", "a = 5\nc = 2"),
        ("", "b = 5"),
        ("b = {c = [1]}", "a = 5\nb = {c = [1.0]}"),
        ("[[b]]", "a = 5\nb = [{}]"),
    ] {
        assert!(!put(old, new, &a), "{old:?} {new:?}");
    }
    let in_array = [Key("x"), Index(0)];
    assert!(!put("x = [1, 2]", "x = [5, 3]", &in_array));
    assert!(!put("x = [1, 2]", "x = [5]", &in_array));
    assert!(!put("x = [1, 2]", "x = [5, 2, 2]", &in_array));
    assert!(!put("x = 1", "x.a = 5", &[Key("x"), Key("a")]), "what was no table is replaced");
    assert!(!put("", "[x]\na = 5\nb = 1", &[Key("x"), Key("a")]), "a new table holds more");
}

#[test]
fn an_appended_element_is_last_and_the_rest_as_before() {
    let append = |old, new| check(old, new, &[Key("a")], &Change::Append(&5.into()));
    assert!(append("a = []", "a = [5]"));
    assert!(append("a = [1]\nb = 1", "a = [1, 5]\nb = 1"));
    for (old, new) in [
        ("a = [1]", "a = [1]"),
        ("a = [1]", "a = [5, 1]"),
        ("a = [1]", "a = [2, 5]"),
        ("a = [1]", "a = [1, 5, 5]"),
        ("a = [1]", "a = [1, 6]"),
        ("a = [1]", "a = 5"),
        ("a = []", "a = []"),
    ] {
        assert!(!append(old, new), "{old:?} {new:?}");
    }
}

#[test]
fn a_removed_value_is_gone_with_what_it_alone_implied() {
    let remove = |old, new, path: &[Segment<'_>]| check(old, new, path, &Change::Remove);
    let (a, ab) = ([Key("a")], [Key("a"), Key("b")]);
    let (first, second) = ([Key("a"), Index(0)], [Key("a"), Index(1)]);
    for (old, new, path) in [
        ("a = 1\nc = 2", "c = 2", &a[..]),
        ("a.b = 1", "", &ab),
        ("[a.b]", "", &ab),
        ("[a.b]\n[a]", "[a]", &ab),
        ("a = {b = 1}", "a = {}", &ab),
        ("a = [1, 2]", "a = [1]", &second),
        ("a = [1]", "a = []", &first),
        ("[[a]]", "", &first),
    ] {
        assert!(remove(old, new, path), "{old:?} {new:?}");
    }
    for (old, new, path) in [
        ("a = 1", "a = 1", &a[..]),
        ("a = 1\nc = 2", "", &a),
        ("[a]\nb = 1", "", &ab),
        ("a = {b = 1}", "", &ab),
        ("a.b = 1\na.c = 1", "", &ab),
        ("a = [1, 2]", "a = [1]", &first),
        ("a = [1, 2]", "a = []", &first),
        ("a = [1, 2]", "a = 1", &first),
        ("a = [1]", "", &first),
        ("[[a]]\n[[a]]", "", &first),
        ("a = []", "a = []", &first),
        ("", "", &a),
    ] {
        assert!(!remove(old, new, path), "{old:?} {new:?}");
    }
}
