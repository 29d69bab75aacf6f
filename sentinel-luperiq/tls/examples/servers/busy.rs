//! A person who always has one more job, and a model that does it: for an appliance whose programs
//! are ended at any moment.
//!
//! Each job is three calls of tools, one after the other, and an answer. The model decides by the
//! request alone, as models do: the same request after a crash gives the same answer. When a job is
//! answered, or its writer was told that there is no answer or that it may be lost, that is written
//! down and the next one is asked for; what must not be is written down as `wrong`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use sentinel_core::text::json::{self, Value};

use crate::chat::{CHAT, PERSON, buttons, said, stream};

/// The platform with its person, and the model.
pub(crate) struct Busy {
    inner: Mutex<Inner>,
    /// While this file is there no job is asked for that was not yet.
    last: PathBuf,
}

struct Inner {
    record: File,
    /// Updates that nobody confirmed yet.
    updates: Vec<(u64, String)>,
    updates_count: u64,
    /// What stands in the chat.
    messages: BTreeMap<u64, String>,
    /// The job that was asked for last, and how often an answer had been said to be lost by then.
    job: u64,
    apologies_before: usize,
    refusals_before: usize,
    is_settled: bool,
    has_rested: bool,
    /// Jobs of which the model was told that a call was interrupted.
    interrupted: BTreeSet<u64>,
    /// Those whose file was read back as it was written.
    read_back: BTreeSet<u64>,
}

impl Busy {
    /// What is done is written to this file.
    pub(crate) fn new(record: File, last: PathBuf) -> Self {
        let inner = Inner {
            record,
            updates: Vec::new(),
            updates_count: 0,
            messages: BTreeMap::new(),
            job: 0,
            apologies_before: 0,
            refusals_before: 0,
            is_settled: true,
            has_rested: false,
            interrupted: BTreeSet::new(),
            read_back: BTreeSet::new(),
        };
        Self { inner: Mutex::new(inner), last }
    }

    /// What the platform answers to a request.
    pub(crate) fn answer(&self, request: &str) -> Vec<Vec<u8>> {
        let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
        let path = head.split(' ').nth(1).unwrap_or_default();
        let Some(method) = path.strip_prefix("/bot12:sk-appliance/") else {
            return said(401, "{\"ok\":false,\"error_code\":401,\"description\":\"Unauthorized\"}");
        };
        let document = json::parse(if body.is_empty() { b"{}" } else { body.as_bytes() });
        let Ok(document) = document else {
            return said(400, "{\"ok\":false,\"error_code\":400,\"description\":\"no JSON\"}");
        };
        let root = document.root();
        let result = match method {
            "getMe" => {
                "{\"id\":12,\"is_bot\":true,\"first_name\":\"S\",\"username\":\"sbot\"}".into()
            }
            "getUpdates" => self.poll(number(root, "offset").unwrap_or(0)),
            "sendMessage" | "editMessageText" => self.inner.lock().unwrap().show(root),
            _ => "true".to_string(),
        };
        said(200, &format!("{{\"ok\":true,\"result\":{result}}}"))
    }

    /// What nobody confirmed yet, waiting a while for the first of it.
    fn poll(&self, offset: u64) -> String {
        self.inner.lock().unwrap().note("polled");
        for _ in 0..POLLS {
            let mut inner = self.inner.lock().unwrap();
            inner.updates.retain(|(id, _)| *id >= offset);
            inner.go_on(self.last.exists());
            if !inner.updates.is_empty() {
                let texts: Vec<&str> = inner.updates.iter().map(|(_, text)| &**text).collect();
                return format!("[{}]", texts.join(","));
            }
            drop(inner);
            thread::sleep(Duration::from_millis(20));
        }
        "[]".into()
    }

    /// What the model answers to a request.
    pub(crate) fn think(&self, request: &str) -> Vec<Vec<u8>> {
        let Some((_, talk)) = request.rsplit_once(WISH) else {
            return stream(&["There is nothing to do."], &[], 0);
        };
        let digits = talk.split(|letter: char| !letter.is_ascii_digit()).next();
        let job: u64 = digits.and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let results = talk.matches("\"type\":\"tool_result\"").count();
        let mut inner = self.inner.lock().unwrap();
        if talk.contains("interrupted") {
            inner.interrupted.insert(job);
        }
        if talk.contains(&format!("tea {job} is here")) && results == 3 {
            inner.read_back.insert(job);
        }
        let (path, content) = (format!("job-{job}.txt"), format!("tea {job} is here"));
        let call = match results {
            0 => ("list_directory", "{\"path\":\".\"}".to_string()),
            1 => ("write_file", format!("{{\"path\":\"{path}\",\"content\":\"{content}\"}}")),
            2 => ("read_file", format!("{{\"path\":\"{path}\"}}")),
            _ => return stream(&["It was some work, ", "but ", &mark(job)], &[], 0),
        };
        stream(&["I see to it."], &[(call.0, &call.1)], job as usize * 10 + results)
    }
}

impl Inner {
    /// A message that is sent, or changed.
    fn show(&mut self, root: Value<'_>) -> String {
        let text = root.find("text").and_then(|text| text.as_str().ok()).unwrap_or_default();
        let fresh = self.messages.len() as u64 + 1;
        let id = number(root, "message_id").unwrap_or(fresh);
        self.messages.insert(id, text.to_string());
        if let Some(data) = buttons(root).first() {
            let message = format!(
                "{{\"message_id\":{id},\"date\":1,\"chat\":{CHAT},\"from\":{{\"id\":12,\
                 \"is_bot\":true}}}}"
            );
            self.update(&format!(
                "\"callback_query\":{{\"id\":\"q{id}\",\"from\":{PERSON},\"message\":{message},\
                 \"data\":\"{data}\"}}"
            ));
        }
        format!("{{\"message_id\":{id},\"date\":1,\"chat\":{CHAT}}}")
    }

    /// Looks whether the last job is settled; if it is, asks for the next one, unless none is
    /// wanted.
    fn go_on(&mut self, is_last: bool) {
        let job = self.job;
        if !self.is_settled {
            let answers = self.answers(job);
            let has_failed = self.count(REFUSAL) > self.refusals_before;
            if answers == 0 && !has_failed && self.count(APOLOGY) == self.apologies_before {
                return;
            }
            self.is_settled = true;
            let is_unknown = self.interrupted.contains(&job);
            let how = match (answers, has_failed) {
                (0, true) => "failed",
                (0, false) => "lost",
                _ => "answered",
            };
            let rest = if is_unknown { ", with a call that was interrupted" } else { "" };
            self.note(&format!("settled {job} {how}{rest}"));
            if answers > 0 && has_failed {
                self.note(&format!("wrong: job {job} was answered, and said to have no answer"));
            }
            if answers > 0 && !is_unknown && !self.read_back.contains(&job) {
                self.note(&format!("wrong: the file of job {job} is not what was written"));
            }
        }
        if is_last {
            if !self.has_rested && self.updates.is_empty() {
                self.has_rested = true;
                let twice: Vec<u64> = (1..=job).filter(|job| self.answers(*job) > 1).collect();
                for job in twice {
                    self.note(&format!("wrong: job {job} was answered more than once"));
                }
                self.note("all settled");
            }
            return;
        }
        self.has_rested = false;
        self.is_settled = false;
        self.job += 1;
        self.apologies_before = self.count(APOLOGY);
        self.refusals_before = self.count(REFUSAL);
        let (id, job) = (self.messages.len() + 1, self.job);
        let text = format!("{WISH}{job}, in job-{job}.txt");
        self.messages.insert(id as u64, text.clone());
        self.update(&format!(
            "\"message\":{{\"message_id\":{id},\"date\":1,\"from\":{PERSON},\"chat\":{CHAT},\
             \"text\":\"{text}\"}}"
        ));
    }

    /// How often the answer to a job stands there whole. What is still being written ends in dots.
    fn answers(&self, job: u64) -> usize {
        let mark = mark(job);
        let is_whole = |text: &&String| text.contains(&mark) && !text.ends_with('…');
        self.messages.values().filter(is_whole).count()
    }

    /// How many messages say this.
    fn count(&self, what: &str) -> usize {
        self.messages.values().filter(|text| text.contains(what)).count()
    }

    fn update(&mut self, what: &str) {
        self.updates_count += 1;
        let id = self.updates_count;
        self.updates.push((id, format!("{{\"update_id\":{id},{what}}}")));
    }

    fn note(&mut self, line: &str) {
        writeln!(self.record, "{line}").unwrap();
    }
}

fn number(root: Value<'_>, name: &str) -> Option<u64> {
    let value = root.find(name)?;
    value.source().trim_matches('"').parse().ok()
}

/// What the answer to a job ends with.
fn mark(job: u64) -> String {
    format!("job {job} is done.")
}

/// What every job begins with.
const WISH: &str = "Please do job ";

/// What the agent says when an answer may have been lost on its way.
const APOLOGY: &str = "please ask again";

/// What it says when no model could be asked, after several tries.
const REFUSAL: &str = "I have no answer";

/// How often it is looked whether there is something new: a second.
const POLLS: u32 = 50;
