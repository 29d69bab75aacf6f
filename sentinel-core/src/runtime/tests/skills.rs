//! Skills: approved, changed, switched off, and what that means for calls and for restarts.

use super::shell::{Shell, calling, service};
use super::*;
use crate::agent::{Installed, Settings, SkillState};
use crate::label::{Effect as ToolEffect, ToolRole};
use crate::llm::ToolDefinition;
use crate::tool::{Call, Needs};

const DIGEST: [u8; 32] = [5; 32];

/// A model's last word.
pub(super) const OVER: &str = r#"{"choices":[{"index":0,"finish_reason":"stop","message":
    {"role":"assistant","content":"ok"}}]}"#;

/// Settings with a skill that has one tool, which is handed a file.
fn with_skill(grants: &[&str], digest: [u8; 32], installed: Installed) -> Settings {
    let mut own = service(grants);
    let definition = ToolDefinition {
        name: "tea__brew".into(),
        description: "Brews.".into(),
        parameters: r#"{"type":"object"}"#.into(),
    };
    let needs = Needs { files: Vec::from(["leaf".into()]), ..Needs::default() };
    own.tools.add_with(definition, ToolRole::new(ToolEffect::Read), true, needs).unwrap();
    own.skills.insert("tea__brew".into(), "tea".into());
    own.installed.insert("tea".into(), Installed { digest, ..installed });
    own.digest = digest;
    own
}

pub(super) fn approve_tea() -> OperatorCommand {
    approve(DIGEST)
}

pub(super) fn plain(grants: &[&str]) -> Settings {
    with_skill(grants, DIGEST, Installed::default())
}

fn approve(digest: [u8; 32]) -> OperatorCommand {
    OperatorCommand::ApproveSkill { name: "tea".into(), digest }
}

fn switch(is_enabled: bool) -> OperatorCommand {
    OperatorCommand::SwitchSkill { name: "tea".into(), is_enabled }
}

fn state(shell: &Shell) -> SkillState {
    shell.sentinel.skills(shell.now().wall).next().unwrap().state
}

/// Whether the call runs.
fn runs(shell: &mut Shell, arguments: &str) -> bool {
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &calling("tea__brew", &[arguments]));
    let runs = !shell.calls.is_empty();
    if runs {
        assert!(matches!(&shell.calls[0].1, Call::Foreign(call) if call.tool() == "tea__brew"));
        shell.give_back("hot");
    }
    shell.answer(200, &[], OVER);
    runs
}

#[test]
fn a_skill_runs_while_it_is_what_was_approved() {
    let grants = ["model offline", "skill tea"];
    let mut shell = Shell::new(plain(&grants));
    assert_eq!(state(&shell), SkillState::New);
    assert!(!runs(&mut shell, "{}"));
    assert!(!shell.request.contains("\"tea__brew\",\"description\""), "{}", shell.request);
    shell.operate(approve(DIGEST)).unwrap();
    assert_eq!(state(&shell), SkillState::Ready);
    assert!(runs(&mut shell, "{}"));
    shell.restart();
    assert!(runs(&mut shell, "{}"), "what was approved is in the log");
    shell.operate(OperatorCommand::Snapshot).unwrap();
    shell.restart();
    assert!(runs(&mut shell, "{}"), "and in a snapshot");
    shell.operate(switch(false)).unwrap();
    assert_eq!(state(&shell), SkillState::Disabled);
    assert!(!runs(&mut shell, "{}"));
    shell.operate(switch(true)).unwrap();
    assert!(runs(&mut shell, "{}"));
    // One byte of it changed.
    shell.restart_with(with_skill(&grants, [6; 32], Installed::default()));
    assert_eq!(state(&shell), SkillState::Changed(DIGEST));
    assert!(!runs(&mut shell, "{}"));
    let said = shell.operate(approve([7; 32])).unwrap();
    assert!(said.contains("it holds once"), "{said}");
    assert!(!runs(&mut shell, "{}"));
    shell.operate(approve([6; 32])).unwrap();
    assert!(runs(&mut shell, "{}"));
}

#[test]
fn a_skill_without_what_it_requires_does_not_run() {
    let required = Vec::from(["connect api.example".parse().unwrap()]);
    let installed = Installed { required, ..Installed::default() };
    let grants = ["model offline", "skill tea"];
    let mut shell = Shell::new(with_skill(&grants, DIGEST, installed));
    shell.operate(approve(DIGEST)).unwrap();
    assert!(matches!(state(&shell), SkillState::Lacking(lacking) if lacking.len() == 1));
    assert!(!runs(&mut shell, "{}"));
    shell.operate(OperatorCommand::Grant("connect api.example".into())).unwrap();
    assert!(runs(&mut shell, "{}"));
    shell.operate(OperatorCommand::Grant("deny connect api.example".into())).unwrap();
    assert!(!runs(&mut shell, "{}"));
}

#[test]
fn a_call_is_handed_what_may_be_read_and_what_its_skill_may_have() {
    let never = Vec::from(["read /srv/agent/key".parse().unwrap()]);
    let installed = Installed { never, ..Installed::default() };
    let grants = ["model offline", "skill tea", "read /srv/agent", "deny read /srv/agent/pot"];
    let mut shell = Shell::new(with_skill(&grants, DIGEST, installed));
    shell.operate(approve(DIGEST)).unwrap();
    for (arguments, expected) in [
        (r#"{"leaf":"green"}"#, true),
        (r#"{"leaf":["green","black"]}"#, true),
        (r#"{"leaf":null}"#, true),
        (r#"{"leaf":"/etc/passwd"}"#, false),
        (r#"{"leaf":["green","/etc/passwd"]}"#, false),
        (r#"{"leaf":"../green"}"#, false),
        (r#"{"leaf":"pot"}"#, false),
        (r#"{"leaf":"key"}"#, false),
        (r#"{"leaf":7}"#, false),
    ] {
        assert_eq!(runs(&mut shell, arguments), expected, "{arguments}");
    }
}

#[test]
fn a_call_under_way_ends_when_its_skill_is_switched_off() {
    let mut shell = Shell::new(plain(&["model offline", "skill tea"]));
    shell.operate(approve(DIGEST)).unwrap();
    shell.write("1", "c1", "go");
    shell.answer(200, &[], &calling("tea__brew", &["{}"]));
    assert_eq!(shell.calls.len(), 1);
    shell.operate(switch(false)).unwrap();
    let (call, _) = shell.calls.pop().unwrap();
    let output = ToolOutput { content: "words-of-tea".into(), is_error: false };
    shell.tell(Event::ToolFinished { call, output });
    shell.wait();
    assert!(
        !shell.request.contains("words-of-tea") && shell.request.contains("stopped"),
        "{}",
        shell.request
    );
}

#[test]
fn nobody_approves_without_end() {
    let mut shell = Shell::new(plain(&["model offline"]));
    for name in ["", "Tea", "a b", "a\n", &"x".repeat(32)] {
        let command = OperatorCommand::ApproveSkill { name: name.into(), digest: DIGEST };
        assert!(shell.operate(command).is_err(), "{name:?}");
    }
    shell.operate(approve(DIGEST)).unwrap();
    for number in 0..2 * crate::limits::SKILLS_COUNT_MAX {
        let name = alloc::format!("s{number}");
        shell.operate(OperatorCommand::ApproveSkill { name, digest: DIGEST }).unwrap();
    }
    assert_eq!(state(&shell), SkillState::Ready, "one that is there is not pushed out");
}

/// A skill that lists other tools than the approved ones is not used from there on: what runs is
/// stopped, and what was ordered is not begun.
#[test]
fn a_skill_that_differs_is_stopped_like_one_that_is_switched_off() {
    for is_slow in [false, true] {
        let mut shell = Shell::new(plain(&["model offline", "skill tea"]));
        shell.operate(approve(DIGEST)).unwrap();
        shell.write("1", "c1", "go");
        shell.is_slow = is_slow;
        shell.answer(200, &[], &calling("tea__brew", &["{}"]));
        assert_eq!(shell.calls.len(), usize::from(!is_slow));
        shell.tell(Event::SkillDiffers { skill: "tea".into(), digest: DIGEST });
        shell.is_slow = false;
        for records_count in core::mem::take(&mut shell.unsafe_counts) {
            shell.tell(Event::Persisted { records_count });
        }
        shell.wait();
        match shell.calls.pop() {
            Some((call, _)) if !is_slow => {
                let output = ToolOutput { content: "words-of-tea".into(), is_error: false };
                shell.tell(Event::ToolFinished { call, output });
                shell.wait();
            }
            call => assert!(call.is_none(), "it is not used any more: {call:?}"),
        }
        let request = &shell.request;
        assert!(!request.contains("words-of-tea") && request.contains("stopped"), "{request}");
        assert_eq!(state(&shell), SkillState::New);
        shell.restart();
    }
}
