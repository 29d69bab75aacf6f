//! A table of a thousand grants, and deeds to decide about, for tests and benchmarks.

use sentinel_core::capability::{FileRight, Holder, HttpRequest, PathRef, Request, Table, Verdict};
use sentinel_core::time::Timestamp;
use sentinel_core::wire::url::Host;

/// What an agent may come to hold that was told "always" for years.
pub(crate) fn table() -> Table {
    let mut table = Table::new();
    let mut add = |text: &str| {
        table.grant(text.parse().unwrap(), Timestamp(0)).unwrap();
    };
    for number in 0..100 {
        add(&format!("read,list /srv/work/project-{number}"));
        add(&format!("read,write /srv/work/project-{number}/src ask"));
        add(&format!("read,write /srv/work/project-{number}/src/generated"));
        add(&format!("deny read,write /srv/work/project-{number}/.env"));
        add(&format!("connect api-{number}.example.com GET /v1"));
        add(&format!("connect *.host-{number}.example.org:8000-8099"));
        add(&format!("run /usr/bin/tool-{number} status|log"));
        add(&format!("skill skill-{number} one|two"));
        add(&format!("config channels.channel-{number}"));
        add(&format!("model maker-{number}-*"));
    }
    add("read,write,list /srv/work");
    add("run /usr/bin/git status|log|diff");
    table
}

/// Deeds by name: what is decided about, and whether it is covered.
pub(crate) fn each(mut then: impl FnMut(&str, &Request<'_>, bool)) {
    let file = |path| Request::File {
        path: PathRef::absolute(path).unwrap(),
        right: FileRight::Read,
        is_tree: false,
    };
    let deep = file("/srv/work/project-57/src/generated/deep/er/file.rs");
    then("a file eight directories deep", &deep, true);
    then("a file that nobody granted", &file("/etc/systemd/system/some.service"), false);
    then("a file that is forbidden", &file("/srv/work/project-99/.env"), false);
    let path = PathRef::absolute("/srv/work/project-57/src").unwrap();
    let tree = Request::File { path, right: FileRight::Read, is_tree: true };
    then("a directory with all beneath it", &tree, true);
    let http = Some(HttpRequest { method: "GET", path: "/v1/items/57" });
    let host = Host::parse("api-57.example.com").unwrap();
    then("a request to a host", &Request::Connect { host: &host, port: 443, http }, true);
    let host = Host::parse("a.b.c.host-57.example.org").unwrap();
    let sub = Request::Connect { host: &host, port: 8080, http: None };
    then("a host beneath a wildcard", &sub, true);
    let skill = Request::Skill { name: "skill-57", operation: "two" };
    then("a skill", &skill, true);
    then("a model by its prefix", &Request::Model { name: "maker-57-large-2026" }, true);
}

/// Commands: those need a file grant for each of their paths.
pub(crate) fn each_command(mut then: impl FnMut(&str, &Request<'_>)) {
    let program = PathRef::absolute("/usr/bin/git").unwrap();
    let directory = "/srv/work/project-57";
    for (name, arguments) in [
        ("a command of two words", &["log", "--oneline"][..]),
        ("a command with eight paths", &["diff", "a", "b", "c/d", "e.rs", "f", "g/h", "i", "j"]),
    ] {
        then(name, &Request::Command { program, arguments, directory });
    }
}

/// Whether the agent may do it.
pub(crate) fn is_covered(table: &Table, request: &Request<'_>) -> bool {
    let verdict = table.decide(Holder::AGENT, request, Timestamp(0));
    matches!(verdict, Verdict::Covered { .. })
}
