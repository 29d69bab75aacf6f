//! What a configuration comes to.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::{config, read_with};
use crate::agent::Provider;
use crate::config::{SealKey, SecretSource, show};

#[test]
fn an_empty_file_is_the_offline_model_in_the_terminal_with_little_granted() {
    let config = config("");
    let settings = config.settings();
    assert_eq!(settings.models.len(), 1);
    assert_eq!(settings.models[0].provider, Provider::Offline);
    assert_eq!(settings.workspace, "/srv/work");
    assert!(config.connectors().is_empty() && config.terminal().is_some());
    let grants: Vec<_> = settings.grants.iter().map(ToString::to_string).collect();
    assert_eq!(
        grants,
        [
            "read,list /srv/work",
            "model offline",
            "deny write /srv/work/sentinel.toml",
            "deny read,write,list /home/ada/.local/state/sentinel",
        ]
    );
    let key = SecretSource::File("/home/ada/.local/state/sentinel/journal.key".into());
    assert_eq!(config.state().key, SealKey::Key(key));
}

#[test]
fn what_is_shown_reads_back() {
    let first = config("");
    let text = show(&first);
    let reading = read_with(&text, &[]);
    assert!(reading.diagnostics.is_empty(), "{text}\n{:#?}", reading.diagnostics);
    assert_eq!(reading.config.unwrap(), first, "{text}");
}
