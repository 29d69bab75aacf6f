//! Listings that are kept, and what models are told of them.

use alloc::vec;

use super::*;

fn listing(tools: &str) -> Listing {
    let text = format!(r#"{{"server":"s","release":"1","prompts":true,"tools":[{tools}]}}"#);
    Listing::read(&text).unwrap()
}

fn tool(name: &str) -> String {
    format!(r#"{{"name":"{name}","description":"d","inputSchema":{{"properties":{{"a":1}}}}}}"#)
}

#[test]
fn what_is_kept_reads_back() {
    let one = listing(&(tool("a") + "," + &tool("b")));
    let text = one.written();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            r#"{"server":"s","release":"1","resources":false,"prompts":true,"#,
            r#""tools":["#,
            &(tool("a") + ","),
            &tool("b"),
            "]}"
        ]
    );
    assert_eq!(Listing::read(&text).unwrap(), one);
    let none = Listing::default();
    assert_eq!(Listing::read(&none.written()).unwrap(), none);
    assert_eq!(one.offered("s").next().unwrap().parameters(), ["a"]);
}

#[test]
fn what_is_none_is_said() {
    for (text, why) in [
        ("", "line"),
        ("{}", "there is no list of tools"),
        (r#"{"tools":[{"name":"a"}]}"#, "a tool has no name, or takes no object"),
        (r#"{"tools":[{"inputSchema":{}}]}"#, "a tool has no name, or takes no object"),
        (&format!(r#"{{"tools":[{0},{0}]}}"#, tool("a")), "two tools have one name"),
    ] {
        let error = Listing::read(text).unwrap_err();
        assert!(error.contains(why) || text.is_empty(), "{text}: {error}");
    }
    let many: Vec<String> = (0..=MCP_ITEMS_COUNT_MAX).map(|it| tool(&format!("t{it}"))).collect();
    let text = format!(r#"{{"tools":[{}]}}"#, many.join(","));
    assert!(Listing::read(&text).unwrap_err().contains("there are more than"));
}

#[test]
fn names_that_cannot_be_told_are_left_out() {
    let room = TOOL_NAME_BYTES_MAX - 3;
    let (fits, long) = ("x".repeat(room), "y".repeat(room + 1));
    let names = ["Get.Sum", "get-sum", "a b", "\u{430}", "", &fits, &long, "burn", "bum"];
    let tools: Vec<String> = names.into_iter().map(tool).collect();
    let one = listing(&tools.join(","));
    let told: Vec<(String, bool)> =
        one.offered("s").map(|it| (it.name(), it.left_out.is_none())).collect();
    let expected = vec![
        ("get-sum".to_string(), true),
        ("get-sum".to_string(), false),
        ("a-b".to_string(), true),
        ("\u{430}".to_string(), false),
        (String::new(), false),
        (fits, true),
        (long, false),
        ("burn".to_string(), true),
        ("bum".to_string(), false),
    ];
    assert_eq!(told, expected);
}
