//! A whole agent with the offline model: a message in, effects out, and the log done again.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;

use sentinel_core::agent::{Model, Provider, Settings, ToolOutput};
use sentinel_core::channel::{AccessRules, Incoming, Platform, Post, Standing};
use sentinel_core::control::{Command, Control};
use sentinel_core::journal::{EpochSeed, JournalId, KeyRing, MasterKey};
use sentinel_core::llm::{Dialect, Thinking};
use sentinel_core::runtime::{Effect, Event, Secrets, Sentinel};
use sentinel_core::time::{Instant, Now, Timestamp};
use sentinel_core::tool::Tools;
use sentinel_core::wire::http::Headers;

const NOW: Now = Now { instant: Instant(1), wall: Timestamp(2) };

/// One message and all that is done for it.
pub(crate) fn exercise(input: &[u8], output: &mut String) {
    let settings = Arc::new(settings());
    let Ok(mut sentinel) = Sentinel::create(settings.clone(), secrets(input), NOW) else { return };
    let (mut log, mut ring) = (Vec::new(), KeyRing::new());
    if let Ok(incoming) = Incoming::from_json(input) {
        tell(&mut sentinel, Event::Message(incoming));
    }
    while let Some(effect) = sentinel.poll() {
        match effect {
            Effect::Persist { bytes, records_count, .. } => {
                log.extend_from_slice(&bytes);
                tell(&mut sentinel, Event::Persisted { records_count });
            }
            Effect::StoreKeys { ring: bytes } => {
                ring = KeyRing::from_bytes(&bytes).unwrap_or_default();
            }
            Effect::AskModel { exchange, request, .. } => {
                output.push_str(request.path);
                let (status, headers) = (200, &Headers::new());
                tell(&mut sentinel, Event::ModelHead { exchange, status, headers });
                tell(&mut sentinel, Event::ModelBody { exchange, bytes: input });
                tell(&mut sentinel, Event::ModelEnd { exchange });
            }
            Effect::RunTool { number, call, .. } => {
                let content = call.tool().to_string();
                let output = ToolOutput { content, is_error: false };
                tell(&mut sentinel, Event::ToolFinished { call: number, output });
            }
            Effect::Post { delivery, post, .. } => match post {
                Post::Send { piece, text, .. } => {
                    output.push_str(&text);
                    tell(&mut sentinel, Event::Sent { delivery, piece, message: "1" });
                }
                Post::Edit { piece, .. } => tell(&mut sentinel, Event::Edited { delivery, piece }),
                Post::Typing => {}
            },
            _ => {}
        }
    }
    let find = |_: &[u8; 32]| Some(settings.clone());
    let files = [log.as_slice()];
    match Sentinel::resume(settings.clone(), &find, secrets(input), ring, &files, NOW) {
        Ok(resumed) => {
            output.push_str(&resumed.records_count.to_string());
            manage(resumed.sentinel, input, output);
        }
        Err(error) => output.push_str(&error.to_string()),
    }
}

/// A client says all this, and is answered.
fn manage(mut sentinel: Sentinel, input: &[u8], output: &mut String) {
    let mut control = Control::new();
    let client = control.open(NOW.instant);
    control.received(client, input, NOW.instant);
    while let Some(Command { request, command }) = control.poll(&sentinel, NOW) {
        tell(&mut sentinel, Event::Operator { request, command });
        while let Some(effect) = sentinel.poll() {
            if let Effect::Tell { request, outcome } = effect {
                control.told(request, &outcome);
            }
        }
    }
    output.push_str(&String::from_utf8_lossy(control.output(client)));
}

fn tell(sentinel: &mut Sentinel, event: Event<'_>) {
    // A refused event changes nothing, which is what this image can do about it.
    let _ = sentinel.handle(NOW, event);
}

fn settings() -> Settings {
    let mut settings = Settings::nothing();
    for (name, provider) in
        [("offline", Provider::Offline), ("other", Provider::Service(Dialect::Anthropic))]
    {
        settings.models.push(Model {
            name: name.into(),
            provider,
            reply_tokens_max: 100,
            context_tokens_max: 1000,
            thinking: Thinking::Unset,
            sees_pictures: false,
        });
    }
    settings.tools = Tools::builtin();
    settings.grants.extend("model *".parse());
    settings.platforms.push(Platform::TERMINAL);
    if let Ok(rules) = AccessRules::new().person("terminal", "1", Standing::Operator) {
        settings.access = rules;
    }
    settings
}

fn secrets(input: &[u8]) -> Secrets {
    let mut entropy = [0; 32];
    for (own, byte) in entropy.iter_mut().zip(input) {
        *own = *byte;
    }
    Secrets {
        journal: JournalId([0; 8]),
        origin: "example.com/metal".into(),
        seed: EpochSeed::first(entropy),
        master: MasterKey::new(entropy),
        entropy,
    }
}
