//! A small Telegram: the Bot API with long polls, as far as an agent uses it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sentinel_core::text::json::{self, Value};

use crate::agent::TOKEN;
use crate::chats::Chats;
use crate::server::{Ask, Mishaps, Reply, Service};

#[derive(Default)]
pub struct Telegram {
    pub chats: Chats,
    pub mishaps: Mishaps,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Updates that nobody confirmed yet.
    updates: VecDeque<(u64, String)>,
    updates_count: u64,
    messages_count: u64,
    /// Whether updates are told twice, and the later one first.
    is_confused: bool,
    commands: String,
    answered_presses: Vec<String>,
    /// Files by id: their bytes.
    files: BTreeMap<String, Vec<u8>>,
}

impl Telegram {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Somebody writes, in a chat of theirs with the bot.
    pub fn write(&self, sender: u64, text: &str) {
        self.message(sender, &private(sender), &format!(r#""text":{}"#, quoted(text)));
    }

    /// Somebody writes in a group, in a topic of it if there is one.
    pub fn write_in(&self, group: i64, topic: Option<u64>, sender: u64, text: &str) {
        let chat = format!(r#"{{"id":{group},"type":"supergroup","title":"G","is_forum":true}}"#);
        let mut rest = format!(r#""text":{}"#, quoted(text));
        // Mentions are told by their place, in units of UTF-16.
        if let Some(at) = text.find("@sbot") {
            rest += &format!(r#","entities":[{{"type":"mention","offset":{at},"length":5}}]"#);
        }
        if let Some(topic) = topic {
            rest += &format!(r#","message_thread_id":{topic},"is_topic_message":true"#);
        }
        self.message(sender, &chat, &rest);
    }

    fn message(&self, sender: u64, chat: &str, rest: &str) {
        let mut inner = self.inner.lock().unwrap();
        inner.messages_count += 1;
        let id = inner.messages_count;
        let from = person(sender);
        let head = format!(r#""message_id":{id},"date":1,"from":{from},"chat":{chat}"#);
        inner.update(&format!(r#""message":{{{head},{rest}}}"#));
    }

    /// Somebody sends a file, with a word about it.
    pub fn attach(&self, sender: u64, text: &str, id: &str, name: &str, bytes: &[u8]) {
        self.inner.lock().unwrap().files.insert(id.into(), bytes.into());
        let size = bytes.len();
        let file =
            format!(r#"{{"file_id":"{id}","file_name":{},"file_size":{size}}}"#, quoted(name));
        let rest = format!(r#""caption":{},"document":{file}"#, quoted(text));
        self.message(sender, &private(sender), &rest);
    }

    /// Somebody presses a button of a message in their chat.
    pub fn press(&self, sender: u64, chat: u64, message: u64, data: &str) {
        let mut inner = self.inner.lock().unwrap();
        let id = inner.updates_count + 1;
        let message = format!(
            r#"{{"message_id":{message},"date":1,"chat":{},"from":{{"id":12,"is_bot":true}}}}"#,
            private(chat)
        );
        let from = person(sender);
        inner.update(&format!(
            r#""callback_query":{{"id":"q{id}","from":{from},"message":{message},"data":"{data}"}}"#
        ));
    }

    pub fn confuse(&self) {
        self.inner.lock().unwrap().is_confused = true;
    }

    /// How many updates nobody has confirmed.
    pub fn waiting(&self) -> usize {
        self.inner.lock().unwrap().updates.len()
    }

    pub fn commands(&self) -> String {
        self.inner.lock().unwrap().commands.clone()
    }

    pub fn answered_presses(&self) -> usize {
        self.inner.lock().unwrap().answered_presses.len()
    }

    fn poll(&self, offset: u64) -> Reply {
        // It waits, for a little.
        for _ in 0..25 {
            let mut inner = self.inner.lock().unwrap();
            inner.updates.retain(|(id, _)| *id >= offset);
            if !inner.updates.is_empty() {
                let texts = inner.updates.iter().map(|(_, text)| text.as_str());
                let mut texts: Vec<&str> = texts.collect();
                if inner.is_confused {
                    texts.reverse();
                    let again = texts.clone();
                    texts.extend(again);
                }
                return done(&format!("[{}]", texts.join(",")));
            }
            drop(inner);
            thread::sleep(Duration::from_millis(10));
        }
        done("[]")
    }
}

impl Inner {
    fn update(&mut self, what: &str) {
        self.updates_count += 1;
        let id = self.updates_count;
        self.updates.push_back((id, format!(r#"{{"update_id":{id},{what}}}"#)));
    }
}

impl Service for Telegram {
    fn word(&self, ask: &Ask) -> String {
        if ask.path.starts_with("/file/") {
            return "file".into();
        }
        ask.path.rsplit('/').next().unwrap_or_default().to_string()
    }

    fn answer(&self, ask: &Ask) -> Reply {
        if let Some(path) = ask.path.strip_prefix(&format!("/file/bot{TOKEN}/files/")) {
            let bytes = self.inner.lock().unwrap().files.get(path).cloned();
            return match bytes {
                Some(body) => Reply { status: 200, fields: String::new(), body, pause: None },
                None => Reply::json(404, r#"{"ok":false,"error_code":404}"#),
            };
        }
        if !ask.path.starts_with(&format!("/bot{TOKEN}/")) {
            return failed(401, "Unauthorized");
        }
        let text = if ask.body.is_empty() { b"{}".to_vec() } else { ask.body.clone() };
        let document = json::parse(&text).unwrap();
        let root = document.root();
        let number = |name: &str| root.find(name).and_then(|value| value.as_i64().ok());
        let chat = || {
            let topic = number("message_thread_id").map(|topic| format!("/{topic}"));
            format!("{}{}", number("chat_id").unwrap(), topic.unwrap_or_default())
        };
        let words = || root.get("text").unwrap().as_str().unwrap();
        match self.word(ask).as_str() {
            "getMe" => done(r#"{"id":12,"is_bot":true,"first_name":"S","username":"sbot"}"#),
            "getUpdates" => self.poll(u64::try_from(number("offset").unwrap_or(0)).unwrap()),
            "sendMessage" => {
                if words().encode_utf16().count() > 4096 {
                    return failed(400, "Bad Request: message is too long");
                }
                let mut inner = self.inner.lock().unwrap();
                inner.messages_count += 1;
                let id = inner.messages_count;
                drop(inner);
                self.chats.add(&chat(), id, words(), buttons(root));
                done(&format!(
                    r#"{{"message_id":{id},"date":1,"chat":{{"id":{},"type":"private"}}}}"#,
                    number("chat_id").unwrap()
                ))
            }
            "editMessageText" | "editMessageReplyMarkup" => {
                let id = u64::try_from(number("message_id").unwrap()).unwrap();
                let text = root.find("text").map(|text| text.as_str().unwrap());
                match self.chats.change(id, text, Some(buttons(root))) {
                    true => done("true"),
                    false => failed(400, "Bad Request: message to edit not found"),
                }
            }
            "sendChatAction" => {
                self.chats.type_in(&chat());
                done("true")
            }
            "setMyCommands" => {
                self.inner.lock().unwrap().commands = root.source().into();
                done("true")
            }
            "answerCallbackQuery" => {
                self.inner.lock().unwrap().answered_presses.push(root.source().into());
                done("true")
            }
            "getFile" => {
                let id = root.get("file_id").unwrap().as_str().unwrap();
                let bytes = self.inner.lock().unwrap().files.get(id).cloned();
                match bytes {
                    Some(bytes) => done(&format!(
                        r#"{{"file_id":"{id}","file_path":"files/{id}","file_size":{}}}"#,
                        bytes.len()
                    )),
                    None => failed(400, "Bad Request: invalid file_id"),
                }
            }
            _ => failed(404, "Not Found"),
        }
    }

    fn refuse(&self, seconds: u32) -> Reply {
        Reply::json(
            429,
            format!(
                r#"{{"ok":false,"error_code":429,"description":"Too Many Requests",
                    "parameters":{{"retry_after":{seconds}}}}}"#
            ),
        )
    }

    fn mishaps(&self) -> &Mishaps {
        &self.mishaps
    }
}

fn done(result: &str) -> Reply {
    Reply::json(200, format!(r#"{{"ok":true,"result":{result}}}"#))
}

fn failed(code: u16, description: &str) -> Reply {
    Reply::json(
        code,
        format!(r#"{{"ok":false,"error_code":{code},"description":"{description}"}}"#),
    )
}

fn person(id: u64) -> String {
    format!(r#"{{"id":{id},"is_bot":false,"first_name":"P{id}"}}"#)
}

/// A chat with one person.
fn private(id: u64) -> String {
    format!(r#"{{"id":{id},"type":"private"}}"#)
}

fn quoted(text: &str) -> String {
    let list = json::array(|out| {
        out.value(text);
    });
    list.trim_start_matches('[').trim_end_matches(']').to_string()
}

/// The data of a message's buttons.
fn buttons(root: Value<'_>) -> Vec<String> {
    let keyboard = root.find("reply_markup").and_then(|markup| markup.find("inline_keyboard"));
    let rows = keyboard.and_then(|rows| rows.elements().ok()).into_iter().flatten();
    let buttons = rows.flat_map(|row| row.elements().unwrap());
    buttons.map(|button| button.get("callback_data").unwrap().as_str().unwrap().into()).collect()
}
