//! What a table of grants promises, against a judge that reads every grant for every request.

mod oracle;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use arbtest::arbtest;

use self::oracle::Oracle;
use super::*;
use crate::capability::{HttpRequest, Path};
use crate::wire::url::Host;

const NOW: Timestamp = Timestamp(1000);

fn read(text: &str) -> Grant {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn table(grants: &[&str]) -> Table {
    let mut table = Table::new();
    for grant in grants {
        table.grant(read(grant), NOW).unwrap_or_else(|error| panic!("{grant}: {error}"));
    }
    table
}

fn file(path: &str, right: FileRight) -> Request<'_> {
    Request::File { path: PathRef::absolute(path).unwrap(), right, is_tree: false }
}

/// What the agent may do, in a word: a level, `no` for uncovered.
fn answer(table: &Table, request: &Request<'_>) -> &'static str {
    match table.decide(Holder::AGENT, request, NOW) {
        Verdict::Covered { level: Level::Allow, .. } => "allow",
        Verdict::Covered { level: Level::Once, .. } => "once",
        Verdict::Covered { level: Level::Ask, .. } => "ask",
        Verdict::Covered { level: Level::Deny, .. } => "a denial that covers",
        Verdict::Denied { .. } => "deny",
        Verdict::Uncovered => "no",
    }
}

fn run(table: &Table, line: &str) -> &'static str {
    let words: Vec<&str> = line.split(' ').collect();
    let (program, arguments) = words.split_first().unwrap();
    let program = PathRef::absolute(program).unwrap();
    answer(table, &Request::Command { program, arguments, directory: "/w" })
}

fn fetch(table: &Table, line: &str) -> &'static str {
    let words: Vec<&str> = line.split(' ').collect();
    let [method, host, port, path] = words[..] else { panic!("{line}") };
    let host = &Host::parse(host).unwrap();
    let http = (method != "-").then_some(HttpRequest { method, path });
    answer(table, &Request::Connect { host, port: port.parse().unwrap(), http })
}

#[test]
fn files_are_decided_by_component_and_the_most_special_grant() {
    let table = table(&[
        "read,list /",
        "read,write /w ask",
        "read,write /w/src",
        "deny read,write /w/src/.env",
        "read /w/src/once once",
    ]);
    for (path, read, write) in [
        ("/", "allow", "no"),
        ("/etc/passwd", "allow", "no"),
        ("/wfoo", "allow", "no"),
        ("/w", "ask", "ask"),
        ("/w/a", "ask", "ask"),
        ("/w/srcfoo", "ask", "ask"),
        ("/w/src/a", "allow", "allow"),
        ("/w/src/once/x", "once", "allow"),
        ("/w/src/.env", "deny", "deny"),
        ("/w/src/.env/x", "deny", "deny"),
        ("/w/src/.envrc", "allow", "allow"),
    ] {
        assert_eq!(answer(&table, &file(path, FileRight::Read)), read, "read {path}");
        assert_eq!(answer(&table, &file(path, FileRight::Write)), write, "write {path}");
        assert_eq!(answer(&table, &file(path, FileRight::List)), "allow", "list {path}");
    }
    let tree = |path| {
        let path = PathRef::absolute(path).unwrap();
        answer(&table, &Request::File { path, right: FileRight::Read, is_tree: true })
    };
    for (path, expected) in
        [("/", "deny"), ("/w", "deny"), ("/w/src/a", "allow"), ("/etc", "allow")]
    {
        assert_eq!(tree(path), expected, "everything beneath {path}");
    }
}

/// A command needs its paths from the file grants, on their level, and loses by every denial.
#[test]
fn commands_use_the_file_grants() {
    let table = table(&[
        "read,write,list /w",
        "read,write /w/asked ask",
        "read /r",
        "read /counted uses 5",
        "deny read /w/secret",
        "deny list /w/hidden",
        "run /bin/cat",
        "run /bin/cp",
        "run /usr/bin/git log|push ask",
        "deny run /usr/bin/git push",
    ]);
    for (line, expected) in [
        ("/bin/cat a", "allow"),
        ("/bin/cat /r/a", "allow"),
        ("/bin/cat /etc/passwd", "no"),
        ("/bin/cat asked/a", "ask"),
        ("/bin/cat /counted/a", "no"),
        ("/bin/cat secret", "no"),
        ("/bin/cat hidden/a", "no"),
        ("/bin/cat .", "no"),
        ("/bin/cp a b", "allow"),
        ("/bin/cp /r/a b", "no"),
        ("/bin/cp secret b", "no"),
        ("/usr/bin/git log", "ask"),
        ("/usr/bin/git push", "deny"),
        ("/usr/bin/git --bare push", "deny"),
        ("/usr/bin/git status", "no"),
        ("/tmp/git log", "no"),
    ] {
        assert_eq!(run(&table, line), expected, "{line}");
    }
    let arguments = ["secret"];
    let program = PathRef::absolute("/bin/cat").unwrap();
    let refusal = table.command_refusal(Holder::AGENT, program, &arguments, "/w", NOW);
    assert_eq!(refusal, Some(CommandRefusal::Path("secret")));
}

#[test]
fn hosts_are_decided_by_label_port_and_request() {
    let table = table(&[
        "connect *",
        "connect *.a.example ask",
        "connect x.a.example",
        "connect api.example GET /v1",
        "connect api.example /v1/pay ask",
        "connect *.c.example /v1",
        "connect x.c.example ask",
        "connect 127.0.0.1:8080",
        "deny connect evil.a.example",
        "deny connect *.b.example",
        "deny connect api.example DELETE",
        "deny connect api.example /v1/admin",
    ]);
    for (line, expected) in [
        ("GET any.example 443 /", "allow"),
        ("GET any.example 80 /", "no"),
        ("GET y.a.example 443 /", "ask"),
        ("GET x.a.example 443 /", "allow"),
        ("GET evil.a.example 443 /", "deny"),
        ("GET evil.a.example 22 /", "deny"),
        ("GET xevil.a.example 443 /", "ask"),
        ("GET b.example 443 /", "deny"),
        ("GET x.b.example 443 /", "deny"),
        ("GET xb.example 443 /", "allow"),
        ("GET api.example 443 /v1/x", "allow"),
        ("POST api.example 443 /v1/x", "allow"),
        ("POST api.example 443 /v1/pay", "ask"),
        ("DELETE api.example 443 /v1/x", "deny"),
        ("GET api.example 443 /v1/admin;x=1/y", "deny"),
        ("GET api.example 443 /v1//admin", "deny"),
        ("GET api.example 443 /v1/administrators", "allow"),
        ("- api.example 443 -", "deny"),
        ("GET y.c.example 443 /v1/x", "allow"),
        ("GET x.c.example 443 /v1/x", "ask"),
        ("GET 127.0.0.1 8080 /", "allow"),
        ("GET 127.0.0.1 443 /", "no"),
        ("GET [::ffff:127.0.0.1] 8080 /", "no"),
        ("GET localhost 8080 /", "no"),
        ("GET 169.254.169.254 443 /", "no"),
        ("GET metadata.google.internal 443 /", "no"),
    ] {
        assert_eq!(fetch(&table, line), expected, "{line}");
    }
    let deep = alloc::format!("GET api.example 443 {}", "/a".repeat(200));
    assert_eq!(fetch(&table, &deep), "deny", "what cannot be judged could be anything");
}

#[test]
fn the_other_resources() {
    let table = table(&[
        "listen 0.0.0.0:8080",
        "listen 127.0.0.1:9000-9009",
        "deny listen 192.0.2.1:8080",
        "skill weather today",
        "skill notes",
        "deny skill notes erase",
        "config channels",
        "deny config channels.web.token",
        "model small-*",
        "model small-7 ask",
        "deny model small-evil",
    ]);
    let listen = |address: &str, port| {
        answer(&table, &Request::Listen { address: &Host::parse(address).unwrap(), port })
    };
    assert_eq!(listen("127.0.0.1", 9009), "allow");
    assert_eq!(listen("127.0.0.1", 9010), "no");
    assert_eq!(listen("0.0.0.0", 8080), "deny", "every address is also the forbidden one");
    let skill = |name, operation| answer(&table, &Request::Skill { name, operation });
    assert_eq!(skill("weather", "today"), "allow");
    assert_eq!(skill("weather", "tomorrow"), "no");
    assert_eq!(skill("weathe", "today"), "no");
    assert_eq!(skill("notes", "erase"), "deny");
    assert_eq!(skill("notes", "add"), "allow");
    let config = |key| answer(&table, &Request::Configure { key });
    assert_eq!(config("channels.telegram"), "allow");
    assert_eq!(config("channelsx"), "no");
    assert_eq!(config("channels.web.token"), "deny");
    assert_eq!(config("channels.web"), "deny", "the token is a part of it");
    assert_eq!(config("channels.web.tokens"), "allow");
    let model = |name| answer(&table, &Request::Model { name });
    assert_eq!(model("small-8"), "allow");
    assert_eq!(model("small-7"), "ask");
    assert_eq!(model("small"), "no");
    assert_eq!(model("small-evil"), "deny");
    assert_eq!(answer(&table, &Request::Persona), "no");
}

#[test]
fn what_says_nothing_or_contradicts_itself_is_refused() {
    let mut table = Table::new();
    for (grant, error) in [
        ("read /a until 1970-01-01", GrantError::Empty),
        ("deny read /a uses 3", GrantError::Contradiction("a rule that forbids is not used up")),
        (
            "run /bin/x log without log",
            GrantError::Contradiction("a word is both a subcommand and refused"),
        ),
        (
            "run /bin/x without --",
            GrantError::Contradiction("an option to refuse is empty or only dashes"),
        ),
        ("run /bin/x \"-a\"", GrantError::Contradiction("a subcommand is a word, not an option")),
        (
            "deny run /bin/x without -a",
            GrantError::Contradiction(
                "a rule that forbids names a program and subcommands, nothing else",
            ),
        ),
    ] {
        assert_eq!(table.grant(read(grant), NOW), Err(error), "{grant}");
    }
    let resource =
        Resource::Files { path: Path::root(), rights: super::super::FileRights::default() };
    assert_eq!(table.grant(Grant::new(resource, Level::Allow), NOW), Err(GrantError::Empty));
    assert!(table.is_empty());
}

#[test]
fn handing_on_never_widens_and_ends_with_its_origin() {
    let skill = Holder(7);
    let mut table = Table::new();
    let root = table.grant(read("read,write /w ask until 1970-01-02 uses 3"), NOW).unwrap();
    for wider in [
        "read /",
        "read,list /w ask until 1970-01-02 uses 3",
        "read /w until 1970-01-02 uses 3",
        "read /w once until 1970-01-02 uses 3",
        "read /w ask until 1970-01-03 uses 3",
        "read /w ask uses 3",
        "read /w ask until 1970-01-02 uses 4",
        "read /w ask until 1970-01-02",
        "run /bin/cat ask until 1970-01-02 uses 3",
    ] {
        let refused = table.derive(root, read(wider), skill, NOW);
        assert_eq!(refused, Err(GrantError::Wider), "{wider}");
    }
    let denial = table.derive(root, read("deny read /w/x"), skill, NOW);
    assert_eq!(denial, Err(GrantError::Denial));
    let narrow = read("read /w/x ask until 1970-01-02 uses 3");
    let child = table.derive(root, narrow.clone(), skill, NOW).unwrap();
    table.spend(child, NOW).unwrap();
    assert_eq!((table.uses_left(root), table.uses_left(child)), (Some(2), Some(2)));
    let late = table.derive(root, narrow, skill, NOW);
    assert_eq!(late, Err(GrantError::Wider), "only two uses are left to hand on");
    let grandchild = read("read /w/x/y ask until 1970-01-01T00:01:00Z uses 1");
    let grandchild = table.derive(child, grandchild, Holder(8), NOW).unwrap();
    let other = table.grant(read("read /r"), NOW).unwrap();
    assert_eq!(table.sweep(Timestamp(60_000)), 1);
    assert_eq!(table.find(grandchild), None);
    assert_eq!(table.revoke(root), 2);
    assert_eq!(table.revoke(root), 0);
    assert_eq!((table.find(child), table.len()), (None, 1));
    assert!(table.find(other).is_some());
    assert_eq!(table.derive(root, read("read /w/x"), skill, NOW), Err(GrantError::Gone));
    assert_eq!(table.spend(child, NOW), Err(GrantError::Gone));
}

#[test]
fn uses_and_time_run_out_together_or_not_at_all() {
    let mut table = Table::new();
    let read_twice = table.grant(read("read /w uses 2"), NOW).unwrap();
    let write_once = table.grant(read("write /w uses 1"), NOW).unwrap();
    table.spend_all(&[read_twice, write_once], NOW).unwrap();
    assert_eq!(table.spend_all(&[read_twice, write_once], NOW), Err(GrantError::Gone));
    assert_eq!(table.uses_left(read_twice), Some(1), "nothing was counted");
    table.spend_all(&[read_twice, read_twice], NOW).unwrap();
    let thrice = table.grant(read("read /t uses 3"), NOW).unwrap();
    table.spend_all(&[thrice, thrice], NOW).unwrap();
    assert_eq!(table.uses_left(thrice), Some(2), "one deed is one use");
    assert_eq!(answer(&table, &file("/w", FileRight::Read)), "no");
    let counted = table.grant(read("read /c uses 1"), NOW).unwrap();
    let free = table.grant(read("read /c"), NOW).unwrap();
    let verdict = table.decide(Holder::AGENT, &file("/c", FileRight::Read), NOW);
    assert_eq!(verdict, Verdict::Covered { handle: free, level: Level::Allow });
    assert_eq!(table.revoke(counted), 1);
    let until = table.grant(read("read /u until 1970-01-01T00:00:02Z"), NOW).unwrap();
    let request = file("/u", FileRight::Read);
    let at = |time| table.decide(Holder::AGENT, &request, Timestamp(time));
    assert!(matches!(at(1999), Verdict::Covered { .. }));
    assert_eq!(at(2000), Verdict::Uncovered);
    assert_eq!(table.confirm_once(until, Timestamp(2000)), Err(GrantError::Gone));
    let once = table.grant(read("read /o once"), NOW).unwrap();
    assert_eq!(answer(&table, &file("/o", FileRight::Read)), "once");
    table.confirm_once(once, NOW).unwrap();
    assert_eq!(answer(&table, &file("/o", FileRight::Read)), "allow");
}

/// Several requests of one deed: a denial, then a gap, then the strictest level.
#[test]
fn a_deed_is_as_free_as_its_strictest_part() {
    let table = table(&["read,list /w", "write /w ask", "deny write /w/x"]);
    let all = |requests: &[Request<'_>]| table.decide_all(Holder::AGENT, requests, NOW);
    let (read, write) = (file("/w/a", FileRight::Read), file("/w/a", FileRight::Write));
    let (gap, denied) = (file("/r", FileRight::Read), file("/w/x", FileRight::Write));
    let (verdict, handles) = all(&[read.clone(), write.clone()]);
    assert_eq!(verdict, Verdict::Covered { handle: handles[1], level: Level::Ask });
    assert_eq!(handles.len(), 2);
    let (verdict, handles) = all(&[read.clone(), file("/w", FileRight::List)]);
    assert_eq!(verdict, Verdict::Covered { handle: handles[0], level: Level::Allow });
    assert_eq!(handles.len(), 1, "one grant covers both and is spent once");
    assert_eq!(all(&[read.clone(), gap.clone()]), (Verdict::Uncovered, Vec::new()));
    let (verdict, handles) = all(&[gap, read, write, denied]);
    assert!(matches!(verdict, Verdict::Denied { handle } if handles == [handle]));
    assert_eq!(all(&[]), (Verdict::Uncovered, Vec::new()));
}

/// Who is let out by grants of some requests uses all of them; a rule against some requests is for
/// the proxy, which sees them.
#[test]
fn a_place_is_reached_by_all_that_is_granted_there() {
    let reach = |grants: &[&str], place: &str| {
        let table = table(grants);
        let place = super::super::Destination::parse(place).unwrap();
        let (verdict, handles) = table.decide_all(Holder::AGENT, &[Request::Reach(&place)], NOW);
        let level = match verdict {
            Verdict::Covered { level, .. } => Some(level),
            _ => None,
        };
        let grants = handles.iter().filter_map(|handle| table.find(*handle));
        (level, grants.map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    let allowed = |grants: &str| (Some(Level::Allow), grants.to_string());
    assert_eq!(reach(&["connect a.example"], "a.example"), allowed("connect a.example"));
    assert_eq!(reach(&["connect a.example"], "a.example:80"), (None, String::new()));
    assert_eq!(reach(&["connect *"], "localhost"), (None, String::new()));
    let both = ["connect a.example:80 GET /v1", "connect a.example:80 POST /v2"];
    let text = "connect a.example:80 GET /v1; connect a.example:80 POST /v2";
    assert_eq!(reach(&both, "a.example:80"), allowed(text));
    let wider =
        [both[0], "connect *:*", "connect b.example:80 GET /", "connect a.example:1-99 ask"];
    let text = "connect a.example:80 GET /v1; connect a.example:1-99 ask";
    assert_eq!(reach(&wider, "a.example:80"), (Some(Level::Ask), text.to_string()));
    let some = ["connect a.example:80", "deny connect a.example:80 POST /x"];
    assert_eq!(reach(&some, "a.example:80"), allowed("connect a.example:80"));
    let none = ["connect a.example:80 GET /v1", "deny connect *.example"];
    assert_eq!(reach(&none, "a.example:80"), (None, "deny connect *.example".to_string()));
}

#[test]
fn a_handle_means_one_grant_for_ever() {
    let mut table = Table::new();
    let mut seen = Vec::new();
    for _ in 0..50 {
        let handle = table.grant(read("read /w"), NOW).unwrap();
        assert!(!seen.contains(&handle));
        seen.push(handle);
        assert_eq!(table.revoke(handle), 1);
        assert_eq!(answer(&table, &file("/w", FileRight::Read)), "no");
    }
    assert!(seen.iter().all(|handle| table.find(*handle).is_none()));
    assert!(seen.iter().all(|handle| handle.index == 0), "places are used again");
    assert!(table.index.is_empty(), "nothing is left of them");
}

#[test]
fn a_full_table_and_a_long_chain_are_refused() {
    let mut table = Table::new();
    let root = table.grant(read("read /w"), NOW).unwrap();
    let mut last = root;
    for holder in 0..CAPABILITY_DERIVED_DEPTH_MAX {
        let holder = Holder(u32::try_from(holder).unwrap());
        last = table.derive(last, read("read /w"), holder, NOW).unwrap();
    }
    let deeper = table.derive(last, read("read /w"), Holder(9), NOW);
    assert_eq!(deeper, Err(GrantError::TooDeep));
    while table.len() < CAPABILITY_GRANTS_COUNT_MAX {
        table.grant(read("read /f"), NOW).unwrap();
    }
    assert_eq!(table.grant(read("read /g"), NOW), Err(GrantError::Full));
    assert_eq!(table.revoke(root), CAPABILITY_DERIVED_DEPTH_MAX + 1);
    table.grant(read("read /g"), NOW).unwrap();
}

/// Random tables and deeds: the table and the oracle always say the same, to the handle.
#[test]
fn the_index_agrees_with_reading_every_grant() {
    arbtest(|u| {
        let mut table = Table::new();
        let mut oracle = Oracle::default();
        let mut now = NOW;
        for _ in 0..u.int_in_range(1..=24)? {
            match u.int_in_range(0..=11)? {
                0..=4 => {
                    let grant = oracle::grant(u)?;
                    let made = table.grant(grant.clone(), now);
                    if let Ok(handle) = made {
                        oracle.add(handle, grant, Holder::AGENT, None);
                    }
                }
                5..=7 => {
                    let (grant, holder) = (oracle::grant(u)?, Holder(u.int_in_range(0..=2)?));
                    if let Some(parent) = oracle.any(u)? {
                        // As it is, or as wide as its origin, so that some are not refused.
                        let own = table.find(parent).cloned().unwrap_or(grant.clone());
                        let grant = if u.arbitrary()? { own } else { grant };
                        let made = table.derive(parent, grant.clone(), holder, now);
                        if let Ok(handle) = made {
                            oracle.add(handle, grant, holder, Some(parent));
                        }
                    }
                }
                8 => {
                    if let Some(handle) = oracle.any(u)? {
                        assert_eq!(table.revoke(handle), oracle.revoke(handle));
                    }
                }
                9 => {
                    if let Some(handle) = oracle.any(u)? {
                        let is_spent = table.spend(handle, now).is_ok();
                        assert_eq!(is_spent, oracle.spend(handle, now));
                    }
                }
                10 => now = Timestamp(now.0 + 500),
                _ => {
                    if u.arbitrary()? {
                        assert_eq!(table.sweep(now), oracle.sweep(now));
                    } else if let Some(handle) = oracle.any(u)? {
                        let is_confirmed = table.confirm_once(handle, now).is_ok();
                        assert_eq!(is_confirmed, oracle.confirm_once(handle, now));
                    }
                }
            }
            assert_eq!(table.len(), oracle.len());
            let holder = Holder(u.int_in_range(0..=2)?);
            oracle::with_request(u, |request| {
                let verdict = table.decide(holder, request, now);
                assert_eq!(verdict, oracle.decide(holder, request, now), "{request:?}");
            })?;
        }
        Ok(())
    });
}

/// Whatever a chain of holders hands on, nobody at its end may do what its beginning may not.
#[test]
fn no_chain_of_derivations_widens() {
    arbtest(|u| {
        let mut table = Table::new();
        let root = oracle::grant(u)?;
        let Ok(mut last) = table.grant(root.clone(), NOW) else { return Ok(()) };
        let mut holder = Holder::AGENT;
        for number in 1..=4 {
            let next = Holder(number);
            if let Ok(handle) = table.derive(last, oracle::grant(u)?, next, NOW) {
                (last, holder) = (handle, next);
            }
        }
        for _ in 0..8 {
            oracle::with_request(u, |request| {
                // A command needs file grants besides, which this chain has none of.
                let end = table.decide(holder, request, NOW);
                let start = table.decide(Holder::AGENT, request, NOW);
                match (start, end) {
                    (_, Verdict::Uncovered | Verdict::Denied { .. }) => {}
                    (Verdict::Covered { level: of_start, .. }, Verdict::Covered { level, .. }) => {
                        assert!(level >= of_start, "{root}: {request:?}");
                    }
                    (start, end) => panic!("{root}: {request:?}: {start:?}, then {end:?}"),
                }
            })?;
        }
        Ok(())
    });
}

/// Grants in any order say the same, but for which of equals is used; a denial always wins.
#[test]
fn the_order_of_grants_does_not_matter() {
    arbtest(|u| {
        let mut grants = Vec::new();
        for _ in 0..u.int_in_range(1..=8)? {
            grants.push(oracle::grant(u)?);
        }
        let mut shuffled = grants.clone();
        for place in (1..shuffled.len()).rev() {
            shuffled.swap(place, u.int_in_range(0..=place)?);
        }
        let denial = oracle::grant(u)?;
        let make = |grants: &[Grant]| {
            let mut table = Table::new();
            for grant in grants {
                let _ = table.grant(grant.clone(), NOW);
            }
            table
        };
        let (straight, mixed) = (make(&grants), make(&shuffled));
        let mut forbidding = mixed.clone();
        let forbidden = Grant { level: Level::Deny, uses: None, ..denial };
        let is_made = forbidding.grant(forbidden.clone(), NOW).is_ok();
        for _ in 0..6 {
            oracle::with_request(u, |request| {
                let said = answer(&straight, request);
                assert_eq!(said, answer(&mixed, request), "{request:?}");
                // A rule against some requests leaves a place in reach: the proxy sees them.
                let is_of_requests =
                    matches!(forbidden.resource, Resource::Connect { http: Some(_), .. });
                let is_looked_at = matches!(request, Request::Reach(_)) && is_of_requests;
                let is_command = matches!(request, Request::Command { .. });
                if is_made && !is_command && !is_looked_at {
                    let allowed = make(&[Grant { level: Level::Allow, ..forbidden.clone() }]);
                    let expected = if answer(&allowed, request) == "allow" { "deny" } else { said };
                    let now = answer(&forbidding, request);
                    assert!(now == expected || now == "deny", "{request:?}: {said}, {now}");
                }
            })?;
        }
        Ok(())
    });
}

/// What a grant says of itself is what the table does with it.
#[test]
fn within_means_covered() {
    arbtest(|u| {
        let (narrow, wide) = (oracle::grant(u)?, oracle::grant(u)?);
        if !narrow.resource.is_within(&wide.resource) {
            return Ok(());
        }
        let make = |grant: &Grant| {
            let mut table = Table::new();
            let _ = table.grant(Grant::new(grant.resource.clone(), Level::Allow), NOW);
            table
        };
        let (narrow_table, wide_table) = (make(&narrow), make(&wide));
        for _ in 0..8 {
            oracle::with_request(u, |request| {
                let is_widened = answer(&narrow_table, request) == "allow"
                    && answer(&wide_table, request) == "no";
                let (narrow, wide) = (String::from(&*narrow_text(&narrow)), narrow_text(&wide));
                assert!(!is_widened, "{narrow} in {wide}: {request:?}");
            })?;
        }
        Ok(())
    });
}

fn narrow_text(grant: &Grant) -> String {
    alloc::format!("{grant}")
}
