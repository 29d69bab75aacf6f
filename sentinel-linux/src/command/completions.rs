//! `sentinel completions`: what a shell needs to complete a command line, from the table of
//! commands.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use super::{Arguments, COMMON, Command, Switch, all};
use crate::print::print;

pub(super) const COMMANDS: &[Command] = &[Command {
    name: "completions",
    operands: "bash|zsh|fish",
    operands_max: 1,
    summary: "what your shell completes commands by",
    details: "\
  sentinel completions bash > ~/.local/share/bash-completion/completions/sentinel
  sentinel completions zsh > ~/.zfunc/_sentinel       (with ~/.zfunc in fpath)
  sentinel completions fish > ~/.config/fish/completions/sentinel.fish",
    options: &[],
    run: completions,
}];

fn completions(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let shell = arguments.operands.first().and_then(|word| word.to_str());
    let script = match shell {
        Some("bash") => bash(),
        Some("zsh") => zsh(),
        Some("fish") => fish(),
        Some(other) => {
            return Err(format!("'{other}' is not known here: bash, zsh or fish").into());
        }
        None => return Err("which shell: bash, zsh or fish?".into()),
    };
    print!("{script}");
    Ok(ExitCode::SUCCESS)
}

/// A command line so far, by the words that are no options: the first word of a command, all of
/// it, or what it may go on with.
fn first_words() -> Vec<&'static str> {
    let words = all().filter_map(|command| command.name.split(' ').next());
    let mut words: Vec<&str> = words.collect();
    // Families stand together in the table.
    words.dedup();
    words
}

/// The second words of a family like `config`, or the words that a command takes by name.
fn second_words(first: &str) -> Vec<&'static str> {
    let family = format!("{first} ");
    let words = all().filter_map(|command| command.name.strip_prefix(family.as_str()));
    let words: Vec<&str> = words.collect();
    if !words.is_empty() {
        return words;
    }
    let command = all().find(|command| command.name == first);
    command.map_or_else(Vec::new, |command| choices(command.operands))
}

/// The words of `a|b|c`; none if the operands are not such a list.
fn choices(operands: &'static str) -> Vec<&'static str> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|it| it.is_ascii_lowercase());
    let words: Vec<&str> = operands.split('|').collect();
    if words.len() > 1 && words.iter().all(|word| is_word(word)) { words } else { Vec::new() }
}

/// What the value of an option is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    None,
    File,
    Directory,
    Text,
}

fn value(switch: &Switch) -> Value {
    match switch.value {
        "" => Value::None,
        "FILE" | "PATH" => Value::File,
        "DIRECTORY" => Value::Directory,
        _ => Value::Text,
    }
}

fn switches(command: &'static Command) -> impl Iterator<Item = &'static Switch> {
    command.options.iter().chain(COMMON)
}

fn long(switches: impl Iterator<Item = &'static Switch>) -> String {
    switches.map(|switch| format!("--{}", switch.name)).collect::<Vec<_>>().join(" ")
}

/// The options that take a value of a kind, of all commands, once each.
fn of_kind(kind: Value) -> Vec<String> {
    let all = COMMON.iter().chain(all().flat_map(|command| command.options));
    let mut names: Vec<String> = Vec::new();
    for switch in all.filter(|switch| value(switch) == kind) {
        let short = switch.short.map(|letter| format!("-{letter}"));
        for name in [Some(format!("--{}", switch.name)), short].into_iter().flatten() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

fn bash() -> String {
    let mut out = String::from(BASH_BEGIN);
    for (kind, reply) in [
        (Value::File, "mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); return"),
        (Value::Directory, "mapfile -t COMPREPLY < <(compgen -d -- \"$word\"); return"),
        (Value::Text, "return"),
    ] {
        let names = of_kind(kind);
        if !names.is_empty() {
            let _ = writeln!(out, "        {}) {reply} ;;", names.join("|"));
        }
    }
    let valued: Vec<String> =
        [Value::File, Value::Directory, Value::Text].into_iter().flat_map(of_kind).collect();
    out.push_str(&BASH_WORDS.replace("VALUED", &valued.join("|")));
    let _ = writeln!(
        out,
        "        '') words='{}' options='{}' ;;",
        first_words().join(" "),
        long(COMMON.iter())
    );
    for first in first_words() {
        let family = second_words(first);
        let own = all().find(|command| command.name == first);
        let options = own.map_or_else(|| long(COMMON.iter()), |command| long(switches(command)));
        let _ = writeln!(out, "        {first})");
        let _ =
            writeln!(out, "            if [[ -z $second ]]; then words='{}'; fi", family.join(" "));
        let _ = writeln!(out, "            options='{options}'");
        let named = all().filter(|command| command.name.starts_with(&format!("{first} ")));
        let named: Vec<&Command> = named.collect();
        if !named.is_empty() {
            out.push_str("            case $second in\n");
            for command in named {
                let second = command.name.rsplit(' ').next().unwrap_or_default();
                let more = choices(command.operands).join(" ");
                let options = long(switches(command));
                let _ = writeln!(
                    out,
                    "                {second}) words='{more}' options='{options}' ;;"
                );
            }
            out.push_str("            esac\n");
        }
        out.push_str("            ;;\n");
    }
    out.push_str(BASH_END);
    out
}

const BASH_BEGIN: &str = r"# Completes sentinel in bash; written by 'sentinel completions bash'.
_sentinel() {
    local word=${COMP_WORDS[COMP_CWORD]}
    local before=${COMP_WORDS[COMP_CWORD-1]}
    local first= second= skip= part
    COMPREPLY=()
    case $before in
";

/// The words so far that are no options and no values of them.
const BASH_WORDS: &str = r#"    esac
    for part in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ -n $skip ]]; then skip=; continue; fi
        case $part in
            VALUED) skip=1 ;;
            -*) ;;
            *)
                if [[ -z $first ]]; then first=$part
                elif [[ -z $second ]]; then second=$part; fi ;;
        esac
    done
    local words= options=
    case $first in
"#;

const BASH_END: &str = r#"    esac
    if [[ $word == -* ]]; then words=$options; fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _sentinel sentinel
"#;

fn zsh() -> String {
    let mut out = String::from(
        "#compdef sentinel\n# Completes sentinel in zsh; written by 'sentinel completions zsh'.\n\
         _sentinel() {\n    local curcontext=$curcontext state line\n    local -a words_first\n    \
         words_first=(\n",
    );
    for first in first_words() {
        let own = all().find(|command| command.name == first);
        let about = own
            .map_or_else(|| second_words(first).join(", "), |command| command.summary.to_string());
        let _ = writeln!(out, "        '{first}:{}'", quoted(&about));
    }
    out.push_str("    )\n    local -a common\n    common=(\n");
    for switch in COMMON {
        let _ = writeln!(out, "        {}", zsh_switch(switch));
    }
    out.push_str(
        "    )\n    _arguments -C $common '1: :->first' '*:: :->rest'\n    case $state in\n        \
         first) _describe command words_first ;;\n        rest)\n            case $words[1] in\n",
    );
    for first in first_words() {
        let _ = writeln!(out, "                {first})");
        let family: Vec<&Command> =
            all().filter(|command| command.name.starts_with(&format!("{first} "))).collect();
        if family.is_empty() {
            let own = all().find(|command| command.name == first);
            let options = own.map_or(&[][..], |command| command.options);
            let words = own.map_or_else(Vec::new, |command| choices(command.operands));
            let _ = writeln!(out, "                    {}", zsh_arguments(options, &words));
        } else {
            let words: Vec<&str> =
                family.iter().filter_map(|command| command.name.split(' ').nth(1)).collect();
            let _ = writeln!(
                out,
                "                    if (( CURRENT == 2 )); then\n                        \
                 compadd {}\n                    else\n                        \
                 shift words; (( CURRENT-- )); case $words[1] in",
                words.join(" ")
            );
            for command in family {
                let second = command.name.rsplit(' ').next().unwrap_or_default();
                let arguments = zsh_arguments(command.options, &choices(command.operands));
                let _ = writeln!(out, "                        {second}) {arguments} ;;");
            }
            out.push_str("                    esac; fi\n");
        }
        out.push_str("                    ;;\n");
    }
    out.push_str(
        "            esac ;;\n    esac\n}\n\
         if [[ $funcstack[1] == _sentinel ]]; then _sentinel \"$@\"; \
         else compdef _sentinel sentinel; fi\n",
    );
    out
}

fn zsh_arguments(options: &'static [Switch], words: &[&str]) -> String {
    let own: Vec<String> = options.iter().map(zsh_switch).collect();
    let words = match words.is_empty() {
        true => String::new(),
        false => format!(" '*: :({})'", words.join(" ")),
    };
    let own = if own.is_empty() { String::new() } else { format!(" {}", own.join(" ")) };
    format!("_arguments $common{own}{words}")
}

fn zsh_switch(switch: &Switch) -> String {
    let summary = quoted(switch.summary).replace('[', "\\[").replace(']', "\\]");
    let value = match value(switch) {
        Value::None => "",
        Value::File => ":file:_files",
        Value::Directory => ":directory:_files -/",
        Value::Text => ":value: ",
    };
    let name = switch.name;
    match switch.short {
        Some(letter) => {
            format!("'(-{letter} --{name})'{{-{letter},--{name}}}'[{summary}]{value}'")
        }
        None => format!("'--{name}[{summary}]{value}'"),
    }
}

/// Text within single quotes, where a colon ends a name.
fn quoted(text: &str) -> String {
    text.replace('\'', "'\\''").replace(':', "\\:")
}

fn fish() -> String {
    let mut out = String::from(
        "# Completes sentinel in fish; written by 'sentinel completions fish'.\n\
         complete -c sentinel -f\n",
    );
    for switch in COMMON {
        fish_switch(&mut out, "", switch);
    }
    for first in first_words() {
        let own = all().find(|command| command.name == first);
        let about = own
            .map_or_else(|| second_words(first).join(", "), |command| command.summary.to_string());
        let _ = writeln!(
            out,
            "complete -c sentinel -n __fish_use_subcommand -a {first} -d '{}'",
            fish_quoted(&about)
        );
        let seconds = second_words(first);
        if !seconds.is_empty() {
            let seconds = seconds.join(" ");
            let _ = writeln!(
                out,
                "complete -c sentinel -n '__fish_seen_subcommand_from {first}; and not \
                 __fish_seen_subcommand_from {seconds}' -a '{seconds}'"
            );
        }
        for switch in own.map_or(&[][..], |command| command.options) {
            fish_switch(&mut out, &format!("__fish_seen_subcommand_from {first}"), switch);
        }
    }
    for command in all() {
        let Some((first, second)) = command.name.split_once(' ') else { continue };
        let seen = format!(
            "__fish_seen_subcommand_from {first}; and __fish_seen_subcommand_from {second}"
        );
        for switch in command.options {
            fish_switch(&mut out, &seen, switch);
        }
    }
    out
}

fn fish_switch(out: &mut String, when: &str, switch: &Switch) {
    let when = if when.is_empty() { String::new() } else { format!(" -n '{when}'") };
    let short = switch.short.map(|letter| format!(" -s {letter}")).unwrap_or_default();
    let value = match value(switch) {
        Value::None => "",
        Value::File => " -r -F",
        Value::Directory => " -x -a '(__fish_complete_directories)'",
        Value::Text => " -x",
    };
    let _ = writeln!(
        out,
        "complete -c sentinel{when} -l {}{short}{value} -d '{}'",
        switch.name,
        fish_quoted(switch.summary)
    );
}

fn fish_quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_option_is_in_every_script() {
        for script in [bash(), zsh(), fish()] {
            for command in all() {
                for word in command.name.split(' ') {
                    assert!(script.contains(word), "{word}");
                }
                for switch in switches(command) {
                    assert!(script.contains(switch.name), "{}", switch.name);
                }
            }
        }
    }

    #[test]
    fn only_a_list_of_words_is_taken_for_one() {
        assert_eq!(choices("bash|zsh|fish"), ["bash", "zsh", "fish"]);
        assert!(choices("[FILE]").is_empty() && choices("NUMBER").is_empty());
        assert!(choices("").is_empty());
    }
}
