//! Keys of other times: what `luperiq-sentinel` 0.2 called things, and what takes their place.
//!
//! Whoever brings a file along is told, key by key, what to write now. They are not read: a grant
//! says more than a list of paths did, and a person should have chosen it.

/// What takes the place of a key that is not one any more.
pub(super) fn successor(section: &str, key: &str) -> Option<&'static str> {
    Some(match (section, key) {
        ("anthropic" | "openai", "max_tokens") => "it is called reply_tokens now",
        ("agent", "system_prompt") => "it is called instructions now",
        ("agent", "provider") => {
            "each model has a section of its own, [anthropic], [openai] or [models.NAME]; 'model' \
             under [agent] names the one that is asked first"
        }
        ("security", "allowed_read_paths") => {
            "grants took its place: grants = [\"read,list /srv/work\"], one for each path"
        }
        ("security", "allowed_write_paths") => {
            "grants took its place: grants = [\"write /srv/work\"], one for each path; with 'ask' \
             behind it, each use is asked about"
        }
        ("security", "allowed_commands") => {
            "grants took its place: grants = [\"run /usr/bin/git log|status\"], one for each \
             program"
        }
        ("security", "command_timeout") => "it is call_seconds under [agent] now, for every tool",
        ("security", "sandbox") => {
            "the process always confines itself; --no-sandbox starts it without, this once"
        }
        ("security", "audit_log_path") => {
            "everything is in the log in the state directory; 'sentinel audit export' writes it \
             out as JSON lines"
        }
        _ => return None,
    })
}
