//! Folders of all kinds, and what an agent would be told of them.

use super::*;
use crate::config::SignerKey;
use crate::llm::ToolUse;
use crate::tool::Call;

const WEATHER: &str = r#"
[skill]
name = "weather"
version = "1.0"
description = "Tells the weather."
entry = "run.py"
runtime = "process"

[tools.today]
description = "The weather of today."
effect = "read"
idempotent = true

[tools.today.parameters.place]
type = "text"
bytes = 64
description = "Where."

[tools.today.parameters.map]
type = "handle"
description = "A map."
optional = true
"#;

fn folder(name: &str, manifest: &str) -> Folder {
    Folder {
        name: name.into(),
        place: format!("/skills/{name}"),
        manifest: Some(manifest.into()),
        programs: Vec::from(["run.py".into()]),
        digest: [7; 32],
        ..Folder::default()
    }
}

fn problems(folders: &[Folder]) -> Vec<Vec<String>> {
    let catalogue = Catalogue::of(folders, None);
    catalogue.skills().iter().map(|skill| skill.problems.clone()).collect()
}

#[test]
fn a_tool_is_told_under_both_names_and_its_files_are_requests() {
    let catalogue = Catalogue::of(&[folder("weather", WEATHER)], None);
    assert_eq!(catalogue.tools().collect::<Vec<_>>(), ["weather__today"]);
    let mut settings = Settings::nothing();
    let before = settings.digest;
    catalogue.install(&mut settings, |_| None);
    assert_ne!(settings.digest, before);
    assert_eq!(settings.skills.get("weather__today").map(String::as_str), Some("weather"));
    let tool = settings.tools.find("weather__today").unwrap();
    let shown = r#""map":{"type":"string","description":"A map. (a path)"}"#;
    assert!(tool.definition().parameters.contains(shown), "{}", tool.definition().parameters);
    let call = |arguments: &str| {
        let (id, name) = ("1".into(), "weather__today".into());
        settings.tools.read(&ToolUse { id, name, arguments: arguments.into() })
    };
    let (_, read) = call(r#"{"place":"x","map":"a/b"}"#).unwrap();
    let Call::Foreign(foreign) = &read else { panic!("it is built in") };
    assert_eq!(foreign.files(), ["a/b"]);
    let around = crate::tool::Surroundings {
        skill: Some("weather"),
        ..crate::tool::Surroundings::new("/w")
    };
    let shown = read.with_requests(&around, |requests| format!("{requests:?}")).unwrap();
    assert!(shown.contains("today") && !shown.contains("weather__today"), "{shown}");
    assert!(shown.contains("/w") && shown.contains("Read"), "{shown}");
    for wrong in [r#"{"map":3}"#, r#"{"map":""}"#, r#"{"map":["a",1]}"#, r#"{"map":{"a":1}}"#] {
        assert!(call(wrong).is_err(), "{wrong}");
    }
    assert!(matches!(catalogue.named("weather__today"), Some(Named::Tool(..))));
    assert_eq!(catalogue.named("weather_today"), None);
}

#[test]
fn what_clashes_is_not_used_and_says_with_whom() {
    let other = WEATHER.replace("\"weather\"", "\"we-ather\"");
    let found = problems(&[folder("weather", WEATHER), folder("again", WEATHER)]);
    assert_eq!(
        found,
        [Vec::new(), Vec::from(["its name is taken by the skill in /skills/weather".to_string()])]
    );
    let found = problems(&[folder("weather", WEATHER), folder("b", &other)]);
    assert!(found[0].is_empty());
    assert!(found[1][0].contains("could be taken for 'weather__today'"), "{found:?}");
    // Names of built-in tools are nobody's else.
    let shadow = WEATHER.replace("\"weather\"", "\"read\"").replace("tools.today", "tools.file");
    let found = problems(&[folder("read", &shadow)]);
    assert!(found[0][0].contains("could be taken for 'read_file'"), "{found:?}");
}

#[test]
fn a_skill_with_anything_wrong_brings_nothing() {
    let wasm = WEATHER.replace("\"process\"", "\"wasm\"");
    let wasm = format!("{wasm}\n[capabilities.required]\ngrants = [\"connect a.example\"]\n");
    let fuel = format!("{WEATHER}\n[limits]\nfuel_millions = 5\n");
    let wide = format!("{WEATHER}\n[capabilities.required]\ngrants = [\"connect *.example\"]\n");
    let mut unreadable = folder("weather", WEATHER);
    unreadable.fault = Some("a link".into());
    let mut no_program = folder("weather", WEATHER);
    no_program.programs.clear();
    for (folder, told) in [
        (folder("weather", &wasm), "a module reaches no host"),
        (folder("weather", &fuel), "'fuel_millions' is for modules"),
        (folder("weather", &wide), "let out to single hosts"),
        (unreadable, "a link"),
        (no_program, "its entry 'run.py' is no program of it"),
        (folder("weather", "x"), "/skills/weather/skill.toml:1"),
    ] {
        let catalogue = Catalogue::of(&[folder], None);
        let shown = catalogue.skills()[0].problems.join("\n");
        assert!(shown.contains(told), "{told}: {shown}");
        assert_eq!(catalogue.tools().count(), 0, "{told}");
        let mut settings = Settings::nothing();
        catalogue.install(&mut settings, |_| None);
        assert!(settings.installed.is_empty() && settings.tools.is_empty(), "{told}");
    }
}

#[test]
fn who_is_let_out_sends_whatever_it_says() {
    let out = format!("{WEATHER}\n[capabilities.required]\ngrants = [\"connect api.example\"]\n");
    let catalogue = Catalogue::of(&[folder("weather", &out)], None);
    let mut settings = Settings::nothing();
    // Not even the operator can declare that away.
    catalogue.install(&mut settings, |_| Some(ToolRole::new(Effect::Read)));
    let arguments = r#"{"place":"x"}"#.into();
    let call = ToolUse { id: "1".into(), name: "weather__today".into(), arguments };
    let (tool, call) = settings.tools.read(&call).unwrap();
    let role = tool.role(&call, false);
    assert_eq!(role.effect, Effect::Send);
    assert!(role.unseen.is_some(), "what it is handed goes along");
    assert_eq!(call.hosts(), [Destination::parse("api.example").unwrap()]);
}

#[test]
fn instructions_are_a_tool_that_reads() {
    let text = "---\nname: tea\ndescription: How tea is made.\n---\nBoil water.\n";
    let tea = Folder {
        name: "tea".into(),
        place: "/skills/tea".into(),
        instructions: Some(text.into()),
        ..Folder::default()
    };
    let catalogue = Catalogue::of(&[tea], None);
    assert_eq!(catalogue.tools().collect::<Vec<_>>(), ["tea__instructions"]);
    let Some(Named::Instructions(_, instructions)) = catalogue.named("tea__instructions") else {
        panic!("they are not there")
    };
    assert_eq!(instructions.text, "Boil water.");
    let mut settings = Settings::nothing();
    catalogue.install(&mut settings, |_| None);
    let output = settings.tools.find("tea__instructions").unwrap().output().clone();
    assert_eq!(output, Output::default(), "untrusted and private");
}

const SERVER: &str = r#"
[skill]
name = "files"
version = "1"
description = "Reads files."
runtime = "mcp"

[server]
command = ["/usr/bin/node", "main.js"]
environment = ["A=b"]
translates = true

[tools.Read]
effect = "read"
output = "public"
payload = ["note"]

[capabilities.required]
grants = ["read,write /srv/a"]
"#;

const LISTING: &str = concat!(
    r#"{"server":"f","release":"1","resources":true,"tools":[{"name":"Read","#,
    r#""inputSchema":{"properties":{"path":{},"note":{}}}},"#,
    r#"{"name":"resource","inputSchema":{}},{"name":"Gone\u0000","inputSchema":{}}]}"#
);

fn server(manifest: &str, listing: Option<&str>) -> Folder {
    Folder { listing: listing.map(Into::into), ..folder("files", manifest) }
}

#[test]
fn a_server_has_the_tools_that_it_listed() {
    let catalogue = Catalogue::of(&[server(SERVER, Some(LISTING))], None);
    assert!(catalogue.skills()[0].problems.is_empty(), "{:?}", catalogue.skills()[0].problems);
    let tools: Vec<_> = catalogue.tools().collect();
    assert_eq!(tools, ["files__read", "files__resource", "files__resources"]);
    let deed = |name: &str| match catalogue.named(name) {
        Some(Named::Server(_, _, _, deed)) => deed.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(deed("files__read"), Deed::Call("Read".into()));
    assert_eq!(deed("files__resource"), Deed::Call("resource".into()), "its own tool stays");
    assert_eq!(deed("files__resources"), Deed::List(Items::Resources));
    let mut settings = Settings::nothing();
    catalogue.install(&mut settings, |_| None);
    let (id, name) = ("1".into(), "files__read".into());
    let arguments = r#"{"path":"x","note":"y"}"#.into();
    let (tool, call) = settings.tools.read(&ToolUse { id, name, arguments }).unwrap();
    let role = tool.role(&call, false);
    assert_eq!(role.effect, Effect::Read);
    let kind = |name: &str| role.parameter(name).map(|it| it.kind);
    assert_eq!(kind("path"), Some(ParameterKind::Control));
    assert_eq!(kind("note"), Some(ParameterKind::Payload));
    // What its sandbox shows is a part of what each call needs.
    let around =
        crate::tool::Surroundings { skill: Some("files"), ..crate::tool::Surroundings::new("/w") };
    let shown = call.with_requests(&around, |requests| format!("{requests:?}")).unwrap();
    for right in ["Read", "Write", "List"] {
        assert!(shown.contains(&format!("right: {right}, is_tree: true")), "{right}: {shown}");
    }
    let silent = settings.tools.find("files__resources").unwrap();
    assert_eq!(silent.role(&call, false).effect, Effect::Change, "it sees what it may write to");
    let silent = settings.tools.find("files__resource").unwrap();
    assert_eq!(silent.role(&call, false).effect, Effect::Send, "nothing was said of it");
}

/// Looked at once, a listing of a megabyte is nothing; looked at for each pair of its tools it
/// would keep whoever starts waiting for minutes.
#[test]
fn a_name_that_is_too_long_is_left_out_of_what_others_are_compared_with() {
    let tool = |name: &str| format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}}}"#);
    let mut tools = Vec::from([tool(&"x".repeat(900_000))]);
    tools.extend((0..200).map(|number| tool(&format!("t{number}"))));
    tools.push(tool("T7"));
    let own = format!("\"tools\":[{},", tools.join(","));
    let listing = LISTING.replace("\"tools\":[", &own);
    let catalogue = Catalogue::of(&[server(SERVER, Some(&listing))], None);
    let problems = &catalogue.skills()[0].problems;
    assert!(problems.is_empty(), "{problems:?}");
    let tools: Vec<_> = catalogue.tools().collect();
    assert!(tools.contains(&"files__t0") && tools.contains(&"files__t199"), "{tools:?}");
    assert_eq!(tools.iter().filter(|tool| **tool == "files__t7").count(), 1, "the first has it");
}

const ELSEWHERE: &str = r#"
[skill]
name = "files"
version = "1"
description = "Reads files."
runtime = "mcp"

[server]
url = "https://mcp.example/v1"

[capabilities.required]
grants = ["connect mcp.example"]
"#;

#[test]
fn a_server_elsewhere_sends_whatever_it_is_asked() {
    let catalogue = Catalogue::of(&[server(ELSEWHERE, Some(LISTING))], None);
    let skill = &catalogue.skills()[0];
    assert!(skill.problems.is_empty(), "{:?}", skill.problems);
    let url = skill.manifest.as_ref().and_then(|manifest| manifest.url()).unwrap();
    assert_eq!(url.as_str(), "https://mcp.example/v1");
    let mut settings = Settings::nothing();
    catalogue.install(&mut settings, |_| None);
    let (id, name, arguments) = ("1".into(), "files__resources".into(), "{}".into());
    let (tool, call) = settings.tools.read(&ToolUse { id, name, arguments }).unwrap();
    assert_eq!(tool.role(&call, false).effect, Effect::Send);
    assert_eq!(call.hosts().len(), 1);
    for (from, to, told) in [
        ("connect mcp", "connect www.mcp", "the host of this server is not required"),
        ("connect mcp.example", "connect mcp.example:80", "grants = [\"connect mcp.example\"]"),
        ("connect mcp.example", "connect *.example", "is not required"),
        ("\"]", "\", \"read /srv\"]", "given nothing here, and not 'read /srv'"),
        ("https:", "ftp:", "is no address"),
        ("/v1\"", "/v1\"\ncommand = [\"x\"]", "unknown key 'command'"),
    ] {
        let text = ELSEWHERE.replace(from, to);
        let catalogue = Catalogue::of(&[server(&text, Some(LISTING))], None);
        let shown = catalogue.skills()[0].problems.join("\n");
        assert!(shown.contains(told), "{told}: {shown}");
    }
}

#[test]
fn a_server_is_what_was_approved_or_nothing() {
    let catalogue = Catalogue::of(&[server(SERVER, None)], None);
    assert!(catalogue.skills()[0].problems.is_empty());
    assert_eq!(catalogue.tools().count(), 0, "nobody asked it yet");
    let misnamed = SERVER.replace("[tools.Read]", "[tools.Write]");
    let misheld = SERVER.replace("\"note\"", "\"body\"");
    let elsewhere = SERVER.replace("/usr/bin/node", "bin/node");
    for (folder, told) in [
        (server(SERVER, Some("{}")), "/skills/files/tools.json: there is no list of tools"),
        (server(&misnamed, Some(LISTING)), "its server has no tool 'Write', which it names"),
        (server(&misheld, Some(LISTING)), "its tool 'Read' has no parameter 'body'"),
        (server(&elsewhere, Some(LISTING)), "its entry 'bin/node' is no program of it"),
        (server(&SERVER.replace("\"A=b\"", "\"A\""), None), "is not NAME=value"),
        (server(&SERVER.replace("/usr/bin/node", "../node"), None), "this starts nothing"),
        (server(&SERVER.replace("translates", "translate"), None), "did you mean 'translates'?"),
        (server(&SERVER.replace("[server]", "[servers]"), None), "section [server] is missing"),
    ] {
        let catalogue = Catalogue::of(&[folder], None);
        let shown = catalogue.skills()[0].problems.join("\n");
        assert!(shown.contains(told), "{told}: {shown}");
        assert_eq!(catalogue.tools().count(), 0, "{told}");
    }
}

/// A signature stands beside the digest: it is looked at where somebody's count, and what is wrong
/// with it keeps the skill from being used.
#[test]
fn a_signature_that_does_not_count_keeps_a_skill_from_being_used() {
    let trusted = SignerKey::parse(super::super::signature::tests::KEY).unwrap();
    let trust = |is_required| Trust { keys: Vec::from([trusted.clone()]), is_required };
    let digest = super::super::signature::tests::DIGEST;
    let signature = Some(super::super::signature::tests::HASHED.into());
    let signed = Folder { digest, signature, ..folder("weather", WEATHER) };
    let catalogue = Catalogue::of(core::slice::from_ref(&signed), Some(&trust(true)));
    let skill = &catalogue.skills()[0];
    assert_eq!(skill.problems, Vec::<String>::new());
    assert_eq!(skill.signed.as_ref().unwrap().key, trusted.to_string());
    let settings = |catalogue: &Catalogue| {
        let mut settings = Settings::nothing();
        catalogue.install(&mut settings, |_| None);
        settings
    };
    let with = settings(&catalogue);
    assert_eq!(with.installed.get("weather").unwrap().signer, Some(trusted.to_string()));
    // Without trusted keys it is the same skill to no one.
    let plain = Folder { signature: None, ..signed.clone() };
    let without = settings(&Catalogue::of(core::slice::from_ref(&plain), Some(&trust(false))));
    assert_ne!(with.digest, without.digest);
    assert_eq!(without.installed.get("weather").unwrap().signer, None);

    let changed = Folder { digest: [8; 32], ..signed.clone() };
    for (folder, is_required, why) in [
        (plain, true, "nobody signed it"),
        (changed.clone(), false, "does not fit these files"),
        (changed, true, "does not fit these files"),
    ] {
        let catalogue = Catalogue::of(core::slice::from_ref(&folder), Some(&trust(is_required)));
        let problems = &catalogue.skills()[0].problems;
        assert!(problems.len() == 1 && problems[0].contains(why), "{problems:?}");
        assert!(catalogue.find("weather").is_none() && catalogue.tools().next().is_none());
        assert_eq!(settings(&catalogue).installed.len(), 0);
    }
    let (catalogue, nobody) =
        (Catalogue::of(core::slice::from_ref(&signed), None), Trust::default());
    assert_eq!(catalogue.tools().collect::<Vec<_>>(), ["weather__today"]);
    let catalogue = Catalogue::of(&[signed], Some(&nobody));
    assert!(catalogue.skills()[0].problems[0].contains("by the key 2B0A7E5E60BCBD7E"));
}
